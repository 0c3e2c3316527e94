"""kill -9 at random moments: what was printed holds, and nothing is admitted or settled twice."""

import threading
import time
import unittest

import ledger
from commands import DEADLINE_S, random_source, tollkeeper
from harness import SiteTest

KILLS = 50
RECORDS, ROUNDS, ROUNDS_MAX = 1000, 6, 40
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
        """An agent killed 50 times admits no ticket twice; all it printed settles once."""
        source = random_source(self)
        site = self.site(ring_mib=16)
        site.start(site.broker, site.validator)
        gate = site.gate
        tickets = {t.cti: t for t in site.mint(6000)}
        admitted, fresh, interrupted = [], list(tickets.values()), 0
        for _ in range(KILLS):
            # New tickets, some that were admitted, some that nobody signed; in any order.
            codes = [t.text for t in fresh[:250]]
            codes += [tickets[cti].text for cti in source.sample(admitted, min(len(admitted), 40))]
            codes += [FORGED] * 20
            source.shuffle(codes)
            before = len(gate.verdicts)
            gate.start(wait=False)
            load = Load(gate, codes)
            if source.random() < 0.7:
                self._wait_verdicts(gate, before + source.randrange(1, 250))
                time.sleep(source.random() * 0.003)
            else:  # At the start, perhaps.
                time.sleep(source.random() * 0.05)
            gate.kill()
            load.wait()
            interrupted += before < len(gate.verdicts) < before + len(codes)
            new = [v["ticket"] for v in gate.verdicts[before:] if v["result"] == "valid"]
            self.assertEqual(set(new) & set(admitted), set(), "admitted twice")
            self.assertEqual(len(new), len(set(new)), "admitted twice")
            admitted += new
            used = set(admitted)
            fresh = [t for t in fresh if t.cti not in used]
        print(f"{interrupted} of {KILLS} kills in mid-load", flush=True)
        self.assertGreater(interrupted, KILLS // 4, "not killed under load")
        self._check_settled(site, tickets, admitted)

    def _wait_verdicts(self, gate, count):
        with gate.condition:
            gate.condition.wait_for(
                lambda: len(gate.verdicts) >= count or gate.has_ended, DEADLINE_S)

    def _check_settled(self, site, tickets, admitted):
        gate = site.gate
        gate.start()
        self.assertEqual(
            set(gate.results(*[tickets[cti].text for cti in admitted])), {"used"})
        recorded = gate.wait_settled()["admissions_recorded"]
        tollkeeper("ring", "check", gate.state / "ring")
        self.assertEqual(gate.stop(), 0)
        tollkeeper("ring", "check", gate.state / "ring")
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
        # Every gate learns every ticket, however many rounds it takes.
        site = self.site(gates=(1001, 1002), ring_mib=16, used_tickets=2 * ROUNDS_MAX * RECORDS)
        gates = site.gates.values()
        for gate in gates:
            gate.write_plan(is_open=False)
        site.start()
        log = site.validator.state / "ledger.log"
        admitted, left = 0, []
        # Until it has met its end often enough with some of a load settled and some not.
        while len(left) < ROUNDS_MAX and len(set(left) - {0}) < ROUNDS:
            for gate in gates:
                gate.scan(*[t.text for t in site.mint(RECORDS)])
                admitted += RECORDS
            size = log.stat().st_size
            for gate in gates:
                gate.open_window()
            # Until a block is on its way to the disk, and a random moment longer.
            site.wait(
                lambda: log.stat().st_size > size, "a block", site.validator, pause_s=0)
            time.sleep(source.random() * 0.004)
            site.validator.kill()
            for gate in gates:
                gate.close_window()
                gate.wait_status(lambda s: s["link_up"] == 0, "the window to close")
            left.append(sum(gate.status()["unreceipted"] for gate in gates))
            site.validator.start()
        print(f"unreceipted after each kill: {left}", flush=True)
        self.assertLess(len(left), ROUNDS_MAX, "not killed in mid-batch")
        for gate in gates:
            gate.open_window()
            gate.wait_settled()
        totals = site.validator.report()["totals"]
        self.assertEqual(
            [totals[name] for name in ("scans", "admitted", "consumed_tickets")], 3 * [admitted])
        self.assertEqual((totals["duplicates"], totals["evidence"]), (0, 0))
        self.assertEqual(site.validator.stop(), 0)
        records = ledger.records(
            site.validator.state / "ledger.log", {1: site.public("validator")},
            {node: site.public(str(node)) for node in site.gates})
        self.assertEqual(len(records), admitted)


if __name__ == "__main__":
    unittest.main()
