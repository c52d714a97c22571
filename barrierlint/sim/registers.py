"""System registers that control translation, and when a write of one takes effect (DDI 0487 D24.1.2.2).

Until a context synchronization event an indirect use of a written register (by a walk, a TLBI, an access to a register
banked by it) may see any value it had since the last one; a read of PAR_EL1 may miss the AT before it likewise. Each
use chooses by itself. TTBR0_EL1 holds the table of the flat symbols' leaf descriptors (`program.TABLES` at first), each
base with an ASID of its own; SCTLR_EL1.M says whether there are walks at all. What it does not model: tables of deep
symbols under another base, TLB entries of a base that is used again, registers' other fields.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from barrierlint.events import Access, At, DescriptorWrite, Event, SysregRead, SysregWrite, Tlbi
from barrierlint.sim.evaluate import Held
from barrierlint.sim.machine import Barrier, State
from barrierlint.sim.program import TABLES

BASE, CONTROL, RESULT, WORLD, GUEST = "ttbr0_el1", "sctlr_el1", "par_el1", "scr_el3", "vttbr_el2"
BANKED = "icc_sre_el2"
"""A register of which each world has its own: SCR_EL3.NS says which is accessed (GICv3, IHI 0069, 9.2)."""
_AT_START = {BASE: TABLES, CONTROL: 1}
_CONTROLLING = frozenset({BASE, CONTROL, WORLD, GUEST})


def choices(state: State, action: Event, pe: int) -> list[State] | None:
    """The states that differ in what the use of registers by `action` sees; None if there is nothing to choose."""
    if not state.unsynchronized or (state.seen is not None and state.seen[0] == state.index):
        return None
    used = [register for register in _uses(action) if register in state.unsynchronized]
    if not used:
        return None
    found: list[State] = []
    for values in product(*((_current(state, r), *state.unsynchronized[r]) for r in used)):
        branch = state.copy()
        branch.seen = (state.index, dict(zip(used, values, strict=True)))
        old = [r for r, v in zip(used, values, strict=True) if v != _current(state, r)]
        if old:
            tell(branch, pe, f"still uses the old {' and '.join(r.upper() for r in old)}")
        found.append(branch)
    return found


def _uses(action: Event) -> Iterable[str]:
    match action:
        case Access() | DescriptorWrite() | At():
            return (CONTROL, BASE)
        case Tlbi():
            return (GUEST,)
        case SysregRead(register="par_el1"):
            return (RESULT,)
        case SysregRead(register="icc_sre_el2") | SysregWrite(register="icc_sre_el2"):
            return (WORLD,)
    return ()


def value(state: State, register: str) -> int:
    """What the instruction that runs sees in a register."""
    if state.seen is not None and state.seen[0] == state.index and register in state.seen[1]:
        return state.seen[1][register]
    return _current(state, register)


def _current(state: State, register: str) -> int:
    held = state.registers.get(register)
    return _AT_START.get(register, 0) if held is None else held[0]


def write(state: State, register: str, held: Held, pe: int) -> None:
    """MSR: in effect for direct reads at once, for all else from the next context synchronization event on."""
    if register in _CONTROLLING:
        leave(state, register)
        tell(state, pe, f"MSR {register.upper()}: takes effect with a context synchronization event at the latest")
    state.registers[_banked(state, register)] = held


def read(state: State, register: str) -> Held:
    """MRS."""
    if register == RESULT and state.seen is not None and state.seen[0] == state.index:
        return (value(state, register), 0, 0)
    return state.registers.get(_banked(state, register), (0, 0, 0))


def leave(state: State, register: str) -> None:
    """A register is about to change: its value of now may be seen for a while."""
    known = state.unsynchronized.get(register, ())
    state.unsynchronized = {**state.unsynchronized, register: (*known, _current(state, register))}


def _banked(state: State, register: str) -> str:
    return f"{register}@{value(state, WORLD)}" if register == BANKED else register


def misses(state: State) -> bool:
    """Whether a TLBI acts for another guest than the one that VTTBR_EL2 names now: it drops nothing of this one's."""
    return value(state, GUEST) != _current(state, GUEST)


def tell(state: State, pe: int, note: str) -> None:
    """A step of the trace."""
    done = (1 << len(state.execution.effects)) - 1
    state.barriers = (*state.barriers, Barrier(pe, state.index, done, note))
