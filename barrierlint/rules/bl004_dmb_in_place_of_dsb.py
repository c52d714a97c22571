"""A DMB stands where a DSB is needed: it orders the descriptor write, but does not complete it.

**What it flags.** Between a descriptor write and what depends on it there is a DMB (or a fence that compiles to
one) but no DSB.

**Why.** A DMB orders memory accesses among observers. The store may still be in flight when later instructions run,
so the walker of this very PE may read the old descriptor. Only a DSB waits until the store is complete; an ISB
after a DMB does not help.

**Bad.**

```c
*ptep = pte;
dmb(ishst);
isb();
return *va;
```

**Good.**

```c
*ptep = pte;
dsb(ishst);
isb();
return *va;
```

**References.** Arm ARM DDI 0487, B2.3.12 (DMB and DSB); litmus `S1.I2V.LDR+dmb.ish-isb`; TF-A commit 77612b90aca.
"""

from __future__ import annotations

from barrierlint.dataflow.debts import Progress
from barrierlint.dataflow.witness import Defect
from barrierlint.rules.rule import Rule, info


def owns(defect: Defect) -> bool:
    """A DMB was seen and no DSB of any kind."""
    return defect.debt.progress is Progress.WRITTEN and "dmb" in defect.debt.seen and "dsb-ld" not in defect.debt.seen


def missing(defect: Defect) -> tuple[str, ...]:
    """A DSB in place of the DMB, and an ISB unless one already follows it."""
    return ("DSB ISHST",) if "isb-early" in defect.debt.seen else ("DSB ISHST", "ISB")


def sentence(_: Defect) -> str:
    """What is wrong, in words."""
    return "a DMB between, where a DSB is needed"


RULE = Rule(info(__name__, __doc__), owns, missing, sentence)
