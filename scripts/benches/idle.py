"""idle: how often an agent that has nothing to do wakes in 10 s.

A thread that wakes is switched to, and away from again: its context switches are counted by the
kernel, which wakes nobody.
"""

import os
import subprocess
import time

from agents import Agent, site, tickets

SECONDS = 10
# What a last commit may still want to do.
SETTLING_S = 2
SCANS = 100


def switches(process):
    """Context switches of all threads."""
    count = 0
    for task in os.listdir(f"/proc/{process.pid}/task"):
        with open(f"/proc/{process.pid}/task/{task}/status", encoding="utf-8") as file:
            count += sum(int(line.split()[1]) for line in file if "_ctxt_switches" in line)
    return count


def bench(figures):
    with site(figures) as network:
        codes = tickets(network, SCANS)
        agent = Agent(network, stdin=subprocess.PIPE)
        agent.process.stdin.write("".join(code + "\n" for code in codes).encode())
        agent.process.stdin.flush()
        agent.wait_status("all codes decided", lambda s: s["admitted"] == SCANS, 30)
        figures.progress(f"idle: {SETTLING_S + SECONDS} s of nothing")
        time.sleep(SETTLING_S)
        before = switches(agent.process)
        time.sleep(SECONDS)
        count = switches(agent.process) - before
        threads = len(os.listdir(f"/proc/{agent.process.pid}/task"))
        agent.stop()
    figures.part("idle.threads", threads, "threads looked at")
    figures.figure("idle.wakeups", count, f"wakeups in {SECONDS} s", "<= 0")
