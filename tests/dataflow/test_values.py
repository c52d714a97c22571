"""Folding, known bits and path facts against concrete evaluation: whatever is claimed must hold for every value."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from barrierlint.dataflow.bits import known_bits
from barrierlint.dataflow.facts import Facts
from barrierlint.dataflow.provenance import bases, walk_index
from barrierlint.dataflow.values import fold, rebuild
from barrierlint.terms import MASK64, Apply, Const, Element, Term, Unknown, const

X, Y = Unknown("x"), Unknown("y")
WORDS = st.one_of(st.integers(0, MASK64), st.integers(0, 80), st.sampled_from([1, 3, 0x41, 0x713, MASK64, 1 << 63]))
OPERATORS = ["+", "-", "*", "&", "|", "^", "<<", ">>", "==", "!=", "<", ">=", "&&", "||"]
TERMS: st.SearchStrategy[Term] = st.recursive(
    st.one_of(st.sampled_from([X, Y]), WORDS.map(const)),
    lambda inner: st.one_of(
        st.builds(lambda op, a, b: Apply(op, (a, b)), st.sampled_from(OPERATORS), inner, inner),
        st.builds(lambda op, a: Apply(op, (a,)), st.sampled_from(["~", "!", "neg", "zext 32", "sext 8"]), inner),
        st.builds(lambda a, b, c: Apply("?:", (a, b, c)), inner, inner, inner),
    ),
    max_leaves=8,
)


def run(term: Term, x: int, y: int) -> int:
    """Evaluate by substituting constants."""
    value = rebuild(term, lambda leaf: const(x) if leaf == X else const(y))
    assert isinstance(value, Const), value
    return value.value


@settings(max_examples=400, deadline=None)
@given(TERMS, WORDS, WORDS)
def test_folding_keeps_the_value(term: Term, x: int, y: int) -> None:
    assert run(rebuild(term, lambda leaf: leaf), x, y) == run(term, x, y)


@settings(max_examples=400, deadline=None)
@given(TERMS, WORDS, WORDS)
def test_known_bits_hold_for_every_value(term: Term, x: int, y: int) -> None:
    ones, zeros = known_bits(rebuild(term, lambda leaf: leaf), {})
    value = run(term, x, y)
    assert ones & zeros == 0
    assert value & ones == ones
    assert value & zeros == 0


@settings(max_examples=400, deadline=None)
@given(TERMS, TERMS, WORDS, WORDS)
def test_assumptions_never_contradict_an_execution(first: Term, second: Term, x: int, y: int) -> None:
    facts = Facts()
    for term in (first, second):
        condition = rebuild(term, lambda leaf: leaf)
        assert facts.assume(condition, run(term, x, y) != 0)
    for term, (ones, zeros) in facts.bits.items():
        value = run(term, x, y)
        assert value & ones == ones
        assert value & zeros == 0


def test_decisions_are_made_where_they_can_be() -> None:
    facts = Facts()
    assert facts.assume(Apply("==", (Apply("&", (X, const(0x41))), const(1))), True)
    assert facts.decide(Apply("&", (X, const(1)))) is True
    assert facts.decide(Apply("&", (X, const(0x40)))) is False
    assert facts.decide(Apply("&", (X, const(2)))) is None
    assert not facts.assume(Apply("&", (X, const(1))), False)


def test_known_bits_of_a_descriptor() -> None:
    ones, _ = known_bits(Apply("|", (X, const(0x713))), {})
    assert ones == 0x713
    _, zeros = known_bits(Apply("&", (X, const(~1))), {})
    assert zeros == 1


def test_an_index_of_address_bits_gives_the_address() -> None:
    index = Apply("&", (Apply(">>", (X, const(21))), const(511)))
    assert walk_index(Element(Y, index, 8)) == X
    assert walk_index(Element(Y, X, 8)) is None


def test_offsets_are_no_bases() -> None:
    assert set(bases(Apply("+", (X, Apply("<<", (Y, const(12))))))) == {X}
    assert fold("+", (X, const(0))) == X
