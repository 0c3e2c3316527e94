"""How the programs behave as processes: signals, files, sockets, TLS."""

import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import unittest

from commands import BIN, DEADLINE_S, ROOT, run, tollkeeper
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

    def test_a_validators_files_are_for_its_owner_alone(self):
        """A validator's files are for its owner alone, also where the umask would allow more."""
        site = self.site()
        site.validator.state.rmdir()
        old = os.umask(0)
        try:
            site.start(site.broker, site.validator)
        finally:
            os.umask(old)
        state = site.validator.state
        self.assertEqual(mode(state), 0o700)
        while_running = {path.name: mode(path) for path in state.iterdir()}
        self.assertLessEqual(
            {"ledger.log", "index.sqlite", "index.sqlite-wal", "boot"}, set(while_running))
        self.assertEqual(set(while_running.values()), {0o600}, while_running)

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

    def test_a_damaged_index_is_made_anew_at_the_start(self):
        """An index that is damaged where the next rows belong is made anew at the start."""
        site = self.site()
        site.start()
        index = site.validator.state / "index.sqlite"
        tickets = site.mint(200)
        site.gate.scan(*[t.text for t in tickets[:100]])
        site.gate.wait_settled(100)
        self.assertEqual(site.validator.stop(), 0)
        old = index.read_bytes()
        site.validator.start()
        site.gate.scan(*[t.text for t in tickets[100:]])
        site.gate.wait_settled(200)
        self.assertEqual(site.validator.stop(), 0)
        before = self.rows(index)
        # The copy of before opens, for its damage is where the second hundred has to be put.
        index.write_bytes(old)
        with sqlite3.connect(index) as copy:
            page, = copy.execute(
                "select rootpage from sqlite_master where name = 'scans'").fetchone()
            size, = copy.execute("pragma page_size").fetchone()
        with index.open("r+b") as file:
            file.seek((page - 1) * size)
            file.write(b"\xa5" * size)
        site.validator.start()
        self.assertEqual(site.validator.logged("index_unusable"), 1)
        self.assertEqual(site.validator.stop(), 0)
        self.assertEqual(self.rows(index), before)

    def test_a_validator_whose_log_cannot_be_written_goes_on_and_counts_the_lines(self):
        """A validator whose log cannot be written goes on, and counts the lines that are lost."""
        site = self.site()
        site.start(site.broker, site.gate)
        reading, closed = os.pipe()
        os.close(reading)
        self.addCleanup(os.close, closed)
        with open("/dev/full", "wb") as full:
            for count, stderr in enumerate((full, closed), 1):
                site.validator.start(wait=False, stderr=stderr)
                site.gate.scan(site.mint(1)[0].text)
                site.gate.wait_settled(count)
                self.assertEqual(site.validator.stop(), 0)
                reader = site.broker.client(1)
                reader.subscribe("tollkeeper/1/health/1")
                health = json.loads(reader.message().payload)
                reader.leave()
                self.assertEqual(health["status"], "offline")
                self.assertGreater(health["unlogged"], 0)

    def test_a_report_that_cannot_be_written_has_failed(self):
        """A report that cannot be written has failed, and says so."""
        site = self.site()
        site.start(site.broker, site.validator)
        with open("/dev/full", "wb") as full:
            for words in (("report", "--config", site.validator.config), ("--help",)):
                done = subprocess.run(
                    [BIN / "tollkeeper-validator", *words], stdout=full, stderr=subprocess.PIPE)
                self.assertEqual(done.returncode, 1)
                self.assertIn(b"standard output", done.stderr)

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

    def test_a_broker_for_other_machines_has_a_certificate_for_its_address(self):
        """`scripts/broker --listen ADDRESS` listens there alone, with a certificate that names it."""
        address = "127.9.8.7"
        site = self.site(tls=True)
        site.broker.words += ["--listen", address]
        run(*site.broker.words)
        site.broker.launch(*site.broker.words, "--start", stdout=subprocess.DEVNULL)
        site.gate.settings["broker"]["host"] = address
        site.start(site.gate)
        site.gate.wait_status(lambda s: s["link_up"] == 1, "the link over TLS")
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", site.broker.port), timeout=DEADLINE_S)

    def test_a_broker_takes_node_numbers_as_they_are_written_everywhere_else(self):
        """`scripts/broker` refuses a node number with zeros in front, and one that is none."""
        site = self.site()
        other = site.folder / "other"
        for node in ("01001", "0", "", "-5", "1e3"):
            done = run(ROOT / "scripts/broker", other, "--port", 1883, "--node", node, status=2)
            self.assertIn(b"--node", done.stderr)
        self.assertFalse(other.exists())

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
