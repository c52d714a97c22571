"""A TLBI is issued while the descriptor write before it is not complete.

**What it flags.** A descriptor is written, and a TLBI follows with no DSB that completes the write between: nothing, a
DMB, a DSB that waits for loads only, or an ISB.

**Why.** A TLBI drops what TLBs hold; it does not wait for stores. A walk that starts after it, on this PE or another,
may still read the old descriptor from memory and put it back into the TLB, where it then stays. Only a DSB makes the
store visible to every walk that comes after it (B2.3.12).

**Entry state.** What callers wrote before they called is not known. A write that only makes an invalid descriptor valid
needs no TLBI, and so no DSB before one; where the old value is not known and the new one is valid, the TLBI itself is
what says that something was taken away, and the finding is a warning unless its operand names the page written. A
function that invalidates for unknown callers is to wait for their writes if other such functions of the program do.

**Bad.**

```c
*ptep = 0;
tlbi(vaae1is, va >> 12);       /* a walk may yet read the old *ptep */
dsb(ish);
isb();
```

**Good.**

```c
*ptep = 0;
dsb(ishst);
tlbi(vaae1is, va >> 12);
dsb(ish);
isb();
```

One DSB after a batch of writes serves all TLBIs that follow.

**References.** Arm ARM DDI 0487, B2.3.12 (DSB), D8.16.5 (ordering and completion of TLB maintenance); kvm-unit-tests
commit 6cba60e9.
"""

from __future__ import annotations

from barrierlint.dataflow.debts import BREAK
from barrierlint.dataflow.witness import Defect
from barrierlint.rules.maintenance import is_bare, is_early, message
from barrierlint.rules.rule import Rule, info

INSTEAD = {"dmb": "a DMB orders accesses, and completes nothing", "dsb-ld": "the only DSB between waits for loads"}


def missing(defect: Defect) -> tuple[str, ...]:
    """A DSB after the write; where none was seen, before the TLBI, which is no place after what bears the debt."""
    return ("DSB ISHST before the TLBI",) if is_bare(defect) else ("DSB ISHST",)


def sentence(defect: Defect) -> str:
    """What is missing, in words."""
    if is_bare(defect):
        return "it does not wait for what its callers wrote, as other functions that invalidate here do"
    found = next((text for word, text in INSTEAD.items() if word in defect.debt.seen), "")
    return found or "no DSB between the write and the TLBI, so a walk after it may still find the old descriptor"


RULE = Rule(info(__name__, __doc__), is_early, missing, sentence, BREAK, message(sentence))
