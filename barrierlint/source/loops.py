"""Loops of the tree: which parts of a header are there, declared conditions, range-based loops.

Absent parts of a `for` header are known from the print of the function. It does not model the hidden iterators of a
range-based loop.
"""

from __future__ import annotations

from barrierlint.source import clang_c
from barrierlint.source.alignment import alignment
from barrierlint.source.clang_c import Cursor, lib, statement_identity
from barrierlint.source.declarations import declaration, declarations
from barrierlint.source.reading import STATEMENTS, Reading
from barrierlint.source.tree import (
    Assignment,
    Binary,
    Compound,
    Declaration,
    Expression,
    For,
    Lost,
    Opaque,
    RangeFor,
    Reference,
    Statement,
    Subscript,
)

_VAR, _DECL_STMT = 9, 231


def while_(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read `while` as a `for` without init and step; a declared condition is declared before each test."""
    span = reading.span(cursor)
    parts = clang_c.children(cursor)
    declared = parts.pop(0) if parts and parts[0].kind == _VAR else None
    if len(parts) != 2:
        return [Lost(span, "while without condition or body")]
    init, condition = _tested(reading, declared, parts[0])
    return [For(span, init, condition, None, reading.statement(parts[1]))]


def _tested(reading: Reading, declared: Cursor | None, cursor: Cursor) -> tuple[Statement | None, Expression]:
    """The condition of a loop; one that declares a variable assigns it at each test."""
    condition = reading.expression(cursor)
    if declared is None:
        return None, condition
    made = declaration(reading, declared)
    if made.value is None:
        return made, condition
    target = Reference(made.span, made.variable.type, made.variable)
    assigned = Assignment(made.span, made.variable.type, "=", target, made.value)
    bare = Declaration(made.span, made.variable, None, made.destructor, made.cleanup)
    return bare, Binary(condition.span, condition.type, ",", assigned, condition)


def for_(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read `for`; which parts of its header are absent is taken from the print, else guessed from their kinds."""
    span = reading.span(cursor)
    parts = clang_c.children(cursor)
    if not parts:
        return [Lost(span, "for without body")]
    body = parts.pop()
    declared = [part for part in parts if part.kind == _VAR]
    parts = [part for part in parts if part.kind != _VAR]
    present = alignment(reading).loops.get(statement_identity(cursor)) if 0 < len(parts) < 3 else (True,) * len(parts)
    if present is None or sum(present) != len(parts):
        present = _guess(parts)
    slots: list[Cursor | None] = [parts.pop(0) if here else None for here in present] + [None] * (3 - len(present))
    init = reading.statement(slots[0]) if slots[0] is not None else None
    condition: Expression | None = None
    if slots[1] is not None:
        early, condition = _tested(reading, declared[0] if declared else None, slots[1])
        if early is not None:
            init = early if init is None else Compound(span, (init, early))
    step = reading.expression(slots[2]) if slots[2] is not None else None
    return [For(span, init, condition, step, reading.statement(body))]


def _guess(parts: list[Cursor]) -> tuple[bool, bool, bool]:
    """Which of init, condition, step are there, from the kinds of those there are."""
    first = parts[0]
    kind = lib.clang_getCursorBinaryOperatorKind(first) if first.kind in (114, 115) else 0
    is_init = first.kind == _DECL_STMT or 22 <= kind <= 33
    if len(parts) == 2:
        last = lib.clang_getCursorBinaryOperatorKind(parts[1]) if parts[1].kind in (114, 115) else 0
        has_step = 22 <= last <= 33 or (
            parts[1].kind == 112 and 1 <= lib.clang_getCursorUnaryOperatorKind(parts[1]) <= 4
        )
        return (is_init, not is_init or not has_step, has_step) if is_init != has_step else (is_init, False, True)
    step = first.kind == 112 and 1 <= lib.clang_getCursorUnaryOperatorKind(first) <= 4
    return is_init, not is_init and not step, step


def range_for(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read `for (variable : range)`; the element of an array is shown as an element of unknown index."""
    span = reading.span(cursor)
    parts = clang_c.children(cursor)
    init = reading.statement(parts.pop(0)) if parts and parts[0].kind == _DECL_STMT else None
    if len(parts) < 3:
        return [Lost(span, "range-based for without its parts")]
    made = declarations(reading, parts[0])
    ranged = reading.expression(parts[1])
    variable = next((one for one in made if isinstance(one, Declaration)), None)
    if variable is not None and ranged.type.kind == "array" and ranged.type.element is not None:
        index = Opaque(ranged.span, ranged.type.element, "index")
        element = Subscript(variable.span, ranged.type.element, ranged, index)
        variable = Declaration(variable.span, variable.variable, element, variable.destructor)
    body = reading.statement(parts[-1])
    if len(made) > 1:
        body = Compound(body.span, (*made[1:], body))
    return [RangeFor(span, init, variable, ranged, body)]


STATEMENTS.update({207: while_, 209: for_, 225: range_for})
