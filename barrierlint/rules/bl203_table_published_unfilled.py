"""A descriptor links a table that is not filled yet, or whose filling is not ordered before the link.

**What it flags.** A table's address, which a call gave, is written into a table descriptor: and the table is filled
only after that, in a loop; or it is filled before, by plain stores, with no DMB or DSB for stores and no release
between the stores and the link.

**Why.** From the moment a walker sees the link it reads the table. What it finds there before the stores arrive is what
the memory held before: old descriptors, or data taken for descriptors, which the TLBs then keep. Stores to different
places become visible in any order, also to the walker of the PE that makes them, unless a barrier that orders stores,
or a release, stands between.

**Entry state.** A table that a function is handed counts as filled, and so does one that any other function was handed
before it is linked. Memory that a call gives is taken to hold anything; single stores into it after the link, as a walk
makes them that maps one page, are not judged: the allocator may have cleared it.

**Bad.**

```c
u64 *table = alloc_page();
*slot = (u64)table | 3;                    /* linked first */
for (int i = 0; i < 512; i++)
        table[i] = block + i * 4096 | attributes;
```

**Good.**

```c
u64 *table = alloc_page();
for (int i = 0; i < 512; i++)
        table[i] = block + i * 4096 | attributes;
asm volatile("dmb ishst" ::: "memory");
*slot = (u64)table | 3;
```

**References.** Arm ARM DDI 0487, D8.2.6 (ordering of translation table walks), B2.3.12 (DMB); litmus
`own/level.publish.MP+fill-link`, `+fill-dmb.st-link` and `+link-dmb.st-fill`; EDK2 commit ebb92353.
"""

from __future__ import annotations

from barrierlint.dataflow.debts import LINK, PUBLISH
from barrierlint.dataflow.witness import Defect
from barrierlint.finding import Witness
from barrierlint.rules.rule import Rule, info


def missing(defect: Defect) -> tuple[str, ...]:
    """A DMB for stores; or another order."""
    return ("the table filled before it is linked",) if defect.debt.kind == LINK else ("DMB ISHST",)


def sentence(defect: Defect) -> str:
    """What is wrong, in words."""
    return "it is linked first" if defect.debt.kind == LINK else "no DMB ST, DSB ST or release between"


def message(defect: Defect, steps: Witness) -> str:
    """Filled too late, or not in order."""
    from barrierlint.rules.narrate import short

    where = short(steps.write.function)
    if defect.debt.kind == LINK:
        return f"the table that {where}() links is filled only here: walks may read what the memory held before"
    seen = ": a barrier for loads orders no stores" if "loads" in defect.debt.seen else ""
    return f"this links a table, and what {where}() stores into it may become visible later{seen}"


RULE = Rule(info(__name__, __doc__), lambda _: True, missing, sentence, PUBLISH, message, also=(LINK,))
