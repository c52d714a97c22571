"""What is said of debts by their kind: their state, what barriers do for them, what uses them.

What it does not model: which steps are worth telling (see `narrate`).
"""

from __future__ import annotations

from barrierlint.dataflow.debts import BREAK, ENABLE, FREE, LINK, PUBLISH, REGISTER, RESULT, SPACE, Debt, Progress
from barrierlint.events import (
    At,
    ContextSync,
    Dmb,
    Dsb,
    Event,
    ExceptionCall,
    ExceptionReturn,
    SysregRead,
    SysregWrite,
    Tlbi,
    UnknownInstruction,
    mnemonic,
)

STATES = {
    Progress.COMPLETED: "completed but not invalidated",
    Progress.LOCAL: "complete for this PE only",
    Progress.INVALIDATED: "not completed",
    Progress.DONE: "completed but not synchronized",
}
ENABLING = {
    "registers": "register write not synchronized",
    "tlb": "MMU on, and nothing known of the TLBs",
    "pending": "TLBI not completed",
    "leaving": "MMU's switching off not synchronized",
    "off": "MMU off, and its TLBs as they were",
    "granules": "granule protection check on, and its old configuration perhaps in TLBs",
}


def state(debt: Debt, verb: str = "") -> str:
    """What is owed, and how far it is paid: `write not completed`."""
    if debt.kind in (LINK, PUBLISH):
        return f"table{verb} {'linked and not filled' if debt.kind == LINK else 'filled and not ordered'}"
    if debt.kind == SPACE:
        return f"TLBs{verb and ' are'} as they were"
    if debt.kind == FREE:
        return f"page it pointed to{verb or ''} still in use" if not debt.subject else f"table{verb} still in use"
    if debt.kind == ENABLE and debt.subject:
        return f"{ENABLING[debt.subject.partition(' ')[0]]}{verb and ' is'}"
    if debt.kind in (REGISTER, RESULT):
        what = "AT" if debt.kind == RESULT else debt.subject.upper()
        return f"{what}{verb} not synchronized"
    what = "TLBI" if debt.progress >= Progress.INVALIDATED else "write"
    if debt.kind == BREAK and debt.progress:
        return f"{what}{verb} {STATES[debt.progress]}"
    return f"{what}{verb} {'completed but not synchronized' if debt.progress else 'not completed'}"


def use(event: Event, debt: Debt) -> str:
    """What an event does that relies on a register's new value, or on what comes before the MMU is on."""
    match event:
        case Tlbi(op=op) if debt.kind == FREE:
            return f"issues TLBI {op.upper()}: until it is complete, what was given back is in use"
        case _ if debt.kind == LINK:
            return "fills the table"
        case _ if debt.kind == PUBLISH:
            return "links the table"
        case SysregWrite(register=register) if debt.kind == ENABLE:
            return f"sets M in {register.upper()}: walks start"
        case Tlbi(op=op) if debt.subject.startswith("leaving"):
            return f"issues TLBI {op.upper()}, and walks may go on until the next ISB"
        case Tlbi(op=op) if debt.kind == ENABLE:
            return f"issues TLBI {op.upper()}, with what it is to drop in use already"
        case Tlbi(op=op):
            return f"issues TLBI {op.upper()}, which acts by what {debt.subject.upper()} says"
        case At(op=op):
            return f"issues AT {op.upper()}, which translates by {debt.subject.upper()}"
        case SysregRead(register=register) if debt.kind == RESULT:
            return f"reads {register.upper()}"
        case SysregRead(register=register):
            return f"reads {register.upper()}, which depends on {debt.subject.upper()}"
        case SysregWrite(register=register):
            return f"writes {register.upper()}, which depends on {debt.subject.upper()}"
    return f"relies on {debt.subject.upper()}"


def effect(event: Event, kind: str) -> str:
    """What a barrier on the path does for a debt of `kind`."""
    if kind in (REGISTER, RESULT) and isinstance(event, Dsb | Dmb):
        return f"{mnemonic(event)}: does not synchronize register accesses"
    match event:
        case Dsb(accesses=accesses) if accesses.value == "ld":
            return f"{mnemonic(event)}: waits for loads only; the write stays incomplete"
        case Dsb():
            return f"{mnemonic(event)}: completes the write"
        case Dmb():
            return f"{mnemonic(event)}: orders accesses, completes nothing"
        case ContextSync() | ExceptionCall() | ExceptionReturn():
            return f"{mnemonic(event)}: a context synchronization event"
        case UnknownInstruction(text):
            return f"`{text}`: an instruction barrierlint does not know; taken to order nothing"
    return mnemonic(event)
