"""Keys, the trust documents that name them, and gates: what random tickets are minted for."""

import functools
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cwt import COSEKey
from pycose.keys import OKPKey
from pycose.keys.curves import Ed25519

from commands import EVENT, tollctl
from reference import Issuer, Place, PretixKey, Trust
from strict import L

NOW = 1_800_000_000
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
        s = (nonce + int.from_bytes(h, "little") * scalar) % L
        return r.public + s.to_bytes(32, "little")


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
