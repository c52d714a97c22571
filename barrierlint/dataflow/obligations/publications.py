"""The debt of a store into a table that nobody walks yet: `filled --DMB ST, DSB ST or release--> (paid)`.

A table is new where its address is what a call gave. A descriptor that links it depends on the stores into it: another
PE's walker, or this one's, reads the table through the link, and may read what was there before. What it does not
model: tables handed in, and stores of functions that are not here.
"""

from __future__ import annotations

from barrierlint.dataflow.bits import known_bits
from barrierlint.dataflow.debts import PUBLISH, Debt
from barrierlint.dataflow.obligations.obligation import Birth, Obligation, by_name
from barrierlint.dataflow.obligations.tables import TABLE
from barrierlint.dataflow.phis import PAGE
from barrierlint.dataflow.provenance import is_result
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.state import State
from barrierlint.events import Access, Accesses, DescriptorWrite, Dmb, Drain, Dsb, Event, Kind, Order, Transition
from barrierlint.terms import Apply, Const, Field, Term

RELEASES = frozenset({Order.RELEASE, Order.ACQ_REL, Order.SEQ_CST})


def fresh(state: State, address: Term) -> frozenset[Term]:
    """The symbols an address points from that are what a call gave."""
    return frozenset(root for root in state.phis.roots(address) if is_result(root))


def linked(state: State, event: Event) -> frozenset[Term]:
    """The new tables that a write links: of a descriptor, or by what it stores, a page's address with bits 1:0 set."""
    match event:
        case DescriptorWrite(value=value):
            known = True
        case Access(kind=Kind.WRITE, size=8, value=stored) if stored is not None:
            value = state.evaluate(stored)
            known = _is_page(value)
        case _:
            return frozenset()
    ones, _ = known_bits(value, state.facts.bits)
    return fresh(state, value) if known and ones & TABLE == TABLE else frozenset()


def _is_page(value: Term) -> bool:
    """Whether an address is masked as a descriptor's is: bits 47:12 of it at most (D8.3.1)."""
    match value:
        case Apply("&", (_, Const(mask))) | Apply("&", (Const(mask), _)):
            return mask & (PAGE - 1) == 0 and mask != 0
        case Apply("|" | "+", args):
            return any(_is_page(arg) for arg in args)
    return False


def bear(state: State, event: Event) -> Birth | None:
    """A store of a descriptor's size through what a call gave."""
    match event:
        case Access(kind=Kind.WRITE, size=8, address=address, order=order) if order not in RELEASES and not isinstance(
            address, Field
        ):
            tables = fresh(state, address)
            return Birth(maps=tables) if tables else None
    return None


def presume(born: State, write: DescriptorWrite) -> bool:
    """The descriptor lies in a new table."""
    return bool(fresh(born, write.location))


def pay(state: State, event: Event) -> Debt | None:
    """The debt after an event, None once it is paid."""
    debt = state.debt
    assert debt is not None
    match event:
        case Drain() | Dmb(accesses=Accesses.ST | Accesses.ALL) | Dsb(accesses=Accesses.ST | Accesses.ALL):
            return None
        case Access(order=order) | DescriptorWrite(order=order) if order in RELEASES:
            return None
        case Dmb() | Dsb():
            return debt.sees("loads")
    return debt


def depends(state: State, event: Event) -> Relation | None:
    """A plain write that links the table."""
    debt = state.debt
    assert debt is not None
    match event:
        case DescriptorWrite(location=address, order=order) | Access(address=address, order=order):
            filled = debt.maps | debt.location
            if order in RELEASES or fresh(state, address) & filled:
                return None
            return Relation.EXACT if linked(state, event) & filled else None
    return None


def open(_debt: Debt) -> bool:
    """A table that nothing here links owes nothing."""
    return False


OBLIGATION = Obligation(
    PUBLISH,
    pay,
    depends,
    frozenset({Transition.MAKE, Transition.BREAK, Transition.CHANGE, Transition.NONE, Transition.UNKNOWN}),
    bear,
    presume,
    open,
    exempt=True,
    named=by_name,
)
