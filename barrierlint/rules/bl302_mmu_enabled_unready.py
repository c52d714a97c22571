"""The MMU is switched on with tables, registers or TLBs not ready, or switched off in the wrong order.

**What it flags.** A write that sets SCTLR_ELx.M, while a descriptor written before it is not completed by a DSB; while
TTBR, TCR or MAIR of the regime are written with no context synchronization since; with no TLBI on the way to it, or
only one that comes after; or with one that no DSB completes. A write that clears SCTLR_ELx.M right after a TLBI, with
none after it, or with one before an ISB. GPCCR_EL3.GPC set, with no TLBI after the fields of the granule protection
check were written.

**Why.** From the write that sets M on, walks may start: they read the table that TTBR names, by what TCR and MAIR say,
and use whatever the TLBs hold, which is unknown after reset and may be what firmware or another kernel left. A store
that is not complete, a register that is not in effect, or an old TLB entry then decides where the next instruction
comes from. While the MMU is on, walks fill the TLBs: a TLBI before it is switched off leaves them with what came in
between.

**Entry state.** What a function that anyone may call finds is not known: tables may be unwritten, TLBs full. Code that
issues no TLBI at all is taken to have callers that did, unless it is where a processor starts, in assembly. A call of a
function that is not here counts as a TLBI if its name speaks of TLBs, the MMU or setting up. A write that may set M, or
may not, is not judged, unless a base and TCR or MAIR of the regime were written on the way to it: then what another PE
uses, or what was saved before sleep, is put back. Nor is one judged where M is known to be set already, nor SCTLR_EL1
written by EL2.

**Bad.**

```c
fill_tables(table);
write_sysreg(table, ttbr0_el1);
isb();                                     /* the stores to the tables are not complete */
write_sysreg(read_sysreg(sctlr_el1) | 1, sctlr_el1);
isb();
```

**Good.**

```c
fill_tables(table);
write_sysreg(table, ttbr0_el1);
asm volatile("tlbi vmalle1");
dsb(nsh);                                  /* tables and TLBI are complete */
isb();                                     /* TTBR0_EL1 is in effect */
write_sysreg(read_sysreg(sctlr_el1) | 1, sctlr_el1);
isb();
```

**References.** Arm ARM DDI 0487, D8.2.12 (the effects of disabling translation), D8.16 (TLB maintenance; TLBs after
reset), D24.1.2.2 (synchronization of system registers); NuttX commit 2bed7c46, Xen commits 1c473c42 and 64f996de,
U-Boot commit afa8f076, TF-A commits 14cddd7a and 6bf0e079, EDK2 commit ee95f9e1.
"""

from __future__ import annotations

from barrierlint.dataflow.debts import ENABLE
from barrierlint.dataflow.invalidations import is_broadcast
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.witness import Defect
from barrierlint.finding import Witness
from barrierlint.rules.rule import Rule, info

_MISSING = {
    "": ("DSB ISH",),
    "registers": ("ISB",),
    "leaving": ("ISB",),
    "off": ("TLBI VMALLE1", "DSB NSH"),
    "pending": ("DSB NSH",),
}


def what(defect: Defect) -> tuple[str, list[str]]:
    """What a defect is about, and what its subject names beside."""
    name, *rest = defect.debt.subject.split(" ")
    return name, rest


def missing(defect: Defect) -> tuple[str, ...]:
    """What lacks after the write; what lacks before it is no step to insert there."""
    name, rest = what(defect)
    if name == "pending" and is_broadcast(rest[1]):
        return ("DSB ISH",)
    return _MISSING.get(name, ("TLBI; DSB; ISB before this write",))


def sentence(defect: Defect) -> str:
    """What is wrong, in words."""
    if not defect.debt.subject and "isb-early" in defect.debt.seen:
        return "only an ISB between, and no DSB completes the write"
    return "no DSB completes the write before" if not defect.debt.subject else "no ISB between"


def message(defect: Defect, steps: Witness) -> str:
    """What is not ready, or out of order."""
    from barrierlint.rules.narrate import short

    where = short(steps.write.function)
    match what(defect):
        case "registers", [_, register]:
            return f"the MMU is switched on here, and {register.upper()}, which {where}() writes, may not be in effect"
        case "tlb", _ if defect.relation is Relation.BOUNDARY:
            return f"{where}() switches the MMU on, and nothing on the way to it invalidates the TLBs"
        case "tlb", _:
            return f"this TLBI comes after the MMU is switched on in {where}(): until it, TLBs may hold anything"
        case "off", _:
            return f"{where}() switches the MMU off after a TLBI, with none after it: TLBs may be filled between"
        case "pending", [_, operation]:
            return f"the MMU is switched on here, and TLBI {operation.upper()} in {where}() may be under way: no DSB"
        case "leaving", _:
            return f"this TLBI may come before {where}() has switched the MMU off: no ISB between"
        case "granules", _:
            return f"{where}() enables granule protection, and TLBs may hold its registers' old fields: no TLBI between"
    return f"the MMU is switched on here, and a walk may miss the descriptor written in {where}(): {sentence(defect)}"


RULE = Rule(info(__name__, __doc__), lambda _: True, missing, sentence, ENABLE, message)
