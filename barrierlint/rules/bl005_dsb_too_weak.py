"""The DSB after a descriptor write is too weak: it waits for loads only, or reaches no other PE's walker.

**What it flags.** Between a descriptor write and what depends on it the only DSB is one for loads (`LD`, `ISHLD`,
`NSHLD`, `OSHLD`); or it is non-shareable (`NSH`, `NSHST`) although other PEs walk the table (the program waits in a
wider domain or broadcasts TLB maintenance elsewhere).

**Why.** A DSB for loads waits for earlier loads, not for the store of the descriptor. A non-shareable DSB completes
the store for this PE's walker only, so an access on another PE may still fault. For a PE's own tables, or ones not
yet shared, NSH is enough.

**Bad.**

```c
*ptep = pte;
dsb(ishld);                    /* waits for loads */
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

**References.** Arm ARM DDI 0487, B2.3.12 (the CRm table: domain and access types) and B2.7.1 (shareability
domains); litmus `S1.I2V.LDR+dsb.ishld-isb`.
"""

from __future__ import annotations

from barrierlint.dataflow.debts import Progress
from barrierlint.dataflow.witness import Defect
from barrierlint.rules.rule import Rule, info


def owns(defect: Defect) -> bool:
    """A DSB for loads only, or one whose domain leaves other PEs' walkers out."""
    debt = defect.debt
    return debt.progress is Progress.LOCAL or (debt.progress is Progress.WRITTEN and "dsb-ld" in debt.seen)


def missing(defect: Defect) -> tuple[str, ...]:
    """A DSB that waits for stores, and an ISB unless one already follows."""
    if defect.debt.progress is Progress.LOCAL or "isb-early" in defect.debt.seen:
        return ("DSB ISHST",)
    return ("DSB ISHST", "ISB")


def sentence(defect: Defect) -> str:
    """What is wrong, in words."""
    if defect.debt.progress is Progress.LOCAL:
        return "the DSB is non-shareable, and other PEs walk this table"
    return "the only DSB between waits for loads, not for the store"


RULE = Rule(info(__name__, __doc__), owns, missing, sentence)
