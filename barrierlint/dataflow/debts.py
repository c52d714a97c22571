"""Debts: what a step of a function owes until it is paid, and how far that has come.

What is owed, what pays it and what depends on it is told by the debt's *kind*: one module each in `obligations`. What
it does not model: two debts whose repair interacts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum

from barrierlint.terms import Term

UNKNOWN_SHIFT = 64
"""No shift of address bits is known."""
MAX_LEAVES = 64
"""Writes remembered of one debt."""


class Progress(IntEnum):
    """How far the synchronization of a step has come. LOCAL: done for this PE, not for other PEs' walkers (NSH).

    INVALIDATED: a TLBI that covers the write was issued after it was completed; DONE: that TLBI is complete.
    """

    WRITTEN = 0
    COMPLETED = 1
    LOCAL = 2
    INVALIDATED = 3
    DONE = 4


MAKE = "make"
"""The kind of debt that a descriptor made valid bears: see `obligations.make`."""


BREAK = "break"
"""The kind of debt that a descriptor made invalid or changed bears, and a TLBI: see `obligations.breaks`."""
REGISTER = "register"
"""The kind of debt that a register that controls translation bears: see `obligations.registers`."""
PUBLISH = "publish"
"""The kind of debt that a store into a table not linked yet bears: see `obligations.publications`."""
LINK = "link"
"""The kind of debt that a descriptor which links an untouched table bears: see `obligations.links`."""
SPACE = "space"
"""The kind of debt that an address space bears that TLBs cannot tell from another: see `obligations.spaces`."""
PERHAPS = "perhaps"
"""Seen of a debt for a page: what was handed to a function may be another one."""
FREE = "free"
"""The kind of debt that what a descriptor pointed to bears when it is taken away: see `obligations.frees`."""
ENABLE = "enable"
"""The kind of debt that the MMU's enabling calls in, or leaves: see `obligations.enabling`."""
RESULT = "result"
"""The kind of debt that an address translation instruction bears: see `obligations.translations`."""

OPERAND = "operand"
"""The kind of debt that a TLBI with a wrong operand bears: see `obligations.operands`."""
SWITCH = "stage-2"
"""The kind of debt that a guest's translation being made current bears: see `obligations.stage2`."""
CHANGE = "change"
"""The kind of debt that a valid descriptor replaced by another one bears: see `obligations.changes`."""
ANY_ACCESS = "any-access"
"""Seen of a debt on which loads and stores depend wherever they go."""
TOLD = frozenset({"dmb", "dsb-ld", "dsb-st", "isb-early", "loads"})
"""Words of `Debt.seen` that reports tell and nothing depends on. Paths that differ in them meet; what all of them saw
stays. Contexts do not differ in them either: a callee starts with none, its caller's are those of the exit again.
"""
STAYING = frozenset({OPERAND})
"""Kinds on which nothing depends in callees."""


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


@dataclass(frozen=True, slots=True, eq=False)
class Debt:
    """An unpaid obligation: the steps it stands for, how far it is paid, and what else was seen since.

    `born` is the (block, step) of *this* function that bore it: a write, or a call in which it was left unpaid;
    None in a callee that a caller's debt entered. Barriers act on all debts alike, so those of several writes
    (`leaves`) that are born at one call are one. `seen` holds words: dsb-ld, dmb, isb-early, nsh, thrown (it left a
    function by an exception). `maps` are the base symbols of the mapped input addresses (empty: unknown),
    `location` those of the descriptors' own addresses. `place` is a descriptor's address where it does not tell
    (yet: a caller may) which input address it translates; `slot` is the descriptor's address in any case, for kinds on
    which a later write of the same descriptor depends. `kind` names the module of `obligations` whose debt it is,
    `subject` what it is about where its kind has several (a register, an operation).
    """

    leaves: tuple[Leaf, ...]
    born: tuple[int, int] | None
    progress: Progress = Progress.WRITTEN
    seen: frozenset[str] = frozenset()
    maps: frozenset[Term] = frozenset()
    location: frozenset[Term] = frozenset()
    place: Term | None = None
    slot: Term | None = None
    kind: str = MAKE
    subject: str = ""

    _hash: int = field(init=False, repr=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash(self._parts))

    @property
    def _parts(self) -> tuple[object, ...]:
        concerned = (self.maps, self.location, self.place, self.slot)
        return (self.leaves, *self.identity, self.seen, *concerned)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Debt) and self._hash == other._hash and self._parts == other._parts)

    @property
    def identity(self) -> tuple[object, ...]:
        """What distinguishes debts whose paths must not be merged."""
        return (self.born, self.progress, self.seen - TOLD, self.kind, self.subject)

    def merged(self, other: Debt) -> Debt:
        """Both debts as one; they have the same identity."""
        if self == other:
            return self
        leaves = tuple(sorted({*self.leaves, *other.leaves}))[:MAX_LEAVES]
        place = self.place if self.place == other.place else None
        slot = self.slot if self.slot == other.slot else None
        maps, location = self.maps | other.maps, self.location | other.location
        seen = self.seen & other.seen
        return replace(self, leaves=leaves, seen=seen, maps=maps, location=location, place=place, slot=slot)

    def after(self, inner: Debt) -> Debt:
        """The debt as a callee left it, in which it was `inner`: what was told before counts until a TLBI covers it."""
        covered = self.progress < Progress.INVALIDATED <= inner.progress
        told = frozenset[str]() if covered else self.seen & TOLD
        return replace(self, progress=inner.progress, seen=inner.seen | told)

    def sees(self, word: str) -> Debt:
        """The debt with `word` among what was seen."""
        return self if word in self.seen else replace(self, seen=self.seen | {word})
