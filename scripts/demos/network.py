"""A whole network in a folder: keys, tickets, trust document, broker, validator and gates.

Everything that it starts ends with it. What it knows about the programs is their command line.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = os.path.join(ROOT, ".build", "bin")

EVENT = 2026
ZONE = 0x1
VALIDATOR = 1


class Failed(Exception):
    """Something did not happen that should have; says what."""


def run(program, *words):
    """What one of our programs prints; its exit status must be 0."""
    command = [os.path.join(PROGRAMS, program), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Failed(f"{program} {' '.join(map(str, words))}\n{done.stderr.strip()}")
    return done.stdout


def objects(text):
    """The JSON objects of a program's output, one a line."""
    return [json.loads(line) for line in text.splitlines() if line]


def wait_until(what, condition, seconds):
    """The first true value of `condition`, asked every 50 ms."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"after {seconds} s still not: {what}")
        time.sleep(0.05)


class Gate:
    """A running agent: codes go in through a pipe, verdicts come out of another."""

    def __init__(self, network, node):
        self.node = node
        self.config = network.path(f"gate-{node}.toml")
        self.ring = network.path(f"gate-{node}", "ring")
        self.verdicts = []
        self.events = {}
        self.started = time.monotonic()
        self.process = network.spawn(
            [os.path.join(PROGRAMS, "tollkeeper"), "run", "--config", self.config, "--json"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.readers = [
            threading.Thread(target=self._read_verdicts, daemon=True),
            threading.Thread(
                target=self._read_log, args=(network.path(f"gate-{node}.log"),), daemon=True),
        ]
        for reader in self.readers:
            reader.start()

    def _read_verdicts(self):
        for line in self.process.stdout:
            self.verdicts.append(json.loads(line))

    def _read_log(self, path):
        with open(path, "wb") as log:
            for line in self.process.stderr:
                log.write(line)
                log.flush()
                for field in line.split():
                    if field.startswith(b"event="):
                        self.events.setdefault(field[6:].decode(), time.monotonic())

    def scan(self, codes):
        try:
            self.process.stdin.write("".join(code + "\n" for code in codes).encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failed(f"gate {self.node} has ended: see gate-{self.node}.log") from None

    def status(self):
        return objects(run("tollkeeper", "status", "--config", self.config, "--json"))[0]

    def is_up(self):
        if self.process.poll() is not None:
            raise Failed(f"gate {self.node} has ended: see gate-{self.node}.log")
        return os.path.exists(os.path.join(os.path.dirname(self.ring), "status"))

    def stop(self):
        """Ends the agent as an operator would, and waits for its last line."""
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(10) != 0:
            raise Failed(f"gate {self.node} ended with status {self.process.returncode}")
        for reader in self.readers:
            reader.join(5)

    def ring_check(self):
        return objects(run("tollkeeper", "ring", "check", self.ring, "--json"))[0]


class Network:
    def __init__(self, gates):
        self.nodes = list(gates)
        self.folder = tempfile.mkdtemp(prefix="tollkeeper-demo.")
        self.processes = []
        self.port = None
        self.validator = None

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    # Keys, tickets, trust

    def key(self, name):
        return objects(run("tollctl", "key", "new", "--out", self.path(name + ".key"), "--json"))[0]

    def mint(self, key, count, *options, zones=ZONE):
        """`count` tickets as (id in hex, text)."""
        output = run(
            "tollctl", "ticket", "mint", "--key", self.path(key + ".key"), "--event", EVENT,
            "--zones", hex(zones), "--count", count, *options, "--json")
        return [(ticket["cti"], ticket["text"]) for ticket in objects(output)]

    def sell(self, key, count):
        """`count` tickets as a pretix shop sells them, as (seed in hex, text)."""
        output = run("tollctl", "ticket", "mint", "--format", "sig1", "--key",
                     self.path(key + ".key"), "--count", count, "--json")
        return [(ticket["seed"].encode().hex(), ticket["text"]) for ticket in objects(output)]

    def sign_trust(self, issuer, validator, revoked, shop=None, refunded=()):
        """The document that everybody goes by: `revoked` are ids of the issuer's tickets,
        `refunded` seeds (in hex) of the shop's."""
        text = f'version = 1\nnetwork = "demo"\n\n[[issuer]]\nkid = "{issuer["kid"]}"\n'
        text += f'public_key = "{issuer["public_key"]}"\nevents = [{EVENT}]\n'
        text += f'\n[[validator]]\nnode = {VALIDATOR}\npublic_key = "{validator["public_key"]}"\n'
        if shop:
            text += f'\n[[pretix_event]]\nevent = {EVENT}\npublic_key = "{shop["public_key"]}"\n'
        for ticket in revoked:
            text += f'\n[[revoked]]\nissuer = "{issuer["kid"]}"\nticket = "{ticket}"\n'
        for seed in refunded:
            text += f'\n[[revoked]]\nevent = {EVENT}\nseed = "{bytes.fromhex(seed).decode()}"\n'
        self.write("trust.toml", text)
        for node in self.nodes:
            run("tollctl", "device", "enroll", "--node", node, "--role", "gate", "--zone", ZONE,
                "--key", self.path(f"gate-{node}.key.pub"), "--trust", self.path("trust.toml"))
        self.sign()

    def sign(self):
        run("tollctl", "trust", "sign", "--in", self.path("trust.toml"),
            "--key", self.path("authority.key"), "--out", self.path("trust.cose"))

    def rotate(self, issuer, key):
        """A new key for the issuer, beside the old one for an hour; the validator hears of it."""
        run("tollctl", "trust", "rotate", "--trust", self.path("trust.toml"), "--kid",
            issuer["kid"], "--key", self.path(key + ".key.pub"), "--overlap", 3600)
        self.sign()
        self.validator.send_signal(signal.SIGHUP)

    # Processes

    def spawn(self, command, **streams):
        process = subprocess.Popen(command, **streams)
        self.processes.append(process)
        return process

    def start_broker(self):
        """On a free port. Somebody may take it before mosquitto does: then on another."""
        for _ in range(5):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
            words = [os.path.join(ROOT, "scripts", "broker"), self.path("broker"),
                     "--port", str(self.port), "--validator", str(VALIDATOR), "--start"]
            for node in self.nodes:
                words += ["--node", str(node)]
            with open(self.path("broker.log"), "wb") as log:
                process = self.spawn(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            while process.poll() is None:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                        return
                time.sleep(0.02)
        raise Failed("mosquitto does not start: see broker.log and broker/mosquitto.log")

    def broker_section(self, node):
        return (f'[broker]\nhost = "127.0.0.1"\nport = {self.port}\n'
                f'password_file = "broker/{node}.password"\n')

    def start_validator(self):
        os.mkdir(self.path("validator"))
        self.write("validator.toml", f"""node = {VALIDATOR}
key = "validator.key"
authority = "authority.key.pub"
trust = "trust.cose"
state = "validator"
{self.broker_section(VALIDATOR)}""")
        with open(self.path("validator.log"), "wb") as log:
            self.validator = self.spawn(
                [os.path.join(PROGRAMS, "tollkeeper-validator"), "run",
                 "--config", self.path("validator.toml")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start_gate(self, node, opens):
        """A gate whose window opens `opens` seconds after its start and stays open."""
        self.write(f"gate-{node}.contacts",
                   f"a contact +{opens} +3600 {node} {VALIDATOR} 1000000\n")
        self.write(f"gate-{node}.toml", f"""node = {node}
role = "gate"
event = {EVENT}
zone = {ZONE:#x}
state = "gate-{node}"
key = "gate-{node}.key"
authority = "authority.key.pub"
trust = "trust.cose"
contacts = "gate-{node}.contacts"
input = "stdin"
ring_mib = 16
used_tickets = 100000
[upstream]
node = {VALIDATOR}
{self.broker_section(node)}""")
        gate = Gate(self, node)
        wait_until(f"gate {node} answers", gate.is_up, 10)
        return gate

    def report(self):
        """What is in the ledger: devices by node, duplicates, totals."""
        rows = objects(run(
            "tollkeeper-validator", "report", "--config", self.path("validator.toml"), "--json"))
        devices = {row["device"]: row for row in rows if "device" in row}
        duplicates = [row for row in rows if "duplicate" in row]
        return devices, duplicates, rows[-1]

    def stop_validator(self):
        self.validator.send_signal(signal.SIGTERM)
        if self.validator.wait(10) != 0:
            raise Failed(f"the validator ended with status {self.validator.returncode}")

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
