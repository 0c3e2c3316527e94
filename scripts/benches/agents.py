"""A gate of a network as benches need it: its state can be put aside and brought back, it is asked
without starting a process, and it reads codes from wherever a bench has them.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess

from network import EVENT, PROGRAMS, VALIDATOR, ZONE, Failed, Network, wait_until

NODE = 1001
CLOSED, OPEN = "+36000 +36001", "+0 +36000"


@contextlib.contextmanager
def site(figures):
    """A network with one gate, keys, and a trust document. It stays for a look if a bench fails."""
    figures.progress("keys and trust")
    network = Network([NODE])
    try:
        network.key("authority")
        issuer, validator = network.key("issuer"), network.key("validator")
        network.key(f"gate-{NODE}")
        network.sign_trust(issuer, validator, [])
        yield network
    except BaseException as problem:
        network.close()
        if isinstance(problem, Failed):
            raise Failed(f"{problem}\nall keys, logs and rings are in {network.folder}") from None
        network.remove()
        raise
    network.close()
    network.remove()


def tickets(network, count):
    """New tickets as texts."""
    return [text for _, text in network.mint("issuer", count)]


class Agent:
    """The gate's process."""

    def __init__(self, network, *words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                 window=CLOSED, environment=None):
        self.network = network
        self.state = network.path(f"gate-{NODE}")
        self.plan(window)
        self.configure()
        with open(network.path(f"gate-{NODE}.log"), "ab") as log:
            self.process = network.spawn(
                [os.path.join(PROGRAMS, "tollkeeper"), "run", "--config", self.config, "--json",
                 *words], stdin=stdin, stdout=stdout, stderr=log,
                env=os.environ | (environment or {}))

    @property
    def config(self):
        return self.network.path(f"gate-{NODE}.toml")

    def configure(self):
        """Sizes are the defaults: a ring of 64 MiB, a used-set of a million tickets."""
        # Without a broker, a port that nobody is asked for: the window stays shut.
        port = self.network.port or 1883
        password = f'password_file = "broker/{NODE}.password"\n' if self.network.port else ""
        self.network.write(f"gate-{NODE}.toml", f"""node = {NODE}
role = "gate"
event = {EVENT}
zone = {ZONE:#x}
state = "gate-{NODE}"
key = "gate-{NODE}.key"
authority = "authority.key.pub"
trust = "trust.cose"
contacts = "gate-{NODE}.contacts"
[upstream]
node = {VALIDATOR}
[broker]
host = "127.0.0.1"
port = {port}
{password}""")

    def plan(self, window):
        self.network.write(
            f"gate-{NODE}.contacts", f"a contact {window} {NODE} {VALIDATOR} 1000000\n")

    def open_window(self):
        self.plan(OPEN)
        self.process.send_signal(signal.SIGHUP)

    def status(self):
        """Its counters; None while it does not answer."""
        answer = b""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
                asking.connect(os.path.join(self.state, "status"))
                while part := asking.recv(65536):
                    answer += part
        except (FileNotFoundError, ConnectionRefusedError):
            if self.process.poll() is not None:
                raise Failed(f"the agent has ended: see gate-{NODE}.log") from None
            return None
        fields = (line.split() for line in answer.decode().splitlines())
        return {name: int(value, 16 if name == "epoch" else 10) for name, value in fields}

    def wait_status(self, what, holds, seconds):
        """Its counters, as soon as they are as they should be, to a twentieth of a second."""
        def held():
            status = self.status()
            return status if status and holds(status) else None
        return wait_until(what, held, seconds)

    def wait_end(self, seconds):
        """Until it has ended by itself, and well."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"after {seconds} s the agent still runs") from None
        if status != 0:
            raise Failed(f"the agent ended with status {status}: see gate-{NODE}.log")

    def stop(self):
        self.process.terminate()
        self.wait_end(10)


def cpu_seconds(process):
    """CPU that a process with all its threads has taken, to a hundredth of a second."""
    with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def put_aside(network):
    """Keeps the state of the stopped gate."""
    os.rename(network.path(f"gate-{NODE}"), network.path("kept"))


def bring_back(network):
    """The state that was put aside, on the disk as if it had always been there."""
    state = network.path(f"gate-{NODE}")
    shutil.rmtree(state, ignore_errors=True)
    os.mkdir(state, 0o700)
    for name in os.listdir(network.path("kept")):
        if name == "status":
            continue
        copy = shutil.copy2(network.path("kept", name), os.path.join(state, name))
        with open(copy, "rb") as file:
            os.fsync(file.fileno())
