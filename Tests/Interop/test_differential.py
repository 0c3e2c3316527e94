"""Random tickets of other people's libraries, before `tollkeeper verify` and `reference.py`."""

import sys
import unittest
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Processes"))

import reference
from commands import random_source, tollkeeper
from mint import Mint
from site_of_keys import Site
from test_reasons import OF_A_GATE_ALONE, REASONS

TICKETS = 10_000


class DifferentialTest(unittest.TestCase):
    def verdicts(self, folder, place, texts):
        """What verify says, as `decide` says it."""
        done = tollkeeper(
            "verify", "--trust", folder / place.trust.name, "--authority",
            folder / "authority.pub", "--event", place.event, "--zone", place.zone,
            "--now", place.now, input=b"\n".join(texts) + b"\n")
        lines = [line.split(" ") for line in done.stdout.decode().splitlines()]
        self.assertEqual(len(lines), len(texts))
        return [(reason, None if label == "-" else bytes.fromhex(label)) for reason, label in lines]

    def test_ten_thousand_random_tickets_are_decided_as_the_reference_decides_them(self):
        """10,000 random tickets, half of them mutated, are decided as the reference does."""
        source = random_source(self)
        site = Site(source)
        mint = Mint(source, site)
        minters = ("python-cwt", "pycose", "protobuf")
        drawn = [mint.draw(minters[i % 3], i % 2 == 1) for i in range(TICKETS)]
        counts, differences = Counter(), []
        with TemporaryDirectory(prefix="tollkeeper-") as temporary:
            folder = Path(temporary)
            site.sign(folder)
            for place in site.places:
                here = [(done, text) for done, text, at in drawn if at is place]
                verdicts = self.verdicts(folder, place, [text for _, text in here])
                for (done, text), verdict in zip(here, verdicts):
                    expected = reference.decide(text, place)
                    counts[done.startswith("protobuf"), expected[0]] += 1
                    if verdict != expected:
                        differences.append(
                            f"{done}: {text!r} at event {place.event}, zone {place.zone}, now "
                            f"{place.now}: verify says {verdict}, the reference {expected}")
        print("CWT + pretix: " + ", ".join(
            f"{reason} {counts[False, reason]} + {counts[True, reason]}"
            for reason in sorted({reason for _, reason in counts})), flush=True)
        if differences:
            self.fail("\n".join([f"{len(differences)} differences, such as"] + differences[:20]))
        for reason in REASONS - OF_A_GATE_ALONE:
            self.assertGreater(counts[False, reason] + counts[True, reason], 20, reason)
        for is_pretix in (False, True):
            self.assertGreater(counts[is_pretix, "valid"], TICKETS // 20)


if __name__ == "__main__":
    unittest.main()
