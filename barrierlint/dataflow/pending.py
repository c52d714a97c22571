"""What a barrier may still have to wait for: per kind of work the widest domain a DSB since has completed it in.

A forward analysis over the whole program, on the safe side of "nothing to do": what may have happened on some path
counts, and of callers and functions that are not here it is not known what they left behind. It does not model
addresses (any load is a load), XS accesses (a DSB nXS counts as none) and memory types.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from barrierlint.cfg.graph import Step
from barrierlint.dataflow.memory import root
from barrierlint.dataflow.provenance import walk_shift
from barrierlint.events import (
    Access,
    Accesses,
    Assign,
    At,
    CacheMaintenance,
    CompilerBarrier,
    ContextSync,
    DescriptorWrite,
    Dmb,
    Drain,
    Dsb,
    Event,
    Kind,
    Shareability,
    SpeculationBarrier,
    SysregRead,
    SysregWrite,
    Tlbi,
)
from barrierlint.finding import Span
from barrierlint.terms import AddressOf, Term


class Work(IntEnum):
    """Kinds of work a barrier waits for: loads and stores; stores of descriptors; TLB maintenance of this PE, of the
    inner and of the outer shareable domain; cache maintenance; other system registers (of the interrupt controller).
    FOREIGN: what callers, and functions that are not here, may have left.
    """

    LOAD = 0
    STORE = 1
    TABLE = 2
    LOCAL = 3
    INNER = 4
    OUTER = 5
    CACHE = 6
    SYSTEM = 7
    FOREIGN_LOAD = 8
    FOREIGN_STORE = 9
    FOREIGN_REST = 10


FOREIGN = (Work.FOREIGN_LOAD, Work.FOREIGN_STORE, Work.FOREIGN_REST)
RANK = {Shareability.NSH: 1, Shareability.ISH: 2, Shareability.OSH: 3, Shareability.SY: 4}
"""Domains by width; a higher one includes the lower ones."""
DONE = 4
PAGE_SHIFT = 12
"""That of the smallest granule."""
_SUFFICES = {Work.LOCAL: 1, Work.INNER: 2, Work.OUTER: 3}
"""The domain in which TLB maintenance is complete for all PEs that it concerns (DDI 0487 D8.17)."""

_LOADS = frozenset({Work.LOAD, Work.FOREIGN_LOAD})
_STORES = frozenset({Work.STORE, Work.TABLE, Work.FOREIGN_STORE})
WAITED = {Accesses.LD: _LOADS, Accesses.ST: _STORES, Accesses.ALL: frozenset(Work)}
"""What a DSB waits for, by its operand."""
ORDERED = frozenset({*_LOADS, *_STORES, Work.CACHE})
"""What a DMB for all accesses orders."""

TRANSLATION = ("ttbr", "tcr", "mair", "sctlr", "vttbr", "vtcr", "hcr", "contextidr", "cpacr", "vbar", "tpidr", "scr")
"""Registers, by their beginning, whose writes only a context synchronization event is needed for, not a DSB."""
_PSTATE = (
    "daif",
    "spsel",
    "pan",
    "uao",
    "dit",
    "tco",
    "ssbs",
    "allint",
    "nzcv",
    "fpcr",
    "fpsr",
    "elr",
    "spsr",
    "sp_el",
)


@dataclass(frozen=True, slots=True)
class Pending:
    """What may have happened since the barriers that wait for it.

    `completed` tells for each `Work` the rank of the widest DSB since (0: none), `ordered` the same for DMBs and DSBs.
    `unsynced` are words for what happened since the last context synchronization event: registers by name, or what
    else. `flushed` are TLBI operations without operand since which nothing changed that a TLB could hold, with the
    places they were issued at.
    """

    completed: tuple[int, ...]
    ordered: tuple[int, ...]
    unsynced: frozenset[str]
    flushed: frozenset[tuple[str, Span]] = frozenset()

    def join(self, other: Pending) -> Pending:
        """What may have happened on either way."""
        if self == other:
            return self
        return Pending(
            tuple(map(min, self.completed, other.completed)),
            tuple(map(min, self.ordered, other.ordered)),
            self.unsynced | other.unsynced,
            self.flushed & other.flushed,
        )

    def happened(self, *work: Work, unsynced: str = "", changed: bool = False) -> Pending:
        """The state after `work` was begun; with `changed`, TLBs may hold something else since."""
        begun = frozenset(work)
        return Pending(
            tuple(0 if each in begun else level for each, level in zip(Work, self.completed, strict=True)),
            tuple(0 if each in begun else level for each, level in zip(Work, self.ordered, strict=True)),
            self.unsynced | {unsynced} if unsynced else self.unsynced,
            frozenset() if changed else self.flushed,
        )

    def open_for(self, event: Dsb) -> frozenset[Work]:
        """What a DSB has to wait for here."""
        rank = 0 if event.nxs else RANK[event.domain]
        waited = WAITED[event.accesses]
        return frozenset(
            each for each in waited if self.completed[each] < min(rank, _SUFFICES.get(each, DONE)) or event.nxs
        )


ELSEWHERE = Span("", 0)
"""The place of a TLBI that another statement issued."""
NOTHING = Pending((DONE,) * len(Work), (DONE,) * len(Work), frozenset())
"""Nothing is pending and nothing changed."""
UNKNOWN = NOTHING.happened(*FOREIGN, unsynced="caller", changed=True)
"""The state at the entry of a function that anyone may call."""


def settled(state: Pending, here: Span) -> Pending:
    """The state at a step: what was flushed by other statements was not flushed by this one."""
    if all(place in (here, ELSEWHERE) for _, place in state.flushed):
        return state
    return replace(state, flushed=frozenset((op, place if place == here else ELSEWHERE) for op, place in state.flushed))


def unseen(state: Pending) -> Pending:
    """The state after something that may have done anything."""
    return state.happened(*FOREIGN, unsynced="call", changed=True)


def covers(event: Event, other: Event) -> bool:
    """Whether one barrier or TLBI does all that another of its kind would."""
    match event, other:
        case Dsb(done, accesses, False), Dsb(domain, waited) | Dmb(domain, waited):
            return RANK[done] >= RANK[domain] and WAITED[accesses] >= WAITED[waited]
        case Dmb(done, accesses), Dmb(domain, waited):
            return RANK[done] >= RANK[domain] and WAITED[accesses] >= WAITED[waited]
        case ContextSync(), ContextSync():
            return True
        case Tlbi(flushed, None), Tlbi(op, None):
            return flushed == op or (reach_of(op) is Work.LOCAL and flushed in (f"{op}is", f"{op}os"))
    return False


def is_idle(state: Pending, step: Step) -> bool:
    """Whether a barrier or TLBI has nothing to do: what it waits for, orders or drops was, by others before it."""
    match step.event:
        case Dsb(nxs=False) as dsb:
            return not state.open_for(dsb)
        case Dmb(domain, accesses):
            return all(state.ordered[each] >= RANK[domain] for each in WAITED[accesses] & ORDERED)
        case ContextSync("isb"):
            return not state.unsynced
        case Tlbi(op, None):
            return any(_covers(done, op) and place != step.span for done, place in state.flushed)
    return False


def after(state: Pending, step: Step) -> Pending:
    """The state after a step that is no call. A barrier that has nothing to do does nothing."""
    if is_idle(state, step):
        return state
    match step.event:
        case Assign() | CompilerBarrier() | SpeculationBarrier() | Drain():
            return state
        case Access() as access if is_table_store(access):
            return state.happened(Work.TABLE, unsynced="access", changed=True)
        case Access(kind=kind, address=address):
            return state if is_local(address) else state.happened(*_touched(kind), unsynced="access", changed=True)
        case DescriptorWrite(op=op):
            read = (Work.LOAD,) if op else ()
            return state.happened(Work.TABLE, *read, unsynced="access", changed=True)
        case Dsb(domain, accesses, nxs):
            return _waited(state, accesses, 0 if nxs else RANK[domain])
        case Dmb(domain, accesses):
            return replace(state, ordered=_raised(state.ordered, WAITED[accesses] & ORDERED, RANK[domain]))
        case ContextSync("isb"):
            return replace(state, unsynced=frozenset())
        case Tlbi() as tlbi:
            return _flushed(state, tlbi, step.span)
        case CacheMaintenance(op):
            return state.happened(Work.CACHE, unsynced=op)
    return _system(state, step.event)


def _system(state: Pending, event: Event) -> Pending:
    match event:
        case SysregWrite(register) if register.startswith(TRANSLATION):
            return state.happened(unsynced=register, changed=True)
        case SysregWrite(register) if register.startswith(_PSTATE):
            return state.happened(unsynced=register)
        case SysregWrite(register):
            return state.happened(Work.SYSTEM, unsynced=register, changed=True)
        case SysregRead(register):
            return state.happened(unsynced=f"read of {register}")
        case At(op):
            return state.happened(Work.SYSTEM, unsynced=op)
    return unseen(state)


def _touched(kind: Kind) -> tuple[Work, ...]:
    return {Kind.READ: (Work.LOAD,), Kind.WRITE: (Work.STORE,)}.get(kind, (Work.LOAD, Work.STORE))


def _waited(state: Pending, accesses: Accesses, rank: int) -> Pending:
    waited = WAITED[accesses]
    return Pending(
        _raised(state.completed, waited, rank),
        _raised(state.ordered, waited, rank),
        state.unsynced | {"dsb"},
        state.flushed,
    )


def _raised(levels: tuple[int, ...], of: frozenset[Work], rank: int) -> tuple[int, ...]:
    return tuple(max(level, rank) if each in of else level for each, level in zip(Work, levels, strict=True))


def _flushed(state: Pending, event: Tlbi, place: Span) -> Pending:
    begun = state.happened(reach_of(event.op), unsynced="tlbi")
    return replace(begun, flushed=begun.flushed | {(event.op, place)}) if event.operand is None else begun


def reach_of(op: str) -> Work:
    """Which PEs a TLBI concerns."""
    base = op.removesuffix("nxs")
    return Work.INNER if base.endswith("is") else Work.OUTER if base.endswith("os") else Work.LOCAL


def _covers(done: str, op: str) -> bool:
    """Whether one TLBI did all that another would: the same, or the same for more PEs."""
    return done == op or (reach_of(op) is Work.LOCAL and done in (f"{op}is", f"{op}os"))


def is_table_store(access: Access) -> bool:
    """Whether a store is one of a descriptor by its place: indexed by bits of an address that pages are told by."""
    shift = walk_shift(access.address) if access.kind is Kind.WRITE and access.size == 8 else None
    return shift is not None and shift >= PAGE_SHIFT


def is_local(address: Term) -> bool:
    """Whether an address is that of an object on this thread's stack."""
    base = root(address)
    return isinstance(base, AddressOf) and base.kind == "local"
