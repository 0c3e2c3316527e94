"""Random tickets of other people's libraries, half of them mutated."""

from mint_cwt import CWTMint
from mint_pretix import PretixMint
from site_of_keys import NOW


class Mint(CWTMint, PretixMint):
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
