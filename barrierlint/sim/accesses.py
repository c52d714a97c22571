"""Loads, stores, exclusives and atomics: translated by a walk of the PE's own walker, then performed on memory.

The walk is an effect of its own: it is not in program order with anything, and its result may be any valid descriptor a TLB can still hold
or whatever memory holds. What it does not model: a read and a write of one instruction at different addresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from barrierlint.events import Access as AccessEvent
from barrierlint.events import Assign, DescriptorWrite, Event, Kind, Order, SysregRead, SysregWrite
from barrierlint.sim import ordering
from barrierlint.sim.atomics import combine
from barrierlint.sim.condition import MemoryAtom, Proposition, atoms
from barrierlint.sim.descriptor import OFFSET, OUTPUT, cacheable, fault_of, syndrome
from barrierlint.sim.evaluate import ZERO, Held, evaluate
from barrierlint.sim.execution import INITIAL, Effect, Role, bits
from barrierlint.sim.machine import Access, Handling, Monitor, PromiseKey, State
from barrierlint.sim.ordering import ACQUIRES, RELEASES, LastWrite
from barrierlint.sim.shape import EXCLUSIVE, Shape
from barrierlint.sim.program import Instruction, Jump, code_address, descriptor_of, is_virtual
from barrierlint.terms import Term

if TYPE_CHECKING:
    from barrierlint.sim.model import Model

Source = int | PromiseKey


def step(model: Model, state: State, instruction: Instruction, what: Shape) -> list[State] | None:
    """Do the next part of an access: translate, read, write. None if done in place, else the states after its choice."""
    if state.access is None:
        address = evaluate(what.address, state.registers)
        if is_virtual(address[0]):
            return _each(state, _sources(model, state, descriptor_of(address[0]), True), lambda s, source: _walk(
                model, s, instruction, what, address, source
            ))  # fmt: skip
        if model.program.pes[model.pe_of(state)].user and not state.returns:
            model.record_fault(state, instruction, address[0], "permission", what.kind is not Kind.READ, -1)
            state.index = len(model.program.pes[model.pe_of(state)].code)
            return None  # the tables are not mapped for EL0
        state.access = Access(address[0], -1, address)
    if what.kind in (Kind.READ, Kind.RMW, Kind.FETCH) and state.access.read < 0:
        sources = _sources(model, state, state.access.location, False)
        return _each(state, sources, lambda s, source: _read(model, s, instruction, what, source))
    if what.kind is Kind.RMW and what.op == "cas":
        return _compare_and_swap(model, state, instruction, what)
    if what.kind is Kind.WRITE and what.op == EXCLUSIVE:
        return _store_exclusive(model, state, instruction, what)
    data = evaluate(what.value, state.registers) if what.value is not None else ZERO
    if what.kind is Kind.RMW:
        value = combine(what.op, state.access.value, data[0] & what.mask, 8 * what.size)
        data = (value, data[1], data[2])
        return _one(model, state, what, _write(model, state, what, data, atomic=True))
    return _one(model, state, what, _write(model, state, what, data))


def _each(state: State, sources: list[Source], way: object) -> list[State] | None:
    """Take every choice: in place if there is one only."""
    if len(sources) == 1:
        return None if way(state, sources[0]) else []  # type: ignore[operator]
    branches = [(state.copy(), source) for source in sources]
    return [branch for branch, source in branches if way(branch, source)]  # type: ignore[operator]


def _one(model: Model, state: State, what: Shape, possible: bool) -> list[State] | None:
    if possible:
        finish(model, state)
    return None if possible else []


# Where a value may come from ----------------------------------------------------------------------------------------


def _sources(model: Model, state: State, location: int, walk: bool) -> list[Source]:
    """Return the writes a read (or walk) of `location` may take its value from: made, promised, initial, or to be promised."""
    execution, pe = state.execution, model.pe_of(state)
    made = execution.sources(location)
    own = [write for write in made if execution.effects[write].pe == pe and write not in execution.unmade]
    # An explicit read sees its own PE's latest store or something newer; a walk may see any (its TLB may be stale).
    near = own if walk else own[-1:]
    others = [write for write in made if execution.effects[write].pe != pe]
    first: list[Source] = [] if own and not walk else [INITIAL]
    return [*first, *near, *others, *_promisable(model, state, location)]


def _promisable(model: Model, state: State, location: int) -> list[Source]:
    found: list[Source] = []
    for other in model.pes[state.position + 1 :]:
        again = range(4) if model.footprints[other].loops else range(1)
        for index, where, value in sorted(model.footprints[other].writes):
            if where == location:
                keys = ((other, index, count, where, value) for count in again)
                found += [key for key in keys if key not in state.promises]
    return found


def _take(state: State, source: Source) -> int:
    """Return the number of the write a read takes its value from, promising it if need be."""
    if isinstance(source, int):
        return source
    pe, index, _, location, value = source
    number = state.execution.promise(Effect(Role.WRITE, pe, location, value, index=index))
    state.promises = {**state.promises, source: number}
    return number


# The parts of an access ---------------------------------------------------------------------------------------------


def _walk(model: Model, state: State, instruction: Instruction, what: Shape, address: Held, source: Source) -> bool:
    """Translate: the walker (or the TLB) takes the descriptor from `source`; False if no consistent execution has that."""
    execution, view, pe = state.execution, state.view, model.pe_of(state)
    location, write = descriptor_of(address[0]), what.kind in (Kind.WRITE, Kind.RMW)
    number = _take(state, source)
    value = model.program.memory.get(location, 0) if number == INITIAL else execution.effects[number].value
    user = model.program.pes[pe].user and not state.returns
    fault = fault_of(value, write, user, what.kind is Kind.FETCH)
    uncacheable = bool(fault) and not cacheable(value)
    features = model.setting.features
    early = (features.ets2 and uncacheable) or (features.ets3 and bool(fault))
    after = ordering.before_walk(view, address[1], address[2], early, features)
    walk = execution.add_read(
        Effect(Role.WALK, pe, location, value, number, uncacheable, state.index, address[0]), after
    )
    if walk is None:
        return False
    bit = 1 << walk
    view.walks |= bit
    view.same[location] = view.same.get(location, 0) | bit
    picked(state, walk, address[2])
    last = view.last.get(location)
    taint = (0, 0) if last is None else (last.data, last.pick)
    if fault:
        return _fault(model, state, instruction, walk, address, fault, write)
    state.access = Access(value & OUTPUT | address[0] & OFFSET, walk, address, taint=taint)
    return True


def picked(state: State, effect: int, depends: int) -> None:
    """Note which reads `effect` has a pick dependency on."""
    mask = depends | state.view.pick_control
    if mask:
        state.picks[effect] = mask


def _fault(
    model: Model, state: State, instruction: Instruction, walk: int, address: Held, kind: str, write: bool
) -> bool:
    """Take the fault: an exception, and so a context synchronization event; then the handler, or what the setting says."""
    view, pe = state.view, model.program.pes[model.pe_of(state)]
    effect = Effect(Role.FAULT, model.pe_of(state), address[0], index=state.index, address=address[0], note=kind)
    number = state.execution.add(effect, ordering.before_fault(view, 1 << walk))
    model.record_fault(state, instruction, address[0], kind, write, number)
    _cover(model, state, walk, number)
    ordering.synchronize(view, 1 << walk | address[1] | address[2])
    state.registers["elr_el1"] = (code_address(state.index), 0, 0)
    state.registers["far_el1"] = (address[0], 0, 0)
    state.registers["esr_el1"] = (syndrome(kind, write=write, lower_el=pe.user), 0, 0)
    state.access = None
    if state.returns:
        state.index = len(pe.code)  # a fault inside the handler is not followed further
    elif pe.handler >= 0:
        state.index, state.returns = pe.handler, True
    elif model.setting.handling is Handling.FATAL:
        state.index = len(pe.code)
    elif model.setting.handling is Handling.SKIP:
        state.index += 1
    else:
        retried, state.retried = state.retried, True
        return not retried  # returning a second time without progress shows nothing new
    return True


def _read(model: Model, state: State, instruction: Instruction, what: Shape, source: Source) -> bool:
    """Perform the read of a load or atomic; False if no consistent execution has it read from `source`."""
    access, view, execution = state.access, state.view, state.execution
    assert access is not None
    returns = what.into is not None or what.kind is not Kind.RMW
    order = what.order
    if what.kind is Kind.RMW:
        order = Order.ACQUIRE if order in ACQUIRES else Order.PLAIN
    number = _take(state, source)
    value = model.program.memory.get(access.location, 0) if number == INITIAL else execution.effects[number].value
    value &= what.mask
    walk = 1 << access.walk if access.walk >= 0 else 0
    acquires = order if returns else Order.PLAIN
    after = ordering.before_read(view, access.address[1], walk, access.location, acquires)
    effect = Effect(Role.READ, model.pe_of(state), access.location, value, number, False, state.index, access.address[0])
    read = execution.add_read(effect, after)
    if read is None:
        return False
    last = view.last.get(access.location)
    data, pick = (0, 0) if last is None else (last.data, last.pick)
    data, pick = data | access.taint[0] | 1 << read, pick | access.taint[1] | 1 << read
    picked(state, read, access.address[2] | (0 if last is None else last.pick))
    ordering.add_read(view, read, access.location, access.address[1:], acquires, returns)
    if what.kind is not Kind.RMW:
        _cover(model, state, access.walk, read)
    state.access = replace(access, read=read, value=value, taint=(data, pick))
    if what.kind is not Kind.RMW:
        if what.op == EXCLUSIVE:
            state.monitor = Monitor(access.location, what.size, read)
        if what.into is not None:
            state.registers[what.into] = (value, data, pick)
        finish(model, state)
    return True


def _write(model: Model, state: State, what: Shape, data: Held, atomic: bool = False, extra: int = 0) -> bool:
    """Perform the write of a store or atomic; `extra` is what it depends on besides. False if that contradicts."""
    access, view, execution = state.access, state.view, state.execution
    assert access is not None
    pe, location = model.pe_of(state), access.location
    depends = access.address[2] | data[2] | extra
    walk = 1 << access.walk if access.walk >= 0 else 0
    after = ordering.before_write(view, access.address[2], data[2] | extra, walk, location, what.order)
    if atomic:
        after |= 1 << access.read
    after |= _pick_ordered(state, after)
    value = data[0] & what.mask
    key = (pe, state.index, state.written.get(state.index, 0), location, value)
    state.written[state.index] = key[2] + 1
    number = state.promises.get(key, -1)
    visible = -1
    if model.split:
        visible = execution.add(Effect(Role.VISIBLE, pe, location, value, index=-1), 0)
        view.own_writes |= 1 << visible
        after |= 1 << visible
    effect = Effect(Role.WRITE, pe, location, value, index=state.index, address=access.address[0])
    if number >= 0:
        state.promises = {k: v for k, v in state.promises.items() if k != key}
    if visible >= 0:
        execution.visible[number if number >= 0 else len(execution.effects)] = visible
    written = execution.add_write(number, effect, after)
    if written is None:
        return False
    picked(state, written, depends)
    last = LastWrite(access.address[1] | data[1], access.address[2] | data[2] | extra, access.read if atomic else -1)
    ordering.add_write(view, written, location, access.address[1:], what.order, last)
    if atomic:
        execution.rmws[written] = access.read
        if what.into is not None and what.order in ACQUIRES and what.order in RELEASES and what.op != EXCLUSIVE:
            view.acquired |= 1 << written  # an atomic that acquires and releases orders like both (barrier-ordered-before)
        if what.into is not None and what.op not in (EXCLUSIVE, "cas"):
            state.registers[what.into] = (access.value, *access.taint)
    _cover(model, state, access.walk, written)
    return True


def _pick_ordered(state: State, after: int) -> int:
    """A write comes after the reads picked for what is ordered locally before it (pick-locally-ordered-before)."""
    if not state.picks:
        return 0
    local = state.execution.local
    closed = after
    for earlier in bits(after):
        closed |= local[earlier]
    found = 0
    for effect, mask in state.picks.items():
        if closed >> effect & 1:
            found |= mask
    return found


def _compare_and_swap(model: Model, state: State, instruction: Instruction, what: Shape) -> list[State] | None:
    """CAS: the comparison is a branch on what was read. A failed one writes nothing (writing back what it read shows no more)."""
    access = state.access
    assert access is not None and what.expected is not None and what.value is not None
    expected = evaluate(what.expected, state.registers)
    data = evaluate(what.value, state.registers)
    read_data, read_pick = access.taint
    compared = expected[2] | read_pick
    if expected[0] & what.mask != access.value:
        _cover(model, state, access.walk, access.read)
        if what.into is not None:
            state.registers[what.into] = (access.value, read_data, read_pick)
        finish(model, state)
        return None

    def succeed(s: State, known: bool) -> bool:
        if not _write(model, s, what, data, atomic=True, extra=compared):
            return False
        if what.into is not None:
            # On success the result is the expected value: it may depend on that rather than on memory (B2.3.2).
            held = (access.value, expected[1], compared) if known else (access.value, read_data, read_pick)
            s.registers[what.into] = held
        finish(model, s)
        return True

    if what.into is None or not expected[1]:
        return None if succeed(state, True) else []
    branches = [(state.copy(), known) for known in (True, False)]
    return [branch for branch, known in branches if succeed(branch, known)]


def _store_exclusive(model: Model, state: State, instruction: Instruction, what: Shape) -> list[State] | None:
    """STXR: fails always possible; succeeds only if the monitor holds the location. The status depends on nothing."""
    access, monitor = state.access, state.monitor
    assert access is not None and what.value is not None
    failed = state.copy() if monitor is not None and monitor.location == access.location else state
    failed.monitor = None
    if what.into is not None:
        failed.registers[what.into] = (1, 0, 0)
    if access.walk >= 0:
        _unperformed(model, failed, access.walk)
    finish(model, failed)
    if failed is state:
        return None
    assert monitor is not None
    state.access = replace(access, read=monitor.read)
    if not _write(model, state, what, evaluate(what.value, state.registers), atomic=True):
        return [failed]
    state.monitor = None
    if what.into is not None:
        state.registers[what.into] = ZERO
    finish(model, state)
    return [state, failed]


def _unperformed(model: Model, state: State, walk: int) -> None:
    """A walk whose access was not made still has its place among the TLBIs that cover it."""
    for issued in state.maintenance:
        model.pair(state, issued, walk)


def _cover(model: Model, state: State, walk: int, access: int) -> None:
    """Bind `walk` to its `access` and to the TLBIs that cover it."""
    if walk < 0:
        return
    effect = state.execution.effects[access]
    state.execution.access[walk] = access
    if effect.role is not Role.FAULT:
        state.view.translated |= 1 << walk
    _unperformed(model, state, walk)


def finish(model: Model, state: State) -> None:
    """Go on to the next instruction."""
    state.access = None
    state.index += 1
    state.retried = False


def translate_only(model: Model, state: State, op: str, operand: Term | None) -> list[State] | None:
    """AT: walk the address and leave the output address, or F and the status code, in PAR_EL1."""
    raise ValueError("AT is not modelled")


# What a program may still write --------------------------------------------------------------------------------------


def untouched(code: tuple[Instruction, ...], labels: Mapping[str, int], handler: int) -> list[frozenset[str]]:
    """Return, for each instruction index and the end, the registers that no instruction reachable from there writes."""
    every = frozenset().union(*(_written(i.action) for i in code)) | _EXCEPTION
    live: list[frozenset[str]] = [frozenset()] * (len(code) + 1)
    changed = True
    while changed:
        changed = False
        for index in range(len(code) - 1, -1, -1):
            after = _written(code[index].action).union(*(live[n] for n in _next(code, labels, handler, index)))
            if after != live[index]:
                live[index], changed = after, True
    return [every - touched for touched in live]


_EXCEPTION = frozenset({"elr_el1", "far_el1", "esr_el1"})


def _written(action: Event | Jump) -> frozenset[str]:
    match action:
        case AccessEvent(into=into) | DescriptorWrite(into=into):
            return _EXCEPTION | ({into} if into is not None else set())
        case SysregRead(into=into) if into is not None:
            return frozenset({into})
        case Assign(name=name) | SysregWrite(register=name):
            return frozenset({name})
        case _:
            return _EXCEPTION


def _next(code: tuple[Instruction, ...], labels: Mapping[str, int], handler: int, index: int) -> list[int]:
    action = code[index].action
    if type(action).__name__ == "ExceptionReturn":
        return list(range(len(code)))
    after = [handler] if handler >= 0 else []
    if isinstance(action, Jump):
        after.append(labels[action.target] if action.target else len(code))
        if action.condition is None:
            return after
    return [*after, index + 1]


def locations_in(goal: Proposition) -> frozenset[int]:
    """Return the locations whose final value `goal` asks for."""
    return frozenset(atom.location for atom in atoms(goal) if isinstance(atom, MemoryAtom))
