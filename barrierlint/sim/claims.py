"""What the simulation says of advice: of barriers that nothing needs, that a compiler may step around, of torn writes.

A claim about a barrier is a claim about every program around it; it is tried in the smallest programs that need such a
barrier (`_NEEDS`): a make, a break, a change of context, a message to another PE. Without a redundant barrier none of
them has an outcome it did not have before; with an access moved across a barrier one of them goes wrong that was right.
What it does not model: programs around it that need a barrier for something else (devices, caches, instructions).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeGuard

from barrierlint.events import (
    Access,
    Accesses,
    ContextSync,
    DescriptorWrite,
    Dmb,
    Dsb,
    Event,
    Kind,
    Order,
    Shareability,
    SysregWrite,
    Tlbi,
    Transition,
    mnemonic,
)
from barrierlint.finding import Claim, Confirmation, Finding, Verdict
from barrierlint.sim.condition import All, FaultAtom, Not, Proposition, RegisterAtom
from barrierlint.sim.descriptor import Descriptor
from barrierlint.sim.explore import Budget
from barrierlint.sim.machine import Setting
from barrierlint.sim.program import Instruction, Pe, Program
from barrierlint.sim.run import Outcome, Result, ask
from barrierlint.sim.scenario import INVALID, LABEL, PAGE_NUMBER, SYMBOLS, VALID
from barrierlint.terms import const

_PAGE = const(SYMBOLS.virtual("x"))
_DATA, _FLAG = const(SYMBOLS.physical("z")), const(SYMBOLS.physical("flag"))
_LOAD = Access(Kind.READ, _PAGE, None, "X3")
_MAKE = DescriptorWrite(const(SYMBOLS.table("x")), const(VALID), Transition.MAKE)
_BREAK = DescriptorWrite(const(SYMBOLS.table("x")), const(INVALID), Transition.BREAK)
_DSB, _DSB_ST, _ISB = Dsb(Shareability.ISH), Dsb(Shareability.ISH, Accesses.ST), ContextSync("isb")
_OTHER_PAGE = SYMBOLS.virtual("z") >> 12
_OTHER = Descriptor(SYMBOLS.physical("z")).encode()
_THIRD = Descriptor(SYMBOLS.physical("flag")).encode()
_FLUSH = Tlbi("vaae1is", const(PAGE_NUMBER))
_READER: tuple[Event, ...] = (Access(Kind.READ, _FLAG, None, "X5"), _DSB, Access(Kind.READ, _DATA, None, "X6"))


@dataclass(frozen=True, slots=True)
class Need:
    """A program with a place for a barrier: what comes before, what after, and what must not happen then.

    `old` is the descriptor at first; with `told` a second PE reads a message that the first one writes.
    """

    name: str
    before: tuple[Event, ...]
    after: tuple[Event, ...]
    goal: Proposition
    old: int
    told: bool = False


_FAULTS = FaultAtom(0, LABEL, SYMBOLS.virtual("x"), "translation")
_STALE = Not(FaultAtom(0, LABEL))
_TORN = All((RegisterAtom(1, "X5", 1), RegisterAtom(1, "X6", 2)))
_NEEDS = (
    Need("a make", (_MAKE,), (_ISB, _LOAD), _FAULTS, INVALID),
    Need("a make that is completed", (_MAKE, _DSB_ST), (_LOAD,), _FAULTS, INVALID),
    Need("a break before its TLBI", (_BREAK,), (_FLUSH, _DSB, _ISB, _LOAD), _STALE, VALID),
    Need("a TLBI", (_BREAK, _DSB_ST, _FLUSH), (_ISB, _LOAD), _STALE, VALID),
    Need("a completed break without TLBI", (_BREAK, _DSB_ST), (_DSB, _ISB, _LOAD), _STALE, VALID),
    Need(
        "a message",
        (Access(Kind.WRITE, _DATA, const(7)),),
        (Access(Kind.WRITE, _FLAG, const(1)),),
        _TORN,
        VALID,
        told=True,
    ),
)


def judge(finding: Finding, setting: Setting, budget: Budget) -> Confirmation:
    """The simulation's answer to a claim that is not about an access that depends on a write."""
    match finding.claim:
        case Claim.REDUNDANT | Claim.STRONGER:
            return _redundant(finding, setting, budget)
        case Claim.REORDERED:
            return _reordered(finding, setting, budget)
        case Claim.TORN:
            return _torn(setting, budget)
        case Claim.MIGRATED:
            return _migrated(finding, setting, budget)
    return Confirmation(Verdict.UNDECIDED, reason="what this advice claims is not modelled")


def _redundant(finding: Finding, setting: Setting, budget: Budget) -> Confirmation:
    """Run every need with the steps of the witness in place, and again without the idle one, or with the weaker one."""
    steps = finding.witness.steps
    register = next((step.event.register for step in steps if isinstance(step.event, SysregWrite)), "")
    if register:
        return Confirmation(Verdict.UNDECIDED, reason=f"the effect of writing {register.upper()} is not modelled")
    concrete = [(step, _concrete(step.event)) for step in steps]
    events = tuple(event for _, event in concrete if event is not None)
    idle = (finding.instead,) if finding.instead is not None else ()
    fewer = tuple(
        one for step, event in concrete if event is not None for one in (idle if step.role == "idle" else (event,))
    )
    needs = [need for need in _NEEDS if finding.claim is Claim.REDUNDANT or not need.told]
    states = 0
    for need in needs:
        whole = _run(need, (*need.before, *events, *need.after), setting, budget)
        less = _run(need, (*need.before, *fewer, *need.after), setting, budget)
        states += whole.states + less.states
        if Result.UNDECIDED in (whole.result, less.result):
            return Confirmation(Verdict.UNDECIDED, states=states, reason=whole.reason or less.reason)
        if whole.result is not less.result:
            reason = f"around {need.name} it is needed as it is: without it the outcome is {less.result.value.lower()}"
            return Confirmation(Verdict.REFUTED, states=states, reason=reason)
    other = f"with {_name(finding.instead)}" if finding.instead is not None else "without it"
    reason = (
        f"as it is and {other} the same of {len(needs)} programs go wrong ({', '.join(need.name for need in needs)})"
    )
    return Confirmation(Verdict.CONFIRMED, states=states, reason=reason)


def _name(event: Event) -> str:
    return mnemonic(event).upper()


def _reordered(finding: Finding, setting: Setting, budget: Budget) -> Confirmation:
    """Find a need that the barrier serves, and move the access before it behind it, or that after it ahead."""
    event = finding.witness.access.event
    barrier = replace(event, operand=const(PAGE_NUMBER)) if _is_of_page(event) else _concrete(event)
    if barrier is None:
        return Confirmation(Verdict.UNDECIDED, reason="what the compiler makes of the statement is not known")
    states = 0
    for need, events, moved in _moves(barrier):
        right = _run(need, events, setting, budget)
        states += right.states
        if right.result is not Result.FORBIDDEN:
            continue
        wrong = _run(need, moved, setting, budget)
        if wrong.result is Result.ALLOWED:
            reason = f"around {need.name} it is right as written, and wrong once the compiler moves the access across"
            return Confirmation(Verdict.CONFIRMED, wrong.trace, states + wrong.states, reason=reason)
    reason = f"none of the programs tried needs {mnemonic(barrier)}"
    return Confirmation(Verdict.UNDECIDED, states=states, reason=reason)


def _moves(barrier: Event) -> Iterator[tuple[Need, tuple[Event, ...], tuple[Event, ...]]]:
    """(need, its events with the barrier, the same with an access moved across it)."""
    for need in _NEEDS:
        if isinstance(barrier, Tlbi):
            if need.name == "a TLBI":
                before = (*need.before[:-1], barrier, _DSB)
                yield need, (*before, *need.after), (_DSB_ST, barrier, need.before[0], _DSB, *need.after)
            continue
        *earlier, last = need.before
        first, *later = need.after
        delayed, hastened = (*earlier, barrier, last, *need.after), (*need.before, first, barrier, *later)
        for moved in (hastened, delayed) if isinstance(barrier, ContextSync) else (delayed, hastened):
            yield need, (*need.before, barrier, *need.after), moved


def _torn(setting: Setting, budget: Budget) -> Confirmation:
    """Store a live descriptor in two steps while another PE walks: may it use what lies between? And in one step?"""
    first = DescriptorWrite(const(SYMBOLS.table("x")), const(_OTHER), Transition.CHANGE)
    second = DescriptorWrite(const(SYMBOLS.table("x")), const(_THIRD), Transition.CHANGE)
    between = RegisterAtom(1, "X3", 2)
    need = Need("a change while another PE walks", (), (), between, VALID)
    walker = Pe((Instruction(_LOAD, (LABEL,)),), {LABEL: 0})

    def asked(*events: Event) -> Outcome:
        program = _program(need, events)
        return ask(replace(program, pes=(*program.pes, walker)), between, setting, budget, need.name)

    wrong, right = asked(first, second), asked(second)
    states = wrong.states + right.states
    if wrong.result is Result.ALLOWED and right.result is Result.FORBIDDEN:
        reason = "run as two stores of whole descriptors: another PE may use the one between; with one store it cannot"
        return Confirmation(Verdict.CONFIRMED, wrong.trace, states, reason=reason)
    return Confirmation(Verdict.UNDECIDED, states=states, reason=wrong.reason or right.reason or "no walk tells")


def _migrated(finding: Finding, setting: Setting, budget: Budget) -> Confirmation:
    """Begin the work on one PE, go on with its DSB on another; then once more with a DSB before the switch."""
    event = finding.witness.write.event
    maintenance = isinstance(event, Tlbi)
    begun = (_BREAK, _DSB_ST, _FLUSH) if maintenance else (_MAKE,)
    goal = Not(FaultAtom(1, LABEL)) if maintenance else FaultAtom(1, LABEL, SYMBOLS.virtual("x"), "translation")
    asked = All((RegisterAtom(1, "X5", 1), goal))
    need = Need("a thread that moves", (), (), asked, VALID if maintenance else INVALID)
    resumed: tuple[Event, ...] = (Access(Kind.READ, _FLAG, None, "X5", Order.ACQUIRE), _DSB, _ISB)
    other = Pe((*(Instruction(one) for one in resumed), Instruction(_LOAD, (LABEL,))), {LABEL: len(resumed)})
    leave = Access(Kind.WRITE, _FLAG, const(1))

    def ran(*events: Event) -> Outcome:
        program = _program(need, events)
        return ask(replace(program, pes=(*program.pes, other)), asked, setting, budget, need.name)

    wrong, right = ran(*begun, leave), ran(*begun, _DSB, leave)
    states = wrong.states + right.states
    if wrong.result is Result.ALLOWED and right.result is Result.FORBIDDEN:
        reason = (
            "the DSB and ISB on the second PE complete nothing of the first; with a DSB before the switch all is done"
        )
        return Confirmation(Verdict.CONFIRMED, wrong.trace, states, reason=reason)
    return Confirmation(Verdict.UNDECIDED, states=states, reason=wrong.reason or right.reason or "no outcome tells")


def _is_of_page(event: Event | None) -> TypeGuard[Tlbi]:
    return isinstance(event, Tlbi) and event.operand is not None


def _run(need: Need, events: tuple[Event, ...], setting: Setting, budget: Budget) -> Outcome:
    return ask(_program(need, events), need.goal, setting, budget, need.name)


def _program(need: Need, events: tuple[Event, ...]) -> Program:
    table, memory = SYMBOLS.table, SYMBOLS.physical
    cells = {
        table("x"): need.old,
        table("z"): Descriptor(memory("z")).encode(),
        table("flag"): Descriptor(memory("flag")).encode(),
        memory("x"): 1,
        memory("z"): 2,
    }
    code = tuple(Instruction(event, (LABEL,) if event is _LOAD else (), "", 0, -1) for event in events)
    labelled = next((index for index, event in enumerate(events) if event is _LOAD), -1)
    pes: tuple[Pe, ...] = (Pe(code, {LABEL: labelled} if labelled >= 0 else {}),)
    if need.told:
        pes += (Pe(tuple(Instruction(event) for event in _READER)),)
    return Program(pes, SYMBOLS, cells, "advice")


def _concrete(event: Event | None) -> Event | None:
    """An event with operands the simulator can evaluate; None of what it need not run."""
    match event:
        case Dsb() | Dmb() | ContextSync():
            return event
        case Tlbi(op, operand):
            return Tlbi(op, None if operand is None else const(_OTHER_PAGE))
        case DescriptorWrite():
            return DescriptorWrite(const(SYMBOLS.table("z")), const(_OTHER), Transition.MAKE)
    return None
