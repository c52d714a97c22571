"""The abstract state at a point of a function: what variables and memory hold, what is known, and at most one debt.

A *debt* is the obligation born at a descriptor write, with its progress through the automaton `written --DSB-->
completed --context synchronization--> (paid)`. One state carries one debt (the IFDS argument: barriers act on every
debt alike, so debts never need to be tracked together). What it does not model: two debts whose repair interacts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import TypeVar

from barrierlint.dataflow.bits import KIND_BITS, NO_BITS, Bits, known_bits
from barrierlint.dataflow.debts import Debt
from barrierlint.dataflow.facts import Facts
from barrierlint.dataflow.memory import array_of, is_near, may_alias, place_of, root, tag
from barrierlint.dataflow.phis import Phis
from barrierlint.dataflow.provenance import common_index, walk_index
from barrierlint.dataflow.values import FALSE, all_leaves, fold, is_large, load, rebuild
from barrierlint.terms import AddressOf, Apply, Const, Element, Field, Name, Term, Unknown

MAX_CELLS, MAX_FACTS = 48, 64
"""Cells and facts followed in one state."""
MAX_ELEMENTS = 6
"""Elements of one array at indices that are no constants, before none is followed: recursion makes ever more."""


ZEROED = "/zeroed"
"""In the name of a result: a table without valid entries, as a model says."""


Key = TypeVar("Key", str, Term)
"""What holds a value: a variable, or a cell."""


@dataclass(slots=True)
class State:
    """Values of locals and memory cells, path facts, base symbols accessed so far, and the debt followed (None:
    none yet). Of the step at hand, `level` is the exception level that it is known to run at, at least, and `remark`
    what its function as a whole says of it.
    """

    variables: dict[str, Term] = field(default_factory=dict)
    cells: dict[Term, Term] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    touched: frozenset[Term] = frozenset()
    debt: Debt | None = None
    lost: frozenset[str] = frozenset()
    phis: Phis = field(default_factory=lambda: Phis())
    level: int = 0
    remark: str = ""

    def copy(self) -> State:
        """Return an independent copy (values are shared, they are frozen)."""
        return State(
            dict(self.variables),
            dict(self.cells),
            self.facts.copy(),
            self.touched,
            self.debt,
            self.lost,
            self.phis,
            self.level,
            self.remark,
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
                slot=None if self.debt.slot is None else renamed(self.debt.slot),
            )

    def names_debt(self, params: Collection[str]) -> bool:
        """Whether anything from here on can name what the debt is about: by a variable, a cell, or as a parameter; of
        what was handed in the caller can.
        """
        debt = self.debt
        if debt is None or debt.born is None:
            return True
        about = debt.maps | debt.location
        if any(not isinstance(one, Unknown) or one.id in params for one in about):
            return True
        values = chain(self.variables.values(), self.cells, self.cells.values())
        return any(not about.isdisjoint(self.phis.origins(value, through_calls=True)) for value in values)

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
        if known is None and place and isinstance(address, Element) and not isinstance(address.index, Const):
            known = self._some_index(address, place)
        if known is None and is_zeroed(root(address)) and place_of(address) not in self.lost:
            return FALSE
        if known is None:
            followed = is_near(address) and place_of(address) not in self.lost
            followed = followed and (not self.lost or array_of(address) not in self.lost)
            known = load(address) if followed else Unknown(f"{place}~far")
        return known

    def _some_index(self, element: Element, place: str) -> Term | None:
        """What an element of a local array holds, whichever it is, where all that were stored are indices of one
        address.
        """
        array = element.base
        if not isinstance(array, AddressOf) or array.kind != "local":
            return None
        stored = (value for cell, value in self.cells.items() if cell == array or getattr(cell, "base", None) == array)
        return common_index(stored, Unknown(f"{place}~some"))

    def write(self, address: Term, value: Term, place: str, *, table: bool = False) -> None:
        """Store to an evaluated address; what may be the same place under another name is forgotten (symbol from
        `place`). An entry of a `table` is no object of the program: only cells of the same table may be the same place;
        nor does an array in a structure hold entries of a table that is walked by another pointer.
        """
        for other in [cell for cell in self.cells if cell != address and may_alias(cell, address)]:
            if root(other) != root(address) and (table or (is_array_member(address) and walk_index(other) is not None)):
                continue
            self.cells[other] = Unknown(f"{place}~{tag(other)}")
        if is_near(address) and (not self.lost or array_of(address) not in self.lost):
            self.cells[address] = value

    def forget(self, reachable: frozenset[Term], place: str) -> None:
        """An unseen callee ran: memory it can reach (globals, and objects at `reachable` bases) holds unknown
        values.
        """
        for cell in self.cells:
            base = root(cell)
            if not isinstance(base, AddressOf) or base.kind == "global" or base in reachable:
                self.cells[cell] = Unknown(f"{place}~{tag(cell)}")


def is_array_member(address: Term) -> bool:
    """Whether an address is that of an element of an array that is a member of a structure."""
    return isinstance(address, Element) and isinstance(address.base, Field)


def is_zeroed(base: Term) -> bool:
    """Whether an address is that of a table which a call gave without valid entries."""
    return isinstance(base, Unknown) and ZEROED in base.id


def join(place: str, old: State, new: State, phis: Phis) -> State:
    """The least state above both, at a join named `place`; `old` itself where it is that. Debts of equal identity are
    assumed.
    """
    merging = Merging(phis)
    variables = _variables(place, old.variables, new.variables, merging)
    cells = _cells(place, old, new, merging)
    merging.finish()
    cells = _held(place, old, new, cells, merging)
    debt = old.debt.merged(new.debt) if old.debt is not None and new.debt is not None else None
    lost = old.lost | new.lost | _crowded(cells)
    if lost and any(array_of(cell) in lost for cell in cells):
        cells = {cell: value for cell, value in cells.items() if array_of(cell) not in lost}
    facts = old.facts.meet(new.facts)
    if kinds := _kinds(merging, old, new):
        facts = Facts(facts.truths, facts.bits | kinds)
    touched = old.touched if old.touched is new.touched else old.touched & new.touched
    joined = State(variables, cells, facts, touched, debt, lost, phis, min(old.level, new.level))
    return old if same(old, joined) else joined


def _variables(place: str, old: dict[str, Term], new: dict[str, Term], merging: Merging) -> dict[str, Term]:
    """The variables of a join, those that differ merged; a temporary never outlives the expression it was made for."""
    if old == new:
        return old
    found = dict(old)
    differ: list[tuple[str, Term, Term]] = []
    for name, left in old.items():
        right = new.get(name)
        if right is left:
            continue
        if right is None and name.startswith("%"):
            del found[name]
        elif left is not (right := right or Unknown(name)):
            differ.append((name, left, right))
    for name, right in new.items():
        if name not in old and not name.startswith("%"):
            found[name] = right
            if right is not (left := Unknown(name)):
                differ.append((name, left, right))
    merging.take(place, differ, found)
    return found


def _cells(place: str, old: State, new: State, merging: Merging) -> dict[Term, Term]:
    """The cells of a join, those that differ merged."""
    if old.cells == new.cells:
        return old.cells
    found = dict(old.cells)
    differ: list[tuple[Term, Term, Term]] = []
    for cell, left in old.cells.items():
        right = new.cells.get(cell) or new.read(cell)
        if left is not right:
            differ.append((cell, left, right))
    for cell, right in new.cells.items():
        if cell not in old.cells:
            found[cell] = right
            if right is not (left := old.read(cell)):
                differ.append((cell, left, right))
    merging.take(place, differ, found)
    return found


def _held(place: str, old: State, new: State, cells: dict[Term, Term], merging: Merging) -> dict[Term, Term]:
    """`cells`, and what memory holds at places of entries that were merged."""
    found = dict[Term, Term]()
    for (left, right), symbol in list(merging.pairs.items()):
        if symbol in cells or not isinstance(symbol, Unknown) or left is symbol:
            continue
        if (left in old.cells or right in new.cells) and walk_index(left) is not None and walk_index(right) is not None:
            held: list[tuple[Term, Term, Term]] = [
                (symbol, old.cells.get(left, load(left)), new.cells.get(right, load(right)))
            ]
            merging.take(place, held, found)
    merging.finish()
    return cells | found if found else cells


def _kinds(merging: Merging, old: State, new: State) -> dict[Term, Bits]:
    """What is known on both ways of what memory holds, were it descriptors: valid or not, of which kind."""
    found: dict[Term, Bits] = {}
    for merged, left, right in merging.contents:
        if not isinstance(merged, Const) and not (isinstance(left, Const) and isinstance(right, Const)):
            a, b = known_bits(left, old.facts.bits), known_bits(right, new.facts.bits)
            both = a[0] & b[0] & KIND_BITS, a[1] & b[1] & KIND_BITS
            if both != NO_BITS:
                found[merged] = both
    return found


class Merging:
    """What becomes of values that differ at a join: one symbol for each two, whatever holds them, so that what was
    equal on both ways stays equal; what memory held at two addresses that are merged stays what it held at either, and
    the same masks of two values the mask of either (congruence closure over these terms: Gulwani and Necula, SAS 2004).

    `pairs` are the symbols by the values on both ways, `contents` what became of what entries hold, with both.
    `composed` is left to be merged.
    """

    def __init__(self, phis: Phis) -> None:
        self.phis = phis
        self.pairs: dict[tuple[Term, Term], Term] = {}
        self.contents: list[tuple[Term, Term, Term]] = []
        self.composed: list[Callable[[], None]] = []

    def take(self, place: str, differ: list[tuple[Key, Term, Term]], found: dict[Key, Term]) -> None:
        """Merge what differs, (key, left, right), into `found`; what is made of other values once these are known."""
        for key, left, right in differ:
            if _is_composed(left, right):
                self.composed.append(partial(self._compose, place, key, left, right, found))
            else:
                found[key] = self._merged(place, key, left, right)
                self._hold(key, found[key], left, right)

    def finish(self) -> None:
        """Merge what is made of values that were merged."""
        composed, self.composed = self.composed, []
        for compose in composed:
            compose()

    def _compose(self, place: str, key: Key, left: Term, right: Term, found: dict[Key, Term]) -> None:
        made = self._made(left, right)
        if made is not None:
            self.pairs[left, right] = made
        found[key] = made or self._merged(place, key, left, right)
        held = left.args[0] if isinstance(left, Apply) and left.op == "load" else key
        self._hold(held, found[key], left, right)

    def _made(self, left: Term, right: Term) -> Term | None:
        """What two terms of one shape are, of merged values; None where the values were not merged."""
        if left is right or (left, right) in self.pairs:
            return left if left is right else self.pairs[left, right]
        match left, right:
            case Apply(op, (inner, *rest)), Apply(other, (second, *others)) if _is_composed(left, right):
                made = self._made(inner, second) if rest == others and op == other else None
                return None if made is None else load(made) if op == "load" else fold(op, (made, *rest))
        return None

    def _merged(self, place: str, key: Key, left: Term, right: Term) -> Term:
        known = self.pairs.get((left, right))
        if known is None:
            symbol = self.phis.merge(place, key, left, right)
            known = left if left is symbol or left is right else common_index((left, right), symbol) or symbol
            self.pairs[left, right] = known
        return known

    def _hold(self, place: str | Term, merged: Term, left: Term, right: Term) -> None:
        if not isinstance(place, str) and _may_be_entry(place):
            self.contents.append((merged, left, right))


def _is_composed(left: Term, right: Term) -> bool:
    """Whether two terms are loads, or have the same mask."""
    match left, right:
        case Apply("load", _), Apply("load", _):
            return True
        case Apply("&" | "|" as op, (_, Const() as mask)), Apply(other, (_, same_mask)):
            return op == other and mask == same_mask
    return False


def _may_be_entry(cell: Term) -> bool:
    """Whether a cell is an entry of a table by its place, or a place of which only that is known where it came from."""
    return isinstance(cell, Unknown) or walk_index(cell) is not None


def _crowded(cells: Collection[Term]) -> frozenset[str]:
    """The arrays of which too many elements are followed at indices that are no constants."""
    if len(cells) <= MAX_ELEMENTS:
        return frozenset()
    counts = Counter(filter(None, map(array_of, cells)))
    return frozenset(array for array, count in counts.items() if count > MAX_ELEMENTS)


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
