"""The debt of VTTBR_EL2 written: a hypervisor that makes a guest's translation current and then invalidates for all PEs
means the guest's stage 2.

A TLBI of stage 2, or VTTBR written again, pays it. `TLBI VMALLE1IS` depends on it: it drops entries of stage 1 only. A
local `VMALLE1` does not: that is how a virtual CPU moves between PEs. What it does not model: guests whose stage 1 the
hypervisor owns.
"""

from __future__ import annotations

from barrierlint.dataflow.debts import SWITCH, Debt
from barrierlint.dataflow.invalidations import parse
from barrierlint.dataflow.obligations.obligation import Birth, Obligation
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.state import State
from barrierlint.events import Event, SysregWrite, Tlbi

BASE = "vttbr_el2"


def pay(state: State, event: Event) -> Debt | None:
    """What drops stage 2, and the way back."""
    match event:
        case SysregWrite(register=register) if register == BASE:
            return None
        case Tlbi(op=op) if (operation := parse(op)) is not None and 2 in operation.stages:
            return None
    return state.debt


def relate(_state: State, event: Event) -> Relation | None:
    """Stage 1 of the current guest, on all PEs."""
    match event:
        case Tlbi(op=op) if op.removesuffix("nxs") in ("vmalle1is", "vmalle1os"):
            return Relation.EXACT
    return None


def bear(_state: State, event: Event) -> Birth | None:
    """The base of stage 2 is written."""
    return Birth() if isinstance(event, SysregWrite) and event.register == BASE else None


OBLIGATION = Obligation(SWITCH, pay, relate, bear=bear, open=lambda _: False)
