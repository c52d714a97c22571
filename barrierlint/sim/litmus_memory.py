"""Loads, stores, exclusives and atomics of AArch64 assembly as access events.

What it does not model: LDTR, STTR, LDXP, STXP, CASP, LD64B, tag and vector accesses.
"""

from __future__ import annotations

import re

from barrierlint.events import Access, Assign, Event, Kind, Order
from barrierlint.sim.evaluate import names_in
from barrierlint.sim.litmus_operands import Memory, Operands, width_of
from barrierlint.sim.shape import EXCLUSIVE
from barrierlint.terms import Apply, Term, const

_LOAD = re.compile(r"LD(?P<how>AR|LAR|APR|APUR|R|UR|XR|AXR)(?P<size>B|H|SB|SH|SW)?")
_STORE = re.compile(r"ST(?P<how>LR|LLR|LUR|R|UR|XR|LXR)(?P<size>B|H)?")
_ATOMIC = re.compile(r"(?P<verb>SWP|CAS|LD(?:ADD|CLR|EOR|SET|SMAX|SMIN|UMAX|UMIN))(?P<order>A|L|AL)?(?P<size>B|H)?")
_ST_ATOMIC = re.compile(r"ST(?P<verb>ADD|CLR|EOR|SET|SMAX|SMIN|UMAX|UMIN)(?P<order>L)?(?P<size>B|H)?")
_OPERATIONS = {"SWP": "swap", "CAS": "cas", "ADD": "add", "CLR": "andnot", "EOR": "xor", "SET": "or"}
_ORDERS = {None: Order.PLAIN, "A": Order.ACQUIRE, "L": Order.RELEASE, "AL": Order.ACQ_REL}
_LOAD_ORDERS = {
    "AR": Order.ACQUIRE,
    "LAR": Order.ACQUIRE,
    "AXR": Order.ACQUIRE,
    "APR": Order.ACQUIRE_PC,
    "APUR": Order.ACQUIRE_PC,
}
_STORE_ORDERS = {"LR": Order.RELEASE, "LLR": Order.RELEASE, "LXR": Order.RELEASE, "LUR": Order.RELEASE}


def decode(mnemonic: str, operands: Operands) -> list[Event]:
    """Return the accesses of a memory instruction, empty if it is none. Raises ValueError on operands it cannot
    read.
    """
    if mnemonic in ("LDP", "STP", "LDNP", "STNP"):
        return _pair(mnemonic, operands)
    if match := _ATOMIC.fullmatch(mnemonic):
        return _atomic(match, operands)
    if match := _LOAD.fullmatch(mnemonic):
        return _load(match, operands)
    if match := _STORE.fullmatch(mnemonic):
        return _store(match, operands)
    if match := _ST_ATOMIC.fullmatch(mnemonic):
        return _st_atomic(match, operands)
    return []


def _size(suffix: str | None, text: str) -> int:
    size = {"B": 1, "SB": 1, "H": 2, "SH": 2, "SW": 4}.get(suffix or "", width_of(text) // 8)
    if (width_of(text) == 64 and suffix in ("B", "H")) or (width_of(text) == 32 and suffix == "SW"):
        raise ValueError(f"register {text} is of the wrong width")
    return size


def _with_write_back(accesses: list[Event], memory: Memory) -> list[Event]:
    if memory.written_back is None:
        return accesses
    return [*accesses, Assign(*memory.written_back)]


def _apart(memory: Memory, into: str | None) -> None:
    """Raise ValueError if an instruction loads the register that it writes back (unpredictable: DDI 0487 C6.2)."""
    if memory.written_back is not None and memory.written_back[0] == into:
        raise ValueError(f"{into} is loaded and written back")


def _load(match: re.Match[str], operands: Operands) -> list[Event]:
    memory, size = operands.memory(1), _size(match["size"], operands.text(0))
    order = _LOAD_ORDERS.get(match["how"], Order.PLAIN)
    op = EXCLUSIVE if match["how"] in ("XR", "AXR") else ""
    into = operands.target(0)
    _apart(memory, into)
    accesses: list[Event] = [Access(Kind.READ, memory.address, None, into, order, size, op)]
    if (match["size"] or "").startswith("S") and into is not None:
        extended: Term = Apply(f"sext {8 * size}", (operands.source(0),))
        accesses.append(Assign(into, extended if width_of(operands.text(0)) == 64 else Apply("zext 32", (extended,))))
    return _with_write_back(accesses, memory)


def _store(match: re.Match[str], operands: Operands) -> list[Event]:
    order = _STORE_ORDERS.get(match["how"], Order.PLAIN)
    if match["how"] in ("XR", "LXR"):
        size = _size(match["size"], operands.text(1))
        address = operands.memory(2).address
        return [Access(Kind.WRITE, address, operands.source(1), operands.target(0), order, size, EXCLUSIVE)]
    memory, size = operands.memory(1), _size(match["size"], operands.text(0))
    return _with_write_back([Access(Kind.WRITE, memory.address, operands.source(0), None, order, size)], memory)


def _pair(mnemonic: str, operands: Operands) -> list[Event]:
    memory, size = operands.memory(2), _size(None, operands.text(0))
    addresses: list[Term] = [memory.address, Apply("+", (memory.address, const(size)))]
    accesses: list[Event] = []
    loads = mnemonic.startswith("L")
    if loads and operands.target(0) == operands.target(1):
        raise ValueError("both loads are of one register")
    # The halves are not ordered: one that overwrites the base is taken last.
    halves = list(enumerate(addresses))
    if loads and operands.target(0) in names_in(memory.address):
        halves.reverse()
    for index, address in halves:
        if loads:
            _apart(memory, operands.target(index))
            accesses.append(Access(Kind.READ, address, None, operands.target(index), size=size))
        else:
            accesses.append(Access(Kind.WRITE, address, operands.source(index), size=size))
    return _with_write_back(accesses, memory)


def _atomic(match: re.Match[str], operands: Operands) -> list[Event]:
    """`SWP Xs,Xt,[Xn]`, `LDADD Xs,Xt,[Xn]`, `CAS Xs,Xt,[Xn]` (Xs: compared with and overwritten)."""
    size, order = _size(match["size"], operands.text(0)), _ORDERS[match["order"]]
    address = operands.memory(2).address
    verb = match["verb"].removeprefix("LD")
    op = _OPERATIONS.get(verb, verb.lower())
    if op == "cas":
        value, into = operands.source(1), operands.target(0)
        return [Access(Kind.RMW, address, value, into, order, size, op, operands.source(0))]
    return [Access(Kind.RMW, address, operands.source(0), operands.target(1), order, size, op)]


def _st_atomic(match: re.Match[str], operands: Operands) -> list[Event]:
    size, order = _size(match["size"], operands.text(0)), _ORDERS[match["order"]]
    op = _OPERATIONS.get(match["verb"], match["verb"].lower())
    return [Access(Kind.RMW, operands.memory(1).address, operands.source(0), None, order, size, op)]
