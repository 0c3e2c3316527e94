"""What a gate has to say about a scanned text, decided a second time.

Invariants: written from Core/Records/FORMAT.md and the standards alone (RFC 8392, 8949, 9052, 9053,
9285, 9864, 4648; protobuf.dev, "Encoding"; pretix's sig1), with other people's Ed25519 and BLAKE2b;
it shares no code with the gate, with `rogue.py` or with the libraries that mint. A text is decoded
as Base45 first; if that is a COSE_Sign1 it is a CWT, else it may be pretix's. The first step that
fails names the reason, and no claim is read before the signature holds.
"""

import hashlib
from dataclasses import dataclass, field

from strict import (
    CBOR, Map, Protobuf, Refusal, Tag, dictionary, from_base45, from_reversed_base64, is_unsigned,
    require, signature_holds)

TEXT_BYTES_MAX = 1536
EDDSA, ED25519 = -8, -19
ALG, CRIT, KID = 1, 2, 4
TICKET_CLAIM = -65537


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
