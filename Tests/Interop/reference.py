"""What a gate has to say about a scanned text, decided a second time.

Invariants: written from Core/Records/FORMAT.md and the standards alone (RFC 8392, 8949, 9052, 9053,
9285, 9864, 4648; protobuf.dev, "Encoding"; pretix's sig1), with other people's Ed25519 and BLAKE2b;
it shares no code with the gate, with `rogue.py` or with the libraries that mint. A text is decoded
as Base45 first; if that is a COSE_Sign1 it is a CWT, else it may be pretix's. The first step that
fails names the reason, and no claim is read before the signature holds.
"""

import base64
import hashlib
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TEXT_BYTES_MAX, TICKET_BYTES_MAX = 1536, 1024
NESTING_MAX = 8
EDDSA, ED25519 = -8, -19
ALG, CRIT, KID = 1, 2, 4
TICKET_CLAIM = -65537


class Refusal(Exception):
    """The reason code."""


def require(holds, reason="malformed"):
    if not holds:
        raise Refusal(reason)


# What the operator has said


@dataclass(frozen=True)
class Issuer:
    kid: bytes
    key: bytes
    is_revoked: bool = False
    events: tuple = ()
    not_before: int | None = None
    not_after: int | None = None


@dataclass(frozen=True)
class PretixKey:
    event: int
    key: bytes
    is_revoked: bool = False


@dataclass(frozen=True)
class Trust:
    """`revoked` and `blocked` name tickets: `(kid, cti)`, or `(event, seed)` of pretix."""
    name: str
    issuers: list
    pretix_keys: list
    revoked: list = field(default_factory=list)
    blocked: list = field(default_factory=list)
    issued: int | None = None
    expires: int | None = None
    stale_s: int | None = None

    def identities(self, names):
        for name, ticket in names:
            for issuer in self.issuers:
                if issuer.kid == name:
                    yield identity(1, issuer.key, ticket)
            for key in self.pretix_keys:
                if key.event == name:
                    yield identity(2, key.key, ticket)

    def has_expired(self, now):
        if self.expires is not None and now >= self.expires:
            return True
        return None not in (self.issued, self.stale_s) and now - self.issued >= self.stale_s


@dataclass(frozen=True)
class Place:
    trust: Trust
    event: int
    zone: int
    now: int


def identity(number, key, name):
    return hashlib.blake2b(bytes([number]) + key + name, digest_size=32).digest()[:16]


# Texts


BASE45 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def from_base45(text):
    """RFC 9285; None if it is not."""
    digits = [BASE45.find(character) for character in text]
    if -1 in digits or len(digits) % 3 == 1:
        return None
    data = b""
    for i in range(0, len(digits), 3):
        group = digits[i:i + 3]
        value = sum(digit * 45 ** place for place, digit in enumerate(group))
        if value >= 256 ** (len(group) - 1):
            return None
        data += value.to_bytes(len(group) - 1, "big")
    return data


def from_reversed_base64(text):
    """RFC 4648 4, the only spelling that its bytes have; None if it is not."""
    text = text[::-1]
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    if base64.b64encode(data) != text or len(data) > TICKET_BYTES_MAX:
        return None
    return data


# CBOR


class Map(list):
    """Keys and values in pairs, as they stand."""


@dataclass(frozen=True)
class Tag:
    number: int
    item: object


class Simple:
    """A float or a simple value: no ticket needs one."""


class CBOR:
    """RFC 8949: definite lengths, integers and lengths in their shortest form."""

    def __init__(self, data):
        self.data, self.at = data, 0

    @classmethod
    def read(cls, data):
        reader = cls(data)
        # 61(18([..., {label: value}, ...])) has four levels around a value.
        value = reader.item(4 + NESTING_MAX)
        require(reader.at == len(data))
        return value

    def take(self, count):
        require(count <= len(self.data) - self.at)
        self.at += count
        return self.data[self.at - count:self.at]

    def argument(self, information):
        if information < 24:
            return information
        require(information < 28)
        size = 1 << information - 24
        value = int.from_bytes(self.take(size), "big")
        require(value >= (24 if size == 1 else 1 << 4 * size))
        return value

    def item(self, levels):
        require(levels > 0)
        head = self.take(1)[0]
        major, information = head >> 5, head & 31
        if major == 7:
            return self.simple(information)
        number = self.argument(information)
        if major == 0:
            return number
        if major == 1:
            return -1 - number
        if major == 2:
            return self.take(number)
        if major == 3:
            try:
                return self.take(number).decode()
            except UnicodeDecodeError:
                raise Refusal("malformed") from None
        if major == 6:
            return Tag(number, self.item(levels - 1))
        # Every item takes a byte at least, so that this ends.
        if major == 4:
            return [self.item(levels - 1) for _ in range(number)]
        return Map((self.item(levels - 1), self.item(levels - 1)) for _ in range(number))

    def simple(self, information):
        require(information <= 27)
        if information == 24:
            require(self.take(1)[0] >= 32)
        elif information > 24:
            self.take(1 << information - 24)
        return Simple()


def nesting(value):
    """Of nesting; a number has one."""
    if type(value) is Tag:
        return 1 + nesting(value.item)
    if type(value) is Map:
        return 1 + max((nesting(item) for pair in value for item in pair), default=0)
    return 1 + max(map(nesting, value), default=0) if type(value) is list else 1


def is_unsigned(value, bits=64):
    return type(value) is int and 0 <= value < 1 << bits


def dictionary(value, *key_types):
    """A map by its keys, none of which stands twice; no value nests more than is followed."""
    require(type(value) is Map and all(type(key) in key_types for key, _ in value))
    require(all(nesting(item) <= NESTING_MAX for _, item in value))
    pairs = dict(value)
    require(len(pairs) == len(value))
    return pairs


# Ed25519


P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
# y of the points whose order divides 8: of order 2, 1, 4 and 8.
OF_ORDER_8 = int.from_bytes(bytes.fromhex(
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
SMALL_ORDER = {P - 1, 1, 0, OF_ORDER_8, P - OF_ORDER_8}


def y_of(point):
    return int.from_bytes(point, "little") & (1 << 255) - 1


def signature_holds(key, signature, data):
    """RFC 8032 5.1.7 without cofactor, and what libsodium refuses beyond it: encodings that are
    not canonical, and points of small order."""
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if s >= L or y_of(key) >= P or {y_of(key) % P, y_of(r) % P} & SMALL_ORDER:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
        return True
    except InvalidSignature:
        return False


# CWT in COSE_Sign1


@dataclass(frozen=True)
class Sign1:
    kid: bytes
    payload: bytes
    signature: bytes
    signed: bytes


def sign1(data):
    """The envelope; refuses with `malformed`, `bad_algorithm`, `unknown_key`, in this order."""
    value = CBOR.read(data)
    if type(value) is Tag and value.number == 61:
        value = value.item
        require(type(value) is Tag)
    if type(value) is Tag:
        require(value.number == 18)
        value = value.item
    require(type(value) is list and len(value) == 4)
    protected, unprotected, payload, signature = value
    require(type(protected) is type(payload) is type(signature) is bytes)
    header = dictionary(CBOR.read(protected) if protected else Map(), int, str)
    unprotected = dictionary(unprotected, int, str)
    require(not header.keys() & unprotected.keys() and CRIT not in unprotected)
    check_critical(header)
    algorithm = header.get(ALG, 0)
    require(type(algorithm) in (int, str))
    kid = header.get(KID, unprotected.get(KID))
    require(kid is None or type(kid) is bytes)
    # EdDSA is Ed448 too, by its signature's size (RFC 8032 5.2.6).
    is_ed448 = algorithm == EDDSA and len(signature) == 114
    require(len(signature) == 64 or is_ed448 or algorithm not in (EDDSA, ED25519))
    require(algorithm in (EDDSA, ED25519) and not is_ed448, "bad_algorithm")
    require(kid is not None, "unknown_key")
    signed = b"\x84\x6aSignature1" + byte_string(protected) + b"\x40" + byte_string(payload)
    return Sign1(kid, payload, signature, signed)


def check_critical(header):
    """RFC 9052 3.1: labels of the protected bucket, and those only that we act upon."""
    if CRIT not in header:
        return
    labels = header[CRIT]
    require(type(labels) is list and labels)
    for label in labels:
        require(type(label) in (int, str) and label in header)
        require(label in (ALG, KID))


def byte_string(data):
    size = len(data)
    if size < 24:
        return bytes([0x40 + size]) + data
    return (b"\x58" + bytes([size]) if size < 256 else b"\x59" + size.to_bytes(2, "big")) + data


@dataclass(frozen=True)
class Ticket:
    identity: bytes
    label: bytes
    event: int
    zones: int
    entries: int
    not_before: int
    # Exclusive.
    expires: int | None


def cwt(payload, issuer):
    # Text names are legal, and unknown ones are skipped (RFC 8392 3).
    claims = dictionary(CBOR.read(payload), int, str)
    for key in (1, 2, 3):
        require(type(claims.get(key, "")) is str)
    for key in (4, 5, 6):
        require(is_unsigned(claims.get(key, 0)))
    name = claims.get(7)
    require(type(name) is bytes and 8 <= len(name) <= 16)
    place = claims.get(TICKET_CLAIM)
    require(type(place) is list and len(place) == 4)
    require(all(is_unsigned(value, bits) for value, bits in zip(place, (32, 32, 8, 16))))
    event, zones, _, entries = place
    return Ticket(identity(1, issuer.key, name), name, event, zones, entries,
                  claims.get(5, 0), claims.get(4))


def decide_cwt(envelope, place):
    """RFC 9052 4.4 by each key that has the kid, then the ticket."""
    keys = [issuer for issuer in place.trust.issuers if issuer.kid == envelope.kid]
    require(keys, "unknown_key")
    keys = [i for i in keys if signature_holds(i.key, envelope.signature, envelope.signed)]
    require(keys, "bad_signature")
    issuer = keys[0]
    require(not issuer.is_revoked, "revoked_key")
    return decide_ticket(cwt(envelope.payload, issuer), place, issuer)


# pretix sig1


@dataclass(frozen=True)
class Sig1:
    payload: bytes
    signature: bytes


def sig1(data, otherwise):
    """The envelope; `otherwise` is the reason for what has neither the version nor the form."""
    is_version_1 = data[:1] == b"\x01"
    size = int.from_bytes(data[1:3], "big")
    is_whole = len(data) == 5 + size + 64 and data[3:5] == b"\x00\x40"
    require(is_version_1 or is_whole, otherwise)
    require(is_version_1 and is_whole)
    return Sig1(data[5:-64], data[-64:])


class Protobuf:
    """protobuf.dev, "Encoding"."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        require(count <= len(self.data) - self.at)
        self.at += count
        return self.data[self.at - count:self.at]

    def varint(self):
        value = 0
        for place in range(10):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                require(value < 1 << 64)
                return value
        raise Refusal("malformed")

    def fields(self):
        """(number, wire type, value)."""
        while self.at < len(self.data):
            number, wire = self.tag()
            yield number, wire, self.value(number, wire, NESTING_MAX)

    def tag(self):
        tag = self.varint()
        require(8 <= tag < 1 << 32)
        return tag >> 3, tag & 7

    def value(self, number, wire, levels):
        if wire == 0:
            return self.varint()
        if wire == 2:
            return self.take(self.varint())
        if wire in (1, 5):
            return self.take(8 if wire == 1 else 4)
        require(wire == 3 and levels > 0)
        while True:
            inner, wire = self.tag()
            if wire == 4:
                require(inner == number)
                return None
            self.value(inner, wire, levels - 1)


def pretix(payload, key):
    """`message Ticket { string seed = 1; int64 item = 2, variation = 3, subevent = 4,
    validFromUnixTime = 5, validUntilUnixTime = 6; }`: none twice, none of another type, none
    negative; 0 is no limit; admits once, in all zones."""
    claims = {}
    for number, wire, value in Protobuf(payload).fields():
        if number <= 6:
            require(number not in claims and wire == (2 if number == 1 else 0))
            require(number == 1 or value < 1 << 63)
            claims[number] = value
    seed = claims.get(1, b"")
    require(1 <= len(seed) <= 64)
    try:
        seed.decode()
    except UnicodeDecodeError:
        raise Refusal("malformed") from None
    until = claims.get(6, 0)
    return Ticket(identity(2, key.key, seed), seed, key.event, 0xFFFFFFFF, 1, claims.get(5, 0),
                  until + 1 if until else None)


def decide_pretix(envelope, place):
    for key in place.trust.pretix_keys:
        if key.event == place.event and signature_holds(
                key.key, envelope.signature, envelope.payload):
            require(not key.is_revoked, "revoked_key")
            return decide_ticket(pretix(envelope.payload, key), place, None)
    raise Refusal("bad_signature")


# Either format


def opened(text):
    text = text.rstrip(b"\r\n\t")
    require(0 < len(text) <= TEXT_BYTES_MAX, "bad_encoding")
    data = from_base45(text)
    if data is not None:
        try:
            return sign1(data)
        except Refusal as refusal:
            if str(refusal) != "malformed":
                raise
    otherwise = "bad_encoding" if data is None else "malformed"
    data = from_reversed_base64(text)
    require(data is not None, otherwise)
    return sig1(data, otherwise)


def decide(text, place):
    """(reason, label): the cti or seed of a ticket whose signature holds, else None."""
    try:
        envelope = opened(text)
        if type(envelope) is Sign1:
            return decide_cwt(envelope, place)
        return decide_pretix(envelope, place)
    except Refusal as refusal:
        return str(refusal), None


def decide_ticket(ticket, place, issuer):
    try:
        check_ticket(ticket, place, issuer)
        return "valid", ticket.label
    except Refusal as refusal:
        return str(refusal), ticket.label


def check_ticket(ticket, place, issuer):
    """From the lists on."""
    trust, now = place.trust, place.now
    require(ticket.identity not in trust.identities(trust.revoked), "revoked")
    require(ticket.identity not in trust.identities(trust.blocked), "blocked")
    require(not trust.has_expired(now), "stale_trust")
    # The ticket and the issuer's key: one that has expired stays so, and comes first.
    ends = (ticket.expires, issuer and issuer.not_after)
    begins = (ticket.not_before, issuer and issuer.not_before)
    require(all(end is None or now < end for end in ends), "expired")
    require(all(begin is None or now >= begin for begin in begins), "not_yet_valid")
    require(ticket.event == place.event, "wrong_event")
    require(not issuer or not issuer.events or place.event in issuer.events, "wrong_event")
    require(ticket.zones & place.zone, "wrong_zone")
    require(ticket.entries > 0, "no_entries")
