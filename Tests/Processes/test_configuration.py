"""What is wrong with a configuration is said with file and line, and ends with status 2."""

import re
import unittest

from commands import BIN, run, tollkeeper, toml
from harness import SiteTest


class ConfigurationTest(SiteTest):
    def check(self, program, path, text, line, words=()):
        """`text` is refused with its file and `line`."""
        path.write_text(text)
        done = run(BIN / program, *(words or ("run", "--config")), path, status=2)
        said = done.stderr.decode()
        self.assertRegex(said, re.escape(str(path)) + rf":{line}: .{{8,}}", text)
        self.assertEqual(done.stdout, b"")

    def test_a_gates_wrong_configuration_is_named_by_file_and_line(self):
        """What is wrong in a gate's configuration is named by file and line, with status 2."""
        site = self.site(baud=9600)
        path = site.gate.config
        good = toml(site.gate.settings)
        lines = good.splitlines()
        count = len(lines)
        at = {line.split(" = ")[0]: number for number, line in enumerate(lines, 1)}
        self.check("tollkeeper", path, good + "colour = 1\n", count + 1)
        self.check("tollkeeper", path, "colour = 1\n" + good, 1)
        self.check("tollkeeper", path, good + "[extra]\n", count + 1)
        self.check("tollkeeper", path, good + "[[device]]\n", count + 1)
        self.check("tollkeeper", path, "node = 5\n" + good, 2)
        self.check("tollkeeper", path, good + "level = \"info\n", count + 1)
        for name, value in (("node", "0"), ("node", "-1"), ("node", '"1001"'), ("zone", "0x1g"),
                            ("zone", "4294967296"), ("event", "9223372036854775808"),
                            ("role", '"rover"'), ("ring_mib", "1"), ("used_tickets", "0"),
                            ("baud", "9601"), ("baud", "0"), ("state", f'"{"s" * 100}"'),
                            ("state", '""'), ("port", "65536"), ("level", '"loud"'), ("node", "")):
            wrong = list(lines)
            wrong[at[name] - 1] = f"{name} = {value}"
            with self.subTest(name=name, value=value):
                self.check("tollkeeper", path, "\n".join(wrong) + "\n", at[name])
        for name in ("node", "role", "state", "key", "authority", "trust", "zone"):
            with self.subTest(missing=name):
                without = [line for line in lines if not line.startswith(f"{name} = ")]
                self.check("tollkeeper", path, "\n".join(without) + "\n", r"\d+")

    def check_run(self, gate, name, *words):
        """A start with the gate's settings is refused with the line of key `name` and with `words`."""
        text = toml(gate.settings)
        line = next(number for number, line in enumerate(text.splitlines(), 1)
                    if line.startswith(f"{name} = "))
        gate.config.write_text(text)
        done = tollkeeper("run", "--config", gate.config, status=2)
        said = done.stderr.decode()
        self.assertIn(f"{gate.config}:{line}: ", said)
        for word in words:
            self.assertIn(str(word), said)
        self.assertEqual(done.stdout, b"")

    def test_what_a_gates_configuration_names_is_told_with_its_line(self):
        """What a gate's configuration names and is not as it must be is told with the key's line."""
        site = self.site()
        gate, folder = site.gate, site.folder
        top, broker = gate.settings, gate.settings["broker"]
        broker["tls_ca"] = "ca.crt"
        (folder / "ca.crt").touch()
        for name in ("key", "authority", "trust", "contacts", "password_file", "tls_ca"):
            table = top if name in top else broker
            with self.subTest(absent=name):
                was, table[name] = table[name], "absent"
                self.check_run(gate, name, folder / "absent", "no such file")
                table[name] = was
        for name in ("key", "authority", "trust"):
            with self.subTest(garbage=name):
                was, top[name] = top[name], "trust.toml"
                self.check_run(gate, name, folder / "trust.toml")
                top[name] = was
        wrong, broker["password_file"] = folder / "password", "password"
        for text, why in (("", "no password"), (" \n", "no password"), ("x" * 129, "128 bytes"),
                          ("x" * 300, "too large")):
            with self.subTest(password=text):
                wrong.write_text(text)
                self.check_run(gate, "password_file", wrong, why)
        wrong.unlink()
        wrong.symlink_to(wrong)
        # What has no words has a number.
        self.check_run(gate, "password_file", wrong, "operating system error 40")

    def test_sizes_that_differ_from_the_files_are_told_with_their_line(self):
        """A ring_mib or used_tickets that differs from the file is told with its line."""
        site = self.site()
        gate = site.gate
        gate.start()
        self.assertEqual(gate.stop(), 0)
        before = {path.name: path.stat().st_size for path in gate.state.iterdir()}
        for name, value in (("used_tickets", 2_000_000), ("used_tickets", 100), ("ring_mib", 16)):
            with self.subTest(name=name, value=value):
                was, gate.settings[name] = gate.settings[name], value
                self.check_run(gate, name, gate.state, "cannot be changed")
                gate.settings[name] = was
        self.assertEqual(
            {path.name: path.stat().st_size for path in gate.state.iterdir()}, before)
        gate.start()
        self.assertEqual(gate.stop(), 0)

    def test_a_scanner_that_cannot_be_one_is_told_with_its_line(self):
        """An input that is no device of its kind is told with its line and path."""
        site = self.site(input="serial:/dev/null")
        gate = site.gate
        gate.config.write_text(toml(gate.settings))
        line = gate.config.read_text().splitlines().index('input = "serial:/dev/null"') + 1
        done = tollkeeper("run", "--config", gate.config, status=1)
        self.assertIn(f"{gate.config}:{line}: /dev/null: not a device".encode(), done.stderr)

    def test_nothing_is_written_to_a_folder_whose_path_is_too_long(self):
        """A state folder whose path leaves no room for the socket is refused before it is made."""
        site = self.site()
        gate = site.gate
        room = 100 - len(str(site.folder)) - 1
        for extra, holds in ((1, False), (0, True)):
            state = site.folder / ("s" * (room + extra))
            gate.settings["state"] = state.name
            if holds:
                gate.start()
                self.assertEqual(gate.status()["boot"], 1)
                self.assertEqual(gate.stop(), 0)
            else:
                self.check_run(gate, "state", "100 bytes")
            self.assertEqual(state.exists(), holds)

    def test_a_validators_wrong_configuration_is_named_by_file_and_line(self):
        """What is wrong in a validator's configuration is named by file and line, with status 2."""
        site = self.site()
        path = site.validator.config
        good = toml(site.validator.settings)
        lines = good.splitlines()
        at = {line.split(" = ")[0]: number for number, line in enumerate(lines, 1)}
        program = "tollkeeper-validator"
        self.check(program, path, "colour = 1\n" + good, 1)
        self.check(program, path, good + "[extra]\n", len(lines) + 1)
        self.check(program, path, "node = 5\n" + good, 2)
        for name, value in (("node", "0"), ("port", "0"), ("level", '"loud"'), ("key", '"absent"'),
                            ("authority", '"trust.toml"'), ("password_file", '"absent"')):
            wrong = list(lines)
            wrong[at[name] - 1] = f"{name} = {value}"
            with self.subTest(name=name, value=value):
                self.check(program, path, "\n".join(wrong) + "\n", at[name])

    def test_a_wrong_trust_source_is_named_by_file_and_line(self):
        """What is wrong in trust.toml is named by file and line, with status 2."""
        site = self.site()
        path = site.folder / "trust.toml"
        good = path.read_text()
        words = ("trust", "sign", "--key", site.folder / "authority.key", "--out",
                 site.folder / "new.cose", "--in")
        count = len(good.splitlines())
        for text in ("[[device]]\nnode = 5\n", "[[issuer]]\npublic_key = \"12\"\n",
                     "[[stranger]]\n", "[[validator]]\nnode = 1\n", "[[device]\n"):
            with self.subTest(text=text):
                self.check("tollctl", path, good + text, rf"({count + 1}|{count + 2})", words)
        self.assertFalse((site.folder / "new.cose").exists())

    def test_a_wrong_contact_plan_is_named_by_file_and_line_and_the_old_one_kept(self):
        """A wrong contact plan is named by file and line; a running agent keeps the one it has."""
        site = self.site()
        gate = site.gate
        gate.config.write_text(toml(gate.settings))
        gate.plan.write_text("# nothing\n\na contact tomorrow\n")
        done = tollkeeper("run", "--config", gate.config, status=2)
        self.assertIn(f"{gate.plan}:3: ".encode(), done.stderr)
        gate.write_plan(is_open=True)
        site.start(site.broker, gate)
        gate.wait_status(lambda s: s["link_up"] == 1, "the link")
        gate.plan.write_text("a contact tomorrow\n")
        gate.process.send_signal(1)
        gate.wait_logged("plan_kept")
        status = gate.status()
        self.assertEqual((status["window_open"], status["link_up"]), (1, 1))

    def test_wrong_usage_ends_with_status_2_and_says_what_to_do(self):
        """Wrong usage ends with status 2 and says what to do; --help ends with 0."""
        for program in ("tollkeeper", "tollctl", "tollkeeper-validator"):
            for words in (("frobnicate",), ("run",), ("--frobnicate",), ()):
                with self.subTest(program=program, words=words):
                    done = run(BIN / program, *words, status=2)
                    self.assertGreater(len(done.stderr + done.stdout), 20)
            self.assertIn(program.encode(), run(BIN / program, "--help").stdout)


if __name__ == "__main__":
    unittest.main()
