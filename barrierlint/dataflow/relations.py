"""How an access depends on a descriptor write: by where its address comes from.

What it does not model: accesses whose address only equals the mapped one by chance of arithmetic.
"""

from __future__ import annotations

from enum import IntEnum

from barrierlint.cfg.descriptor_names import named_like_descriptor
from barrierlint.dataflow.debts import Progress
from barrierlint.dataflow.phis import Phis
from barrierlint.dataflow.provenance import is_parameter, maps_by_number
from barrierlint.dataflow.state import State
from barrierlint.terms import Const, Field, Term

BLOCK = 1 << 21
"""What a level-2 block descriptor maps with the 4 KiB granule (DDI 0487 D8.2)."""


class Relation(IntEnum):
    """How an access depends on a write, strongest first. WEAK counts only where the debt is never paid."""

    EXACT = 0
    POSSIBLE = 1
    WEAK = 2
    BOUNDARY = 3


def relate(state: State, address: Term, phis: Phis, type: str = "") -> Relation | None:
    """How an access at an evaluated address depends on the debt followed, None if it does not.

    `type` is the accessed type: tables are reached through a mapping that stands, so an entry read is no dependent
    access.
    """
    debt = state.debt
    if debt is None or debt.progress is Progress.LOCAL:
        return None
    roots = phis.roots(address)
    if debt.maps & roots or _within(address, debt.maps):
        return Relation.EXACT
    if debt.place is not None and maps_by_number(debt.place, address):
        return Relation.EXACT
    if debt.maps or roots & debt.location or not roots or named_like_descriptor(type):
        return None
    if isinstance(address, Const):
        return Relation.WEAK
    if not all(is_parameter(base) and base not in state.touched for base in roots):
        return None
    return Relation.WEAK if isinstance(address, Field) else Relation.POSSIBLE


def _within(address: Term, maps: frozenset[Term]) -> bool:
    """Whether a constant address lies in what is mapped from a constant one on, taken to be one level-2 block at
    most.
    """
    if not isinstance(address, Const):
        return False
    return any(isinstance(base, Const) and 0 <= address.value - base.value < BLOCK for base in maps)
