"""A GPIO chip with a gate's lines: through the kernel's gpio-sim where there is one, otherwise through
files that stand for it (answer_gpio.c).

Invariants: both have the same lines at the same offsets, and events in the kernel's own layout and
clock; `wires` is what a meter would show, whatever is active.
"""

import os
import shutil
import struct
import subprocess
import time
from pathlib import Path

LINES = ("OPEN", "GREEN", "RED", "BUZZER", "PASS", "ALARM")
OUTPUTS = 4
RISING, FALLING = 1, 2
# struct gpio_v2_line_event
_EVENT = struct.Struct("@QIIII24x")
_CONFIGFS = Path("/sys/kernel/config/gpio-sim")


class FileChip:
    """Without gpio-sim."""

    is_kernel = False

    def __init__(self, folder, active_low=()):
        self.folder = Path(folder) / "gpio"
        self.folder.mkdir()
        self.path = self.folder / "chip"
        self.path.touch()
        os.mkfifo(self.folder / "edges")
        self.edges = os.open(self.folder / "edges", os.O_RDWR)
        self.library = Path(folder) / "answer_gpio.so"
        self.count = 0

    def build(self):
        """Makes the library; whether there is a compiler to do it."""
        return subprocess.run(
            ["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", self.library,
             Path(__file__).with_name("answer_gpio.c"), "-ldl"], capture_output=True).returncode == 0

    def wrapper(self, active=""):
        """What the gate is started with; offsets of inputs that are active at the start."""
        return ["env", f"LD_PRELOAD={self.library}", f"TK_TEST_GPIO={self.folder}",
                f"TK_TEST_GPIO_ACTIVE={active}"]

    def history(self):
        """The levels of the output wires, each time that they were set."""
        path = self.folder / "outputs"
        return [line[:OUTPUTS] for line in path.read_text().splitlines()] if path.exists() else []

    def wires(self):
        return (self.history() or [None])[-1]

    def requests(self):
        return (self.folder / "requests").read_text().splitlines()

    def touch(self, line, is_active, age_ms=0):
        """An edge, seen `age_ms` ago. The kernel reports those that were asked for."""
        wanted = next(words for words in map(str.split, self.requests()) if words[1] == line)
        if ("rising" if is_active else "falling") not in wanted:
            return
        self.count += 1
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) - age_ms * 1_000_000
        os.write(self.edges, _EVENT.pack(
            now, RISING if is_active else FALLING, LINES.index(line), self.count, self.count))

    def break_outputs(self):
        (self.folder / "fail").touch()

    def mend_outputs(self):
        (self.folder / "fail").unlink()

    def lose_inputs(self):
        """The next edge finds a chip that has gone."""
        (self.folder / "gone").touch()
        self.touch("PASS", True)

    def close(self):
        os.close(self.edges)


class SimulatedChip:
    """A chip of the kernel."""

    is_kernel = True

    def __init__(self, folder, active_low=()):
        self.active_low = active_low
        self.root = _CONFIGFS / f"tollkeeper-{os.getpid()}-{time.monotonic_ns()}"
        bank = self.root / "bank0"
        bank.mkdir(parents=True)
        (bank / "num_lines").write_text("8")
        for offset, name in enumerate(LINES):
            line = bank / f"line{offset}"
            line.mkdir()
            (line / "name").write_text(name)
        (self.root / "live").write_text("1")
        chip = (bank / "chip_name").read_text().strip()
        self.sysfs = Path("/sys/devices/platform", (self.root / "dev_name").read_text().strip(), chip)
        self.path = Path("/dev", chip)
        for line in ("PASS", "ALARM"):
            self.touch(line, False)

    def build(self):
        return True

    def wrapper(self, active=""):
        for offset in active:
            self.touch(LINES[int(offset)], True)
        return []

    def wires(self):
        return "".join((self.sysfs / f"sim_gpio{offset}" / "value").read_text().strip()
                       for offset in range(OUTPUTS))

    def touch(self, line, is_active):
        is_high = is_active != (line in self.active_low)
        place = self.sysfs / f"sim_gpio{LINES.index(line)}" / "pull"
        place.write_text("pull-up" if is_high else "pull-down")
        # Longer than a contact has to be steady.
        time.sleep(0.05)

    def close(self):
        (self.root / "live").write_text("0")
        for place in [*(self.root / "bank0").glob("line*"), self.root / "bank0", self.root]:
            place.rmdir()


def why_no_gpio_sim():
    """None if the kernel lets us make chips."""
    if modprobe := shutil.which("modprobe", path="/usr/sbin:/sbin"):
        subprocess.run([modprobe, "gpio-sim"], capture_output=True)
    if not _CONFIGFS.is_dir():
        return f"there is no {_CONFIGFS}"
    return None if os.access(_CONFIGFS, os.W_OK) else f"{_CONFIGFS} is not ours to write"

