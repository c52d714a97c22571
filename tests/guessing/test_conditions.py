"""Conditional compilation: what has to be defined for a place to be read."""

from __future__ import annotations

import pytest

from barrierlint.source.guessing import conditions
from barrierlint.source.guessing.conditions import Wants


@pytest.mark.parametrize(
    ("condition", "define", "leave"),
    [
        ("defined(A)", {"A": "1"}, set()),
        ("defined A && !defined(B)", {"A": "1"}, {"B"}),
        ("IS_ENABLED(CONFIG_A)", {"CONFIG_A": "1"}, set()),
        ("LEVELS > 2", {"LEVELS": "3"}, set()),
        ("3 <= LEVELS", {"LEVELS": "3"}, set()),
        ("SIZE == 0x10", {"SIZE": "16"}, set()),
        ("defined(CONFIG_X86) || defined(CONFIG_ARM64)", {"CONFIG_ARM64": "1"}, set()),
        ("defined(A) || defined(B)", {"A": "1"}, set()),
        ("defined(__aarch64__) && A", {"A": "1"}, set()),
        ("1", {}, set()),
        ("__has_include(<x.h>)", None, None),
        ("defined(__x86_64__)", None, None),
        ("0", None, None),
        ("A &&", None, None),
    ],
)
def test_what_makes_a_condition_true(condition: str, define: dict[str, str] | None, leave: set[str] | None) -> None:
    found = conditions.solve(condition, True)
    if define is None:
        assert found is None
    else:
        assert found == Wants(define, leave or set())


def test_a_place_is_under_all_that_holds_it() -> None:
    text = b"#ifndef X_H\n#define X_H\n#ifdef A\n#elif B /* no */\n#else\n# if C\nhere\n# endif\n#endif\n#endif\n"
    found = conditions.wants(conditions.around(text, text.index(b"here")))
    assert found == Wants({"C": "1"}, {"A", "B"})
    assert conditions.around(text, len(text)) == []


def test_contradictions_are_no_answer() -> None:
    text = b"#ifdef A\n#ifndef A\nhere\n#endif\n#endif\n"
    assert conditions.wants(conditions.around(text, text.index(b"here"))) is None


def test_macros_that_conditions_ask_for() -> None:
    text = b"""
    #ifndef GUARD_H
    #define GUARD_H
    #if defined(ONE) && !defined TWO || IS_ENABLED(THREE) > 0x10 /* NOT_THIS */
    #elif FOUR
    #ifdef __GNUC__
    #endif
    #if CONFIG_X86 // NOR_THIS
    #endif
    #endif
    #endif
    """
    assert conditions.tested(text) == ["ONE", "TWO", "THREE", "FOUR"]
