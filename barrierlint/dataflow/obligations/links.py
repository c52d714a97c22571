"""The debt of a descriptor that links a table nobody has written to yet: nothing pays it, filling the table shows it.

A table is new where its address is what a call gave, and untouched where nothing was stored through it and no function
was handed it. What it does not model: memory that a call gave with all entries invalid, where the call's name does not
say so; a table that is never filled.
"""

from __future__ import annotations

from dataclasses import replace

from barrierlint.dataflow.debts import LINK, Debt
from barrierlint.dataflow.obligations.obligation import Birth, Obligation, by_name
from barrierlint.dataflow.obligations.publications import fresh, linked, open
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.state import State, is_zeroed
from barrierlint.events import Access, DescriptorWrite, Drain, Event, Kind, Transition
from barrierlint.terms import Term


def bear(state: State, event: Event) -> Birth | None:
    """A store that links a table, whether or not its place is known to be a descriptor's."""
    tables = _untouched(state, event) if isinstance(event, Access) else frozenset()
    evidence = "it stores a page's address with bits 1:0 set, as a table descriptor has them"
    return Birth(maps=tables, evidence=(evidence,)) if tables else None


def _untouched(state: State, event: Event) -> frozenset[Term]:
    """The new tables that a write links and that nobody has written to; one without valid entries is as good as
    filled.
    """
    return frozenset(table for table in linked(state, event) - state.touched if not is_zeroed(table))


def presume(born: State, write: DescriptorWrite) -> bool:
    """The descriptor links a new table that is untouched."""
    tables = _untouched(born, write)
    if not tables or born.debt is None:
        return False
    born.debt = replace(born.debt, maps=tables, location=frozenset())
    return True


def pay(state: State, event: Event) -> Debt | None:
    """No barrier makes up for it."""
    return None if isinstance(event, Drain) else state.debt


def depends(state: State, event: Event) -> Relation | None:
    """A store into the table."""
    assert state.debt is not None
    match event:
        case Access(kind=Kind.WRITE, address=address) | DescriptorWrite(location=address):
            return Relation.EXACT if fresh(state, address) & state.debt.maps else None
    return None


OBLIGATION = Obligation(
    LINK,
    pay,
    depends,
    frozenset({Transition.MAKE, Transition.CHANGE, Transition.UNKNOWN}),
    bear=bear,
    presume=presume,
    open=open,
    named=by_name,
)
