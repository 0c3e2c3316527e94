"""The agent's side of MQTT (Sync/MAPPING.md), seen by a broker that does only what it is told."""

import json
import unittest

import mqtt
import rogue
from commands import DEADLINE_S
from harness import SiteTest
from mqtt import CONNECT, DISCONNECT, PINGREQ, PUBLISH, SUBSCRIBE
from rogue import ADMISSIONS

UP, HEALTH, DOWN = (
    "tollkeeper/1/bundle/1/1001", "tollkeeper/1/health/1001", "tollkeeper/1/bundle/1001/1")
QUIET_S = 1.5


class LinkTest(SiteTest):
    def setUp(self):
        self.here = self.site()
        self.broker = mqtt.Broker()
        self.addCleanup(self.broker.close)
        self.gate = self.here.gate
        self.gate.settings["broker"]["port"] = self.broker.port
        self.sent = 0

    def accept(self):
        """The next connection and its CONNECT."""
        peer = self.broker.accept()
        self.assertIsNotNone(peer, "nobody connects")
        self.addCleanup(peer.close)
        return peer, peer.expect(CONNECT)

    def up(self, **options):
        """The next connection, up, with its birth and its greeting taken and acknowledged."""
        peer, _ = self.accept()
        self.welcome(peer, **options)
        self.assertEqual(self.published(peer).topic, HEALTH)
        self.assertEqual(self.runs(self.published(peer)), [])
        return peer

    def welcome(self, peer, **options):
        """CONNACK, SUBSCRIBE, SUBACK; also where the broker has a session, which may have broken
        off before its SUBSCRIBE."""
        peer.connack(**options)
        subscribe = peer.expect(SUBSCRIBE)
        self.check_subscription(subscribe)
        peer.suback(subscribe.id)

    def check_subscription(self, packet):
        self.assertEqual(
            [(topic, options & 3) for topic, options in packet.topics],
            [("tollkeeper/1/bundle/1001/+", 1)])

    def published(self, peer, reason=0):
        """The next publication, acknowledged unless `reason` is None."""
        packet = peer.expect(PUBLISH)
        if reason is not None:
            peer.puback(packet.id, reason)
        return packet

    def runs(self, packet):
        """The runs of the batch in a publication, checked to the last byte."""
        self.assertEqual(
            (packet.topic, packet.qos, packet.retain, packet.dup), (UP, 1, False, False))
        self.assertEqual(packet.properties[mqtt.MESSAGE_EXPIRY], rogue.MONTH_MS // 1000)
        bundle = rogue.parsed_bundle(packet.payload)
        self.assertEqual((bundle["source"], bundle["destination"]), ([2, [1001, 1]], [2, [1, 1]]))
        kind, batch = rogue.parsed_message(packet.payload)
        self.assertEqual(kind, rogue.BATCH)
        header, runs = rogue.parsed_batch(batch, self.here.public("1001"), 1001)
        self.assertEqual(header["epoch"], self.here.epochs[1001])
        return runs

    def sequences(self, packet):
        return [
            (number, sequence) for number, first, records in self.runs(packet)
            for sequence in range(first, first + len(records))]

    def quiet(self, peer):
        """Nothing but pings comes for a while."""
        packet = peer.receive(QUIET_S)
        self.assertTrue(packet is None or packet.kind == PINGREQ, packet and packet.kind)

    def receipt(self, peer, through):
        held = bytes.fromhex(
            [r["id"] for r in self.gate.ring() if r["sequence"] == through][0])
        leaf = rogue.receipt_leaf(
            1001, self.here.epochs[1001], [(ADMISSIONS, through, held)])
        body = rogue.proof(leaf, [(1, rogue.Signer(self.here.seed("validator")))])
        self.sent += 1
        peer.deliver(
            DOWN, rogue.bundle(1, 1001, rogue.message(rogue.RECEIPT, body), self.sent), self.sent)
        self.assertEqual(peer.expect(mqtt.PUBACK).id, self.sent)

    def scan(self, count):
        tickets = self.here.mint(count)
        self.assertEqual(set(self.gate.results(*[t.text for t in tickets])), {"valid"})

    def test_the_connect_is_that_of_the_mapping(self):
        """CONNECT asks for a persistent session, bounds what comes, and leaves a will."""
        self.gate.start()
        _, connect = self.accept()
        self.assertEqual((connect.protocol, connect.level), (b"MQTT", 5))
        self.assertEqual((connect.client, connect.user), ("1001", "1001"))
        self.assertEqual(connect.password, self.here.broker.password(1001).encode())
        self.assertEqual((connect.clean_start, connect.keep_alive), (False, 30))
        self.assertEqual(connect.properties[mqtt.SESSION_EXPIRY], 7 * 24 * 3600)
        self.assertEqual(connect.properties[mqtt.RECEIVE_MAXIMUM], 16)
        self.assertEqual(connect.properties[mqtt.MAXIMUM_PACKET_SIZE], 61_440)
        self.assertEqual(
            (connect.will["topic"], connect.will["qos"], connect.will["retain"]), (HEALTH, 1, True))
        self.assertEqual(connect.will["properties"][mqtt.WILL_DELAY], 5)
        will = json.loads(connect.will["payload"])
        self.assertEqual((will["status"], will["boot"]), ("offline", 1))

    def test_nothing_is_published_before_connack_and_suback(self):
        """Nothing is published before this connection's CONNACK and SUBACK."""
        self.gate.write_plan(is_open=False)
        self.gate.start()
        self.scan(3)
        self.gate.open_window()
        peer, _ = self.accept()
        self.quiet(peer)
        peer.connack(session_present=False)
        subscribe = peer.expect(SUBSCRIBE)
        self.check_subscription(subscribe)
        self.quiet(peer)
        peer.suback(subscribe.id)
        self.assertEqual(self.published(peer).topic, HEALTH)
        self.assertEqual(self.sequences(self.published(peer)), [])
        self.assertEqual(
            self.sequences(self.published(peer)), [(ADMISSIONS, s) for s in (1, 2, 3)])

    def test_birth_comes_on_every_connack_with_the_boot_number_of_the_will(self):
        """A birth comes on every CONNACK, retained, with the boot number that the will has."""
        for boot in (1, 2):
            self.gate.start()
            for session_present in (False, True):
                peer, connect = self.accept()
                self.welcome(peer, session_present=session_present)
                birth = self.published(peer)
                self.assertEqual((birth.topic, birth.qos, birth.retain), (HEALTH, 1, True))
                health = json.loads(birth.payload)
                will = json.loads(connect.will["payload"])
                self.assertEqual((health["status"], health["boot"]), ("online", boot))
                self.assertEqual(will["boot"], boot)
                self.assertGreaterEqual(health["time"], will["time"])
                peer.close()
            self.gate.kill()

    def test_a_clean_stop_says_offline_and_disconnects(self):
        """A clean stop publishes offline with its boot number, then DISCONNECT."""
        self.gate.start()
        peer = self.up()
        self.gate.process.terminate()
        farewell = self.published(peer)
        health = json.loads(farewell.payload)
        self.assertEqual((farewell.topic, farewell.retain), (HEALTH, True))
        self.assertEqual((health["status"], health["boot"]), ("offline", 1))
        peer.expect(DISCONNECT)
        self.assertEqual(self.gate.process.wait(DEADLINE_S), 0)

    def test_no_puback_releases_anything(self):
        """No PUBACK releases anything, whatever its reason; a receipt does."""
        self.gate.start()
        peer = self.up()
        for number, reason in enumerate((0, 0x10, 0x80, 0x87, 0x97), 1):
            self.scan(1)
            self.assertEqual(
                self.sequences(self.published(peer, reason)), [(ADMISSIONS, number)])
        status = self.gate.wait_status(lambda s: s["unmatched_publishes"] == 1, "the PUBACKs")
        self.assertEqual((status["unreceipted"], status["admissions_receipted"]), (5, 0))
        self.receipt(peer, 4)
        status = self.gate.wait_status(lambda s: s["admissions_receipted"] == 4, "the receipt")
        self.assertEqual(status["unreceipted"], 1)

    def test_at_most_16_bundles_are_on_their_way(self):
        """At most 16 bundles are on their way without a receipt, however fast PUBACKs come."""
        self.gate.start()
        peer = self.up()
        for number in range(1, 17):
            self.scan(1)
            self.assertEqual(self.sequences(self.published(peer)), [(ADMISSIONS, number)])
        self.scan(10)
        self.quiet(peer)
        # One receipt makes room for one bundle, which takes all that has waited.
        self.receipt(peer, 1)
        self.assertEqual(
            self.sequences(self.published(peer)), [(ADMISSIONS, s) for s in range(17, 27)])
        self.receipt(peer, 26)
        self.gate.wait_status(lambda s: s["unreceipted"] == 0, "the receipt")
        self.quiet(peer)

    def test_a_brokers_receive_maximum_is_obeyed(self):
        """A broker's Receive Maximum is obeyed."""
        self.gate.start()
        peer, _ = self.accept()
        peer.connack(found={mqtt.RECEIVE_MAXIMUM: 2})
        peer.suback(peer.expect(SUBSCRIBE).id)
        first = [self.published(peer, None) for _ in range(2)]
        self.scan(1)
        self.quiet(peer)
        for packet in first:
            peer.puback(packet.id)
        self.assertEqual(self.sequences(self.published(peer)), [(ADMISSIONS, 1)])

    def test_after_a_reconnect_each_record_is_sent_again_once(self):
        """After a reconnect each record without a receipt is sent again, once, and not as DUP."""
        self.gate.start()
        peer = self.up()
        for number in range(1, 6):
            self.scan(1)
            # The first two are acknowledged, the others in flight.
            packet = self.published(peer, 0 if number < 3 else None)
            self.assertEqual(self.sequences(packet), [(ADMISSIONS, number)])
        self.receipt(peer, 1)
        self.gate.wait_status(lambda s: s["unreceipted"] == 4, "the receipt")
        for session_present in (True, False):
            peer.close()
            self.gate.wait_status(lambda s: s["link_up"] == 0, "the loss to be seen")
            peer = self.up(session_present=session_present)
            self.assertEqual(
                self.sequences(self.published(peer)), [(ADMISSIONS, s) for s in (2, 3, 4, 5)])
            self.quiet(peer)
        self.receipt(peer, 5)
        self.gate.wait_status(lambda s: s["unreceipted"] == 0, "the receipt")

    def test_a_window_that_closes_ends_the_connection_and_keeps_the_records(self):
        """A window that closes ends the connection with a farewell; the records stay and wait."""
        self.gate.start()
        peer = self.up()
        self.gate.close_window()
        self.assertIn(b'"offline"', self.published(peer).payload)
        peer.expect(DISCONNECT)
        self.scan(2)
        self.assertIsNone(self.broker.accept(QUIET_S))
        self.assertEqual(self.gate.status()["unreceipted"], 2)
        self.gate.open_window()
        self.assertEqual(len(self.sequences(self.published(self.up()))), 2)

    def test_a_broker_that_refuses_or_talks_nonsense_stops_no_scan(self):
        """A broker that refuses, hangs up or talks nonsense stops no scan, and is tried again."""
        answers = (b"", b"\x20\x03\x00\x87\x00", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 100,
                   b"\x20\xff\xff\xff\xff\x7f", b"\x20\x00", bytes(5000), b"\x30\x02\x00\x00")
        for number, answer in enumerate(answers, 1):
            # Each time another agent: its back-off begins anew.
            self.gate.start()
            peer, _ = self.accept()
            peer.send_bytes(answer)
            peer.close()
            self.scan(1)
            self.assertEqual(
                self.sequences(self.published(self.up())),
                [(ADMISSIONS, sequence) for sequence in range(1, number + 1)])
            self.gate.kill()


if __name__ == "__main__":
    unittest.main()
