"""Records, batches, bundles and proofs, made and taken apart as Core/Records/FORMAT.md says.

Invariants: written from FORMAT.md and the RFCs alone, with other people's CBOR and Ed25519, so that
what the programs and this file agree on is what the specification says; decoders accept the
deterministic form only, and check every signature, hash and CRC that there is.
"""

import hashlib
import struct
import time

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CONTROL, ADMISSIONS, REFUSALS, TELEMETRY = 3, 2, 1, 0
CONSUME = 1
VALID, EXPIRED = 0, 9
BATCH, RECEIPT, SETTLEMENT, TRUST = 1, 2, 3, 4
ED25519, EDDSA = -19, -8
ZEROS = bytes(32)
MONTH_MS = 30 * 24 * 3600 * 1000


class FormatError(Exception):
    """The bytes are not what FORMAT.md or RFC 9171 says."""


def now_ms():
    return time.time_ns() // 1_000_000


def blake2b(data):
    return hashlib.blake2b(data, digest_size=32).digest()


def encoded(value):
    return cbor2.dumps(value, canonical=True)


def decoded(data):
    """The value of `data`, which must be its deterministic encoding (RFC 8949 4.2.1)."""
    try:
        value = cbor2.loads(data)
    except Exception as error:
        raise FormatError(f"no CBOR: {error}") from error
    require(encoded(value) == data, "not in deterministic encoding")
    return value


def require(holds, what):
    if not holds:
        raise FormatError(what)


# Signatures


class Signer:
    def __init__(self, seed):
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, data):
        return self._key.sign(data)

    def sign1(self, payload, aad=b"", kid=None, algorithm=ED25519):
        """COSE_Sign1 (RFC 9052 4.2), tagged."""
        header = {1: algorithm}
        if kid is not None:
            header[4] = kid
        protected = encoded(header)
        signature = self.sign(encoded(["Signature1", protected, aad, payload]))
        return encoded(cbor2.CBORTag(18, [protected, {}, payload, signature]))


def signature_holds(public, signature, data):
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
        return True
    except Exception:
        return False


def opened_sign1(data, public, aad, kid):
    """The payload of a COSE_Sign1 that `public` has signed."""
    tagged = decoded(data)
    require(getattr(tagged, "tag", None) == 18, "no COSE_Sign1")
    protected, unprotected, payload, signature = tagged.value
    header = decoded(protected)
    require(header.pop(1, None) in (ED25519, EDDSA), "another algorithm")
    require(header == ({} if kid is None else {4: kid}) and unprotected == {}, "another header")
    signed = encoded(["Signature1", protected, aad, payload])
    require(signature_holds(public, signature, signed), "the signature does not hold")
    return payload


# Records and batches


def identity(issuer_public, ticket_id):
    return blake2b(b"\x01" + issuer_public + ticket_id)[:16]


class Device:
    """A device with a key of its own, which keeps a chain for each class."""

    def __init__(self, node, epoch, seed, boot=1):
        self.node, self.epoch, self.boot = node, epoch, boot
        self.signer = Signer(seed)
        self.records = {number: [] for number in range(4)}
        self.bundles = 0

    def clone(self):
        other = Device.__new__(Device)
        other.__dict__.update(self.__dict__)
        other.records = {number: list(records) for number, records in self.records.items()}
        return other

    def scan(self, subject, reason=VALID, use=1, entries=1, height=0, instant=None):
        """Appends a scan record, of class 2 if it admits, else of class 1."""
        records = self.records[ADMISSIONS if reason == VALID else REFUSALS]
        previous = blake2b(records[-1]) if records else ZEROS
        records.append(encoded([
            1, len(records) + 1, previous, self.boot, now_ms() if instant is None else instant, 0,
            subject, CONSUME, reason, 2026, 1, use if reason == VALID else 0, entries,
            [height, []],
        ]))
        return records[-1]

    def run(self, number, first=1, last=None):
        records = self.records[number]
        return [number, first, records[first - 1:len(records) if last is None else last]]

    def batch(self, *runs, height=0, trust=1, signer=None, node=None, epoch=None):
        """A signed batch; without runs a greeting. The last three are for lies."""
        node = self.node if node is None else node
        payload = encoded([
            1, node, self.epoch if epoch is None else epoch, self.boot, height, trust, list(runs)])
        return (signer or self.signer).sign1(
            payload, b"tollkeeper/batch/1", struct.pack(">Q", node))

    def bundle(self, batch, destination=1):
        self.bundles += 1
        return bundle(self.node, destination, message(BATCH, batch), self.bundles)


def parsed_batch(data, public, node):
    """The header and the runs of a batch: `[(class, first, [record bytes])]`, chains checked."""
    payload = opened_sign1(data, public, b"tollkeeper/batch/1", struct.pack(">Q", node))
    version, named, epoch, boot, height, trust, runs = decoded(payload)
    require(version == 1 and named == node, "another version or node")
    for number, first, records in runs:
        require(0 <= number <= 3 and 1 <= len(records) <= 256, "no run")
        previous = None
        for sequence, record in enumerate(records, first):
            fields = parsed_record(record)
            require(fields["sequence"] == sequence, "a sequence with a hole")
            require(previous in (None, fields["previous"]), "a broken chain")
            require(sequence > 1 or fields["previous"] == ZEROS, "a first record with a past")
            previous = blake2b(record)
    header = {"node": node, "epoch": epoch, "boot": boot, "height": height, "trust": trust}
    return header, [tuple(run) for run in runs]


SCAN = ("kind", "sequence", "previous", "boot", "time", "uncertainty", "subject", "operation",
        "reason", "event", "zone", "use", "entries", "clock")
GAP = ("kind", "sequence", "previous", "boot", "time", "uncertainty", "class", "first", "last",
       "before", "end", "cause")


def parsed_record(data):
    fields = decoded(data)
    names = {1: SCAN, 2: GAP}.get(fields[0], ())
    require(len(fields) == len(names), "no record")
    return dict(zip(names, fields))


# Receipts and settlements, as a validator makes them


def proof(leaf, validators, height=1, time_ms=None):
    """A proof of a block whose only result is `leaf`; `validators` is `[(node, Signer)]`."""
    members = sorted((node, signer.public) for node, signer in validators)
    header = encoded([
        1, height, 0, ZEROS, blake2b(b""), blake2b(b"\x00" + leaf), ZEROS,
        now_ms() if time_ms is None else time_ms, blake2b(encoded([list(m) for m in members]))])
    signed = encoded(["Signature1", encoded({1: ED25519}), b"tollkeeper/block/1", header])
    certificate = [[node, signer.sign(signed)] for node, signer in sorted(
        validators, key=lambda member: member[0])]
    return encoded([leaf, 0, 1, [], header, certificate])


def receipt_leaf(node, epoch, entries):
    """`entries`: `[(class, through, hash)]`."""
    return encoded([1, node, epoch, [list(e) for e in sorted(entries, reverse=True)]])


def settlement_leaf(height, tickets, before=0, index=0, count=1):
    """`tickets`: `[(identity, {node: uses})]`."""
    return encoded([2, height, index, count, before, [
        [ticket, [[node, uses[node]] for node in sorted(uses)]] for ticket, uses in tickets]])


def merkle_root(leaf, index, size, path):
    """The root that RFC 9162 2.1.3.2 computes from a path."""
    require(0 <= index < size, "no such leaf")
    value, node, last = blake2b(b"\x00" + leaf), index, size - 1
    for sibling in path:
        require(last > 0, "a path that is too long")
        if node & 1 or node == last:
            value = blake2b(b"\x01" + sibling + value)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            value = blake2b(b"\x01" + value + sibling)
        node, last = node >> 1, last >> 1
    require(last == 0, "a path that is too short")
    return value


def parsed_proof(data, validators):
    """The leaf that a quorum of `validators`, `{node: public}`, has certified."""
    leaf, index, size, path, header, certificate = decoded(data)
    fields = decoded(header)
    require(fields[0] == 1 and len(fields) == 9, "no block header")
    require(fields[5] == merkle_root(leaf, index, size, path), "the path leads elsewhere")
    members = [[node, validators[node]] for node in sorted(validators)]
    require(fields[8] == blake2b(encoded(members)), "another validator set")
    signed = encoded(["Signature1", encoded({1: ED25519}), b"tollkeeper/block/1", header])
    nodes = [node for node, _ in certificate]
    require(nodes == sorted(set(nodes)), "a certificate out of order")
    for node, signature in certificate:
        require(node in validators, "a stranger's signature")
        require(signature_holds(validators[node], signature, signed), "a bad certificate")
    require(len(nodes) >= len(validators) - (len(validators) - 1) // 3, "no quorum")
    return decoded(leaf)


# Messages and bundles


def message(kind, body):
    return encoded([kind, body])


def _crc32c_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _crc32c_table()


def crc32c(data, value=0):
    """RFC 3720 B.4."""
    value ^= 0xFFFFFFFF
    for byte in data:
        value = _TABLE[(value ^ byte) & 255] ^ value >> 8
    return value ^ 0xFFFFFFFF


def _with_crc(items):
    block = encoded(items + [bytes(4)])
    return block[:-4] + struct.pack(">I", crc32c(block))


def bundle(source, destination, payload, sequence, lifetime=MONTH_MS, created=None):
    """A bundle from `ipn:source.1` to `ipn:destination.1` with a hop count (RFC 9171)."""
    created = now_ms() - 946_684_800_000 if created is None else created
    primary = [
        7, 0, 2, [2, [destination, 1]], [2, [source, 1]], [1, 0], [created, sequence], lifetime]
    return (b"\x9f" + _with_crc(primary) + _with_crc([10, 2, 0, 2, encoded([16, 0])])
            + _with_crc([1, 1, 0, 2, payload]) + b"\xff")


def parsed_bundle(data):
    """Source and destination node, and the payload; every block must have a CRC-32C that holds."""
    blocks = cbor2.loads(data)
    rebuilt = b"\x9f" + b"".join(encoded(block) for block in blocks) + b"\xff"
    require(rebuilt == data, "not the encoding of RFC 9171")
    for block in blocks:
        require(block[2 if block is blocks[0] else 3] == 2, "a block without CRC-32C")
        require(_with_crc(block[:-1]) == encoded(block), "a CRC that does not hold")
    primary, payload = blocks[0], blocks[-1]
    require(primary[0] == 7 and payload[:2] == [1, 1], "no BPv7")
    require([block[4] for block in blocks[1:-1] if block[0] == 10] == [encoded([16, 0])],
            "no hop count")
    return {"source": primary[4], "destination": primary[3], "created": tuple(primary[6]),
            "lifetime": primary[7], "payload": payload[4]}


def parsed_message(data):
    kind, body = decoded(parsed_bundle(data)["payload"])
    return kind, body
