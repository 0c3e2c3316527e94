"""scan and durable: what a process can measure by itself."""

import os
import subprocess
import tempfile

from network import PROGRAMS, Failed

# They take a few seconds each.
SECONDS_MAX = 300


def measured(figures, name):
    figures.progress(f"{name}: deciding")
    with tempfile.TemporaryDirectory(prefix=f"{name}.") as folder:
        try:
            done = subprocess.run(
                [os.path.join(PROGRAMS, "tollkeeper-bench"), name, folder], text=True,
                capture_output=True, stdin=subprocess.DEVNULL, timeout=SECONDS_MAX, check=False)
        except subprocess.TimeoutExpired:
            raise Failed(f"not done after {SECONDS_MAX} s") from None
    if done.returncode != 0:
        raise Failed(f"tollkeeper-bench ended with {done.returncode}\n{done.stderr.strip()}")
    for line in done.stdout.splitlines():
        figures.line(line)


def scan(figures):
    measured(figures, "scan")


def durable(figures):
    measured(figures, "durable")
