"""The debt of a page or table that a descriptor stood for: `unlinked --DSB--> --TLBI--> --DSB, all accesses--> (paid)`.

A write that takes a valid descriptor away bears it for what that pointed to, and on it depends whatever gives that back
to an allocator, or writes another table into it. A table given back first (`EARLY`), and then taken away, shows in the
TLBI that follows. A table that is a translation base (`BASE`) is in use until the register holds another one and
context is synchronized. What is given back later owes that the invalidation is done before the code is left. What it
does not model: pages handed on by assignments; tables of address spaces that no PE uses any more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from barrierlint.dataflow.bits import VALID, known_bits
from barrierlint.dataflow.deallocation import Release
from barrierlint.dataflow.debts import FREE, PERHAPS, Debt, Progress
from barrierlint.dataflow.invalidations import parse
from barrierlint.dataflow.obligations import breaks
from barrierlint.dataflow.obligations.enabling import turns_on
from barrierlint.dataflow.obligations.obligation import Birth, Obligation
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.state import State
from barrierlint.events import (
    Access,
    Call,
    ContextSync,
    DescriptorWrite,
    Drain,
    Event,
    ExceptionCall,
    ExceptionReturn,
    Kind,
    SysregRead,
    SysregWrite,
    Tlbi,
    Transition,
)
from barrierlint.terms import Apply, Const, Element, Field, Term, Unknown

EARLY, BASE = "early", "base"
"""What a debt is about: given back before it is taken away; a translation base, with the register after it."""
RETIRED, UNLINKED, SURE = "retired", "unlinked", "sure"
"""Given back, though not at once; taken away after it was given back; by a function known to give back."""

_BASES = re.compile(r"v?s?ttbr\d?_el[123]")
_OFF = re.compile(r"(?:sctlr|tcr)_el[123]|hcr_el2")
_SWITCHES = re.compile(r"ttbr|mmu|switch|activate|install|load|context|tlb", re.IGNORECASE)


def presume(born: State, write: DescriptorWrite) -> bool:
    """The old descriptor was valid and pointed to something, and the new one does not point there."""
    assert born.debt is not None
    if write.old is None or breaks.is_own_work(write.old):
        return False
    facts = born.facts
    pages = born.phis.origins(write.old)
    new = known_bits(write.value, facts.bits)
    if not pages or not (new[1] & VALID or not pages & born.phis.origins(write.value)):
        return False
    old = known_bits(write.old, facts.bits)
    if not facts.learn_bits(write.old, VALID, 0):
        return False
    transition = Transition.BREAK if new[1] & VALID else Transition.CHANGE
    leaves = tuple(replace(leaf, transition=transition.value) for leaf in born.debt.leaves)
    words = frozenset(breaks.described(born.debt, old, new))
    born.debt = replace(born.debt, leaves=leaves, seen=words, maps=pages, location=frozenset(), place=None)
    return True


def bear(state: State, event: Event) -> Birth | None:
    """A translation base is read, or written: its table is in use."""
    match event:
        case SysregWrite(register=register, value=value) if _BASES.fullmatch(register):
            tables = state.phis.origins(value) - {Unknown(f"sysreg:{register}")}
            return Birth(f"{BASE} {register}", maps=tables) if tables else None
        case SysregRead(register=register, into=into) if into is not None and _BASES.fullmatch(register):
            return Birth(f"{BASE} {register}", maps=frozenset({Unknown(f"sysreg:{register}")}))
    return None


def gives(state: State, release: Release) -> Birth | None:
    """Something is given back whose address was taken from a descriptor that stands."""
    if release.later:
        return None
    for page in release.pages:
        for table in _taken_from(page):
            words = frozenset({SURE} if release.sure else ())
            return Birth(EARLY, maps=frozenset({table}), seen=words, slot=table.args[0])
    return None


def _taken_from(page: Term) -> Iterator[Apply]:
    """The loads that an address is computed from by masks or shifts, as it is from a descriptor."""
    match page:
        case Apply("&" | ">>", (Apply("load", _) as inner, Const())):
            yield inner
        case Apply("load", _):
            return
        case Apply(_, args):
            for arg in args:
                yield from _taken_from(arg)
        case Element(base, index, _):
            yield from _taken_from(base)
            yield from _taken_from(index)
        case Field(base, _):
            yield from _taken_from(base)


def pay(state: State, event: Event) -> Debt | None:
    """The debt after an event, None once it is paid."""
    debt = state.debt
    assert debt is not None
    if isinstance(event, Drain) or (not debt.subject and turns_on(state, event)):
        return None
    if debt.subject == EARLY:
        unlinked = isinstance(event, DescriptorWrite) and event.location == debt.slot
        return debt.sees(UNLINKED) if unlinked else debt
    if debt.subject:
        return _replaced(state, debt, event)
    if isinstance(event, Tlbi) and debt.progress is Progress.WRITTEN:
        return debt.sees(breaks.EARLY) if parse(event.op) is not None else debt
    paid = breaks.after(debt, event)
    return None if paid is not None and paid.progress >= Progress.DONE else paid


def _replaced(state: State, debt: Debt, event: Event) -> Debt | None:
    """A base is in use until another one is in effect."""
    match event:
        case SysregWrite(register=register, value=value) if register == debt.subject.partition(" ")[2]:
            same = state.phis.origins(value) & debt.maps
            return debt if same else replace(debt, progress=Progress.COMPLETED)
        case SysregWrite(register=register) if _OFF.fullmatch(register):
            return None
        case ContextSync() | ExceptionCall() | ExceptionReturn() if debt.progress is Progress.COMPLETED:
            return None
    return debt


def depends(state: State, event: Event) -> Relation | None:
    """Another table written into one that was taken away; a TLBI after both."""
    debt = state.debt
    assert debt is not None
    match event:
        case Tlbi() if debt.subject == EARLY and UNLINKED in debt.seen:
            return Relation.EXACT if SURE in debt.seen else Relation.POSSIBLE
        case (
            Access(kind=Kind.WRITE, size=8, address=address, value=value)
            | DescriptorWrite(location=address, value=value)
        ) if breaks.TABLE in debt.seen and not _is_settled(debt) and value is not None:
            harmless = known_bits(state.evaluate(value), state.facts.bits)[1] & VALID
            return Relation.EXACT if not harmless and state.phis.roots(address) & debt.maps else None
    return None


def _is_settled(debt: Debt) -> bool:
    """Whether another rule speaks of the TLBI that followed: it came too early, or was of another form."""
    return breaks.EARLY in debt.seen or any(word.startswith(breaks.MISSED) for word in debt.seen)


def releases(state: State, release: Release) -> Relation | None:
    """How giving something back depends on the debt."""
    debt = state.debt
    assert debt is not None
    if release.later or debt.subject == EARLY or _is_settled(debt):
        return None
    found = release.gives(state.phis, debt.maps)
    return None if found is None else Relation.EXACT if found and PERHAPS not in debt.seen else Relation.POSSIBLE


def after_release(state: State, release: Release) -> Debt:
    """What is given back later is in use until then."""
    debt = state.debt
    assert debt is not None
    later = release.later and not debt.subject and release.gives(state.phis, debt.maps) is not None
    return debt.sees(RETIRED) if later else debt


def unseen(debt: Debt, call: Call) -> Debt | None:
    """A call of a function that is not here: one named like a flush, or like a switch of tables, is taken to be one."""
    if debt.subject.startswith(BASE):
        return None if _SWITCHES.search(call.qualified) else debt
    return breaks.unseen(debt, call) if not debt.subject else debt


def open(debt: Debt) -> bool:
    """What was given back, though not at once, while nothing invalidates; who points at the descriptor may do so."""
    return RETIRED in debt.seen and not _is_settled(debt) and not breaks.handed_in(debt)


def is_named(debt: Debt) -> bool:
    """What is given back must be named; bases and descriptors are there for whoever comes, as is what is retired."""
    return not debt.subject and RETIRED not in debt.seen


OBLIGATION = Obligation(
    FREE,
    pay,
    depends,
    frozenset({Transition.BREAK, Transition.CHANGE, Transition.MAKE, Transition.UNKNOWN}),
    bear,
    presume,
    open,
    unseen,
    slots=True,
    gives=gives,
    releases=releases,
    after_release=after_release,
    named=is_named,
)
