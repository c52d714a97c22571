"""A TLBI is not completed by a DSB before what depends on it.

**What it flags.** A TLBI with no DSB for all accesses after it (none, a DMB, a DSB for stores or for loads only) before
an access through the address, before the descriptor is made valid again, or before the analysed code returns.

**Why.** A TLBI is only issued by its instruction. Until the PE that issued it has executed a DSB that waits for all
accesses, other PEs and its own TLB may hold, and use, the translation. A DSB ST does not wait for TLB maintenance,
an ISB does not either.

**Entry state.** A TLBI in a function that anyone may call is owed its DSB there, whoever wrote the descriptors. A
function that is nothing but the instruction, and named after it, leaves that to its callers, and so does one whose
analysed callers pay.

**Bad.**

```c
dsb(ishst);
tlbi(vmalle1is);
isb();                         /* synchronizes with a TLBI that may be under way */
```

**Good.**

```c
dsb(ishst);
tlbi(vmalle1is);
dsb(ish);
isb();
```

One DSB after a batch of TLBIs completes them all, on the PE that issued them.

**References.** Arm ARM DDI 0487, D8.16.5 (completion of TLB maintenance instructions), B2.3.12 (DSB); LK commits
e3939c9a and 6792c9e1, EDK2 commit ee95f9e1.
"""

from __future__ import annotations

from barrierlint.dataflow.debts import BREAK, Progress
from barrierlint.dataflow.witness import Defect
from barrierlint.rules.maintenance import message, synchronized
from barrierlint.rules.rule import Rule, info

INSTEAD = {
    "dsb-st": "the DSB after it waits for stores only, and TLB maintenance is none",
    "dsb-ld": "the DSB after it waits for loads only",
    "dmb": "a DMB does not complete a TLBI",
    "isb-early": "an ISB does not complete a TLBI",
}


def owns(defect: Defect) -> bool:
    """The TLBI was issued, and is not complete."""
    return defect.debt.progress is Progress.INVALIDATED


def sentence(defect: Defect) -> str:
    """What is missing, in words."""
    found = next((text for word, text in INSTEAD.items() if word in defect.debt.seen), "")
    return found or "no DSB completes the TLBI"


RULE = Rule(
    info(__name__, __doc__), owns, lambda defect: synchronized(defect, "DSB ISH"), sentence, BREAK, message(sentence)
)
