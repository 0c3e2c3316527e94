"""start: from exec to the first verdict, with a ring of 64 MiB that has hardly a free segment, and
nearly as many uses to bring back from it as there can be.

Invariants: every start finds the same state, as a cut of the power has left it; its verdict is an
admission, durable like any other.
"""

import os
import statistics
import subprocess
import time

from agents import NODE, Agent, bring_back, put_aside, site, tickets
from network import Failed

WARM, COLD = 15, 5
# Segments that stay free: the ring keeps 9 for itself, and a start and a verdict take a few.
FREE = 16
# Beyond this the used-set writes a checkpoint, and there is less to bring back.
USES_MAX = 2040
SECONDS_MAX = 120


def fill(figures, network, codes):
    """Refusals in groups, until there is room for admissions only; then these, a block each."""
    agent = Agent(network, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    agent.wait_status("the agent is up", lambda s: True, 20)
    line, count = b"not a ticket\n", 0
    end = time.monotonic() + SECONDS_MAX
    while not (status := agent.status())["refused_unrecorded"]:
        show(figures, status)
        feed(agent, line, 2048)
        if time.monotonic() > end:
            raise Failed(f"the ring is not full after {SECONDS_MAX} s: {status}")
    for code in codes[:USES_MAX]:
        feed(agent, code.encode() + b"\n", 1)
        count += 1
        if count % 16 == 0:
            status = agent.status()
            show(figures, status)
            if status["free_segments"] <= FREE:
                break
    status = agent.status()
    agent.process.kill()
    agent.process.wait()
    return status


def show(figures, status):
    figures.progress(f"start: filling the ring: {status['free_segments']} segments are free")


def feed(agent, line, count):
    """Shows a code `count` times, and waits for as many verdicts."""
    agent.process.stdin.write(line * count)
    agent.process.stdin.flush()
    for _ in range(count):
        if not agent.process.stdout.readline():
            raise Failed("the agent has ended while the ring was being filled")


def forget_files(network):
    """Takes what the start reads out of memory. Returns how much of it: all files, or only ours."""
    os.sync()
    try:
        with open("/proc/sys/vm/drop_caches", "w", encoding="utf-8") as file:
            file.write("3")
        return "everything"
    except OSError:
        pass
    state = network.path(f"gate-{NODE}")
    for name in os.listdir(state):
        if name == "status":
            continue
        with open(os.path.join(state, name), "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return "the agent's files"


def first_verdict(network, code):
    """Milliseconds from exec to the first verdict."""
    reading, writing = os.pipe()
    os.write(writing, code.encode() + b"\n")
    start = time.monotonic()
    agent = Agent(network, stdin=reading, stdout=subprocess.PIPE)
    verdict = agent.process.stdout.readline()
    milliseconds = (time.monotonic() - start) * 1000
    agent.process.kill()
    agent.process.wait()
    agent.process.stdout.close()
    os.close(reading)
    os.close(writing)
    if b'"valid"' not in verdict:
        raise Failed(f"the first verdict is {verdict.decode().strip() or 'none'}")
    return milliseconds


def bench(figures):
    warm, cold = [], []
    with site(figures) as network:
        *codes, last = tickets(network, USES_MAX + 1)
        status = fill(figures, network, codes)
        put_aside(network)
        for number in range(WARM + COLD):
            is_warm = number < WARM
            figures.progress(f"start: {number + 1} of {WARM + COLD}")
            bring_back(network)
            if not is_warm:
                forgotten = forget_files(network)
            (warm if is_warm else cold).append(first_verdict(network, last))
    figures.part("start.free", status["free_segments"], f"segments of {status['segments']}")
    records = status["admissions_recorded"] + status["refusals_recorded"]
    figures.part("start.records", records, "records in it")
    figures.part("start.replayed", status["used_delta"], "uses brought back")
    figures.part("start.warm_worst", max(warm), "ms")
    figures.part("start.cold_worst", max(cold), f"ms, of {len(cold)}")
    figures.figure("start.warm", statistics.median(warm), "ms", "<= 100")
    figures.figure(
        "start.cold", statistics.median(cold), f"ms with {forgotten} out of memory", "<= 100")
