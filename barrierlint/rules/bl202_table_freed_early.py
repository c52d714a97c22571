"""A page or table is given back while a walk or a TLB may still use it.

**What it flags.** What a descriptor pointed to goes back to an allocator, or another table is written into it, after
the descriptor was taken away, and before DSB, a TLBI that covers it and another DSB have made the break complete; or it
goes back first, and is taken away and invalidated after. What is given back later (RCU, a list) with no invalidation on
the way out. A table freed whose address is in TTBRn or VTTBR, or was put there, with no other base in effect since.

**Why.** Until the break is complete, other PEs translate by what their TLBs hold, and walkers go on through a table
that they have cached. Whoever is given the page next writes into it: data that a walker takes for descriptors, or that
a stale translation shows to the page's last user, or lets it change.

**Entry state.** The pointer must be computed from the descriptor, or from the base register, or be what a call gave
that was handed such a value. That a function frees is known of C's and C++'s own, and of those that a model names with
`frees` or `retires`: others are told by a name that speaks of freeing, which is a warning at most. Tables of address
spaces that no PE uses any more need no invalidation in between: code that writes no descriptors is not judged, and
neither is what only a destructor calls.

**Bad.**

```c
u64 old = *slot;
*slot = 0;
free_page(page_of(old));       /* another PE's walker may still read it as a table */
dsb(ishst);
tlbi(vmalle1is);
dsb(ish);
```

**Good.**

```c
u64 old = *slot;
*slot = 0;
dsb(ishst);
tlbi(vmalle1is);
dsb(ish);                      /* nothing uses it any more */
free_page(page_of(old));
```

**References.** Arm ARM DDI 0487, D8.16 (TLB maintenance), D8.2.6 (translation table walks); Simner et al., *Relaxed
virtual memory in Armv8-A* (2022), section 3; OSv commit 61b3f772.
"""

from __future__ import annotations

from barrierlint.dataflow.debts import FREE, Progress
from barrierlint.dataflow.obligations.frees import BASE, EARLY, RETIRED
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.witness import Defect
from barrierlint.events import Call
from barrierlint.finding import Witness
from barrierlint.rules.maintenance import INVALIDATE
from barrierlint.rules.rule import Rule, info


def missing(defect: Defect) -> tuple[str, ...]:
    """What of the sequence is left; where another order is wanted, no instruction does."""
    if defect.debt.subject == EARLY:
        return ("the break of the descriptor, complete,",)
    if defect.debt.subject.startswith(BASE):
        return ("ISB",) if defect.debt.progress else ("another table in the base register and an ISB",)
    if defect.debt.progress is Progress.INVALIDATED:
        return (INVALIDATE[1],)
    last = ("ISB",) if RETIRED in defect.debt.seen else ()
    return (*INVALIDATE, *last) if defect.debt.progress else ("DSB ISHST", *INVALIDATE, *last)


def sentence(defect: Defect) -> str:
    """What is missing, in words."""
    if defect.debt.subject.startswith(BASE):
        return "no ISB after another one was written" if defect.debt.progress else "no other one was written since"
    if defect.debt.progress is Progress.INVALIDATED:
        return "the TLBI before is not completed by a DSB"
    return "no TLBI between" if defect.debt.progress else "no DSB and no TLBI between"


def message(defect: Defect, steps: Witness) -> str:
    """What is given back while it is in use."""
    from barrierlint.rules.narrate import short

    where, end = short(steps.write.function), short(steps.access.function)
    if defect.debt.subject == EARLY:
        return f"{where}() gives back what a descriptor points to, which is taken away and invalidated only after that"
    if defect.debt.subject.startswith(BASE):
        register = defect.debt.subject.partition(" ")[2].upper()
        return f"{end}() gives back a table that is the base in {register}: {sentence(defect)}"
    if RETIRED in defect.debt.seen:
        return f"{end}() leaves what {where}() unlinked to be given back, and nothing invalidates it on the way"
    said = f"what the descriptor written in {where}() pointed to"
    if isinstance(steps.access.event, Call) or steps.access.event is None:
        return f"{end}() gives back {said} too early: {sentence(defect)}"
    return f"{end}() writes into the table that {said[5:]} too early: {sentence(defect)}"


def grounds(defect: Defect) -> str:
    """Why it is so certain that the page is given back."""
    if defect.relation is Relation.EXACT:
        return "what is known to be given back, or written to, is computed from the descriptor or the base register"
    if defect.relation is Relation.POSSIBLE:
        return "a name speaks of freeing, or what is given back comes from a function whose body was not seen"
    return "the code returns to code that was not analysed before what it gave back is out of use"


RULE = Rule(info(__name__, __doc__), lambda _: True, missing, sentence, FREE, message, grounds=grounds)
