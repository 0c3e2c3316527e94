"""A validator's block log, read as Upstream/Ledger/FORMAT.md says, with every block checked.

Invariants: written from the specification alone; a record that the ledger would hold in two
versions is an error, and one that it holds twice counts once.
"""

import struct

import rogue
from rogue import blake2b, crc32c, decoded, encoded, require

HEADER_BYTES, FRAME_BYTES = 16, 12


def blocks(data, validators):
    """The blocks of a log, `validators` as `{node: public}`, without a torn frame at the end."""
    require(data[:12] == b"TKLEDGER" + struct.pack("<I", 1), "no block log")
    require(data[12:16] == struct.pack("<I", crc32c(data[:12])), "no whole file header")
    at, previous, height = HEADER_BYTES, rogue.ZEROS, 0
    while at < len(data):
        magic, length, check = struct.unpack("<4sII", data[at:at + FRAME_BYTES].ljust(12, b"\0"))
        body = data[at + FRAME_BYTES:at + FRAME_BYTES + length]
        covered = struct.pack("<QI", at, length) + body
        if magic != b"TKB1" or len(body) != length or crc32c(covered) != check:
            return
        header, certificate, transactions, results = decoded(body)
        fields = decoded(header)
        height += 1
        require(fields[1] == height and fields[3] == previous, "a block out of order")
        require(fields[4] == tree_root(transactions), "other transactions")
        require(fields[5] == tree_root(results), "other results")
        signed = encoded(
            ["Signature1", encoded({1: rogue.ED25519}), b"tollkeeper/block/1", header])
        for node, signature in certificate:
            require(rogue.signature_holds(validators[node], signature, signed), "a bad signature")
        yield height, [decoded(t) for t in transactions], [decoded(r) for r in results]
        previous = blake2b(header)
        at += FRAME_BYTES + length


def tree_root(leaves):
    """RFC 9162 2.1.1."""
    if len(leaves) <= 1:
        return blake2b(b"\x00" + leaves[0] if leaves else b"")
    half = 1
    while 2 * half < len(leaves):
        half *= 2
    return blake2b(b"\x01" + tree_root(leaves[:half]) + tree_root(leaves[half:]))


def records(path, validators, devices):
    """Every record of the ledger once: `{(node, epoch, class, sequence): fields}`. `devices` are
    `{node: public}`."""
    found, hashes = {}, {}
    for _, transactions, _ in blocks(path.read_bytes(), validators):
        for transaction in transactions:
            if transaction[0] != 1:
                continue
            node = struct.unpack(">Q", decoded(decoded(transaction[1]).value[0])[4])[0]
            header, runs = rogue.parsed_batch(transaction[1], devices[node], node)
            for number, first, run in runs:
                for sequence, record in enumerate(run, first):
                    key = (node, header["epoch"], number, sequence)
                    require(hashes.setdefault(key, blake2b(record)) == blake2b(record),
                            f"two versions of {key}")
                    found[key] = rogue.parsed_record(record)
    return found
