"""Which writes do no more than hang a table below another one: `new table | 0b11`, and not a bit besides.

Until something is written into the new table nothing is translated by it, and what is written there owes barriers
itself. A table is new where its address, or the number of its page, comes from a call that was not told of the
descriptor which the table is for: one that was may have filled it. What it does not model: other tables that were
filled, and whose entries were synchronized, before they are hung in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

from barrierlint.dataflow.bits import known_bits
from barrierlint.dataflow.memory import root
from barrierlint.dataflow.provenance import is_result
from barrierlint.dataflow.state import State
from barrierlint.dataflow.values import FALSE, leaves
from barrierlint.events import DescriptorWrite
from barrierlint.terms import Apply, Const, Term, Unknown

_ZERO = frozenset({FALSE})
TABLE = 0b11
"""Bits 1:0 of a descriptor that links a table (DDI 0487 D8.3.1); of one for a page at level 3 as well."""
ATTRIBUTES = 0x1F << 59
"""NSTable, APTable, UXNTable and PXNTable, the attributes of a table descriptor (D8.3.1)."""


def hangs_in(state: State, write: DescriptorWrite) -> bool:
    """Whether a descriptor that is not known to be valid becomes a new table's address and the bits of a table; of a
    page in use the access flag is set.
    """
    if write.old is not None and known_bits(write.old, state.facts.bits)[0] & 1:
        return False
    match write.value:
        case Apply("|" | "+", (address, Const(bits))) | Apply("|" | "+", (Const(bits), address)):
            told = {*leaves(write.old or write.location), root(write.location)}
            pages = _pages(state, address) if bits & ~ATTRIBUTES == TABLE else ()
            return any(told.isdisjoint(state.phis.given.get(page, ())) for page in pages)
    return False


def _pages(state: State, address: Term) -> Iterator[Unknown]:
    """What a call gave, where an address is made from it as that of a page is: from a pointer, or from the number of
    its page, shifted left.
    """
    match address:
        case Apply("<<", (number, _)):
            yield from filter(_is_given, map(_object, leaves(number)))
        case Apply("&" | "-" | "+", (inner, _)):
            yield from (page for page in filter(_is_given, leaves(inner)) if _filled_with(state, page) <= _ZERO)
        case Unknown() if is_result(address):
            if _filled_with(state, address) == _ZERO:
                yield address
            yield from filter(_is_given, state.phis.given.get(address, ()))


def _filled_with(state: State, page: Unknown) -> frozenset[Term]:
    """What was stored into a page, as far as that is known."""
    lost = frozenset({page}) if f"[]{page!r}" in state.lost else frozenset()
    return lost | {value for cell, value in state.cells.items() if root(cell) == page}


def _is_given(term: Term) -> TypeGuard[Unknown]:
    return is_result(term)


def _object(leaf: Term) -> Term:
    """A symbol; of a loaded member the object that has it."""
    match leaf:
        case Apply("load", (address,)):
            return root(address)
    return leaf
