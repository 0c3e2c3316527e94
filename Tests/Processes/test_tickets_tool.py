"""What issuers and support staff do with tollctl: tickets, overrides, lists, rotations, sheets."""

import json
import re
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from commands import BIN, DEADLINE_S, ROOT, run, tollctl

NOW = 1_780_000_000
KEYS = ("authority", "issuer", "event", "supervisor", "validator", "next")
RULES = """
[[product]]
event = 2026
item = 7
class = 3
zones = 2
[[product]]
event = 2026
item = 8
entries = 0
[[rule]]
event = 2026
class = 3
windows = [{from}, {until}]
[[rule]]
event = 2026
class = 4
zones = 4
entries = 0
""".replace("{from}", str(NOW)).replace("{until}", str(NOW + 1000))


class ToolTest(unittest.TestCase):
    """A test with a folder of its own, its keys and a trust document."""

    maxDiff = None

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="tollkeeper-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        for name in KEYS:
            tollctl("key", "new", "--out", self.folder / f"{name}.key")
        self.trust = self.folder / "trust.toml"
        self.trust.write_text("\n".join([
            "# Who may what", "version = 1  # rises", 'network = "test"', "",
            "[[issuer]]", 'kid = "01"', f'public_key = "{self.public("issuer")}" # the shop',
            "events = [2026,", "  2027]", "",
            "[[pretix_event]]", "event = 2026", f'public_key = "{self.public("event")}"', "",
            "[[supervisor]]", f'public_key = "{self.public("supervisor")}"', "",
            "[[validator]]", "node = 1", f'public_key = "{self.public("validator")}"', ""]))

    def public(self, name):
        return (self.folder / f"{name}.key.pub").read_text().strip()

    def add(self, text, top=""):
        old = self.trust.read_text()
        self.trust.write_text(old.replace("[[issuer]]", top + "[[issuer]]", 1) + text)

    def sign(self):
        tollctl("trust", "sign", "--in", self.trust, "--key", self.folder / "authority.key", "--out",
                self.folder / "trust.cose")

    def cwt(self, *words, zones=1, event=2026):
        return tollctl("ticket", "mint", "--key", self.folder / "issuer.key", "--kid", "01", "--event",
                       event, "--zones", zones, "--count", 1, *words)[0]

    def sig1(self, *words, count=1):
        return tollctl("ticket", "mint", "--format", "sig1", "--key", self.folder / "event.key",
                       "--count", count, *words)

    def foreign(self, key_id, event=2026):
        """A ticket that the key `next` has signed under this key id."""
        return tollctl("ticket", "mint", "--key", self.folder / "next.key", "--kid", key_id, "--event",
                       event, "--zones", 1, "--count", 1)[0]["text"]

    def override(self, *words):
        return tollctl("override", "mint", "--key", self.folder / "supervisor.key", "--event", 2026,
                       "--until", NOW + 1000, *words)[0]

    def show(self, text, *words, now=NOW):
        return tollctl("ticket", "show", "--trust", self.folder / "trust.cose", "--authority",
                       self.folder / "authority.key.pub", "--now", now, *words, text)[0]

    def refuse(self, *words, status=2):
        return run(BIN / "tollctl", *words, status=status).stderr.decode()


class MintTest(ToolTest):
    def test_a_sig1_ticket_says_what_it_was_minted_with(self):
        """A sig1 ticket says what it was minted with, and a gate of its event admits it."""
        self.sign()
        row = self.sig1("--seed", "abc", "--item", 7, "--variation", 8, "--subevent", 9, "--from", NOW,
                        "--until", NOW + 10)[0]
        self.assertEqual(row["seed"], "abc")
        shown = self.show(row["text"], "--event", 2026)
        self.assertEqual(
            [shown[key] for key in ("format", "seed", "item", "variation", "subevent", "valid_from",
                                    "valid_until", "identity", "result")],
            ["sig1", "abc", 7, 8, 9, NOW, NOW + 10, row["identity"], "valid"])

    def test_the_until_of_a_sig1_ticket_is_its_last_second(self):
        """--until is a sig1 ticket's last second, and the first at which a CWT ticket is expired."""
        self.sign()
        sold = self.sig1("--until", NOW)[0]["text"]
        issued = self.cwt("--until", NOW)["text"]
        self.assertEqual(self.show(sold, "--event", 2026, now=NOW)["result"], "valid")
        self.assertEqual(self.show(sold, "--event", 2026, now=NOW + 1)["result"], "expired")
        self.assertEqual(self.show(issued, now=NOW - 1)["result"], "valid")
        self.assertEqual(self.show(issued, now=NOW)["result"], "expired")

    def test_random_seeds_have_32_characters_and_differ(self):
        """Seeds that nobody chose have 32 characters, and no two are the same."""
        seeds = [row["seed"] for row in self.sig1(count=200)]
        self.assertEqual(len(set(seeds)), 200)
        for seed in seeds:
            self.assertRegex(seed, "^[a-z2-9]{32}$")

    def test_what_a_format_cannot_say_is_refused(self):
        """An option that a format cannot say is refused by name, for either format."""
        key = ("--key", self.folder / "event.key", "--count", 1)
        for name, value in (("event", 1), ("zones", 1), ("class", 1), ("entries", 1), ("kid", "01"),
                            ("cti", "01" * 8), ("cti-prefix", "01"), ("iss", "a"), ("sub", "a"),
                            ("aud", "a"), ("iat", 1), ("alg", "-8")):
            said = self.refuse("ticket", "mint", "--format", "sig1", *key, f"--{name}", value)
            self.assertIn(f"--{name} has no meaning in sig1", said)
        for name in ("seed", "item", "variation", "subevent"):
            said = self.refuse(
                "ticket", "mint", *key, "--event", 1, "--zones", 1, f"--{name}", 1)
            self.assertIn(f"--{name} goes with --format sig1", said)
        self.assertIn("--event is missing", self.refuse("ticket", "mint", *key, "--zones", 1))
        sig1 = ("ticket", "mint", "--format", "sig1", "--key", self.folder / "event.key")
        self.assertIn("--count is missing", self.refuse(*sig1))
        self.assertIn("names one ticket", self.refuse(*sig1, "--seed", "a", "--count", 2))
        self.assertIn("1 to 64 bytes", self.refuse(*sig1, "--seed", "a" * 65))
        self.assertIn("no limit in sig1", self.refuse(*sig1, "--seed", "a", "--until", 0))

    def test_qr_codes_are_named_by_what_the_ticket_is_called(self):
        """QR codes of both formats and of overrides are named by what these are called."""
        codes = self.folder / "codes"
        sold = self.sig1("--seed", "plain-1", "--qr", codes)[0]
        strange = self.sig1("--seed", "../up", "--qr", codes)[0]
        issued = self.cwt("--qr", codes)
        override = self.override("--qr", codes)
        self.assertEqual(
            {path.name for path in codes.iterdir()},
            {"plain-1.png", strange["identity"] + ".png", issued["cti"] + ".png",
             override["nonce"] + ".png"})
        self.assertNotEqual(sold["text"], strange["text"])

    def test_an_override_is_for_its_event_gate_uses_and_time(self):
        """An override says its event, gate, uses and time, and another gate refuses it."""
        self.sign()
        row = self.override("--gate", 1001, "--uses", 3, "--from", NOW - 10)
        shown = self.show(row["text"], "--gate", 1001)
        self.assertEqual(
            [shown[key] for key in ("format", "nonce", "event", "gate", "uses", "nbf", "exp",
                                    "identity", "result")],
            ["override", row["nonce"], 2026, 1001, 3, NOW - 10, NOW + 1000, row["identity"], "valid"])
        self.assertIn("3 tickets", shown["explanation"])
        shown = self.show(row["text"], "--gate", 1002)
        self.assertEqual(shown["result"], "wrong_zone")
        self.assertIn("it is for gate 1001, and this is gate 1002", shown["explanation"])
        self.assertEqual(self.show(row["text"], now=NOW + 1000)["result"], "expired")
        self.assertEqual(self.show(row["text"], "--event", 1)["result"], "wrong_event")


class ShowTest(ToolTest):
    def check(self, shown, result, pretix, *parts):
        with self.subTest(result=result, parts=parts):
            self.assertEqual((shown["result"], shown["pretix"]), (result, pretix))
            for part in parts:
                self.assertIn(part, shown["explanation"])

    def test_a_refusal_names_what_it_comes_from(self):
        """A refusal names the rule, the window, the list, or the key and its times."""
        revoked = self.cwt("--cti", "0102030405060708")
        self.add(RULES + '[[revoked]]\nissuer = "01"\nticket = "0102030405060708"\n')
        self.sign()
        self.check(self.show(revoked["text"]), "revoked", "REVOKED", "[[revoked]]",
                   revoked["identity"])
        late = self.cwt("--until", NOW)["text"]
        self.check(self.show(late), "expired", "INVALID_TIME", "2026-05-28T20:26:40Z")
        early = self.cwt("--from", NOW + 1)["text"]
        self.check(self.show(early), "not_yet_valid", "INVALID_TIME", "2026-05-28T20:26:41Z")
        self.check(self.show(self.cwt(event=5)["text"]), "wrong_event", "INVALID",
                   "key 01 may sign for events 2026, 2027 only")
        ticket = self.cwt()["text"]
        self.check(self.show(ticket, "--event", 2027), "wrong_event", "INVALID",
                   "for event 2026, and the gate's is 2027")
        self.check(self.show(ticket, "--zone", 6), "wrong_zone", "PRODUCT", "zones are 0x1", "0x6")
        windowed = self.cwt("--class", 3)["text"]
        self.check(self.show(windowed, now=NOW + 1000), "expired", "INVALID_TIME",
                   "[[rule]] of event 2026, class 3", "2026-05-28T20:26:40Z",
                   "2026-05-28T20:43:20Z")
        self.check(self.show(windowed, now=NOW - 1), "not_yet_valid", "INVALID_TIME",
                   "[[rule]] of event 2026, class 3")
        self.check(self.show(windowed, "--exit", now=NOW + 1000), "valid", "VALID", "leave")
        self.check(self.show(self.cwt("--class", 4)["text"]), "wrong_zone", "PRODUCT",
                   "[[rule]] of event 2026, class 4", "0x1 to 0x0")
        self.check(self.show(self.cwt("--class", 4, zones=5)["text"]), "no_entries", "RULES",
                   "[[rule]] of event 2026, class 4")
        self.check(self.show(self.cwt("--entries", 0)["text"]), "no_entries", "RULES",
                   "without entries")

    def test_a_refused_pretix_ticket_names_its_product_and_its_event(self):
        """A pretix ticket's refusal names its product, or the keys of the gate's event."""
        self.add(RULES)
        self.sign()
        sold = self.sig1("--item", 7)[0]["text"]
        shown = self.show(sold, "--event", 2026, "--zone", 1)
        self.check(shown, "wrong_zone", "PRODUCT", "[[product]]'s zones are 0x2")
        self.assertEqual((shown["class"], shown["zones"], shown["entries"]), (3, 2, 1))
        unnamed, without = (self.sig1("--item", item)[0]["text"] for item in (6, 8))
        self.check(self.show(unnamed, "--event", 2026), "wrong_zone", "PRODUCT", "item 6",
                   "no [[product]] of event 2026")
        self.check(self.show(without, "--event", 2026), "no_entries", "RULES", "[[product]]")
        self.check(self.show(sold, "--event", 2027), "bad_signature", "INVALID",
                   "no [[pretix_event]] 2027")
        shown = self.show(sold)
        self.assertIsNone(shown["result"])
        self.assertIn("--event", shown["explanation"])

    def test_a_key_and_a_trust_document_are_named_with_their_times(self):
        """A key or a trust document whose time is over is named with its time."""
        text = self.trust.read_text().replace('kid = "01"', f'kid = "01"\nnot_after = {NOW}')
        self.trust.write_text(text)
        self.sign()
        ticket = self.cwt()["text"]
        self.check(self.show(ticket), "expired", "INVALID_TIME", "key's time", "01, active",
                   "before 2026-05-28T20:26:40Z")
        self.trust.write_text(text.replace("version = 1", f"expires = {NOW - 1}\nversion = 2"))
        self.sign()
        self.check(self.show(ticket), "stale_trust", "ERROR", "version 2", "2026-05-28T20:26:39Z")
        self.trust.write_text(text.replace("[[issuer]]", '[[issuer]]\nstatus = "revoked"'))
        self.sign()
        self.check(self.show(ticket), "revoked_key", "INVALID", "01, revoked")

    def test_what_is_no_ticket_of_these_keys_says_so(self):
        """An unknown key id, a foreign signature and a spoilt text are told apart."""
        self.sign()
        self.check(self.show(self.foreign("02")), "unknown_key", "INVALID", "key id 02")
        self.check(self.show(self.foreign("01")), "bad_signature", "INVALID", "key id 01")
        done = run(BIN / "tollctl", "ticket", "show", "--json", "no ticket", status=1)
        self.check(json.loads(done.stdout), "bad_encoding", "INVALID", "spaces")

    def test_near_a_boundary_of_an_uncertain_clock_it_says_so(self):
        """Within the clock's uncertainty of a boundary both answers are shown, with their times."""
        self.sign()
        for ticket, now in ((self.cwt("--until", NOW)["text"], NOW),
                            (self.override()["text"], NOW + 1000)):
            near = self.show(ticket, "--uncertainty", 5, now=now)
            self.assertTrue(near["near_boundary"])
            self.assertEqual(near["result"], "valid")
            self.assertIn("5 s wrong", near["explanation"])
            self.assertIn("expired at", near["explanation"])
            far = self.show(ticket, "--uncertainty", 5, now=now + 6)
            self.assertFalse(far["near_boundary"])
            self.assertEqual(far["result"], "expired")
            self.assertNotIn("wrong either way", far["explanation"])

    def test_show_says_what_verify_says(self):
        """`ticket show` and the gate's own `verify` give every ticket the same result."""
        self.add(RULES)
        self.sign()
        texts = [self.cwt()["text"], self.cwt("--class", 3)["text"], self.cwt("--class", 4)["text"],
                 self.sig1("--item", 7)[0]["text"], self.sig1("--item", 8)[0]["text"],
                 self.sig1("--until", NOW - 1, "--item", 7)[0]["text"], "GGX", "no ticket"]
        words = ["--trust", self.folder / "trust.cose", "--authority",
                 self.folder / "authority.key.pub", "--event", 2026, "--zone", 3, "--now", NOW,
                 "--json"]
        wanted, shown = (
            [json.loads(line)["result"] for line in run(
                *command, *words, input="\n".join(texts).encode(), status=status).stdout.splitlines()]
            for command, status in (((BIN / "tollkeeper", "verify"), 0),
                                    ((BIN / "tollctl", "ticket", "show"), 1)))
        self.assertEqual(shown, wanted)
        self.assertGreater(len(set(wanted)), 4, wanted)


class ReasonTest(unittest.TestCase):
    def test_the_readme_has_every_reason_with_pretix_s_name(self):
        """README's table of results is the code's: number, name, and what pretix calls it."""
        text = (ROOT / "README.md").read_text()
        rows = re.findall(r"^\| (\d+) \| `([a-z_]+)` \| `([A-Z_]+)` \|", text, re.MULTILINE)
        wanted = [(str(row["number"]), row["result"], row["pretix"])
                  for row in tollctl("ticket", "reasons")]
        self.assertEqual(rows, wanted)
        self.assertGreaterEqual(len(wanted), 20)


class RevokeTest(ToolTest):
    def revoke(self, *words):
        return tollctl("trust", "revoke", "--trust", self.trust, *words)

    def result(self, text, *words):
        self.sign()
        return self.show(text, *words)["result"]

    def test_a_ticket_is_revoked_and_blocked_by_its_text(self):
        """A ticket of either format, and an override, is revoked or blocked by its text."""
        for text, words in ((self.cwt()["text"], ()),
                            (self.sig1("--seed", 'q"\\ü')[0]["text"], ("--event", 2026)),
                            (self.override()["text"], ())):
            for option, name in ((), "revoked"), (("--block",), "blocked"):
                before = self.trust.read_bytes()
                self.assertEqual(self.result(text, *words), "valid")
                self.revoke("--ticket", text, *option)
                self.assertEqual(self.result(text, *words), name)
                self.revoke("--ticket", text, "--lift", *option)
                self.assertEqual(self.result(text, *words), "valid")
                lines, wanted = (
                    [line for line in content.splitlines() if b"version" not in line]
                    for content in (self.trust.read_bytes(), before))
                self.assertEqual(lines, wanted)

    def test_a_ticket_is_revoked_by_its_names(self):
        """A ticket is revoked by key id and cti, or by event and seed."""
        issued, sold = self.cwt(), self.sig1()[0]
        rows = self.revoke("--issuer", "01", "--id", issued["cti"])
        self.assertEqual([row["identity"] for row in rows], [issued["identity"]])
        rows = self.revoke("--event", 2026, "--seed", sold["seed"])
        self.assertEqual([row["identity"] for row in rows], [sold["identity"]])
        self.assertEqual(self.result(issued["text"]), "revoked")
        self.assertEqual(self.result(sold["text"], "--event", 2026), "revoked")

    def test_the_version_rises_with_a_change_and_only_then(self):
        """A change raises version, sets issued where it stands, and keeps the rest to the byte."""
        self.add("", top="issued = 1  # signed\n")
        before = self.trust.read_text().replace("\n", "\r\n")
        self.trust.write_bytes(before.encode())
        ticket = self.cwt()
        row = self.revoke("--ticket", ticket["text"])[0]
        self.assertEqual((row["version"], row["is_changed"]), (2, True))
        after = self.trust.read_bytes().decode()
        wanted = before.replace("version = 1  # rises", "version = 2  # rises")
        wanted += f'\r\n[[revoked]]\r\nissuer = "01"\r\nticket = "{ticket["cti"]}"\r\n'
        self.assertEqual(re.sub(r"issued = \d+", "issued = 1", after), wanted)
        self.assertGreater(int(re.search(r"issued = (\d+)", after)[1]), NOW)
        row = self.revoke("--ticket", ticket["text"])[0]
        self.assertEqual((row["version"], row["is_changed"]), (2, False))
        self.assertEqual(self.trust.read_bytes().decode(), after)

    def test_what_cannot_be_meant_changes_nothing(self):
        """A ticket that no key of the file has signed, or a key that it has not, changes nothing."""
        before = self.trust.read_bytes()
        foreign = self.foreign("01")
        for words, said, status in (
                (("--ticket", foreign), "no key in", 1), (("--ticket", "GGX"), "is no ticket", 1),
                (("--issuer", "77", "--id", "00" * 8), "has this kid", 1),
                (("--event", 5, "--seed", "a"), "has this event", 1),
                (("--event", 2026), "go together", 2), ((), "is named by", 2),
                (("--ticket", foreign, "--issuer", "01", "--id", "00" * 8), "is named by", 2)):
            with self.subTest(words=words):
                self.assertIn(
                    said, self.refuse("trust", "revoke", "--trust", self.trust, *words, status=status))
        self.assertEqual(self.trust.read_bytes(), before)

    def test_changes_at_the_same_time_are_all_there(self):
        """Tickets that are revoked while devices are enrolled are all revoked, and all enrolled."""
        commands = []
        for number in range(12):
            commands.append(["trust", "revoke", "--trust", self.trust, "--event", 2026, "--seed",
                             f"s{number}"])
            commands.append(["device", "enroll", "--node", 2000 + number, "--role", "gate", "--key",
                             self.folder / "next.key.pub", "--trust", self.trust])
        running = [subprocess.Popen([str(word) for word in (BIN / "tollctl", *words)],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                   for words in commands]
        for process in running:
            said = process.communicate(timeout=DEADLINE_S)[1]
            self.assertEqual(process.returncode, 0, said)
        text = self.trust.read_text()
        self.assertEqual(
            sorted(re.findall(r'seed = "(\w+)"', text)), sorted(f"s{n}" for n in range(12)))
        self.assertEqual(text.count("[[device]]"), 12)
        self.assertIn("version = 13 ", text)
        self.sign()


class RotateTest(ToolTest):
    def test_an_issuer_s_old_key_admits_until_the_overlap_is_over(self):
        """After a rotation tickets of both keys admit, and after the overlap the new key's alone."""
        old = self.cwt()["text"]
        row = tollctl("trust", "rotate", "--trust", self.trust, "--kid", "01", "--key",
                      self.folder / "next.key.pub", "--kid-new", "02", "--overlap", 600)[0]
        now = row["not_before"]
        self.assertEqual(row["old_not_after"], now + 600)
        self.sign()
        new = self.foreign("02")
        results = [[self.show(text, now=time)["result"] for text in (old, new)]
                   for time in (now - 1, now, now + 599, now + 600)]
        self.assertEqual(results, [["valid", "not_yet_valid"], ["valid", "valid"], ["valid", "valid"],
                                   ["expired", "valid"]])
        self.assertEqual(self.show(self.foreign("02", event=5), now=now)["result"], "wrong_event")
        text = self.trust.read_text()
        self.assertIn("# the shop\n", text)
        self.assertIn("events = [2026,\n  2027]\n", text)
        self.assertIn("version = 2  # rises", text)

    def test_an_end_that_stands_earlier_stays(self):
        """A rotation never lets an old key live longer than it would have."""
        end = 4_000_000_000
        self.trust.write_text(
            self.trust.read_text().replace('kid = "01"', f'kid = "01"\nnot_after = {end}'))
        row = tollctl("trust", "rotate", "--trust", self.trust, "--kid", "01", "--key",
                      self.folder / "next.key.pub", "--overlap", 4_000_000_000)[0]
        self.assertEqual(row["old_not_after"], end)

    def test_a_rotation_that_cannot_be_meant_changes_nothing(self):
        """A key that is there already, a key id that is not, and an ambiguous one change nothing."""
        before = self.trust.read_bytes()
        rotate = ("trust", "rotate", "--trust", self.trust)
        new = ("--key", self.folder / "next.key.pub", "--overlap", 1)
        self.assertIn("no active [[issuer]]", self.refuse(*rotate, "--kid", "77", *new, status=1))
        self.assertIn("has this key already", self.refuse(
            *rotate, "--kid", "01", "--key", self.folder / "issuer.key.pub", "--overlap", 1, status=1))
        self.assertIn("--overlap is missing", self.refuse(*rotate, "--kid", "01", *new[:2]))
        self.assertIn("--kid is missing", self.refuse(*rotate))
        self.assertIn("one key at a time", self.refuse(
            *rotate, "--kid", "01", "--authority", self.folder / "next.key.pub"))
        self.assertEqual(self.trust.read_bytes(), before)

    def test_authorities_are_added_and_dropped(self):
        """Authorities are added and dropped, none is left out, and comments stay."""
        rotate = ("trust", "rotate", "--trust", self.trust)
        first, second = (self.folder / f"{name}.key.pub" for name in ("authority", "next"))
        done = run(BIN / "tollctl", *rotate, "--authority", first)
        self.assertIn(b"named no [[authority]]", done.stderr)
        self.assertIn("no authority would be left", self.refuse(*rotate, "--drop", first, status=1))
        self.assertIn("no such authority", self.refuse(*rotate, "--drop", second, status=1))
        tollctl(*rotate, "--authority", second)
        self.assertIn("already", self.refuse(*rotate, "--authority", second, status=1))
        self.assertEqual(self.trust.read_text().count("[[authority]]"), 2)
        row = tollctl(*rotate, "--drop", first)[0]
        self.assertEqual((row["authority"], row["is_named"], row["version"]),
                         (self.public("authority"), False, 4))
        text = self.trust.read_text()
        self.assertEqual(text.count("[[authority]]"), 1)
        self.assertIn(self.public("next"), text)
        self.assertNotIn(self.public("authority"), text)
        self.assertTrue(text.startswith("# Who may what\nversion = 4  # rises\n"))


class SheetTest(ToolTest):
    def texts(self):
        return ([row["text"] for row in self.sig1(count=9)] + [self.cwt()["text"] for _ in range(9)]
                + [self.override()["text"]])

    def sheet(self, name, texts, *words):
        source, sheet = self.folder / "texts.txt", self.folder / name
        source.write_text("\n".join(texts) + "\n")
        row = tollctl("ticket", "sheet", "--in", source, "--out", sheet, *words)[0]
        return sheet, row

    def modules(self, text):
        """The dark modules of a text's code, as qrencode draws it."""
        picture = run("qrencode", "-t", "ASCII", "-l", "M", "-m", 0, "-o", "-", "--", text).stdout
        return {(x // 2, y) for y, line in enumerate(picture.decode().splitlines())
                for x in range(0, len(line), 2) if line[x] == "#"}

    def objects(self, pdf):
        """The objects of a PDF, found by its cross-reference table alone."""
        start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n$", pdf)[1])
        count = int(re.match(rb"xref\n0 (\d+)\n", pdf[start:])[1])
        table = start + len(b"xref\n0 %d\n" % count)
        entries = [pdf[table + 20 * i:table + 20 * (i + 1)] for i in range(count)]
        self.assertEqual(entries[0], b"0000000000 65535 f \n")
        self.assertTrue(pdf[table + 20 * count:].startswith(b"trailer\n"))
        objects = {}
        for number, entry in list(enumerate(entries))[1:]:
            self.assertRegex(entry, rb"^\d{10} 00000 n \n$")
            place = int(entry[:10])
            self.assertTrue(pdf[place:].startswith(b"%d 0 obj\n" % number), number)
            objects[number] = pdf[place:pdf.index(b"\nendobj\n", place)]
        return objects

    def test_the_rectangles_of_a_pdf_are_the_codes_modules(self):
        """A PDF's table of objects is right, and its rectangles are exactly the codes' modules."""
        texts = self.texts()
        sheet, row = self.sheet("sheet.pdf", texts, "--columns", 3, "--title", "Fähre (1)")
        objects = self.objects(sheet.read_bytes())
        pages = [body for body in objects.values() if b"/Type /Page " in body]
        self.assertEqual((row["codes"], row["pages"], len(pages)), (19, 3, 3))
        self.assertIn(b"/Count 3 /Kids [5 0 R 7 0 R 9 0 R]", objects[2])
        drawn = []
        for page in pages:
            content = objects[int(re.search(rb"/Contents (\d+) 0 R", page)[1])]
            stream = content[content.index(b"stream\n") + 7:content.index(b"\nendstream")]
            self.assertEqual(int(re.search(rb"/Length (\d+)", content)[1]), len(stream))
            self.assertIn(rb"(F\344hre \(1\)) Tj", stream)
            code = rb"q ([\d.]+) 0 0 -([\d.]+) ([\d. ]+) cm\n(.*?)f Q\n.*?\((.*?)\) Tj"
            for side, down, corner, body, label in re.findall(code, stream, re.DOTALL):
                self.assertEqual(side, down)
                side = float(side)
                left, top = map(float, corner.split())
                dark = set()
                for a, b, width, height in re.findall(rb"(\d+) (\d+) (\d+) (\d+) re", body):
                    self.assertEqual(height, b"1")
                    dark |= {(int(a) + i, int(b)) for i in range(int(width))}
                size = max(a for a, _ in dark) + 1
                # Quiet zone and all, it is on the page.
                self.assertGreater(left - 4 * side, 35)
                self.assertLess(left + (size + 4) * side, 595 - 35)
                self.assertLess(top + 4 * side, 842 - 35)
                self.assertGreater(top - (size + 4) * side, 35)
                drawn.append((dark, label.decode()))
        self.assertEqual([dark for dark, _ in drawn], [self.modules(text) for text in texts])
        names = [tollctl("ticket", "show", text)[0] for text in texts]
        self.assertEqual([label for _, label in drawn],
                         [row.get("seed") or row.get("cti") or row["nonce"] for row in names])

    def test_the_path_of_an_svg_is_the_codes_modules(self):
        """An SVG's paths are exactly the codes' modules; a long label is shortened in the middle."""
        texts = self.texts()[:6] + [self.sig1("--seed", "A" * 32 + "<" + "B" * 31)[0]["text"]]
        sheet, _ = self.sheet("sheet.svg", texts, "--columns", 5, "--title", "a < b & c")
        root = ElementTree.fromstring(sheet.read_bytes())
        name = "{http://www.w3.org/2000/svg}"
        drawn = []
        for path in root.iter(name + "path"):
            dark = set()
            for x, y, width, back in re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", path.get("d")):
                self.assertEqual(width, back)
                dark |= {(int(x) + i, int(y)) for i in range(int(width))}
            drawn.append(dark)
        self.assertEqual(drawn, [self.modules(text) for text in texts])
        labels = [text.text for text in root.iter(name + "text")]
        self.assertEqual(labels[0], "a < b & c")
        self.assertRegex(labels[-1], r"^A{4,}\.\.B{4,}$")

    def test_what_is_no_sheet_is_refused(self):
        """A line that is no ticket is named; an SVG has one page; other endings are refused."""
        texts = self.texts()
        source = self.folder / "texts.txt"
        source.write_text(f"{texts[0]}\nno ticket\n")
        sheet = self.folder / "sheet.pdf"
        words = ("ticket", "sheet", "--in", source, "--out")
        self.assertIn("texts.txt:2: ", self.refuse(*words, sheet))
        source.write_text("\n".join(texts * 2))
        self.assertIn("an SVG has one", self.refuse(*words, self.folder / "a.svg", status=1))
        self.assertIn(".pdf or .svg", self.refuse(*words, self.folder / "a.png"))
        source.write_text("\n")
        self.assertIn("no tickets", self.refuse(*words, sheet, status=1))
        self.assertFalse(sheet.exists())

    def test_a_printed_sheet_reads_back_to_its_tickets(self):
        """Every code of a printed sheet reads back to its ticket."""
        missing = [name for name in ("pdftoppm", "zbarimg") if shutil.which(name) is None]
        if missing:
            reason = f"{' and '.join(missing)} not there: apt-get install poppler-utils zbar-tools"
            print(reason, flush=True)
            self.skipTest(reason)
        texts = self.texts()
        sheet, _ = self.sheet("sheet.pdf", texts, "--columns", 4)
        run("pdftoppm", "-r", 300, "-gray", "-png", sheet, self.folder / "page")
        found = []
        for page in sorted(self.folder.glob("page*.png")):
            done = run("zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", page)
            found += done.stdout.decode().splitlines()
        self.assertEqual(sorted(found), sorted(texts))


if __name__ == "__main__":
    unittest.main()
