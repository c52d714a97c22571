"""The operand of a TLBI by address or ASID is not in the format that the instruction reads.

**What it flags.** An address that is not shifted right by 12; one that is shifted but not masked to its page number
although an ASID is put above it; one that was masked to the size of a half of the address space before; an ASID in the
low bits or another wrong place, shifted twice, or masked to its upper 8 bits; none at all where the function is handed
one, or where the descriptor that was taken away is for one ASID only (nG).

**Why.** TLBI by address takes bits 55:12 of the address in bits 43:0 of its operand, a level hint in bits 47:44, and
the ASID in bits 63:48. The instruction never fails: with another format it drops entries of some other page or
process, and the one meant stays. The upper bits of a kernel's address, left in, change the ASID and the level hint;
hardware with FEAT_TTL need not invalidate anything if the hint is wrong. Masked off above bit 47, they turn a page of
the upper half (TTBR1) into one of the lower half; who masks an address to its size has such addresses.

**Entry state.** An operand that is handed in is judged where it is made. Where nobody is seen to hand it in, a
parameter that is an address by its type or its name is taken for one that is not shifted yet; a function that is
nothing but the instruction, and named after it, takes the operand as it is to be.

**Bad.**

```c
void flush_page(uintptr_t vaddr)
{
        asm volatile("dsb ishst; tlbi vaae1is, %0; dsb ish; isb" : : "r"(vaddr) : "memory");
}
```

**Good.**

```c
void flush_page(uintptr_t vaddr)
{
        uint64_t page = vaddr >> 12 & 0xfffffffffff;

        asm volatile("dsb ishst; tlbi vaae1is, %0; dsb ish; isb" : : "r"(page) : "memory");
}
```

**References.** Arm ARM DDI 0487, C5.5 (TLB maintenance instructions), D8.16.6; LK commit 284f83af, Unikraft commit
35daa8ae, NuttX commit 4149e454, Haiku commits af5e461f and 1fa60a5c.
"""

from __future__ import annotations

from barrierlint.dataflow.debts import BREAK, OPERAND
from barrierlint.dataflow.operands import ABSENT, CUT, HALVED, LOW_ASID, MISPLACED, TWICE, UNMASKED, UNSHIFTED
from barrierlint.dataflow.witness import Defect
from barrierlint.finding import Witness
from barrierlint.rules.maintenance import misses
from barrierlint.rules.rule import Rule, info

MISTAKES = {
    ABSENT: ("a page number without an ASID, and so of ASID 0", "the ASID in bits 63:48"),
    MISPLACED: ("an ASID that is not shifted to bits 63:48", "the ASID shifted left by 48"),
    UNSHIFTED: ("an address that is not shifted right by 12", "the address shifted right by 12"),
    UNMASKED: ("an address whose upper bits run into the ASID", "the page number masked to 44 bits"),
    LOW_ASID: ("an ASID in its low bits", "the ASID shifted left by 48"),
    CUT: ("an address masked to its size, and so never one of the upper half", "the address with its upper bits"),
    HALVED: ("an ASID of which a mask drops bits 55:48", "the ASID's bits 55:48 as well"),
    TWICE: ("an ASID that is shifted twice", "the ASID shifted left by 48 once"),
}


def sentence(defect: Defect) -> str:
    """What is wrong, in words."""
    return f"the operand is {MISTAKES[_mistake(defect)][0]}"


def _mistake(defect: Defect) -> str:
    return ABSENT if defect.debt.kind == BREAK else defect.debt.subject


def message(defect: Defect, steps: Witness) -> str:
    """The whole message."""
    from barrierlint.rules.narrate import short

    if defect.debt.kind == BREAK:
        where = short(steps.write.function)
        return f"the TLBI after the descriptor write in {where}() does not name what was written: {sentence(defect)}"
    return f"the TLBI in {short(steps.write.function)}() does not name what it is to drop: {sentence(defect)}"


RULE = Rule(
    info(__name__, __doc__),
    lambda defect: defect.debt.kind == OPERAND or misses(defect) == "asid",
    lambda defect: (MISTAKES[_mistake(defect)][1],),
    sentence,
    OPERAND,
    message,
    (BREAK,),
)
