"""Scanners are unplugged and plugged in again, lose key strokes, and have CapsLock on: the gate says
so, and goes on."""

import errno
import os
import time
import tty
import unittest

from commands import DEADLINE_S, tollkeeper, toml
from harness import SiteTest
from keyboard import (
    CAPS_LOCK, CAPS_LOCK_LIGHT, DROPPED, ENTER, KEY, REPORT, SHIFT, SYN, FifoScanner,
    UinputScanner, why_no_uinput)


class SerialScanner:
    """A serial line at a path that is there exactly while the scanner is plugged in."""

    def __init__(self, path):
        self.path, self.master = path, None

    def plug_in(self):
        self.master, line = os.openpty()
        tty.setraw(line)
        new = self.path.with_suffix(".new")
        new.symlink_to(os.ttyname(line))
        new.rename(self.path)
        # The agent's is the only one then, once it has found it.
        self.line = line

    def send(self, data):
        os.write(self.master, data)

    def unplug(self):
        self.path.unlink()
        self.release()
        os.close(self.master)
        self.master = None

    def release(self):
        if self.line is not None:
            os.close(self.line)
        self.line = None

    def close(self):
        if self.master is not None:
            self.unplug()


class SerialTest(SiteTest):
    def start(self, **settings):
        site = self.site()
        scanner = SerialScanner(site.folder / "scanner")
        self.addCleanup(scanner.close)
        site.gate.settings |= {"input": f"serial:{scanner.path}"} | settings
        return site, scanner

    def test_a_serial_scanner_can_be_unplugged_and_plugged_in_again(self):
        """A serial scanner that is unplugged is missed, found again, and reads on; half a code
        is none."""
        site, scanner = self.start()
        scanner.plug_in()
        site.gate.start()
        tickets = [t.text.encode() for t in site.mint(3)]
        scanner.send(tickets[0] + b"\r")
        site.gate.wait_verdicts(1)
        for number in (1, 2):
            scanner.send(tickets[number][:50])
            scanner.unplug()
            site.gate.wait_logged("scanner_lost", number)
            scanner.plug_in()
            site.gate.wait_logged("scanner_found", number)
            scanner.send(tickets[number] + b"\r")
            site.gate.wait_verdicts(number + 1)
        self.assertEqual([v["result"] for v in site.gate.verdicts], ["valid"] * 3)
        self.assertEqual(site.gate.logged("scanner_lost"), 2)
        self.assertEqual(site.gate.stop(), 0)

    def test_a_gate_starts_without_its_scanner_and_finds_it(self):
        """A gate whose scanner is not plugged in starts, says so, and finds it."""
        site, scanner = self.start()
        site.gate.start()
        site.gate.wait_logged("scanner_lost", error=errno.ENOENT)
        scanner.plug_in()
        site.gate.wait_logged("scanner_found")
        scanner.send(site.mint(1)[0].text.encode() + b"\r\n")
        self.assertEqual(site.gate.wait_verdicts(1)[0]["result"], "valid")

    def test_what_a_scanner_puts_before_a_code_is_no_part_of_it(self):
        """AIM and ECI prefixes are no part of a code, from whatever source."""
        site, scanner = self.start()
        scanner.plug_in()
        site.gate.start()
        one, other, third = [t.text.encode() for t in site.mint(3)]
        scanner.send(b"]Q3" + one + b"\r]Q1\\000026" + other + b"\r\\000003" + third + b"\r]Q1\r")
        results = [v["result"] for v in site.gate.wait_verdicts(4)]
        self.assertEqual(results, ["valid"] * 3 + ["bad_encoding"])
        site.gate.stop()
        site.gate.settings["input"] = "stdin"
        site.gate.verdicts.clear()
        site.gate.start()
        self.assertEqual(site.gate.results(b"]Q1" + one, b"]Q1]Q1" + one),
                         ["used", "bad_encoding"])

    def test_a_wrong_input_is_named_by_its_line(self):
        """An input that is none, and a silence out of range, are named by file and line."""
        site, _ = self.start()
        path = site.gate.config
        for key, value in (("input", "evdev:"), ("input", "serial:"), ("input", "keyboard"),
                           ("silence_ms", 9), ("silence_ms", 10_001)):
            path.write_text(toml({key: value} | {
                k: v for k, v in site.gate.settings.items() if k != key}))
            done = tollkeeper("run", "--config", path, status=2)
            self.assertIn(f"{path}:1: ", done.stderr.decode(), value)

    def test_a_file_is_no_scanner(self):
        """What is no device of the kind that the configuration says is named, and ends the start."""
        site, scanner = self.start()
        for kind in ("serial", "evdev"):
            path = site.folder / f"{kind}-file"
            path.touch()
            site.gate.settings["input"] = f"{kind}:{path}"
            site.gate.start(wait=False)
            self.assertEqual(site.gate.process.wait(90), 1)
            self.assertIn(f"{path}: not a device of this kind\n", site.gate.log())
            site.gate.kill()


class KeyboardTest(SiteTest):
    """The reader of input devices, on a device of the kernel or on one that stands for it."""

    def keyboard(self, **settings):
        site = self.site()
        path = site.folder / "scanner"
        why = why_no_uinput()
        self.environment = dict(os.environ)
        if why is None:
            print(f"{self.id()}: a device of the kernel", flush=True)
            scanner = UinputScanner(path)
        else:
            print(f"{self.id()}: a FIFO for a device ({why})", flush=True)
            scanner = FifoScanner(path, site.folder)
            library = scanner.library(site.folder)
            if library is None:
                self.skipTest("there is no C compiler to make a device of a FIFO")
            self.environment["LD_PRELOAD"] = str(library)
        self.addCleanup(scanner.close)
        site.gate.settings |= {"input": f"evdev:{path}"} | settings
        return site, scanner

    def start(self, site, **environment):
        words = [f"{name}={value}" for name, value in environment.items()]
        if "LD_PRELOAD" in self.environment:
            words.append(f"LD_PRELOAD={self.environment['LD_PRELOAD']}")
        site.gate.start(wrapper=["env", *words])

    def test_a_scanner_that_plays_a_keyboard_is_read(self):
        """Tickets that a scanner types are admitted, ended by Enter or by silence."""
        site, scanner = self.keyboard()
        scanner.plug_in()
        self.start(site)
        tickets = [t.text for t in site.mint(20)]
        for ticket in tickets[:10]:
            scanner.scan(ticket)
        site.gate.wait_verdicts(10)
        for number, ticket in enumerate(tickets[10:], 11):
            scanner.type("]Q1" + ticket)
            site.gate.wait_verdicts(number)
        self.assertEqual([v["result"] for v in site.gate.verdicts], ["valid"] * 20)
        self.assertEqual(site.gate.stop(), 0)

    def test_a_keyboard_scanner_can_be_unplugged_and_plugged_in_again(self):
        """A keyboard scanner that is unplugged is missed and found again; half a code is none."""
        site, scanner = self.keyboard(silence_ms=10_000)
        scanner.plug_in()
        self.start(site)
        tickets = [t.text for t in site.mint(3)]
        scanner.scan(tickets[0])
        site.gate.wait_verdicts(1)
        for number in (1, 2):
            scanner.type(tickets[number][:50])
            scanner.unplug()
            site.gate.wait_logged("scanner_lost", number)
            scanner.plug_in()
            site.gate.wait_logged("scanner_found", number)
            scanner.scan(tickets[number])
            site.gate.wait_verdicts(number + 1)
        self.assertEqual([v["result"] for v in site.gate.verdicts], ["valid"] * 3)

    def test_lost_key_strokes_lose_their_scan_and_ask_for_it_again(self):
        """SYN_DROPPED loses exactly the scan that it meets, asks for it again, and is logged."""
        site, scanner = self.keyboard()
        if not scanner.can_drop:
            self.skipTest("the kernel drops events when it wants to")
        scanner.plug_in()
        self.start(site)
        one, other = [t.text for t in site.mint(2)]
        scanner.type(one[:20])
        scanner.send((SYN, DROPPED, 0), (KEY, SHIFT, 1), (SYN, REPORT, 0))
        scanner.type(one[40:])
        scanner.press(ENTER)
        scanner.scan(other)
        scanner.scan(one)
        said = site.gate.wait_verdicts(3)
        self.assertEqual(said[0], {"event": "scan_again"})
        self.assertEqual([v["result"] for v in said[1:]], ["valid", "valid"])
        self.assertEqual(site.gate.logged("scan_lost", level="warning"), 1)
        self.assertEqual(site.gate.status()["refusals_recorded"], 0)

    def test_capslock_is_named_and_nothing_repaired(self):
        """A ticket that CapsLock has put in small letters is refused, and CapsLock named."""
        site, scanner = self.keyboard()
        scanner.plug_in()
        self.start(site)
        one, other = [t.text for t in site.mint(2)]
        scanner.scan(one.lower())
        self.assertEqual(site.gate.wait_verdicts(1)[0]["result"], "bad_encoding")
        site.gate.wait_logged("scanner_caps_lock", on_here=0, level="warning")
        scanner.press(CAPS_LOCK)
        scanner.scan(one)
        self.assertEqual(site.gate.wait_verdicts(2)[1]["result"], "bad_encoding")
        site.gate.wait_logged("scanner_caps_lock", on_here=1)
        # A scanner that knows of it types so that the text comes out right.
        scanner.scan(one.lower())
        self.assertEqual(site.gate.wait_verdicts(3)[2]["result"], "valid")
        scanner.press(CAPS_LOCK)
        scanner.scan(other)
        self.assertEqual(site.gate.wait_verdicts(4)[3]["result"], "valid")
        self.assertEqual(site.gate.logged("scanner_caps_lock"), 2)

    def test_capslock_that_is_on_at_the_start_counts(self):
        """A keyboard whose CapsLock light is on has CapsLock on."""
        site, scanner = self.keyboard()
        if not scanner.has_lights:
            self.skipTest("the kernel's device has no lights")
        scanner.plug_in()
        self.start(site, TK_TEST_LIGHTS=CAPS_LOCK_LIGHT)
        ticket = site.mint(1)[0].text
        scanner.scan(ticket)
        site.gate.wait_logged("scanner_caps_lock", on_here=1)
        scanner.press(CAPS_LOCK)
        scanner.scan(ticket)
        self.assertEqual(site.gate.wait_verdicts(2)[1]["result"], "valid")

    def test_a_keyboard_that_somebody_else_has_grabbed_is_named(self):
        """A device that another program has for itself is named, and ends the start."""
        site, scanner = self.keyboard()
        if not isinstance(scanner, FifoScanner):
            self.skipTest("only the FIFO can refuse to be grabbed")
        scanner.plug_in()
        site.gate.start(wait=False, wrapper=[
            "env", f"LD_PRELOAD={self.environment['LD_PRELOAD']}",
            f"TK_TEST_GRAB_ERROR={errno.EBUSY}"])
        self.assertEqual(site.gate.process.wait(90), 1)
        self.assertIn(f"{scanner.path}: another program has it for itself\n", site.gate.log())
        site.gate.kill()

    def test_a_scanner_that_is_there_costs_no_wakeups(self):
        """A scanner that is plugged in and quiet wakes the gate never."""
        site, scanner = self.keyboard()
        site.gate.write_plan(is_open=False)
        scanner.plug_in()
        self.start(site)
        scanner.scan(site.mint(1)[0].text)
        site.gate.wait_verdicts(1)
        # What a record leaves to do is done when nothing has moved for three seconds.
        last, end = None, time.monotonic() + DEADLINE_S
        while last != (last := self.wakeups(site.gate)):
            self.assertLess(time.monotonic(), end, "the gate does not come to rest")
            time.sleep(3)

    @staticmethod
    def wakeups(gate):
        """How often the loop has slept so far."""
        with open(f"/proc/{gate.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status
                        if line.startswith("voluntary_ctxt_switches"))


if __name__ == "__main__":
    unittest.main()
