"""Translation: where a walk (or a read) may take its value from, the walk itself, and the fault it may end in.

The walk is an effect of its own: it is not in program order with anything, and its result may be any valid descriptor
a TLB can still hold or whatever memory holds. What it does not model: tables above the leaf (see `walker`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from barrierlint.events import Kind
from barrierlint.sim import ordering
from barrierlint.sim.descriptor import OFFSET, OUTPUT, cacheable, fault_of, syndrome
from barrierlint.sim.effects import INITIAL, Effect, Role
from barrierlint.sim.evaluate import Held
from barrierlint.sim.machine import Access, Handling, PromiseKey, State
from barrierlint.sim.maintenance import pair
from barrierlint.sim.program import Instruction, code_address, descriptor_of
from barrierlint.sim.shape import Shape

if TYPE_CHECKING:
    from barrierlint.sim.model import Model

Source = int | PromiseKey
OCCURRENCES = 4  # how many writes of one instruction in a loop another PE may see before they are made


def sources(model: Model, state: State, location: int, walk: bool) -> list[Source]:
    """Return the writes a read (or walk) of `location` may take its value from: made, promised, initial, or to be
    promised.
    """
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
        again = range(OCCURRENCES) if model.footprints[other].loops else range(1)
        for index, where, value in sorted(model.footprints[other].writes):
            if where == location:
                keys = ((other, index, count, where, value) for count in again)
                found += [key for key in keys if key not in state.promises]
    return found


def take(state: State, source: Source) -> int:
    """Return the number of the write a read takes its value from, promising it if need be."""
    if isinstance(source, int):
        return source
    pe, index, _, location, value = source
    number = state.execution.promise(Effect(Role.WRITE, pe, location, value, index=index))
    state.promises = {**state.promises, source: number}
    return number


def walk(model: Model, state: State, instruction: Instruction, what: Shape, address: Held, source: Source) -> bool:
    """Translate: the walker (or the TLB) takes the descriptor from `source`; False if no consistent execution has
    that.
    """
    execution, view, pe = state.execution, state.view, model.pe_of(state)
    location, write = descriptor_of(address[0]), what.kind in (Kind.WRITE, Kind.RMW)
    number = take(state, source)
    value = model.program.memory.get(location, 0) if number == INITIAL else execution.effects[number].value
    user = model.program.pes[pe].user and not state.returns
    kind = fault_of(value, write, user, what.kind is Kind.FETCH)
    uncacheable = bool(kind) and not cacheable(value)
    features = model.setting.features
    early = (features.ets2 and uncacheable) or (features.ets3 and bool(kind))
    after = ordering.before_walk(view, address[1], address[2], early, features)
    effect = Effect(Role.WALK, pe, location, value, number, uncacheable, state.index, address[0])
    walked = execution.add_read(effect, after)
    if walked is None:
        return False
    bit = 1 << walked
    view.walks |= bit
    view.same[location] = view.same.get(location, 0) | bit
    picked(state, walked, address[2])
    last = view.last.get(location)
    taint = (0, 0) if last is None else (last.data, last.pick)
    if kind:
        return fault(model, state, instruction, walked, address, kind, write)
    state.access = Access(value & OUTPUT | address[0] & OFFSET, walked, address, taint=taint)
    return True


def translate_only(model: Model, state: State, op: str, address: Held, source: Source) -> bool:
    """AT: a walk whose result goes to PAR_EL1 (D8.15): the output address, or F (bit 0) and the status code (bits
    6:1).
    """
    execution, view, pe = state.execution, state.view, model.pe_of(state)
    location, number = descriptor_of(address[0]), take(state, source)
    value = model.program.memory.get(location, 0) if number == INITIAL else execution.effects[number].value
    kind = fault_of(value, "w" in op, "e0" in op)
    uncacheable = bool(kind) and not cacheable(value)
    effect = Effect(Role.WALK, pe, location, value, number, uncacheable, state.index, address[0])
    walked = execution.add_read(
        effect, ordering.before_walk(view, address[1], address[2], False, model.setting.features)
    )
    if walked is None:
        return False
    view.walks |= 1 << walked
    unperformed(model, state, walked)
    result = (syndrome(kind) & 0x3F) << 1 | 1 if kind else value & OUTPUT
    state.registers["par_el1"] = (result, 0, 0)
    state.index += 1
    return True


def picked(state: State, effect: int, depends: int) -> None:
    """Note which reads `effect` has a pick dependency on."""
    mask = depends | state.view.pick_control
    if mask:
        state.picks[effect] = mask


def fault(
    model: Model, state: State, instruction: Instruction, walk: int, address: Held, kind: str, write: bool
) -> bool:
    """Take the fault: an exception, and so a context synchronization event; then the handler, or what the setting
    says.
    """
    view, pe = state.view, model.program.pes[model.pe_of(state)]
    effect = Effect(Role.FAULT, model.pe_of(state), address[0], index=state.index, address=address[0], note=kind)
    walked = 1 << walk if walk >= 0 else 0
    number = state.execution.add(effect, ordering.before_fault(view, walked))
    model.record_fault(state, instruction, address[0], kind, write, number)
    cover(model, state, walk, number)
    ordering.synchronize(view, walked | address[1] | address[2])
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


def unperformed(model: Model, state: State, walk: int) -> None:
    """A walk whose access was not made still has its place among the TLBIs that cover it."""
    for issued in state.maintenance:
        pair(model, state, issued, walk)


def cover(model: Model, state: State, walk: int, access: int) -> None:
    """Bind `walk` to its `access` and to the TLBIs that cover it."""
    if walk < 0:
        return
    effect = state.execution.effects[access]
    state.execution.access[walk] = access
    if effect.role is not Role.FAULT:
        state.view.translated |= 1 << walk
    unperformed(model, state, walk)
