"""A descriptor is made invalid, or allows less than before, and no TLBI follows.

**What it flags.** A descriptor that was valid, or may have been, is made invalid or is restricted, and on some path no
TLBI follows before the address is accessed again, before the same descriptor is made valid again, or before the
analysed code returns to callers that nobody analysed. An ASID (or VMID) that goes into a base register on a path on
which it was given to another address space, taken from one, or counted from the start again, with no TLBI; and another
table in a base register that is in use, with no TLBI, where the program uses no ASIDs.

**Why.** A valid descriptor may be held in a TLB. Until a TLBI that covers it is complete, any PE may go on using the
old translation: it reads and writes a page that the kernel has given to someone else, or with permissions it took
away. A descriptor made valid again meanwhile leaves two translations of one address in the TLB (break-before-make,
D8.16.1).

**Entry state.** Of a descriptor whose old value nobody knows nothing is assumed when something valid is written; it is
assumed to have been valid when it is made invalid. A function that is handed the descriptor's place owes no TLBI: its
caller knows what it took away. A call whose body was not seen is taken for the invalidation if its name speaks of one.

Of ASIDs, those given out count only if the same code invalidates on another path: else that may be done when they are
freed. A counter of ASIDs is known by its name.

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

from barrierlint.dataflow.debts import BREAK, SPACE, Progress
from barrierlint.dataflow.obligations.spaces import GIVEN, SWITCHED, TAKEN, WRAPPED
from barrierlint.dataflow.witness import Defect
from barrierlint.finding import Witness
from barrierlint.rules.maintenance import INVALIDATE, is_early, message, misses
from barrierlint.rules.rule import Rule, info


def owns(defect: Defect) -> bool:
    """No TLBI was seen since the write."""
    if defect.debt.kind == SPACE:
        return True
    return (
        defect.debt.progress in (Progress.WRITTEN, Progress.COMPLETED) and not is_early(defect) and not misses(defect)
    )


def missing(defect: Defect) -> tuple[str, ...]:
    """The whole sequence, or what of it is left."""
    if defect.debt.kind == SPACE:
        return _all_of(defect.debt.subject)
    first = () if defect.debt.progress is Progress.COMPLETED else ("DSB ISHST",)
    return (*first, *INVALIDATE, "ISB")


def sentence(defect: Defect) -> str:
    """What is missing, in words."""
    if defect.debt.kind == SPACE:
        return "no TLBI follows, and TLBs may hold what went before"
    if defect.debt.progress is Progress.COMPLETED:
        return "no TLBI follows the DSB, and a TLB may hold the old descriptor"
    return "no DSB and no TLBI follow, and a TLB may hold the old descriptor"


def _all_of(subject: str) -> tuple[str, ...]:
    """The TLBI that drops what TLBs hold of the register's regime."""
    if "vttbr" in subject:
        return ("TLBI VMALLS12E1IS", "DSB ISH")
    if subject.startswith(SWITCHED) and not subject.endswith("el1"):
        return (f"TLBI ALLE{subject[-1]}", "DSB NSH", "ISB")
    return ("TLBI VMALLE1", "DSB NSH", "ISB") if subject.startswith(SWITCHED) else (*INVALIDATE, "ISB")


def told(defect: Defect, steps: Witness) -> str:
    """The whole message."""
    from barrierlint.rules.narrate import short

    if defect.debt.kind != SPACE:
        return message(sentence)(defect, steps)
    where = short(steps.write.function)
    what, _, register = defect.debt.subject.upper().partition(" ")
    said = {
        SWITCHED: f"{where}() puts another table into {register}, which no ASID tells from the last one",
        GIVEN: f"{where}() puts an ASID into {register} that an address space is given here",
        TAKEN: f"an ASID goes into a base register that {where}() takes from another address space",
        WRAPPED: f"an ASID goes into a base register after {where}() starts to count from the beginning",
    }
    return f"{said[what.lower()]}: {sentence(defect)}"


def grounds(defect: Defect) -> str:
    """Why it is so certain, of address spaces."""
    if defect.debt.kind != SPACE:
        return ""
    return "the code returns to code that was not analysed, and nothing on the way invalidates"


RULE = Rule(info(__name__, __doc__), owns, missing, sentence, BREAK, told, (SPACE,), grounds)
