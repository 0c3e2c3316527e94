"""A site of real processes: keys, trust, a broker, a validator and gates in one temporary folder.

Invariants: everything that a test starts is ended with the test, however it ends; ports are
loopback's and free; a wait ends when what it waits for has come, and its deadline is a guard
against hangs that measures nothing.
"""

import shutil
import tempfile
import time
import unittest
from pathlib import Path
from typing import NamedTuple

from commands import BIN, DEADLINE_S, EVENT, VALIDATOR, ZONE, tollctl
from programs import Gate, MQTTBroker, Validator


class Ticket(NamedTuple):
    text: str
    cti: str
    identity: str


class Site:
    """`gates` are run by the agent, `rogues` are enrolled devices that the test plays itself;
    `guests` have a password at the broker and nothing else."""

    def __init__(self, test, gates=(1001,), rogues=(), guests=(), tls=False, **settings):
        for name in ("tollkeeper", "tollctl", "tollkeeper-validator"):
            if not (BIN / name).exists():
                raise AssertionError(f"{BIN / name} is not there: run scripts/build")
        self.test = test
        self.tls = tls
        self.folder = Path(tempfile.mkdtemp(prefix="tollkeeper-"))
        self.programs = []
        test.addCleanup(self.remove)
        for name in ["authority", "issuer", "validator", *gates, *rogues]:
            self.new_key(f"{name}.key")
        self.version = 0
        self.epochs = {}
        self.write_trust()
        for node in [*gates, *rogues]:
            self.enroll(node)
        self.sign_trust()
        self.broker = MQTTBroker(self, [*gates, *rogues, *guests], [VALIDATOR], tls)
        self.validator = Validator(self)
        self.gates = {node: Gate(self, node, **settings) for node in gates}
        self.gate = next(iter(self.gates.values()), None)

    def remove(self):
        for program in self.programs:
            program.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, *programs):
        """Starts programs; by default all: broker, validator, gates."""
        for program in programs or [self.broker, self.validator, *self.gates.values()]:
            program.start()

    def wait(self, holds, what, *programs, pause_s=0.02):
        """Waits until `holds()`, as long as the programs run."""
        end = time.monotonic() + DEADLINE_S
        while not holds():
            dead = [p for p in programs if not p.is_running]
            if dead or time.monotonic() > end:
                logs = "\n".join(f"-- {p.name}\n{p.log()[-4000:]}" for p in dead or programs)
                why = f"{dead[0].name} has ended" if dead else "in vain"
                wanted = what() if callable(what) else what
                raise AssertionError(f"waited for {wanted}: {why}\n{logs}")
            time.sleep(pause_s)

    # Keys and trust

    def new_key(self, name):
        return tollctl("key", "new", "--out", self.folder / name)[0]

    def seed(self, name):
        return bytes.fromhex((self.folder / f"{name}.key").read_text())

    def public(self, name):
        return bytes.fromhex((self.folder / f"{name}.key.pub").read_text())

    def write_trust(self):
        """The source of the trust document, without devices."""
        (self.folder / "trust.toml").write_text("\n".join([
            "version = 1", 'network = "test"',
            "[[issuer]]", f'public_key = "{self.public("issuer").hex()}"',
            "[[validator]]", f"node = {VALIDATOR}",
            f'public_key = "{self.public("validator").hex()}"', ""]))

    def enroll(self, node):
        """Enrols a device, or enrols it anew."""
        row = tollctl("device", "enroll", "--node", node, "--role", "gate", "--zone", ZONE, "--key",
                      self.folder / f"{node}.key.pub", "--trust", self.folder / "trust.toml")[0]
        self.epochs[node] = int(row["epoch"], 16)

    def sign_trust(self):
        """Signs the trust document, with the next version."""
        path = self.folder / "trust.toml"
        self.version += 1
        lines = path.read_text().splitlines()
        lines[0] = f"version = {self.version}"
        path.write_text("\n".join(lines) + "\n")
        tollctl("trust", "sign", "--in", path, "--key", self.folder / "authority.key",
                "--out", self.folder / "trust.cose")

    def broker_settings(self, node):
        settings = {"host": "127.0.0.1", "port": self.broker.port,
                    "password_file": f"broker/{node}.password"}
        return settings | ({"tls_ca": "broker/ca.crt"} if self.tls else {})

    def mint(self, count, **options):
        """Tickets; options as of `tollctl ticket mint`."""
        words = [word for name, value in options.items()
                 for word in ("--" + name.replace("_", "-"), value)]
        rows = tollctl("ticket", "mint", "--key", self.folder / "issuer.key", "--event", EVENT,
                       "--zones", ZONE, "--count", count, *words)
        return [Ticket(row["text"], row["cti"], row["identity"]) for row in rows]


class SiteTest(unittest.TestCase):
    """A test with a site of its own; `site` makes it."""

    maxDiff = None

    def site(self, **options):
        return Site(self, **options)
