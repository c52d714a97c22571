"""A register that controls translation is written and relied on before context synchronization.

**What it flags.** TTBR0_ELx, TTBR1_ELx, TCR_ELx, MAIR_ELx, SCTLR_ELx or CONTEXTIDR_EL1 is written, and with no ISB,
exception or exception return the analysed code returns to callers that nobody analysed, or translates an address with
AT. VTTBR_EL2, HCR_EL2, GPTBR_EL3 or GPCCR_EL3 is written, and a TLBI that acts on what it names follows with none
between. The security state or the host mode is changed (SCR_EL3, HCR_EL2), and a register is accessed that exists, or
is banked, by it. A base is written to switch tables, and a TLBI of all entries or of an ASID follows with no ISB
between. Bits of the own SCTLR_ELx that loads and stores go by (M, A, C, EE) may change, and a load or store follows
with no ISB between. Traps of floating point are lifted (CPACR_EL1, CPTR_ELx), and it may be used at once.

**Why.** A write of a system register takes effect for the instructions after it only with a context synchronization
event; until then each of them may run with the old value or the new one. A walk may start from the old table and leave
its result in the TLB under the new ASID, or after the TLBI that was to drop it; a TLBI may drop the entries of the
guest before; a banked register may be the one of the other world. Several such writes may share one ISB.

**Entry state.** What a function that anyone may call finds in these registers is not known; it owes the ISB before it
returns. A function that only writes to a register what it is handed leaves the ISB to its callers. Registers of another
exception level take effect when that level runs, which is after an exception return: EL2 owes no ISB for TTBR0_EL1, nor
EL3 for TCR_EL2. At which level code runs is told by the registers it uses on every way through it, those of its callers
and of its file. A call of a function that is not here, named after barriers or TLB maintenance, counts as an ISB.

**Bad.**

```c
write_sysreg(tcr, tcr_el1);
write_sysreg(table, ttbr0_el1);
return;                        /* the caller may still run on the old table */
```

**Good.**

```c
write_sysreg(tcr, tcr_el1);
write_sysreg(table, ttbr0_el1);
isb();                         /* one for both */
```

**References.** Arm ARM DDI 0487, D24.1.2.2 (synchronization requirements for System registers), the glossary's "context
synchronization event", D8.16.5 (which entries a TLBI acts on); TF-A commits 77612b90 (GPCCR_EL3, then TLBI PAALLOS) and
04825031 (SCR_EL3.NS, then ICC_SRE_EL2), Xen commit 25424d1a, U-Boot commit f8ddd8cb.
"""

from __future__ import annotations

from barrierlint.dataflow.debts import REGISTER
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.witness import Defect
from barrierlint.events import Access, At, DescriptorWrite, SysregRead, SysregWrite, Tlbi
from barrierlint.finding import Witness
from barrierlint.rules.rule import Rule, info


def sentence(_: Defect) -> str:
    """What is missing, in words."""
    return "no context synchronization between"


def message(defect: Defect, steps: Witness) -> str:
    """What is wrong, by what relies on the register."""
    from barrierlint.rules.narrate import short

    register = defect.debt.subject.upper()
    where, end = short(steps.write.function), short(steps.access.function)
    if defect.relation is Relation.BOUNDARY:
        return f"{end}() returns with {register}, which {where}() writes, not in effect yet: no ISB after it"
    match steps.access.event:
        case Tlbi(op=op) if register.startswith("TTBR"):
            told = f"walks by the old {register} may refill what this TLBI {op.upper()} drops"
            return f"{told}: no ISB after {where}() writes it"
        case Tlbi(op=op):
            return f"this TLBI {op.upper()} may act by the old {register}: no ISB after {where}() writes it"
        case At(op=op):
            return f"this AT {op.upper()} may translate by the old {register}: no ISB after {where}() writes it"
        case SysregRead(register=other) | SysregWrite(register=other):
            return f"access to {other.upper()} depends on {register}: no ISB after {where}() writes it"
        case Access() | DescriptorWrite():
            return f"this access may still go by the old {register}: no ISB after {where}() writes it"
    return f"this relies on {register}: no ISB after {where}() writes it"


RULE = Rule(info(__name__, __doc__), lambda _: True, lambda _: ("ISB",), sentence, REGISTER, message)
