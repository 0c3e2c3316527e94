"""What the commands do with their words, their files and their output."""

import json
import os
import resource
import signal
import subprocess
import unittest

from commands import BIN, DEADLINE_S, EVENT, ROOT, ZONE, run, tollctl, tollkeeper, toml
from harness import SiteTest


def without_room():
    """In the child: a write beyond 40 bytes of a file is an error."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40))


class OutputTest(SiteTest):
    def check_full(self, *words, **options):
        """A command whose output cannot be written has failed, and names it."""
        with open("/dev/full", "wb") as full, self.subTest(words=words):
            done = subprocess.run(
                [str(word) for word in words], stdout=full, stderr=subprocess.PIPE,
                timeout=DEADLINE_S, **({"stdin": subprocess.DEVNULL} | options))
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(b"standard output", done.stderr)
            self.assertIn(b"space", done.stderr.lower())

    def test_output_that_cannot_be_written_is_a_failure(self):
        """Output that cannot be written is a failure of every command, and named."""
        site = self.site()
        site.start(site.gate)
        site.gate.scan(site.mint(1)[0].text)
        folder, gate, control = site.folder, BIN / "tollkeeper", BIN / "tollctl"
        ring = site.gate.state / "ring"
        self.check_full(gate, "--help")
        self.check_full(gate, "selftest")
        self.check_full(gate, "status", "--config", site.gate.config)
        self.check_full(gate, "ring", "list", ring)
        self.check_full(gate, "ring", "check", ring)
        verify = [gate, "verify", "--trust", folder / "trust.cose", "--event", EVENT, "--zone", ZONE,
                  "--authority", folder / "authority.key.pub"]
        with open(folder / "codes", "wb") as codes:
            codes.write(site.mint(1)[0].text.encode())
        with open(folder / "codes", "rb") as codes:
            self.check_full(*verify, stdin=codes)
        trust = folder / "trust.toml"
        mint = [control, "ticket", "mint", "--key", folder / "issuer.key", "--event", EVENT,
                "--zones", ZONE, "--count"]
        self.check_full(control, "--help")
        self.check_full(control, "key", "new", "--help")
        self.check_full(control, "key", "new", "--out", folder / "new.key")
        self.check_full(*mint, 1)
        self.check_full(*mint, 5000, "--json")
        self.check_full(control, "ticket", "show", "GGX")
        self.check_full(control, "trust", "sign", "--in", trust, "--key", folder / "authority.key",
                        "--out", folder / "trust.cose")
        self.check_full(control, "device", "enroll", "--node", 5, "--role", "gate", "--key",
                        folder / "1001.key.pub", "--trust", trust)
        self.check_full(control, "contacts", "check", site.gate.plan)

    def test_closed_output_is_a_failure(self):
        """A command whose standard output is closed has failed, and says so."""
        for words in (("tollctl", "--help"), ("tollkeeper", "selftest"),
                      ("tollkeeper-validator", "--help")):
            done = subprocess.run(
                ["sh", "-c", 'exec "$@" >&-', "sh", BIN / words[0], *words[1:]],
                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=DEADLINE_S)
            self.assertEqual(done.returncode, 1, words)
            self.assertIn(b"standard output", done.stderr)

    def test_a_qr_code_that_cannot_be_written_is_a_failure(self):
        """A QR code that cannot be written is a failure, names its file and leaves none."""
        site = self.site()
        words = ["ticket", "mint", "--key", site.folder / "issuer.key", "--event", EVENT, "--zones",
                 ZONE, "--count", 1, "--cti", "0102030405060708", "--qr", site.folder / "codes"]
        done = run(BIN / "tollctl", *words, status=1, preexec_fn=without_room)
        self.assertIn(b"0102030405060708.png", done.stderr)
        self.assertEqual(list((site.folder / "codes").iterdir()), [])
        run(BIN / "tollctl", *words)
        code = site.folder / "codes/0102030405060708.png"
        self.assertEqual(code.read_bytes()[:4], b"\x89PNG")

    def test_nothing_is_written_to_a_file_that_took_a_standard_descriptors_number(self):
        """A program that is started with closed standard descriptors writes no log into its files."""
        site = self.site()
        site.gate.write_plan(is_open=True)
        site.start(site.broker)
        site.gate.config.write_text(toml(site.gate.settings))
        site.validator.config.write_text(toml(site.validator.settings))
        programs = []
        for config, name in ((site.validator.config, "tollkeeper-validator"),
                             (site.gate.config, "tollkeeper")):
            programs.append(subprocess.Popen(
                ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", BIN / name, "run", "--config", config]))
            self.addCleanup(programs[-1].kill)
        site.wait(lambda: (site.gate.state / "status").exists(), "the gate to start")
        site.wait(lambda: site.gate.status()["link_up"] == 1, "the link")
        log = site.validator.state / "ledger.log"
        site.wait(log.exists, "the ledger")
        self.assertEqual(
            {os.readlink(f"/proc/{program.pid}/fd/{number}")
             for program in programs for number in (0, 1, 2)}, {"/dev/null"})
        for program in programs:
            program.terminate()
            self.assertEqual(program.wait(DEADLINE_S), 0)
        files = [path for state in (site.gate.state, site.validator.state)
                 for path in state.iterdir() if path.is_file()]
        self.assertIn(log, files)
        for path in files:
            for word in (b"level=", b"event=", b"\"level\""):
                self.assertNotIn(word, path.read_bytes(), path)
        tollkeeper("ring", "check", site.gate.state / "ring")


class WordsTest(SiteTest):
    def test_a_word_that_a_command_does_not_know_is_refused(self):
        """A word that a command of `tollkeeper` does not take is named, with status 2."""
        site = self.site()
        gate = site.gate
        gate.config.write_text(toml(gate.settings))
        config, ring = ("--config", gate.config), gate.state / "ring"
        verify = ("verify", "--trust", site.folder / "trust.cose", "--event", EVENT, "--zone", ZONE)
        for words, named in (
                (("run", *config, "--jsn"), "--jsn"),
                (("run", *config, "--now", 1), "--now"),
                (("run", *config, "--json", "--json"), "--json"),
                (("run", *config, *config), "--config"),
                (("run", *config, "extra"), "extra"),
                (("run", "--until-end", "--config"), "--config"),
                (("status", *config, "--until-end"), "--until-end"),
                (("status", *config, "extra"), "extra"),
                ((*verify, "--evnt", 1), "--evnt"),
                ((*verify, "--event", 1), "--event"),
                ((*verify, "--now"), "--now"),
                ((*verify, "GGX"), "GGX"),
                (("ring", "check", ring, "--jsom"), "--jsom"),
                (("ring", "check", ring, ring), ring),
                (("ring", "list", ring, *config), "--config"),
                (("ring", "list"), "ring list"),
                (("selftest", "--json"), "--json"),
                (("selftest", "extra"), "extra")):
            with self.subTest(words=words):
                done = tollkeeper(*words, status=2)
                self.assertIn(str(named).encode(), done.stderr)
                self.assertEqual(done.stdout, b"")
        self.assertFalse(gate.state.exists())

    def test_options_may_stand_before_an_operand(self):
        """Options may stand before an operand, and a value may look like an option."""
        site = self.site()
        site.gate.start()
        json.loads(tollkeeper("ring", "check", "--json", site.gate.state / "ring").stdout)
        done = tollkeeper("status", "--config", "--json", status=2)
        self.assertIn(b"--json: no such file", done.stderr)


class KeyFileTest(SiteTest):
    def test_a_private_key_is_no_public_one(self):
        """A private key file is refused where a public one belongs, whatever stands beside it."""
        site = self.site()
        private = site.folder / "alone"
        private.write_bytes((site.folder / "1001.key").read_bytes())
        trust = site.folder / "trust.toml"
        before = trust.read_bytes()
        for path in (private, site.folder / "1001.key"):
            done = run(BIN / "tollctl", "device", "enroll", "--node", 5, "--role", "gate", "--key",
                       path, "--trust", trust, status=1)
            self.assertIn(b".pub", done.stderr)
            self.assertIn(str(path).encode(), done.stderr)
            run(BIN / "tollctl", "ticket", "show", "--trust", site.folder / "trust.cose",
                "--authority", path, "GGX", status=1)
        self.assertEqual(trust.read_bytes(), before)
        self.assertNotIn(site.seed("1001").hex(), trust.read_text())

    def test_a_key_pair_that_cannot_be_written_leaves_nothing(self):
        """A key pair of which a file cannot be written leaves nothing behind."""
        site = self.site()
        folder = site.folder / "keys"
        folder.mkdir()
        done = run(BIN / "tollctl", "key", "new", "--out", folder / "a.key", status=1,
                   preexec_fn=without_room)
        self.assertIn(b"a.key cannot be written", done.stderr)
        self.assertEqual(list(folder.iterdir()), [])
        # The second file fails: its name leads into a folder that is not there.
        (folder / "b.key.pub").symlink_to(folder / "absent/b")
        run(BIN / "tollctl", "key", "new", "--out", folder / "b.key", status=1)
        self.assertEqual([path.name for path in folder.iterdir()], ["b.key.pub"])
        (folder / "b.key.pub").unlink()
        run(BIN / "tollctl", "key", "new", "--out", folder / "b.key")
        self.assertEqual({path.name for path in folder.iterdir()}, {"b.key", "b.key.pub"})


class TrustFileTest(SiteTest):
    def sign(self, output, status=0):
        folder = self.here.folder
        return run(BIN / "tollctl", "trust", "sign", "--in", folder / "trust.toml", "--key",
                   folder / "authority.key", "--out", output, status=status, cwd=folder)

    def test_only_a_trust_document_is_written_over(self):
        """`trust sign --out` writes over a trust document, and over nothing else."""
        self.here = site = self.site()
        folder = site.folder
        fifo, device = folder / "fifo", folder / "device"
        os.mkfifo(fifo)
        targets = [folder / "authority.key", folder / "1001.key.pub", folder / "trust.toml", fifo,
                   folder / "broker"]
        if os.geteuid() == 0:
            os.mknod(device, 0o600 | 0o020000, os.makedev(1, 3))
            targets.append(device)
        links = []
        for number, target in enumerate(list(targets)):
            links.append(folder / f"link-{number}")
            links[-1].symlink_to(target)
        nowhere = folder / "nowhere"
        nowhere.symlink_to(folder / "absent")
        before = {path: path.read_bytes() for path in targets if path.is_file()}
        kinds = {path: os.lstat(path).st_mode for path in [*targets, *links]}
        for target in [*targets, *links, nowhere]:
            with self.subTest(target=target.name):
                done = self.sign(target, status=1)
                self.assertIn(b"left as it is", done.stderr)
        self.assertEqual({path: path.read_bytes() for path in before}, before)
        self.assertEqual({path: os.lstat(path).st_mode for path in kinds}, kinds)
        self.assertFalse((folder / "absent").exists())
        self.assertEqual([path for path in folder.iterdir() if path.name.endswith(".new")], [])

    def test_a_link_to_a_trust_document_stays_a_link(self):
        """A link to a trust document stays one: what it leads to is replaced, with its mode."""
        self.here = site = self.site()
        folder = site.folder
        real, link = folder / "real.cose", folder / "link.cose"
        real.write_bytes((folder / "trust.cose").read_bytes())
        real.chmod(0o640)
        link.symlink_to("real.cose")
        text = (folder / "trust.toml").read_text().replace("version = 1", "version = 7")
        (folder / "trust.toml").write_text(text)
        self.sign(link)
        self.assertTrue(link.is_symlink())
        self.assertEqual(real.stat().st_mode & 0o777, 0o640)
        self.assertNotEqual(real.read_bytes(), (folder / "trust.cose").read_bytes())
        # In the current folder, and one that another authority has signed.
        other = folder / "other.cose"
        site.new_key("other.key")
        run(BIN / "tollctl", "trust", "sign", "--in", folder / "trust.toml", "--key",
            folder / "other.key", "--out", other)
        self.sign("other.cose")
        self.assertEqual(other.read_bytes(), real.read_bytes())

    def test_a_trust_document_that_cannot_be_written_leaves_the_old_one(self):
        """A trust document that cannot be written leaves the old one, and nothing beside it."""
        self.here = site = self.site()
        before = {path: path.read_bytes() for path in site.folder.iterdir() if path.is_file()}
        done = run(BIN / "tollctl", "trust", "sign", "--in", site.folder / "trust.toml", "--key",
                   site.folder / "authority.key", "--out", site.folder / "trust.cose", status=1,
                   preexec_fn=without_room)
        self.assertIn(b"trust.cose cannot be written", done.stderr)
        after = {path: path.read_bytes() for path in site.folder.iterdir() if path.is_file()}
        self.assertEqual(after, before)

    def test_devices_that_are_enrolled_at_the_same_time_are_all_enrolled(self):
        """Devices that are enrolled at the same time are all enrolled, also through a link."""
        site = self.site()
        trust, link = site.folder / "trust.toml", site.folder / "link.toml"
        link.symlink_to(trust)
        nodes = range(2000, 2024)
        running = [
            subprocess.Popen(
                [str(word) for word in (
                    BIN / "tollctl", "device", "enroll", "--node", node, "--role", "gate", "--key",
                    site.folder / "1001.key.pub", "--trust", (trust, link)[node % 2])],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            for node in nodes]
        for process in running:
            said = process.communicate(timeout=DEADLINE_S)[1]
            self.assertEqual(process.returncode, 0, said)
        enrolled = [line for line in trust.read_text().splitlines() if line.startswith("node = 2")]
        self.assertEqual(sorted(enrolled), [f"node = {node}" for node in nodes])


class EpochTest(SiteTest):
    def test_an_epoch_is_sixteen_hex_digits_everywhere(self):
        """An epoch is shown as the same 16 hex digits everywhere; in JSON it is a string."""
        site = self.site()
        # One with zeros in front, which a number would lose.
        epoch = "000000000000a1b2"
        trust = site.folder / "trust.toml"
        shown = f"{site.epochs[1001]:016x}"
        trust.write_text(trust.read_text().replace(shown, epoch))
        site.sign_trust()
        site.start()
        site.gate.scan(site.mint(1)[0].text)
        site.gate.wait_settled(1)
        self.assertEqual(site.gate.status()["epoch"], epoch)
        ring = site.gate.state / "ring"
        self.assertEqual(json.loads(tollkeeper("ring", "check", ring, "--json").stdout)["epoch"], epoch)
        wanted = f"epoch {epoch}\n".encode()
        self.assertIn(wanted, tollkeeper("ring", "check", ring).stdout)
        self.assertIn(wanted, tollkeeper("status", "--config", site.gate.config).stdout)
        self.assertEqual([device[1] for device in site.validator.report()["devices"]], [epoch])


if __name__ == "__main__":
    unittest.main()
