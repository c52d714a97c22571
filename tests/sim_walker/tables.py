"""Random translation tables, and random addresses that reach into them, for the walker's tests.

`Arena` hands out table memory and holds every descriptor; `Grower` descends as a walk would and plants a random
descriptor wherever it finds none, so that addresses share tables and most end at a leaf or a deliberate fault.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from barrierlint.sim.translation import FINAL_LEVEL, Geometry
from barrierlint.sim.translation_descriptor import Cursor, block_allowed, descend

AF = 1 << 10


@dataclass
class Arena:
    """Physical memory for tables: `size` bytes from `base`."""

    base: int
    size: int
    words: dict[int, int] = field(default_factory=dict)
    used: int = 0

    def allocate(self, size: int) -> int:
        """Return the address of `size` fresh bytes, aligned to their size."""
        start = -(-(self.base + self.used) // size) * size
        self.used = start + size - self.base
        if self.used > self.size:
            raise MemoryError("the arena is full; make it larger or the tables fewer")
        return start

    def room(self, size: int) -> bool:
        """Return whether `allocate(size)` would succeed."""
        return -(-(self.base + self.used) // size) * size + size - self.base <= self.size

    def read(self, address: int) -> int:
        """Return the descriptor at `address`, 0 where none was written."""
        return self.words.get(address, 0)


@dataclass
class Grower:
    """Plants descriptors on the way of a walk. `output` gives the output address of a leaf of so many bits."""

    arena: Arena
    rng: random.Random
    output_bits: int = 48
    bad: float = 0.05
    near: bool = False
    gentle: bool = False

    def plant(self, cursor: Cursor) -> None:
        """Walk from `cursor` and fill the empty descriptors met, until a leaf or a fault."""
        place: object = cursor
        while isinstance(place, Cursor):
            if place.address not in self.arena.words:
                self.arena.words[place.address] = self.descriptor(place.geometry, place.level)
            place = descend(place, self.arena.words[place.address])

    def descriptor(self, geometry: Geometry, level: int) -> int:
        """Return a random descriptor for `level`: table, block, page, invalid or reserved."""
        rng = self.rng
        if rng.random() < self.bad:
            return self._invalid(geometry, level)
        granule = 1 << geometry.granule.value
        leaf = level == FINAL_LEVEL or (block_allowed(geometry, level) and rng.random() < 0.25)
        if not leaf and self.arena.room(granule):
            return self.arena.allocate(granule) | self._table_attributes(geometry) | 3
        if leaf or block_allowed(geometry, level):
            return self._leaf(geometry, level)
        return self._invalid(geometry, level)

    def _invalid(self, geometry: Geometry, level: int) -> int:
        junk = self.rng.getrandbits(64) & ~3
        # Bits 0b01 at level 3 are reserved, hence invalid; elsewhere 0b01 would be a block.
        return junk | (self.rng.choice((0, 1, 2)) if level == FINAL_LEVEL else self.rng.choice((0, 2)))

    def _table_attributes(self, geometry: Geometry) -> int:
        rng = self.rng
        return rng.getrandbits(4) << 59 if geometry.hierarchical and rng.random() < 0.3 else 0

    def _leaf(self, geometry: Geometry, level: int) -> int:
        rng = self.rng
        bits = geometry.granule.entry_bits(level)
        output = rng.getrandbits(self.output_bits) >> bits << bits
        if self.near:
            output &= (1 << max(bits + 1, 31)) - 1
        low = rng.getrandbits(10) << 2 & ~AF | (AF if rng.random() < 0.9 else 0)
        if self.gentle:
            low |= rng.choice((0, 1, 3)) << 6
        high = rng.getrandbits(14) << 50
        return output | low | high | (3 if level == FINAL_LEVEL else 1)


def addresses(rng: random.Random, input_bits: int, upper: bool, count: int, spread: int = 3) -> list[int]:
    """Return `count` addresses of a range whose index fields come from a few values, so that they share tables."""
    pool = [rng.getrandbits(input_bits) for _ in range(spread)]
    cuts = sorted(rng.randrange(12, input_bits) for _ in range(2))
    high = ((1 << 64) - 1) >> input_bits << input_bits if upper else 0
    return [_mix(rng, pool, cuts) | high for _ in range(count)]


def _mix(rng: random.Random, pool: list[int], cuts: list[int]) -> int:
    low, middle, high = rng.choices(pool, k=3)
    address = (
        high >> cuts[1] << cuts[1] | (middle & ((1 << cuts[1]) - 1)) >> cuts[0] << cuts[0] | low & ((1 << cuts[0]) - 1)
    )
    return address ^ (rng.getrandbits(16) << 3 if rng.random() < 0.5 else 0) & ((1 << max(12, cuts[0])) - 1)
