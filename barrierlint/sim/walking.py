"""Translation: where a walk (or a read) may take its value from, the walk itself, and the fault it may end in.

The walk is an effect of its own: it is not in program order with anything, and its result may be any valid descriptor
a TLB can still hold or whatever memory holds. A deep symbol's walk has an effect for each level (see `descent`). What
it does not model: stage 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from barrierlint.events import At, Kind
from barrierlint.sim import descent, ordering, registers
from barrierlint.sim.descent import Descent, Reading
from barrierlint.sim.descriptor import OFFSET, OUTPUT, fault_of, syndrome
from barrierlint.sim.effects import INITIAL, Effect, Role
from barrierlint.sim.evaluate import Held
from barrierlint.sim.machine import Access, FaultTaken, Handling, PromiseKey, State
from barrierlint.sim.maintenance import pair
from barrierlint.sim.program import TABLES, Instruction, code_address, descriptor_of, is_deep
from barrierlint.sim.shape import Shape
from barrierlint.sim.translation import AccessRequest
from barrierlint.sim.walker import Walk

if TYPE_CHECKING:
    from barrierlint.sim.model import Model

Source = int | PromiseKey
Entry = tuple[int, Source, bool]  # where a descriptor is, the write it has its value from, whether of a joined range
CONTIGUOUS = "contiguous"  # note of a walk that used the entry of a contiguous range
OCCURRENCES = 4  # how many writes of one instruction in a loop another PE may see before they are made


@dataclass(frozen=True, slots=True)
class Fault:
    """The fault of an access: its kind, the level of the descriptor, whether a store took it."""

    kind: str
    level: int
    write: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A descriptor read by a walk: the effect, what it says, and what the store it may be forwarded from depends on."""

    walk: int
    reading: Reading
    taint: tuple[int, int]


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


def request(model: Model, state: State, kind: Kind) -> AccessRequest:
    """Return what the PE that runs asks the walker for when it makes an access of `kind`."""
    return AccessRequest(kind, el0=model.program.pes[model.pe_of(state)].user and not state.returns)


def request_of(event: At) -> AccessRequest:
    """Return what an address translation instruction asks the walker for."""
    return AccessRequest(Kind.WRITE if "w" in event.op else Kind.READ, el0="e0" in event.op)


def entries(model: Model, state: State, address: int, asked: AccessRequest) -> list[Entry]:
    """Return where the walk of virtual `address` may find its next descriptor: each location, write, and whether as
    an entry of a contiguous range.
    """
    if not is_deep(address):
        location = descriptor_of(address) - TABLES + registers.value(state, registers.BASE)
        return [(location, source, False) for source in sources(model, state, location, True)]
    if state.descent is None:
        state.descent = descent.begin(address, asked)
    walk = state.descent.walk
    model.touch(walk.address, 8)
    own = [(walk.address, source, False) for source in sources(model, state, walk.address, True)]
    return own + _joined(model, state, walk)


def _joined(model: Model, state: State, walk: Walk) -> list[Entry]:
    """Entries that walks of other pages of a contiguous range may have left; of those never written one a result."""
    found: list[Entry] = []
    shown: set[Reading | None] = set()
    if sources(model, state, walk.address, True) == [INITIAL]:
        shown.add(descent.read(walk, _value(model, state, walk.address, INITIAL), False))
    for location in descent.joined_addresses(walk):
        offered = sources(model, state, location, True)
        for source in offered:
            reading = descent.read(walk, _value(model, state, location, source), True)
            if reading is None or (offered == [INITIAL] and reading in shown):
                continue
            if offered == [INITIAL]:
                shown.add(reading)
            found.append((location, source, True))
    return found


def _value(model: Model, state: State, location: int, source: Source) -> int:
    if not isinstance(source, int):
        return source[4]
    return model.program.memory.get(location, 0) if source == INITIAL else state.execution.effects[source].value


def _reading(state: State, address: int, value: int, asked: AccessRequest, joined: bool) -> Reading | None:
    """What descriptor `value` says to the walk of `address`, through tables or through one leaf."""
    if state.descent is not None:
        return descent.read(state.descent.walk, value, joined)
    kind = fault_of(value, asked.kind in (Kind.WRITE, Kind.RMW), asked.el0, asked.kind is Kind.FETCH)
    return Reading(3, kind, value & OUTPUT | address & OFFSET)


def _look(model: Model, state: State, address: Held, asked: AccessRequest, entry: Entry, ordered: bool) -> Seen | None:
    """Read one descriptor of a walk; None if no consistent execution has that. `ordered`: FEAT_ETS counts the fault."""
    execution, view, pe = state.execution, state.view, model.pe_of(state)
    location, source, joined = entry
    value = _value(model, state, location, source)
    reading = _reading(state, address[0], value, asked, joined)
    assert reading is not None  # `entries` offers none other
    number = take(state, source)
    above = () if state.descent is None else state.descent.above
    uncacheable = not reading.cacheable
    features = model.setting.features
    early = ordered and ((features.ets2 and uncacheable) or (features.ets3 and bool(reading.kind)))
    after = ordering.before_walk(view, address[1], address[2], early, features)
    if above:
        after |= 1 << above[-1]  # the address of the descriptor depends on the one above
    effect = Effect(
        Role.WALK, pe, location, value, number, uncacheable, state.index, address[0],
        CONTIGUOUS if joined else "", reading.level, above, reading.further is None,
    )  # fmt: skip
    walked = execution.add_read(effect, after)
    if walked is None:
        return None
    view.walks |= 1 << walked
    view.same[location] = view.same.get(location, 0) | 1 << walked
    last = view.last.get(location)
    taint = (0, 0) if last is None else (last.data, last.pick)
    if state.descent is not None:
        taint = (taint[0] | state.descent.taint[0], taint[1] | state.descent.taint[1])
        state.descent = None
    if reading.further is not None:
        state.descent = Descent(reading.further, (*above, walked), taint)
    return Seen(walked, reading, taint)


def walk(model: Model, state: State, instruction: Instruction, what: Shape, address: Held, entry: Entry) -> bool:
    """Translate: the walker (or the TLB) takes the next descriptor from `entry`; False if no consistent execution has
    that.
    """
    seen = _look(model, state, address, request(model, state, what.kind), entry, True)
    if seen is None:
        return False
    picked(state, seen.walk, address[2])
    reading = seen.reading
    if reading.kind:
        write = what.kind in (Kind.WRITE, Kind.RMW)
        return fault(model, state, instruction, seen.walk, address, Fault(reading.kind, reading.level, write))
    if reading.further is None:
        state.access = Access(reading.output, seen.walk, address, taint=seen.taint)
    return True


def translate_only(model: Model, state: State, event: At, address: Held, entry: Entry) -> bool:
    """AT: a walk whose result goes to PAR_EL1 (D8.15): the output address, or F (bit 0) and the status code (bits
    6:1).
    """
    seen = _look(model, state, address, request_of(event), entry, False)
    if seen is None:
        return False
    reading = seen.reading
    if reading.further is not None:
        return True
    unperformed(model, state, seen.walk)
    status = (syndrome(reading.kind, reading.level) & 0x3F) << 1 | 1 if reading.kind else reading.output & OUTPUT
    registers.leave(state, registers.RESULT)
    state.registers["par_el1"] = (status, 0, 0)
    state.index += 1
    return True


def picked(state: State, effect: int, depends: int) -> None:
    """Note which reads `effect` has a pick dependency on."""
    mask = depends | state.view.pick_control
    if mask:
        state.picks[effect] = mask


def fault(model: Model, state: State, instruction: Instruction, walk: int, address: Held, taken: Fault) -> bool:
    """Take the fault: an exception, and so a context synchronization event; then the handler, or what the setting
    says.
    """
    view, pe = state.view, model.program.pes[model.pe_of(state)]
    effect = Effect(Role.FAULT, model.pe_of(state), address[0], index=state.index, address=address[0], note=taken.kind)
    walked = 1 << walk if walk >= 0 else 0
    number = state.execution.add(effect, ordering.before_fault(view, walked))
    pe_number = model.pe_of(state)
    state.fault(FaultTaken(pe_number, instruction.labels, address[0], taken.kind, taken.write, number, taken.level))
    cover(model, state, walk, number)
    ordering.synchronize(view, walked | address[1] | address[2])
    state.unsynchronized = {}
    state.registers["elr_el1"] = (code_address(state.index), 0, 0)
    state.registers["far_el1"] = (address[0], 0, 0)
    state.registers["esr_el1"] = (syndrome(taken.kind, taken.level, taken.write, lower_el=pe.user), 0, 0)
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
        for part in (*state.execution.effects[walk].above, walk):
            pair(model, state, issued, part)


def cover(model: Model, state: State, walk: int, access: int) -> None:
    """Bind `walk` to its `access` and to the TLBIs that cover it."""
    if walk < 0:
        return
    effect = state.execution.effects[access]
    for part in (*state.execution.effects[walk].above, walk):
        state.execution.access[part] = access
    if effect.role is not Role.FAULT:
        state.view.translated |= 1 << walk
    unperformed(model, state, walk)
