"""Bundles from devices that lie, repeat themselves, or were turned back in time."""

import shutil
import unittest

import rogue
from harness import SiteTest
from rogue import ADMISSIONS, REFUSALS, Device

UP = "tollkeeper/1/bundle/1/1003"


class BundleTest(SiteTest):
    def setUp(self):
        self.here = self.site(gates=(), rogues=(1003,), guests=(1009,))
        self.here.start()
        self.device = Device(1003, self.here.epochs[1003], self.here.seed("1003"))
        self.client = self.here.broker.client(1003)
        self.client.subscribe("tollkeeper/1/bundle/1003/+")

    def subject(self, number):
        return number.to_bytes(16, "big")

    def send(self, batch, device=None):
        self.assertLess(self.client.publish(UP, (device or self.device).bundle(batch)), 0x80)

    def receipt(self):
        """The next receipt's entries, its proof checked."""
        while True:
            message = self.client.message()
            self.assertIsNotNone(message, "no receipt came")
            kind, body = rogue.parsed_message(message.payload)
            if kind == rogue.RECEIPT:
                leaf = rogue.parsed_proof(body, {1: self.here.public("validator")})
                self.assertEqual(leaf[:3], [1, 1003, self.device.epoch])
                return [tuple(entry) for entry in leaf[3]]

    def settle(self, count):
        """Sends all there is, and waits for the receipt of `count` admissions."""
        self.send(self.device.batch(self.device.run(ADMISSIONS)))
        wanted = (ADMISSIONS, count, rogue.blake2b(self.device.records[ADMISSIONS][count - 1]))
        while wanted not in self.receipt():
            pass

    def totals(self):
        return self.here.validator.report()["totals"]

    def test_the_same_bundle_delivered_five_times_settles_once(self):
        """The same bundle delivered five times settles once."""
        self.device.scan(self.subject(1))
        self.device.scan(self.subject(2), reason=rogue.EXPIRED)
        bundle = self.device.bundle(
            self.device.batch(self.device.run(ADMISSIONS), self.device.run(REFUSALS)))
        for _ in range(5):
            self.assertEqual(self.client.publish(UP, bundle), 0)
        self.device.scan(self.subject(3))
        self.settle(2)
        totals = self.totals()
        self.assertEqual((totals["scans"], totals["admitted"], totals["refused"]), (3, 2, 1))
        self.assertEqual((totals["duplicates"], totals["evidence"]), (0, 0))

    def test_a_bundle_from_an_unenrolled_device_is_refused(self):
        """A bundle from an unenrolled device is refused, whoever brings it to the broker."""
        stranger = Device(1009, 77, bytes(range(32)))
        stranger.scan(self.subject(1))
        bundle = stranger.bundle(stranger.batch(stranger.run(ADMISSIONS)))
        self.client.publish(UP, bundle)
        self.here.broker.client(1009).publish("tollkeeper/1/bundle/1/1009", bundle)
        self.here.validator.wait_logged("batch_refused", 2, reason="not_enrolled")
        self.assertEqual(self.totals()["scans"], 0)

    def test_a_bundle_with_a_bad_signature_is_refused(self):
        """A bundle with a bad signature, or another device's, is refused."""
        self.device.scan(self.subject(1))
        batch = self.device.batch(self.device.run(ADMISSIONS))
        self.send(batch[:-1] + bytes([batch[-1] ^ 1]))
        self.send(self.device.batch(
            self.device.run(ADMISSIONS), signer=rogue.Signer(self.here.seed("issuer"))))
        self.here.validator.wait_logged("batch_refused", 2, reason="bad_signature")
        # Signed for another purpose: the same bytes, the same key, another external_aad.
        payload = rogue.decoded(batch).value[2]
        self.send(self.device.signer.sign1(
            payload, b"tollkeeper/trust/1", (1003).to_bytes(8, "big")))
        self.here.validator.wait_logged("batch_refused", 3, reason="bad_signature")
        self.assertEqual(self.totals()["scans"], 0)
        self.settle(1)

    def test_a_batch_of_another_epoch_is_refused(self):
        """A batch of an epoch that the trust document does not name is refused."""
        self.device.scan(self.subject(1))
        self.send(self.device.batch(self.device.run(ADMISSIONS), epoch=self.device.epoch ^ 1))
        self.here.validator.wait_logged("batch_refused", reason="wrong_epoch")
        self.assertEqual(self.totals()["scans"], 0)

    def test_a_gap_in_the_sequence_is_not_receipted_until_it_is_filled(self):
        """Records behind a gap in the sequence are not receipted until the gap is filled."""
        for number in range(1, 6):
            self.device.scan(self.subject(number))
        self.send(self.device.batch(self.device.run(ADMISSIONS, 1, 2)))
        self.assertEqual(self.receipt()[0][:2], (ADMISSIONS, 2))
        self.send(self.device.batch(self.device.run(ADMISSIONS, 4, 5)))
        self.here.validator.wait_logged("records_missing")
        self.assertEqual(self.totals()["scans"], 2)
        self.settle(5)
        totals = self.totals()
        self.assertEqual((totals["scans"], totals["evidence"]), (5, 0))

    def test_a_broken_chain_inside_a_batch_is_refused(self):
        """A batch whose records do not name each other is refused."""
        for number in range(1, 4):
            self.device.scan(self.subject(number))
        first, second, third = self.device.records[ADMISSIONS]
        fields = rogue.decoded(second)
        fields[6] = self.subject(9)
        self.send(self.device.batch([ADMISSIONS, 1, [first, rogue.encoded(fields), third]]))
        self.here.validator.wait_logged("batch_refused", reason="broken_chain")
        self.assertEqual(self.totals()["scans"], 0)
        self.settle(3)

    def test_a_clone_is_evidence_and_is_quarantined(self):
        """Two versions of one record are evidence; the device's epoch is quarantined."""
        self.device.scan(self.subject(1))
        clone = self.device.clone()
        self.device.scan(self.subject(2))
        self.settle(2)
        clone.scan(self.subject(3))
        self.send(clone.batch(clone.run(ADMISSIONS)), clone)
        self.here.validator.wait_logged("device_quarantined")
        report = self.here.validator.wait_report(
            lambda r: r["totals"]["evidence"] == 1, "the evidence")
        row = report["evidence"][0]
        self.assertEqual(
            (row["evidence"], row["epoch"], row["class"], row["sequence"]),
            (1003, f"{self.device.epoch:016x}", ADMISSIONS, 2))
        self.assertEqual((report["totals"]["scans"], report["totals"]["quarantined"]), (2, 1))
        # From now on neither of the two is believed.
        self.device.scan(self.subject(4))
        self.send(self.device.batch(self.device.run(ADMISSIONS)))
        self.here.validator.wait_logged("batch_refused", reason="quarantined")
        self.assertEqual(self.totals()["scans"], 2)


class RollbackTest(SiteTest):
    def test_a_gate_that_was_rolled_back_is_quarantined(self):
        """A gate whose state was rolled back is quarantined, with evidence, when it sends again."""
        site = self.site()
        gate = site.gate
        site.start()
        first, second, third = site.mint(3)
        gate.scan(first.text)
        gate.wait_settled(1)
        self.assertEqual(gate.stop(), 0)
        shutil.copytree(
            gate.state, site.folder / "copy", ignore=shutil.ignore_patterns("status"))
        gate.start()
        gate.scan(second.text)
        gate.wait_settled(2)
        self.assertEqual(gate.stop(), 0)
        shutil.rmtree(gate.state)
        shutil.copytree(site.folder / "copy", gate.state)
        gate.start()
        gate.scan(third.text)
        report = site.validator.wait_report(
            lambda r: r["totals"]["evidence"] == 1, "the evidence")
        self.assertEqual(report["evidence"][0]["evidence"], 1001)
        self.assertEqual(
            [row["quarantined"] for row in report["devices"].values()], [True])
        self.assertEqual(report["totals"]["admitted"], 2)
        self.assertEqual(gate.status()["unreceipted"], 1)


if __name__ == "__main__":
    unittest.main()
