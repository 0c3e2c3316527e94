"""Who reads what a gate says, or does not: its verdicts, its log, its status, its ring."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

import rogue
from commands import BIN, DEADLINE_S, tollkeeper, toml
from harness import SiteTest

HEADER, PAGE, SEGMENT = 512, 4096, 65536  # Rings/FORMAT.md
ADMISSIONS = 2


class StreamTest(SiteTest):
    def pipe(self):
        """A pipe that holds one page."""
        reading, writing = os.pipe()
        for end in (reading, writing):
            self.addCleanup(self.close, end)
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PAGE)
        return reading, writing

    def close(self, descriptor):
        try:
            os.close(descriptor)
        except OSError:
            pass  # The test has closed it.

    def start(self, gate, stdout=subprocess.DEVNULL, stderr=None):
        gate.config.write_text(toml(gate.settings))
        gate.launch(BIN / "tollkeeper", "run", "--config", gate.config, stdin=subprocess.PIPE,
                    stdout=stdout, stderr=stderr)
        self.addCleanup(self.close_input, gate)
        gate.site.wait((gate.state / "status").exists, "the gate to start", gate)

    def close_input(self, gate):
        gate.kill()
        try:
            gate.process.stdin.close()
        except BrokenPipeError:
            pass

    def write(self, gate, tickets):
        """Shows tickets, however long the gate takes."""
        def show():
            try:
                gate.write(b"".join(ticket.text.encode() + b"\n" for ticket in tickets))
            except BrokenPipeError:
                pass  # The gate has ended before it took them all.

        writer = threading.Thread(target=show, daemon=True)
        writer.start()
        return writer

    def test_scans_go_on_when_the_reader_of_the_verdicts_has_gone(self):
        """Scans go on, and are recorded, when the reader of the verdicts has gone."""
        site = self.site()
        reading, writing = self.pipe()
        self.start(site.gate, stdout=writing)
        os.close(writing)
        os.close(reading)
        for count, ticket in enumerate(site.mint(3), 1):
            site.gate.write(ticket.text.encode() + b"\n")
            site.gate.wait_status(lambda s: s["admitted"] == count, "the scan to be decided")
        self.assertEqual(site.gate.stop(), 0)
        self.assertEqual(len(site.gate.ring()), 3)

    def test_a_reader_of_verdicts_that_stalls_stops_scans_and_nothing_else(self):
        """A reader of verdicts that stalls stops scans and nothing else; no verdict is lost."""
        site = self.site()
        site.start(site.broker, site.validator)
        reading, writing = self.pipe()
        self.start(site.gate, stdout=writing)
        os.close(writing)
        tickets = site.mint(3000)
        writer = self.write(site.gate, tickets)
        site.gate.wait_status(lambda s: s["admitted"] > 0, "the first scans")
        # It talks to the broker, and answers who asks.
        admitted = []
        for version in (2, 3):
            site.sign_trust()
            site.validator.process.send_signal(signal.SIGHUP)
            status = site.gate.wait_status(
                lambda s: s["trust_version"] == version and s["unreceipted"] == 0,
                "the new trust document, and all that was taken to settle")
            admitted.append(status["admitted"])
        self.assertEqual(admitted[0], admitted[1])
        self.assertLess(admitted[1], 1000)
        with open(reading, "rb", closefd=False) as verdicts:
            for _ in tickets:
                self.assertEqual(verdicts.readline().split()[0], b"valid")
        writer.join(DEADLINE_S)
        self.assertEqual(site.gate.wait_settled(3000)["admitted"], 3000)
        self.assertEqual(site.gate.stop(), 0)

    def test_a_gate_whose_reader_stalls_stops_on_sigterm(self):
        """A gate whose reader of verdicts stalls stops within five seconds of SIGTERM."""
        site = self.site()
        reading, writing = self.pipe()
        self.start(site.gate, stdout=writing)
        os.close(writing)
        self.write(site.gate, site.mint(1000))
        site.gate.wait_status(lambda s: s["admitted"] > 0, "the first scans")
        start = time.monotonic()
        self.assertEqual(site.gate.stop(), 0)
        # Four seconds of patience, and what a busy machine adds.
        self.assertLess(time.monotonic() - start, 10)
        # What was taken is recorded.
        tollkeeper("ring", "check", site.gate.state / "ring")
        self.assertIn(len(site.gate.ring()), range(1, 1000))

    def test_log_lines_that_nobody_takes_are_dropped_and_counted(self):
        """Log lines that nobody takes are dropped and counted, and scans go on."""
        site = self.site()
        reading, writing = self.pipe()
        self.start(site.gate, stderr=writing)
        os.close(writing)

        def reload():
            site.gate.process.send_signal(signal.SIGHUP)
            return site.gate.status()["log_dropped"] > 0

        site.wait(reload, "a line to be dropped", site.gate)
        # What is wrong with a plan is told to whoever reads, and waited for no longer than a second.
        site.gate.plan.write_text("a contact tomorrow\n")
        site.gate.process.send_signal(signal.SIGHUP)
        site.gate.write(site.mint(1)[0].text.encode() + b"\n")
        site.gate.wait_status(lambda s: s["admitted"] == 1, "the scan to be decided")
        self.assertEqual(site.gate.stop(), 0)
        os.set_blocking(reading, False)
        for line in os.read(reading, 2 * PAGE).splitlines():
            self.assertTrue(line.startswith(b"time="), line)

    def test_status_does_not_wait_for_an_agent_that_hangs(self):
        """`status` says that an agent does not answer which hangs, and fails."""
        site = self.site()
        site.gate.start()
        site.gate.process.send_signal(signal.SIGSTOP)
        done = tollkeeper("status", "--config", site.gate.config, status=1)
        self.assertIn(b"does not answer", done.stderr)
        self.assertEqual(done.stdout, b"")
        site.gate.process.send_signal(signal.SIGCONT)
        self.assertEqual(site.gate.status()["admitted"], 0)

    def test_repeated_codes_are_counted(self):
        """Codes that are dropped because they were the one before again are counted."""
        site = self.site(debounce_ms=60_000)
        site.gate.start()
        first, second = site.mint(2)
        site.gate.write(b"".join(t.text.encode() + b"\n" for t in (first, first, first, second)))
        site.gate.wait_verdicts(2)
        status = site.gate.wait_status(lambda s: s["debounced"] == 2, "two codes to be dropped")
        self.assertEqual((status["admitted"], status["refused"]), (2, 0))

    def test_a_record_that_cannot_be_read_is_named(self):
        """`ring list` names a record that cannot be read, lists the rest, and fails."""
        site = self.site()
        site.gate.start()
        site.gate.results("no ticket")
        site.gate.results(site.mint(1)[0].text)
        self.assertEqual(site.gate.stop(), 0)
        ring = site.gate.state / "ring"
        self.assertEqual(len(site.gate.ring()), 2)
        self.make_unreadable(ring)
        done = tollkeeper("ring", "list", ring, "--json", status=1)
        self.assertEqual(len(done.stdout.splitlines()), 1)
        self.assertIn(b"class 2 with sequence 1 ", done.stderr)

    def make_unreadable(self, path):
        """The only admission becomes bytes that are no record, in a block that is whole."""
        ring = bytearray(path.read_bytes())
        identity = bytes(ring[8:24])
        start = next(
            offset for offset in range(SEGMENT, len(ring), PAGE)
            if ring[offset:offset + 4] == b"TKRB" and ring[offset + 46] == ADMISSIONS
            and ring[offset + 44] == 1)
        end = start + int.from_bytes(ring[start + 12:start + 16], "little")
        frame = start + HEADER
        record = b"\xff" * int.from_bytes(ring[frame:frame + 2], "little")
        ring[frame + 16:frame + 48] = rogue.blake2b(record)
        ring[frame + 48:frame + 48 + len(record)] = record
        ring[start + 8:start + 12] = rogue.crc32c(bytes(ring[frame:end])).to_bytes(4, "little")
        ring[start + 4:start + 8] = rogue.crc32c(
            identity + start.to_bytes(8, "little") + bytes(ring[start + 8:frame])
        ).to_bytes(4, "little")
        path.write_bytes(ring)


class NameTest(SiteTest):
    def test_scans_go_on_while_the_brokers_name_is_looked_up_in_vain(self):
        """Scans go on while the lookup of the broker's name hangs, and after it has failed."""
        site = self.site()
        gate = site.gate
        server = self.silent_name_server()
        resolver = site.folder / "resolv.conf"
        resolver.write_text(
            f"nameserver {server.getsockname()[0]}\noptions timeout:3 attempts:1\n")
        gate.settings["broker"]["host"] = "broker.example"
        gate.start(wrapper=["unshare", "-m", "sh", "-c",
                            'mount --bind "$0" /etc/resolv.conf && exec "$@"', resolver])
        # The question is there, and nobody answers.
        self.assertIn(b"example", server.recv(512))
        tickets = site.mint(2)
        self.assertEqual(gate.results(tickets[0].text), ["valid"])
        self.assertEqual(gate.logged("broker_not_found"), 0, "the lookup ended too early")
        gate.wait_logged("broker_not_found")
        self.assertEqual(gate.results(tickets[1].text), ["valid"])
        self.assertEqual(gate.status()["link_up"], 0)
        self.assertEqual(gate.stop(), 0)

    def silent_name_server(self):
        """A socket on port 53 of a loopback address of its own; names are not looked up elsewhere."""
        if os.geteuid() != 0 or not shutil.which("unshare"):
            self.skipTest("only root gives a process another name server")
        if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
            self.skipTest("a mount namespace cannot be made here")
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(server.close)
        server.settimeout(DEADLINE_S)
        server.bind(("127.53.53.53", 53))
        return server


if __name__ == "__main__":
    unittest.main()
