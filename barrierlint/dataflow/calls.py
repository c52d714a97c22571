"""How states cross calls: a caller's state in a callee's terms, and a callee's exit in the caller's terms.

In a callee, parameter k is the symbol `Unknown(params[k])`. A context is keyed by what its entry knows that
matters: constants and known bits of arguments, constant cells, which parameters are based on the mapped address,
and the debt's progress. What it does not model: aliasing between two arguments.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Set
from dataclasses import dataclass, field

from barrierlint.cfg.graph import THIS, Cfg
from barrierlint.dataflow.bits import KIND_BITS, VALID, Bits, known_bits
from barrierlint.dataflow.debts import ANY_ACCESS, FREE, MAKE, PERHAPS, STAYING, TOLD, Debt
from barrierlint.dataflow.facts import Facts
from barrierlint.dataflow.memory import place_of, root
from barrierlint.dataflow.phis import Phis
from barrierlint.dataflow.provenance import indexed_by, is_parameter, walk_index
from barrierlint.dataflow.state import State
from barrierlint.dataflow.values import COMPARISONS, leaves, load
from barrierlint.events import Call
from barrierlint.terms import MASK64, AddressOf, Apply, Const, Element, Field, Term, Unknown

LOW_BITS = 0x7F
"""Bits of an argument worth a context of their own: those that say what a descriptor is."""

_ENTRIES = (0, 4, 8)
"""Sizes of entries, 0 where it is not known; 4 those of AArch32's short descriptors."""

OTHER = Unknown("elsewhere")
"""In a callee: the mapped address, where no parameter is based on it."""


Known = Const | AddressOf | Bits | None
"""What a context knows of an argument: a constant, a function, some bits, or nothing."""


@dataclass(frozen=True, slots=True, eq=False)
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
    held: frozenset[tuple[Term, Bits]] = frozenset()
    _hash: int = field(init=False, repr=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash(self._parts))

    @property
    def _parts(self) -> tuple[object, ...]:
        known = (self.arguments, self.cells, self.touched, self.truths, self.slots, self.own, self.held)
        return (self.function, self.debt, *known)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, EntryKey) and self._hash == other._hash and self._parts == other._parts
        )

    @property
    def coarse(self) -> EntryKey:
        """The same context with nothing known of arguments and memory: a bound on contexts."""
        nothing = (None,) * len(self.arguments)
        return EntryKey(self.function, self.debt, nothing, frozenset(), self.touched, slots=self.slots, own=self.own)


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
    for term, known_of in key.held:
        state.facts.learn_bits(term, *known_of)
    return state


@dataclass(frozen=True, slots=True)
class Visible:
    """What of a caller's state can matter in a callee.

    `ordered`: the callee acts on debts, so that their progress distinguishes contexts. `writes`: it bears debts
    itself. `reads`: flags it tests. `asks`: it reads CurrentEL.
    """

    ordered: bool
    writes: bool
    reads: Set[str]
    slots: frozenset[Term] = frozenset()
    own: frozenset[Term] = frozenset()
    accesses: bool = True
    tables: Container[str] = ()
    asks: bool = False


def enter(caller: State, call: Call, callee: Cfg, phis: Phis, visible: Visible) -> EntryKey:
    """The context in which `callee` runs when called from `caller`."""
    arguments = [caller.evaluate(arg) for arg in call.args[: len(callee.params)]]
    arguments += [Unknown("missing")] * (len(callee.params) - len(arguments))
    pairs = list(zip(callee.params, arguments, strict=True))
    debt, touched = _entering(caller, pairs, phis, visible)
    if debt is None and visible.writes:
        touched = frozenset(Unknown(name) for name, argument in pairs if isinstance(root(argument), AddressOf))
    slots: frozenset[Term] = frozenset()
    if debt is None:
        slots = frozenset(
            Unknown(name)
            for number, (name, argument) in enumerate(pairs)
            if number in call.entries or is_slot(argument, visible.slots)
        )
    own = frozenset(Unknown(name) for name, argument in pairs if debt is None and _is_local(argument, visible.own))
    known = tuple(_known(argument, caller, visible.tables) for argument in arguments)
    cells = frozenset(_cells_in(caller, arguments, callee, visible.reads))
    truths = set(_truths_in(caller, arguments, callee))
    if visible.asks and (level := caller.facts.level()) is not None:
        truths.add((level, True))
    held = frozenset(_held_in(caller, pairs) if debt is None and visible.writes else ())
    return EntryKey(callee.usr, debt, known, cells, touched, frozenset(truths), slots, own, held)


def _is_local(argument: Term, own: frozenset[Term]) -> bool:
    """Whether an argument points at a local object of some caller: no table that a walker reads."""
    base = root(argument)
    return base in own or (isinstance(base, AddressOf) and base.kind == "local")


def is_slot(argument: Term, slots: frozenset[Term]) -> bool:
    """Whether an argument is the place of a table's entry that is indexed by address bits, or such an index."""
    inner = argument.args[0] if isinstance(argument, Apply) and argument.op.startswith(("zext", "sext")) else argument
    place = argument
    while isinstance(place, Field):
        place = place.base
    if isinstance(place, Element) and place.size not in _ENTRIES:
        return False
    return inner in slots or walk_index(argument) is not None or indexed_by(argument) is not None


def _known(argument: Term, caller: State, tables: Container[str]) -> Known:
    match argument:
        case Const() | AddressOf(kind="function"):
            return argument
        case AddressOf(id):
            return argument if id in tables else None
    ones, zeros = known_bits(argument, caller.facts.bits)
    if ones | zeros == MASK64:
        return Const(ones)
    return (ones, zeros & LOW_BITS) if ones else ((0, VALID) if zeros & VALID else None)


def _truths_in(caller: State, arguments: list[Term], callee: Cfg) -> Iterator[tuple[Term, bool]]:
    for name, argument in zip(callee.params, arguments, strict=True):
        if not isinstance(argument, Const) and (truth := caller.facts.truths.get(argument)) is not None:
            yield Unknown(name), truth


def _held_in(caller: State, pairs: list[tuple[str, Term]]) -> Iterator[tuple[Term, Bits]]:
    """What is known of the kind of descriptors that arguments point at: valid or not, table or block."""
    for term in caller.facts.bits:
        if not isinstance(term, Apply) or term.op != "load":
            continue
        for name, argument in pairs:
            inside = rebase(term.args[0], argument, Unknown(name)) if not isinstance(argument, Const) else None
            if inside is not None:
                ones, zeros = known_bits(caller.read(term.args[0]), caller.facts.bits)
                if (ones | zeros) & KIND_BITS:
                    yield load(inside), (ones & KIND_BITS, zeros & KIND_BITS)
                break


def _entering(
    caller: State, pairs: list[tuple[str, Term]], phis: Phis, visible: Visible
) -> tuple[Debt | None, frozenset[Term]]:
    """The caller's debt in the callee's terms and the parameters that cannot depend on it; None where it is of no
    concern.

    It is where the callee acts on debts, or makes an access whose address may come from what is handed in.
    """
    if caller.debt is None or caller.debt.kind in STAYING:
        return None, frozenset()
    debt = _debt_in(caller, caller.debt, pairs, phis, visible)
    settled = (Unknown(name) for name, argument in pairs if _is_settled(argument, caller, phis))
    touched = frozenset() if debt.maps else frozenset(settled)
    if not visible.ordered and debt.slot is None and not (visible.accesses and ANY_ACCESS in debt.seen):
        unrelated = all(name == THIS or Unknown(name) in touched for name, _ in pairs)
        if not visible.accesses or (debt.maps == {OTHER} if debt.maps else unrelated):
            return None, frozenset()
    return debt, touched


def _debt_in(caller: State, debt: Debt, pairs: list[tuple[str, Term]], phis: Phis, visible: Visible) -> Debt:
    maps = _known_by(caller, debt.maps, pairs, phis)
    if debt.kind == FREE:
        debt, maps = _page_in(debt, pairs, phis)
    if debt.maps and not maps:
        maps = frozenset({OTHER})
    location = frozenset() if debt.maps else _known_by(caller, debt.location, pairs, phis)
    wanted = debt.slot is not None and visible.writes and debt.kind != FREE
    slot = _slot_in(debt.slot, pairs) if debt.slot is not None and wanted else None
    ordered = visible.ordered or debt.kind != MAKE
    progress, seen = (debt.progress, debt.seen - TOLD) if ordered else (type(debt.progress)(0), frozenset[str]())
    return Debt((), None, progress, seen, maps, location, None, slot, debt.kind, debt.subject)


def _slot_in(slot: Term, pairs: list[tuple[str, Term]]) -> Term | None:
    """What a callee calls the descriptor's address, if an argument points there."""
    for name, argument in pairs:
        inside = rebase(slot, argument, Unknown(name)) if not isinstance(argument, Const) else None
        if inside is not None and all(leaf == Unknown(name) for leaf in leaves(inside)):
            return inside
    return None


def _page_in(debt: Debt, pairs: list[tuple[str, Term]], phis: Phis) -> tuple[Debt, frozenset[Term]]:
    """What a callee calls the page that a descriptor stood for: what is computed from it, or else may be."""
    sure: set[Term] = {Unknown(name) for name, argument in pairs if phis.is_made_of(argument, debt.maps)}
    sure |= {symbol for symbol in debt.maps if _is_shared(symbol)}
    if sure:
        return debt, frozenset(sure)
    found = (name for name, argument in pairs if phis.origins(argument, through_calls=True) & debt.maps)
    perhaps = frozenset(Unknown(name) for name in found)
    return debt.sees(PERHAPS) if perhaps else debt, perhaps


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
        if place_of(cell) not in reads or (constant := _constant(value, caller)) is None:
            continue
        for argument, name in names.items():
            if (inside := rebase(cell, argument, name)) is not None:
                yield inside, constant
                break
        else:
            base = root(cell)
            if isinstance(base, AddressOf) and not base.id.startswith("%"):
                yield cell, constant


def _constant(value: Term, caller: State) -> Const | None:
    """What a value must be, by what is known of it and of what it is computed from."""
    if isinstance(value, Const):
        return value
    if not isinstance(value, Apply):
        return None
    ones, zeros = known_bits(value, caller.facts.bits)
    if ones | zeros == MASK64:
        return Const(ones)
    truth = caller.facts.decide(value) if value.op in COMPARISONS else None
    return None if truth is None else Const(int(truth))


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
