"""What a whole program says of itself, wherever in it: that other PEs walk its tables, that TLBIs are broadcast, that
it uses ASIDs, that its flushes wait for what was written before, where it switches threads.

Parts of a program are analysed by themselves; these hold for all of them (`Program.traits`). What it does not model:
which tables are meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from barrierlint.cfg.graph import Cfg, Program
from barrierlint.dataflow.invalidations import is_broadcast
from barrierlint.dataflow.memory import root
from barrierlint.events import Access, Accesses, Assign, Call, Dsb, Event, Kind, Shareability, SysregWrite, Tlbi
from barrierlint.terms import AddressOf, Apply, Const, Field, Term

ASIDS, BROADCASTS, WIDE, WAITS = "asids", "broadcasts", "wide", "waits"
TAGS = "tags"
"""TLBIs by an ASID that is no constant, or members named after ASIDs: there are some, put into registers or not."""
SWITCHES = "switches"
"""A function stores the stack pointer where the thread that goes on reads it: a context switch."""
STACK = AddressOf("%sp", "local")
_WIDE = (Shareability.ISH, Shareability.OSH)
_ASID_SHIFT = 48
_ASID = re.compile(r"asid", re.IGNORECASE)


def traits(program: Program) -> frozenset[str]:
    """Return all that is said of the program, here or in parts that are not here."""
    return program.traits.union(*(said(cfg) for cfg in program.functions.values()))


def said(cfg: Cfg) -> frozenset[str]:
    """Return what one function says."""
    found: set[str] = set()
    for step in cfg.steps():
        match step.event:
            case Tlbi(op=op, operand=operand):
                found |= {BROADCASTS} if is_broadcast(op) else set()
                found |= {TAGS} if "aside1" in op and not isinstance(operand, Const | None) else set()
            case Access(address=Field(name=name)) if _ASID.search(name):
                found.add(TAGS)
            case Dsb(domain=domain) if domain in _WIDE:
                found.add(WIDE)
            case Access() as access if saves_stack(access):
                found.add(SWITCHES)
        if ASIDS not in found and any(_puts_asid(value) for value in _values(step.event)):
            found.add(ASIDS)
    if any(isinstance(step.event, Tlbi) for step in cfg.steps()) and first_unwaited(cfg, _waits) is None:
        found.add(WAITS)
    return frozenset(found)


def saves_stack(access: Access) -> bool:
    """Whether an access stores the stack pointer in memory that is not the stack."""
    base = root(access.address)
    on_stack = isinstance(base, AddressOf) and base.kind == "local"
    return access.kind is Kind.WRITE and access.value == STACK and not on_stack


def first_unwaited(cfg: Cfg, waits: Callable[[Event], bool]) -> tuple[int, int] | None:
    """A TLBI (block, step) that is reached from the entry with nothing that `waits` on the way, or None."""
    seen, pending = {cfg.entry}, [cfg.entry]
    while pending:
        block = cfg.blocks[pending.pop()]
        for number, step in enumerate(block.steps):
            if isinstance(step.event, Tlbi):
                return block.id, number
            if waits(step.event):
                break
        else:
            for edge in block.edges:
                if edge.target not in seen:
                    seen.add(edge.target)
                    pending.append(edge.target)
    return None


def _waits(event: Event) -> bool:
    """Whether an event waits for stores by itself; what a call does is not looked at."""
    return isinstance(event, Dsb) and event.accesses is not Accesses.LD


def _values(event: Event) -> Iterator[Term]:
    match event:
        case Assign(value=value) | SysregWrite(value=value):
            yield value
        case Tlbi(operand=operand) if operand is not None:
            yield operand
        case Call(args=args):
            yield from args


def _puts_asid(value: Term) -> bool:
    """Whether a value has anything in an ASID's place, of a register or an operand: bits 63:48."""
    match value:
        case Apply("<<", (_, Const(shift))) if shift == _ASID_SHIFT:
            return True
        case Apply(_, args):
            return any(_puts_asid(arg) for arg in args)
    return False
