"""A list of revoked tickets that is longer than the trust document: its shards, from `tollctl` to the gate."""

import hashlib
import unittest

from commands import tollctl
from harness import SiteTest


class RevocationTest(SiteTest):
    def revoke(self, site, tickets, kind="revoked"):
        """Adds tickets to the list; `sign_trust` signs it."""
        issuer = hashlib.sha256(site.public("issuer")).hexdigest()[:8]
        with (site.folder / "trust.toml").open("a") as source:
            for ticket in tickets:
                source.write(f'[[{kind}]]\nissuer = "{issuer}"\nticket = "{ticket.cti}"\n')

    def wait_shards(self, gate, version, count):
        return gate.wait_status(
            lambda s: s["trust_version"] == version and s["shards"] == s["shards_current"] == count,
            f"{count} shards of version {version}")

    def test_a_long_list_reaches_the_gate_in_shards_and_changes_in_increments(self):
        """A gate fetches the shards of a long list, keeps them over a kill, and fetches increments."""
        site = self.site(revoked_tickets=100_000)
        tickets = site.mint(3_605)
        self.revoke(site, tickets[:3_601])
        site.sign_trust()
        site.start()
        self.wait_shards(site.gate, 2, 4)
        self.assertEqual(
            site.gate.results(tickets[0].text, tickets[3_600].text, tickets[3_601].text),
            ["revoked", "revoked", "valid"])
        site.gate.kill()
        site.gate.start()
        self.assertEqual(site.gate.status()["shards_current"], 4)
        self.revoke(site, tickets[3_602:3_603])
        self.revoke(site, tickets[3_603:3_604], "blocked")
        site.sign_trust()
        site.validator.process.send_signal(1)
        self.wait_shards(site.gate, 3, 4)
        self.assertEqual(
            site.gate.results(*[ticket.text for ticket in tickets[3_601:]]),
            ["used", "revoked", "blocked", "valid"])
        increments = list((site.folder / "trust.cose.shards").glob("*.increment"))
        self.assertIn(len(increments), (1, 2))

    def test_a_gate_without_its_shards_refuses_if_that_is_the_policy(self):
        """With `on_incomplete_list` closed a gate that lacks the shards admits nobody; else it does."""
        site = self.site(revoked_tickets=10_000, on_incomplete_list="closed")
        tickets = site.mint(2_003)
        self.revoke(site, tickets[:2_001])
        site.sign_trust()
        site.start(site.gate)
        self.assertEqual(site.gate.results(tickets[0].text, tickets[2_002].text), ["stale_trust"] * 2)
        site.gate.stop()
        site.gate.settings["on_incomplete_list"] = "open"
        site.gate.start()
        self.assertEqual(site.gate.results(tickets[2_002].text), ["valid"])

    def test_ticket_show_knows_the_shards(self):
        """`ticket show` finds a ticket in the shards beside the trust document."""
        site = self.site()
        tickets = site.mint(2_002)
        self.revoke(site, tickets[:2_001])
        site.sign_trust()
        found = [
            tollctl("ticket", "show", "--trust", site.folder / "trust.cose", "--authority",
                    site.folder / "authority.key.pub", ticket.text)[0]["result"]
            for ticket in (tickets[2_000], tickets[2_001])]
        self.assertEqual(found, ["revoked", "valid"])


if __name__ == "__main__":
    unittest.main()
