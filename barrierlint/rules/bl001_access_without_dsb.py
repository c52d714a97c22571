"""A descriptor write reaches an access that depends on it with no DSB in between.

**What it flags.** A translation table descriptor is written (plainly, by an exchange or by a compare-and-exchange),
and on some path no DSB follows before an access to the address it maps, or before the analysed code returns to
callers that nobody analysed.

**Why.** The translation table walker is an observer of its own: a store to a descriptor is visible to it only once
a DSB has completed the store. Without one, the walk that the access causes may read the old, invalid descriptor,
and the access takes a translation fault on an address that was just mapped. Published runs of this shape faulted on
Cortex-A53, Cortex-A72 and Graviton2; the OSv unikernel crashed at boot from it (OSv issue #1117). An ISB alone, a
release store, an acquire load, or how the descriptor was stored make no difference.

**Bad.**

```c
*ptep = pa | 0x713;            /* invalid -> valid */
return readl(va);              /* may fault: the walker may not see the store yet */
```

**Good.**

```c
*ptep = pa | 0x713;
asm volatile("dsb ishst" ::: "memory");   /* the walker sees the store */
asm volatile("isb" ::: "memory");         /* later instructions use it */
return readl(va);
```

One DSB and ISB after a batch of writes serve them all.

**References.** Arm ARM DDI 0487, D8.2.6 and B2.3.12 (ordering of translation table walks, DSB); Simner et al.,
*Relaxed virtual memory in Armv8-A* (2022), test `CoWTf.inv`; litmus `S1.I2V.LDR+none`; OSv commit 36432c3a.
"""

from __future__ import annotations

from barrierlint.dataflow.debts import Progress
from barrierlint.dataflow.witness import Defect
from barrierlint.rules.rule import Rule, info


def owns(defect: Defect) -> bool:
    """No DSB of any kind was seen, and no DMB that stands in for one."""
    return defect.debt.progress is Progress.WRITTEN and not defect.debt.seen & {"dsb-ld", "dmb"}


def sentence(defect: Defect) -> str:
    """What is missing, in words."""
    if "isb-early" in defect.debt.seen:
        return "no DSB between (the ISB alone completes nothing)"
    return "no DSB and no ISB between"


RULE = Rule(info(__name__, __doc__), owns, lambda _: ("DSB ISHST", "ISB"), sentence)
