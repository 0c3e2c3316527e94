"""The validator's side of MQTT (Sync/MAPPING.md): what the broker does not take is not told."""

import time
import unittest

import mqtt
import rogue
from commands import DEADLINE_S
from harness import SiteTest
from mqtt import CONNECT, PINGREQ, PUBLISH, SUBSCRIBE
from rogue import ADMISSIONS

QUIET_S = 1.5


class ValidatorLinkTest(SiteTest):
    def setUp(self):
        self.here = self.site(gates=(), rogues=(1003,))
        self.broker = mqtt.Broker()
        self.addCleanup(self.broker.close)
        self.here.validator.settings["broker"]["port"] = self.broker.port
        self.here.validator.start()
        self.device = rogue.Device(1003, self.here.epochs[1003], self.here.seed("1003"))
        self.device.scan(bytes(16))

    def up(self):
        """The next connection, up, with its birth taken and acknowledged."""
        peer = self.broker.accept()
        self.assertIsNotNone(peer, "nobody connects")
        self.addCleanup(peer.close)
        peer.expect(CONNECT)
        peer.connack()
        peer.suback(peer.expect(SUBSCRIBE).id)
        birth = peer.expect(PUBLISH)
        self.assertEqual(birth.topic, "tollkeeper/1/health/1")
        peer.puback(birth.id)
        return peer

    def settle(self, peer):
        """The device's record is on its way to the validator, and there."""
        batch = self.device.batch(self.device.run(ADMISSIONS))
        peer.deliver("tollkeeper/1/bundle/1/1003", self.device.bundle(batch))

    def publication(self, peer, deadline_s=DEADLINE_S):
        """The next publication, not acknowledged; None if none comes in time."""
        end = time.monotonic() + deadline_s
        while (left := end - time.monotonic()) > 0:
            packet = peer.receive(left)
            if packet and packet.kind == PINGREQ:
                peer.send(mqtt.PINGRESP)
            if packet and packet.kind == PUBLISH:
                return packet
        return None

    def receipt(self, peer):
        """The next publication but the trust document, which must be the receipt."""
        while True:
            packet = self.publication(peer)
            self.assertIsNotNone(packet, "no receipt came")
            self.assertEqual(packet.topic, "tollkeeper/1/bundle/1003/1")
            kind, body = rogue.parsed_message(packet.payload)
            if kind != rogue.TRUST:
                break
            peer.puback(packet.id)
        self.assertEqual(kind, rogue.RECEIPT)
        leaf = rogue.parsed_proof(body, {1: self.here.public("validator")})
        self.assertEqual([entry[:2] for entry in leaf[3]], [[ADMISSIONS, 1]])
        return packet

    def test_a_receipt_that_the_broker_refused_is_sent_again(self):
        """A receipt that the broker refused, or had nobody for, is sent again, after a while."""
        peer = self.up()
        self.settle(peer)
        for reason in (0x97, 0x10):
            peer.puback(self.receipt(peer).id, reason)
            self.assertIsNone(self.publication(peer, QUIET_S))
        peer.puback(self.receipt(peer).id)

    def test_a_receipt_that_was_on_its_way_when_the_connection_broke_is_sent_again(self):
        """A receipt without a PUBACK when the connection broke is sent again on the next one."""
        peer = self.up()
        self.settle(peer)
        self.receipt(peer)
        peer.close()
        peer = self.up()
        peer.puback(self.receipt(peer).id)


if __name__ == "__main__":
    unittest.main()
