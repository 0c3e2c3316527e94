"""The broker is a relay that nobody trusts and that may lose everything at any time."""

import time
import unittest

from commands import random_source
from harness import SiteTest

RECORDS, ROUNDS, ROUNDS_MAX = 2000, 3, 12


class BrokerTest(SiteTest):
    def restart(self, broker, wiped):
        """A broker that was asked to stop comes back, with what it had saved or without."""
        self.assertEqual(broker.stop(), 0)
        self.assertGreater((broker.folder / "mosquitto.db").stat().st_size, 0)
        if wiped:
            broker.wipe()
        broker.start()

    def test_scans_are_decided_without_a_broker_and_settle_when_there_is_one(self):
        """Scans are decided without a broker, and settle when there is one."""
        site = self.site()
        site.start(site.validator, site.gate)
        tickets = site.mint(20)
        self.assertEqual(site.gate.results(*[t.text for t in tickets]), ["valid"] * 20)
        site.gate.wait_logged("link_lost")
        status = site.gate.status()
        self.assertEqual((status["unreceipted"], status["link_up"]), (20, 0))
        site.start(site.broker)
        site.gate.wait_settled(20)
        totals = site.validator.report()["totals"]
        self.assertEqual((totals["admitted"], totals["duplicates"]), (20, 0))

    def test_a_broker_killed_and_restarted_in_mid_sync_loses_and_doubles_nothing(self):
        """A broker killed and restarted in mid-sync loses and doubles nothing."""
        source = random_source(self)
        site = self.site(ring_mib=16, used_tickets=2 * ROUNDS_MAX * RECORDS)
        gate = site.gate
        gate.write_plan(is_open=False)
        site.start()
        log = site.validator.state / "ledger.log"
        admitted, left = 0, []
        # Until it has met its end often enough with records on their way.
        while len(left) < ROUNDS_MAX and len([count for count in left if count]) < ROUNDS:
            tickets = site.mint(RECORDS)
            self.assertEqual(set(gate.results(*[t.text for t in tickets])), {"valid"})
            admitted += RECORDS
            sent, size = gate.status()["records_sent"], log.stat().st_size
            gate.open_window()
            # Until a block is on its way to the disk, and a random moment longer.
            site.wait(lambda: log.stat().st_size > size, "a block", site.validator, pause_s=0)
            time.sleep(source.random() * 0.004)
            site.broker.kill()
            gate.close_window()
            status = gate.wait_status(lambda s: s["link_up"] == 0, "the window to close")
            self.assertGreater(status["records_sent"], sent)
            left.append(status["unreceipted"])
            site.broker.start()
        print(f"unreceipted after each kill: {left}", flush=True)
        self.assertLess(len(left), ROUNDS_MAX, "not killed in mid-sync")
        gate.open_window()
        gate.wait_settled(admitted)
        totals = site.validator.report()["totals"]
        self.assertEqual(
            (totals["scans"], totals["admitted"], totals["duplicates"], totals["evidence"]),
            (admitted, admitted, 0, 0))

    def test_a_broker_restarted_with_its_state_wiped_is_subscribed_to_again(self):
        """A broker restarted with its state wiped is subscribed to, and sent all again."""
        site = self.site()
        site.start()
        # The validator is away, and has a session: the broker holds the bundles, and then does not.
        self.assertEqual(site.validator.stop(), 0)
        unmatched = site.gate.status()["unmatched_publishes"]
        tickets = site.mint(40)
        site.gate.scan(*[t.text for t in tickets[:20]])
        site.gate.wait_status(lambda s: s["records_sent"] >= 20, "20 records at the broker")
        self.assertEqual(site.gate.status()["unmatched_publishes"], unmatched)
        self.restart(site.broker, wiped=True)
        # MOSQ_ERR_CONN_LOST.
        site.gate.wait_logged("disconnected", reason=7)
        site.gate.wait_logged("connected", 2, session_present=0)
        site.validator.start()
        site.gate.wait_settled(20)
        # Both ends hear each other again: the gate has the receipt, and settles more.
        site.gate.scan(*[t.text for t in tickets[20:]])
        site.gate.wait_settled(40)
        self.assertEqual(site.validator.report()["totals"]["admitted"], 40)

    def test_a_broker_restarted_with_its_state_delivers_what_it_held(self):
        """A broker restarted with its state delivers what it held, to sessions that are present."""
        site = self.site()
        site.start()
        site.gate.wait_status(lambda s: s["link_up"] == 1, "the link")
        self.assertEqual(site.validator.stop(), 0)
        site.gate.scan(*[t.text for t in site.mint(20)])
        site.gate.wait_status(lambda s: s["records_sent"] >= 20, "20 records at the broker")
        # The gate is away: only the broker can have the records.
        self.assertEqual(site.gate.stop(), 0)
        site.wait(lambda: "Client 1001 disconnected" in site.broker.own_log(),
                  "the broker to have heard all", site.broker)
        self.restart(site.broker, wiped=False)
        site.validator.start()
        site.validator.wait_report(
            lambda report: report["totals"]["admitted"] == 20, "20 admissions from the broker")
        site.gate.start()
        site.gate.wait_settled(20)
        self.assertEqual(site.gate.logged("connected", session_present=1), 1)
        totals = site.validator.report()["totals"]
        self.assertEqual((totals["admitted"], totals["duplicates"], totals["evidence"]), (20, 0, 0))

    def test_a_session_without_its_subscription_is_subscribed(self):
        """A session that broke off before its SUBSCRIBE is subscribed at the next connect."""
        site = self.site()
        site.start(site.broker)
        for node in (1001, 1):
            # What an agent or validator leaves that is killed at that moment.
            site.broker.client(node, clean=False, expiry_s=7 * 24 * 3600).close()
            again = site.broker.client(node, clean=False, expiry_s=7 * 24 * 3600)
            self.assertTrue(again.answer.session_present)
            again.close()
        site.start(site.validator, site.gate)
        site.gate.scan(*[t.text for t in site.mint(3)])
        site.gate.wait_settled(3)

    def test_health_is_back_after_a_broker_lost_it(self):
        """After a broker lost its retained messages, a gate's health is there again."""
        site = self.site()
        site.start(site.broker, site.gate)
        for _ in range(2):
            reader = site.broker.client(1)
            self.assertLess(reader.subscribe("tollkeeper/1/health/1001"), 0x80)
            while b'"online"' not in (health := reader.message().payload):
                self.assertIsNotNone(health)
            self.assertIn(b'"boot":1,', health)
            reader.close()
            self.restart(site.broker, wiped=True)

    def test_gates_that_stay_connected_are_told_what_happens_after_a_validators_restart(self):
        """Gates that stay connected are told of uses and trust after a validator's restart."""
        site = self.site(gates=(1001, 1002))
        site.start()
        one, two = site.gates[1001], site.gates[1002]
        first, second = site.mint(2)
        one.results(first.text)
        one.wait_settled(1)
        two.wait_status(lambda s: s["tickets_learned"] >= 1, "gate 1002 to learn of the use")
        sent = two.status()["bundles_sent"]
        site.validator.kill()
        site.sign_trust()
        site.validator.start()
        one.results(second.text)
        one.wait_settled(2)
        status = two.wait_status(
            lambda s: s["tickets_learned"] >= 2 and s["trust_version"] == 2,
            "gate 1002 to learn of the second use and the trust document")
        self.assertEqual((status["link_losses"], status["bundles_sent"]), (0, sent), "it had asked")

    def test_two_gates_learn_of_each_others_uses(self):
        """A ticket that was used at one gate is refused at the other as used elsewhere."""
        site = self.site(gates=(1001, 1002))
        site.start()
        ticket, shared = site.mint(2)
        one, two = site.gates[1001], site.gates[1002]
        self.assertEqual(one.results(ticket.text), ["valid"])
        two.wait_status(lambda s: s["tickets_learned"] >= 1, "gate 1002 to learn of the use")
        self.assertEqual(two.results(ticket.text), ["used_elsewhere"])
        # Shown at both while neither can know: both admit, and the ledger says so.
        for gate in (one, two):
            gate.close_window()
            gate.wait_status(lambda s: s["link_up"] == 0, "the window to close")
        self.assertEqual(one.results(shared.text) + two.results(shared.text), ["valid", "valid"])
        for gate in (one, two):
            gate.open_window()
            gate.wait_settled()
        report = site.validator.report()
        self.assertEqual(
            [(row["duplicate"], row["kind"]) for row in report["duplicates"]],
            [(shared.identity, "concurrent")])
        nodes = {report["duplicates"][0][which]["device"] for which in ("first", "second")}
        self.assertEqual(nodes, {1001, 1002})


if __name__ == "__main__":
    unittest.main()
