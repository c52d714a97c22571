"""The dispatch of a `switch`: one edge a label, with guards over the switch value, and the default edge.

What it does not model: which cases an enumeration leaves impossible.
"""

from __future__ import annotations

from barrierlint.cfg.fold import apply
from barrierlint.cfg.frame import Frame, SwitchCases
from barrierlint.cfg.graph import Guard
from barrierlint.cfg.operators import promoted
from barrierlint.source import tree
from barrierlint.terms import Const, Term, const


def dispatch(
    frame: Frame, source: int, value: Term, expression: tree.Expression, cases: SwitchCases, after: int
) -> None:
    """Add the edges from block `source`, where the switch `value` is known, to the labels, or past the switch."""
    builder, span = frame.builder, expression.span
    signed = promoted(expression.type).signed
    otherwise: list[Guard] = []
    for low, high, block in cases.cases:
        tests = _tests(value, low, high, signed)
        if all(isinstance(test, Const) for test in tests):
            if all(test.value for test in tests if isinstance(test, Const)):
                builder.edge(source, block, "case")
                return
            continue
        builder.edge(source, block, "case", tuple(Guard(test, True, span) for test in tests))
        otherwise.append(Guard(tests[0] if len(tests) == 1 else apply("&&", *tests), False, span))
    builder.edge(source, after if cases.default is None else cases.default, "default", tuple(otherwise))


def _tests(value: Term, low: int, high: int, signed: bool) -> tuple[Term, ...]:
    """What must hold for `case low ... high`."""
    if low == high:
        return (apply("==", value, const(low)),)
    suffix = "s" if signed else ""
    return (apply(">=" + suffix, value, const(low)), apply("<=" + suffix, value, const(high)))
