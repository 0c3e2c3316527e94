"""A gate opens for who is admitted, sees who goes through, and closes: on a panel, and on the lines of a
GPIO chip."""

import os
import re
import shutil
import signal
import stat
import subprocess
import time
import unittest

from commands import DEADLINE_S, tollkeeper, toml
from gpio import FileChip, SimulatedChip, why_no_gpio_sim
from harness import SiteTest

PANEL = re.compile(r"event=panel open=([01]) green=([01]) red=([01]) buzzer=([01])$", re.MULTILINE)
LONG_MS = 600_000


class OutputTest(SiteTest):
    def gate(self, **settings):
        """A gate with no window open, and its table [gate]."""
        site = self.site()
        site.gate.write_plan(is_open=False)
        site.gate.settings["gate"] = settings
        return site, site.gate


class PanelTest(OutputTest):
    def panel(self, **settings):
        site, gate = self.gate(**{
            "output": "panel", "panel_input": "panel", "mode": "level", "pass_timeout_ms": LONG_MS
        } | settings)
        self.fifo = site.folder / "panel"
        return site, gate

    def say(self, line):
        """What a person would do with `echo`."""
        with self.fifo.open("w") as fifo:
            fifo.write(line + "\n")

    @staticmethod
    def lines(gate):
        """The panel's lines so far: open, green, red, buzzer."""
        return ["".join(match) for match in PANEL.findall(gate.log())]

    def wait_lines(self, gate, lines):
        gate.site.wait(lambda: self.lines(gate) == lines,
                       lambda: f"the panel to show {lines}, not {self.lines(gate)}", gate)

    def test_an_admission_opens_and_pass_closes(self):
        """A valid ticket opens with green and one beep, and PASS closes."""
        site, gate = self.panel()
        gate.start()
        self.assertEqual(gate.results(site.mint(1)[0].text), ["valid"])
        self.wait_lines(gate, ["1101", "1100"])
        self.say("pass")
        self.wait_lines(gate, ["1101", "1100", "0000"])
        gate.wait_logged("passed", level="debug")
        status = gate.status()
        self.assertEqual([status[name] for name in ("passed", "annulled", "forced")], [1, 0, 0])
        self.assertEqual(gate.stop(), 0)

    def test_who_does_not_pass_is_annulled(self):
        """Without PASS the gate closes when the time is over; the admission is annulled by a record
        of its own, and the ticket admits again."""
        site, gate = self.panel(pass_timeout_ms=300)
        gate.start()
        ticket = site.mint(1)[0].text
        gate.scan(ticket)
        gate.wait_logged("annulled")
        self.wait_lines(gate, ["1101", "1100", "0000"])
        status = gate.wait_status(lambda s: s["admissions_recorded"] == 2, "the record of it")
        self.assertEqual([status[name] for name in ("passed", "annulled", "forced")], [0, 1, 0])
        self.assertEqual(gate.results(ticket), ["valid"])
        self.say("pass")
        gate.wait_logged("passed")
        self.assertEqual(gate.results(ticket), ["used"])

    def test_a_refusal_is_red_with_three_beeps_and_opens_nothing(self):
        """A refused ticket gives a second of red and three beeps; the gate stays closed."""
        site, gate = self.panel()
        gate.start()
        start = time.monotonic()
        self.assertEqual(gate.results("no ticket"), ["bad_encoding"])
        self.wait_lines(gate, ["0011", "0010"] * 3 + ["0000"])
        self.assertGreaterEqual(time.monotonic() - start, 1)

    def test_a_pulse_has_its_length(self):
        """In pulse mode the line is active for its time, and green lasts until PASS."""
        site, gate = self.panel(mode="pulse", pulse_ms=200)
        gate.start()
        gate.scan(site.mint(1)[0].text)
        self.wait_lines(gate, ["1101", "1100", "0100"])
        self.say("pass")
        self.wait_lines(gate, ["1101", "1100", "0100", "0000"])

    def test_a_second_admission_waits_for_the_first_to_pass(self):
        """Two admissions are two openings, the second after the first PASS."""
        site, gate = self.panel()
        gate.start()
        gate.scan(*[t.text for t in site.mint(2)])
        self.wait_lines(gate, ["1101", "1100"])
        self.say("pass")
        self.wait_lines(gate, ["1101", "1100", "0000", "1100"])
        self.say("pass")
        self.wait_lines(gate, ["1101", "1100", "0000", "1100", "0000"])
        self.assertEqual(gate.status()["passed"], 2)

    def test_more_admissions_than_the_gate_holds_wait_and_none_is_lost(self):
        """Twenty tickets at once are twenty admissions that all end, one after the other."""
        site, gate = self.panel(mode="pulse", pulse_ms=100, pass_timeout_ms=100)
        gate.start()
        self.assertEqual(gate.results(*[t.text for t in site.mint(20)]), ["valid"] * 20)
        self.say("pass")
        gate.wait_status(lambda s: s["passed"] + s["annulled"] + s["forced"] >= 20,
                         "twenty admissions to end")
        status = gate.status()
        self.assertEqual(status["passed"] + status["annulled"], 20)
        self.assertEqual(gate.stop(), 0)

    def test_pass_without_an_admission_is_forced(self):
        """Who goes through a closed gate is a warning and is counted."""
        site, gate = self.panel()
        gate.start()
        self.say("pass")
        gate.wait_logged("forced", level="warning")
        self.assertEqual(gate.status()["forced"], 1)
        self.assertEqual(self.lines(gate), [])

    def test_the_fire_alarm_is_logged_and_moves_no_line(self):
        """The fire alarm is an alarm in the log once each time; the gate goes on as before."""
        site, gate = self.panel()
        gate.start()
        for line in ("alarm on", "alarm on", "alarm off"):
            self.say(line)
        gate.wait_logged("alarm", level="warning", on=0)
        self.assertEqual(gate.logged("alarm", level="alarm", on=1), 1)
        self.assertEqual(self.lines(gate), [])
        self.assertEqual(gate.results(site.mint(1)[0].text), ["valid"])
        self.wait_lines(gate, ["1101", "1100"])

    def test_what_means_nothing_at_the_panels_input_is_said_to(self):
        """A line that is no input is a warning, however long it is."""
        site, gate = self.panel()
        gate.start()
        self.assertEqual(stat.S_IMODE(self.fifo.stat().st_mode), 0o600)
        for number, line in enumerate(("open", "", "pass " * 100, "passpasspasspasspass"), 1):
            self.say(line)
            gate.wait_logged("panel_input_unknown", number)
        self.say("pass")
        gate.wait_logged("forced")

    def test_a_killed_agent_opens_nothing_again(self):
        """After kill -9 nothing moves; the next start finds the gate closed and the ticket used."""
        site, gate = self.panel()
        gate.start()
        ticket = site.mint(1)[0].text
        gate.scan(ticket)
        self.wait_lines(gate, ["1101", "1100"])
        gate.kill()
        self.say_to_nobody("pass")
        gate.start()
        self.assertEqual(gate.results(ticket), ["used"])
        self.wait_lines(gate, ["1101", "1100"] + ["0011", "0010"] * 3 + ["0000"])
        self.assertEqual(gate.status()["passed"], 0)

    def say_to_nobody(self, line):
        """A FIFO that nobody reads takes nothing."""
        with self.assertRaises(OSError):
            os.close(os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK))

    def test_a_stop_waits_for_who_is_going_through(self):
        """SIGTERM closes the gate after the last PASS."""
        site, gate = self.panel()
        gate.start()
        gate.scan(site.mint(1)[0].text)
        self.wait_lines(gate, ["1101", "1100"])
        gate.process.terminate()
        time.sleep(0.5)
        self.assertTrue(gate.is_running)
        self.say("pass")
        self.assertEqual(gate.process.wait(DEADLINE_S), 0)
        self.assertEqual(self.lines(gate), ["1101", "1100", "0000"])
        self.assertEqual(gate.logged("stopped_while_open"), 0)

    def test_a_stop_records_who_did_not_go_through(self):
        """Whose time is over while the agent stops is annulled, and that is durable at the end."""
        site, gate = self.panel(pass_timeout_ms=1000)
        gate.start()
        gate.scan(site.mint(1)[0].text)
        self.assertEqual(gate.stop(), 0)
        self.assertEqual(gate.logged("annulled"), 1)
        self.assertEqual(gate.logged("stopped_while_open"), 0)
        self.assertEqual(len(gate.ring()), 2)

    def test_a_stop_does_not_wait_for_ever(self):
        """SIGTERM closes the gate although nobody passes, and says so."""
        site, gate = self.panel()
        gate.start()
        gate.scan(site.mint(1)[0].text)
        self.wait_lines(gate, ["1101", "1100"])
        self.assertEqual(gate.stop(), 0)
        self.assertEqual(self.lines(gate), ["1101", "1100", "0000"])
        self.assertEqual(gate.logged("stopped_while_open", admissions=1), 1)

    def test_no_line_moves_before_the_record_is_durable(self):
        """The gate opens after the flush of the ring that holds the record."""
        if not shutil.which("strace"):
            self.skipTest("strace is not installed")
        if subprocess.run(["strace", "-f", "true"], capture_output=True).returncode != 0:
            self.skipTest("strace may not trace here")
        site, gate = self.panel()
        trace = site.folder / "trace"
        gate.start(wrapper=["strace", "-f", "-y", "-s", "200", "-o", trace,
                            "-e", "trace=fdatasync,write"])
        started = len(trace.read_text())
        gate.scan(site.mint(1)[0].text)
        self.wait_lines(gate, ["1101", "1100"])
        site.wait(lambda: "open=1" in trace.read_text()[started:], "strace to write", gate)
        before = trace.read_text()[started:].split("open=1")[0]
        self.assertRegex(before, r"fdatasync(\(\d+<[^>]*/ring>| resumed>).*= 0\n")

    def test_a_gate_at_rest_costs_no_wakeups(self):
        """A panel and its input wake a gate at rest never."""
        site, gate = self.panel(pass_timeout_ms=100)
        gate.start()
        gate.scan(site.mint(1)[0].text)
        gate.wait_logged("annulled")
        last, end = None, time.monotonic() + DEADLINE_S
        while last != (last := self.wakeups(gate)):
            self.assertLess(time.monotonic(), end, "the gate does not come to rest")
            time.sleep(3)

    @staticmethod
    def wakeups(gate):
        """How often the loop has slept so far."""
        with open(f"/proc/{gate.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status
                        if line.startswith("voluntary_ctxt_switches"))

    def test_a_wrong_table_is_named_by_file_and_line(self):
        """What is wrong in [gate] is named by file and line, with status 2."""
        site, gate = self.panel()
        good = {k: v for k, v in gate.settings.items() if k != "gate"}
        path = gate.config
        first = len(toml(good).splitlines()) + 2
        for wrong in ({"output": "lamp"}, {"mode": "door"}, {"pulse_ms": 99}, {"pulse_ms": 60_001},
                      {"pass_timeout_ms": 99}, {"open_line": ""}, {"open_line": "x" * 33},
                      {"active_low": ["door"]}, {"pull_up": "pass"}, {"colour": 1}):
            path.write_text(toml(good | {"gate": wrong}))
            said = tollkeeper("run", "--config", path, status=2).stderr.decode()
            self.assertIn(f"{path}:{first}: ", said, wrong)
        for wrong in ({"open_line": "A", "pass_line": "A"}, {"output": "gpio", "open_line": "1"},
                      {"output": "gpio", "chip": "/dev/null"}):
            path.write_text(toml(good | {"gate": wrong}))
            said = tollkeeper("run", "--config", path, status=2).stderr.decode()
            self.assertRegex(said, rf"{re.escape(str(path))}:({first + 1}|{first + 2}): ", wrong)

    def test_a_panels_input_that_is_something_else_is_named(self):
        """A panel's input that is a file already ends the start."""
        site, gate = self.panel()
        self.fifo.touch()
        gate.start(wait=False)
        self.assertEqual(gate.process.wait(DEADLINE_S), 1)
        self.assertIn(f"{self.fifo}: not a device of this kind\n", gate.log())


class GPIOTest(OutputTest):
    """Lines of a chip of the kernel, or of files that stand for one."""

    def chip(self, needs_files=False, active_low=(), **settings):
        site, gate = self.gate()
        why = why_no_gpio_sim()
        if why is None and not needs_files:
            print(f"{self.id()}: a chip of the kernel", flush=True)
            chip = SimulatedChip(site.folder, active_low)
        else:
            print(f"{self.id()}: files for a chip ({why or 'gpio-sim cannot do this'})", flush=True)
            chip = FileChip(site.folder, active_low)
        self.addCleanup(chip.close)
        if not chip.build():
            self.skipTest("there is no C compiler to make a chip of files")
        gate.settings["gate"] = {
            "output": "gpio", "chip": str(chip.path), "open_line": "OPEN", "green_line": "1",
            "red_line": "RED", "buzzer_line": "3", "pass_line": "PASS", "alarm_line": "ALARM",
            "active_low": [line.lower() for line in active_low], "mode": "level",
            "pass_timeout_ms": LONG_MS} | settings
        return site, gate, chip

    def wait_wires(self, gate, chip, wires):
        gate.site.wait(lambda: chip.wires() == wires,
                       lambda: f"the wires to be {wires}, not {chip.wires()}", gate)

    def test_the_lines_of_a_chip_follow_the_verdicts(self):
        """An admission opens until PASS, a refusal is red, each on its line."""
        site, gate, chip = self.chip()
        gate.start(wrapper=chip.wrapper())
        gate.scan(site.mint(1)[0].text)
        self.wait_wires(gate, chip, "1100")
        chip.touch("PASS", True)
        chip.touch("PASS", False)
        self.wait_wires(gate, chip, "0000")
        gate.scan("no ticket")
        self.wait_wires(gate, chip, "0010")
        self.wait_wires(gate, chip, "0000")
        status = gate.status()
        self.assertEqual([status[name] for name in ("passed", "annulled", "forced")], [1, 0, 0])
        self.assertEqual(gate.stop(), 0)

    def test_lines_that_are_active_low_are_high_at_rest(self):
        """`active_low` turns a wire round, outputs and inputs."""
        site, gate, chip = self.chip(active_low=("OPEN", "BUZZER", "PASS"))
        gate.start(wrapper=chip.wrapper())
        gate.scan(site.mint(1)[0].text)
        self.wait_wires(gate, chip, "0101")
        chip.touch("PASS", True)
        chip.touch("PASS", False)
        self.wait_wires(gate, chip, "1001")
        status = gate.status()
        self.assertEqual([status[name] for name in ("passed", "annulled", "forced")], [1, 0, 0])

    def test_a_fire_alarm_that_is_on_at_the_start_is_logged(self):
        """A fire alarm is logged if it is on already, and when it goes off and on again."""
        site, gate, chip = self.chip()
        gate.start(wrapper=chip.wrapper(active="5"))
        gate.wait_logged("alarm", on=1, level="alarm")
        chip.touch("ALARM", False)
        gate.wait_logged("alarm", on=0)
        chip.touch("ALARM", True)
        gate.wait_logged("alarm", 2, on=1)
        self.assertEqual(gate.status()["forced"], 0)

    def test_lines_are_taken_as_the_configuration_says(self):
        """Outputs are taken inactive, inputs with their edges, pull-up and 10 ms of debounce."""
        site, gate, chip = self.chip(
            needs_files=True, active_low=("OPEN", "PASS"), pull_up=["pass"])
        gate.start(wrapper=chip.wrapper())
        output, common = " debounce_us=0 value=0 for=tollkeeper", "debounce_us=10000 value=0 for=tollkeeper"
        self.assertEqual(chip.requests(), [
            "output OPEN active_low" + output, "output GREEN" + output, "output RED" + output,
            "output BUZZER" + output, f"input PASS active_low pull_up rising {common}",
            f"input ALARM rising falling {common}"])

    def test_who_passes_in_time_is_not_late_because_the_loop_is(self):
        """The kernel's time of a PASS counts, not the loop's: a stopped agent annuls nobody who went
        through before the time was over."""
        site, gate, chip = self.chip(needs_files=True, pass_timeout_ms=2000)
        gate.start(wrapper=chip.wrapper())
        for is_late in (False, True):
            gate.scan(site.mint(1)[0].text)
            gate.process.send_signal(signal.SIGSTOP)
            time.sleep(2.5)
            chip.touch("PASS", True, age_ms=0 if is_late else 2000)
            gate.process.send_signal(signal.SIGCONT)
            gate.wait_logged("forced" if is_late else "passed")
        status = gate.status()
        self.assertEqual([status[name] for name in ("passed", "annulled", "forced")], [1, 1, 1])

    def test_outputs_that_fail_are_an_alarm_and_are_tried_again(self):
        """Lines that cannot be set are told once, and set when they can be."""
        site, gate, chip = self.chip(needs_files=True)
        gate.start(wrapper=chip.wrapper())
        chip.break_outputs()
        self.assertEqual(gate.results(site.mint(1)[0].text), ["valid"])
        gate.wait_logged("gate_output_failed", level="alarm", error=5)
        self.assertIsNone(chip.wires())
        chip.mend_outputs()
        self.wait_wires(gate, chip, "1100")
        gate.wait_logged("gate_output_works")
        self.assertEqual(gate.logged("gate_output_failed"), 1)

    def test_inputs_that_are_lost_are_an_alarm_and_annul_nobody(self):
        """Without its inputs a gate opens and closes, and annuls nobody who may have gone through."""
        site, gate, chip = self.chip(needs_files=True, pass_timeout_ms=300)
        gate.start(wrapper=chip.wrapper())
        chip.lose_inputs()
        gate.wait_logged("gate_inputs_lost", level="alarm", error=19)
        gate.scan(site.mint(1)[0].text)
        self.wait_wires(gate, chip, "0000")
        self.assertIn("1101", chip.history())
        status = gate.status()
        self.assertEqual([status[name] for name in ("passed", "annulled", "forced")], [0, 0, 0])
        self.assertEqual(gate.logged("gate_inputs_lost"), 1)

    def test_what_cannot_be_had_is_named_by_line_chip_and_wire(self):
        """A chip that is none, a wire that is not there or somebody else's: named, and no start."""
        site, gate, chip = self.chip(needs_files=True)
        table = gate.settings["gate"]
        rows = [("chip", str(site.folder / "absent"), "absent: no such file or folder"),
                ("chip", "/dev/null", "/dev/null: not a device of this kind"),
                ("open_line", "DOOR", "line DOOR: there is no such line"),
                ("pass_line", "8", "line 8: there is no such line"),
                ("red_line", "FOREIGN", "line FOREIGN: another program has it for itself"),
                ("pass_line", "0", "line 0: another program has it for itself")]
        for key, value, said in rows:
            gate.settings["gate"] = table | {key: value}
            gate.start(wait=False, wrapper=chip.wrapper())
            self.assertEqual(gate.process.wait(DEADLINE_S), 1)
            lines = gate.config.read_text().splitlines()
            number = next(i for i, line in enumerate(lines, 1) if line.startswith(f"{key} = "))
            last = gate.log().splitlines()[-1]
            self.assertIn(f"{gate.config}:{number}: ", last)
            self.assertTrue(last.endswith(said), last)
            gate.kill()


if __name__ == "__main__":
    unittest.main()
