"""Anything may come out of a scanner: each line is one verdict, whatever is in it."""

import json
import os
import unittest

from commands import DEADLINE_S, EVENT, ZONE, random_source, tollkeeper
from harness import SiteTest

STRANGE = (b"", b"\0", b"A", b"GGX", b" ", b"\xff\xfe", b"\xc3\x28", b"RRQ\0\0", b"\0" * 1000,
           b"A" * 100_000, b"\xff" * 100_000, b"\0" * 100_000, b"RRQ" * 512, b"0" * 1536,
           b"0" * 1537, b"\t", b"\r", b"\r\r\r", b"{}", b"%s%n" * 20)


class CodeTest(SiteTest):
    def lines(self, source):
        for line in STRANGE:
            yield line
        for count in (1, 2, 3, 100, 1535, 1600, 20_000):
            yield source.randbytes(count).replace(b"\n", b"")

    def test_run_gives_each_strange_line_one_verdict(self):
        """The running agent gives each strange line one verdict, records it, and goes on."""
        lines = list(self.lines(random_source(self)))
        site = self.site()
        site.start(site.gate)
        ticket, other = site.mint(2)
        self.assertEqual(site.gate.results(ticket.text), ["valid"])
        verdicts = site.gate.scan(*lines)
        self.assertEqual(
            {v["result"] for v in verdicts} - {"bad_encoding", "malformed"}, set(), verdicts)
        self.assertEqual({v["ticket"] for v in verdicts}, {None})
        self.assertEqual(site.gate.results(other.text, ticket.text), ["valid", "used"])
        # Line ends of other systems belong to no code.
        self.assertEqual(site.gate.results(other.text + "\r"), ["used"])
        recorded = site.gate.status()["refusals_recorded"]
        self.assertEqual(recorded, len(lines) + 2)

    def test_verify_gives_each_strange_line_one_verdict(self):
        """`verify` gives each strange line one verdict, in order, and goes on."""
        lines = list(self.lines(random_source(self)))
        site = self.site()
        ticket = site.mint(1)[0].text.encode()
        # The last line has no end.
        done = tollkeeper(
            "verify", "--trust", site.folder / "trust.cose", "--event", EVENT, "--zone", ZONE,
            "--authority", site.folder / "authority.key.pub", "--json",
            input=b"".join(line + b"\n" for line in lines) + ticket)
        results = [json.loads(line)["result"] for line in done.stdout.splitlines()]
        self.assertEqual(len(results), len(lines) + 1)
        self.assertEqual(set(results[:-1]) - {"bad_encoding", "malformed"}, set())
        self.assertEqual(results[-1], "valid")

    def test_a_code_that_comes_in_pieces_is_one_code(self):
        """A code that comes in pieces is one code, and several that come at once are several."""
        site = self.site()
        site.start(site.gate)
        ticket, other = site.mint(2)
        for byte in ticket.text.encode():
            site.gate.write(bytes([byte]))
        self.assertEqual(site.gate.verdicts, [])
        self.assertEqual(site.gate.results(""), ["valid"])
        self.assertEqual(
            site.gate.results(*[other.text] * 3), ["valid", "used", "used"])

    def test_a_serial_scanner_may_end_its_codes_as_it_likes(self):
        """A serial scanner may end its codes with CR, LF or both; what it sends is raw."""
        scanner, line = os.openpty()
        self.addCleanup(os.close, scanner)
        site = self.site(input=f"serial:{os.ttyname(line)}")
        site.gate.start()
        os.close(line)
        tickets = [t.text.encode() for t in site.mint(4)]
        os.write(scanner, b"\r".join(tickets[:2]) + b"\n\r\n" + tickets[2] + b"\r\n\r\r")
        os.write(scanner, b"\x03\x04\x11\x13\x1a\r" + tickets[3] + b"\n")
        verdicts = [v["result"] for v in site.gate.wait_verdicts(5)]
        self.assertEqual(verdicts, ["valid"] * 3 + ["bad_encoding", "valid"])

    def test_until_end_gives_every_verdict_and_stops(self):
        """With --until-end the agent gives every verdict and stops by itself, with status 0."""
        site = self.site()
        tickets = site.mint(300)
        site.gate.start(words=["--until-end"])
        site.gate.write("\n".join(t.text for t in tickets).encode())
        site.gate.process.stdin.close()
        self.assertEqual({v["result"] for v in site.gate.wait_verdicts(300)}, {"valid"})
        self.assertEqual(site.gate.process.wait(DEADLINE_S), 0)
        self.assertEqual(len(site.gate.ring()), 300)


if __name__ == "__main__":
    unittest.main()
