"""What the simulation says of registers: of those that control translation, of PAR_EL1, of the MMU switched on.

The barriers of the witness are executed as they are, between what the finding is about; each use becomes the smallest
program that shows it. Whatever register controls the translation of the code itself is run as TTBR0_EL1, whatever says
which entries a TLBI drops as VTTBR_EL2. What it does not model: traps, the contents of TLBs beyond one old entry, the
granule protection check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from barrierlint.events import (
    Access,
    Accesses,
    At,
    ContextSync,
    DescriptorWrite,
    Dmb,
    Drain,
    Dsb,
    Event,
    ExceptionCall,
    ExceptionReturn,
    Kind,
    Shareability,
    SysregRead,
    SysregWrite,
    Tlbi,
    Transition,
)
from barrierlint.finding import Confirmation, Finding, Verdict
from barrierlint.sim.condition import FaultAtom, Not, Proposition, RegisterAtom
from barrierlint.sim.descriptor import Descriptor
from barrierlint.sim.explore import Budget
from barrierlint.sim.machine import Setting
from barrierlint.sim.program import TABLES, Instruction, Pe, Program
from barrierlint.sim.registers import BANKED, BASE, CONTROL, GUEST, RESULT, WORLD
from barrierlint.sim.run import Outcome, Result, ask
from barrierlint.sim.scenario import INVALID, LABEL, MOVED, PAGE_NUMBER, SYMBOLS, VALID
from barrierlint.terms import const

OTHER = TABLES + 0x1000
"""A second table, in which the page `x` is mapped to what is `z`'s."""
_PAGE = const(SYMBOLS.virtual("x"))
_LOAD, _SLOT = Access(Kind.READ, _PAGE, None, "X3"), const(SYMBOLS.table("x"))
_ISB, _DSB, _DSB_ST = ContextSync("isb"), Dsb(Shareability.ISH), Dsb(Shareability.ISH, Accesses.ST)
_FLUSH = Tlbi("vaae1is", const(PAGE_NUMBER))
_SWITCH = SysregWrite(BASE, const(OTHER))
_BREAK = DescriptorWrite(_SLOT, const(INVALID), Transition.BREAK)
_MAKE = DescriptorWrite(_SLOT, const(VALID), Transition.MAKE)
_ON, _OFF = SysregWrite(CONTROL, const(1)), 0
_OLD_PAGE, _STALE = RegisterAtom(0, "X3", 1), Not(FaultAtom(0, LABEL))
_FAULTS = FaultAtom(0, LABEL, SYMBOLS.virtual("x"), "translation")


Steps = list[tuple[Event, int]]
"""What is executed, each with the index of the witness step it is (-1: none)."""


@dataclass(frozen=True, slots=True)
class Story:
    """A program, the repair in place in `twin`, and what must not happen. `old` is the descriptor of `x` at first."""

    events: tuple[tuple[Event, int], ...]
    twin: tuple[tuple[Event, int], ...]
    goal: Proposition
    says: str
    old: int = VALID
    on: int = 1


def concerns(finding: Finding) -> bool:
    """Whether a finding is about registers or the MMU's enabling rather than a descriptor's translation."""
    start = finding.witness.write.event
    return isinstance(start, SysregWrite | At) or finding.rule == "BL302" or (finding.rule == "BL101" and start is None)


def judge(finding: Finding, setting: Setting, budget: Budget) -> Confirmation:
    """Run the story of a finding, and its repaired twin."""
    story = _story(finding)
    if isinstance(story, str):
        return Confirmation(Verdict.UNDECIDED, reason=story)
    outcome = _run(story, story.events, setting, budget)
    if outcome.result is not Result.ALLOWED:
        verdict = Verdict.REFUTED if outcome.result is Result.FORBIDDEN else Verdict.UNDECIDED
        reason = outcome.reason or f"every execution was explored: {story.says} cannot happen"
        return Confirmation(verdict, None, outcome.states, 0, reason)
    twin = _run(story, story.twin, setting, budget)
    if twin.result is not Result.FORBIDDEN:
        reason = "the repaired twin misbehaves as well: what the witness lacks is not what the repair adds"
        return Confirmation(Verdict.UNDECIDED, outcome.trace, outcome.states, twin.states, twin.reason or reason)
    return Confirmation(Verdict.CONFIRMED, outcome.trace, outcome.states, twin.states, story.says)


def _run(story: Story, events: Sequence[tuple[Event, int]], setting: Setting, budget: Budget) -> Outcome:
    table, memory = SYMBOLS.table, SYMBOLS.physical
    cells = {
        table("x"): story.old,
        table("z"): MOVED,
        table("flag"): Descriptor(memory("flag")).encode(),
        OTHER + table("x") - TABLES: MOVED,
        memory("x"): 1,
        memory("z"): 2,
    }
    code = tuple(Instruction(event, (LABEL,) if event is _LOAD else (), "", 0, source) for event, source in events)
    labels = {LABEL: next(n for n, (event, _) in enumerate(events) if event is _LOAD)} if (_LOAD, -1) in events else {}
    pe = Pe(code, labels, registers={CONTROL: story.on, BASE: TABLES, "X9": 7})
    return ask(Program((pe,), SYMBOLS, cells, "witness"), story.goal, setting, budget, "witness", 64)


def _story(finding: Finding) -> Story | str:
    """The story of a finding; or why there is none."""
    witness = finding.witness
    start, end = witness.write.event, witness.access.event
    barriers = _between(finding)
    first, last = witness.steps.index(witness.write), len(witness.steps) - 1
    if finding.rule == "BL101":
        return _mixed_up(barriers, first)
    if finding.rule == "BL202":
        return _base(finding, barriers, first, last)
    if finding.rule == "BL302":
        return _enabling(finding, barriers, first, last)
    begin: Steps
    rest: Steps
    match start, end:
        case At(), _:
            begin, rest = [(At("s1e1r", _PAGE), first)], [(SysregRead(RESULT, "X3"), last)]
            says = "the read gives what PAR_EL1 held before the translation"
            return _pair(begin, barriers, rest, RegisterAtom(0, "X3", 0), says)
        case SysregWrite(register="cpacr_el1" | "cptr_el2" | "cptr_el3" as register), _:
            return f"traps of {register} are not simulated"
        case SysregWrite(register=register), Tlbi() if register.startswith("ttbr"):
            return "walks by the old table between the TLBI and the ISB are not simulated"
        case SysregWrite(register=register), Tlbi():
            begin = [(_BREAK, -1), (_DSB_ST, -1), (SysregWrite(GUEST, const(1)), first)]
            rest = [(_FLUSH, last), (_DSB, -1), (_ISB, -1), (_LOAD, -1)]
            says = f"the TLBI drops nothing of what the new {register.upper()} names, and an old entry stays in use"
            return _pair(begin, barriers, rest, _STALE, says)
        case SysregWrite(register="scr_el3"), SysregWrite() | SysregRead():
            begin, rest = [(SysregWrite(WORLD, const(1)), first)], [(SysregWrite(BANKED, const(7)), last)]
            says = "the access goes to the other world's register"
            return _pair(begin, barriers, rest, Not(RegisterAtom(0, f"{BANKED}@1", 7)), says)
        case SysregWrite(), At():
            rest = [(At("s1e1r", _PAGE), last), (_ISB, -1), (SysregRead(RESULT, "X3"), -1)]
            moved = Not(RegisterAtom(0, "X3", SYMBOLS.physical("z")))
            return _pair([(_SWITCH, first)], barriers, rest, moved, "the address is translated by the old tables")
        case SysregWrite(register=register), None | Access() | DescriptorWrite():
            says = f"run as TTBR0_EL1: code that relies on the new {register.upper()} still translates by the old one"
            return _pair([(_SWITCH, first)], barriers, [(_LOAD, -1)], _OLD_PAGE, says)
    return "what relies on the register is not simulated"


def _mixed_up(barriers: Steps, first: int) -> Story:
    """Two tables under one ASID: for the TLBs that is one table whose descriptors change."""
    begin: Steps = [(DescriptorWrite(_SLOT, const(MOVED), Transition.CHANGE), first), (_DSB_ST, -1), *barriers]
    flush: Steps = [(_FLUSH, -1), (_DSB, -1), (_ISB, -1)]
    says = "run as one table whose descriptor changes, which is what TLBs take it for: the old entry is used"
    return Story((*begin, (_LOAD, -1)), (*begin, *flush, (_LOAD, -1)), _OLD_PAGE, says)


def _base(finding: Finding, barriers: Steps, first: int, last: int) -> Story:
    """A table is reused, here for an invalid descriptor, while it is the base, or may be in effect still."""
    switched = finding.missing[:1] == ("ISB",)
    begin: Steps = [(_SWITCH, first)] if switched else []
    twin: Steps = [(_SWITCH, -1), (_ISB, -1)]
    rest: Steps = [(_BREAK, last), (_DSB, -1), (_LOAD, -1)]
    says = "run as TTBR0_EL1: a walk reads the table after it was given back"
    return Story((*begin, *barriers, *rest), (*twin, *rest), _FAULTS, says)


def _enabling(finding: Finding, barriers: Steps, first: int, last: int) -> Story | str:
    """The stories of the MMU switched on: before tables or registers are ready, or with old TLB entries."""
    start = finding.witness.write.event
    if isinstance(start, DescriptorWrite):
        begin: Steps = [(_MAKE, first)]
        rest: Steps = [(_ON, last), (_ISB, -1), (_LOAD, -1)]
        says = "the first access after the MMU is on faults: the walk misses the descriptor"
        twin = (*begin, (_DSB, -1), *barriers, *rest)
        return Story((*begin, *barriers, *rest), twin, _FAULTS, says, INVALID, _OFF)
    if isinstance(start, Tlbi):
        begin = [(DescriptorWrite(_SLOT, const(MOVED), Transition.CHANGE), -1), (_DSB_ST, -1), (_FLUSH, first)]
        rest = [(_ON, last), (_ISB, -1), (_LOAD, -1)]
        says = "with the MMU on, an access is translated by what the TLBI has not dropped yet"
        return Story((*begin, *barriers, *rest), (*begin, (_DSB, -1), *barriers, *rest), _OLD_PAGE, says)
    assert isinstance(start, SysregWrite)
    if start.register == "gpccr_el3":
        return "the granule protection check is not simulated"
    if not start.register.startswith("sctlr"):
        says = f"run as TTBR0_EL1: with the MMU on, an access translates by the old {start.register.upper()}"
        return _pair([(_SWITCH, first)], barriers, [(_ON, last), (_LOAD, -1)], _OLD_PAGE, says, _OFF)
    if finding.missing[:1] in (("TLBI VMALLE1",), ("ISB",)):
        return "walks between the TLBI and the MMU's switching off are not simulated"
    change = DescriptorWrite(_SLOT, const(MOVED), Transition.CHANGE)
    begin = [(change, -1), (_DSB_ST, -1)]
    rest = [(_ON, first), (_ISB, -1), (_LOAD, -1)]
    flush: Steps = [(_FLUSH, -1), (_DSB, -1), (_ISB, -1)]
    says = "with the MMU on, an access is translated by what a TLB held before"
    return Story((*begin, *rest), (*begin, *flush, *rest), _OLD_PAGE, says)


def _pair(
    begin: Steps,
    barriers: Steps,
    rest: Steps,
    goal: Proposition,
    says: str,
    on: int = 1,
) -> Story:
    """What the witness does; and the same with an ISB after the write."""
    return Story((*begin, *barriers, *rest), (*begin, (_ISB, -1), *barriers, *rest), goal, says, on=on)


def _between(finding: Finding) -> Steps:
    """The barriers of the witness after its write, as the simulator runs them."""
    witness = finding.witness
    found: Steps = []
    first = witness.steps.index(witness.write)
    for number, step in enumerate(witness.steps[first + 1 : -1], first + 1):
        match step.event:
            case Dsb() | Dmb() | ContextSync():
                found.append((step.event, number))
            case ExceptionCall() | ExceptionReturn() | Drain():
                found.append((_ISB, number))
    return found
