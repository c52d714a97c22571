"""A valid descriptor is replaced by another valid one, without break-before-make.

**What it flags.** A descriptor that was read and found valid is overwritten by a valid one that differs in output
address, type (a table for a block), memory type, shareability, the global or the contiguous bit, with no invalid
descriptor in between.

**Why.** Until the old entry is gone from all TLBs, a walk may bring in the new one beside it. Two entries for one
address give a TLB conflict abort, or either translation, or a mixture of both; with different memory types coherence is
lost. The architecture therefore wants the descriptor broken first: invalid, DSB, TLBI, DSB, and only then the new one.
A TLBI afterwards comes too late.

**Entry state.** That a descriptor is valid is taken from a test on the path, or from the old value that an exchange is
given; nothing is assumed of one whose old value nobody looked at. Where the test comes after the write, so that a valid
one was replaced as well, that is a warning. One that keeps its valid bit and output address while its memory type or
shareability is replaced is taken to be in use, as a warning: of an invalid entry there would be nothing to keep. What
is put together in place, and tables that are local objects, owe nothing. The rule does not know whether the MMU is on.

**Bad.**

```c
if ((*entry & 3) == BLOCK)
        *entry = pa_of(table) | TABLE;    /* other PEs may hold the block and walk the table */
```

**Good.**

```c
if ((*entry & 3) == BLOCK) {
        *entry = 0;
        dsb(ishst);
        tlbi(vaae1is, va >> 12);
        dsb(ish);
        *entry = pa_of(table) | TABLE;
        dsb(ishst);
        isb();
}
```

**References.** Arm ARM DDI 0487, D8.16.1 (break-before-make); Haiku commits 4bb796cf and baf574c9, EDK2 commit
61b02ba1.
"""

from __future__ import annotations

from barrierlint.dataflow.debts import CHANGE
from barrierlint.dataflow.obligations.changes import KEPT, KINDS_OF_CHANGE, RECKONED
from barrierlint.dataflow.witness import Defect
from barrierlint.finding import Witness
from barrierlint.rules.rule import Rule, info


def sentence(defect: Defect) -> str:
    """What changes, in words."""
    found = [name for name, _ in KINDS_OF_CHANGE if name in defect.debt.seen]
    listed = ", ".join(found[:-1]) + (" and " if len(found) > 1 else "") + found[-1] if found else "its bits"
    return f"its {listed} may differ, and no invalid descriptor comes between"


def message(defect: Defect, steps: Witness) -> str:
    """The whole message."""
    from barrierlint.rules.narrate import short

    if KEPT in defect.debt.seen:
        what = "replaces the attributes of a descriptor that stays valid if it is"
    elif RECKONED in defect.debt.seen:
        what = "replaces a descriptor by a valid one and only then looks whether it was valid"
    else:
        what = "replaces a valid descriptor by another one"
    return f"{short(steps.write.function)}() {what}: {sentence(defect)}"


def grounds(defect: Defect) -> str:
    """How sure it is that the old descriptor is valid."""
    if KEPT in defect.debt.seen:
        return "nothing tells that it is valid; but its valid bit and output address stay as they were"
    if RECKONED in defect.debt.seen:
        return "the function reckons with a valid old descriptor: it tests that after the write"
    return "the old descriptor is known to be valid, and the new one is"


RULE = Rule(
    info(__name__, __doc__),
    lambda _: True,
    lambda _: ("break before it: an invalid descriptor, DSB ISHST, TLBI, DSB ISH",),
    sentence,
    CHANGE,
    message,
    grounds=grounds,
)
