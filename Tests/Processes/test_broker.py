"""The broker is a relay that nobody trusts and that may lose everything at any time."""

import unittest

from harness import SiteTest


class BrokerTest(SiteTest):
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
        site = self.site()
        site.gate.write_plan(is_open=False)
        site.start(site.broker, site.validator, site.gate)
        tickets = site.mint(4000)
        self.assertEqual(site.gate.results(*[t.text for t in tickets]), ["valid"] * 4000)
        site.gate.open_window()
        for _ in range(4):
            sent = site.gate.status()["records_sent"]
            site.gate.wait_status(lambda s: s["records_sent"] > sent or s["unreceipted"] == 0,
                                  "records on their way")
            site.broker.kill()
            site.broker.start()
        site.gate.wait_settled(4000)
        totals = site.validator.report()["totals"]
        self.assertEqual(
            (totals["admitted"], totals["duplicates"], totals["evidence"]), (4000, 0, 0))

    def test_a_broker_restarted_with_its_state_wiped_is_subscribed_to_again(self):
        """A broker restarted with its state wiped is subscribed to, and sent all again."""
        site = self.site()
        site.start(site.broker, site.gate)
        # The validator is away: the broker holds the bundles, and then does not.
        tickets = site.mint(40)
        site.gate.scan(*[t.text for t in tickets[:20]])
        site.gate.wait_status(lambda s: s["records_sent"] >= 20, "20 records at the broker")
        site.broker.kill()
        site.broker.wipe()
        site.broker.start()
        site.validator.start()
        site.gate.wait_settled(20)
        # Both ends hear each other again: the gate has the receipt, and settles more.
        site.gate.scan(*[t.text for t in tickets[20:]])
        site.gate.wait_settled(40)
        self.assertEqual(site.validator.report()["totals"]["admitted"], 40)

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
            site.broker.kill()
            site.broker.wipe()
            site.broker.start()

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
