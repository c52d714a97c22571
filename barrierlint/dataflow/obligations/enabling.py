"""The debts of switching translation on and off: what is to be done before, and in which order.

On the write that sets SCTLR_ELx.M depend a descriptor written and not completed (no subject), a TLBI of the regime
that no DSB completes (`pending`), and a register of it written with no context synchronization since (`registers`). The
write itself bears a debt that nothing pays if no TLBI came before it since the entry, or since M was cleared (`tlb`);
one that clears M, if a TLBI came right before it and none comes after (`off`), or if one comes before the register is
in effect (`leaving`); and one that sets GPCCR_EL3.GPC, if its fields are in no TLBI's past (`granules`). What it does
not model: stage 2; cache maintenance of tables written with caches off.
"""

from __future__ import annotations

import re

from barrierlint.dataflow.bits import known_bits
from barrierlint.dataflow.changes import kept
from barrierlint.dataflow.debts import ENABLE, Debt
from barrierlint.dataflow.obligations.obligation import Birth, Obligation
from barrierlint.dataflow.reach import TLB_PLACES
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.state import State
from barrierlint.events import (
    Accesses,
    Call,
    ContextSync,
    DescriptorWrite,
    Drain,
    Dsb,
    Event,
    ExceptionCall,
    ExceptionReturn,
    SysregWrite,
    Tlbi,
    Transition,
)
from barrierlint.terms import AddressOf, Const, Unknown

REGISTERS, TLB, OFF, GRANULES = "registers", "tlb", "off", "granules"
PENDING, LEAVING = "pending", "leaving"
"""What a debt is about, with the exception level after it; of a descriptor written nothing."""
ON, GPC = 1, 1 << 16
"""SCTLR_ELx.M (DDI 0487 D24.2.175) and GPCCR_EL3.GPC (D24.2.53)."""
_BASED, _GOVERNED, _PREPARED = 1, 2, Const(3)
"""What the cells `REGIME_PLACES` of a state hold: a base was written, TCR or MAIR, both. SCTLR with a value that is not
known then switches on: another PE's, or what was saved before sleep.
"""
_INVALIDATED, _USED = Const(1), Const(0)
"""What the cells `TLB_PLACES` of a state hold: invalidated, in use since; absent: nothing is known since the entry."""
_CONTROL = re.compile(r"sctlr_el(?P<level>[123])")
_BASE = re.compile(r"(?:ttbr[01]|tcr2?|mair2?)_el(?P<level>[123])")
_TLBI = re.compile(r"(?P<pa>r?pa)|(?:alle|r?vae|r?vale)(?P<level>[23])|")
_SYNCHRONIZES = re.compile(r"barrier|(?<![a-z])[di]sb|sync|tlb", re.IGNORECASE)
_MAY_INVALIDATE = re.compile(r"tlb|mmu|vmall|alle\d|cpu|boot|setup|init|prepare", re.IGNORECASE)


def switched(state: State, event: Event) -> tuple[int, bool] | None:
    """(exception level, whether on) where an event switches the translation of the code at hand on or off."""
    if not isinstance(event, SysregWrite) or (match := _CONTROL.fullmatch(event.register)) is None:
        return None
    level = int(match["level"])
    if state.level > level:
        return None  # what runs there comes after an exception return
    control = Unknown(f"sysreg:{event.register}")
    ones, zeros = known_bits(event.value, state.facts.bits)
    if known_bits(control, state.facts.bits)[0] & ON and not zeros & ON:
        return None
    restored = _known(state, f"<regime:{level}>") == _PREPARED and not kept(event.value, control) & ON
    if ones & ON or (restored and not zeros & ON):
        return level, True
    return (level, False) if zeros & ON else None


def governed(state: State, level: int) -> bool:
    """Whether TCR or MAIR of a regime were written on the path: it is being set up."""
    known = _known(state, f"<regime:{level}>")
    return isinstance(known, Const) and bool(known.value & _GOVERNED)


def turns_on(state: State, event: Event) -> bool:
    """Whether an event switches translation on: before it nothing was walked."""
    turned = switched(state, event)
    return turned is not None and turned[1]


def bear(state: State, event: Event) -> Birth | None:
    """A register that enabling relies on, or enabling and disabling themselves."""
    match event:
        case SysregWrite(register=register) if (match := _BASE.fullmatch(register)) is not None:
            return Birth(f"{REGISTERS} {match['level']} {register}") if state.level <= int(match["level"]) else None
        case SysregWrite(register="gpccr_el3", value=value):
            enabling = known_bits(value, state.facts.bits)[0] & GPC
            return Birth(GRANULES) if enabling and _known(state, "<tlb:granules>") == _USED else None
        case Tlbi(op=op) if (match := _TLBI.match(op)) is not None and not match["pa"]:
            return Birth(f"{PENDING} {match['level'] or '1'} {op}")
    turned = switched(state, event)
    if turned is None:
        return None
    known = _known(state, f"<tlb:{turned[0]}>")
    if turned[1]:
        return Birth(f"{TLB} {turned[0]}") if known is None else None
    return Birth(f"{OFF if known == _INVALIDATED else LEAVING} {turned[0]}")


def _known(state: State, place: str) -> object:
    if place in state.lost:
        return Unknown(place)
    return state.cells.get(AddressOf(place, "register"))


def note(state: State, event: Event) -> None:
    """What is known of the TLBs after an event."""
    match event:
        case Tlbi(op=op) if (match := _TLBI.match(op)) is not None:
            _put(state, "granules" if match["pa"] else match["level"] or "1", _INVALIDATED)
        case SysregWrite(register="gptbr_el3" | "gpccr_el3"):
            _put(state, "granules", _USED)
        case SysregWrite(register=register) if (match := _BASE.fullmatch(register)) is not None:
            place = AddressOf(f"<regime:{match['level']}>", "register")
            known = state.cells.get(place, Const(0))
            written = _BASED if register.startswith("ttbr") else _GOVERNED
            state.cells[place] = Const(known.value | written) if isinstance(known, Const) else known
        case SysregWrite() if (turned := switched(state, event)) is not None:
            if turned[1]:
                _put(state, str(turned[0]), _USED)
            else:
                state.cells.pop(AddressOf(f"<tlb:{turned[0]}>", "register"), None)
            state.cells.pop(AddressOf(f"<regime:{turned[0]}>", "register"), None)


def _put(state: State, place: str, value: Const) -> None:
    state.cells[AddressOf(f"<tlb:{place}>", "register")] = value


def note_unseen(state: State, call: Call) -> None:
    """A function that is not here may invalidate, if its name does not speak of something else."""
    if _MAY_INVALIDATE.search(call.qualified) or not call.qualified:
        for place in TLB_PLACES:
            state.cells[AddressOf(place, "register")] = Unknown(place)


def pay(state: State, event: Event) -> Debt | None:
    """The debt after an event, None once it is paid."""
    debt = state.debt
    assert debt is not None
    match event, debt.subject.partition(" ")[0]:
        case Drain(), _:
            return None
        case Dsb(accesses=Accesses.ST | Accesses.ALL), "":
            return None
        case Dsb(accesses=Accesses.ALL), "pending":
            return None
        case ((ContextSync() | ExceptionCall() | ExceptionReturn()), "leaving"):
            return None
        case ((ContextSync() | ExceptionCall() | ExceptionReturn()), ("registers" | "")):
            return None if debt.subject else debt.sees("isb-early")
        case Tlbi(), "off":
            return None
    return debt


def depends(state: State, event: Event) -> Relation | None:
    """Enabling, on what was written before it; a TLBI, on the enabling that it should have come before."""
    debt = state.debt
    assert debt is not None
    what, _, rest = debt.subject.partition(" ")
    match event:
        case Tlbi(op=op) if what in (TLB, GRANULES):
            match = _TLBI.match(op)
            assert match is not None
            place = "granules" if match["pa"] else match["level"] or "1"
            return Relation.EXACT if place == (rest or what) else None
        case Tlbi(op=op) if what == LEAVING:
            match = _TLBI.match(op)
            return Relation.POSSIBLE if match is not None and (match["level"] or "1") == rest else None
        case SysregWrite() if what in ("", REGISTERS, PENDING):
            turned = switched(state, event)
            if turned is None or not turned[1]:
                return None
            return Relation.EXACT if not what or rest.startswith(str(turned[0])) else None
    return None


def presume(born: State, write: DescriptorWrite) -> bool:
    """The new descriptor is valid, as far as that is open."""
    return born.facts.learn_bits(write.value, 1, 0)


def open(debt: Debt) -> bool:
    """Switched on, or off, without what belongs before, or after."""
    return debt.subject.partition(" ")[0] in (TLB, OFF, GRANULES)


def unseen(debt: Debt, call: Call) -> Debt | None:
    """A function that is not here, named after TLB maintenance or barriers, does what is owed."""
    what = debt.subject.partition(" ")[0]
    if what in ("", REGISTERS, PENDING, LEAVING) and _SYNCHRONIZES.search(call.qualified):
        return None
    return None if what == OFF and _MAY_INVALIDATE.search(call.qualified) else debt


OBLIGATION = Obligation(
    ENABLE,
    pay,
    depends,
    frozenset({Transition.MAKE, Transition.CHANGE, Transition.UNKNOWN}),
    bear,
    presume,
    open,
    unseen,
    offline=True,
    note=note,
    note_unseen=note_unseen,
)
