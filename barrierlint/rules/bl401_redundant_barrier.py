"""A barrier that nothing needs: others have done its work, or will before anyone could tell.

**What it flags.** A DSB, DMB, ISB or TLBI of the whole TLB

- that repeats an equal or stronger one, on every path, with nothing between that it could wait for, order, synchronize
  or drop (a DSB ISH behind a DSB SY, an ISB behind an ISB, a flush behind a flush);
- that an equal or stronger one follows at once on every path;
- in a loop of descriptor writes or TLBIs that do not depend on it, where one after the loop serves all turns;
- a TLBI of an address, where the function since the last one has made only invalid descriptors valid: a TLB does not
  hold invalid ones;
- and an ISB after each of several registers that are out of context (at EL2 the guest's, such as VTTBR_EL2), where one
  before their use is enough.

**Why.** A DSB stops the PE until all its accesses and TLB maintenance are complete, for all PEs of the domain; an ISB
empties the pipeline. In a loop over pages that is paid for each page. A barrier without a purpose also hides from the
reader which one is needed.

**Bad.**

```c
for (; va < end; va += PAGE_SIZE) {
        asm volatile("tlbi vaae1is, %0" :: "r"(va >> 12));
        dsb(ish);                              /* once a page */
        isb();
}
```

**Good.**

```c
for (; va < end; va += PAGE_SIZE)
        asm volatile("tlbi vaae1is, %0" :: "r"(va >> 12));
dsb(ish);                                      /* once for all */
isb();
```

**What it assumes.** The state at the entry of a function that anyone may call is unknown, and so is the state after a
call whose body is not there: a leading DSB is never redundant, nor one with any access before it that is not to
the stack. Two barriers of one asm statement are taken for a workaround of an erratum.

**References.** Arm ARM DDI 0487, B2.3.12 (DSB), D8.17 (completion of TLB maintenance), D19.1.2 (synchronization of
system registers); Xen commits 60bb42bb (three ISBs where one is enough) and c938f541 (a flush for each entry);
Haiku commit 83316034; EDK2 commit ee95f9e1 (a DSB after the write of SCTLR).
"""

from __future__ import annotations

from collections.abc import Iterator

from barrierlint.cfg.graph import Program
from barrierlint.dataflow.idle import Idle, idle_barriers
from barrierlint.dataflow.steps import Met
from barrierlint.dataflow.tearing import needless_flushes
from barrierlint.events import Access, Call, ContextSync, DescriptorWrite, Dsb, Event, SysregWrite, Tlbi, mnemonic
from barrierlint.finding import Claim, Severity, WitnessStep
from barrierlint.models import Models
from barrierlint.rules.advice import Advice, Remark
from barrierlint.rules.narrate import short
from barrierlint.rules.rule import info


def find(program: Program, _models: Models) -> Iterator[Remark]:
    """One remark a function and reason, at the first barrier; the others are folded."""
    groups: dict[object, dict[object, Idle]] = {}
    made = (Idle("made", flush, (write,)) for flush, write in needless_flushes(program))
    for idle in (*idle_barriers(program), *made):
        cfg = program.functions[idle.barrier.function]
        group = groups.setdefault((cfg.pattern or cfg.place, idle.why), {})
        group.setdefault((idle.barrier.step.span, idle.barrier.event), idle)
    for group in groups.values():
        first, *others = sorted(group.values(), key=lambda idle: idle.barrier.step.span)
        yield _remark(program, first, others)


def _remark(program: Program, idle: Idle, others: list[Idle]) -> Remark:
    barrier = _step(program, idle.barrier, "idle", _note(idle))
    before = tuple(_step(program, met, _role(met), _done(met)) for met in idle.before)
    after = tuple(_step(program, met, _role(met), _done(met)) for met in idle.after)
    also = tuple(_step(program, other.barrier, "idle", _note(other)) for other in others)
    grounds = "it is so on every path, whatever the callers of external functions did before"
    return Remark(_message(program, idle), (*before, barrier, *after), grounds, Claim.REDUNDANT, also)


def _message(program: Program, idle: Idle) -> str:
    own = f"this {name_of(idle.barrier.event)} in {_function(program, idle.barrier)}()"
    call = idle.barrier.step.event
    if isinstance(call, Call):
        own = f"this {name_of(idle.barrier.event)} of {short(call.qualified)}() in {_function(program, idle.barrier)}()"
    match idle.why:
        case "repeated":
            if isinstance(call, Call) and idle.whole:
                own = f"this call of {short(call.qualified)}() in {_function(program, idle.barrier)}()"
                return f"{own} does nothing: {_place(idle.before[0])} and what follows it did all of it on every path"
            return f"{own} {_purpose(idle.barrier.event)}: {_place(idle.before[0])} did it on every path"
        case "made":
            return f"{own} has nothing to drop: only invalid descriptors were made valid, and those are in no TLB"
        case "superseded":
            return f"{own} is superseded: {_place(idle.after[0])} follows at once and does more"
        case "registers":
            registers = " and ".join(word.upper() for word in idle.registers)
            return (
                f"{own} synchronizes {registers}, out of context here: {_place(idle.after[0])} does so before any use"
            )
    return (
        f"{own} runs in every turn of the loop, and nothing in the loop needs it: one after the loop serves all turns"
    )


def _purpose(event: Event) -> str:
    match event:
        case Dsb():
            return "has nothing to wait for"
        case ContextSync():
            return "has nothing to synchronize"
        case Tlbi():
            return "has nothing to drop"
    return "has nothing to order"


def name_of(event: Event) -> str:
    """The instruction as it is written: `DSB ISH`, `ISB`, `TLBI VMALLE1IS`."""
    return mnemonic(event).removeprefix("ContextSync ").upper()


def _place(met: Met) -> str:
    return f"the {name_of(met.event)} in line {met.step.span.line}"


def _function(program: Program, met: Met) -> str:
    return short(program.functions[met.function].qualified)


def _note(idle: Idle) -> str:
    name = name_of(idle.barrier.event)
    return {
        "repeated": f"{name}: nothing is left to do",
        "made": f"{name}: no TLB holds an invalid descriptor",
        "superseded": f"{name}: what follows does it too",
        "registers": f"{name}: no use of the registers before the next",
    }.get(idle.why, f"{name}: once a turn")


def _done(met: Met) -> str:
    match met.event:
        case Dsb() | ContextSync():
            return f"{name_of(met.event)} does its work"
        case SysregWrite(register):
            return f"{register.upper()} is written"
        case Tlbi():
            return f"{name_of(met.event)} is issued"
    return "a descriptor is written"


def _role(met: Met) -> str:
    return "write" if isinstance(met.event, DescriptorWrite | Access) else "barrier"


def _step(program: Program, met: Met, role: str, note: str) -> WitnessStep:
    return WitnessStep(met.step.span, note, role, met.event, program.functions[met.function].qualified)


RULE = Advice(info(__name__, __doc__, Severity.NOTE, ("performance",)), find)
