"""The abstract state at a point of a function: what variables and memory hold, what is known, and at most one debt.

A *debt* is the obligation born at a descriptor write, with its progress through the automaton `written --DSB-->
completed --context synchronization--> (paid)`. One state carries one debt (the IFDS argument: barriers act on every
debt alike, so debts never need to be tracked together). What it does not model: two debts whose repair interacts.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import lru_cache

from barrierlint.dataflow.facts import Facts
from barrierlint.dataflow.provenance import bases
from barrierlint.dataflow.values import all_leaves, is_large, load, rebuild
from barrierlint.terms import AddressOf, Apply, Const, Element, Field, Name, Term, Unknown

PAGE = 1 << 12
"""The smallest granule. Constants below it are no addresses: null, sizes, flags."""


MAX_LOADS, MAX_NODES = 2, 12
"""How remote a followed cell may be: loads and nodes of its address."""
MAX_CELLS, MAX_FACTS = 48, 64
"""Cells and facts followed in one state."""
MAX_LEAVES = 64
"""Writes remembered of one debt."""
MAX_SOURCES = 16
"""Base symbols remembered of one merged value."""


UNKNOWN_SHIFT = 64
"""No shift of address bits is known."""


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


@dataclass(slots=True)
class State:
    """Values of locals and memory cells, path facts, base symbols accessed so far, and the debt followed (None:
    none yet).
    """

    variables: dict[str, Term] = field(default_factory=dict)
    cells: dict[Term, Term] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    touched: frozenset[Term] = frozenset()
    debt: Debt | None = None
    lost: frozenset[str] = frozenset()
    phis: Phis = field(default_factory=lambda: Phis())

    def copy(self) -> State:
        """Return an independent copy (values are shared, they are frozen)."""
        return State(
            dict(self.variables), dict(self.cells), self.facts.copy(), self.touched, self.debt, self.lost, self.phis
        )

    def prune(self, live: frozenset[str]) -> None:
        """Drop variables that are dead, and of many cells and facts the oldest."""
        if len(self.variables) > len(live) or not self.variables.keys() <= live:
            self.variables = {name: value for name, value in self.variables.items() if name in live}
        while len(self.cells) > MAX_CELLS:
            oldest = next(iter(self.cells))
            del self.cells[oldest]
            self.lost |= {place_of(oldest)}
        for known in (self.facts.truths, self.facts.bits):
            while len(known) > MAX_FACTS:
                del known[next(iter(known))]

    def turn(self, changes: Callable[[Term], bool]) -> None:
        """A loop starts its next turn: values of the last one get other names, and what was known of them is
        forgotten.
        """

        def older(leaf: Term) -> Term:
            match leaf:
                case Unknown(id) if changes(leaf):
                    return leaf if id.endswith("~") else Unknown(id + "~")
                case Apply("load", (address,)) if any(changes(inner) for inner in all_leaves(address)):
                    return load(rebuild(address, older))
            return leaf

        def renamed(term: Term) -> Term:
            return rebuild(term, older) if any(changes(leaf) for leaf in all_leaves(term)) else term

        self.variables = {name: renamed(value) for name, value in self.variables.items()}
        self.cells = {renamed(cell): renamed(value) for cell, value in self.cells.items()}
        for known in (self.facts.truths, self.facts.bits):
            for term in [term for term in known if any(changes(leaf) for leaf in all_leaves(term))]:
                known.pop(term)
        self.touched = frozenset(renamed(base) for base in self.touched)
        if self.debt is not None:
            self.debt = replace(
                self.debt,
                maps=frozenset(renamed(base) for base in self.debt.maps),
                location=frozenset(renamed(base) for base in self.debt.location),
                place=None if self.debt.place is None else renamed(self.debt.place),
            )

    def evaluate(self, term: Term) -> Term:
        """The value of a term here, over the function's entry symbols."""
        value = rebuild(term, self._leaf)
        return self.phis.large(value) if is_large(value) else value

    def _leaf(self, term: Term) -> Term:
        match term:
            case Name(id):
                return self.variables.get(id) or Unknown(id)
            case Apply("load", (address,)):
                return self.read(rebuild(address, self._leaf))
        return term

    def read(self, address: Term, place: str = "") -> Term:
        """What memory holds at an evaluated address; of one too remote to be followed, a symbol of its own at
        `place`.
        """
        known = self.cells.get(address)
        if known is None:
            followed = is_near(address) and place_of(address) not in self.lost
            known = load(address) if followed else Unknown(f"{place}~far")
        return known

    def write(self, address: Term, value: Term, place: str, *, table: bool = False) -> None:
        """Store to an evaluated address; what may be the same place under another name is forgotten (symbol from
        `place`). An entry of a `table` is no object of the program: only cells of the same table may be the same place.
        """
        for other in [cell for cell in self.cells if cell != address and may_alias(cell, address)]:
            if table and root(other) != root(address):
                continue
            self.cells[other] = Unknown(f"{place}~{_tag(other)}")
        if is_near(address):
            self.cells[address] = value

    def forget(self, reachable: frozenset[Term], place: str) -> None:
        """An unseen callee ran: memory it can reach (globals, and objects at `reachable` bases) holds unknown
        values.
        """
        for cell in self.cells:
            base = root(cell)
            if not isinstance(base, AddressOf) or base.kind == "global" or base in reachable:
                self.cells[cell] = Unknown(f"{place}~{_tag(cell)}")


@lru_cache(maxsize=1 << 16)
def _symbol(place: str, key: str | Term) -> Unknown:
    return Unknown(f"{place}:{key if isinstance(key, str) else _tag(key)}")


@lru_cache(maxsize=1 << 16)
def _tag(cell: Term) -> str:
    """A name for a cell that is the same in every run."""
    return repr(cell)


def place_of(address: Term) -> str:
    """What a cell is called apart from its object: a member's name, or a variable's id."""
    match address:
        case Field(_, name):
            return name
        case AddressOf(id, _):
            return id
    return ""


@lru_cache(maxsize=1 << 16)
def is_near(address: Term) -> bool:
    """Whether a cell is followed: an object named, handed in or reached from one by a load or two."""
    loads, nodes, pending = 0, 0, [address]
    while pending:
        nodes += 1
        match pending.pop():
            case Apply(op, args):
                loads += op == "load"
                pending.extend(args)
            case Field(base, _):
                pending.append(base)
            case Element(base, index, _):
                pending += (base, index)
    return loads <= MAX_LOADS and nodes <= MAX_NODES


def root(address: Term) -> Term:
    """The object an address lies in, as far as its shape says."""
    while isinstance(address, Field | Element):
        address = address.base
    return address


def may_alias(left: Term, right: Term) -> bool:
    """Whether two different address terms may name one place (types and named objects tell apart, as in C's
    aliasing rules).
    """
    match left, right:
        case (Field(a, m), Field(b, n)):
            return m == n and may_be_same(a, b)
        case (Field(), _) | (_, Field()):
            return False
        case (Element(a, i, _), Element(b, j, _)):
            return not (a == b and isinstance(i, Const) and isinstance(j, Const)) and may_be_same(a, b)
        case (Element(base, i, _), other) | (other, Element(base, i, _)):
            return not (base == other and isinstance(i, Const)) and may_be_same(base, other)
    return may_be_same(left, right)


def may_be_same(left: Term, right: Term) -> bool:
    """Whether two base addresses may be equal: distinct named objects are not, nor is a local one a caller's
    pointer.
    """
    if left == right:
        return True
    a, b = root(left), root(right)
    if isinstance(a, AddressOf) and isinstance(b, AddressOf):
        return a == b
    if isinstance(a, AddressOf) or isinstance(b, AddressOf):
        named = a if isinstance(a, AddressOf) else b
        return isinstance(named, AddressOf) and named.kind == "global"
    return True


class Phis:
    """Symbols that stand for a merged (or large, or a callee's) value, with the base symbols it was made from.

    The sources of a symbol are flat: never such symbols again, only what those were made from when they were merged in.
    """

    def __init__(self) -> None:
        self.sources: dict[Unknown, dict[Term, None]] = {}

    def merge(self, place: str, key: str | Term, *values: Term) -> Term:
        """One symbol for several values of `key` (a variable or a cell) at `place` (a join)."""
        symbol = _symbol(place, key)
        self.note(symbol, (root for value in values if value != symbol for root in self.ordered_roots(value)))
        return symbol

    def large(self, value: Term) -> Unknown:
        """A symbol for a value too large to keep; equal values get equal symbols, in every run."""
        symbol = Unknown(f"large:{zlib.crc32(repr(value).encode()):08x}")
        self.note(symbol, self.ordered_roots(value))
        return symbol

    def note(self, symbol: Unknown, sources: Iterable[Term]) -> None:
        """Record what a symbol is based on; of many sources the first are kept."""
        known = self.sources.setdefault(symbol, {})
        for base in sources:
            if len(known) >= MAX_SOURCES:
                return
            if base not in self.sources:
                known[base] = None

    def ordered_roots(self, term: Term) -> Iterator[Term]:
        """The base symbols of an address, merged ones with their sources; a constant is its own base."""
        if isinstance(term, Const):
            if term.value >= PAGE:
                yield term
            return
        for base in bases(term):
            yield base
            if isinstance(base, Unknown):
                yield from self.sources.get(base, ())

    def roots(self, term: Term) -> frozenset[Term]:
        """`ordered_roots` as a set."""
        return frozenset(self.ordered_roots(term))


def join(place: str, old: State, new: State, phis: Phis) -> State:
    """The least state above both, at a join named `place`; debts of equal identity are assumed."""
    variables: dict[str, Term] = {}
    for name in {**old.variables, **new.variables}:
        if name.startswith("%") and not (name in old.variables and name in new.variables):
            continue  # a temporary never outlives the expression it was made for
        left, right = old.variables.get(name) or Unknown(name), new.variables.get(name) or Unknown(name)
        variables[name] = left if left == right else phis.merge(place, name, left, right)
    cells: dict[Term, Term] = {}
    for cell in {**old.cells, **new.cells}:
        left, right = old.read(cell), new.read(cell)
        cells[cell] = left if left == right else phis.merge(place, cell, left, right)
    debt = old.debt.merged(new.debt) if old.debt is not None and new.debt is not None else None
    return State(
        variables, cells, old.facts.meet(new.facts), old.touched & new.touched, debt, old.lost | new.lost, phis
    )


def same(left: State, right: State) -> bool:
    """Whether two states are equal."""
    return (
        left.debt == right.debt
        and left.variables == right.variables
        and left.cells == right.cells
        and left.touched == right.touched
        and left.lost == right.lost
        and left.facts.truths == right.facts.truths
        and left.facts.bits == right.facts.bits
    )
