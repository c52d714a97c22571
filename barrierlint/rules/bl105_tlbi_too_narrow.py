"""A TLBI, or a barrier around it, reaches less than what was changed.

**What it flags.** After a descriptor was written: a TLBI without IS or OS, or a DSB NSH before or after a broadcast
one, where other PEs walk the table; a TLBI of another regime, of stage 1 where stage 2 was changed (also: VTTBR_EL2
written, then `VMALLE1IS`), of the last level only where a table's descriptor was taken away, or by ASID where the
entry is for all of them.

**Why.** A local TLBI leaves the TLBs of all other PEs as they are, and they go on using the old translation. The other
forms drop other entries than the one that was changed: TLBs may hold the stages apart, table descriptors apart from
leaves, and global entries match no ASID.

**Entry state.** That other PEs walk the tables is taken from the program: something in it invalidates with a broadcast
TLBI. Tables of one PE, and code that runs before other PEs do, are told by the model (`tables: this-pe`). A function
that only invalidates on this PE, and writes nothing, is what its name says.

**Bad.**

```c
xen_fixmap[slot] = 0;
dsb(ishst);
tlbi(vae2, va >> 12);          /* this PE only */
dsb(ish);
isb();
```

**Good.**

```c
xen_fixmap[slot] = 0;
dsb(ishst);
tlbi(vae2is, va >> 12);
dsb(ish);
isb();
```

**References.** Arm ARM DDI 0487, D8.16.6 (scope of TLB maintenance), B2.3.12 (shareability domains); Xen commits
965bdbf4, c670b042, c938f541 and 730bdfa4.
"""

from __future__ import annotations

from barrierlint.dataflow.debts import BREAK, SWITCH, Progress
from barrierlint.dataflow.obligations.breaks import LOCAL, NARROW
from barrierlint.dataflow.witness import Defect
from barrierlint.finding import Witness
from barrierlint.rules.maintenance import INVALIDATE, misses
from barrierlint.rules.maintenance import message as told
from barrierlint.rules.rule import Rule, info

MISSES = {
    "last-level": "a TLBI for the last level leaves the table's descriptor that was taken away in the TLB",
    "stage": "a TLBI of stage 1 leaves what TLBs hold of the stage 2 that was changed",
    "regime": "a TLBI of another regime leaves EL2's translation",
    "global": "a TLBI by ASID leaves an entry that is for all ASIDs",
}


def owns(defect: Defect) -> bool:
    """Complete for this PE only, or a TLBI that misses what was changed."""
    return defect.debt.kind == SWITCH or defect.debt.progress is Progress.LOCAL or misses(defect) not in ("", "asid")


def missing(defect: Defect) -> tuple[str, ...]:
    """The TLBI that reaches it."""
    why = misses(defect)
    if defect.debt.kind == SWITCH:
        return ("VMALLS12E1IS instead of VMALLE1IS",)
    if why == "stage":
        return ("TLBI VMALLS12E1IS", "DSB ISH", "ISB")
    if why == "regime":
        return ("TLBI ALLE2IS", "DSB ISH", "ISB")
    if defect.debt.progress is Progress.LOCAL and not defect.debt.seen & {LOCAL, NARROW}:
        return ("DSB ISH",)
    return (*INVALIDATE, "ISB")


def sentence(defect: Defect) -> str:
    """What is wrong, in words."""
    if defect.debt.kind == SWITCH:
        return MISSES["stage"]
    if why := misses(defect):
        return MISSES[why]
    if LOCAL in defect.debt.seen:
        return "the TLBI reaches this PE only, and other PEs walk the table"
    when = "before" if NARROW in defect.debt.seen else "after"
    return f"the DSB {when} the broadcast TLBI is non-shareable, and other PEs walk the table"


def message(defect: Defect, steps: Witness) -> str:
    """The whole message."""
    from barrierlint.rules.narrate import short

    if defect.debt.kind == SWITCH:
        return (
            f"{short(steps.write.function)}() makes a guest's translation current to invalidate it: {sentence(defect)}"
        )
    return told(sentence)(defect, steps)


RULE = Rule(info(__name__, __doc__), owns, missing, sentence, BREAK, message, (SWITCH,))
