"""The result of an address translation instruction is read before context synchronization.

**What it flags.** An AT instruction, and a read of PAR_EL1 after it with no ISB, exception or exception return between.

**Why.** AT writes its result to PAR_EL1. That is an indirect write of a system register: a read after it sees the new
value only after a context synchronization event. Without one the read may give the result of the translation before,
and code acts on the physical address of another page.

**Entry state.** What PAR_EL1 holds when a function is entered does not matter; only reads after an AT on the same path
are looked at, through calls. A function that translates and returns owes nothing by itself.

**Bad.**

```c
asm volatile("at s1e1r, %0" :: "r"(va));
asm volatile("mrs %0, par_el1" : "=r"(par));
```

**Good.**

```c
asm volatile("at s1e1r, %0" :: "r"(va));
asm volatile("isb" ::: "memory");
asm volatile("mrs %0, par_el1" : "=r"(par));
```

**References.** Arm ARM DDI 0487, C5.5 (AT instructions), D8.15 (address translation instructions: "the results are
visible after a context synchronization event"); litmus `own/AT.PAR+po` and `own/AT.PAR+isb`.
"""

from __future__ import annotations

from barrierlint.dataflow.debts import RESULT
from barrierlint.dataflow.witness import Defect
from barrierlint.finding import Witness
from barrierlint.rules.rule import Rule, info


def sentence(_: Defect) -> str:
    """What is missing, in words."""
    return "no ISB between"


def message(defect: Defect, steps: Witness) -> str:
    """What is read too early."""
    from barrierlint.rules.narrate import short

    issued = f"the AT {defect.debt.subject.upper()} in {short(steps.write.function)}()"
    return f"this read of PAR_EL1 may give the result of an earlier translation than {issued}: no ISB between"


RULE = Rule(info(__name__, __doc__), lambda _: True, lambda _: ("ISB",), sentence, RESULT, message)
