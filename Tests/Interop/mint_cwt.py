"""CWTs of python-cwt and pycose, and mutations of them."""

import base64
import itertools

import base45
import cbor2
import cwt
from cwt import COSE
from pycose.algorithms import EdDSA
from pycose.headers import KID, Algorithm
from pycose.messages import Sign1Message

from commands import EVENT
from site_of_keys import IDENTITY_POINT, MIXED_POINT, NOW, Key
from strict import BASE45, L

ED25519, EDDSA = -19, -8
NUMBERS = (0, 1, 23, 24, 255, 256, 2**16 - 1, 2**16, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1)


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


class CWTMint:
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
            s = int.from_bytes(signature[32:], "little") + L
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
            base64.b64encode(data)[::-1], base64.b64encode(data), data.hex().encode(), text[::-1],
            b"\t"))

    def respelled_text(self):
        """A group beyond 65535 that is the same modulo 65536, as a lax decoder reads it."""
        text = base45.b45encode(self.tagged(self.minted()))
        for at in range(3 * self.source.randrange(len(text) // 3), len(text) - 2, 3):
            value = sum(BASE45.index(text[at + i]) * 45**i for i in range(3)) + 65536
            if value < 45**3:
                digits = bytes(BASE45[value // 45**i % 45] for i in range(3))
                return text[:at] + digits + text[at + 3:]
        return text
