"""What the rules on TLB maintenance say in common: the message of a defect by what it ends in.

What it does not model: which TLBI would be the narrowest that serves.
"""

from __future__ import annotations

from collections.abc import Callable

from barrierlint.dataflow.debts import Progress
from barrierlint.dataflow.obligations.breaks import AGAIN, EARLY, LAZY, MISSED
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.witness import Defect
from barrierlint.events import Tlbi
from barrierlint.finding import Witness

INVALIDATE = ("TLBI VMALLE1IS", "DSB ISH")
"""What serves any change at EL1; the code base may know a narrower one."""


def message(sentence: Callable[[Defect], str]) -> Callable[[Defect, Witness], str]:
    """The message of a rule whose `sentence` says what is wrong."""

    def told(defect: Defect, steps: Witness) -> str:
        from barrierlint.rules.narrate import short

        where, end = short(steps.write.function), short(steps.access.function)
        bearer = f"the TLBI in {where}()" if is_bare(defect) else f"the descriptor write in {where}()"
        if is_early(defect) and is_bare(defect):
            return f"{where}() invalidates too early: {sentence(defect)}"
        if defect.relation is Relation.BOUNDARY:
            state = "unfinished" if is_bare(defect) else "not undone everywhere"
            return f"{end}() returns with {bearer} {state}: {sentence(defect)}"
        if AGAIN in defect.debt.seen:
            return f"the descriptor that {where}() made invalid is made valid again too early: {sentence(defect)}"
        if isinstance(steps.access.event, Tlbi):
            certain = "comes" if defect.relation is Relation.EXACT else "may come"
            return f"this TLBI {certain} before {bearer} is complete: {sentence(defect)}"
        return f"this access may use what {bearer} took away: {sentence(defect)}"

    return told


def is_bare(defect: Defect) -> bool:
    """Whether a TLBI itself bears the debt: no write was seen before it."""
    return defect.debt.subject != ""


def misses(defect: Defect) -> str:
    """Why a TLBI since the write was not the right one, "" if none was, or the right one followed."""
    words = (word for word in defect.debt.seen if word.startswith(MISSED))
    pending = defect.debt.progress is Progress.COMPLETED
    return next((word.removeprefix(MISSED) for word in sorted(words)), "") if pending else ""


def is_early(defect: Defect) -> bool:
    """Whether a TLBI came before the write was complete, and none after."""
    pending = defect.debt.progress in (Progress.WRITTEN, Progress.COMPLETED)
    return pending and EARLY in defect.debt.seen and not misses(defect)


def synchronized(defect: Defect, *words: str) -> tuple[str, ...]:
    """`words`, and an ISB unless who uses the translation runs after an exception return."""
    return words if LAZY in defect.debt.seen else (*words, "ISB")
