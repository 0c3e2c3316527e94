"""Nothing is believed for having come through the broker, and the broker keeps strangers out."""

import unittest

import mqtt
import rogue
from commands import random_source
from harness import SiteTest
from rogue import ADMISSIONS, Device

NOT_AUTHORIZED, BAD_PASSWORD = 0x87, 0x86


class IntruderTest(SiteTest):
    def test_nobody_takes_a_gates_client_id_without_its_password(self):
        """Nobody takes a gate's client id without its password."""
        site = self.site(guests=(1009,))
        site.start()
        site.gate.wait_status(lambda s: s["link_up"] == 1, "the link")
        password = site.broker.password(1009)
        for user, secret in ((None, None), ("1001", None), ("1001", "guess"), ("1001", password),
                             ("1001", ""), ("stranger", password)):
            peer = mqtt.Client(site.broker.port, "1001", user, secret)
            self.addCleanup(peer.close)
            self.assertIn(peer.answer.reason, (NOT_AUTHORIZED, BAD_PASSWORD), (user, secret))
        # With credentials of its own it asks for the gate's client id, and stays who it is.
        other = mqtt.Client(site.broker.port, "1001", "1009", password)
        self.addCleanup(other.close)
        self.assertEqual(other.answer.reason, 0)
        self.assertEqual(site.gate.results(site.mint(1)[0].text), ["valid"])
        site.gate.wait_settled(1)
        self.assertEqual(site.gate.status()["link_losses"], 0)

    def test_a_client_reads_no_topic_but_its_own(self):
        """A client reads no topic but its own."""
        site = self.site(guests=(1009,))
        site.start()
        site.gate.wait_status(lambda s: s["link_up"] == 1, "the link")
        client = site.broker.client(1009)
        for topic in ("tollkeeper/1/bundle/1001/+", "tollkeeper/1/bundle/1001/1",
                      "tollkeeper/1/bundle/1/1001", "tollkeeper/1/health/1001",
                      "tollkeeper/1/health/+", "tollkeeper/#", "#", "+/+/+/+/+", "$SYS/#",
                      "$share/x/tollkeeper/1/bundle/1/+", "tollkeeper/1/bundle/+/1"):
            # A wider filter may be granted, as long as nothing comes through it.
            client.subscribe(topic)
        site.gate.scan(*[t.text for t in site.mint(5)])
        site.gate.wait_settled(5)
        heard = client.message(deadline_s=1)
        self.assertIsNone(heard, heard and heard.topic)

    def test_a_client_publishes_in_nobody_elses_name(self):
        """A client publishes in nobody else's name."""
        site = self.site(guests=(1009,))
        site.start(site.broker)
        client = site.broker.client(1009)
        for topic in ("tollkeeper/1/bundle/1/1001", "tollkeeper/1/bundle/1001/1",
                      "tollkeeper/1/health/1001", "tollkeeper/1/health/1", "tollkeeper/1/bundle/1",
                      "tollkeeper/1", "tollkeeper/1/bundle/1001/1009/1", "$SYS/broker"):
            self.assertEqual(client.publish(topic, b"x"), NOT_AUTHORIZED, topic)
            self.assertEqual(client.publish(topic, b"x", retain=True), NOT_AUTHORIZED, topic)

    def test_a_gates_password_alone_admits_nothing_to_the_ledger(self):
        """Who has a gate's broker password, and not its key, settles nothing."""
        site = self.site()
        site.start(site.broker, site.validator)
        site.gate.write_plan(is_open=False)
        site.gate.start()
        ticket = site.mint(1)[0]
        site.gate.scan(ticket.text)
        thief = Device(1001, site.epochs[1001], bytes(range(32)))
        thief.scan(bytes.fromhex(ticket.identity))
        client = site.broker.client(1001)
        bundle = thief.bundle(thief.batch(thief.run(ADMISSIONS)))
        self.assertLess(client.publish("tollkeeper/1/bundle/1/1001", bundle), 0x80)
        site.validator.wait_logged("batch_refused", reason="bad_signature")
        self.assertEqual(site.validator.report()["totals"]["scans"], 0)
        client.leave()
        site.gate.open_window()
        site.gate.wait_settled(1)
        self.assertEqual(site.validator.report()["totals"]["admitted"], 1)


class GarbageTest(SiteTest):
    def test_garbage_on_every_topic_changes_nothing(self):
        """Garbage on every topic changes nothing and stops nobody."""
        source = random_source(self)
        site = self.site(rogues=(1003,))
        site.start()
        device = Device(1003, site.epochs[1003], site.seed("1003"))
        device.scan(bytes(16))
        client = site.broker.client(1003)
        topics = ("tollkeeper/1/bundle/1/1003", "tollkeeper/1/bundle/1001/1003")
        pieces = list(self.garbage(site, device, source))
        for topic in topics:
            for piece in pieces:
                self.assertIn(client.publish(topic, piece), (0, 0x10))
            client.publish("tollkeeper/1/health/1003", pieces[0], retain=True)
        reader = site.broker.client(1)  # Takes over from the validator, who comes back.
        reader.subscribe("tollkeeper/1/health/+")
        reader.close()
        tickets = site.mint(5)
        self.assertEqual(site.gate.results(*[t.text for t in tickets]), ["valid"] * 5)
        site.gate.wait_settled(5)
        # The bundle came among the garbage only damaged; it is taken when it comes whole.
        self.assertEqual(site.validator.report()["totals"]["scans"], 5)
        client.publish(topics[0], device.bundle(device.batch(device.run(ADMISSIONS))))
        site.validator.wait_report(lambda r: r["totals"]["scans"] == 6, "the sixth scan")
        self.assertEqual(site.validator.report()["totals"]["evidence"], 0)
        refused = site.gate.status()
        self.assertGreaterEqual(refused["bundles_refused"], 20)
        self.assertTrue(site.validator.is_running and site.gate.is_running)

    def garbage(self, site, device, source):
        batch = device.batch(device.run(ADMISSIONS))
        whole = device.bundle(batch)
        yield b""
        yield bytes(61_000)
        yield b"\x9f" * 50_000  # Nesting
        yield b"\x9f\xff"
        yield bytes.fromhex("5b7fffffffffffffff")  # A string of 2^63 - 1 bytes
        yield bytes.fromhex("9bffffffffffffffff")
        for count in (1, 10, 1000, 50_000):
            yield source.randbytes(count)
        for _ in range(20):
            yield whole[:source.randrange(len(whole))]
        for _ in range(60):
            place = source.randrange(8 * len(whole))
            damaged = bytearray(whole)
            damaged[place // 8] ^= 1 << place % 8
            yield bytes(damaged)
        # Whole bundles around nonsense, with CRCs that hold.
        for kind in (0, 1, 2, 3, 4, 5, 2**63):
            for body in (b"", b"\x00", source.randbytes(200), rogue.encoded([1, 2, 3]), batch[:-9]):
                for destination in (1, 1001, 5):
                    yield rogue.bundle(1003, destination, rogue.message(kind, body), 7)
        yield rogue.bundle(1003, 1, batch, 8)
        yield rogue.bundle(1003, 1, rogue.message(1, batch), 9, lifetime=0, created=1)
        # Signed nonsense: a device that is enrolled and has lost its mind.
        for payload in ([], [1], [1, 1003, device.epoch, 1, 0, 1, [[2, 1, [b"\xff"]]]],
                        [1, 1003, device.epoch, 1, 0, 1, [[2, 2**63, device.records[2]]]],
                        [1, 1003, device.epoch, 1, 0, 1, [[9, 1, device.records[2]]]],
                        [1, 1003, device.epoch, 1, 2**64 - 1, 1, [[2, 1, device.records[2]]]],
                        [1, 1003, device.epoch, 1, 0, 1, [[2, 1, [device.records[2][0]] * 300]]]):
            signed = device.signer.sign1(
                rogue.encoded(payload), b"tollkeeper/batch/1", (1003).to_bytes(8, "big"))
            yield device.bundle(signed)
            yield device.bundle(signed, destination=1001)
        # Proofs of nonsense, signed by the validator's own key.
        validator = rogue.Signer(site.seed("validator"))
        for leaf in ([], [1], [3], [1, 1001, site.epochs[1001], []], [2, 1, 0, 1, 0, []],
                     [1, 1001, site.epochs[1001], [[2, 2**64 - 1, bytes(32)]]],
                     [1, 1001, site.epochs[1001], [[2, 1, bytes(31)]]],
                     [2, 2**63, 0, 1, 2**63 - 1, [[bytes(16), [[1, 1]]]]],
                     [2, 1, 5, 1, 0, [[bytes(16), [[1, 1]]]]]):
            for kind in (rogue.RECEIPT, rogue.SETTLEMENT):
                body = rogue.proof(rogue.encoded(leaf), [(1, validator)])
                yield rogue.bundle(1, 1001, rogue.message(kind, body), 11)


if __name__ == "__main__":
    unittest.main()
