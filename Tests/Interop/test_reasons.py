"""Every reason that `tollkeeper verify` can give."""

import hashlib
import sys
import unittest
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Processes"))

import base45

from commands import EVENT, ZONE, tollctl, tollkeeper
from rogue import ED25519, Signer, encoded

NOW = 1_800_000_000
# Those that only a running gate gives: it knows uses and has a disk.
OF_A_GATE_ALONE = {"used", "used_elsewhere", "passback", "storage_error", "area_full"}
REASONS = {
    "valid", "bad_encoding", "malformed", "bad_algorithm", "unknown_key", "revoked_key",
    "bad_signature", "revoked", "blocked", "expired", "not_yet_valid", "wrong_event", "wrong_zone",
    "no_entries", "stale_trust"} | OF_A_GATE_ALONE


def key_id(signer):
    return hashlib.sha256(signer.public).digest()[:4]


class ReasonTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = TemporaryDirectory(prefix="tollkeeper-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.issuer, cls.former, cls.stranger, cls.other, cls.guest = (
            Signer(bytes([number]) * 32) for number in range(1, 6))
        tollctl("key", "new", "--out", cls.folder / "authority")
        cls.sign_trust()
        cls.sign_trust("issued = %d" % (NOW - 7200), "expires = %d" % (NOW - 3600), name="old")

    @classmethod
    def sign_trust(cls, *head, name="trust"):
        issuer = key_id(cls.issuer).hex()
        (cls.folder / "trust.toml").write_text("\n".join([
            "version = 1", 'network = "reasons"', *head,
            "[[issuer]]", f'public_key = "{cls.issuer.public.hex()}"',
            "[[issuer]]", f'public_key = "{cls.former.public.hex()}"', 'status = "revoked"',
            "[[issuer]]", f'public_key = "{cls.other.public.hex()}"', f"events = [{EVENT + 1}]",
            "[[issuer]]", f'public_key = "{cls.guest.public.hex()}"', f"not_before = {NOW - 100}",
            f"not_after = {NOW + 100}",
            "[[revoked]]", f'issuer = "{issuer}"', f'ticket = "{b"revoked!".hex()}"',
            "[[blocked]]", f'issuer = "{issuer}"', f'ticket = "{b"blocked!".hex()}"', ""]))
        tollctl("trust", "sign", "--in", cls.folder / "trust.toml", "--key",
                cls.folder / "authority", "--out", cls.folder / name)

    def results(self, *codes, trust="trust", now=NOW):
        done = tollkeeper(
            "verify", "--trust", self.folder / trust, "--authority", self.folder / "authority.pub",
            "--event", EVENT, "--zone", ZONE, "--now", now,
            input=b"".join(
                (code if isinstance(code, bytes) else code.encode()) + b"\n" for code in codes))
        lines = [line.split(" ") for line in done.stdout.decode().splitlines()]
        self.assertEqual({len(line) for line in lines}, {2})
        return [line[0] for line in lines]

    def ticket(self, signer=None, kid=None, algorithm=ED25519, ticket_id=b"12345678", **changes):
        """A ticket's text; `changes` are claims by name, None removes one."""
        signer = signer or self.issuer
        names = {"exp": 4, "nbf": 5, "cti": 7, "ticket": -65537}
        claims = {4: NOW + 50, 5: NOW - 50, 7: ticket_id, -65537: [EVENT, ZONE, 0, 1]}
        claims |= {names[name]: value for name, value in changes.items()}
        payload = encoded({key: value for key, value in claims.items() if value is not None})
        return base45.b45encode(signer.sign1(
            payload, kid=key_id(signer) if kid is None else kid, algorithm=algorithm))

    def cases(self):
        """(expected result, code)."""
        good = base45.b45decode(self.ticket())
        yield "valid", self.ticket()
        yield "valid", self.ticket(nbf=None, exp=None)
        yield "valid", self.ticket(signer=self.guest)
        for code in ("", "GGX", "a", ":::", "A", "%s" * 10, b"\xff\0", "0" * 2000):
            yield "bad_encoding", code
        for data in (b"\x00", good[:-1], good + b"\0", b"\x9f" * 500, bytes(1000), b"\xd2" + good,
                     encoded([b"", {}, b""]), encoded({})):
            yield "malformed", base45.b45encode(data)
        for changes in ({"cti": None}, {"cti": b"short"}, {"cti": bytes(17)}, {"ticket": None},
                        {"ticket": [EVENT, ZONE, 0]}, {"ticket": [EVENT, ZONE, 256, 1]},
                        {"exp": -1}, {"exp": "soon"}, {"nbf": 2**64}):
            yield "malformed", self.ticket(**changes)
        for algorithm in (-7, -257, 0, 5, -53):
            yield "bad_algorithm", self.ticket(algorithm=algorithm)
        yield "bad_algorithm", base45.b45encode(encoded([b"", {}, b"claims", bytes(64)]))
        yield "unknown_key", self.ticket(signer=self.stranger)
        yield "unknown_key", self.ticket(kid=b"")
        yield "unknown_key", self.ticket(kid=bytes(40))
        yield "revoked_key", self.ticket(signer=self.former)
        yield "revoked_key", self.ticket(signer=self.former, exp=NOW - 1)
        yield "bad_signature", self.ticket(signer=self.stranger, kid=key_id(self.issuer))
        yield "bad_signature", base45.b45encode(good[:-1] + bytes([good[-1] ^ 1]))
        yield "revoked", self.ticket(ticket_id=b"revoked!")
        yield "revoked", self.ticket(ticket_id=b"revoked!", exp=NOW - 1)
        yield "blocked", self.ticket(ticket_id=b"blocked!")
        yield "expired", self.ticket(exp=NOW)
        yield "expired", self.ticket(exp=NOW - 1, ticket=[EVENT + 1, ZONE, 0, 1])
        yield "valid", self.ticket(exp=NOW + 1)
        yield "not_yet_valid", self.ticket(nbf=NOW + 1)
        yield "valid", self.ticket(nbf=NOW)
        yield "wrong_event", self.ticket(ticket=[EVENT + 1, ZONE, 0, 1])
        yield "wrong_event", self.ticket(signer=self.other)
        yield "wrong_event", self.ticket(ticket=[EVENT + 1, ZONE << 1, 0, 0])
        yield "wrong_zone", self.ticket(ticket=[EVENT, ZONE << 1, 0, 1])
        yield "wrong_zone", self.ticket(ticket=[EVENT, 0, 0, 0])
        yield "no_entries", self.ticket(ticket=[EVENT, ZONE, 0, 0])

    def test_every_reason_is_given_for_what_it_says(self):
        """Every reason is given for what it says, and the first in the order of decisions."""
        cases = list(self.cases())
        results = self.results(*[code for _, code in cases])
        for (expected, code), result in zip(cases, results, strict=True):
            with self.subTest(code=code):
                self.assertEqual(result, expected)
        self.assertEqual(set(results), REASONS - OF_A_GATE_ALONE - {"stale_trust"})

    def test_a_key_outside_its_own_time_refuses_like_a_ticket(self):
        """An issuer's key outside its own time refuses like a ticket outside its time."""
        code = self.ticket(signer=self.guest, exp=NOW + 9999, nbf=NOW - 9999)
        for now, expected in ((NOW - 101, "not_yet_valid"), (NOW - 100, "valid"),
                              (NOW + 99, "valid"), (NOW + 100, "expired")):
            self.assertEqual(self.results(code, now=now), [expected])

    def test_an_expired_trust_document_admits_nobody_but_still_names_the_revoked(self):
        """An expired trust document admits nobody, and still names what it revokes."""
        self.assertEqual(
            self.results(self.ticket(), self.ticket(ticket_id=b"revoked!"), trust="old"),
            ["stale_trust", "revoked"])

    def test_the_names_are_those_that_a_gate_counts(self):
        """The reasons are the closed list of Records/FORMAT.md."""
        path = Path(__file__).resolve().parents[2] / "Sources/Core/Records/FORMAT.md"
        text = path.read_text()
        listed = text[text.index("Reason codes: 0"):].split(".")[0].split("`")[1::2]
        self.assertEqual(set(listed), REASONS)

    def test_a_trust_document_that_another_signed_is_refused(self):
        """A trust document that another authority signed, or that was damaged, is refused."""
        tollctl("key", "new", "--out", self.folder / "impostor")
        document = (self.folder / "trust").read_bytes()
        (self.folder / "damaged").write_bytes(document[:-1] + bytes([document[-1] ^ 1]))
        for trust, authority in (("trust", "impostor.pub"), ("damaged", "authority.pub")):
            done = tollkeeper(
                "verify", "--trust", self.folder / trust, "--authority", self.folder / authority,
                "--event", EVENT, "--zone", ZONE, input=self.ticket() + b"\n", status=1)
            self.assertEqual(done.stdout, b"")


if __name__ == "__main__":
    unittest.main()
