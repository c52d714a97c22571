"""What a whole program says of itself, wherever in it: that other PEs walk its tables, that TLBIs are broadcast, that
it uses ASIDs.

Parts of a program are analysed by themselves; these hold for all of them (`Program.traits`). What it does not model:
which tables are meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from barrierlint.cfg.graph import Cfg, Program
from barrierlint.dataflow.invalidations import is_broadcast
from barrierlint.events import Assign, Call, Dsb, Event, Shareability, SysregWrite, Tlbi
from barrierlint.terms import Apply, Const, Term

ASIDS, BROADCASTS, WIDE = "asids", "broadcasts", "wide"
_WIDE = (Shareability.ISH, Shareability.OSH)
_ASID_SHIFT = 48


def traits(program: Program) -> frozenset[str]:
    """Return all that is said of the program, here or in parts that are not here."""
    return program.traits.union(*(said(cfg) for cfg in program.functions.values()))


def said(cfg: Cfg) -> frozenset[str]:
    """Return what one function says."""
    found: set[str] = set()
    for step in cfg.steps():
        match step.event:
            case Tlbi(op=op) if is_broadcast(op):
                found.add(BROADCASTS)
            case Dsb(domain=domain) if domain in _WIDE:
                found.add(WIDE)
        if ASIDS not in found and any(_puts_asid(value) for value in _values(step.event)):
            found.add(ASIDS)
    return frozenset(found)


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
