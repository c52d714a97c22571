"""What a join keeps of values that differ: what was equal on both ways, and masks that both ways put on."""

from __future__ import annotations

from barrierlint.dataflow.obligations.make import restricts
from barrierlint.dataflow.phis import Phis
from barrierlint.dataflow.state import State, join
from barrierlint.terms import AddressOf, Apply, Const, Term, Unknown

FIRST, SECOND, THIRD = Unknown("first"), Unknown("second"), Unknown("third")
OLD = AddressOf("old", "global")


def cleaned(pte: Term) -> Term:
    return Apply("|", (Apply("&", (pte, Const(~0x400 & 0xFFFFFFFFFFFFFFFF))), Const(0x80)))


def joined(*turns: tuple[Term, Term, Term]) -> tuple[Term, Term, Term]:
    """A cell and two variables, `seen` and `fresh`, after ways that gave them these values met one by one."""
    phis = Phis()
    states = [State({"seen": seen, "fresh": fresh}, {OLD: old}, phis=phis) for old, seen, fresh in turns]
    met = states[0]
    for state in states[1:]:
        met = join("φ1", met, state, phis)
    return met.cells[OLD], met.variables["seen"], met.variables["fresh"]


def test_what_was_equal_stays_equal_and_masked() -> None:
    old, seen, fresh = joined((FIRST, FIRST, cleaned(FIRST)), (SECOND, SECOND, cleaned(SECOND)))
    assert old == seen
    assert fresh == cleaned(old)
    assert restricts(old, fresh)


def test_other_values_and_other_masks_are_told_apart() -> None:
    old, seen, fresh = joined((FIRST, FIRST, cleaned(FIRST)), (SECOND, THIRD, cleaned(THIRD)))
    assert old != seen
    assert fresh == cleaned(seen)
    assert not restricts(old, fresh)
    old, _, fresh = joined((FIRST, FIRST, cleaned(FIRST)), (SECOND, SECOND, Apply("|", (SECOND, Const(0x400)))))
    assert not restricts(old, fresh)


def test_a_later_way_parts_what_was_equal() -> None:
    equal = [(each, each, cleaned(each)) for each in (FIRST, SECOND)]
    old, seen, fresh = joined(*equal, (THIRD, FIRST, cleaned(FIRST)))
    assert old != seen
    assert not restricts(old, fresh)
    old, seen, _ = joined(*equal, (THIRD, THIRD, cleaned(THIRD)))
    assert old == seen
