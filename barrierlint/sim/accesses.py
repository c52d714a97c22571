"""Loads, stores, exclusives and atomics: translated by a walk of the PE's own walker, then performed on memory.

An access is done in parts, with a choice before each: translate (see `walking`), read, write. What it does not model:
a read and a write of one instruction at different addresses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from barrierlint.events import At, Kind, Order
from barrierlint.sim import ordering, registers, walking
from barrierlint.sim.atomics import combine
from barrierlint.sim.effects import INITIAL, Effect, Role, bits
from barrierlint.sim.evaluate import ZERO, Held, evaluate
from barrierlint.sim.machine import Access, Monitor, State
from barrierlint.sim.ordering import ACQUIRES, RELEASES, LastWrite
from barrierlint.sim.program import Instruction, is_virtual
from barrierlint.sim.shape import EXCLUSIVE, Shape
from barrierlint.sim.walking import OCCURRENCES, Source, cover, picked, sources, take

if TYPE_CHECKING:
    from barrierlint.sim.model import Model

C = TypeVar("C")


def step(model: Model, state: State, instruction: Instruction, what: Shape) -> list[State] | None:
    """Do the next part of an access: translate, read, write. None if done in place, else the states after its
    choice.
    """
    if state.access is None:
        address = evaluate(what.address, state.registers)
        if is_virtual(address[0]) and registers.value(state, registers.CONTROL) & 1:
            found = walking.entries(model, state, address[0], walking.request(model, state, what.kind))
            return _each(state, found, lambda s, entry: walking.walk(model, s, instruction, what, address, entry))
        if model.program.pes[model.pe_of(state)].user and not state.returns:
            # The tables are not mapped for EL0.
            write = what.kind in (Kind.WRITE, Kind.RMW)
            refused = walking.Fault("permission", 3, write)
            return None if walking.fault(model, state, instruction, -1, address, refused) else []
        state.access = Access(address[0], -1, address)
    model.touch(state.access.location, what.size, what.kind in (Kind.WRITE, Kind.RMW))
    if what.kind in (Kind.READ, Kind.RMW, Kind.FETCH) and state.access.read < 0:
        seen = sources(model, state, state.access.location, False)
        return _each(state, seen, lambda s, source: _read(model, s, what, source))
    if what.kind is Kind.RMW and what.op == "cas":
        return _compare_and_swap(model, state, what)
    if what.kind is Kind.WRITE and what.op == EXCLUSIVE:
        return _store_exclusive(model, state, what)
    data = evaluate(what.value, state.registers) if what.value is not None else ZERO
    if what.kind is Kind.RMW:
        value = combine(what.op, state.access.value, data[0] & what.mask, 8 * what.size)
        data = (value, data[1], data[2])
        return _one(state, _write(model, state, what, data, atomic=True))
    return _one(state, _write(model, state, what, data))


def translate_only(model: Model, state: State, event: At) -> list[State] | None:
    """Do an address translation instruction."""
    address = evaluate(event.operand, state.registers) if event.operand is not None else ZERO
    found = walking.entries(model, state, address[0], walking.request_of(event))
    return _each(state, found, lambda s, entry: walking.translate_only(model, s, event, address, entry))


def _each(state: State, choices: list[C], way: Callable[[State, C], bool]) -> list[State] | None:
    """Take every choice: in place if there is one only."""
    if len(choices) == 1:
        return None if way(state, choices[0]) else []
    branches = [(state.copy(), choice) for choice in choices]
    return [branch for branch, choice in branches if way(branch, choice)]


def _one(state: State, possible: bool) -> list[State] | None:
    if possible:
        finish(state)
    return None if possible else []


def _read(model: Model, state: State, what: Shape, source: Source) -> bool:
    """Perform the read of a load or atomic; False if no consistent execution has it read from `source`."""
    access, view, execution = state.access, state.view, state.execution
    assert access is not None
    returns = what.into is not None or what.kind is not Kind.RMW
    order = what.order
    if what.kind is Kind.RMW:
        order = Order.ACQUIRE if order in ACQUIRES else Order.PLAIN
    number = take(state, source)
    value = model.program.memory.get(access.location, 0) if number == INITIAL else execution.effects[number].value
    value &= what.mask
    walk = 1 << access.walk if access.walk >= 0 else 0
    acquires = order if returns else Order.PLAIN
    after = ordering.before_read(view, access.address[1], walk, access.location, acquires)
    effect = Effect(
        Role.READ, model.pe_of(state), access.location, value, number, False, state.index, access.address[0]
    )
    read = execution.add_read(effect, after)
    if read is None:
        return False
    last = view.last.get(access.location)
    data, pick = (0, 0) if last is None else (last.data, last.pick)
    data, pick = data | access.taint[0] | 1 << read, pick | access.taint[1] | 1 << read
    picked(state, read, access.address[2] | (0 if last is None else last.pick))
    ordering.add_read(view, read, access.location, access.address[1:], acquires, returns)
    if what.kind is not Kind.RMW:
        cover(model, state, access.walk, read)
    state.access = replace(access, read=read, value=value, taint=(data, pick))
    if what.kind is not Kind.RMW:
        if what.op == EXCLUSIVE:
            state.monitor = Monitor(access.location, what.size, read)
        if what.into is not None:
            state.registers[what.into] = (value, data, pick)
        finish(state)
    return True


def _write(model: Model, state: State, what: Shape, data: Held, atomic: bool = False, extra: int = 0) -> bool:
    """Perform the write of a store or atomic; `extra` is what it depends on besides. False if that contradicts."""
    access, view, execution = state.access, state.view, state.execution
    assert access is not None
    location = access.location
    depends = access.address[2] | data[2] | extra
    walk = 1 << access.walk if access.walk >= 0 else 0
    after = ordering.before_write(view, access.address[2], data[2] | extra, walk, location, what.order)
    if atomic:
        after |= 1 << access.read
    after |= _pick_ordered(state, after)
    written = _place(model, state, data[0] & what.mask, after)
    if written is None:
        return False
    picked(state, written, depends)
    last = LastWrite(access.address[1] | data[1], access.address[2] | data[2] | extra, access.read if atomic else -1)
    ordering.add_write(view, written, location, access.address[1:], what.order, last)
    if atomic:
        execution.rmws[written] = access.read
        if what.into is not None and what.order in ACQUIRES and what.order in RELEASES and what.op != EXCLUSIVE:
            # An atomic that acquires and releases orders like both (barrier-ordered-before).
            view.acquired |= 1 << written
        if what.into is not None and what.op not in (EXCLUSIVE, "cas"):
            state.registers[what.into] = (access.value, *access.taint)
    cover(model, state, access.walk, written)
    return True


def _place(model: Model, state: State, value: int, after: int) -> int | None:
    """Add the write of `value`, or make the promised one; return its number, None if that contradicts."""
    access, execution, pe = state.access, state.execution, model.pe_of(state)
    assert access is not None
    location = access.location
    key = (pe, state.index, state.written.get(state.index, 0), location, value)
    state.written[state.index] = key[2] + 1
    if key[2] >= OCCURRENCES and state.position:
        model.truncated = True  # an earlier PE might have seen this write, and was not offered it
    number = state.promises.get(key, -1)
    if number >= 0:
        state.promises = {k: v for k, v in state.promises.items() if k != key}
    if model.split:
        visible = execution.add(Effect(Role.VISIBLE, pe, location, value, index=-1), 0)
        state.view.own_writes |= 1 << visible
        after |= 1 << visible
        execution.visible[number if number >= 0 else len(execution.effects)] = visible
    effect = Effect(Role.WRITE, pe, location, value, index=state.index, address=access.address[0])
    return execution.add_write(number, effect, after)


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


def _compare_and_swap(model: Model, state: State, what: Shape) -> list[State] | None:
    """CAS: the comparison is a branch on what was read. A failed one writes nothing (writing back what it read shows
    no more).
    """
    access = state.access
    assert access is not None
    assert what.expected is not None
    assert what.value is not None
    expected = evaluate(what.expected, state.registers)
    data = evaluate(what.value, state.registers)
    read_data, read_pick = access.taint
    compared = expected[2] | read_pick
    if expected[0] & what.mask != access.value:
        cover(model, state, access.walk, access.read)
        if what.into is not None:
            state.registers[what.into] = (access.value, read_data, read_pick)
        finish(state)
        return None

    def succeed(s: State, known: bool) -> bool:
        if not _write(model, s, what, data, atomic=True, extra=compared):
            return False
        if what.into is not None:
            # On success the result is the expected value: it may depend on that rather than on memory (B2.3.2).
            held = (access.value, expected[1], compared) if known else (access.value, read_data, read_pick)
            s.registers[what.into] = held
        finish(s)
        return True

    if what.into is None or not expected[1]:
        return None if succeed(state, True) else []
    branches = [(state.copy(), known) for known in (True, False)]
    return [branch for branch, known in branches if succeed(branch, known)]


def _store_exclusive(model: Model, state: State, what: Shape) -> list[State] | None:
    """STXR: fails always possible; succeeds only if the monitor holds the location. The status depends on nothing."""
    access, monitor = state.access, state.monitor
    assert access is not None
    assert what.value is not None
    failed = state.copy() if monitor is not None and monitor.location == access.location else state
    failed.monitor = None
    if what.into is not None:
        failed.registers[what.into] = (1, 0, 0)
    if access.walk >= 0:
        walking.unperformed(model, failed, access.walk)
    finish(failed)
    if failed is state:
        return None
    assert monitor is not None
    state.access = replace(access, read=monitor.read)
    if not _write(model, state, what, evaluate(what.value, state.registers), atomic=True):
        return [failed]
    state.monitor = None
    if what.into is not None:
        state.registers[what.into] = ZERO
    finish(state)
    return [state, failed]


def finish(state: State) -> None:
    """Go on to the next instruction."""
    state.access = None
    state.index += 1
    state.retried = False
