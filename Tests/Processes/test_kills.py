"""kill -9 at random moments: what was printed holds, and nothing is admitted or settled twice."""

import threading
import time
import unittest

import ledger
from commands import DEADLINE_S, random_source
from harness import SiteTest

KILLS = 50
FORGED = "RRQ" + "0" * 60


class Load:
    """Shows codes to a gate from a thread, as fast as it takes them, until it is killed."""

    def __init__(self, gate, codes):
        self.gate, self.codes = gate, codes
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            for code in self.codes:
                self.gate.write(code.encode() + b"\n")
        except (BrokenPipeError, ValueError):
            pass

    def wait(self):
        self.thread.join(DEADLINE_S)


class KillTest(SiteTest):
    def test_an_agent_killed_50_times_under_load_admits_no_ticket_twice_and_settles_all_once(self):
        """An agent killed 50 times under load admits no ticket twice; all it printed settles once."""
        source = random_source(self)
        site = self.site()
        site.start(site.broker, site.validator)
        gate = site.gate
        tickets = {t.cti: t for t in site.mint(6000)}
        admitted, fresh = [], list(tickets.values())
        for _ in range(KILLS):
            # New tickets, some that were admitted, some that nobody signed; in any order.
            codes = [t.text for t in fresh[:250]]
            codes += [tickets[cti].text for cti in source.sample(admitted, min(len(admitted), 40))]
            codes += [FORGED] * 20
            source.shuffle(codes)
            before = len(gate.verdicts)
            gate.start(wait=False)
            load = Load(gate, codes)
            if source.random() < 0.8:
                wanted = before + source.randrange(1, 300)
                self._wait_verdicts(gate, wanted)
            time.sleep(source.random() * 0.05)
            gate.kill()
            load.wait()
            new = [v["ticket"] for v in gate.verdicts[before:] if v["result"] == "valid"]
            self.assertEqual(set(new) & set(admitted), set(), "admitted twice")
            self.assertEqual(len(new), len(set(new)), "admitted twice")
            admitted += new
            used = set(admitted)
            fresh = [t for t in fresh if t.cti not in used]
        self._check_settled(site, tickets, admitted)

    def _wait_verdicts(self, gate, count):
        with gate.condition:
            gate.condition.wait_for(
                lambda: len(gate.verdicts) >= count or not gate.is_running, 2)

    def _check_settled(self, site, tickets, admitted):
        gate = site.gate
        gate.start()
        self.assertEqual(
            set(gate.results(*[tickets[cti].text for cti in admitted])), {"used"})
        recorded = gate.wait_settled()["admissions_recorded"]
        self.assertEqual(gate.stop(), 0)
        self.assertEqual(site.validator.stop(), 0)
        print(f"{len(admitted)} printed as admitted, {recorded} recorded", flush=True)
        self.assertGreater(len(admitted), 100)
        report = site.validator.report()
        totals = report["totals"]
        self.assertEqual(totals["admitted"], recorded)
        self.assertEqual((totals["duplicates"], totals["evidence"]), (0, 0))
        records = ledger.records(
            site.validator.state / "ledger.log", {1: site.public("validator")},
            {1001: site.public("1001")})
        subjects = [r["subject"].hex() for r in records.values() if r["reason"] == 0]
        self.assertEqual(len(subjects), len(set(subjects)), "a ticket settled twice")
        self.assertEqual({tickets[cti].identity for cti in admitted} - set(subjects), set(), "lost")

    def test_a_validator_killed_in_mid_batch_settles_everything_once(self):
        """A validator killed in mid-batch, again and again, settles everything exactly once."""
        source = random_source(self)
        site = self.site(gates=(1001, 1002))
        tickets = site.mint(6000)
        for gate in site.gates.values():
            gate.write_plan(is_open=False)
        site.start(site.broker, *site.gates.values())
        halves = {1001: tickets[:3000], 1002: tickets[3000:]}
        for node, gate in site.gates.items():
            self.assertEqual(set(gate.results(*[t.text for t in halves[node]])), {"valid"})
            gate.open_window()
        for _ in range(15):
            site.validator.start(wait=source.random() < 0.7)
            time.sleep(source.random() * 0.1)
            site.validator.kill()
        site.validator.start()
        for gate in site.gates.values():
            gate.wait_settled(3000)
        totals = site.validator.report()["totals"]
        self.assertEqual(
            (totals["scans"], totals["admitted"], totals["consumed_tickets"]), (6000, 6000, 6000))
        self.assertEqual((totals["duplicates"], totals["evidence"]), (0, 0))
        self.assertEqual(site.validator.stop(), 0)
        records = ledger.records(
            site.validator.state / "ledger.log", {1: site.public("validator")},
            {node: site.public(str(node)) for node in site.gates})
        self.assertEqual(len(records), 6000)


if __name__ == "__main__":
    unittest.main()
