"""Expressions that libclang shows without a kind of their own: implicit conversions, atomic builtins, GNU extensions.

They are told apart by their children; names of atomic builtins come from the print of the function. It does not model
vector shuffles, `va_arg` and the like: they stay Opaque with their parts.
"""

from __future__ import annotations

import re

from barrierlint.source import clang_c
from barrierlint.source.alignment import DEPENDENT, alignment, generic_choice, is_atomic, source_order
from barrierlint.source.clang_c import Cursor, lib, statement_identity
from barrierlint.source.expressions import converted, fold
from barrierlint.source.printed import ATOMIC_BUILTIN
from barrierlint.source.reading import EXPRESSIONS, Reading, opaque, operands
from barrierlint.source.tree import Assignment, Binary, CallExpression, Conditional, Expression, Opaque

_WORD = re.compile(rb"\w+")


def unexposed(reading: Reading, cursor: Cursor) -> Expression:
    """Read a node without a kind."""
    parts = clang_c.children(cursor)
    inner = [part for part in parts if 100 <= part.kind < 200]
    if len(inner) == 1 and len(parts) == 1:
        return converted(reading, cursor, reading.expression(inner[0]))
    if not inner:
        folded = fold(reading, cursor, reading.type(cursor))
        return folded or Opaque(reading.span(cursor), reading.type(cursor), "implicit")
    if len(inner) == 4 and statement_identity(inner[0]) == statement_identity(inner[1]):
        return _elvis(reading, cursor, inner)
    if lib.clang_getCursorType(cursor).kind == DEPENDENT and len(inner) == 2:
        return recovered(reading, cursor, inner)
    if is_atomic(cursor, parts):
        return _atomic(reading, cursor, inner)
    folded = fold(reading, cursor, reading.type(cursor))
    if folded:
        return folded
    if len(inner) == 3 and len(parts) == 3:
        chosen = _chosen(reading, inner)
        if chosen:
            return chosen
    return opaque(reading, cursor)


def _elvis(reading: Reading, cursor: Cursor, inner: list[Cursor]) -> Expression:
    """GNU `condition ?: no`, whose condition libclang shows three times."""
    condition, no = reading.expression(inner[0]), reading.expression(inner[3])
    return Conditional(reading.span(cursor), reading.type(cursor), condition, None, no)


def recovered(reading: Reading, cursor: Cursor, inner: list[Cursor]) -> Expression:
    """What clang rejects and gcc computes: arithmetic on `void *` in C++, with the operator read from the source."""
    left, right = reading.expression(inner[0]), reading.expression(inner[1])
    span = reading.span(cursor)
    file, _, end = reading.places.offsets(inner[0])
    op = reading.source(file)[end : reading.places.offsets(inner[1])[1]].strip().decode("ascii", "replace")
    pointer = left.type if left.type.kind in ("pointer", "array") else right.type
    if pointer.kind == "pointer" and op in ("+", "-"):
        return Binary(span, pointer, op, left, right)
    if pointer.kind == "pointer" and op in ("+=", "-="):
        return Assignment(span, pointer, op, left, right)
    return Opaque(span, reading.type(cursor), "error", (left, right))


def _chosen(reading: Reading, inner: list[Cursor]) -> Expression | None:
    """`__builtin_choose_expr(constant, yes, no)`: the chosen operand."""
    constant = clang_c.evaluate(inner[0])
    if constant is None or lib.clang_getCanonicalType(lib.clang_getCursorType(inner[0])).kind == 101:
        return None
    return reading.expression(inner[1] if constant else inner[2])


def _atomic(reading: Reading, cursor: Cursor, inner: list[Cursor]) -> Expression:
    """`__atomic_*` and `__c11_atomic_*`, operands as written."""
    span = reading.span(cursor)
    name = alignment(reading).atomics.get(statement_identity(cursor)) or _written(reading, cursor)
    args = tuple(reading.expression(part) for part in source_order(inner))
    if not name:
        reading.note("lost-builtin", "the name of an atomic builtin could not be recovered", span)
        return Opaque(span, reading.type(cursor), "atomic builtin", args)
    return CallExpression(span, reading.type(cursor), "", name, args)


def _written(reading: Reading, cursor: Cursor) -> str:
    """The builtin's name as the source has it at the node's place, "" if a macro hides it."""
    file, first, _ = reading.places.offsets(cursor)
    match = _WORD.match(reading.source(file), first)
    name = match.group().decode("ascii", "replace") if match else ""
    return name if ATOMIC_BUILTIN.match(name) else ""


def generic(reading: Reading, cursor: Cursor) -> Expression:
    """Read `_Generic`: the selected association."""
    choice = generic_choice(reading, cursor)
    if choice is not None:
        return reading.expression(choice)
    folded = fold(reading, cursor, reading.type(cursor))
    return folded or Opaque(reading.span(cursor), reading.type(cursor), "_Generic", ())


def address_of_label(reading: Reading, cursor: Cursor) -> Expression:
    """Read `&&label`."""
    for child in clang_c.children(cursor):
        label = clang_c.spelling(child)
        if label and label not in reading.current.labels_taken:
            reading.current.labels_taken.append(label)
        return Opaque(reading.span(cursor), reading.type(cursor), f"&&{label}")
    return opaque(reading, cursor)


def compound_literal(reading: Reading, cursor: Cursor) -> Expression:
    """Read `(T){ … }`."""
    inner = operands(cursor)
    return reading.expression(inner[-1]) if inner else opaque(reading, cursor)


EXPRESSIONS.update({100: unexposed, 118: compound_literal, 120: address_of_label, 122: generic})
