"""A descriptor is made invalid, or allows less than before, and no TLBI follows.

**What it flags.** A descriptor that was valid, or may have been, is made invalid or is restricted, and on some path no
TLBI follows before the address is accessed again, before the same descriptor is made valid again, or before the
analysed code returns to callers that nobody analysed.

**Why.** A valid descriptor may be held in a TLB. Until a TLBI that covers it is complete, any PE may go on using the
old translation: it reads and writes a page that the kernel has given to someone else, or with permissions it took
away. A descriptor made valid again meanwhile leaves two translations of one address in the TLB (break-before-make,
D8.16.1).

**Entry state.** Of a descriptor whose old value nobody knows nothing is assumed when something valid is written; it is
assumed to have been valid when it is made invalid. A function that is handed the descriptor's place owes no TLBI: its
caller knows what it took away. A call whose body was not seen is taken for the invalidation if its name speaks of one.

**Bad.**

```c
table[va >> 12 & 511] = 0;     /* valid -> invalid */
dsb(ish);
isb();
free_page(page);               /* the TLB may still translate va to it */
```

**Good.**

```c
table[va >> 12 & 511] = 0;
dsb(ishst);                    /* no walk after this finds the old descriptor */
tlbi(vaae1is, va >> 12);
dsb(ish);                      /* the invalidation is complete on all PEs */
isb();
free_page(page);
```

**References.** Arm ARM DDI 0487, D8.16 (TLB maintenance, break-before-make); Simner et al., *Relaxed virtual memory in
Armv8-A* (2022), section 3; kvm-unit-tests commit aa1438e8.
"""

from __future__ import annotations

from barrierlint.dataflow.debts import BREAK, Progress
from barrierlint.dataflow.witness import Defect
from barrierlint.rules.maintenance import INVALIDATE, is_early, message, misses
from barrierlint.rules.rule import Rule, info


def owns(defect: Defect) -> bool:
    """No TLBI was seen since the write."""
    return (
        defect.debt.progress in (Progress.WRITTEN, Progress.COMPLETED) and not is_early(defect) and not misses(defect)
    )


def missing(defect: Defect) -> tuple[str, ...]:
    """The whole sequence, or what of it is left."""
    first = () if defect.debt.progress is Progress.COMPLETED else ("DSB ISHST",)
    return (*first, *INVALIDATE, "ISB")


def sentence(defect: Defect) -> str:
    """What is missing, in words."""
    if defect.debt.progress is Progress.COMPLETED:
        return "no TLBI follows the DSB, and a TLB may hold the old descriptor"
    return "no DSB and no TLBI follow, and a TLB may hold the old descriptor"


RULE = Rule(info(__name__, __doc__), owns, missing, sentence, BREAK, message(sentence))
