"""The debt of an address translation instruction: `issued --context synchronization--> (paid)`.

AT writes PAR_EL1, and a read of it sees that only after a context synchronization event (DDI 0487 C5.5, D8.15). What it
does not model: PAR_EL1 kept for later by code that reads it for another reason, such as to save it.
"""

from __future__ import annotations

from barrierlint.dataflow.debts import RESULT, Debt
from barrierlint.dataflow.obligations.obligation import Birth, Obligation
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.state import State
from barrierlint.events import At, ContextSync, Event, ExceptionCall, ExceptionReturn, SysregRead, SysregWrite

REGISTER = "par_el1"


def bear(_state: State, event: Event) -> Birth | None:
    """An address translation."""
    return Birth(event.op) if isinstance(event, At) else None


def pay(state: State, event: Event) -> Debt | None:
    """The debt after an event, None once it is paid: also by another translation, or a value put into the register."""
    assert state.debt is not None
    match event:
        case ContextSync() | ExceptionCall() | ExceptionReturn() | At():
            return None
        case SysregWrite(register=register) if register == REGISTER:
            return None
    return state.debt


def depends(_state: State, event: Event) -> Relation | None:
    """A read of PAR_EL1."""
    return Relation.EXACT if isinstance(event, SysregRead) and event.register == REGISTER else None


def open(_debt: Debt) -> bool:
    """A translation whose result nobody here reads owes nothing."""
    return False


OBLIGATION = Obligation(RESULT, pay, depends, bear=bear, open=open)
