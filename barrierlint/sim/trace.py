"""The steps of an execution found by the search, in an order that respects ordered-before, as a person reads them.

Actors are `P0`, `walker P0` and `TLB P0`. What it does not show: steps of PEs that could not matter, and which of
several equally possible orders happened.
"""

from __future__ import annotations

from barrierlint.events import ContextSync, Dmb, Dsb, Event, ExceptionCall, ExceptionReturn, barrier_option
from barrierlint.finding import Fault, Trace, TraceStep
from barrierlint.sim.descriptor import show, syndrome
from barrierlint.sim.effects import Effect, Role
from barrierlint.sim.execution import Execution
from barrierlint.sim.machine import Barrier, FaultTaken, State
from barrierlint.sim.program import Jump, Program, Symbols, is_table


def trace_of(program: Program, state: State) -> Trace:
    """Return the execution of `state` as steps, ending where its last fault or access is, with that fault."""
    order = state.execution.linear()
    steps: list[TraceStep] = []
    waiting = list(state.barriers)
    done = 0
    for number in order:
        steps += _of_effect(program, state, number, done)
        done |= 1 << number
        while ready := [b for b in waiting if not b.after & ~done and _is_next(waiting, b)]:
            waiting.remove(ready[0])
            steps.append(_of_barrier(program, ready[0]))
    steps += [_of_barrier(program, barrier) for barrier in waiting]
    return Trace(tuple(steps), _last_fault(program, state))


def _is_next(waiting: list[Barrier], barrier: Barrier) -> bool:
    return next(b for b in waiting if b.pe == barrier.pe) is barrier


def _source(program: Program, pe: int, index: int) -> int:
    code = program.pes[pe].code
    return code[index].source if 0 <= index < len(code) else -1


def _of_barrier(program: Program, barrier: Barrier) -> TraceStep:
    action = program.pes[barrier.pe].code[barrier.index].action
    return TraceStep(
        f"P{barrier.pe}", barrier.note or _barrier_text(action), _source(program, barrier.pe, barrier.index)
    )


def _barrier_text(action: Event | Jump) -> str:
    match action:
        case Dsb(domain, accesses):
            waited = {"ld": "earlier loads", "st": "earlier stores", "all": "earlier accesses and TLB maintenance"}[
                accesses
            ]
            return f"DSB {barrier_option(domain, accesses).upper()}: {waited} are complete"
        case Dmb(domain, accesses):
            return f"DMB {barrier_option(domain, accesses).upper()}: accesses ordered, nothing completed"
        case ContextSync("isb"):
            return "ISB: later instructions are fetched and translated anew"
        case ContextSync(cause):
            return f"{cause}: context synchronized"
        case ExceptionCall(name):
            return f"{name.upper()}: exception entry, context synchronized"
        case ExceptionReturn():
            return "ERET: context synchronized"
        case _:
            return ""


def _of_effect(program: Program, state: State, number: int, done: int) -> list[TraceStep]:
    execution, symbols = state.execution, program.symbols
    effect = execution.effects[number]
    pe, source = f"P{effect.pe}", _source(program, effect.pe, effect.index)
    place = symbols.describe(effect.location)
    match effect.role:
        case Role.WRITE:
            return [TraceStep(pe, f"store {place} := {_value(effect, symbols)} becomes visible", source)]
        case Role.READ:
            return [TraceStep(pe, f"load {place} = {_value(effect, symbols)}", source)]
        case Role.WALK:
            return [_of_walk(execution, number, symbols, source, done)]
        case Role.TLBI if effect.index >= 0:
            return [TraceStep(pe, f"TLBI {effect.note.upper()} issued", source)]
        case Role.DONE if effect.index >= 0:
            return [TraceStep(pe, f"TLBI {effect.note.upper()} complete", source)]
        case Role.FAULT:
            name = symbols.describe(effect.address)
            level = next((taken.level for taken in state.faults if taken.effect == number), 3)
            return [TraceStep(pe, f"{effect.note.replace('-', ' ')} fault on {name}, level {level}", source)]
        case _:
            return []


def _of_walk(execution: Execution, number: int, symbols: Symbols, source: int, done: int) -> TraceStep:
    """A walk; or, where memory has moved on (`done` are the effects so far), the use of a TLB entry made before."""
    effect = execution.effects[number]
    held = f"{symbols.describe(effect.location)} = {_value(effect, symbols)}"
    if effect.note:
        return TraceStep(f"TLB P{effect.pe}", f"holds the contiguous range of {held}: used", source)
    newer = [
        w for w in execution.sources(effect.location) if w != effect.source and execution.is_before(effect.source, w)
    ]
    if any(done >> w & 1 for w in newer):
        return TraceStep(f"TLB P{effect.pe}", f"still holds {held}: used", source)
    mark = " (taken early)" if newer else ""
    if any(execution.effects[w].pe == effect.pe and w < number for w in newer):
        mark = " (stale: the store is not visible to it yet)"
    return TraceStep(f"walker P{effect.pe}", f"walker reads {held}{mark}", source)


def _value(effect: Effect, symbols: Symbols) -> str:
    if is_table(effect.location):
        return show(effect.value, symbols.describe, symbols.level_of(effect.location))
    known = symbols.describe(effect.value)
    return str(effect.value) if effect.value < 10 else known


def fault_of(program: Program, taken: FaultTaken, fetch: bool = False) -> Fault:
    """Return `taken` as the hardware reports it to EL1."""
    user = program.pes[taken.pe].user
    esr = syndrome(taken.kind, taken.level, taken.write, fetch, user)
    address = taken.address or 0
    return Fault(taken.pe, address, taken.kind, taken.level, esr, taken.write, program.symbols.describe(address))


def _last_fault(program: Program, state: State) -> Fault | None:
    aborts = [taken for taken in state.faults if taken.address is not None]
    return fault_of(program, aborts[-1]) if aborts else None
