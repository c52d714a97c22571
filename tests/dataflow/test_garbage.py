"""What of a state is kept where ways meet: what something can still name, and nothing else."""

from __future__ import annotations

import pytest

from barrierlint.cfg.graph import Block, Cfg, Edge, Step
from barrierlint.dataflow.garbage import nameable, shared_objects
from barrierlint.dataflow.state import State
from barrierlint.dataflow.values import load
from barrierlint.events import Access, Event, Kind
from barrierlint.finding import Span
from barrierlint.terms import AddressOf, Apply, Const, Field, Term, Unknown

SPAN = Span("a.c", 1, 1, 1, 1)
MENTIONED, DROPPED, GLOBAL = AddressOf("f#a#1"), AddressOf("f#b#2"), AddressOf("g", "global")
PARAMETER, RESULT, LEFT = Unknown("f#p#0"), Unknown("@0.0"), Unknown("@0.1")


def function(usr: str, *later: Event) -> Cfg:
    """A function whose ways meet in block 1, where `later` follows."""
    edges = ((Edge(1), Edge(1)), (Edge(2),), ())
    steps = ((), tuple(Step(event, SPAN) for event in later), ())
    blocks = tuple(Block(number, steps[number], edges[number]) for number in range(3))
    return Cfg(usr, usr, usr, ("f#p#0",), blocks, 0, 2, -1, SPAN, SPAN)


def kept(state: State, *others: Cfg) -> State:
    """`state` as it is kept in block 1 of a function that reads `MENTIONED` there."""
    cfg = function("f", Access(Kind.READ, MENTIONED, into="%1"))
    nameable(cfg, shared_objects((cfg, *others)))[1].collect(state)
    return state


@pytest.mark.parametrize(
    ("cell", "stays"),
    [
        (MENTIONED, True),
        (DROPPED, False),
        (GLOBAL, True),
        (Field(PARAMETER, "next"), True),
        (Field(load(Field(PARAMETER, "next")), "next"), True),
        (Field(RESULT, "next"), True),
        (Field(LEFT, "next"), False),
        (Field(load(DROPPED), "next"), False),
    ],
)
def test_a_cell_stays_as_long_as_its_address_can_be_named(cell: Term, stays: bool) -> None:
    state = State(variables={"x": RESULT}, cells={cell: Const(1)})
    assert (cell in kept(state).cells) is stays


def test_what_a_kept_cell_holds_can_be_named() -> None:
    state = State(cells={Field(LEFT, "next"): Const(1), DROPPED: Const(2), GLOBAL: Field(LEFT, "next")})
    assert list(kept(state).cells) == [Field(LEFT, "next"), GLOBAL]


def test_what_another_function_mentions_stays() -> None:
    other = function("h", Access(Kind.READ, DROPPED, into="%1"))
    assert DROPPED not in kept(State(cells={DROPPED: Const(1)})).cells
    assert DROPPED in kept(State(cells={DROPPED: Const(1)}), other).cells


def test_facts_stay_as_long_as_they_can_be_asked_for() -> None:
    state = State(variables={"x": RESULT})
    state.facts.truths = {RESULT: True, LEFT: True, Apply("<", (load(GLOBAL), LEFT)): True}
    state.facts.bits = {RESULT: (1, 0), LEFT: (1, 0)}
    facts = kept(state).facts
    assert list(facts.truths) == [RESULT, Apply("<", (load(GLOBAL), LEFT))]
    assert list(facts.bits) == [RESULT]
