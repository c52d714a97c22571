"""The debts of address spaces that TLBs cannot tell apart: by ASID or VMID, or because there is none.

Born where a base register is given another table, and was read or enabled before, or is given what an object holds
that the function was handed (`SWITCHED`, `HELD`); where it is given an
ASID that this path gives to an address space (`GIVEN`); where an ASID is taken from its owner (`TAKEN`), or the counter
that gives them starts anew (`WRAPPED`), which count from the register's write on. A TLBI of all entries, or by ASID,
pays. Which of them are defects the program as a whole decides: whether it uses ASIDs, and invalidates where it gives
them. What it does not model: ASIDs that are invalidated when they are freed, in code that is not here.
"""

from __future__ import annotations

import re
from dataclasses import replace

from barrierlint.dataflow.bits import known_bits
from barrierlint.dataflow.debts import SPACE, Debt, Progress
from barrierlint.dataflow.invalidations import parse
from barrierlint.dataflow.memory import place_of, root
from barrierlint.dataflow.obligations.enabling import governed
from barrierlint.dataflow.obligations.obligation import Birth, Obligation
from barrierlint.dataflow.operands import ASID, tags
from barrierlint.dataflow.reach import BASES, OWN_BASES, base_place
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.state import State
from barrierlint.dataflow.values import COMPARISONS, all_leaves, load
from barrierlint.events import Access, Call, Drain, Event, Kind, SysregRead, SysregWrite, Tlbi
from barrierlint.terms import AddressOf, Apply, Const, Field, Term, Unknown

SWITCHED, GIVEN, TAKEN, WRAPPED = "switched", "given", "taken", "wrapped"
HELD = "held"
"""The table is what an object holds; that another one was in use is likely."""
_REGISTERS = re.compile(r"(?:ttbr[01]|contextidr)_el[12]|vttbr_el2")
_COUNTERS = re.compile(r"asid|vmid|context_?id|ctx_?id|ctx_?num", re.IGNORECASE)
_OFF = re.compile(r"sctlr_el[123]|hcr_el2")
_GOVERNS = re.compile(r"(?:tcr2?|mair2?)_el[12]")
_TAGGED = re.compile(r"ttbr|asid|context", re.IGNORECASE)
_FLUSHES = re.compile(r"tlb|flush|inval", re.IGNORECASE)
_READ = Const(1)


def bear(state: State, event: Event) -> Birth | None:
    """A base register, or what keeps account of ASIDs, is written."""
    match event:
        case SysregWrite(register=register, value=value) if _REGISTERS.fullmatch(register):
            if any(_is_given(state, tag) for tag in tags(value)):
                return Birth(f"{GIVEN} {register}", progress=Progress.COMPLETED)
            return _switched(state, register, value)
        case Access(kind=Kind.WRITE, address=address, value=value) if value is not None:
            return _account(state, address, state.evaluate(value))
    return None


def _is_given(state: State, tag: Term) -> bool:
    """Whether a value was stored into some object on this path: an address space has got it."""
    if isinstance(tag, Const):
        return False
    return any(value == tag and tag != load(cell) and _is_shared(cell) for cell, value in state.cells.items())


def _is_shared(cell: Term) -> bool:
    """Whether a cell is a member of an object that is no local one."""
    base = cell
    while isinstance(base, Field):
        base = base.base
    return isinstance(cell, Field) and not (isinstance(base, AddressOf) and base.kind == "local")


def _switched(state: State, register: str, value: Term) -> Birth | None:
    """Another table for a base that is known to be in use, and no ASID that tells them apart."""
    if not BASES.fullmatch(register) or state.level > int(register[-1]):
        return None
    ones, _ = known_bits(value, state.facts.bits)
    same = Unknown(f"sysreg:{register}") in state.phis.origins(value)
    if same or isinstance(value, Const) or ones & ASID or any(tags(value)):
        return None
    used = state.cells.get(_place(register)) == _READ or _is_on(state, register)
    held = not used and OWN_BASES.fullmatch(register) and _is_held(value) and not governed(state, int(register[-1]))
    if not used and not held:
        return None
    return Birth(f"{SWITCHED} {register}", progress=Progress.COMPLETED, seen=frozenset({HELD} if held else ()))


def _is_held(value: Term) -> bool:
    """Whether a value is a member of an object that is reached through a pointer: one address space among several. What
    is named after the register may have an ASID in it already.
    """
    match value:
        case Apply("load", (Field(_, name),)) if _TAGGED.search(name):
            return False
        case Apply("load", (address,)):
            base = root(address)
            return _is_held(base) or isinstance(base, Unknown)
        case Apply("&" | "|" | "+" | "-" | "<<" | ">>", args):
            return any(map(_is_held, args))
    return False


def _is_on(state: State, register: str) -> bool:
    """Whether the path tells that translation is on: it tested SCTLR_ELx.M."""
    control = Unknown(f"sysreg:sctlr_el{register[-1]}")
    return not register.startswith("v") and bool(known_bits(control, state.facts.bits)[0] & 1)


def _account(state: State, address: Term, value: Term) -> Birth | None:
    """An ASID is taken from its owner, or the counter of ASIDs starts anew."""
    if not isinstance(value, Const):
        return None
    old = state.read(address)
    if isinstance(address, Field) and isinstance(old, Apply) and old.op == "load":
        left = value.value == 0 or value.value >= 0xFFFF
        return Birth(TAKEN, maps=frozenset({old})) if left and _COUNTERS.search(address.name) else None
    if isinstance(address, AddressOf) and address.kind == "global" and _COUNTERS.search(place_of(address)):
        counted = load(address)
        if old != counted:
            return None
        compared = (term for term in state.facts.truths if isinstance(term, Apply) and term.op in COMPARISONS)
        if any(counted in all_leaves(term) for term in compared):
            return Birth(WRAPPED)
    return None


def _place(register: str) -> AddressOf:
    return AddressOf(base_place(register), "register")


def note(state: State, event: Event) -> None:
    """A base register that was read is in use, most likely."""
    if isinstance(event, SysregRead) and BASES.fullmatch(event.register):
        state.cells[_place(event.register)] = _READ


def pay(state: State, event: Event) -> Debt | None:
    """The debt after an event, None once it is paid."""
    debt = state.debt
    assert debt is not None
    match event:
        case Drain():
            return None
        case Tlbi(op=op) if (operation := parse(op)) is not None and operation.by in ("all", "asid"):
            return None
        case SysregWrite(register=register) if _OFF.fullmatch(register):
            return None
        case SysregWrite(register=register) if HELD in debt.seen and _GOVERNS.fullmatch(register):
            return None  # set up, not switched
        case SysregWrite(register=register, value=value) if _REGISTERS.fullmatch(register):
            return _used(state, debt, value)
    return debt


def _used(state: State, debt: Debt, value: Term) -> Debt | None:
    """The debt after another write of a base register."""
    kind = debt.subject.partition(" ")[0]
    if kind == SWITCHED:
        return None  # back again, or on to a third: the second write is judged by itself
    used = kind == TAKEN and any(state.phis.origins(tag) & debt.maps for tag in tags(value))
    used |= kind == WRAPPED and (any(tags(value)) or bool(known_bits(value, state.facts.bits)[0] & ASID))
    return replace(debt, progress=Progress.COMPLETED) if used else debt


def depends(_state: State, _event: Event) -> Relation | None:
    """Whatever runs next: a TLBI may still come."""
    return None


def open(debt: Debt) -> bool:
    """In a register, and TLBs as they were."""
    return debt.progress is Progress.COMPLETED


def unseen(debt: Debt, call: Call) -> Debt | None:
    """A function that is not here and is named like a flush is one."""
    return None if _FLUSHES.search(call.qualified) else debt


OBLIGATION = Obligation(SPACE, pay, depends, bear=bear, open=open, unseen=unseen, note=note)
