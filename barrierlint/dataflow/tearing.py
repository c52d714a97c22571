"""Descriptors of a table that are stored in pieces, or by a store that the compiler may take to pieces; TLBIs after
stores that no TLB can know the old value of.

A forward analysis of each function by itself, on the safe side of "live": a descriptor is live where its valid bit was
tested on every way, or a valid value was just stored. It does not model callers, and does not take what an unseen
function returned for a live table: it may be new.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from barrierlint.cfg.graph import Cfg, Edge, Program, Step
from barrierlint.dataflow.bits import VALID, known_bits
from barrierlint.dataflow.facts import Facts
from barrierlint.dataflow.memory import root
from barrierlint.dataflow.pending import PAGE_SHIFT
from barrierlint.dataflow.provenance import walk_shift
from barrierlint.dataflow.reach import reverse_postorder
from barrierlint.dataflow.steps import Met, Steps
from barrierlint.dataflow.stored import MIXED, NONE, Stored, assigned, meet
from barrierlint.dataflow.values import is_large, leaves, rebuild
from barrierlint.events import (
    Access,
    Assign,
    Call,
    ContextSync,
    DescriptorWrite,
    Dsb,
    Event,
    Kind,
    Order,
    Tlbi,
)
from barrierlint.terms import AddressOf, Apply, Element, Field, Name, Term

BIT_FIELD = "bit-field"
"""How lowering notes the store of a bit-field."""


@dataclass(frozen=True, slots=True)
class Torn:
    """A store, how it tears (split, steps, bit-field, plain), the stores it belongs with, and whether it is live."""

    how: str
    store: Met
    before: tuple[Met, ...] = ()
    live: bool = False


def torn_writes(program: Program) -> Iterator[Torn]:
    """All stores of descriptors that may be seen in part, function by function."""
    for function in _functions(program):
        if function.may_know_descriptors:
            yield from function.find()


def needless_flushes(program: Program) -> Iterator[tuple[Met, Met]]:
    """TLBIs, each with a write before it, that follow nothing but writes of valid descriptors over invalid ones."""
    for function in _functions(program):
        if function.may_know_descriptors and function.may_flush:
            yield from function.flushes()


def _functions(program: Program) -> Iterator[_Function]:
    steps = Steps(program)
    for cfg in program.functions.values():
        if any(_may_write(step) for step in cfg.steps()):
            yield _Function(program, steps, cfg)


def _may_write(step: Step) -> bool:
    match step.event:
        case DescriptorWrite():
            return True
        case Access(kind=Kind.WRITE, address=address):
            return not isinstance(root(address), AddressOf)
    return False


class _Function:
    def __init__(self, program: Program, steps: Steps, cfg: Cfg) -> None:
        self.program = program
        self.cfg = cfg
        self.steps = steps
        self._made: dict[str, bool] = {}
        self.new: frozenset[str] = frozenset(
            step.event.into
            for step in cfg.steps()
            if isinstance(step.event, Call)
            and step.event.into is not None
            and not any(target in program.functions for target in step.event.targets)
        )

    @property
    def may_know_descriptors(self) -> bool:
        """Whether a store can be known for one of a descriptor: by its type, or by a place that a shift leads to."""
        return any(type(step.event) is DescriptorWrite or shifts(step.event) for step in self.cfg.steps())

    @property
    def may_flush(self) -> bool:
        """Whether any step is a TLBI."""
        return any(self._flush(step) is not None for step in self.cfg.steps())

    def find(self) -> Iterator[Torn]:
        states = self._solve()
        for block, state in states.items():
            for index, step in enumerate(self.cfg.blocks[block].steps):
                torn = self._torn(state, step)
                if torn is not None:
                    yield torn
                state = self._after(state, step, block, index)

    def _solve(self) -> dict[int, Stored]:
        """The state at the entry of each block, worked out in an order in which ways have met before they go on."""
        states = {self.cfg.entry: Stored({}, {}, frozenset(), frozenset())}
        coming: dict[int, list[Stored]] = {}
        places = reverse_postorder(self.cfg)
        queue = [(places[self.cfg.entry], self.cfg.entry)]
        while queue:
            _, block = heappop(queue)
            some = coming.pop(block, [])
            before = states.get(block)
            state = meet([before, *some] if before is not None else some)
            if state == before and some:
                continue
            states[block] = state
            for index, step in enumerate(self.cfg.blocks[block].steps):
                state = self._after(state, step, block, index)
            for edge in self.cfg.blocks[block].edges:
                if edge.target not in coming:
                    heappush(queue, (places[edge.target], edge.target))
                coming.setdefault(edge.target, []).append(self._taken(state, edge))
        return states

    def _taken(self, state: Stored, edge: Edge) -> Stored:
        """The state on an edge: places whose valid bit its conditions tell are live."""
        facts = Facts()
        for guard in edge.guards:
            facts.assume(self._value(state, guard.condition), guard.holds)
        told = {name: known_bits(Name(name), facts.bits) for name in state.reads}
        live = {state.reads[name] for name, (ones, _) in told.items() if ones & VALID}
        invalid = {state.reads[name] for name, (_, zeros) in told.items() if zeros & VALID}
        if not live and not invalid:
            return state
        return replace(state, live=state.live | live, invalid=state.invalid | invalid)

    def _after(self, state: Stored, step: Step, block: int, index: int) -> Stored:
        written = self._written(state, step)
        if written is not None:
            place, value, _ = written
            reads = {name: term for name, term in state.reads.items() if term != place}
            ones, zeros = known_bits(value, {})
            live = state.live | {place} if ones & VALID else state.live - {place} if zeros & VALID else state.live
            stores = state.stores if zeros & VALID else state.stores | {(place, block, index)}
            made, invalid = state.made, state.invalid - {place}
            if place not in state.invalid or made == MIXED:
                made = MIXED
            elif not zeros & VALID:
                made = (block, index)
            if zeros & VALID:
                invalid |= {place}
            return replace(state, reads=reads, live=live, stores=stores, invalid=invalid, made=made)
        if self._flush(step) is not None:
            return replace(state, stores=frozenset(), made=NONE)
        match step.event:
            case Assign(name, value):
                known = self._value(state, value)
                return assigned(state, name, None if is_large(known) else known)
            case Access(kind=Kind.READ, into=str(name), address=address):
                fresh = assigned(state, name, None)
                return replace(fresh, reads={**fresh.reads, name: self._place(state, address)})
            case Access(kind=Kind.WRITE, address=address, size=size) if size < 8:
                entry = self._entry(state, address)
                stores = state.stores if entry is None else state.stores | {(entry, block, index)}
                return replace(state, stores=stores, made=MIXED)
            case Dsb() | ContextSync() | Tlbi():
                return replace(state, stores=frozenset())
            case Call(into=into):
                made = MIXED if self._may_store(step.event) else state.made
                called = replace(state, stores=frozenset(), made=made)
                return called if into is None else assigned(called, into, None)
        return state

    def _flush(self, step: Step) -> Tlbi | None:
        """The TLBI of an address that a step is, itself or by a helper that is nothing else."""
        for barrier in self.steps.barriers(step):
            if isinstance(barrier.event, Tlbi):
                return barrier.event
        return None

    def _may_store(self, call: Call) -> bool:
        """Whether a function that is here may store descriptors, itself or in what it calls."""
        known = [self.program.functions[usr] for usr in call.targets if usr in self.program.functions]
        return any(_may_write(step) or isinstance(step.event, Call) for cfg in known for step in cfg.steps())

    def flushes(self) -> Iterator[tuple[Met, Met]]:
        """TLBIs of an address with the write before, where all writes since the last one made invalid entries valid."""
        for block, state in self._solve().items():
            for index, step in enumerate(self.cfg.blocks[block].steps):
                flush = self._flush(step)
                if flush is not None and flush.operand is not None and state.made not in (NONE, MIXED):
                    written = self.cfg.blocks[state.made[0]].steps[state.made[1]]
                    yield Met(self.cfg.usr, step, flush), Met(self.cfg.usr, written, written.event)
                state = self._after(state, step, block, index)

    def _value(self, state: Stored, term: Term) -> Term:
        return rebuild(term, lambda leaf: state.values.get(leaf.id, leaf) if isinstance(leaf, Name) else leaf)

    def _torn(self, state: Stored, step: Step) -> Torn | None:
        met = Met(self.cfg.usr, step, step.event)
        match step.event:
            case Access(kind=Kind.WRITE, address=address, size=size) if size < 8:
                entry = self._entry(state, address)
                before = self._before(state, entry)
                return Torn("split", met, before, entry in state.live) if before and entry is not None else None
        written = self._written(state, step)
        if written is None or self._is_new(written[0]):
            return None
        place, _, order = written
        live, before = place in state.live, self._before(state, place)
        if before:
            return Torn("steps", met, before, live)
        if step.note == BIT_FIELD:
            return Torn(BIT_FIELD, met, (), live)
        return Torn("plain", met, (), live) if live and order is Order.PLAIN else None

    def _written(self, state: Stored, step: Step) -> tuple[Term, Term, Order] | None:
        """The place, value and order of the store of a whole descriptor, told by its type or by its place."""
        match step.event:
            case DescriptorWrite(location=location, value=value, order=order, op=""):
                return self._place(state, location), value, order
            case Access(kind=Kind.WRITE, address=address, value=value, order=order, size=8) if value is not None:
                entry = self._entry(state, address)
                return None if entry is None else (entry, value, order)
        return None

    def _place(self, state: Stored, address: Term) -> Term:
        """A descriptor's place, the same for all ways to name it."""
        return self._entry(state, address) or self._value(state, address)

    def _before(self, state: Stored, place: Term | None) -> tuple[Met, ...]:
        steps = [
            self.cfg.blocks[block].steps[index] for at, block, index in sorted(state.stores, key=_order) if at == place
        ]
        return tuple(Met(self.cfg.usr, step, step.event) for step in steps)

    def _entry(self, state: Stored, address: Term) -> Term | None:
        """The descriptor that a smaller store is part of, known by its place in a table."""
        place = self._value(state, address)
        while isinstance(place, Field | Element):
            shift = walk_shift(place) if isinstance(place, Element) and place.size == 8 else None
            if shift is not None and shift >= PAGE_SHIFT:
                return place
            place = place.base
        return None

    def _is_new(self, place: Term) -> bool:
        """Whether a descriptor lies in an object of this function, or in what an unseen function returned."""
        base = root(place)
        if isinstance(base, AddressOf):
            return base.kind == "local"
        if isinstance(base, Name) and base.id in self.cfg.params and self._is_made_by_callers(base.id):
            return True
        return any(isinstance(leaf, Name) and leaf.id in self.new for leaf in leaves(base))

    def _is_made_by_callers(self, param: str) -> bool:
        """Whether all calls hand in an object of the caller: a value in the making."""
        if param not in self._made:
            self._made[param] = self._are_local(param)
        return self._made[param]

    def _are_local(self, param: str) -> bool:
        at = self.cfg.params.index(param)
        calls = [
            step.event
            for cfg in self.program.functions.values()
            for step in cfg.steps()
            if isinstance(step.event, Call) and self.cfg.usr in step.event.targets
        ]
        bases = [root(call.args[at]) for call in calls if at < len(call.args)]
        return bool(bases) and all(isinstance(base, AddressOf) and base.kind == "local" for base in bases)


def shifts(event: Event) -> bool:
    """Whether a right shift, or a division, is part of what an event computes."""
    pending = [part for name in event.__dataclass_fields__ for part in _flat(getattr(event, name))]
    while pending:
        match pending.pop():
            case Apply(op, args):
                if op.startswith((">>", "/")):
                    return True
                pending.extend(args)
            case Element(base, index):
                pending += (base, index)
            case Field(base):
                pending.append(base)
    return False


def _flat(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


def _order(store: tuple[Term, int, int]) -> tuple[int, int]:
    return store[1:]
