"""Debts: the obligation born at a descriptor write, and the automaton of its progress.

`written --DSB--> completed --context synchronization--> (paid)`, with what was seen on the way that selects the
most specific rule (SEMANTICS: the table of what each barrier is worth). What it does not model: two debts whose
repair interacts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum

from barrierlint.events import Accesses, ContextSync, Dmb, Drain, Dsb, ExceptionCall, ExceptionReturn, Shareability
from barrierlint.terms import Term

UNKNOWN_SHIFT = 64
"""No shift of address bits is known."""
MAX_LEAVES = 64
"""Writes remembered of one debt."""


class Progress(IntEnum):
    """How far the synchronization of a write has come. LOCAL: done for this PE, not for other PEs' walkers (NSH)."""

    WRITTEN = 0
    COMPLETED = 1
    LOCAL = 2


@dataclass(frozen=True, slots=True, order=True)
class Site:
    """A step of a function: `step` indexes the steps of block `block`."""

    function: str
    block: int
    step: int


@dataclass(frozen=True, slots=True, order=True)
class Leaf:
    """A descriptor write that bears a debt: its step, the transition it makes, why it counts as a descriptor write.

    `shift` is that of the address bits its place is indexed by: 12 for a page's own descriptor with 4 KiB granules.
    """

    site: Site
    transition: str
    evidence: tuple[str, ...] = ()
    shift: int = field(default=UNKNOWN_SHIFT, compare=False)


@dataclass(frozen=True, slots=True)
class Debt:
    """An unpaid obligation: the writes it stands for, how far it is paid, and what else was seen since.

    `born` is the (block, step) of *this* function that bore it: a write, or a call in which it was left unpaid;
    None in a callee that a caller's debt entered. Barriers act on all debts alike, so those of several writes
    (`leaves`) that are born at one call are one. `seen` holds words: dsb-ld, dmb, isb-early, nsh, thrown (it left a
    function by an exception). `maps` are the base symbols of the mapped input addresses (empty: unknown),
    `location` those of the descriptors' own addresses. `place` is a descriptor's address where it does not tell
    (yet: a caller may) which input address it translates.
    """

    leaves: tuple[Leaf, ...]
    born: tuple[int, int] | None
    progress: Progress = Progress.WRITTEN
    seen: frozenset[str] = frozenset()
    maps: frozenset[Term] = frozenset()
    location: frozenset[Term] = frozenset()
    place: Term | None = None

    @property
    def identity(self) -> tuple[object, ...]:
        """What distinguishes debts whose paths must not be merged."""
        return (self.born, self.progress, self.seen)

    def merged(self, other: Debt) -> Debt:
        """Both debts as one; they have the same identity."""
        if self == other:
            return self
        leaves = tuple(sorted({*self.leaves, *other.leaves}))[:MAX_LEAVES]
        both = replace(self, leaves=leaves, maps=self.maps | other.maps, location=self.location | other.location)
        return replace(both, place=self.place if self.place == other.place else None)


def pay(debt: Debt, event: object) -> Debt | None:
    """The progress automaton of a make: the debt after a barrier, None once it is paid (SEMANTICS, table of
    barriers).
    """
    match event:
        case Dsb(accesses=Accesses.LD):
            return _see(debt, "dsb-ld") if debt.progress is Progress.WRITTEN else debt
        case Dsb(domain=Shareability.NSH) if debt.progress is Progress.WRITTEN:
            return replace(_see(debt, "nsh"), progress=Progress.COMPLETED)
        case Dsb(domain=domain):
            if debt.progress is Progress.LOCAL:
                return None if domain is not Shareability.NSH else debt
            seen = debt.seen if domain is Shareability.NSH else debt.seen - {"nsh"}
            return replace(debt, progress=Progress.COMPLETED, seen=seen)
        case Dmb() if debt.progress is Progress.WRITTEN:
            return _see(debt, "dmb")
        case ContextSync() | ExceptionCall() | ExceptionReturn():
            if debt.progress is Progress.WRITTEN:
                return _see(debt, "isb-early")
            if debt.progress is Progress.COMPLETED:
                return replace(debt, progress=Progress.LOCAL) if "nsh" in debt.seen else None
            return debt
        case Drain():
            return None
    return debt


def _see(debt: Debt, word: str) -> Debt:
    return debt if word in debt.seen else replace(debt, seen=debt.seen | {word})
