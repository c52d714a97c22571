"""Memory effects: the vertices of an execution.

What it does not model: their order (see `execution`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

INITIAL = -1


class Role(IntEnum):
    """What an effect is. DONE is the point where a TLBI is complete; VISIBLE is a write as its own PE's walker sees
    it.
    """

    READ = 0
    WRITE = 1
    WALK = 2
    TLBI = 3
    DONE = 4
    FAULT = 5
    VISIBLE = 6


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect: its role and PE, the physical location and value (for a TLBI and a fault: the virtual address).

    `source` is the write a read or walk takes its value from (INITIAL: initial memory). `stale_bound` is true of a
    walk whose result no TLB may hold, so that it really read memory. `index` is the instruction's position in the
    program of the PE, `address` the virtual address that is accessed. `level` of a walk is its descriptor's, `above`
    the walks that led to it, and `last` is false of one that read a table descriptor.
    """

    role: Role
    pe: int
    location: int
    value: int = 0
    source: int = INITIAL
    stale_bound: bool = False
    index: int = -1
    address: int = 0
    note: str = ""
    level: int = 3
    above: tuple[int, ...] = ()
    last: bool = True


@dataclass(frozen=True, slots=True)
class Invalidation:
    """A TLBI and a walk it covers: the effect of issue and of completion that matter to the walk, and whether they
    differ in PE.
    """

    issue: int
    done: int
    walk: int
    external: bool


def bits(mask: int) -> Iterator[int]:
    """Yield the positions of the ones of `mask`, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
