"""What comes down: a device believes signatures, and releases only what it holds itself."""

import shutil
import unittest

import rogue
from harness import SiteTest
from rogue import ADMISSIONS, Device

DOWN = "tollkeeper/1/bundle/1001/1003"


class ReceiptTest(SiteTest):
    """The gate runs with a broker and no validator: the test says what comes down, as a device that
    may write to the gate's topic by the broker's rules."""

    def setUp(self):
        self.here = self.site(rogues=(1003,))
        self.here.start(self.here.broker, self.here.gate)
        self.gate = self.here.gate
        self.client = self.here.broker.client(1003)
        self.validator = rogue.Signer(self.here.seed("validator"))
        self.tickets = self.here.mint(3)
        self.gate.scan(*[t.text for t in self.tickets])
        self.gate.wait_status(lambda s: s["link_up"] == 1, "the link")
        self.hashes = [bytes.fromhex(r["id"]) for r in self.gate.ring()]
        self.sent = 0

    def tell(self, kind, body):
        self.sent += 1
        bundle = rogue.bundle(1, 1001, rogue.message(kind, body), self.sent)
        self.assertEqual(self.client.publish(DOWN, bundle), 0)

    def receipt(self, through, held, epoch=None, signer=None, node=1001):
        leaf = rogue.receipt_leaf(
            node, self.here.epochs[1001] if epoch is None else epoch, [(ADMISSIONS, through, held)])
        self.tell(rogue.RECEIPT, rogue.proof(leaf, [(1, signer or self.validator)]))

    def wait_counter(self, name, value):
        return self.gate.wait_status(lambda s: s[name] >= value, f"{name} to be {value}")

    def test_a_receipt_with_the_devices_own_hash_releases(self):
        """A receipt with the device's own hash releases what it names, and no more."""
        self.receipt(2, self.hashes[1])
        status = self.wait_counter("admissions_receipted", 2)
        self.assertEqual((status["admissions_receipted"], status["unreceipted"]), (2, 1))

    def test_a_receipt_with_another_hash_releases_nothing(self):
        """A receipt with another hash than the device's own releases nothing."""
        self.receipt(2, self.hashes[0])
        self.receipt(9, self.hashes[2])
        status = self.wait_counter("receipts_mismatched", 2)
        self.assertEqual(status["unreceipted"], 3)

    def test_a_receipt_for_another_device_releases_nothing(self):
        """A receipt for another device releases nothing."""
        self.receipt(3, self.hashes[2], node=1003)
        self.assertEqual(self.wait_counter("receipts_foreign", 1)["unreceipted"], 3)

    def test_a_receipt_that_no_validator_signed_releases_nothing(self):
        """A receipt that no validator signed releases nothing."""
        self.receipt(3, self.hashes[2], signer=rogue.Signer(self.here.seed("1003")))
        self.receipt(3, self.hashes[2], signer=rogue.Signer(self.here.seed("authority")))
        self.assertEqual(self.wait_counter("proofs_refused", 2)["unreceipted"], 3)

    def test_a_settlement_that_no_validator_signed_is_refused(self):
        """A settlement that no validator signed marks no ticket, a signed one does."""
        ticket = self.here.mint(1)[0]
        leaf = rogue.settlement_leaf(1, [(bytes.fromhex(ticket.identity), {1002: 1})])
        self.tell(rogue.SETTLEMENT, rogue.proof(leaf, [(1, rogue.Signer(bytes(32)))]))
        self.wait_counter("proofs_refused", 1)
        self.tell(rogue.SETTLEMENT, rogue.proof(leaf, [(1, self.validator)]))
        self.wait_counter("settlements", 1)
        self.assertEqual(self.gate.results(ticket.text), ["used_elsewhere"])

    def test_an_older_trust_document_is_refused_and_a_newer_one_applied(self):
        """An older trust document is refused; a newer one is applied, and stays after a restart."""
        old = (self.here.folder / "trust.cose").read_bytes()
        victim = self.here.mint(1)[0]
        with (self.here.folder / "trust.toml").open("a") as source:
            kid = rogue.hashlib.sha256(self.here.public("issuer")).digest()[:4].hex()
            source.write(f'[[revoked]]\nissuer = "{kid}"\nticket = "{victim.cti}"\n')
        self.here.sign_trust()
        new = (self.here.folder / "trust.cose").read_bytes()
        (self.here.folder / "trust.cose").write_bytes(old)
        self.tell(rogue.TRUST, new[:-1] + bytes([new[-1] ^ 1]))
        self.wait_counter("trust_refused", 1)
        self.tell(rogue.TRUST, new)
        self.wait_counter("trust_version", 2)
        self.tell(rogue.TRUST, old)
        self.wait_counter("trust_refused", 2)
        self.assertEqual(self.gate.results(victim.text), ["revoked"])
        self.gate.kill()
        self.gate.start()
        self.assertEqual(self.gate.status()["trust_version"], 2)
        self.assertEqual(self.gate.results(victim.text), ["revoked"])


class EarlierEpochTest(SiteTest):
    def test_a_receipt_replayed_from_an_earlier_epoch_releases_nothing(self):
        """A receipt replayed from an earlier epoch releases nothing."""
        site = self.site(rogues=(1003,))
        gate = site.gate
        site.start()
        gate.scan(*[t.text for t in site.mint(3)])
        gate.wait_settled(3)
        self.assertEqual(gate.stop(), 0)
        receipt = self._captured_receipt(site)
        # Enrolled anew, with an empty ring; the validator is away.
        site.validator.kill()
        site.enroll(1001)
        site.sign_trust()
        shutil.move(gate.state, site.folder / "old")
        gate.start()
        gate.scan(*[t.text for t in site.mint(3)])
        gate.wait_status(lambda s: s["link_up"] == 1, "the link")
        before = gate.status()["receipts_foreign"]
        site.broker.client(1003).publish("tollkeeper/1/bundle/1001/1003", receipt)
        status = gate.wait_status(
            lambda s: s["receipts_foreign"] > before, "the replayed receipt to be refused")
        self.assertEqual((status["admissions_receipted"], status["unreceipted"]), (0, 3))

    def _captured_receipt(self, site):
        """A real receipt for the gate, as a bundle: we ask for it in the gate's name."""
        device = Device(1001, site.epochs[1001], site.seed("1001"), boot=9)
        client = site.broker.client(1001)
        client.subscribe("tollkeeper/1/bundle/1001/+")
        client.publish("tollkeeper/1/bundle/1/1001", device.bundle(device.batch()))
        while True:
            message = client.message()
            self.assertIsNotNone(message, "no receipt came")
            kind, body = rogue.parsed_message(message.payload)
            if kind == rogue.RECEIPT:
                leaf = rogue.parsed_proof(body, {1: site.public("validator")})
                self.assertEqual(leaf[:3], [1, 1001, site.epochs[1001]])
                client.leave()
                return message.payload


if __name__ == "__main__":
    unittest.main()
