"""How states cross calls: a caller's state in a callee's terms, and a callee's exit in the caller's terms.

In a callee, parameter k is the symbol `Unknown(params[k])`. A context is keyed by what its entry knows that
matters: constants and known bits of arguments, constant cells, which parameters are based on the mapped address,
and the debt's progress. What it does not model: aliasing between two arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, replace

from barrierlint.cfg.graph import RETURN, THIS, Cfg
from barrierlint.dataflow.bits import Bits, known_bits
from barrierlint.dataflow.facts import Facts
from barrierlint.dataflow.provenance import indexed_by, is_parameter, walk_index, walk_shift
from barrierlint.dataflow.state import UNKNOWN_SHIFT, Debt, Phis, State, is_near, place_of, root
from barrierlint.dataflow.values import is_large, leaves, load, rebuild
from barrierlint.events import Call
from barrierlint.terms import MASK64, AddressOf, Apply, Const, Element, Field, Term, Unknown

MAX_CHAIN = 2
"""Calls that a symbol's name tells, beside the innermost."""

VALID_BIT, LOW_BITS = 1, 0x7F
"""Bits of an argument worth a context of their own: those that say what a descriptor is."""

OTHER = Unknown("elsewhere")
"""In a callee: the mapped address, where no parameter is based on it."""


Known = Const | AddressOf | Bits | None
"""What a context knows of an argument: a constant, a function, some bits, or nothing."""


@dataclass(frozen=True, slots=True)
class EntryKey:
    """What distinguishes one context of a function from another."""

    function: str
    debt: Debt | None
    arguments: tuple[Known, ...]
    cells: frozenset[tuple[Term, Const]]
    touched: frozenset[Term]
    truths: frozenset[tuple[Term, bool]] = frozenset()
    slots: frozenset[Term] = frozenset()
    own: frozenset[Term] = frozenset()

    def may_depend(self, cfg: Cfg) -> bool:
        """Whether an access in the callee can depend on the debt that enters: its address comes from what is handed
        in.
        """
        if self.debt is None:
            return False
        if self.debt.maps:
            return self.debt.maps != {OTHER}
        return any(name != THIS and Unknown(name) not in self.touched for name in cfg.params)


def generic(cfg: Cfg) -> EntryKey:
    """The context of a function called by anyone."""
    return EntryKey(cfg.usr, None, (None,) * len(cfg.params), frozenset(), frozenset())


def entry_state(cfg: Cfg, key: EntryKey, phis: Phis) -> State:
    """The state in which a context starts."""
    state = State(debt=key.debt, touched=key.touched, facts=Facts(), phis=phis)
    for name, known in zip(cfg.params, key.arguments, strict=False):
        symbol = Unknown(name)
        state.variables[name] = known if isinstance(known, Const | AddressOf) else symbol
        if isinstance(known, tuple):
            state.facts.learn_bits(symbol, *known)
    state.cells.update(key.cells)
    for term, truth in key.truths:
        state.facts.assume(term, truth)
    return state


@dataclass(frozen=True, slots=True)
class Visible:
    """What of a caller's state can matter in a callee.

    `ordered`: the callee acts on debts, so that their progress distinguishes contexts. `writes`: it bears debts
    itself. `reads`: flags it tests. `detailed` False forgets constants (a bound on contexts).
    """

    ordered: bool
    writes: bool
    reads: Set[str]
    slots: frozenset[Term] = frozenset()
    own: frozenset[Term] = frozenset()
    detailed: bool = True


def enter(caller: State, call: Call, callee: Cfg, phis: Phis, visible: Visible) -> EntryKey:
    """The context in which `callee` runs when called from `caller`."""
    arguments = [caller.evaluate(arg) for arg in call.args[: len(callee.params)]]
    arguments += [Unknown("missing")] * (len(callee.params) - len(arguments))
    debt = _debt_in(caller, caller.debt, arguments, callee, phis, visible.ordered) if caller.debt else None
    touched: frozenset[Term] = frozenset()
    pairs = list(zip(callee.params, arguments, strict=True))
    if debt is not None and not debt.maps:
        touched = frozenset(Unknown(name) for name, argument in pairs if _is_settled(argument, caller, phis))
    elif debt is None and visible.writes:
        touched = frozenset(Unknown(name) for name, argument in pairs if isinstance(root(argument), AddressOf))
    slots: frozenset[Term] = frozenset()
    if debt is None:
        slots = frozenset(Unknown(name) for name, argument in pairs if is_slot(argument, visible.slots))
    own = frozenset(Unknown(name) for name, argument in pairs if debt is None and _is_local(argument, visible.own))
    if not visible.detailed:
        return EntryKey(callee.usr, debt, (None,) * len(arguments), frozenset(), touched, slots=slots, own=own)
    known = tuple(_known(argument, caller) for argument in arguments)
    cells = frozenset(_cells_in(caller, arguments, callee, visible.reads))
    return EntryKey(
        callee.usr, debt, known, cells, touched, frozenset(_truths_in(caller, arguments, callee)), slots, own
    )


def _is_local(argument: Term, own: frozenset[Term]) -> bool:
    """Whether an argument points at a local object of some caller: no table that a walker reads."""
    base = root(argument)
    return base in own or (isinstance(base, AddressOf) and base.kind == "local")


def is_slot(argument: Term, slots: frozenset[Term]) -> bool:
    """Whether an argument is the place of a table's entry that is indexed by address bits, or such an index."""
    inner = argument.args[0] if isinstance(argument, Apply) and argument.op.startswith(("zext", "sext")) else argument
    return inner in slots or walk_index(argument) is not None or indexed_by(argument) is not None


def _known(argument: Term, caller: State) -> Known:
    if isinstance(argument, Const) or (isinstance(argument, AddressOf) and argument.kind == "function"):
        return argument
    ones, zeros = known_bits(argument, caller.facts.bits)
    if ones | zeros == MASK64:
        return Const(ones)
    return (ones, zeros & LOW_BITS) if ones else ((0, VALID_BIT) if zeros & VALID_BIT else None)


def _truths_in(caller: State, arguments: list[Term], callee: Cfg) -> Iterator[tuple[Term, bool]]:
    for name, argument in zip(callee.params, arguments, strict=True):
        if not isinstance(argument, Const) and (truth := caller.facts.truths.get(argument)) is not None:
            yield Unknown(name), truth


def _debt_in(caller: State, debt: Debt, arguments: list[Term], callee: Cfg, phis: Phis, ordered: bool) -> Debt:
    pairs = list(zip(callee.params, arguments, strict=True))
    maps = _known_by(caller, debt.maps, pairs, phis)
    if debt.maps and not maps:
        maps = frozenset({OTHER})
    location = frozenset() if debt.maps else _known_by(caller, debt.location, pairs, phis)
    entered = replace(debt, leaves=(), born=None, maps=maps, location=location, place=None)
    return entered if ordered else replace(entered, progress=type(debt.progress)(0), seen=frozenset())


def _known_by(caller: State, symbols: frozenset[Term], pairs: list[tuple[str, Term]], phis: Phis) -> frozenset[Term]:
    """What a callee calls values based on `symbols`: parameters, members of what parameters point at, shared
    objects.
    """
    if not symbols:
        return frozenset()
    found: set[Term] = {Unknown(name) for name, argument in pairs if phis.roots(argument) & symbols}
    found |= {symbol for symbol in symbols if _is_shared(symbol)}
    for cell, value in caller.cells.items():
        if phis.roots(value) & symbols:
            found |= {load(inside) for n, a in pairs if (inside := rebase(cell, a, Unknown(n))) is not None}
            found |= {load(cell)} if _is_shared(load(cell)) else set()
    for symbol in symbols:
        if isinstance(symbol, Apply):
            address = symbol.args[0]
            found |= {load(inside) for n, a in pairs if (inside := rebase(address, a, Unknown(n))) is not None}
    return frozenset(found)


def _is_shared(base: Term) -> bool:
    match base:
        case Apply("load", (address,)):
            return all(isinstance(leaf, AddressOf) for leaf in leaves(address))
        case Unknown(id):
            return id.startswith("sysreg:")
    return False


def _is_settled(argument: Term, caller: State, phis: Phis) -> bool:
    """Whether an access through the argument cannot depend on an unknown mapping: it points at something already in
    use.
    """
    roots = phis.roots(argument)
    location = caller.debt.location if caller.debt else frozenset()
    in_use = all(isinstance(b, AddressOf) or b in caller.touched or b in location for b in roots)
    return in_use or not all(is_parameter(base) for base in roots)


def _cells_in(caller: State, arguments: list[Term], callee: Cfg, reads: Set[str]) -> Iterator[tuple[Term, Const]]:
    """Constant cells that the callee can name: objects its arguments point at, globals, captured variables."""
    names = {
        a: Unknown(n) for n, a in reversed(list(zip(callee.params, arguments, strict=True))) if not isinstance(a, Const)
    }
    for cell, value in caller.cells.items():
        if not isinstance(value, Const) or place_of(cell) not in reads:
            continue
        for argument, name in names.items():
            if (inside := rebase(cell, argument, name)) is not None:
                yield inside, value
                break
        else:
            base = root(cell)
            if isinstance(base, AddressOf) and not base.id.startswith("%"):
                yield cell, value


def is_frame_local(id: str, usr: str) -> bool:
    """Whether an object is a local or a temporary of function `usr`; a lambda's captured variables are its maker's."""
    return id.startswith(("%", usr + "#"))


def rebase(address: Term, old: Term, new: Term) -> Term | None:
    """Return `address` with its base `old` replaced by `new`, None if it has another base."""
    if address == old:
        return new
    match address:
        case Field(base, name):
            inner = rebase(base, old, new)
            return None if inner is None else Field(inner, name)
        case Element(base, index, size):
            inner = rebase(base, old, new)
            return None if inner is None else Element(inner, index, size)
    return None


class Leave:
    """A callee's exit state seen by one caller state at one call."""

    def __init__(
        self, caller: State, call: Call, callee: Cfg, callee_phis: Phis, phis: Phis, site: tuple[int, int]
    ) -> None:
        self.caller = caller
        self.callee = callee
        self.callee_phis = callee_phis
        self.phis = phis
        self.site = site
        self.place = f"@{site[0]}.{site[1]}"
        self.arguments: dict[Term, Term] = {
            Unknown(name): caller.evaluate(arg) for name, arg in zip(callee.params, call.args, strict=False)
        }
        self.memo: dict[Term, Term] = {}

    def term(self, term: Term) -> Term:
        """A value of the callee in the caller's symbols."""
        value = rebuild(term, self._leaf)
        return self.phis.large(value) if is_large(value) else value

    def _leaf(self, leaf: Term) -> Term:
        if leaf in self.arguments:
            return self.arguments[leaf]
        if leaf in self.memo:
            return self.memo[leaf]
        match leaf:
            case Apply("load", (address,)):
                found = self.caller.read(self.term(address), self.place)
            case Unknown(id) if not id.startswith("sysreg:"):
                found = Unknown(self._rename(id))
                self.memo[leaf] = found
                made_from = self.callee_phis.sources.get(leaf, ()) if isinstance(leaf, Unknown) else ()
                if made_from:
                    self.phis.note(found, (b for r in made_from for b in self.phis.ordered_roots(self.term(r))))
            case _:
                found = leaf
        self.memo[leaf] = found
        return found

    def _rename(self, id: str) -> str:
        """A callee's symbol, named for this call; of a long chain only the innermost calls stay: recursion ends."""
        return "/".join([self.place, *id.split("/")[-MAX_CHAIN:]])

    def state(self, exit: State, into: str | None, ordered: bool) -> State | None:
        """The caller's state after the call; None where the callee's facts contradict the caller's."""
        after = self.caller.copy()
        result = exit.variables.get(RETURN, Unknown("result"))
        visible = {*self.arguments, *leaves(result)}
        for cell, value in exit.cells.items():
            if self._is_visible(cell, visible) and is_near(here := self.term(cell)):
                after.cells[here] = self.term(value)
        for term, truth in exit.facts.truths.items():
            if self._is_visible(term, visible) and not after.facts.assume(self.term(term), truth):
                return None
        for term, (ones, zeros) in exit.facts.bits.items():
            if self._is_visible(term, visible) and not after.facts.learn_bits(self.term(term), ones, zeros):
                return None
        if into is not None:
            after.variables[into] = self.term(result)
        touched = (t for t in exit.touched if self._is_visible(t, visible))
        after.touched |= frozenset(base for t in touched for base in self.phis.roots(self.term(t)))
        after.debt = self._debt(exit.debt, ordered)
        return after

    def _is_visible(self, term: Term, visible: set[Term]) -> bool:
        """Whether the caller can name a value: it is made of arguments, globals, and what the callee returns."""
        for leaf in leaves(term):
            match leaf:
                case AddressOf(id, kind):
                    if kind != "global" and is_frame_local(id, self.callee.usr):
                        return False
                case Apply("load", (address,)):
                    if leaf not in visible and not self._is_visible(address, visible):
                        return False
                case _:
                    if leaf not in visible:
                        return False
        return True

    def mapped(self, place: int, exit: State) -> frozenset[Term]:
        """The base symbols of the address that the callee maps by its model: parameter `place`, or its result."""
        params = self.callee.params
        named = Unknown(params[place]) if 0 <= place < len(params) else exit.variables.get(RETURN, OTHER)
        return self.phis.roots(self.term(named))

    def _debt(self, debt: Debt | None, ordered: bool) -> Debt | None:
        if debt is None:
            return None
        if debt.born is None and self.caller.debt is not None:
            return replace(self.caller.debt, progress=debt.progress, seen=debt.seen) if ordered else self.caller.debt
        maps = frozenset(base for m in debt.maps for base in self.phis.roots(self.term(m)))
        location = frozenset(base for m in debt.location for base in self.phis.roots(self.term(m)))
        if debt.maps and not maps:
            maps = frozenset({OTHER})
        place = None if debt.place is None else self.term(debt.place)
        index = None if place is None or maps else walk_index(place)
        if index is not None:
            maps = frozenset(base for base in self.phis.roots(index) if not isinstance(base, AddressOf))
            shift = (walk_shift(place) if place is not None else None) or UNKNOWN_SHIFT
            debt = replace(debt, leaves=tuple(replace(leaf, shift=min(leaf.shift, shift)) for leaf in debt.leaves))
        return replace(debt, born=self.site, maps=maps, location=location, place=None if maps else place)
