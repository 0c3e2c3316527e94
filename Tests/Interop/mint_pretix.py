"""pretix tickets of Google's protobuf, and mutations of them."""

import base64
import functools
import struct

import base45
import cbor2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from commands import EVENT
from mint_cwt import encoded
from site_of_keys import IDENTITY_POINT, NOW, Key
from strict import L

Field = descriptor_pb2.FieldDescriptorProto


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


class PretixMint:
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
            s = int.from_bytes(signature[32:], "little") + L
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
