"""The debt of a descriptor made valid: `written --DSB--> completed --context synchronization--> (paid)`.

An access to the mapped address depends on it, and so does an exception return before the write is complete. Where
translation is switched on, that depends on the write instead (`enabling`). A table that is hung in owes nothing before
its entries do, nor does a descriptor that only takes permissions away: an older one permits more. What it does not
model: walks by other PEs, beyond telling non-shareable barriers.
"""

from __future__ import annotations

import re
from dataclasses import replace

from barrierlint.dataflow.bits import VALID, known_bits
from barrierlint.dataflow.changes import kept
from barrierlint.dataflow.debts import MAKE, Debt, Progress
from barrierlint.dataflow.obligations.enabling import turns_on
from barrierlint.dataflow.obligations.obligation import Obligation
from barrierlint.dataflow.obligations.tables import hangs_in
from barrierlint.dataflow.relations import Relation, relate
from barrierlint.dataflow.state import State
from barrierlint.events import (
    Access,
    Accesses,
    ContextSync,
    DescriptorWrite,
    Dmb,
    Drain,
    Dsb,
    Event,
    ExceptionCall,
    ExceptionReturn,
    Shareability,
    Tlbi,
    Transition,
)
from barrierlint.terms import MASK64, Term

USER = 1 << 6
"""AP[1]: accessible from EL0 (DDI 0487 D8.4.1). A missing barrier after such a write costs a fault that kernels
handle."""
READ_ONLY, ACCESS_FLAG = 1 << 7, 1 << 10
WRITABLE_BY_HARDWARE, NEVER_EXECUTED = 1 << 51, 0b11 << 53
"""DBM, PXN and UXN (D8.4)."""
SOFTWARE = 0xF << 55
"""Bits that hardware ignores (D8.3.2)."""

_GRANULES = re.compile(r"r?pa")
"""TLBIs by physical address, which drop what is known of the granule protection table (DDI 0487 D9)."""


def pay(state: State, event: Event) -> Debt | None:
    """The debt after an event, None once it is paid (SEMANTICS, the table of what each barrier is worth)."""
    assert state.debt is not None
    return None if turns_on(state, event) else after(state.debt, event)


def after(debt: Debt, event: Event) -> Debt | None:
    """The progress automaton of a make."""
    match event:
        case Dsb(accesses=Accesses.LD):
            return debt.sees("dsb-ld") if debt.progress is Progress.WRITTEN else debt
        case Dsb(domain=Shareability.NSH) if debt.progress is Progress.WRITTEN:
            return replace(debt.sees("nsh"), progress=Progress.COMPLETED)
        case Dsb(domain=domain):
            if debt.progress is Progress.LOCAL:
                return None if domain is not Shareability.NSH else debt
            seen = debt.seen if domain is Shareability.NSH else debt.seen - {"nsh"}
            return replace(debt, progress=Progress.COMPLETED, seen=seen)
        case Dmb() if debt.progress is Progress.WRITTEN:
            return debt.sees("dmb")
        case ContextSync() | ExceptionCall() | ExceptionReturn():
            if debt.progress is Progress.WRITTEN:
                return debt.sees("isb-early")
            if debt.progress is Progress.COMPLETED:
                return replace(debt, progress=Progress.LOCAL) if "nsh" in debt.seen else None
            return debt
        case Tlbi(op=op) if _GRANULES.match(op) and debt.progress is not Progress.WRITTEN:
            return None  # what was written is no translation: it says whose a granule is
        case Drain():
            return None
    return debt


def depends(state: State, event: Event) -> Relation | None:
    """An access through the mapped address, or one that cannot be told from it; leaving by ERET with the write
    incomplete.
    """
    match event:
        case Access(address=address, type=type):
            return relate(state, address, state.phis, type)
        case ExceptionReturn() if state.debt is not None and state.debt.progress is Progress.WRITTEN:
            return Relation.BOUNDARY
    return None


def presume(born: State, write: DescriptorWrite) -> bool:
    """The new descriptor is valid and maps no user page, as far as that is open."""
    if hangs_in(born, write) or (write.old is not None and restricts(write.old, write.value)):
        return False
    if not born.facts.learn_bits(write.value, VALID, 0):
        return False
    ones, zeros = known_bits(write.value, born.facts.bits)
    return True if (ones | zeros) & USER else born.facts.learn_bits(write.value, 0, USER)


def restricts(old: Term, new: Term) -> bool:
    """Whether a descriptor stays as it is but for permissions taken away and bits of software's."""
    taken = ACCESS_FLAG | USER | WRITABLE_BY_HARDWARE | SOFTWARE
    added = READ_ONLY | NEVER_EXECUTED | SOFTWARE
    changed = MASK64 & ~kept(new, old)
    ones, zeros = known_bits(new, {})
    return bool(changed & ~SOFTWARE) and not changed & ~((zeros & taken) | (ones & added) | SOFTWARE)


OBLIGATION = Obligation(
    MAKE,
    pay,
    depends,
    frozenset({Transition.MAKE, Transition.CHANGE, Transition.UNKNOWN}),
    presume=presume,
)
