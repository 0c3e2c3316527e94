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
        site = self.site()
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
                            ("state", '""'), ("port", "65536"), ("level", '"loud"'), ("node", "")):
            wrong = list(lines)
            wrong[at[name] - 1] = f"{name} = {value}"
            with self.subTest(name=name, value=value):
                self.check("tollkeeper", path, "\n".join(wrong) + "\n", at[name])
        for name in ("node", "state", "key", "authority", "trust", "zone"):
            with self.subTest(missing=name):
                without = [line for line in lines if not line.startswith(f"{name} = ")]
                self.check("tollkeeper", path, "\n".join(without) + "\n", r"\d+")

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
        done = tollkeeper("run", "--config", gate.config, status=None)
        self.assertNotEqual(done.returncode, 0)
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
