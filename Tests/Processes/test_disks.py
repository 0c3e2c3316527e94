"""A full disk is a state like others: nothing is lost, nothing lies, and room ends it."""

import os
import subprocess
import unittest

from commands import DEADLINE_S
from harness import SiteTest


class FullDiskTest(SiteTest):
    def mount(self, folder, kib):
        """A small disk at `folder`."""
        if os.geteuid() != 0:
            self.skipTest("only root mounts a small disk")
        folder.mkdir(exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", folder], capture_output=True)
        if done.returncode != 0:
            self.skipTest("a small disk cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", folder], capture_output=True)

    def fill(self, folder):
        """Takes all the room that is left on a disk."""
        path = folder / "filler"
        with path.open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                pass
        return path

    def test_a_gate_says_that_its_disk_is_full_and_starts_when_there_is_room(self):
        """A gate without room for its ring says so and ends; with room it starts."""
        site = self.site()
        self.mount(site.gate.state, 16 * 1024)
        filler = self.fill(site.gate.state)
        for _ in range(2):
            site.gate.start(wait=False)
            self.assertEqual(site.gate.process.wait(DEADLINE_S), 1)
            self.assertIn("space", site.gate.log().lower())
        filler.unlink()
        site.start()
        self.assertEqual(site.gate.results(*[t.text for t in site.mint(5)]), ["valid"] * 5)
        site.gate.wait_settled(5)

    def test_a_disk_that_fills_after_the_start_stops_no_gate(self):
        """A disk that fills after the start stops no gate: its files have all their room."""
        site = self.site()
        self.mount(site.gate.state, 32 * 1024)
        site.gate.write_plan(is_open=False)
        site.start()
        self.fill(site.gate.state)
        tickets = site.mint(3000)
        self.assertEqual(set(site.gate.results(*[t.text for t in tickets])), {"valid"})
        site.gate.kill()
        site.gate.start()
        self.assertEqual(set(site.gate.results(*[t.text for t in tickets])), {"used"})
        site.gate.open_window()
        site.gate.wait_settled(6000)
        self.assertEqual(site.gate.status()["flush_failures"], 0)
        self.assertEqual(site.validator.report()["totals"]["admitted"], 3000)

    def test_a_validator_with_a_full_disk_receipts_nothing_until_there_is_room(self):
        """A validator with a full disk receipts nothing; with room it settles everything."""
        site = self.site()
        self.mount(site.validator.state, 8 * 1024)
        site.start()
        tickets = site.mint(2000)
        site.gate.scan(*[t.text for t in tickets[:100]])
        site.gate.wait_settled(100)
        filler = self.fill(site.validator.state)
        site.gate.scan(*[t.text for t in tickets[100:]])
        site.validator.wait_logged("disk_full")
        self.assertGreater(site.gate.status()["unreceipted"], 0)
        self.assertTrue(site.validator.is_running)
        filler.unlink()
        site.gate.wait_settled(2000)
        totals = site.validator.report()["totals"]
        self.assertEqual((totals["admitted"], totals["duplicates"]), (2000, 0))

    def test_a_validator_killed_while_its_disk_is_full_goes_on_after_it(self):
        """A validator that is killed while its disk is full loses nothing that it had receipted."""
        site = self.site()
        self.mount(site.validator.state, 8 * 1024)
        site.start()
        tickets = site.mint(1000)
        site.gate.scan(*[t.text for t in tickets[:100]])
        site.gate.wait_settled(100)
        filler = self.fill(site.validator.state)
        site.gate.scan(*[t.text for t in tickets[100:]])
        site.validator.wait_logged("disk_full")
        site.validator.kill()
        filler.unlink()
        site.validator.start()
        site.gate.wait_settled(1000)
        totals = site.validator.report()["totals"]
        self.assertEqual((totals["admitted"], totals["duplicates"]), (1000, 0))


if __name__ == "__main__":
    unittest.main()
