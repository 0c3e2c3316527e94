"""A scanner that plays a US keyboard: through the kernel's uinput where there is one, otherwise
through a FIFO that stands for the device (answer_ioctls.c).

Invariants: the events are those of the kernel, in its own layout and clock; the path at which the
agent looks is a link that is there exactly while the scanner is plugged in.
"""

import fcntl
import os
import struct
import subprocess
import time
from pathlib import Path

ROWS = ((41, "`", "~"), (2, "1234567890-=", "!@#$%^&*()_+"),
        (16, "qwertyuiop[]", "QWERTYUIOP{}"), (30, "asdfghjkl;'", 'ASDFGHJKL:"'),
        (43, "\\", "|"), (44, "zxcvbnm,./", "ZXCVBNM<>?"), (57, " ", " "))
KEYS = {character: (first + place, is_shifted)
        for first, *texts in ROWS
        for is_shifted, text in reversed(list(enumerate(texts)))
        for place, character in enumerate(text)}
SYN, KEY = 0, 1
REPORT, DROPPED = 0, 3
ENTER, SHIFT, CAPS_LOCK = 28, 42, 58
CAPS_LOCK_LIGHT = 2
_EVENT = struct.Struct("@llHHi")
_UI_DEV_CREATE, _UI_DEV_DESTROY, _UI_DEV_SETUP = 0x5501, 0x5502, 0x405C5503
_UI_SET_EVBIT, _UI_SET_KEYBIT = 0x40045564, 0x40045565
_UI_GET_SYSNAME = 0x8040552C


class _Scanner:
    def __init__(self, path):
        self.path = Path(path)

    def link(self, device):
        """The link appears at once and whole, as udev makes it."""
        new = self.path.with_suffix(".new")
        new.symlink_to(device)
        new.rename(self.path)

    def strokes(self, text):
        for character in text:
            code, is_shifted = KEYS[character]
            if is_shifted:
                yield SHIFT, 1
            yield code, 1
            yield code, 0
            if is_shifted:
                yield SHIFT, 0

    def type(self, text):
        """Types a text, without an end."""
        for code, value in self.strokes(text):
            self.send((KEY, code, value), (SYN, REPORT, 0))

    def press(self, code):
        for value in (1, 0):
            self.send((KEY, code, value), (SYN, REPORT, 0))

    def scan(self, text):
        self.type(text)
        self.press(ENTER)


class FifoScanner(_Scanner):
    """Without uinput."""

    can_drop = True
    has_lights = True

    def __init__(self, path, folder):
        super().__init__(path)
        self.folder, self.count, self.fd = Path(folder), 0, None

    def plug_in(self):
        self.count += 1
        device = self.folder / f"event{self.count}"
        os.mkfifo(device)
        # For reading too: a FIFO without a writer would be a device that has gone.
        self.fd = os.open(device, os.O_RDWR)
        self.link(device)

    def unplug(self):
        self.path.unlink()
        os.close(self.fd)
        self.fd = None

    def send(self, *events):
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        os.write(self.fd, b"".join(
            _EVENT.pack(now // 10**9, now % 10**9 // 1000, *event) for event in events))

    def close(self):
        if self.fd is not None:
            self.unplug()

    @staticmethod
    def library(folder):
        """What makes the FIFO a device to the agent; None if it cannot be made."""
        library = Path(folder) / "answer_ioctls.so"
        done = subprocess.run(
            ["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library,
             Path(__file__).with_name("answer_ioctls.c"), "-ldl"], capture_output=True)
        return library if done.returncode == 0 else None


class UinputScanner(_Scanner):
    """A device of the kernel."""

    can_drop = False
    has_lights = False

    def __init__(self, path):
        super().__init__(path)
        self.fd = None

    def plug_in(self):
        fd = os.open("/dev/uinput", os.O_WRONLY)
        for kind in (SYN, KEY):
            fcntl.ioctl(fd, _UI_SET_EVBIT, kind)
        for code in range(1, 128):
            fcntl.ioctl(fd, _UI_SET_KEYBIT, code)
        fcntl.ioctl(fd, _UI_DEV_SETUP, struct.pack("@HHHH80sI", 3, 1, 1, 1, b"test scanner", 0))
        fcntl.ioctl(fd, _UI_DEV_CREATE)
        self.fd = fd
        name = fcntl.ioctl(fd, _UI_GET_SYSNAME, bytes(64)).split(b"\0")[0].decode()
        event = next(Path("/sys/devices/virtual/input", name).glob("event*")).name
        device = Path("/dev/input", event)
        end = time.monotonic() + 10
        while not device.exists() and time.monotonic() < end:
            time.sleep(0.01)
        self.link(device)

    def unplug(self):
        self.path.unlink()
        fcntl.ioctl(self.fd, _UI_DEV_DESTROY)
        os.close(self.fd)
        self.fd = None

    def send(self, *events):
        for event in events:
            os.write(self.fd, _EVENT.pack(0, 0, *event))
        # A reader that is a few milliseconds late must not find its 64 events overrun.
        time.sleep(0.0005)

    def close(self):
        if self.fd is not None:
            self.unplug()


def why_no_uinput():
    """None if the kernel lets us make devices."""
    try:
        os.close(os.open("/dev/uinput", os.O_WRONLY))
        return None
    except OSError as error:
        return f"/dev/uinput: {error.strerror}"
