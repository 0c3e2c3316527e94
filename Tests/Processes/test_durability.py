"""What the kernel sees: one flush a commit, and no verdict before its record is durable."""

import re
import shutil
import subprocess
import time
import unittest

from harness import SiteTest

CALL = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)(?: resumed>|\()(.*)$")


def calls(text):
    """`(thread, name, arguments, begins, ends)` of each line of strace -f."""
    for line in text.splitlines():
        match = CALL.match(line)
        if match:
            thread, name, rest = match.groups()
            resumed, unfinished = "resumed>" in line, "<unfinished ...>" in line
            yield thread, name, rest, not resumed, not unfinished


class Trace:
    """The ring's writes and flushes and the verdicts of a traced gate, in the kernel's order."""

    def __init__(self, path):
        self.path, self.offset = path, 0

    def mark(self):
        self.offset = self.path.stat().st_size

    def events(self):
        """`write`, `flush begins`, `flush ends`, `verdict`."""
        data = self.path.read_text(errors="replace")[self.offset:]
        flushing = set()
        for thread, name, rest, begins, ends in calls(data):
            if name in ("fdatasync", "fsync"):
                if begins and "/ring>" in rest:
                    flushing.add(thread)
                    yield "flush begins"
                if ends and thread in flushing:
                    flushing.discard(thread)
                    assert "= 0" in rest, rest
                    yield "flush ends"
            elif begins and "/ring>" in rest:
                yield "write"
            elif begins and rest.startswith("1<"):
                yield "verdict"


class DurabilityTest(SiteTest):
    def setUp(self):
        if not shutil.which("strace"):
            self.skipTest("strace is not installed")
        probe = subprocess.run(["strace", "-f", "true"], capture_output=True)
        if probe.returncode != 0:
            self.skipTest("strace may not trace here")
        self.here = self.site()
        self.gate = self.here.gate
        self.gate.write_plan(is_open=False)
        self.trace = Trace(self.here.folder / "trace")
        self.gate.start(wrapper=[
            "strace", "-f", "-y", "-o", self.trace.path, "-e",
            "trace=fdatasync,fsync,sync_file_range,write,writev,pwrite64,pwritev,pwritev2"])

    def events(self, flushes):
        """The events since the mark, when there are at least so many flushes: strace writes late."""
        def check():
            return list(self.trace.events()).count("flush ends") >= flushes
        self.here.wait(check, "strace to write", self.gate)
        time.sleep(0.2)
        return list(self.trace.events())

    def test_one_scan_at_a_time_is_one_write_one_fdatasync_and_then_the_verdict(self):
        """A scan is one write, exactly one fdatasync, and only then its verdict."""
        before = self.gate.status()["commits"]
        self.trace.mark()
        tickets = self.here.mint(10)
        for ticket in tickets:
            self.assertEqual(self.gate.results(ticket.text), ["valid"])
        self.assertEqual(self.gate.results(tickets[0].text, "nonsense")[:1], ["used"])
        commits = self.gate.status()["commits"] - before
        events = self.events(commits)
        self.assertEqual(events.count("flush begins"), commits)
        self.assertEqual(
            events[:40], ["write", "flush begins", "flush ends", "verdict"] * 10)

    def test_under_load_each_commit_is_one_fdatasync_and_no_verdict_overtakes_its_record(self):
        """Under load a commit is at most two writes and one fdatasync, and groups records."""
        before = self.gate.status()["commits"]
        self.trace.mark()
        codes = [t.text for t in self.here.mint(400)]
        self.gate.scan(*[code for pair in zip(codes, ["nonsense"] * 400) for code in pair])
        commits = self.gate.status()["commits"] - before
        events = self.events(commits)
        self.assertEqual(events.count("flush begins"), commits)
        self.assertEqual(events.count("flush ends"), commits)
        self.assertLess(commits, 400)
        self.assertEqual(events[0], "write")
        writes = 0
        durable_since_verdict = False
        for event in events:
            if event == "write":
                writes += 1
            elif event == "flush begins":
                self.assertIn(writes, (1, 2))
                writes = 0
            elif event == "flush ends":
                durable_since_verdict = True
            else:
                self.assertTrue(durable_since_verdict, "a verdict without a flush before it")
                durable_since_verdict = False


if __name__ == "__main__":
    unittest.main()
