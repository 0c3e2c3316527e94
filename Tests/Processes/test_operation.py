"""How the programs behave as processes: signals, files, sockets, TLS."""

import json
import os
import signal
import sqlite3
import stat
import unittest

from commands import BIN, run, tollkeeper
from harness import SiteTest


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


class OperationTest(SiteTest):
    def test_sigterm_stops_everything_cleanly(self):
        """SIGTERM stops gate and validator with status 0, and every record is kept."""
        site = self.site()
        site.gate.write_plan(is_open=False)
        site.start()
        tickets = site.mint(1000)
        site.gate.write(b"".join(t.text.encode() + b"\n" for t in tickets))
        site.gate.wait_verdicts(1)
        self.assertEqual(site.gate.stop(), 0)
        admitted = [v for v in site.gate.verdicts if v["result"] == "valid"]
        self.assertEqual(len(site.gate.ring()), len(admitted))
        site.gate.write_plan(is_open=True)
        site.gate.start()
        site.gate.wait_settled(len(admitted))
        self.assertEqual(site.gate.stop(), 0)
        self.assertEqual(site.validator.stop(), 0)
        self.assertEqual(site.validator.report()["totals"]["admitted"], len(admitted))

    def test_sigint_stops_a_gate_like_sigterm(self):
        """SIGINT stops a gate like SIGTERM."""
        site = self.site()
        site.gate.start()
        self.assertEqual(site.gate.stop(signal.SIGINT), 0)

    def test_the_status_socket_is_for_its_owner_alone(self):
        """The status socket has mode 0600, also where the umask would allow more; a dead one's is
        taken over."""
        site = self.site()
        old = os.umask(0)
        try:
            site.gate.start()
        finally:
            os.umask(old)
        path = site.gate.state / "status"
        self.assertTrue(stat.S_ISSOCK(path.stat().st_mode))
        self.assertEqual(mode(path), 0o600)
        for name in ("ring", "used", "trust"):
            self.assertEqual(mode(site.gate.state / name) & 0o077, 0, name)
        site.gate.kill()
        done = tollkeeper("status", "--config", site.gate.config, status=1)
        self.assertIn(b"is the agent running", done.stderr)
        site.gate.start()
        self.assertEqual(site.gate.status()["boot"], 2)

    def test_private_keys_and_passwords_are_for_their_owner_alone(self):
        """Private keys and broker passwords have mode 0600; a key is never overwritten."""
        site = self.site()
        for name in ("authority", "issuer", "validator", "1001"):
            self.assertEqual(mode(site.folder / f"{name}.key"), 0o600)
            self.assertEqual(len(site.seed(name)), 32)
        self.assertEqual(mode(site.folder / "broker/1001.password"), 0o600)
        before = site.seed("issuer")
        run(BIN / "tollctl", "key", "new", "--out", site.folder / "issuer.key", status=1)
        self.assertEqual(site.seed("issuer"), before)

    def test_a_state_folder_belongs_to_one_agent(self):
        """A second agent on the same state folder is refused, and the first goes on."""
        site = self.site()
        site.gate.start()
        done = tollkeeper("run", "--config", site.gate.config, status=1)
        self.assertIn(str(site.gate.state).encode(), done.stderr)
        self.assertEqual(site.gate.results(site.mint(1)[0].text), ["valid"])
        self.assertEqual(site.gate.status()["admitted"], 1)

    def test_a_ledger_belongs_to_one_validator(self):
        """A second validator on the same ledger is refused, and so is reindex while one runs."""
        site = self.site()
        site.start(site.broker, site.validator)
        for command in ("run", "reindex"):
            done = run(
                BIN / "tollkeeper-validator", command, "--config", site.validator.config, status=1)
            self.assertIn(b"ledger.log", done.stderr)
        self.assertTrue(site.validator.is_running)

    def test_the_index_can_be_made_again_from_the_log(self):
        """The index can be made again from the log, and holds the same rows."""
        site = self.site()
        site.start()
        tickets = site.mint(200)
        site.gate.scan(*[t.text for t in tickets], tickets[0].text)
        site.gate.wait_settled(201)
        site.gate.stop()
        self.assertEqual(site.validator.stop(), 0)
        index = site.validator.state / "index.sqlite"
        before = self.rows(index)
        self.assertGreater(sum(len(rows) for rows in before.values()), 201)
        for path in site.validator.state.glob("index.sqlite*"):
            path.unlink()
        done = run(BIN / "tollkeeper-validator", "reindex", "--config", site.validator.config,
                   "--json")
        self.assertEqual(json.loads(done.stdout)["height"],
                         site.validator.report()["totals"]["height"])
        self.assertEqual(self.rows(index), before)

    def rows(self, path):
        with sqlite3.connect(path) as index:
            names = [name for name, in index.execute(
                "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")]
            return {name: sorted(map(repr, index.execute(f"select * from {name}")))
                    for name in names}

    def test_the_trust_document_is_read_again_on_sighup_and_goes_down(self):
        """A validator reads the trust document again on SIGHUP, and devices hear of it."""
        site = self.site()
        site.start()
        site.gate.wait_status(lambda s: s["link_up"] == 1, "the link")
        site.sign_trust()
        site.validator.process.send_signal(signal.SIGHUP)
        site.gate.wait_status(lambda s: s["trust_version"] == 2, "the new trust document")
        self.assertTrue(site.validator.is_running)


class TLSTest(SiteTest):
    def test_everything_settles_over_tls(self):
        """Everything settles over TLS."""
        site = self.site(tls=True)
        site.start()
        self.assertEqual(site.gate.results(*[t.text for t in site.mint(50)]), ["valid"] * 50)
        site.gate.wait_settled(50)
        self.assertEqual(site.validator.report()["totals"]["admitted"], 50)
        self.assertIn(" as 1001 ", site.broker.own_log())

    def test_a_broker_with_another_authoritys_certificate_hears_nothing(self):
        """A broker whose certificate another authority signed hears not even a name."""
        site = self.site(tls=True)
        other = site.folder / "other"
        run(*(word if word != site.broker.folder else other for word in site.broker.words))
        for name in ("ca.crt", "ca.key"):
            os.replace(other / name, site.broker.folder / name)
        site.start(site.broker, site.gate)
        site.gate.scan(site.mint(1)[0].text)
        site.gate.wait_status(lambda s: s["link_losses"] >= 2, "the broker to be refused")
        self.assertEqual(site.gate.status()["link_up"], 0)
        self.assertNotIn(" as 1001 ", site.broker.own_log())


if __name__ == "__main__":
    unittest.main()
