"""A translation through tables at every level: one read a level, each an observation of its own, by `walker`'s steps.

Each read depends on the address that the one above gave, and on nothing else of it: a TLB may hold a table
descriptor for long (as an entry of an intermediate level) while the leaf is read anew. What a TLB holds was once read
by a walk, so it is no older than the link it was reached through. A leaf with the Contiguous bit may have been cached
by a walk of any page of its range (D8.7). What it does not model: stage 2, granules other than 4 KiB, and conflicting
TLB entries (TLB conflict abort) besides that either may be used.
"""

from __future__ import annotations

from dataclasses import dataclass

from barrierlint.sim.descriptor import CONTIGUOUS, OUTPUT, PAGE
from barrierlint.sim.program import ROOT
from barrierlint.sim.translation import AccessRequest, FaultKind, MmuFault, Translation
from barrierlint.sim.translation_regime import Range, Regime
from barrierlint.sim.walker import Walk, advance, start

REGIME = Regime(lower=Range(ttbr=ROOT, tsz=16))
_PAGES = 16  # joined by the Contiguous bit at level 3 and, as entries, at levels 1 and 2 (4 KiB granule)
_SIZES = {1: 1 << 30, 2: 1 << 21, 3: PAGE}


@dataclass(frozen=True, slots=True)
class Descent:
    """A walk on its way down: where it stands, the effects of the reads done, what their own stores depend on."""

    walk: Walk
    above: tuple[int, ...] = ()
    taint: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one descriptor says to a walk: the walk that goes on, or the fault ("" is none), or the output."""

    level: int
    kind: str = ""
    output: int = 0
    further: Walk | None = None

    @property
    def cacheable(self) -> bool:
        """Whether a TLB may hold it: none holds what gives a translation, access flag or address size fault (D8.16)."""
        return self.kind in ("", FaultKind.PERMISSION)


def begin(address: int, request: AccessRequest) -> Descent:
    """Return the walk of virtual `address` before its first read."""
    walk = start(REGIME, address, request)
    assert isinstance(walk, Walk)  # a canonical address and legal registers: something is to be read
    return Descent(walk)


def read(walk: Walk, value: int, joined: bool) -> Reading | None:
    """Return what descriptor `value` says to `walk`; `joined`: as a TLB entry of the contiguous range it belongs to.

    None where there is no such entry: the Contiguous bit is clear, or the descriptor is no leaf a TLB may hold.
    """
    if not joined:
        return _interpret(walk, value)
    if not value & CONTIGUOUS or walk.level == 0:
        return None
    found = _interpret(walk, _joined(walk, value))
    return found if found.cacheable and found.further is None else None


def joined_addresses(walk: Walk) -> range:
    """Return the addresses of the descriptors that a Contiguous bit would join with the next one, itself included."""
    first = walk.address & -(8 * _PAGES)
    return range(first, first + 8 * _PAGES, 8)


def _interpret(walk: Walk, value: int) -> Reading:
    level = walk.level
    match advance(walk, value):
        case Translation(pa=output):
            return Reading(level, "", output)
        case MmuFault(kind=kind):
            return Reading(level, kind.value)
        case Walk() as further:
            return Reading(level, "", 0, further)


def _joined(walk: Walk, value: int) -> int:
    """Return `value` as the entry of the whole contiguous range gives it for the address of `walk`."""
    size = _SIZES.get(walk.level, PAGE)
    base = value & OUTPUT & -(size * _PAGES)
    own = walk.va & (size * _PAGES - 1) & -size
    return value & ~(OUTPUT & -size) | base | own
