"""The abstract state at a point of a function: what variables and memory hold, what is known, and at most one debt.

A *debt* is the obligation born at a descriptor write, with its progress through the automaton `written --DSB-->
completed --context synchronization--> (paid)`. One state carries one debt (the IFDS argument: barriers act on every
debt alike, so debts never need to be tracked together). What it does not model: two debts whose repair interacts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum

from barrierlint.dataflow.facts import Facts
from barrierlint.dataflow.provenance import bases
from barrierlint.dataflow.values import DEPTH_LIMIT, depth, load, rebuild
from barrierlint.events import Transition
from barrierlint.terms import AddressOf, Apply, Const, Element, Field, Name, Term, Unknown


class Progress(IntEnum):
    """How far the synchronization of a write has come. LOCAL: done for this PE, not for other PEs' walkers (NSH)."""

    WRITTEN = 0
    COMPLETED = 1
    LOCAL = 2


@dataclass(frozen=True, slots=True)
class Site:
    """A step of a function: `step` indexes the steps of block `block`."""

    function: str
    block: int
    step: int


@dataclass(frozen=True, slots=True)
class Debt:
    """An unpaid obligation: its write, how far it is paid, and what else was seen since.

    `leaf` is the write (None in a callee that a caller's debt entered), `born` the block of *this* function in
    which it came to be (-1 if it entered). `seen` holds words: dsb-ld, dmb, isb-early, nsh. `maps` are the base
    symbols of the mapped input address (empty: unknown), `location` those of the descriptor's own address,
    `evidence` why the write is one of a descriptor.
    """

    leaf: Site | None
    born: int
    transition: Transition
    progress: Progress = Progress.WRITTEN
    seen: frozenset[str] = frozenset()
    maps: frozenset[Term] = frozenset()
    location: frozenset[Term] = frozenset()
    evidence: tuple[str, ...] = ()

    @property
    def identity(self) -> tuple[object, ...]:
        """What distinguishes debts whose paths must not be merged."""
        return (self.leaf, self.born, self.transition, self.progress, self.seen)


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

    def copy(self) -> State:
        """Return an independent copy (values are shared, they are frozen)."""
        return State(dict(self.variables), dict(self.cells), self.facts.copy(), self.touched, self.debt)

    def evaluate(self, term: Term) -> Term:
        """The value of a term here, over the function's entry symbols."""
        value = rebuild(term, self._leaf)
        return value if depth(value) <= DEPTH_LIMIT else Unknown(f"deep:{hash(value)}")

    def _leaf(self, term: Term) -> Term:
        match term:
            case Name(id):
                return self.variables.get(id) or Unknown(id)
            case Apply("load", (address,)):
                return self.read(rebuild(address, self._leaf))
        return term

    def read(self, address: Term) -> Term:
        """What memory holds at an evaluated address."""
        return self.cells.get(address) or load(address)

    def write(self, address: Term, value: Term, place: str) -> None:
        """Store to an evaluated address; what may be the same place under another name is forgotten (symbol from
        `place`).
        """
        for other in [cell for cell in self.cells if cell != address and may_alias(cell, address)]:
            self.cells[other] = Unknown(f"{place}~{_tag(other)}")
        self.cells[address] = value

    def forget(self, reachable: frozenset[Term], place: str) -> None:
        """An unseen callee ran: memory it can reach (globals, and objects at `reachable` bases) holds unknown
        values.
        """
        for cell in self.cells:
            base = root(cell)
            if not isinstance(base, AddressOf) or base.kind == "global" or base in reachable:
                self.cells[cell] = Unknown(f"{place}~{_tag(cell)}")


def _tag(cell: Term) -> str:
    """A name for a cell that is the same in every run."""
    return repr(cell)


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
    """Symbols that stand for a value merged at a join, with the symbols the merged values are based on."""

    def __init__(self) -> None:
        self.sources: dict[Unknown, set[Term]] = {}

    def merge(self, place: str, left: Term, right: Term) -> Term:
        """One symbol for both values at `place` (a join and a variable)."""
        symbol = Unknown(place)
        known = self.sources.setdefault(symbol, set())
        for value in (left, right):
            known.update(base for base in bases(value) if base != symbol)
        return symbol

    def note(self, symbol: Unknown, sources: frozenset[Term]) -> None:
        """Record what a symbol brought in from a callee is based on."""
        self.sources.setdefault(symbol, set()).update(sources - {symbol})

    def roots(self, term: Term) -> frozenset[Term]:
        """The base symbols of an address, merged values followed to their sources."""
        found: set[Term] = set()
        pending = list(bases(term))
        while pending:
            base = pending.pop()
            if base not in found:
                found.add(base)
                if isinstance(base, Unknown):
                    pending.extend(self.sources.get(base, ()))
        return frozenset(found)


def join(place: str, old: State, new: State, phis: Phis) -> State:
    """The least state above both, at a join named `place`; debts of equal identity are assumed."""
    variables: dict[str, Term] = {}
    for name in old.variables.keys() | new.variables.keys():
        if name.startswith("%") and not (name in old.variables and name in new.variables):
            continue  # a temporary never outlives the expression it was made for
        left, right = old.variables.get(name) or Unknown(name), new.variables.get(name) or Unknown(name)
        variables[name] = left if left == right else phis.merge(f"{place}:{name}", left, right)
    cells: dict[Term, Term] = {}
    for cell in old.cells.keys() | new.cells.keys():
        left, right = old.read(cell), new.read(cell)
        cells[cell] = left if left == right else phis.merge(f"{place}:{_tag(cell)}", left, right)
    debt = old.debt
    if debt is not None and new.debt is not None and debt != new.debt:
        debt = replace(debt, maps=debt.maps | new.debt.maps, location=debt.location | new.debt.location)
    return State(variables, cells, old.facts.meet(new.facts), old.touched & new.touched, debt)


def same(left: State, right: State) -> bool:
    """Whether two states are equal."""
    return (
        left.debt == right.debt
        and left.variables == right.variables
        and left.cells == right.cells
        and left.touched == right.touched
        and left.facts.truths == right.facts.truths
        and left.facts.bits == right.facts.bits
    )
