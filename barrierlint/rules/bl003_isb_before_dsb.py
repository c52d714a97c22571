"""The ISB comes before the DSB: barriers after a descriptor write count only in the order DSB, then ISB.

**What it flags.** Between a descriptor write and what depends on it there are an ISB and a DSB, but the ISB
executes first and none follows the DSB.

**Why.** An ISB before the DSB synchronizes with tables that the walker may still see as they were. What was fetched
and translated between the two is not discarded again, so the pair leaves the same hole as the DSB alone.

**Bad.**

```c
*ptep = pte;
isb();
dsb(ishst);
return *va;
```

**Good.**

```c
*ptep = pte;
dsb(ishst);
isb();
return *va;
```

**References.** Arm ARM DDI 0487, D8.2.6; litmus `S1.I2V.LDR+isb-dsb.ish` (a fault is possible) and
`S1.I2V.LDR+isb-dsb.ish-isb` (none); LK commit 6792c9e1430c.
"""

from __future__ import annotations

from barrierlint.dataflow.debts import Progress
from barrierlint.dataflow.witness import Defect
from barrierlint.rules.rule import Rule, info


def owns(defect: Defect) -> bool:
    """A DSB completed the write, and the only ISB came before it."""
    return defect.debt.progress is Progress.COMPLETED and "isb-early" in defect.debt.seen


def sentence(_: Defect) -> str:
    """What is wrong, in words."""
    return "the ISB comes before the DSB, and none follows it"


RULE = Rule(info(__name__, __doc__), owns, lambda _: ("ISB",), sentence)
