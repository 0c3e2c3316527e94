"""sync: how fast 50,000 records go from a ring to their receipt through mosquitto on loopback,
beside how fast the same records arrive as messages of `mosquitto_pub -l`.

Invariants: both go through a broker that was just started with the same configuration; each round
finds the same full ring, and a ledger and a broker that know nothing; a round counts only if the
ledger and the ring agree that everything arrived.
"""

import base64
import hashlib
import os
import shutil
import struct
import subprocess
import time

from agents import NODE, Agent, bring_back, cpu_seconds, put_aside, site, tickets
from figures import median
from network import Failed, objects, run, wait_until

RECORDS = 50_000
ROUNDS = 5
# Of one round, of either kind.
SECONDS_MAX = 120
# Who plays the message without a gate, and who takes it.
SENDER, TAKER = 2001, 2002
SEGMENTS_AT, PAGE_BYTES, HEADER_BYTES, FRAME_BYTES = 65_536, 4096, 512, 48


def fill(figures, network):
    """A ring of 50,000 admissions that nobody has receipted."""
    figures.progress(f"sync: minting {RECORDS} tickets")
    network.write("codes", "".join(text + "\n" for text in tickets(network, RECORDS)))
    figures.progress(f"sync: admitting {RECORDS}")
    with open(network.path("codes"), "rb") as stdin:
        Agent(network, "--until-end", stdin=stdin).wait_end(SECONDS_MAX)
    found = check_ring(network)
    if found["admissions_recorded"] != RECORDS or found["refusals_recorded"]:
        raise Failed(f"the ring has not {RECORDS} admissions: {found}")
    put_aside(network)


def check_ring(network):
    return objects(
        run("tollkeeper", "ring", "check", network.path(f"gate-{NODE}", "ring"), "--json"))[0]


def records(path):
    """The bytes of every record of a ring (Sources/Core/Rings/FORMAT.md), by its own hash."""
    with open(path, "rb") as file:
        ring = file.read()
    for at in range(SEGMENTS_AT, len(ring), PAGE_BYTES):
        if ring[at:at + 4] != b"TKRB":
            continue
        frame, count = at + HEADER_BYTES, struct.unpack_from("<H", ring, at + 44)[0]
        for _ in range(count):
            length, = struct.unpack_from("<H", ring, frame)
            record = ring[frame + FRAME_BYTES:frame + FRAME_BYTES + length]
            if hashlib.blake2b(record, digest_size=32).digest() != ring[frame + 16:frame + 48]:
                raise Failed("a record of the ring is not what its frame says")
            yield record
            frame += (FRAME_BYTES + length + 7) // 8 * 8


def write_lines(network):
    """The records as mosquitto_pub takes them; returns how many bytes a record has."""
    lines = [base64.b64encode(record) for record in records(network.path("kept", "ring"))]
    if len(lines) != RECORDS:
        raise Failed(f"there are {len(lines)} records in the ring's blocks, not {RECORDS}")
    with open(network.path("lines"), "wb") as file:
        file.write(b"".join(line + b"\n" for line in lines))
    return sum(len(base64.b64decode(line)) for line in lines) / len(lines)


def log_has(network, log, text):
    try:
        with open(network.path(log), encoding="utf-8", errors="replace") as file:
            return text in file.read()
    except FileNotFoundError:
        return False


def fresh_broker(network):
    shutil.rmtree(network.path("broker"), ignore_errors=True)
    network.start_broker()
    return network.processes[-1]


def stop(process):
    process.terminate()
    process.wait(10)


def our_round(network):
    """From the opening of the window to the last receipt."""
    bring_back(network)
    shutil.rmtree(network.path("validator"), ignore_errors=True)
    broker = fresh_broker(network)
    network.start_validator()
    validator = network.validator
    wait_until("the validator is connected",
               lambda: log_has(network, "validator.log", "event=link_up"), 20)
    agent = Agent(network, stdin=subprocess.PIPE)
    agent.wait_status("the agent has found its ring", lambda s: s["unreceipted"] == RECORDS, 20)
    programs = {"agent": agent.process, "validator": validator, "broker": broker}
    before = {name: cpu_seconds(program) for name, program in programs.items()}
    start = time.monotonic()
    agent.open_window()
    while (status := agent.status())["unreceipted"]:
        if time.monotonic() > start + SECONDS_MAX:
            raise Failed(f"no receipt for every record after {SECONDS_MAX} s: {status}")
        # An answer costs the agent as much as half a bundle.
        time.sleep(0.005)
    seconds = time.monotonic() - start
    values = {name: (cpu_seconds(program) - before[name]) / RECORDS * 1e6
              for name, program in programs.items()}
    agent.stop()
    network.stop_validator()
    stop(broker)
    check(network, status)
    return values | {"rate": RECORDS / seconds, "resent": status["bundles_resent"],
                     "bundles": status["bundles_sent"]}


def check(network, status):
    _, _, totals = network.report()
    ring = check_ring(network)
    found = {"ledger": totals["scans"], "ring": ring["admissions_receipted"],
             "status": status["admissions_receipted"]}
    if set(found.values()) != {RECORDS} or totals["duplicates"] or totals["gaps"]:
        raise Failed(f"not everything arrived once: {found} {totals}")


def client(network, program, node, *words, **streams):
    """A client of mosquitto's own, as user `node`."""
    with open(network.path("broker", f"{node}.password"), encoding="utf-8") as file:
        password = file.read().strip()
    return network.spawn(
        [program, "-h", "127.0.0.1", "-p", str(network.port), "-i", str(node), "-u", str(node),
         "-P", password, "-q", "1", *words], stderr=subprocess.DEVNULL, **streams)


def their_round(network):
    """From the start of mosquitto_pub to the last message at mosquitto_sub."""
    broker = fresh_broker(network)
    taker = client(
        network, "mosquitto_sub", TAKER, "-t", f"tollkeeper/1/bundle/{TAKER}/+", "-C", str(RECORDS),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wait_until("mosquitto_sub is connected",
               lambda: log_has(network, "broker/mosquitto.log", f" as {TAKER} "), 20)
    # Its subscription follows; the log does not name it.
    time.sleep(0.5)
    with open(network.path("lines"), "rb") as lines:
        start = time.monotonic()
        sender = client(
            network, "mosquitto_pub", SENDER, "-t", f"tollkeeper/1/bundle/{TAKER}/{SENDER}", "-l",
            stdin=lines, stdout=subprocess.DEVNULL)
        try:
            status = taker.wait(SECONDS_MAX)
        except subprocess.TimeoutExpired:
            raise Failed(f"mosquitto_sub has not all messages after {SECONDS_MAX} s") from None
        seconds = time.monotonic() - start
    if status != 0 or sender.wait(20) != 0:
        raise Failed(f"mosquitto_sub ended with {status}, mosquitto_pub with {sender.returncode}")
    stop(broker)
    return {"rate": RECORDS / seconds}


def bench(figures):
    ours, theirs = [], []
    with site(figures) as network:
        fill(figures, network)
        size = write_lines(network)
        # They have a password at the broker, and nothing else.
        network.nodes += [SENDER, TAKER]
        for number in range(ROUNDS):
            figures.progress(f"sync: round {number + 1} of {ROUNDS}, mosquitto_pub")
            theirs.append(their_round(network))
            figures.progress(f"sync: round {number + 1} of {ROUNDS}, ours")
            ours.append(our_round(network))
        figures.progress()
    figures.part("sync.record", size, "bytes")
    figures.part("sync.mosquitto_pub", median(theirs, "rate"), "messages/s")
    figures.part("sync.ring_to_receipt", median(ours, "rate"), "records/s")
    for name in ("agent", "validator", "broker"):
        figures.part(f"sync.{name}_cpu", median(ours, name), "us a record, to the last receipt")
    figures.part("sync.bundles", int(median(ours, "bundles")), "bundles up")
    figures.part("sync.resent", int(median(ours, "resent")), "of them again")
    ratios = [{"ratio": our["rate"] / their["rate"]} for our, their in zip(ours, theirs)]
    figures.figure(
        "sync.ratio", median(ratios, "ratio"), "times the messages of mosquitto_pub -l", ">= 3")
