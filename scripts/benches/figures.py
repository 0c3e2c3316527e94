"""Figures, a line each, and how far a bench has come.

Invariants: standard output has nothing but figures; progress is for a terminal's eyes only.
"""

import re
import statistics
import sys

GOAL = re.compile(r"bench (\S+): (\S+) .*\(goal (<=|>=) ([0-9.]+)\)")


class Figures:
    def __init__(self):
        self.missed = []
        self.is_watched = sys.stderr.isatty()

    def progress(self, text=""):
        """What is being done, on a line that the next one replaces."""
        if self.is_watched:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def line(self, text):
        """A line as it is printed, by us or by a program."""
        self.progress()
        print(text, flush=True)
        found = GOAL.fullmatch(text)
        if not found:
            return
        value, goal = float(found[2]), float(found[4])
        # What is no number has reached nothing.
        if not (value <= goal if found[3] == "<=" else value >= goal):
            self.missed.append(text.removeprefix("bench "))

    def part(self, name, value, unit):
        self.line(f"bench {name}: {number(value)} {unit}")

    def figure(self, name, value, unit, goal):
        self.line(f"bench {name}: {number(value)} {unit} (goal {goal})")


def number(value):
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def median(rounds, key):
    """Of one value of each round; rounds are dictionaries."""
    return statistics.median(values[key] for values in rounds)
