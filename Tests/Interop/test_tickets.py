"""Tickets that python-cwt and pycose have minted, before `tollkeeper verify`."""

import json
import sys
import unittest
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Processes"))

import base45
import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cwt import COSE, COSEKey
import cwt
from pycose.algorithms import EdDSA
from pycose.headers import KID, Algorithm
from pycose.keys import OKPKey
from pycose.keys.curves import Ed25519
from pycose.messages import Sign1Message

from commands import EVENT, ZONE, tollctl, tollkeeper

NOW = 1_800_000_000
KEY_ID = bytes.fromhex("0badcafe")
EDDSA, ED25519 = -8, -19
REFUSALS = {"malformed", "bad_algorithm", "unknown_key", "bad_signature"}


def claims(ticket_id=b"12345678"):
    return {4: NOW + 3600, 5: NOW - 3600, 7: ticket_id, -65537: [EVENT, ZONE, 2, 3]}


class Issuer:
    """A key, and the ways in which the libraries sign with it."""

    def __init__(self):
        self.private = Ed25519PrivateKey.generate()
        self.seed = self.private.private_bytes_raw()
        self.public = self.private.public_key().public_bytes_raw()

    def cose_key(self, algorithm):
        """COSE_Key (RFC 9052 7) for python-cwt."""
        return COSEKey.new({1: 1, 2: KEY_ID, 3: algorithm, -1: 6, -2: self.public, -4: self.seed})

    def by_cwt(self, algorithm, **options):
        """python-cwt as its manual has it: CWT claims, kid in the unprotected header."""
        return cwt.encode(claims(), self.cose_key(algorithm), **options)

    def by_cwt_cose(self, algorithm):
        """python-cwt's COSE layer, kid in the protected header."""
        return COSE.new().encode_and_sign(
            cbor2.dumps(claims(), canonical=True), self.cose_key(algorithm),
            protected={1: algorithm, 4: KEY_ID})

    def by_pycose(self, is_tagged=True, is_protected=True):
        """pycose knows EdDSA (-8) alone."""
        header = {Algorithm: EdDSA}
        key_id = {KID: KEY_ID}
        message = Sign1Message(
            phdr=header | key_id if is_protected else header, uhdr={} if is_protected else key_id,
            payload=cbor2.dumps(claims(), canonical=True))
        message.key = OKPKey(crv=Ed25519, x=self.public, d=self.seed)
        return message.encode(tag=is_tagged)


def flips(data):
    """`data` with each single bit of protected header, payload and signature flipped."""
    value = cbor2.loads(data)
    while isinstance(value, cbor2.CBORTag):
        value = value.value
    for part in (value[0], value[2], value[3]):
        start = data.index(part)
        for bit in range(8 * len(part)):
            damaged = bytearray(data)
            damaged[start + bit // 8] ^= 1 << bit % 8
            yield bytes(damaged)


class TicketTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = TemporaryDirectory(prefix="tollkeeper-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.issuer = Issuer()
        tollctl("key", "new", "--out", cls.folder / "authority")
        (cls.folder / "trust.toml").write_text("\n".join([
            "version = 1", 'network = "interop"', "[[issuer]]", f'kid = "{KEY_ID.hex()}"',
            f'public_key = "{cls.issuer.public.hex()}"', ""]))
        tollctl("trust", "sign", "--in", cls.folder / "trust.toml", "--key",
                cls.folder / "authority", "--out", cls.folder / "trust")

    def verify(self, tickets):
        """The verdicts about tickets as bytes, from one process."""
        done = tollkeeper(
            "verify", "--trust", self.folder / "trust", "--authority",
            self.folder / "authority.pub", "--event", EVENT, "--zone", ZONE, "--now", NOW, "--json",
            input=b"".join(base45.b45encode(ticket) + b"\n" for ticket in tickets))
        verdicts = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(verdicts), len(tickets))
        return verdicts

    def check(self, ticket):
        """`ticket` is accepted for what it says, and with any bit flipped it is refused."""
        verdict, *damaged = self.verify([ticket, *flips(ticket)])
        self.assertEqual(
            verdict, {"result": "valid", "ticket": b"12345678".hex(), "use": 0, "entries": 3,
                      "class": 2})
        self.assertGreater(len(damaged), 8 * (64 + 30))
        self.assertEqual({v["result"] for v in damaged} - REFUSALS, set())
        self.assertEqual({v["ticket"] for v in damaged}, {None})

    def test_tickets_minted_by_python_cwt_are_accepted_and_damaged_ones_refused(self):
        """Tickets minted by python-cwt are accepted, and refused with any single bit flipped."""
        for algorithm in (EDDSA, ED25519):
            with self.subTest(algorithm=algorithm, layer="CWT"):
                self.check(self.issuer.by_cwt(algorithm))
            with self.subTest(algorithm=algorithm, layer="COSE"):
                self.check(self.issuer.by_cwt_cose(algorithm))

    def test_tickets_minted_by_pycose_are_accepted_and_damaged_ones_refused(self):
        """Tickets minted by pycose are accepted, and refused with any single bit flipped."""
        for is_protected in (True, False):
            with self.subTest(kid="protected" if is_protected else "unprotected"):
                self.check(self.issuer.by_pycose(is_protected=is_protected))

    def test_tickets_are_accepted_untagged_with_tag_18_and_with_tag_61(self):
        """Tickets are accepted untagged, with tag 18, and with tags 61 and 18."""
        self.check(self.issuer.by_pycose(is_tagged=False))
        self.check(self.issuer.by_cwt(ED25519, tagged=True))
        tagged = cbor2.dumps(cbor2.CBORTag(61, cbor2.loads(self.issuer.by_pycose())))
        self.check(tagged)
        # RFC 8392 6: tag 61 goes before a tag of COSE.
        untagged = cbor2.loads(self.issuer.by_pycose(is_tagged=False))
        others = [cbor2.dumps(cbor2.CBORTag(tag, untagged)) for tag in (17, 61, 98, 55799)]
        self.assertEqual({v["result"] for v in self.verify(others)}, {"malformed"})

    def test_what_we_mint_is_accepted_by_both_libraries(self):
        """What tollctl mints both libraries accept, and read as we do."""
        (self.folder / "issuer").write_text(self.issuer.seed.hex() + "\n")
        for algorithm in (EDDSA, ED25519):
            row = tollctl(
                "ticket", "mint", "--key", self.folder / "issuer", "--event", EVENT, "--zones",
                ZONE, "--class", 2, "--entries", 3, "--count", 1, "--from", NOW - 3600, "--until",
                NOW + 3600, "--kid", KEY_ID.hex(), "--alg", algorithm)[0]
            ticket = base45.b45decode(row["text"])
            expected = claims(bytes.fromhex(row["cti"]))
            payload = COSE.new().decode(ticket, self.issuer.cose_key(algorithm))
            self.assertEqual(cbor2.loads(payload), expected)
            if algorithm == EDDSA:
                message = Sign1Message.decode(ticket)
                message.key = OKPKey(crv=Ed25519, x=self.issuer.public)
                self.assertTrue(message.verify_signature())
                self.assertEqual(cbor2.loads(message.payload), expected)


if __name__ == "__main__":
    unittest.main()
