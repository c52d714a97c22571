"""A TLBI is complete, but this PE may go on using what it fetched before.

**What it flags.** TLBI and DSB, and then no context synchronization (ISB, exception entry or return) before an access
through the address, or before the analysed code returns to callers that nobody analysed.

**Why.** The DSB completes the invalidation, but instructions that come after it in program order may have been fetched,
and their addresses translated, before. Only a context synchronization event makes later instructions of this PE see
the change. Other PEs are informed by the DSB alone.

**Entry state.** A TLBI by ASID concerns a process, one of stage 2 only a guest. Both run again after an exception
return, which synchronizes; kernels leave the ISB out there, and so no return to unknown callers is reported after
such a TLBI. An access that does depend on it is.

**Bad.**

```c
dsb(ishst);
tlbi(vaae1is, va >> 12);       /* a kernel's address */
dsb(ish);
return;                        /* the next instruction may use the old translation */
```

**Good.**

```c
dsb(ishst);
tlbi(vaae1is, va >> 12);
dsb(ish);
isb();
```

**References.** Arm ARM DDI 0487, D8.16.5, D1.3.6 (context synchronization events); Linux commit 51696d34,
kvm-unit-tests commit e36a9c28, Haiku commit 129bc12b.
"""

from __future__ import annotations

from barrierlint.dataflow.debts import BREAK, Progress
from barrierlint.dataflow.witness import Defect
from barrierlint.rules.maintenance import message
from barrierlint.rules.rule import Rule, info


def owns(defect: Defect) -> bool:
    """The TLBI is complete and nothing synchronized with it."""
    return defect.debt.progress is Progress.DONE


def sentence(defect: Defect) -> str:
    """What is missing, in words."""
    return "no ISB after the DSB that completes the TLBI"


RULE = Rule(info(__name__, __doc__), owns, lambda _: ("ISB",), sentence, BREAK, message(sentence))
