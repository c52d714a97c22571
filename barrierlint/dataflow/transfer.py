"""What each event does to the abstract state: one arm an event.

`step` changes a state in place and says what happened: the state as it is after, a new state that follows a debt
born here, and whether an access depends on the debt followed. What it does not model: calls, which the
interprocedural solver composes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from barrierlint.cfg.descriptors import NAMED
from barrierlint.cfg.fold import as_element
from barrierlint.cfg.graph import Step
from barrierlint.dataflow.bits import VALID, known_bits
from barrierlint.dataflow.calls import EntryKey
from barrierlint.dataflow.debts import UNKNOWN_SHIFT, Debt, Leaf, Site
from barrierlint.dataflow.memory import root
from barrierlint.dataflow.obligations import kinds
from barrierlint.dataflow.obligations.obligation import Obligation
from barrierlint.dataflow.operands import with_tag
from barrierlint.dataflow.phis import Phis
from barrierlint.dataflow.policies import FLAGGED, Policies
from barrierlint.dataflow.provenance import is_parameter, walk_index, walk_shift
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.state import State
from barrierlint.dataflow.translation import is_known_off
from barrierlint.dataflow.values import fold, load
from barrierlint.events import (
    Access,
    Assign,
    At,
    DescriptorWrite,
    Event,
    Kind,
    SysregRead,
    SysregWrite,
    Tlbi,
    Transition,
)
from barrierlint.finding import Span
from barrierlint.terms import AddressOf, Apply, Const, Element, Field, Term, Unknown

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
    `assume-sync`. `kinds` are the kinds of debt followed (None: all there are). `policies` is what the code base does
    by design.
    """

    modelled: frozenset[str] = frozenset()
    described: frozenset[str] = frozenset()
    accessors: frozenset[str] = frozenset()
    required: tuple[tuple[int, int], ...] = ()
    maps: Mapping[str, int] = field(default_factory=dict)
    unknown_calls: str = "ignore"
    kinds: frozenset[str] | None = None
    policies: Policies = field(default_factory=Policies)

    def obligations(self) -> dict[str, Obligation]:
        """The kinds of debt followed, by name."""
        return {name: each for name, each in kinds().items() if self.kinds is None or name in self.kinds}


class Transfer:
    """The transfer functions of one function in one context."""

    def __init__(
        self,
        function: str,
        phis: Phis,
        settings: Settings,
        kinds: Mapping[str, Obligation],
        key: EntryKey,
        tables: Mapping[str, Mapping[str, str]],
        levels: Mapping[int, int],
        walked: Mapping[str, str],
        remarks: Mapping[Span, str],
    ) -> None:
        self.function = function
        self.levels = levels
        self.walked = walked
        self.remarks = remarks
        self.tables = tables
        self.slots = key.slots
        self.own = key.own
        self.phis = phis
        self.settings = settings
        self.kinds = kinds

    def step(
        self, state: State, step: Step, block: int, index: int
    ) -> tuple[State | None, tuple[State, ...], Relation | None]:
        """Return (the state after, or None if its debt was paid; a state for each debt born here; how the event
        depends on the debt).
        """
        place = f"@{block}.{index}"
        site = Site(self.function, block, index)
        state.level = self.levels.get(block, 0)
        state.remark = self.remarks.get(step.span, "")
        event = self._evaluated(state, step.event)
        relation = self._relate(state, event)
        match step.event:
            case Assign(name, value):
                state.variables[name] = state.evaluate(value)
                return state, (), None
            case Access() as access if isinstance(event, Access):
                roots = self.phis.roots(event.address)
                if access.kind is not Kind.READ and (write := self._promote(access, event.address)) is not None:
                    kept, born, relation = self._written(state, write, place, site, relation)
                    state.touched |= roots
                    return kept, born, relation
                born = self._borne(state, event, site)
                for after in (state, *born):
                    self._access(after, access, event.address, place)
                    after.touched |= roots
                self._trust(state, access, event.address)
            case DescriptorWrite() as write:
                return self._written(state, write, place, site, relation)
            case SysregRead(register, into):
                if into is not None:
                    state.variables[into] = Unknown(f"sysreg:{register}")
                born = self._borne(state, event, site)
                self._note((state, *born), event)
            case _:
                born = self._borne(state, event, site)
                self._note((state, *born), event)
        return self._paid(state, event), born, relation

    def _note(self, states: Iterable[State], event: Event) -> None:
        for kind in self.kinds.values():
            for state in states:
                kind.note(state, event)

    def _evaluated(self, state: State, event: Event) -> Event:
        """The event with its operands in the function's entry symbols; a descriptor write's are worked out later."""
        match event:
            case Access(address=address):
                return replace(event, address=state.evaluate(address))
            case Tlbi(operand=operand) if operand is not None:
                return replace(event, operand=with_tag(operand, state.evaluate(operand)))
            case At(operand=operand) if operand is not None:
                return replace(event, operand=state.evaluate(operand))
            case SysregWrite(value=value):
                return replace(event, value=state.evaluate(value))
        return event

    def _relate(self, state: State, event: Event) -> Relation | None:
        return None if state.debt is None else self.kinds[state.debt.kind].relate(state, event)

    def _paid(self, state: State, event: Event) -> State | None:
        """The state after what an event pays of its debt; None once all is paid. A flag that carries it is set then."""
        if state.debt is None:
            return state
        value = state.evaluate(event.value) if isinstance(event, Access) and event.value is not None else None
        if self.settings.policies.carries(event, value):
            if value is not None and not state.facts.assume(value, True):
                return state
            state.debt = state.debt.sees(FLAGGED)
        paid = self.kinds[state.debt.kind].pay(state, event)
        if paid is None:
            return None
        state.debt = paid
        return state

    def _borne(self, state: State, event: Event, site: Site) -> tuple[State, ...]:
        """A state for each kind of debt that an event other than a descriptor write bears."""
        if state.debt is not None:
            return ()
        found: list[State] = []
        for kind in self.kinds.values():
            birth = kind.bear(state, event)
            if birth is not None:
                after = state.copy()
                after.debt = birth.debt(Leaf(site, birth.transition, birth.evidence), kind.kind)
                found.append(after)
        return tuple(found)

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

    def _trust(self, state: State, access: Access, address: Term) -> None:
        """What is read of a flag that carries the debt says so, whatever was called since it was set."""
        if state.debt is None or FLAGGED not in state.debt.seen or access.kind is not Kind.READ or access.into is None:
            return
        if self.settings.policies.is_flag(address):
            state.facts.assume(state.variables[access.into], True)

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
        register, or indexed as one. A pointer is no descriptor: tables of them are the program's own.
        """
        if access.size != 8 or access.value is None or access.type.endswith("*"):
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
            if isinstance(base, AddressOf) and base.id in self.walked:
                return self.walked[base.id]
        address = as_element(address, 8)
        if isinstance(address, Element) and address.size == 8 and _translates(walk_index(address)):
            return "its place is indexed by bits of an address, as a table walk is"
        return ""

    def _written(
        self, state: State, write: DescriptorWrite, place: str, site: Site, relation: Relation | None
    ) -> tuple[State | None, tuple[State, ...], Relation | None]:
        """A descriptor is written: (the state after, a state for each debt born, how the write depends on the debt)."""
        location = state.evaluate(write.location)
        value = state.evaluate(write.value)
        old = state.evaluate(write.old) if write.old is not None else state.read(location, place)
        event = replace(
            write, location=location, value=value, old=old, transition=classify(write.transition, old, value, state)
        )
        depends = self._relate(state, event)
        relation = depends if relation is None else relation if depends is None else min(relation, depends)
        bearing = self._bearing(state, event)
        born = [state.copy() for _ in bearing]
        for after in (state, *born):
            self._store(after, write, location, value, old, place)
        debt = self._debt(state, write, event, site) if bearing else None
        lasting = []
        for after, kind in zip(born, bearing, strict=True):
            assert debt is not None
            after.debt = replace(debt, kind=kind.kind, slot=event.location if kind.slots else None)
            if self._presume(after, write, event) and kind.presume(after, event):
                lasting.append(after)
        return self._paid(state, event), tuple(lasting), relation

    def _bearing(self, state: State, event: DescriptorWrite) -> list[Obligation]:
        """The kinds of debt that a descriptor write bears."""
        if state.debt is not None or self._is_own(event.location):
            return []
        if self._is_copied_out(event):
            return []
        offline = self.function in self.settings.policies.offline or is_known_off(state)
        kinds = (k for k in self.kinds.values() if (k.offline or not offline) and (k.exempt or not event.exempt))
        return [kind for kind in kinds if event.transition in kind.transitions]

    def _debt(self, state: State, write: DescriptorWrite, event: DescriptorWrite, site: Site) -> Debt:
        shift = walk_shift(event.location) or walk_shift(write.location) or UNKNOWN_SHIFT
        leaf = Leaf(site, event.transition.value, write.evidence, shift)
        maps = self._mapped(state, write, event.location)
        location = self.phis.roots(event.location)
        born = (site.block, site.step)
        return Debt((leaf,), born, maps=maps, location=location, place=None if maps else event.location)

    def _is_copied_out(self, event: DescriptorWrite) -> bool:
        """Whether a descriptor that was read is handed back through a pointer: nothing says that it points to a table.

        A type's name is all there is for evidence, the place is the pointer's own, and no caller is seen to walk there.
        """
        named = event.evidence[:1] and event.evidence[0].startswith(NAMED)
        if not named or not is_parameter(root(event.location)) or walk_index(event.location) is not None:
            return False
        place = event.location
        while isinstance(place, Field):
            place = place.base
        if isinstance(place, Element) or place in self.slots:
            return False
        return _is_read(event.value, self.phis) and event.value != load(event.location)

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

    def _presume(self, born: State, write: DescriptorWrite, event: DescriptorWrite) -> bool:
        """What must hold for any debt to exist: the exchange succeeded, the valid descriptor is none that a model
        exempts.
        """
        facts = born.facts
        if write.into is not None and write.op.startswith("c"):
            told = born.variables[write.into]
            if write.op == OLD_VALUE and write.expected is not None:
                told = fold("==", (told, born.evaluate(write.expected)))
            if not facts.assume(told, True):
                return False
        valid = event.old if event.transition is Transition.BREAK and event.old is not None else event.value
        return all(facts.learn_bits(valid, equals & mask, ~equals & mask) for mask, equals in self.settings.required)


def _is_read(value: Term, phis: Phis) -> bool:
    """Whether a value is what memory held somewhere, as it was."""
    match value:
        case Apply("load", _):
            return True
        case Unknown(id):
            made = phis.sources.get(value)
            return id.endswith("~far") or bool(made and all(_is_read(source, phis) for source in made))
    return False


def classify(stated: Transition, old: Term, value: Term, state: State) -> Transition:
    """The transition a write makes, from its model or from known bits; NONE is invalid to invalid."""
    if stated is not Transition.UNKNOWN:
        return stated
    new_ones, new_zeros = known_bits(value, state.facts.bits)
    old_ones, old_zeros = known_bits(old, state.facts.bits)
    if new_zeros & VALID:
        return Transition.NONE if old_zeros & VALID else Transition.BREAK
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
