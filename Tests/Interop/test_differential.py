"""Random tickets of other people's libraries, before `tollkeeper verify` and `reference.py`."""

import base64
import functools
import hashlib
import itertools
import struct
import sys
import unittest
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Processes"))

import base45
import cbor2
import cwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cwt import COSE, COSEKey
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from pycose.algorithms import EdDSA
from pycose.headers import KID, Algorithm
from pycose.keys import OKPKey
from pycose.keys.curves import Ed25519
from pycose.messages import Sign1Message

import reference
from commands import EVENT, random_source, tollctl, tollkeeper
from reference import Issuer, Place, PretixKey, Trust
from test_reasons import OF_A_GATE_ALONE, REASONS

TICKETS = 10_000
NOW = 1_800_000_000
ED25519, EDDSA = -19, -8
Field = descriptor_pb2.FieldDescriptorProto
NUMBERS = (0, 1, 23, 24, 255, 256, 2**16 - 1, 2**16, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1)
IDENTITY_POINT = bytes([1]) + bytes(31)
# The public key of MIXED_SEED and a point of order 8, added: signatures hold or not by the message.
MIXED_SEED = bytes([7]) * 32
MIXED_POINT = bytes.fromhex("fbb3211d177bccefd763d01a88f6473e43e5cf0a0740e44ab5c64460eefd4675")


class Key:
    def __init__(self, seed, public=None):
        self.seed = seed
        self.private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = public or self.private.public_key().public_bytes_raw()

    @property
    def scalar(self):
        number = int.from_bytes(hashlib.sha512(self.seed).digest()[:32], "little")
        return number & (1 << 254) - 8 | 1 << 254

    @functools.cache
    def for_cwt(self, kid, algorithm):
        return COSEKey.new({1: 1, 2: kid, 3: algorithm, -1: 6, -2: self.public, -4: self.seed})

    @functools.cached_property
    def for_pycose(self):
        return OKPKey(crv=Ed25519, x=self.public, d=self.seed)

    def sign(self, data, nonce=None):
        """With a key as nonce: S and R by RFC 8032's equation for `public`, whatever that is."""
        if nonce is None and self.public not in (MIXED_POINT, IDENTITY_POINT):
            return self.private.sign(data)
        r = nonce or Key(hashlib.sha256(data).digest())
        h = hashlib.sha512(r.public + self.public + data).digest()
        scalar = 0 if self.public == IDENTITY_POINT else self.scalar
        nonce = 0 if r.public == IDENTITY_POINT else r.scalar
        s = (nonce + int.from_bytes(h, "little") * scalar) % reference.L
        return r.public + s.to_bytes(32, "little")


# CBOR that other encoders do not write


class Pairs(list):
    """A map, with whatever keys."""


class Raw(bytes):
    """Bytes that stand as they are."""


def head(major, number, wider=0):
    """The shortest head of an item, or one that is `wider` steps longer."""
    step = sum(number >= limit for limit in (24, 1 << 8, 1 << 16, 1 << 32)) + wider
    if step == 0:
        return bytes([major << 5 | number])
    step = min(step, 4)
    return bytes([major << 5 | 23 + step]) + number.to_bytes(1 << step - 1, "big")


def encoded(value, source=None, rate=0.0):
    """CBOR in the order that is given; where a source is given, one item in 1 / `rate` has too long
    a head, and as many have an indefinite length."""
    wider = source is not None and source.random() < rate
    is_open = source is not None and source.random() < rate
    if type(value) is Raw:
        return bytes(value)
    if type(value) is int and -2**64 <= value < 2**64:
        return head(value < 0, ~value if value < 0 else value, wider)
    if type(value) is cbor2.CBORTag:
        return head(6, value.tag, wider) + encoded(value.value, source, rate)
    if type(value) in (bytes, str):
        major, data = (2, value) if type(value) is bytes else (3, value.encode())
        body = head(major, len(data), wider) + data
    elif type(value) in (list, Pairs, dict):
        major = 4 if type(value) is list else 5
        pairs = value.items() if type(value) is dict else value
        items = pairs if major == 4 else itertools.chain.from_iterable(pairs)
        content = b"".join(encoded(item, source, rate) for item in items)
        body = head(major, len(value), wider) + content
        if is_open:
            body = content
    else:
        return cbor2.dumps(value)
    return bytes([major << 5 | 31]) + body + b"\xff" if is_open else body


def nested(levels, content, source):
    for _ in range(levels):
        content = source.choice(
            ([content], [0, content], Pairs([(0, content)]), cbor2.CBORTag(1, content)))
    return content


# Protocol Buffers by their own library


@functools.cache
def message_class(syntax, *fields):
    """A message of `(number, type)`; the fields' names are f1, f2 and so on."""
    file = descriptor_pb2.FileDescriptorProto(
        name="ticket.proto", package="interop", syntax=syntax)
    message = file.message_type.add(name="Ticket")
    for number, kind in fields:
        field = message.field.add(
            name=f"f{number}", number=number, type=kind, label=Field.LABEL_OPTIONAL)
        if kind == Field.TYPE_GROUP:
            field.type_name = f".interop.Ticket.F{number}"
            message.nested_type.add(name=f"F{number}").field.add(
                name="inner", number=number, type=Field.TYPE_INT64, label=Field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("interop.Ticket"))


def pretix_message(**values):
    """pretix's Ticket: f1 seed, f2 item, f3 variation, f4 subevent, f5 from, f6 until."""
    numbers = ((number, Field.TYPE_INT64) for number in range(2, 7))
    return message_class("proto3", (1, Field.TYPE_STRING), *numbers)(**values).SerializeToString()


def protobuf_field(number, kind, value):
    message = message_class("proto2", (number, kind))()
    if kind == Field.TYPE_GROUP:
        getattr(message, f"f{number}").inner = value
    else:
        setattr(message, f"f{number}", value)
    return message.SerializeToString()


def varint(value, size=1):
    """At least `size` bytes long."""
    data = []
    while value or len(data) < size:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(data[:-1] + [data[-1] & 0x7F])


def sig1(payload, signature, version=1, sizes=(0, 0)):
    head = struct.pack(
        ">BHH", version, max(len(payload) + sizes[0], 0), max(len(signature) + sizes[1], 0))
    return head + payload + signature


def sig1_text(data):
    return base64.b64encode(data)[::-1]


class Site:
    """Keys, the trust documents and the gates."""

    def __init__(self, source):
        def key():
            return Key(source.randbytes(32))

        self.stranger = key()
        twice, limited, former, guest, early, late, other, gone = (key() for _ in range(8))
        kids = [source.randbytes(size) for size in (4, 8, 32, 1, 4, 4)]
        self.issuers = [
            (twice, Issuer(kids[0], twice.public)),
            (limited, Issuer(kids[0], limited.public, events=(EVENT, EVENT + 2))),
            (former, Issuer(kids[1], former.public, is_revoked=True)),
            (guest, Issuer(
                kids[1], guest.public, not_before=NOW - 100, not_after=NOW + 100)),
            (early, Issuer(kids[2], early.public, not_before=NOW + 1)),
            (late, Issuer(kids[2], late.public, not_after=NOW)),
            (other, Issuer(kids[3], other.public, events=(EVENT + 1, 0, 2**32 - 1))),
            (gone, Issuer(kids[3], gone.public, is_revoked=True)),
            *((special, Issuer(kids[4], special.public)) for special in (
                Key(MIXED_SEED, MIXED_POINT), Key(bytes(32), IDENTITY_POINT))),
        ]
        self.pretix = [(event, key(), is_revoked) for event, is_revoked in (
            (EVENT, False), (EVENT, False), (EVENT, True), (EVENT + 1, False), (EVENT + 1, True))]
        # One key for both formats.
        self.pretix.append((EVENT + 1, twice, False))
        self.listed = {
            kind: [(kids[0], source.randbytes(8)), (kids[0], source.randbytes(16)),
                   (kids[1], source.randbytes(12)), (EVENT, f"{kind} é".encode()),
                   (EVENT + 1, kind.encode())]
            for kind in ("revoked", "blocked")}
        self.listed["blocked"] += self.listed["revoked"][:1]
        main = self.trust("main")
        old = self.trust("old", expires=NOW)
        stale = self.trust("stale", issued=NOW - 60, stale_s=60)
        self.places = [
            Place(main, EVENT, 1, NOW), Place(main, EVENT + 1, 6, NOW),
            Place(main, EVENT + 2, 2**32 - 1, NOW + 99), Place(main, EVENT, 0, NOW - 100),
            Place(old, EVENT, 1, NOW), Place(old, EVENT, 1, NOW - 1),
            Place(stale, EVENT + 1, 1, NOW), Place(stale, EVENT + 1, 1, NOW - 1)]
        self.weights = [16, 8, 2, 1, 1, 1, 1, 1]

    def trust(self, name, **head):
        return Trust(
            name, [issuer for _, issuer in self.issuers],
            [PretixKey(event, key.public, is_revoked) for event, key, is_revoked in self.pretix],
            self.listed["revoked"], self.listed["blocked"], **head)

    def sign(self, folder):
        """The trust documents, by their names, and the authority's key."""
        tollctl("key", "new", "--out", folder / "authority")
        for trust in {place.trust.name: place.trust for place in self.places}.values():
            (folder / "trust.toml").write_text(self.toml(trust))
            tollctl("trust", "sign", "--in", folder / "trust.toml", "--key",
                    folder / "authority", "--out", folder / trust.name)

    def toml(self, trust):
        lines = ["version = 1", 'network = "differential"']
        lines += [f"{name} = {value}" for name in ("issued", "expires", "stale_s")
                  if (value := getattr(trust, name)) is not None]
        for issuer in trust.issuers:
            lines += ["[[issuer]]", f'kid = "{issuer.kid.hex()}"',
                      f'public_key = "{issuer.key.hex()}"', f"events = {list(issuer.events)}"]
            lines += [f"{name} = {value}" for name in ("not_before", "not_after")
                      if (value := getattr(issuer, name)) is not None]
            lines += ['status = "revoked"'] * issuer.is_revoked
        for key in trust.pretix_keys:
            lines += ["[[pretix_event]]", f"event = {key.event}",
                      f'public_key = "{key.key.hex()}"'] + ['status = "revoked"'] * key.is_revoked
        for kind in ("revoked", "blocked"):
            for name, ticket in getattr(trust, kind):
                lines += [f"[[{kind}]]"] + (
                    [f"event = {name}", f'seed = "{ticket.decode()}"'] if type(name) is int
                    else [f'issuer = "{name.hex()}"', f'ticket = "{ticket.hex()}"'])
        return "\n".join(lines) + "\n"


class Mint:
    """Draws tickets for a gate. A mutation is one of the methods; a report has its name."""

    def __init__(self, source, site):
        self.source, self.site = source, site
        self.chance = lambda rate: source.random() < rate
        self.place = None

    def draw(self, minter, is_mutated):
        """(what was done, text, place)."""
        self.place = self.source.choices(self.site.places, self.site.weights)[0]
        draw = self.pretix if minter == "protobuf" else self.cwt
        while True:
            done, text = draw(minter, is_mutated)
            # A code is one line.
            if text.strip(b"\r\n") and b"\n" not in text and b"\r" not in text[:-1]:
                return f"{minter}, {done}", text, self.place

    # What both formats say

    def instant(self):
        away = self.source.choice((0, 1, 2, 1000, 2**20, NOW))
        return max(self.place.now + self.source.choice((-away, away)), 0)

    def listed(self, kinds):
        """A revoked or blocked ticket, one time in eight."""
        names = [ticket for names in self.site.listed.values() for name, ticket in names
                 if type(name) is kinds]
        return self.source.choice(names) if self.chance(1 / 8) else None

    def damaged(self, data):
        """Bits flipped, bytes cut off, put in, or appended."""
        data, at = bytearray(data), self.source.randrange(len(data) + 1)
        match self.source.randrange(4):
            case 0 if data:
                for _ in range(self.source.choice((1, 1, 2, 9))):
                    data[self.source.randrange(len(data))] ^= 1 << self.source.randrange(8)
            case 1:
                del data[at:]
            case 2:
                data[at:at] = self.source.randbytes(self.source.choice((1, 2, 64)))
            case _:
                data += self.source.choice((b"\0", b"\xf6", self.source.randbytes(1)))
        return bytes(data)

    # CWT

    def claims(self):
        source, place = self.source, self.place
        claims = {7: self.listed(bytes) or source.randbytes(source.randint(8, 16))}
        event = place.event if self.chance(0.85) else source.choice((EVENT, EVENT + 1, 2**32 - 1))
        zones = source.choice((place.zone, 2**32 - 1, place.zone << 1 & 2**32 - 1,
                               source.getrandbits(32), 0))
        claims[-65537] = [event, zones, source.randrange(256), source.choice((0, 1, 1, 2, 65535))]
        late = place.now + source.choice((1, 1000, 2**40))
        early = place.now - source.choice((0, 1, 1000))
        if self.chance(0.8):
            claims[4] = late if self.chance(0.8) else self.instant()
        if self.chance(0.8):
            claims[5] = early if self.chance(0.8) else self.instant()
        for key, value in ((1, "issuer"), (2, "Zoë"), (3, "gate"), (6, NOW), (8, {1: {-1: b"k"}}),
                           (-70000, [1, "x", None, 1.5, True]),
                           (-70001, source.randbytes(source.randint(100, 220)))):
            if self.chance(0.2):
                claims[key] = value
        items = list(claims.items())
        source.shuffle(items)
        return dict(items)

    def by_library(self, minter, key, kid, claims):
        """COSE_Sign1 of claims or of a payload, in one of the forms that the library has."""
        algorithm = self.source.choice((ED25519, EDDSA))
        is_protected = self.chance(0.5)
        payload = claims if type(claims) is bytes else encoded(claims)
        if minter == "pycose":
            header, key_id = {Algorithm: EdDSA}, {KID: kid}
            message = Sign1Message(
                phdr=header | key_id if is_protected else header,
                uhdr={} if is_protected else key_id, payload=payload, key=key.for_pycose)
            return message.encode()
        key = key.for_cwt(kid, algorithm)
        if not is_protected and payload is not claims:
            # It fills in times that are missing, by the machine's clock.
            return cwt.encode({4: NOW + 9999, 5: NOW - 9999, 6: NOW} | claims, key)
        return COSE.new().encode_and_sign(
            payload, key, protected={1: algorithm} | ({4: kid} if is_protected else {}),
            unprotected={} if is_protected else {4: kid})

    def cwt(self, minter, is_mutated):
        key, issuer = self.source.choices(
            self.site.issuers, [12, 4, 2, 2, 1, 1, 2, 1, 2, 1])[0]
        if key.public in (MIXED_POINT, IDENTITY_POINT):
            minter = None
        self.signer, self.kid, self.minter = key, issuer.kid, minter
        if not is_mutated:
            if minter is None:
                return "odd key", base45.b45encode(self.resigned())
            data = self.tagged(self.by_library(minter, key, issuer.kid, self.claims()))
            return "as minted", base45.b45encode(data)
        if minter is None:
            self.minter = "pycose"
        mutation = self.source.choice((
            self.claims_of_another_type, self.claims_of_other_keys, self.odd_payload,
            self.damaged_payload, self.deep, self.odd_headers, self.critical_headers,
            self.misplaced_headers, self.odd_envelope, self.other_tags, self.damaged_envelope,
            self.odd_signature, self.another_signer, self.odd_text, self.respelled_text))
        result = mutation()
        if mutation.__name__.endswith("text"):
            return mutation.__name__, result
        return mutation.__name__, base45.b45encode(result)

    def tagged(self, data):
        match self.source.randrange(4) if data[:1] == b"\xd2" else 0:
            case 1:
                return data[1:]
            case 2:
                return b"\xd8\x3d" + data
        return data

    def minted(self, claims=None):
        claims = self.claims() if claims is None else claims
        return self.by_library(self.minter, self.signer, self.kid, claims)

    def resigned(self, protected=None, unprotected=None, payload=None, parts=lambda parts: parts):
        """An envelope whose signature holds, with headers as bytes."""
        protected = encoded({1: ED25519, 4: self.kid}) if protected is None else protected
        payload = encoded(self.claims()) if payload is None else payload
        signature = self.signer.sign(encoded(["Signature1", protected, b"", payload]))
        unprotected = Raw(b"\xa0" if unprotected is None else unprotected)
        return encoded(cbor2.CBORTag(18, parts([protected, unprotected, payload, signature])))

    def odd_value(self):
        source = self.source
        return source.choice((
            source.choice(NUMBERS), -1 - source.choice(NUMBERS), 2**64, -2**64 - 1, "text", b"",
            source.randbytes(8), source.randbytes(17), [], {}, [1], None, True, 1.5, float(NOW),
            cbor2.CBORTag(source.choice((0, 1, 2, 61)), 1), nested(source.randint(1, 3), 0, source),
            Raw(b"\xf8\x18"), Raw(b"\xf8\xff"), Raw(b"\xf9\x7e\x00"), Raw(b"\xf8\x20"),
            Raw(b"\xfc"), Raw(b"\xfc" + bytes(16)), Raw(b"\x1c" + b"\xff" * 16), Raw(b"\xff"),
            Raw(b"\xe0"), Raw(b"\xf7"), Raw(b"\x61\xff"), Raw(b"\x63\xed\xa0\x80"), Raw(b"")))

    def claims_of_another_type(self):
        claims, source = self.claims(), self.source
        match source.randrange(6):
            case 0:
                claims[-65537][source.randrange(4)] = self.odd_value()
            case 1:
                claims[-65537] = (claims[-65537] + [1])[:source.choice((0, 3, 5))]
            case 2:
                claims[7] = source.randbytes(source.choice((0, 7, 8, 16, 17)))
            case _:
                key = source.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, -65537))
                claims[key] = self.odd_value()
        return self.minted(encoded(claims))

    def claims_of_other_keys(self):
        claims = Pairs(self.claims().items())
        if self.chance(0.2):
            del claims[self.source.randrange(len(claims))]
        else:
            key, value = self.source.choice(claims)
            other = self.source.choice((
                key, key, self.odd_value(), str(key), 2**63 - 1, 2**63, 2**64 - 1, -2**63,
                -2**63 - 1, -2**64, self.source.getrandbits(32)))
            claims.insert(self.source.randrange(len(claims) + 1), (other, value))
        return self.minted(encoded(claims))

    def odd_payload(self):
        claims = encoded(self.claims(), self.source, self.source.choice((0.02, 0.1)))
        return self.minted(claims)

    def damaged_payload(self):
        claims = encoded(self.claims())
        return self.minted(self.damaged(claims) or b"\xa0")

    def deep(self):
        """Nesting about as deep as is followed, in a claim or in a header."""
        value = nested(
            self.source.randint(3, 11), self.source.choice((0, [], {}, "x")), self.source)
        if self.chance(0.5):
            return self.minted(encoded(self.claims() | {self.source.choice((8, -70000)): value}))
        protected, unprotected = self.headers()
        self.source.choice((protected, unprotected)).append((99, value))
        return self.resigned(encoded(protected), encoded(unprotected))

    def headers(self):
        protected, unprotected = Pairs([(1, self.source.choice((ED25519, EDDSA)))]), Pairs()
        self.source.choice((protected, unprotected)).append((4, self.kid))
        return protected, unprotected

    def odd_headers(self):
        """Buckets that are no maps, in forms that are not strict, or with odd labels and values."""
        protected, unprotected = self.headers()
        form = ()
        match self.source.randrange(4):
            case 0:
                value = self.source.choice((
                    b"", b"\xa0", b"\x80", b"\x40", b"\xf6", encoded(protected) + b"\0",
                    self.damaged(encoded(protected))))
                return self.resigned(value, encoded(unprotected))
            case 1:
                form = (self.source, 0.15)
            case 2:
                label = self.source.choice((1, 4, 3, 5, 99, "x", b"x", None, 2**64 - 1, -2**64))
                bucket = self.source.choice((protected, unprotected))
                bucket.append((label, self.odd_value()))
            case _:
                value = (4, self.source.choice((b"", bytes(33), self.kid + b"\0", "kid", 4)))
                for bucket in (protected, unprotected):
                    bucket[:] = [value if pair[0] == 4 else pair for pair in bucket]
        return self.resigned(
            encoded(protected, *form), encoded(unprotected, *form))

    def critical_headers(self):
        """`crit` (RFC 9052 3.1)."""
        protected, unprotected = self.headers()
        labels = self.source.choice((
            [1], [4], [1, 4], [2], [3], [5], [99], ["x"], [], [1, 1], 1, b"\x01", [[1]], [None]))
        self.source.choice((protected, protected, protected, unprotected)).append((2, labels))
        for label in ((3, "text/plain"), (99, 0), ("x", 0), (5, b"iv")):
            if self.chance(0.3):
                self.source.choice((protected, protected, unprotected)).append(label)
        return self.resigned(encoded(protected), encoded(unprotected))

    def misplaced_headers(self):
        """`alg` and `kid` missing, twice, in the wrong bucket or in both; other algorithms."""
        protected, unprotected = self.headers()
        match self.source.randrange(5):
            case 0:
                unprotected.append(protected.pop(0))
            case 1:
                unprotected.append(self.source.choice((protected[0], (4, self.kid))))
            case 2:
                protected.append(self.source.choice((protected[0], (4, self.kid))))
            case 3:
                (unprotected if unprotected and self.chance(0.5) else protected).pop()
            case _:
                algorithm = self.source.choice(
                    (-7, -257, 0, -9, -53, 5, "EdDSA", b"\x27", None, 2**64 - 1, -2**64))
                protected[0] = (1, algorithm)
        return self.resigned(encoded(protected), encoded(unprotected))

    def odd_envelope(self):
        """Items of the array missing, more, or of another type; forms that are not strict."""
        at, value = self.source.randrange(4), self.odd_value()
        match self.source.randrange(4):
            case 0:
                return self.resigned(parts=lambda parts: parts[:at])
            case 1:
                return self.resigned(parts=lambda parts: parts + [value])
            case 2:
                return self.resigned(parts=lambda parts: parts[:at] + [value] + parts[at + 1:])
        return encoded(cbor2.loads(self.minted()), self.source, 0.08)

    def other_tags(self):
        data = self.minted()
        data = data[1:] if data[:1] == b"\xd2" else data
        for tag in self.source.choice((
                (17,), (98,), (61,), (18, 18), (18, 61), (18, 61, 61), (18, 55799), (61, 61),
                (18, 61, 55799), (2**64 - 1,), (18, 18, 18, 18, 18, 18, 18, 18, 18))):
            data = head(6, tag, wider=self.chance(0.1)) + data
        return data

    def damaged_envelope(self):
        return self.damaged(self.tagged(self.minted()))

    def odd_signature(self):
        """S beyond the order, R of small order, both where the equation holds; other sizes."""
        value = cbor2.loads(self.minted()).value
        if self.chance(0.1):
            value[0] = encoded({1: -7})
        signed = encoded(["Signature1", value[0], b"", value[2]])
        nonce = Key(self.source.randbytes(32))
        if self.chance(0.4):
            nonce.public = IDENTITY_POINT
        signature = self.signer.sign(signed, nonce)
        if self.chance(0.4):
            s = int.from_bytes(signature[32:], "little") + reference.L
            signature = signature[:32] + s.to_bytes(32, "little")
        if self.chance(0.2):
            size = self.source.choice((0, 63, 65, 114))
            signature = (signature + bytes(64))[:size]
        return encoded(cbor2.CBORTag(18, value[:3] + [signature]))

    def another_signer(self):
        keys = [self.site.stranger] + [key for key, _ in self.site.issuers[:8]]
        keys += [key for _, key, _ in self.site.pretix]
        self.signer = self.source.choice(keys)
        if self.chance(0.2):
            self.kid = self.source.choice((self.source.randbytes(4), self.signer.public))
        return self.minted()

    def odd_text(self):
        data = self.tagged(self.minted())
        text = base45.b45encode(data)
        at = self.source.randrange(len(text))
        return self.source.choice((
            text.lower(), text + b"\t", text + b"\r", text + b"\t\t\r", text + b" ", b" " + text,
            text + b"0", text + b"00", text + b"000", text + b"GGX", text[:-1], text.strip(b"0"),
            text + text, text * 9, text + b"0" * (1536 - len(text)), text + b"0" * 1536,
            text[:at] + bytes([text[at] ^ 1 << self.source.randrange(8)]) + text[at + 1:],
            text[:at] + self.source.choice((b" ", b"\0", b"\xc3\xa9", b":", b"\xff")) + text[at:],
            text.replace(b" ", b"") + b"\t", text.replace(b"%", b"% "), b"HC1:" + text,
            sig1_text(data), base64.b64encode(data), data.hex().encode(), text[::-1], b"\t"))

    def respelled_text(self):
        """A group beyond 65535 that is the same modulo 65536, as a lax decoder reads it."""
        text = base45.b45encode(self.tagged(self.minted()))
        for at in range(3 * self.source.randrange(len(text) // 3), len(text) - 2, 3):
            value = sum(reference.BASE45.index(text[at + i]) * 45**i for i in range(3)) + 65536
            if value < 45**3:
                digits = bytes(reference.BASE45[value // 45**i % 45] for i in range(3))
                return text[:at] + digits + text[at + 3:]
        return text

    # pretix

    def message(self):
        source = self.source
        seed = self.listed(int) or source.choice((
            source.randbytes(4).hex(), "é" * source.randint(1, 32), "x" * 64, "0", "a\0b", "🎫"))
        values = {"f1": seed if type(seed) is str else seed.decode()}
        values |= {f"f{number}": source.choice((0, 1, source.getrandbits(63), 1637))
                   for number in (2, 3, 4)}
        values["f5"] = self.instant() if self.chance(0.2) else source.choice((0, self.place.now))
        values["f6"] = self.instant() if self.chance(0.2) else source.choice(
            (0, self.place.now, 2**63 - 1))
        return pretix_message(**values)

    def pretix(self, minter, is_mutated):
        event = self.place.event if self.chance(0.9) else EVENT
        keys = [key for key in self.site.pretix if key[0] == event] or self.site.pretix
        self.signer = self.source.choices(keys, [1 if key[2] else 4 for key in keys])[0][1]
        if not is_mutated:
            return "as minted", sig1_text(self.sold())
        mutation = self.source.choice((
            self.unknown_fields, self.fields_of_another_type, self.fields_twice, self.odd_numbers,
            self.odd_varints, self.groups, self.odd_seeds, self.damaged_message, self.odd_sizes,
            self.damaged_ticket, self.odd_pretix_signature, self.another_pretix_signer,
            self.odd_pretix_text, self.respelled_pretix_text))
        result = mutation()
        name = mutation.__name__
        return name, result if name.endswith("text") else sig1_text(result)

    def sold(self, message=None, **form):
        message = self.message() if message is None else message
        return sig1(message, self.signer.sign(message), **form)

    def joined(self, extra):
        """The extra field stands before or behind the others."""
        message = self.message()
        return self.sold(extra + message if self.chance(0.5) else message + extra)

    def typed_value(self, kind):
        match kind:
            case Field.TYPE_BYTES:
                return self.source.choice((b"", b"bytes", b"x" * 200))
            case Field.TYPE_STRING:
                return "text"
            case Field.TYPE_DOUBLE | Field.TYPE_FLOAT:
                return 1.5
        return 7

    def unknown_fields(self):
        kind = self.source.choice((
            Field.TYPE_DOUBLE, Field.TYPE_FLOAT, Field.TYPE_INT64, Field.TYPE_FIXED64,
            Field.TYPE_FIXED32, Field.TYPE_STRING, Field.TYPE_GROUP, Field.TYPE_BYTES))
        number = self.source.choice((7, 8, 15, 16, 2047, 2048, 20000, 2**29 - 1))
        extra = protobuf_field(number, kind, self.typed_value(kind))
        return self.joined(extra * self.source.choice((1, 2, 3, 60)))

    def fields_of_another_type(self):
        number = self.source.randint(1, 6)
        kinds = (Field.TYPE_DOUBLE, Field.TYPE_FIXED32, Field.TYPE_GROUP,
                 Field.TYPE_INT64 if number == 1 else Field.TYPE_BYTES)
        kind = self.source.choice(kinds)
        extra = protobuf_field(number, kind, self.typed_value(kind))
        return self.joined(extra) if self.chance(0.5) else self.sold(
            extra if number == 1 else pretix_message(f1="seed") + extra)

    def fields_twice(self):
        message = self.message()
        other = pretix_message(**{f"f{self.source.randint(2, 6)}": 7})
        return self.sold(message + self.source.choice((
            message, self.message(), other, other + other, pretix_message(f1="more"))))

    def odd_numbers(self):
        """Numbers that are negative, zero in so many words, or at the end of their range."""
        number = self.source.randint(2, 6)
        value = self.source.choice((-1, -2**63, 0, 2**63 - 1, -NOW))
        return self.sold(pretix_message(f1="seed") + protobuf_field(
            number, Field.TYPE_INT64, value))

    def odd_varints(self):
        """Varints longer than they need be, and beyond 64 bits; tags that do not exist."""
        source = self.source
        number, size = source.randint(2, 6), source.randint(1, 11)
        extra = source.choice((
            varint(number << 3) + varint(self.place.now, size),
            varint(number << 3, size) + varint(self.place.now),
            varint(source.choice((number, 7)) << 3) + source.choice((b"\xff", b"\x80")) * 9
            + bytes([source.choice((0, 1, 2, 3, 0x7F))]),
            varint(58) + varint(3, size) + b"abc", varint(58) + varint(2**64 - 1),
            varint(58) + varint(4) + b"abc", varint(source.randrange(8)) + b"\0",
            varint(number << 3 | 6) + b"\0", varint(number << 3 | 7), varint(7 << 3 | 6),
            varint(1 << 32) + b"\0", varint(1 << 35 | number << 3) + b"\0",
            varint((2**29 - 1) << 3) + b"\0", varint(2**63) + b"\0"))
        return self.sold(pretix_message(f1="seed") + extra)

    def groups(self):
        levels = self.source.randint(1, 11)
        first, last = b"\x3b" * levels, b"\x3c" * levels
        extra = self.source.choice((
            first + last, first + last, first + last, first + b"\x08\x01\x12\x01x" + last, first,
            last, first + last[1:] + b"\x44", b"\x3b\x0c\x3c", b"\x3b\x0b\x0c\x3c", b"\x0c",
            b"\x3b\x07\x3c", b"\x3b\x3a\x05\x3c", b"\x0b\x0c", b"\x1b\x1c"))
        return self.joined(extra)

    def odd_seeds(self):
        value = self.source.choice((
            b"", b"x" * 64, b"x" * 65, b"x" * 700, b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xc3",
            b"\xf4\x90\x80\x80", b"\xe2\x82", b"\0", " \t".encode(), b"\xef\xbf\xbf", b"revoked"))
        rest = pretix_message(f2=1) if self.chance(0.5) else b""
        seed = protobuf_field(1, Field.TYPE_BYTES, value)
        return self.sold(rest + self.source.choice((seed, seed, seed, b"")))

    def damaged_message(self):
        return self.sold(self.damaged(self.message()))

    def odd_sizes(self):
        source = self.source
        match source.randrange(4):
            case 0:
                return self.sold(version=source.choice((0, 2, 255)))
            case 1:
                return self.sold(sizes=(source.choice((-1, 1, 256)), source.choice((0, 0, -1, 1))))
            case 2:
                message = self.message()
                size = source.choice((0, 1, 63, 65, 114))
                return sig1(message, (self.signer.sign(message) + bytes(64))[:size])
        # Up to the largest ticket, and beyond.
        room = 1024 - len(self.sold(b"")) - len(pretix_message(f1="seed")) - 4
        extra = protobuf_field(16, Field.TYPE_BYTES, bytes(room + source.randint(-2, 2)))
        return self.sold(pretix_message(f1="seed") + extra)

    def damaged_ticket(self):
        return self.damaged(self.sold())

    def odd_pretix_signature(self):
        message, nonce = self.message(), Key(self.source.randbytes(32))
        if self.chance(0.4):
            nonce.public = IDENTITY_POINT
        signature = self.signer.sign(message, nonce)
        if self.chance(0.5):
            s = int.from_bytes(signature[32:], "little") + reference.L
            signature = signature[:32] + s.to_bytes(32, "little")
        return sig1(message, signature)

    def another_pretix_signer(self):
        """Another event's key, an issuer's, nobody's; and what an issuer signed as a CWT."""
        if self.chance(0.3):
            self.signer, issuer = self.site.issuers[0]
            data = self.by_library("python-cwt", self.signer, issuer.kid, self.claims())
            value = cbor2.loads(data).value
            return sig1(encoded(["Signature1", value[0], b"", value[2]]), value[3])
        keys = [key for _, key, _ in self.site.pretix] + [key for key, _ in self.site.issuers[:8]]
        self.signer = self.source.choice([self.site.stranger] + keys)
        return self.sold()

    def odd_pretix_text(self):
        data = self.sold()
        text = sig1_text(data)
        at = self.source.randrange(len(text))
        # Base45 too, but no CWT: decoding decides.
        both = b"AQADAEA" + bytes(self.source.choices(b"ABCDEFGHIJKLMNOPQRSTUV", k=89))
        return self.source.choice((
            both[::-1], text[::-1], text.lower(), text.upper(), text + b"\t", text + b"\r",
            text + b" ", b" " + text, b"=" + text, b"====" + text, text.lstrip(b"="), text + b"A",
            text + b"AAAA", text + text, text[1:], text[:-1], text[4:], text + b"\t\r",
            text[:at] + b" " + text[at:], text[:at] + b"=" + text[at + 1:],
            text[:at] + bytes([text[at] ^ 1 << self.source.randrange(8)]) + text[at + 1:],
            base45.b45encode(data), data.hex().encode(), text[:at], b"AQAAAEAA"[::-1],
            self.source.choice((b"AQ==", b"AQAA", b"Ag==", b"AQEB", b"AB", b"ABC"))[::-1],
            text.translate(bytes.maketrans(b"+/", b"-_"))))

    def respelled_pretix_text(self):
        """Bits that no byte needs are set, as a lax decoder ignores them."""
        text = bytearray(sig1_text(self.sold()))
        alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        padding = len(text) - len(text.lstrip(b"="))
        if padding:
            text[padding] = alphabet[alphabet.index(text[padding]) | self.source.randrange(
                4**padding)]
        return bytes(text)


class DifferentialTest(unittest.TestCase):
    def verdicts(self, folder, place, texts):
        """What verify says, as `decide` says it."""
        done = tollkeeper(
            "verify", "--trust", folder / place.trust.name, "--authority",
            folder / "authority.pub", "--event", place.event, "--zone", place.zone,
            "--now", place.now, input=b"\n".join(texts) + b"\n")
        lines = [line.split(" ") for line in done.stdout.decode().splitlines()]
        self.assertEqual(len(lines), len(texts))
        return [(reason, None if label == "-" else bytes.fromhex(label)) for reason, label in lines]

    def test_ten_thousand_random_tickets_are_decided_as_the_reference_decides_them(self):
        """10,000 random tickets, half of them mutated, are decided as the reference does."""
        source = random_source(self)
        site = Site(source)
        mint = Mint(source, site)
        minters = ("python-cwt", "pycose", "protobuf")
        drawn = [mint.draw(minters[i % 3], i % 2 == 1) for i in range(TICKETS)]
        counts, differences = Counter(), []
        with TemporaryDirectory(prefix="tollkeeper-") as temporary:
            folder = Path(temporary)
            site.sign(folder)
            for place in site.places:
                here = [(done, text) for done, text, at in drawn if at is place]
                verdicts = self.verdicts(folder, place, [text for _, text in here])
                for (done, text), verdict in zip(here, verdicts):
                    expected = reference.decide(text, place)
                    counts[done.startswith("protobuf"), expected[0]] += 1
                    if verdict != expected:
                        differences.append(
                            f"{done}: {text!r} at event {place.event}, zone {place.zone}, now "
                            f"{place.now}: verify says {verdict}, the reference {expected}")
        print("CWT + pretix: " + ", ".join(
            f"{reason} {counts[False, reason]} + {counts[True, reason]}"
            for reason in sorted({reason for _, reason in counts})), flush=True)
        if differences:
            self.fail("\n".join([f"{len(differences)} differences, such as"] + differences[:20]))
        for reason in REASONS - OF_A_GATE_ALONE:
            self.assertGreater(counts[False, reason] + counts[True, reason], 20, reason)
        for is_pretix in (False, True):
            self.assertGreater(counts[is_pretix, "valid"], TICKETS // 20)


if __name__ == "__main__":
    unittest.main()
