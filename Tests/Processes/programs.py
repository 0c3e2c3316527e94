"""The programs of a site as processes: broker, validator, gate.

Invariants: a program's log and verdicts outlive its process, so that a test can look back over
kills; whoever waits for a program that has ended is told so, with its log.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import threading

import mqtt
from commands import (
    BIN, DEADLINE_S, EVENT, ROOT, VALIDATOR, ZONE, free_port, run, tollkeeper, toml)


_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _die_with_the_test():
    """Ends the process with the test's, should that be killed before it can clean up."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Program:
    """A process of the site, with its log."""

    def __init__(self, site, name):
        self.site, self.name = site, name
        self.log_path = site.folder / f"{name}.log"
        self.process = None
        site.programs.append(self)

    def launch(self, *command, stderr=None, **options):
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command], stderr=log if stderr is None else stderr,
                start_new_session=True, preexec_fn=_die_with_the_test, **options)

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def logged(self, event, **fields):
        """How many log lines there are of an event with these fields."""
        wanted = [f"event={event}"] + [f"{key}={value}" for key, value in fields.items()]
        return sum(all(word in line.split() for word in wanted) for line in self.log().splitlines())

    def wait_logged(self, event, count=1, **fields):
        self.site.wait(lambda: self.logged(event, **fields) >= count,
                       f"{self.name} to log {event} {fields} {count} times", self)

    def kill(self):
        """kill -9, of what it has started too."""
        if self.is_running:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self, number=signal.SIGTERM):
        """Asks it to stop; returns its exit status."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)


class MQTTBroker(Program):
    """mosquitto, as scripts/broker configures it."""

    def __init__(self, site, nodes, validators, tls):
        super().__init__(site, "broker")
        self.folder = site.folder / "broker"
        self.port = free_port()
        self.words = [ROOT / "scripts/broker", self.folder, "--port", self.port]
        for node in nodes:
            self.words += ["--node", node]
        for node in validators:
            self.words += ["--validator", node]
        if tls:
            self.words += ["--tls"]
        run(*self.words)

    def own_log(self):
        """What mosquitto says; "as NODE" of a client that has named itself."""
        return (self.folder / "mosquitto.log").read_text()

    def password(self, node):
        return (self.folder / f"{node}.password").read_text().strip()

    def start(self):
        self.launch(*self.words, "--start", stdout=subprocess.DEVNULL)
        self.site.wait(self._answers, "the broker to listen", self)

    def _answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S).close()
            return True
        except ConnectionRefusedError:
            return False

    def wipe(self):
        """What it had kept is lost: sessions, queues, retained messages."""
        (self.folder / "mosquitto.db").unlink(missing_ok=True)

    def client(self, node, **options):
        client = mqtt.Client(self.port, str(node), str(node), self.password(node), **options)
        self.site.test.addCleanup(client.close)
        if client.answer.reason != 0:
            raise AssertionError(f"the broker refused {node}: {client.answer.reason}")
        return client


class Validator(Program):
    def __init__(self, site):
        super().__init__(site, "validator")
        self.config = site.folder / "validator.toml"
        self.state = site.folder / "validator"
        self.state.mkdir()
        self.settings = {
            "node": VALIDATOR, "key": "validator.key", "authority": "authority.key.pub",
            "trust": "trust.cose", "state": "validator",
            "broker": site.broker_settings(VALIDATOR), "log": {"level": "debug"}}

    def start(self, wait=True, stderr=None):
        """Waits until the ledger is read and, where the broker runs, what is published is heard."""
        self.config.write_text(toml(self.settings))
        ready, up = self.logged("ledger_ready"), self.logged("link_up")
        self.launch(BIN / "tollkeeper-validator", "run", "--config", self.config, stderr=stderr,
                    stdout=subprocess.DEVNULL)
        if wait:
            self.wait_logged("ledger_ready", ready + 1)
        if wait and self.site.broker.is_running:
            self.wait_logged("link_up", up + 1)

    def report(self):
        """`report --json` as lists by kind, and its totals."""
        done = run(BIN / "tollkeeper-validator", "report", "--config", self.config, "--json")
        found = {"devices": {}, "duplicates": [], "evidence": [], "totals": None}
        for line in done.stdout.splitlines():
            row = json.loads(line)
            if "height" in row and "consumed_tickets" in row:
                found["totals"] = row
            elif "device" in row:
                found["devices"][(row["device"], row["epoch"])] = row
            elif "duplicate" in row:
                found["duplicates"].append(row)
            elif "evidence" in row:
                found["evidence"].append(row)
        return found

    def wait_report(self, holds, what):
        """Waits until a report is as it should be, and returns it."""
        last = {}

        def check():
            last["report"] = self.report()
            return holds(last["report"])

        self.site.wait(check, lambda: f"{what}; the last report was {last}", self, pause_s=0.2)
        return last["report"]


class Gate(Program):
    def __init__(self, site, node, **settings):
        super().__init__(site, f"gate-{node}")
        self.node = node
        self.config = site.folder / f"gate-{node}.toml"
        self.state = site.folder / f"gate-{node}"
        self.plan = site.folder / f"gate-{node}.contacts"
        self.settings = {
            "node": node, "role": "gate", "event": EVENT, "zone": ZONE, "state": self.state.name,
            "key": f"{node}.key", "authority": "authority.key.pub", "trust": "trust.cose",
            "contacts": self.plan.name, "ring_mib": 8, "used_tickets": 20_000,
            "upstream": {"node": VALIDATOR}, "broker": site.broker_settings(node),
            "log": {"level": "debug"}} | settings
        self.reader = None
        self.condition = threading.Condition()
        self.verdicts = []
        self.has_ended = True
        self.write_plan(is_open=True)

    def write_plan(self, is_open):
        start, stop = ("+0", "+36000") if is_open else ("+36000", "+36001")
        self.plan.write_text(f"a contact {start} {stop} {self.node} {VALIDATOR} 1000000\n")

    def open_window(self):
        self.write_plan(is_open=True)
        self.process.send_signal(signal.SIGHUP)

    def close_window(self):
        self.write_plan(is_open=False)
        self.process.send_signal(signal.SIGHUP)

    def start(self, wait=True, wrapper=(), words=()):
        self.config.write_text(toml(self.settings))
        ready = self._starts()
        self.launch(*wrapper, BIN / "tollkeeper", "run", "--config", self.config, "--json", *words,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.has_ended = False
        self.reader = threading.Thread(
            target=self._read, args=[self.process.stdout], daemon=True)
        self.reader.start()
        if wait:
            self.site.wait(lambda: self._starts() > ready, f"{self.name} to start", self)

    def _starts(self):
        return self.logged("created") + self.logged("recovered")

    def _read(self, stream):
        for line in stream:
            if not line.endswith(b"\n"):
                break
            with self.condition:
                self.verdicts.append(json.loads(line))
                self.condition.notify_all()
        with self.condition:
            self.has_ended = True
            self.condition.notify_all()

    def kill(self):
        super().kill()
        self._close()

    def stop(self, number=signal.SIGTERM):
        status = super().stop(number)
        self._close()
        return status

    def _close(self):
        if self.reader is None:
            return
        self.reader.join(DEADLINE_S)
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.stdout.close()

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def scan(self, *codes):
        """Shows codes, texts or bytes; returns as many verdicts, in order."""
        first = len(self.verdicts)
        self.write(b"".join(
            (code.encode() if isinstance(code, str) else code) + b"\n" for code in codes))
        return self.wait_verdicts(first + len(codes))[first:]

    def results(self, *codes):
        return [verdict["result"] for verdict in self.scan(*codes)]

    def wait_verdicts(self, count):
        with self.condition:
            self.condition.wait_for(
                lambda: len(self.verdicts) >= count or self.has_ended, DEADLINE_S)
            if len(self.verdicts) < count:
                raise AssertionError(
                    f"{self.name} gave {len(self.verdicts)} verdicts, not {count}\n{self.log()}")
            return list(self.verdicts)

    def status(self):
        done = tollkeeper("status", "--config", self.config, "--json")
        return json.loads(done.stdout)

    def wait_status(self, holds, what):
        """Waits until the counters are as they should be, and returns them."""
        last = {}

        def check():
            last["status"] = self.status()
            return holds(last["status"])

        self.site.wait(check, lambda: f"{what}; the last status was {last}", self, pause_s=0.05)
        return last["status"]

    def wait_settled(self, records=None):
        """Waits until the device holds a receipt for every record, and there are `records`."""
        return self.wait_status(
            lambda s: s["unreceipted"] == 0 and (
                records is None or s["admissions_recorded"] + s["refusals_recorded"] >= records),
            f"{self.name} to have receipts for {records or 'all'} records")

    def ring(self):
        """The records that the ring holds."""
        done = tollkeeper("ring", "list", self.state / "ring", "--json")
        return [json.loads(line) for line in done.stdout.splitlines()]
