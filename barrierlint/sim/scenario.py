"""A finding's witness as a program of the simulator: the write, what lies on the path, and the access that depends on
it.

The events of the witness are executed as they are, with concrete operands: the descriptor is that of page `x`, every
other memory access goes to a cell of its own. What it does not model: the values of the code analysed, branches (the
witness has taken them), tables above the leaf, and system registers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from barrierlint.events import (
    Access,
    Accesses,
    At,
    CacheMaintenance,
    ContextSync,
    DescriptorWrite,
    Dmb,
    Drain,
    Dsb,
    Event,
    ExceptionCall,
    ExceptionReturn,
    Kind,
    Order,
    Shareability,
    SpeculationBarrier,
    Tlbi,
    Transition,
)
from barrierlint.finding import Finding
from barrierlint.sim.condition import All, FaultAtom, MemoryAtom, Not, Proposition, RegisterAtom
from barrierlint.sim.descriptor import Descriptor
from barrierlint.sim.operands import operand
from barrierlint.sim.program import PHYSICAL, Instruction, Pe, Program, Symbols
from barrierlint.terms import Const, Term, const

SYMBOLS = Symbols(("x", "z", "flag"))
LABEL = "L0"
PAGE_NUMBER = SYMBOLS.virtual("x") >> 12
_OTHER_CELL = PHYSICAL + 0x80_0000
_VALUE = "X3"
VALID = Descriptor(SYMBOLS.physical("x")).encode()
MOVED = Descriptor(SYMBOLS.physical("z")).encode()
INVALID = Descriptor(SYMBOLS.physical("x"), valid=0).encode()
_EARLY, OPERAND_RULE = "BL102", "BL106"
BROKEN = DescriptorWrite(const(SYMBOLS.table("x")), const(INVALID), Transition.BREAK)
"""The write before a TLBI of which the witness shows none."""
_LEVELS = re.compile(r"\b(?P<linux>pmd_t|pud_t|p4d_t)\b|\bpt_element(?:_common)?<(?P<above>[0-3])>")
_BROADCAST = ("is", "os", "isnxs", "osnxs")


@dataclass(frozen=True, slots=True)
class Step:
    """An event to execute, and the index of the witness step it comes from (-1: from none)."""

    event: Event
    source: int = -1


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is asked: the steps of P0 up to and including the access, how the write changes the descriptor, whether P1
    accesses instead; `twice`: P1 looks, and looks again, and must not see the new page and then the old one.
    """

    steps: tuple[Step, ...]
    transition: Transition
    access: Step
    remote: bool = False
    twice: bool = False


def scenario_of(finding: Finding) -> Scenario | None:
    """Return the scenario of `finding`; None if its witness neither writes a descriptor nor issues a TLBI.

    A TLBI's comes after a break that is complete up to there. A path that ends in a TLBI goes on as code at its best
    would; after one that makes the descriptor valid again the old page must not be seen.
    """
    path = finding.witness.steps
    main = finding.witness.write
    if not isinstance(main.event, DescriptorWrite | Tlbi):
        return None
    last = path[-1].event
    write = main.event if isinstance(main.event, DescriptorWrite) else BROKEN
    transition = transition_of(write)
    remade = isinstance(last, DescriptorWrite) and last is not main.event
    steps = [] if write is main.event else [Step(event) for event in _before_tlbi(finding)]
    wrong = finding.rule == OPERAND_RULE
    if path[-1] is main and isinstance(main.event, DescriptorWrite):
        return _replaced(main.event, len(path) - 1)
    for index, step in enumerate(path if isinstance(last, Tlbi) else path[:-1]):
        if wrong and step is main and isinstance(step.event, Tlbi):
            steps.append(Step(_as_computed(step.event), index))
        elif wrong and isinstance(step.event, Tlbi):
            steps.append(Step(replace(step.event, operand=const(PAGE_NUMBER)), index))  # and no ASID
        elif step.event is not None:
            written = transition if step is main else None
            steps += [Step(event, index) for event in _concrete(step.event, write, written)]
    if isinstance(last, DescriptorWrite) and remade:
        transition = Transition.CHANGE
        steps.append(Step(_write(last, MOVED), len(path) - 1))
    elif isinstance(last, Tlbi):
        steps += [Step(Dsb(Shareability.ISH)), Step(ContextSync("isb"))]
    return Scenario(tuple(steps), transition, _dependent(None if remade else last, len(path) - 1))


def _replaced(write: DescriptorWrite, index: int) -> Scenario:
    """A valid descriptor over another one, then all that completes it: another PE looks twice."""
    ending: list[Event] = [
        Dsb(Shareability.ISH, Accesses.ST),
        Tlbi("vaae1is", const(PAGE_NUMBER)),
        Dsb(Shareability.ISH),
    ]
    steps = (Step(_write(write, MOVED), index), *(Step(event) for event in ending))
    return Scenario(steps, Transition.CHANGE, _dependent(None, -1), remote=True, twice=True)


def _as_computed(event: Tlbi) -> Tlbi:
    """A TLBI with what its operand is on the page: where that is wrong, with the ASID of the page's translation."""
    if event.operand is None:
        return event
    return Tlbi(event.op, const(operand(event.operand, SYMBOLS.virtual("x"), event.op.startswith("aside"))))


def _before_tlbi(finding: Finding) -> list[Event]:
    """A break of which the witness shows the TLBI first: complete up to there, unless the rule is that it is not."""
    written: list[Event] = [_write(BROKEN, INVALID)]
    return written if finding.rule == _EARLY else [*written, Dsb(Shareability.ISH, Accesses.ST)]


def _dependent(event: Event | None, source: int) -> Step:
    """The access that needs the new translation; a load of the page where the witness ends at a boundary."""
    page = const(SYMBOLS.virtual("x"))
    match event:
        case Access(kind=Kind.READ | Kind.FETCH):
            return Step(replace(event, address=page, into=_VALUE, op="", expected=None), source)
        case Access(kind=Kind.WRITE):
            return Step(replace(event, address=page, value=const(3), into=None, op=""), source)
        case Access():
            return Step(replace(event, address=page, value=const(3), into=_VALUE, op="swap", expected=None), source)
        case _:
            return Step(Access(Kind.READ, page, None, _VALUE), source)


def _concrete(event: Event, main: DescriptorWrite, transition: Transition | None) -> list[Event]:
    """Return `event` with operands the simulator can evaluate."""
    match event:
        case DescriptorWrite() if transition is not None:
            return [_write(event, new_value(transition))]
        case DescriptorWrite(location=location, transition=kind) if location == main.location:
            return [_write(event, INVALID if kind is Transition.BREAK else VALID)]
        case DescriptorWrite():
            return [replace(_write(event, VALID), location=const(SYMBOLS.table("z")))]
        case Tlbi(op, given):
            return [Tlbi(op, const(PAGE_NUMBER) if given is not None else None)]
        case Access(kind=Kind.WRITE | Kind.RMW):
            return [
                replace(event, address=const(_OTHER_CELL), value=const(0), into=None, op=_plain(event), expected=None)
            ]
        case Access():
            return [replace(event, address=const(_OTHER_CELL), into="X20", op="")]
        case ExceptionCall():
            return [ContextSync("exception-entry")]
        case ExceptionReturn():
            return [ContextSync("eret")]
        case ContextSync("drain") | Drain():
            return _drained(transition_of(main))
        case Dsb() | Dmb() | ContextSync() | SpeculationBarrier() | CacheMaintenance():
            return [event]
        case At():
            return []
        case _:
            return []


def _plain(event: Access) -> str:
    return "" if event.kind is Kind.WRITE else "swap"


def transition_of(event: DescriptorWrite) -> Transition:
    """How the write changes the descriptor; one nothing is known of is taken for a make."""
    return Transition.MAKE if event.transition is Transition.UNKNOWN else event.transition


def _write(event: DescriptorWrite, value: int) -> DescriptorWrite:
    """The same kind of store or atomic, of a known value. A compare-exchange is the one that succeeds."""
    op = "" if event.op in ("", "exclusive", "compare-exchange", "cas") else "swap"
    return DescriptorWrite(const(SYMBOLS.table("x")), const(value), event.transition, order=event.order, op=op)


def new_value(transition: Transition) -> int:
    """The descriptor that the write leaves."""
    return {Transition.BREAK: INVALID, Transition.CHANGE: MOVED}.get(transition, VALID)


def old_value(transition: Transition) -> int:
    """The descriptor before the write."""
    return INVALID if transition is Transition.MAKE else VALID


def _drained(transition: Transition) -> list[Event]:
    """What a declared drain stands for: all that the transition owes."""
    ending: list[Event] = [Dsb(Shareability.ISH), ContextSync("isb")]
    return ending if transition is Transition.MAKE else [Dsb(Shareability.ISH), Tlbi("vmalle1is"), *ending]


def proposed(finding: Finding, scenario: Scenario) -> Scenario:
    """Return the twin with the events of the finding's own repair where the witness passes them, if it tells."""
    path = finding.repair.path if finding.repair else None
    story = scenario_of(replace(finding, witness=path)) if path is not None else None
    if path is None or story is None:
        return repaired(scenario)
    known = iter(enumerate(finding.witness.steps))
    number: dict[int, int] = {-1: -1}
    index, step = next(known)
    for at, told in enumerate(path.steps):
        number[at] = index if told == step else -1
        if told == step:
            index, step = next(known, (-1, told))
    steps = tuple(replace(one, source=number[one.source]) for one in story.steps)
    return replace(story, steps=steps, access=scenario.access, remote=scenario.remote)


def repaired(scenario: Scenario) -> Scenario:
    """Return the twin with the minimal sequence in place: after the write, what SEMANTICS owes for its transition.

    A change becomes break-before-make: invalid, DSB, TLBI, DSB, and only then the new descriptor.
    """
    steps: list[Step] = []
    for step in scenario.steps:
        event = step.event
        if isinstance(event, DescriptorWrite) and event.value == const(new_value(scenario.transition)):
            steps += [Step(e) if e is not event else step for e in _sequence(event, scenario.transition)]
        else:
            steps.append(step)
    return replace(scenario, steps=tuple(steps))


def _sequence(event: DescriptorWrite, transition: Transition) -> list[Event]:
    ish = Shareability.ISH
    break_it: list[Event] = [Dsb(ish, Accesses.ST), Tlbi("vaae1is", const(PAGE_NUMBER)), Dsb(ish)]
    match transition:
        case Transition.BREAK:
            return [event, *break_it, ContextSync("isb")]
        case Transition.CHANGE:
            first = DescriptorWrite(event.location, const(INVALID), Transition.BREAK)
            return [first, *break_it, event, Dsb(ish, Accesses.ST), ContextSync("isb")]
        case _:
            return [event, Dsb(ish, Accesses.ST), ContextSync("isb")]


def program_of(scenario: Scenario) -> Program:
    """Return the program: P0 writes and accesses; or P0 writes and raises a flag, and P1, seeing it, accesses."""
    table, memory = SYMBOLS.table, SYMBOLS.physical
    cells = {
        table("x"): old_value(scenario.transition),
        table("z"): MOVED,
        table("flag"): Descriptor(memory("flag")).encode(),
        memory("x"): 1,
        memory("z"): 2,
    }
    code = [Instruction(step.event, (), "", 0, step.source) for step in scenario.steps]
    access = Instruction(scenario.access.event, (LABEL,), "", 0, scenario.access.source)
    if scenario.twice:
        first = (
            Instruction(replace(scenario.access.event, into="X5"))
            if isinstance(scenario.access.event, Access)
            else access
        )
        between = (Instruction(Dsb(Shareability.SY)), Instruction(ContextSync("isb")))
        return Program((Pe(tuple(code)), Pe((first, *between, access), {LABEL: 3})), SYMBOLS, cells, "witness")
    if not scenario.remote:
        return Program((Pe((*code, access), {LABEL: len(code)}),), SYMBOLS, cells, "witness")
    flag = const(memory("flag"))
    order = Order.PLAIN if scenario.transition is Transition.MAKE else Order.RELEASE
    code.append(Instruction(Access(Kind.WRITE, flag, const(1), order=order)))
    seen: list[Event] = [Access(Kind.READ, flag, None, "X5", Order.ACQUIRE), Dsb(Shareability.ISH), ContextSync("isb")]
    reader = (*(Instruction(event) for event in seen), access)
    return Program((Pe(tuple(code)), Pe(reader, {LABEL: len(seen)})), SYMBOLS, cells, "witness")


def defect(scenario: Scenario) -> Proposition:
    """Return what must not happen: the fault after a make, the old translation used after a break or change."""
    pe = 1 if scenario.remote else 0
    fault = FaultAtom(pe, LABEL, SYMBOLS.virtual("x"), "translation")
    if scenario.twice:
        return All((RegisterAtom(1, "X5", 2), RegisterAtom(1, _VALUE, 1)))
    asked: Proposition = fault if scenario.transition is Transition.MAKE else Not(FaultAtom(pe, LABEL))
    if scenario.transition is Transition.CHANGE:
        asked = _old_page(scenario, pe)
    return All((RegisterAtom(1, "X5", 1), asked)) if scenario.remote else asked


def sound(scenario: Scenario) -> Proposition:
    """Return what happens where all goes well: the access is made, and what must not happen does not."""
    bad = defect(scenario)
    if isinstance(bad, All):
        flag, asked = bad.of
        return All((flag, Not(asked)))
    return Not(bad)


def _old_page(scenario: Scenario, pe: int) -> Proposition:
    """A load that still sees the old page, or a store that changes it."""
    event = scenario.access.event
    if isinstance(event, Access) and event.kind is Kind.WRITE:
        return MemoryAtom(SYMBOLS.physical("x"), 3)
    return RegisterAtom(pe, _VALUE, 1)


def narrow_or_local(scenario: Scenario) -> bool:
    """Whether the path has a barrier or TLBI that other PEs do not take part in."""
    for step in scenario.steps:
        match step.event:
            case Dsb(domain=Shareability.NSH):
                return True
            case Tlbi(op) if not op.endswith(_BROADCAST):
                return True
            case _:
                pass
    return False


def level_of(finding: Finding) -> int:
    """The level of the descriptor written, where a type in its evidence has one level only; else 3.

    Linux's `pmd_t` and `pud_t` (4 KiB granule), OSv's `pt_element<N>`, whose N counts from the leaf up.
    """
    write = finding.witness.write.event
    evidence = " ".join(write.evidence) if isinstance(write, DescriptorWrite) else ""
    match = _LEVELS.search(evidence)
    if match is None:
        return 3
    return 3 - int(match["above"]) if match["above"] else {"pmd_t": 2, "pud_t": 1, "p4d_t": 0}[match["linux"]]


def address_of(finding: Finding) -> int:
    """The faulting address to report: the constant the witness has, else a placeholder in the kernel's half."""
    event = finding.witness.access.event
    write = finding.witness.write.event
    found: list[Term | None] = [event.address if isinstance(event, Access) else None]
    found.append(write.maps if isinstance(write, DescriptorWrite) else None)
    return next((term.value for term in found if isinstance(term, Const)), 0xFFFF_8000_0A00_0000)
