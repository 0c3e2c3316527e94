"""Strict readers of what a ticket is made of, for `reference.py`.

Invariants: each of RFC 9285, 4648, 8949 and protobuf.dev, "Encoding", in the one form that a ticket
may have; whatever the bytes are, they end with a value or a refusal.
"""

import base64
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TICKET_BYTES_MAX = 1024
NESTING_MAX = 8


class Refusal(Exception):
    """The reason code."""


def require(holds, reason="malformed"):
    if not holds:
        raise Refusal(reason)


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


# Protocol Buffers


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
