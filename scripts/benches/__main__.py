"""Runs one bench, or all, in the order in which the table has them."""

import os
import signal
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "demos"))

import decisions
import heap
import idle
import start
import sync
from figures import Figures
from network import Failed

BENCHES = {
    "scan": decisions.scan,
    "durable": decisions.durable,
    "sync": sync.bench,
    "heap": heap.bench,
    "idle": idle.bench,
    "start": start.bench,
}


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    signal.signal(signal.SIGTERM, interrupted)
    figures, status = Figures(), 0
    for name in sys.argv[1:] or BENCHES:
        try:
            BENCHES[name](figures)
        except Failed as failure:
            figures.progress()
            print(f"bench: {name}: {failure}", file=sys.stderr)
            status = 1
        except KeyboardInterrupt:
            figures.progress()
            print("bench: interrupted", file=sys.stderr)
            return 1
    for missed in figures.missed:
        print(f"missed: {missed}")
    return status


if __name__ == "__main__":
    sys.exit(main())
