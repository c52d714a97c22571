"""A DSB waits for more than there is: a wider domain than the TLBI concerns, or all accesses where stores are meant.

**What it flags.** A DSB directly behind a TLBI whose domain is wider than that of the PEs the TLBI concerns
(non-shareable for a local one, inner shareable for `…IS`, outer shareable for `…OS`); a DSB directly ahead of a TLBI
that waits for loads too, or in a wider domain than the TLBI reaches; a DSB with descriptor writes pending and nothing
else that waits for loads too or for the full system. Where any other access may be pending nothing is said.

**Why.** DSB SY waits for every access of the PE to reach the end of the system, through buses and bridges that no
table walk of a PE takes. A DSB NSH is enough to complete TLB maintenance that applies to one PE, a DSB ISH that of
the inner shareable domain.

**Bad.**

```c
dsb(sy);
asm volatile("tlbi vae2is, %0" :: "r"(va >> 12));
dsb(sy);
isb();
```

**Good.**

```c
dsb(ishst);                    /* the descriptors are stored */
asm volatile("tlbi vae2is, %0" :: "r"(va >> 12));
dsb(ish);                      /* the TLBI is complete on all PEs */
isb();
```

**What it assumes.** Nothing is known of the entry of a function: what its callers left pending may be anything. A DSB
next to a TLBI is taken for the TLBI's all the same, unless the function itself has accesses pending; a DSB after
descriptor writes is judged only where an earlier DSB of the function has completed what the callers left. Tables that
a device walks from outside the inner shareable domain (an IOMMU) are not meant.

**References.** Arm ARM DDI 0487, D8.17.5 (DSB NSH and DSB ISH complete TLB maintenance) and B2.3.12; Xen commits
5e5d1a43 and 7c438851.
"""

from __future__ import annotations

from collections.abc import Iterator

from barrierlint.cfg.graph import Program
from barrierlint.dataflow.steps import Met
from barrierlint.dataflow.strength import Strong, strong_barriers
from barrierlint.events import Tlbi, mnemonic
from barrierlint.finding import Claim, Severity, WitnessStep
from barrierlint.models import Models
from barrierlint.rules.advice import Advice, Remark
from barrierlint.rules.narrate import short
from barrierlint.rules.rule import info


def find(program: Program, _models: Models) -> Iterator[Remark]:
    """One remark a function, at the first DSB; the others are folded."""
    groups: dict[object, dict[object, Strong]] = {}
    for strong in strong_barriers(program):
        cfg = program.functions[strong.barrier.function]
        group = groups.setdefault(cfg.pattern or cfg.place, {})
        group.setdefault((strong.barrier.step.span, strong.why), strong)
    for group in groups.values():
        first, *others = sorted(group.values(), key=lambda strong: strong.barrier.step.span)
        yield _remark(program, first, others)


def _remark(program: Program, strong: Strong, others: list[Strong]) -> Remark:
    told = [
        *(_step(program, met, "barrier", _earlier(met)) for met in strong.before),
        _step(program, strong.barrier, "idle", f"{_enough(strong)} would do"),
        *(_step(program, met, "barrier", _later(met)) for met in strong.after),
    ]
    also = tuple(_step(program, other.barrier, "idle", f"{_enough(other)} would do") for other in others)
    grounds = "between this DSB and the next one, and the last, there is nothing but table work"
    message = f"this {_name(strong.barrier)} in {_function(program, strong)}() is stronger than needed: {_why(strong)}"
    return Remark(message, tuple(told), grounds, Claim.STRONGER, also, instead=strong.enough)


def _why(strong: Strong) -> str:
    match strong.why:
        case "behind":
            return f"{_enough(strong)} completes {_name(strong.before[0])}"
        case "ahead":
            return f"{_enough(strong)} completes what was stored to the tables before {_name(strong.after[0])}"
    return f"only descriptor writes are pending, and {_enough(strong)} completes them"


def _earlier(met: Met) -> str:
    return f"{_name(met)} is issued" if isinstance(met.event, Tlbi) else f"{_name(met)} completes all before it"


def _later(met: Met) -> str:
    return f"{_name(met)} is issued" if isinstance(met.event, Tlbi) else f"{_name(met)} completes it"


def _enough(strong: Strong) -> str:
    return mnemonic(strong.enough).upper()


def _name(met: Met) -> str:
    return mnemonic(met.event).upper()


def _function(program: Program, strong: Strong) -> str:
    return short(program.functions[strong.barrier.function].qualified)


def _step(program: Program, met: Met, role: str, note: str) -> WitnessStep:
    return WitnessStep(met.step.span, note, role, met.event, program.functions[met.function].qualified)


RULE = Advice(info(__name__, __doc__, Severity.NOTE, ("performance",)), find)
