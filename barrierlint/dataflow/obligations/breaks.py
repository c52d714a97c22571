"""The debt of a translation taken away or changed, and of a TLBI:
`written --DSB--> completed --TLBI--> invalidated --DSB, all accesses--> done --context synchronization--> (paid)`.

A write bears it where the old descriptor may be valid; what is known of old and new says how sure that is (`ASSUMED`,
`CLEARED`). A TLBI bears it from `invalidated` on. On it depend an access through the address, the same descriptor made
valid again, a TLBI that comes before the write is complete, and an exception return. What it does not model: which
addresses a TLBI by address names, beyond the symbols it is computed from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from barrierlint.dataflow.bits import VALID, Bits, known_bits
from barrierlint.dataflow.debts import BREAK, UNKNOWN_SHIFT, Debt, Progress
from barrierlint.dataflow.invalidations import Operation, parse
from barrierlint.dataflow.obligations.enabling import turns_on
from barrierlint.dataflow.obligations.obligation import Birth, Obligation
from barrierlint.dataflow.operands import lacks_asid
from barrierlint.dataflow.provenance import is_parameter
from barrierlint.dataflow.relations import Relation, relate
from barrierlint.dataflow.state import State
from barrierlint.dataflow.values import leaves
from barrierlint.events import (
    Access,
    Accesses,
    Call,
    ContextSync,
    DescriptorWrite,
    Dmb,
    Drain,
    Dsb,
    Event,
    ExceptionCall,
    ExceptionReturn,
    Kind,
    Shareability,
    Tlbi,
    Transition,
)
from barrierlint.terms import AddressOf, Const, Element, Field, Term, Unknown

LONG = 2
"""Bit 1: a table or a page, which is not a block."""
ACCESS_FLAG, WRITABLE_OR_NOT, NOT_GLOBAL = 1 << 10, 1 << 7, 1 << 11
SOFTWARE = 0xF << 55
ASSUMED = "assumed"
"""The new descriptor may be valid, and nothing says that the old one was: most likely a make."""
CLEARED = "cleared"
"""Made invalid, whatever it was."""
LAZY = "lazy"
"""The TLBI concerns a process or a guest, which runs after an exception return."""
TAGGED = "tagged"
"""What was written is for one ASID only, as its nG bit says."""
LOCAL, NARROW, NARROW_AFTER = "local", "nsh", "nsh-after"
"""A TLBI of this PE only; a non-shareable DSB before, and after, a broadcast one."""
TABLE, STAGE_2, UPPER, GLOBAL = "table", "stage-2", "el2", "global"
"""What was written: a table's descriptor, one of stage 2, one of EL2's own translation, one for all ASIDs."""
MISSED = "missed:"
"""Followed by the reason why a TLBI since did not cover what was written."""
EARLY, AGAIN = "tlbi-early", "made-again"
"""A TLBI before the write was complete; the descriptor made valid before the break was."""

_SPENT = frozenset({"dmb", "dsb-ld", EARLY, "isb-early"})
_FLUSHES = re.compile(r"tlb|flush|inval|shoot_?down|(?<![a-z])sync", re.IGNORECASE)


def pay(state: State, event: Event) -> Debt | None:
    """The debt after an event, None once it is paid."""
    debt = state.debt
    assert debt is not None
    if isinstance(event, DescriptorWrite) and CLEARED in debt.seen and debt.progress is Progress.WRITTEN:
        if event.location == debt.slot and known_bits(event.value, state.facts.bits)[0] & VALID:
            return replace(debt, seen=debt.seen - {CLEARED} | {ASSUMED})  # put together in place
        return debt
    if not debt.subject and turns_on(state, event):
        return None  # Translation was off: what TLBs held before concerns the enabling.
    if isinstance(event, Tlbi) and debt.progress is Progress.WRITTEN and not debt.subject:
        return debt if _too_early(state, debt, parse(event.op), event.operand) is None else debt.sees(EARLY)
    if isinstance(event, Tlbi) and event.operand is not None and TAGGED in debt.seen and not debt.subject:
        operation = parse(event.op)
        lacking = operation is not None and lacks_asid(operation, event.operand, state.facts.bits)
        if debt.progress is Progress.COMPLETED and lacking:
            return debt.sees(MISSED + "asid")
    return after(debt, event)


def after(debt: Debt, event: Event) -> Debt | None:
    """The progress automaton of a break."""
    match event:
        case Drain():
            return None
        case Tlbi(op=op):
            return _after_tlbi(debt, parse(op))
        case Dsb(domain=domain, accesses=accesses):
            return _after_dsb(debt, domain, accesses)
        case Dmb() if debt.progress in (Progress.WRITTEN, Progress.INVALIDATED):
            return debt.sees("dmb")
        case ContextSync() | ExceptionCall() | ExceptionReturn():
            return _after_synchronization(debt)
    return debt


def _after_tlbi(debt: Debt, operation: Operation | None) -> Debt:
    if operation is None or debt.subject:
        return debt
    match debt.progress:
        case Progress.COMPLETED if why := _misses(debt, operation):
            return debt.sees(MISSED + why)
        case Progress.COMPLETED:
            words = {LOCAL} if not operation.broadcast else set()
            words |= {LAZY} if operation.lazy else set()
            kept = frozenset(word for word in debt.seen if word not in _SPENT and not word.startswith(MISSED))
            kept = kept if operation.broadcast else kept - {NARROW}
            return replace(debt, progress=Progress.INVALIDATED, seen=kept | words)
        case _ if operation.broadcast and LOCAL in debt.seen:
            return replace(debt, progress=Progress.INVALIDATED, seen=debt.seen - {LOCAL})
    return debt


def _misses(debt: Debt, operation: Operation) -> str:
    """Why a TLBI does not cover what was written, "" where nothing says so."""
    if TABLE in debt.seen and operation.last_level:
        return "last-level"
    if STAGE_2 in debt.seen and 2 not in operation.stages:
        return "stage"
    if UPPER in debt.seen and operation.el != 2:
        return "regime"
    return "global" if GLOBAL in debt.seen and operation.by == "asid" else ""


def _after_dsb(debt: Debt, domain: Shareability, accesses: Accesses) -> Debt | None:
    near = domain is Shareability.NSH
    match debt.progress, accesses:
        case (Progress.WRITTEN, Accesses.LD):
            return debt.sees("dsb-ld")
        case (Progress.WRITTEN, _):
            seen = debt.seen | {NARROW} if near else debt.seen
            return replace(debt, progress=Progress.COMPLETED, seen=seen)
        case (Progress.COMPLETED, Accesses.ST | Accesses.ALL) if not near:
            return replace(debt, seen=debt.seen - {NARROW})
        case (Progress.INVALIDATED, Accesses.ST | Accesses.LD):
            return debt.sees(f"dsb-{accesses.value}")
        case (Progress.INVALIDATED, _):
            narrow = near and LOCAL not in debt.seen
            return replace(debt, progress=Progress.DONE, seen=debt.seen | {NARROW_AFTER} if narrow else debt.seen)
        case (Progress.DONE | Progress.LOCAL, Accesses.ALL) if not near and NARROW_AFTER in debt.seen:
            wider = replace(debt, seen=debt.seen - {NARROW_AFTER})
            return wider if debt.progress is Progress.DONE or wider.seen & {LOCAL, NARROW} else None
    return debt


def _after_synchronization(debt: Debt) -> Debt | None:
    if debt.progress is Progress.DONE:
        reaches_all = not debt.seen & {LOCAL, NARROW, NARROW_AFTER}
        return None if reaches_all else replace(debt, progress=Progress.LOCAL)
    return debt.sees("isb-early") if debt.progress is Progress.INVALIDATED else debt


def depends(state: State, event: Event) -> Relation | None:
    """An access, a TLBI too early, the descriptor made valid again, an exception return."""
    debt = state.debt
    assert debt is not None
    match event:
        case Access(address=address, type=type) if _counts(debt):
            found = relate(state, address, state.phis, type)
            return found if found is Relation.EXACT and not _is_beside(debt, address) else None
        case Tlbi(op=op, operand=operand) if debt.progress is Progress.WRITTEN and not debt.subject:
            return _too_early(state, debt, parse(op), operand)
        case DescriptorWrite() if debt.slot is not None and debt.progress is not Progress.LOCAL:
            return _made_again(state, debt, event)
        case ExceptionReturn() if debt.progress not in (Progress.DONE, Progress.LOCAL) and _counts(debt):
            return Relation.BOUNDARY if open(debt) else None
    return None


def _counts(debt: Debt) -> bool:
    """Whether it is known, or at least acted upon, that there was something to take away."""
    return ASSUMED not in debt.seen or debt.progress >= Progress.INVALIDATED or _is_attempted(debt)


def _is_beside(debt: Debt, address: Term) -> bool:
    """Whether a member is accessed of an object from which the address of what was unmapped is reckoned: who unmaps an
    object would not go on to use it, so that was another part of memory.
    """
    return CLEARED in debt.seen and isinstance(address, Field)


def _is_attempted(debt: Debt) -> bool:
    """Whether a TLBI followed the write that did not serve it: too early, or of another form."""
    return EARLY in debt.seen or any(word.startswith(MISSED) for word in debt.seen)


def _too_early(state: State, debt: Debt, operation: Operation | None, operand: Term | None) -> Relation | None:
    """A TLBI while the write is not complete: a walk after it may still find the old descriptor."""
    if operation is None:
        return None
    named = _named(state, operand)
    if debt.maps and named and not named & debt.maps and all(map(is_parameter, named | debt.maps)):
        return None
    if ASSUMED not in debt.seen or named & debt.maps:
        return Relation.EXACT
    return Relation.POSSIBLE if operation.by == "all" else None


def _made_again(state: State, debt: Debt, event: DescriptorWrite) -> Relation | None:
    if event.location != debt.slot or debt.progress is Progress.DONE or event.transition is Transition.NONE:
        return None
    ones, _ = known_bits(event.value, state.facts.bits)
    if not ones & VALID or ASSUMED in debt.seen:
        return None
    if debt.progress is Progress.INVALIDATED or EARLY in debt.seen or CLEARED not in debt.seen:
        return Relation.EXACT
    return Relation.POSSIBLE if debt.progress is Progress.COMPLETED else None


def _named(state: State, operand: Term | None) -> frozenset[Term]:
    """The symbols of the address in a TLBI's operand."""
    if operand is None:
        return frozenset()
    symbols = (leaf for leaf in leaves(operand) if not isinstance(leaf, AddressOf | Const))
    return frozenset(root for symbol in symbols for root in state.phis.roots(symbol))


def bear(state: State, event: Event) -> Birth | None:
    """A TLBI, whatever was written before: it is to be completed, and synchronized with."""
    match event:
        case Tlbi(op=op, operand=operand) if (operation := parse(op)) is not None:
            lazy = operation.lazy or operation.el < state.level == 3  # what EL3 invalidates for others runs after ERET
            words = [word for word, holds in ((LOCAL, not operation.broadcast), (LAZY, lazy)) if holds]
            maps = _named(state, operand) if operation.by == "va" else frozenset()
            return Birth(op, maps=maps, seen=frozenset(words), progress=Progress.INVALIDATED)
    return None


def presume(born: State, write: DescriptorWrite) -> bool:
    """The old descriptor was valid, as far as that is open, and the new one is not merely more permissive."""
    assert born.debt is not None
    assert write.old is not None
    facts = born.facts
    old, new = known_bits(write.old, facts.bits), known_bits(write.value, facts.bits)
    if is_own_work(write.old) or not facts.learn_bits(write.old, VALID, 0):
        return False
    if not old[1] & ACCESS_FLAG:
        facts.learn_bits(write.old, ACCESS_FLAG, 0)
    elif old[1] & LONG:
        return False  # Of a block whose access flag is clear no TLB holds anything (DDI 0487 D8, the Access flag).
    word = ASSUMED
    transition = Transition.CHANGE
    if new[1] & VALID:
        word = "" if old[0] & VALID else CLEARED
        transition = Transition.BREAK
    elif old[0] & new[0] & VALID:
        if is_permitted(write.old, write.value, old, new):
            return False
        word = ""
    leaves = tuple(replace(leaf, transition=transition.value) for leaf in born.debt.leaves)
    words = {word, *described(born.debt, old, new)} - {""}
    born.debt = replace(born.debt, leaves=leaves, seen=frozenset(words))
    return True


def is_own_work(old: Term) -> bool:
    """Whether the old descriptor is valid by how it was computed here: put together in place, step by step."""
    return bool(known_bits(old, {})[0] & VALID)


def described(debt: Debt, old: Bits, new: Bits) -> Iterator[str]:
    """What is known of the translation that the descriptor stood for."""
    above = any(12 < leaf.shift < UNKNOWN_SHIFT for leaf in debt.leaves)
    if above and old[0] & 3 == 3:
        yield TABLE
    bases = [base.id for base in debt.location if isinstance(base, Unknown)]
    if any(base.startswith("sysreg:vttbr_el2") for base in bases):
        yield STAGE_2
    elif any(base.startswith("sysreg:ttbr0_el2") for base in bases):
        yield UPPER
    elif (old[0] & VALID and old[0] & NOT_GLOBAL) or (new[0] & VALID and new[0] & NOT_GLOBAL):
        yield TAGGED
    elif (old[0] & VALID and old[1] & NOT_GLOBAL) or (new[0] & VALID and new[1] & NOT_GLOBAL):
        yield GLOBAL


def is_permitted(old: Term, new: Term, old_bits: Bits, new_bits: Bits) -> bool:
    """Whether a valid descriptor may become this other one without a TLBI: the access flag set, or a fault more spared.

    A stale entry then faults at most, and a handler retries: software bits, the access flag and write permission.
    """
    from barrierlint.dataflow.changes import differing

    changed = differing(old, new, old_bits, new_bits)
    if changed is None:
        return False
    granted = (old_bits[1] & new_bits[0] & ACCESS_FLAG) | (old_bits[0] & new_bits[1] & WRITABLE_OR_NOT)
    return not changed & ~(SOFTWARE | granted)


def open(debt: Debt) -> bool:
    """Whether leaving the analysed code with it is a defect: who only takes away leaves the rest to whom it returns."""
    match debt.progress:
        case Progress.LOCAL:
            return not debt.subject
        case Progress.DONE:
            return LAZY not in debt.seen
        case Progress.INVALIDATED:
            return True
    if _is_attempted(debt):
        return True
    return ASSUMED not in debt.seen and not handed_in(debt) and not (CLEARED in debt.seen and _is_filling(debt))


def _place(debt: Debt) -> Term | None:
    """The address of the descriptor, without the member written."""
    slot = debt.slot
    while isinstance(slot, Field):
        slot = slot.base
    return slot


def handed_in(debt: Debt) -> bool:
    """Whether a caller pointed at the descriptor: it then knows what it took away."""
    place = _place(debt)
    return place is not None and is_parameter(place)


def _is_filling(debt: Debt) -> bool:
    """Whether a table's entries are cleared by number, not by an address: more likely a new table than an unmapping."""
    place = _place(debt)
    return not debt.maps and (place is None or isinstance(place, Element))


def unseen(debt: Debt, call: Call) -> Debt | None:
    """A call of a function that is not here: one named like a flush of TLBs is taken to be one.

    Maintenance of caches ends in a DSB, and invalidates no TLB.
    """
    name = call.qualified.rpartition("::")[2]
    if "cache" in name.lower() and "tlb" not in name.lower():
        return replace(debt, progress=Progress.COMPLETED) if debt.progress is Progress.WRITTEN else debt
    return None if _FLUSHES.search(name) else debt


def shown(debt: Debt, event: Event) -> Debt:
    """A debt that ends in a TLBI or in another write of the descriptor, and not in an access."""
    match event:
        case Tlbi():
            return debt.sees(EARLY)
        case DescriptorWrite() | Access(kind=Kind.WRITE | Kind.RMW, size=8) if debt.slot is not None:
            return debt.sees(AGAIN)
    return debt


OBLIGATION = Obligation(
    BREAK,
    pay,
    depends,
    frozenset({Transition.MAKE, Transition.BREAK, Transition.CHANGE, Transition.UNKNOWN}),
    bear,
    presume,
    open,
    unseen,
    slots=True,
    shown=shown,
    invalidated_by_loops=lambda debt: (
        debt.progress in (Progress.WRITTEN, Progress.COMPLETED) and EARLY not in debt.seen
    ),
)
