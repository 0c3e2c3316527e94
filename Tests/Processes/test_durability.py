"""What the kernel sees: one flush a commit, and no verdict before its record is durable."""

import codecs
import re
import shutil
import subprocess
import unittest

from harness import SiteTest

# `THREAD call(arguments` or `THREAD <... call resumed>`, as strace -f writes them.
CALL = re.compile(r"^\d+ +(<\.\.\. )?(\w+)( resumed>|\()(.*)$")
TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
BLOCK, RECORDS = b"TKRB", slice(44, 46)  # Rings/FORMAT.md


class Trace:
    """The ring's writes and flushes and the verdicts of a traced gate, in the kernel's order."""

    def __init__(self, path):
        self.path, self.offset = path, 0

    def mark(self):
        """What has been written so far is left out from now on."""
        self.offset = self.path.stat().st_size

    def events(self):
        """`("write", records)`, `("verdict", lines)`, and the begins and ends of flushes."""
        flushing = set()
        for line in self.path.read_text(errors="replace")[self.offset:].splitlines():
            match = CALL.match(line)
            if not match:
                continue
            thread, begins, rest = line.split()[0], not match[1], match[4]
            on_ring = begins and "/ring>" in rest.split(",")[0]
            if match[2] in ("fdatasync", "fsync"):
                if on_ring:
                    flushing.add(thread)
                    yield "flush begins", 0
                if "<unfinished" not in line and thread in flushing:
                    flushing.discard(thread)
                    yield ("flush ends" if line.rstrip().endswith("= 0") else "flush fails"), 0
            elif on_ring:
                data = written(rest)
                yield "write", int.from_bytes(data[RECORDS], "little") * data.startswith(BLOCK)
            elif begins and rest.startswith("1<"):
                yield "verdict", written(rest).count(b"\n")


def written(arguments):
    """The bytes that a call was given."""
    return codecs.escape_decode(TEXT.search(arguments)[1].encode())[0]


class DurabilityTest(SiteTest):
    def setUp(self):
        if not shutil.which("strace"):
            self.skipTest("strace is not installed")
        if subprocess.run(["strace", "-f", "true"], capture_output=True).returncode != 0:
            self.skipTest("strace may not trace here")
        self.here = self.site()
        self.gate = self.here.gate
        self.gate.write_plan(is_open=False)
        self.trace = Trace(self.here.folder / "trace")
        self.gate.start(wrapper=[
            "strace", "-f", "-y", "-s", "100000", "-o", self.trace.path, "-e",
            "trace=fdatasync,fsync,sync_file_range,write,writev,pwrite64,pwritev,pwritev2"])

    def scan(self, codes, together):
        """Shows codes; returns the events of their commits, and how many these were."""
        before = self.gate.status()["commits"]
        self.trace.mark()
        for group in [codes] if together else [[code] for code in codes]:
            self.gate.scan(*group)
        commits = self.gate.status()["commits"] - before

        def lines():
            return sum(count for event, count in self.trace.events() if event == "verdict")
        self.here.wait(lambda: lines() == len(codes), "strace to write", self.gate)
        events = list(self.trace.events())
        kinds = [event for event, _ in events]
        self.assertEqual(
            (kinds.count("flush begins"), kinds.count("flush ends")), (commits, commits))
        return events, commits

    def test_a_scan_is_one_write_one_fdatasync_and_then_the_verdict(self):
        """A lone scan is one write, one fdatasync on the ring, and only then its verdict."""
        codes = [t.text for t in self.here.mint(10)]
        events, commits = self.scan(codes + codes[:1] + ["nonsense"], together=False)
        self.assertEqual(commits, 12)
        self.assertEqual(
            events, [("write", 1), ("flush begins", 0), ("flush ends", 0), ("verdict", 1)] * 12)

    def test_under_load_no_verdict_overtakes_its_record(self):
        """Under load each commit is one fdatasync, and no verdict is written before its record is
        durable."""
        codes = [t.text for t in self.here.mint(400)]
        codes = [code for pair in zip(codes, ["nonsense"] * 400) for code in pair]
        events, commits = self.scan(codes, together=True)
        self.assertLess(commits, 400)
        recorded = flushing = durable = verdicts = 0
        for event, count in events:
            if event == "write":
                recorded += count
            elif event == "flush begins":
                flushing = recorded
            elif event == "flush ends":
                durable = flushing
            else:
                verdicts += count
                self.assertLessEqual(verdicts, durable, "a verdict before its record")
        self.assertEqual((recorded, durable, verdicts), (800, 800, 800))


if __name__ == "__main__":
    unittest.main()
