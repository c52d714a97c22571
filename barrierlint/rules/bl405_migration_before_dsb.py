"""A thread may leave its PE between a TLBI or a descriptor write and its DSB, and the context switch has no DSB.

**What it flags.** A context switch that no DSB precedes on every path, in a program with a function that issues a
broadcast TLBI or writes a descriptor, and completes it with a DSB later, without masking interrupts. Where the program
has no context switch to look at: a step between the two that enables interrupts, or calls what may be preempted.
The former is a warning where such a step is known, a note where the thread could merely be interrupted.

**Why.** A DSB waits for the accesses and the TLB maintenance of the PE it runs on. If the thread is preempted after its
TLBI and goes on on another PE, its DSB completes nothing: the TLBI may still be under way when the page is freed, and
a PE uses it through the old translation. LK crashed so (commit 6e416543). A DSB in every context switch cures all
such places at once.

**Bad.**

```c
void switch_to(struct thread *old, struct thread *new)
{
        swap_stacks(&old->sp, new->sp);
}
```

**Good.**

```c
void switch_to(struct thread *old, struct thread *new)
{
        dsb(ish);                      /* TLB maintenance of the old thread, in case it goes on elsewhere */
        swap_stacks(&old->sp, new->sp);
}
```

**What it assumes.** Of the entry of a function nothing is known: that a caller masks interrupts is not assumed. Context
switches and functions that may be preempted are named by models (`switches`, `preempts`); inline assembly that saves
the stack pointer in memory is known for a context switch by itself, `msr daifclr, #2` and `msr daif` for enabling
interrupts.

**References.** Arm ARM DDI 0487, B2.3.12 (a DSB completes what its own PE has issued) and D8.17.5; LK commit 6e416543;
Linux, `__switch_to()` of arm64.
"""

from __future__ import annotations

from collections.abc import Iterator

from barrierlint.cfg.graph import Program
from barrierlint.dataflow.migration import Migration, Named, migrations
from barrierlint.dataflow.steps import Met
from barrierlint.events import Call, SysregWrite, Tlbi, mnemonic
from barrierlint.finding import Claim, Confidence, Severity, WitnessStep
from barrierlint.models import Models
from barrierlint.rules.advice import Advice, Remark
from barrierlint.rules.narrate import short
from barrierlint.rules.rule import info


def find(program: Program, models: Models) -> Iterator[Remark]:
    """One remark a context switch, or a function that is preempted; further places are folded."""
    groups: dict[object, dict[object, Migration]] = {}
    for one in migrations(program, _named(models)):
        cfg = program.functions[one.point.function]
        groups.setdefault((cfg.pattern or cfg.place, one.how), {}).setdefault(one.point.step.span, one)
    for group in groups.values():
        first, *others = sorted(group.values(), key=lambda one: one.point.step.span)
        yield _remark(program, first, others)


def _named(models: Models) -> Named:
    def preempting(qualified: str) -> bool:
        said = models.function(qualified)
        return said is not None and said.preempts

    return Named(models.switches, preempting)


def _remark(program: Program, one: Migration, others: list[Migration]) -> Remark:
    work = _step(program, one.work, "write", f"{_work(one.work)}, not complete yet")
    point = _step(program, one.point, "idle", _point(one.point))
    also = tuple(_step(program, other.point, "idle", _point(other.point)) for other in others)
    known = f"the thread may be preempted in {_function(program, one.work)}()" if one.certain else ""
    grounds = known or "that interrupts are masked there is not known"
    return Remark(
        _message(program, one),
        (work, point),
        grounds,
        Claim.MIGRATED,
        also,
        confidence=Confidence.EXACT if one.certain else Confidence.POSSIBLE,
        severity=Severity.WARNING if one.certain else Severity.NOTE,
    )


def _message(program: Program, one: Migration) -> str:
    where, worker = _function(program, one.point), _function(program, one.work)
    if one.how == "switch":
        return (
            f"{where}() switches threads with no DSB before: {_work(one.work)} in {worker}() may be incomplete, and "
            "its DSB then runs on another PE"
        )
    return (
        f"{where}() may be preempted between {_work(one.work)} and its DSB: unless context switches have one, the DSB "
        "then runs on another PE"
    )


def _work(met: Met) -> str:
    return mnemonic(met.event).upper() if isinstance(met.event, Tlbi) else "the descriptor write"


def _point(met: Met) -> str:
    match met.event:
        case Call(qualified=qualified):
            return f"{short(qualified)}() is called"
        case SysregWrite():
            return "interrupts are enabled"
    return "the stack pointer is saved: another thread runs"


def _function(program: Program, met: Met) -> str:
    return short(program.functions[met.function].qualified)


def _step(program: Program, met: Met, role: str, note: str) -> WitnessStep:
    return WitnessStep(met.step.span, note, role, met.event, program.functions[met.function].qualified)


RULE = Advice(info(__name__, __doc__, Severity.NOTE, ("scheduling",)), find)
