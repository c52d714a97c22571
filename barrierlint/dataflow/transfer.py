"""What each event does to the abstract state: one arm an event.

`step` changes a state in place and says what happened: the state as it is after, a new state that follows a debt
born here, and whether an access depends on the debt followed. What it does not model: calls, which the
interprocedural solver composes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from barrierlint.cfg.graph import Step
from barrierlint.dataflow.bits import known_bits
from barrierlint.dataflow.calls import EntryKey
from barrierlint.dataflow.debts import UNKNOWN_SHIFT, Debt, Leaf, Progress, Site, pay
from barrierlint.dataflow.memory import root
from barrierlint.dataflow.phis import Phis
from barrierlint.dataflow.provenance import walk_index, walk_shift
from barrierlint.dataflow.relations import Relation, relate
from barrierlint.dataflow.state import State
from barrierlint.dataflow.values import fold, load
from barrierlint.events import (
    Access,
    Assign,
    At,
    DescriptorWrite,
    ExceptionReturn,
    Kind,
    SysregRead,
    Transition,
)
from barrierlint.terms import AddressOf, Apply, Const, Element, Field, Term, Unknown

VALID = 1
"""Bit 0 of a descriptor at every level: valid (DDI 0487 D8.3)."""
USER = 1 << 6
"""AP[1]: accessible from EL0 (DDI 0487 D8.4.1). A missing barrier after such a write costs a fault that kernels
handle."""


TABLE = "/table"
"""The end of the name of a value that a model's accessor of tables returned."""

OLD_VALUE = "cas-old"
"""A compare-exchange whose result is the old value, not whether it wrote."""

RESULT = -1
"""In `Settings.maps`: the function returns the address it maps."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the analysis is told of the code base.

    `modelled` are functions (by USR) whose calls a model replaces: their bodies owe nothing by themselves.
    `described` are qualified names of functions a model speaks of. `accessors` those whose result points to a
    table. `required` are (mask, equals): a descriptor whose new value meets them not owes nothing. `maps` tells for
    a function (by USR) which address it maps: the number of a parameter (the object counts), or RESULT.
    `unknown_calls` says what a call of a function that is not here is taken for: `ignore`, `assume-access` or
    `assume-sync`.
    """

    modelled: frozenset[str] = frozenset()
    described: frozenset[str] = frozenset()
    accessors: frozenset[str] = frozenset()
    required: tuple[tuple[int, int], ...] = ()
    maps: Mapping[str, int] = field(default_factory=dict)
    unknown_calls: str = "ignore"


class Transfer:
    """The transfer functions of one function in one context."""

    def __init__(
        self, function: str, phis: Phis, settings: Settings, key: EntryKey, tables: Mapping[str, Mapping[str, str]]
    ) -> None:
        self.function = function
        self.tables = tables
        self.slots = key.slots
        self.own = key.own
        self.phis = phis
        self.settings = settings

    def step(
        self, state: State, step: Step, block: int, index: int
    ) -> tuple[State | None, State | None, Relation | None]:
        """Return (the state after, or None if its debt was paid; a state with a newborn debt; how the event depends
        on the debt).
        """
        relation: Relation | None = None
        born: State | None = None
        place = f"@{block}.{index}"
        match step.event:
            case Assign(name, value):
                state.variables[name] = state.evaluate(value)
            case Access() as access:
                address = state.evaluate(access.address)
                relation = relate(state, address, self.phis, access.type)
                if access.kind is not Kind.READ and (write := self._promote(access, address)) is not None:
                    born = self._descriptor_write(state, write, place, Site(self.function, block, index))
                else:
                    self._access(state, access, address, place)
                state.touched |= self.phis.roots(address)
            case DescriptorWrite() as write:
                born = self._descriptor_write(state, write, place, Site(self.function, block, index))
            case SysregRead(register, into):
                if into is not None:
                    state.variables[into] = Unknown(f"sysreg:{register}")
            case At():
                pass
            case event if state.debt is not None:
                if isinstance(event, ExceptionReturn) and state.debt.progress is Progress.WRITTEN:
                    return state, None, Relation.BOUNDARY
                paid = pay(state.debt, event)
                if paid is None:
                    return None, None, None
                state.debt = paid
        return state, born, relation

    def _access(self, state: State, access: Access, address: Term, place: str) -> None:
        if access.into is not None:
            state.variables[access.into] = (
                self._read(state, address, place)
                if access.kind is Kind.READ
                else self._old(state, access, address, place)
            )
        if access.kind is Kind.WRITE:
            value = Unknown(place) if access.value is None else state.evaluate(access.value)
            state.write(address, value, place)
        elif access.kind is Kind.RMW:
            state.write(address, Unknown(place + "rmw"), place)

    def _read(self, state: State, address: Term, place: str) -> Term:
        """What is read; of a member of a constant object the function that its initialiser put there."""
        match address:
            case Field(AddressOf(id), name) if name in self.tables.get(id, {}):
                return AddressOf(self.tables[id][name], "function")
        return state.read(address, place)

    def _old(self, state: State, access: Access, address: Term, place: str) -> Term:
        return state.read(address, place) if access.op not in ("cas", "exclusive") else Unknown(place)

    def _promote(self, access: Access, address: Term) -> DescriptorWrite | None:
        """A store of 8 bytes that is a descriptor write by data flow: its place is in a table reached from a base
        register.
        """
        if access.size != 8 or access.value is None:
            return None
        evidence = self._table_evidence(address)
        if not evidence:
            return None
        return DescriptorWrite(
            access.address,
            _new_value(access),
            order=access.order,
            op=OLD_VALUE if access.op == "cas" else access.op,
            into=access.into,
            expected=access.expected,
            evidence=(evidence,),
        )

    def _table_evidence(self, address: Term) -> str:
        if self.slots and (
            root(address) in self.slots if not isinstance(address, Element) else _index_in(address, self.slots)
        ):
            return "a caller tells its place by bits of an address, as a table walk does"
        for base in sorted(self.phis.roots(address), key=repr):
            name = base.id if isinstance(base, Unknown) else ""
            if name.endswith(TABLE):
                return "its table comes from an accessor that the model names"
            if name.startswith(("sysreg:ttbr", "sysreg:vttbr")):
                return f"its table is reached from {name[7:].upper()}"
        if isinstance(address, Element) and address.size == 8 and _translates(walk_index(address)):
            return "its place is indexed by bits of an address, as a table walk is"
        return ""

    def _descriptor_write(self, state: State, write: DescriptorWrite, place: str, site: Site) -> State | None:
        location = state.evaluate(write.location)
        value = state.evaluate(write.value)
        old = state.evaluate(write.old) if write.old is not None else state.read(location, place)
        transition = classify(write.transition, old, value, state)
        owes = transition not in (None, Transition.BREAK) and not write.exempt and not self._is_own(location)
        born = state.copy() if state.debt is None and owes else None
        for after in (state, born):
            if after is None:
                continue
            self._store(after, write, location, value, old, place)
        if born is None or transition is None:
            return None
        shift = walk_shift(location) or walk_shift(write.location) or UNKNOWN_SHIFT
        leaf = Leaf(site, transition.value, write.evidence, shift)
        born.debt = Debt(
            (leaf,),
            (site.block, site.step),
            maps=self._mapped(state, write, location),
            location=self.phis.roots(location),
        )
        if not born.debt.maps:
            born.debt = replace(born.debt, place=location)
        return born if self._presume(born, write, value) else None

    def _is_own(self, location: Term) -> bool:
        """Whether a descriptor is written to a local object, here or of a caller: a value in the making, or an
        out-parameter.
        """
        base = root(location)
        return base in self.own or (isinstance(base, AddressOf) and base.kind == "local")

    def _store(self, state: State, write: DescriptorWrite, location: Term, value: Term, old: Term, place: str) -> None:
        if write.into is not None:
            state.variables[write.into] = Unknown(place) if write.op.startswith("c") else old
        state.write(location, value if not write.op.startswith("c") else Unknown(place + "cas"), place, table=True)

    def _mapped(self, state: State, write: DescriptorWrite, location: Term) -> frozenset[Term]:
        if write.maps is not None:
            return self.phis.roots(state.evaluate(write.maps))
        written = walk_index(write.location)  # before constants fold the index away
        index = walk_index(location) if written is None else state.evaluate(written)
        if index is None:
            return frozenset()
        return frozenset(root for root in self.phis.roots(index) if not isinstance(root, AddressOf))

    def _presume(self, born: State, write: DescriptorWrite, value: Term) -> bool:
        """What must hold for the debt to exist: the exchange succeeded, the new descriptor is valid, it maps no
        user page.
        """
        facts = born.facts
        if write.into is not None and write.op.startswith("c"):
            told = born.variables[write.into]
            if write.op == OLD_VALUE and write.expected is not None:
                told = fold("==", (told, born.evaluate(write.expected)))
            if not facts.assume(told, True):
                return False
        if not facts.learn_bits(value, VALID, 0):
            return False
        for mask, equals in self.settings.required:
            if not facts.learn_bits(value, equals & mask, ~equals & mask):
                return False
        ones, zeros = known_bits(value, facts.bits)
        return True if (ones | zeros) & USER else facts.learn_bits(value, 0, USER)


def classify(stated: Transition, old: Term, value: Term, state: State) -> Transition | None:
    """The transition a write makes, from its model or from known bits; None where it owes nothing (invalid to
    invalid).
    """
    if stated is not Transition.UNKNOWN:
        return stated
    new_ones, new_zeros = known_bits(value, state.facts.bits)
    old_ones, old_zeros = known_bits(old, state.facts.bits)
    if new_zeros & VALID:
        return None if old_zeros & VALID else Transition.BREAK
    if new_ones & VALID:
        return Transition.CHANGE if old_ones & VALID else Transition.MAKE
    return Transition.MAKE if old_zeros & VALID else Transition.UNKNOWN


COMPUTED = {"add": "+", "sub": "-", "or": "|", "and": "&", "xor": "^"}


def _new_value(access: Access) -> Term:
    """What memory holds after a store, an exchange, or a fetch-and-operate."""
    operand = access.value if access.value is not None else Unknown("stored")
    old = load(access.address)
    if access.op == "andnot":
        return Apply("&", (old, Apply("~", (operand,))))
    return Apply(COMPUTED[access.op], (old, operand)) if access.op in COMPUTED else operand


def _index_in(address: Element, slots: frozenset[Term]) -> bool:
    index = address.index
    if isinstance(index, Apply) and index.op.startswith(("zext", "sext")):
        index = index.args[0]
    return index in slots


def _translates(index: Term | None) -> bool:
    """Whether what indexes the table can be an address: a bare constant is not."""
    return (
        index is not None
        and not isinstance(index, Const)
        and not (isinstance(index, Apply) and index.op in ("!", "=="))
    )
