"""What the audience sees: lines with the time since the curtain rose, and bars that grow."""

import os
import sys
import time


class Stage:
    WIDTH = 28

    def __init__(self):
        self.started = time.monotonic()
        self.is_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self.has_colour = self.is_terminal and "NO_COLOR" not in os.environ
        self.drawn = 0
        self.last_drawn = 0.0

    def colour(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.has_colour else text

    def strong(self, text):
        return self.colour("1", text)

    def good(self, text):
        return self.colour("32", text)

    def bad(self, text):
        return self.colour("31", text)

    def faint(self, text):
        return self.colour("2", text)

    def title(self, text):
        print(f"\n{self.strong(text)}", flush=True)

    def say(self, text=""):
        """An event, with its time."""
        seconds = time.monotonic() - self.started
        print(f"{self.faint(f'{seconds:6.1f} s')}  {text}" if text else "", flush=True)

    def more(self, text):
        """What belongs to the event above."""
        print(f"          {text}", flush=True)

    def bar(self, part, whole):
        full = self.WIDTH * min(part, whole) // max(whole, 1)
        return self.good("█" * full) + self.faint("░" * (self.WIDTH - full))

    def draw(self, lines, is_last=False):
        """Lines that replace the ones drawn before; without a terminal, a new set every second."""
        now = time.monotonic()
        if not self.is_terminal and not is_last and now - self.last_drawn < 1:
            return
        self.last_drawn = now
        if self.is_terminal and self.drawn:
            print(f"\033[{self.drawn}A", end="")
        for line in lines:
            print(f"\r\033[K          {line}" if self.is_terminal else f"          {line}")
        sys.stdout.flush()
        self.drawn = 0 if is_last else len(lines)
