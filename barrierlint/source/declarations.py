"""Declarations inside functions: variables with what runs when they die, structured bindings, cleanup attributes.

It does not model local types and aliases (their methods are read where they are called) nor variable length arrays'
sizes.
"""

from __future__ import annotations

import re

from barrierlint.source import clang_c
from barrierlint.source.clang_c import Cursor, lib
from barrierlint.source.lifetimes import destructor
from barrierlint.source.places import position
from barrierlint.source.reading import Reading, operands
from barrierlint.source.stores import record_stores
from barrierlint.source.tree import (
    Construct,
    Declaration,
    Expression,
    Initializer,
    Integer,
    Member,
    Opaque,
    Reference,
    Statement,
    Subscript,
    Type,
    Variable,
)

_VAR, _UNEXPOSED = 9, 1
_CLEANUP = re.compile(r"\bcleanup\((\w+)\)")
_UNSIZED = Type("unsigned long", "unsigned long", "integer", 8)


def declarations(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read a declaration statement: one Declaration for each variable."""
    found: list[Statement] = []
    for part in [cursor] if cursor.kind in (_VAR, _UNEXPOSED) else clang_c.children(cursor):
        if part.kind == _VAR:
            found.append(declaration(reading, part))
        elif part.kind == _UNEXPOSED:
            found += _bindings(reading, part)
    return found


def declaration(reading: Reading, cursor: Cursor) -> Declaration:
    """Read one declared variable."""
    variable = reading.names.variable(cursor)
    span = reading.span(cursor)
    initial = lib.clang_Cursor_getVarDeclInitializer(cursor)
    value = reading.expression(initial) if 100 <= initial.kind < 200 else None
    if value is not None:
        record_stores(reading, variable.id, value)
        store_items(reading, variable, value)
    if variable.kind == "static":
        reading.globals.setdefault(variable.id, (variable, value))
    dies = destructor(reading, lib.clang_getCursorType(cursor)) if variable.kind == "local" else ""
    if variable.type.kind == "reference" and isinstance(value, Construct):
        dies = value.destructor  # its life is extended to that of the reference
    return Declaration(span, variable, value, dies, _cleanup(reading, cursor))


def store_items(reading: Reading, variable: Variable, value: Expression) -> None:
    """Record functions in the braced list of an array variable as stored in the variable."""
    if isinstance(value, Initializer) and value.type.kind == "array":
        for _, item in value.items:
            record_stores(reading, variable.id, item)


def _cleanup(reading: Reading, cursor: Cursor) -> str:
    """The USR of the function that `__attribute__((cleanup(f)))` names."""
    if not lib.clang_Cursor_hasAttrs(cursor):
        return ""
    match = _CLEANUP.search(clang_c.pretty(cursor))
    named = reading.function_named(match.group(1)) if match else None
    return reading.need(named) if named is not None else ""


def _bindings(reading: Reading, cursor: Cursor) -> list[Statement]:
    """`auto [a, b] = value;`: a hidden variable and a reference into it for each name."""
    parts = clang_c.children(cursor)
    names = [part for part in parts if part.kind == _UNEXPOSED]
    values = [part for part in parts if 100 <= part.kind < 200]
    if not names:
        return []
    span = reading.span(cursor)
    hidden = reading.names.variable(cursor)
    value = reading.expression(values[-1]) if values else None
    found: list[Statement] = [Declaration(span, hidden, value, destructor(reading, lib.clang_getCursorType(cursor)))]
    raw = lib.clang_getCanonicalType(lib.clang_getCursorType(cursor))
    if raw.kind in (103, 104):
        raw = lib.clang_getCanonicalType(lib.clang_getPointeeType(raw))
    whole = Reference(span, reading.types.convert(raw), hidden)
    fields = clang_c.fields(raw) if raw.kind == 105 else []
    for at, name in enumerate(names):
        variable = reading.names.variable(name)
        element = _element(reading, whole, fields, at, variable.type)
        reference = Type(
            f"{variable.type.spelling} &", f"{variable.type.name} &", "reference", 8, element=variable.type
        )
        bound = Variable(variable.id, variable.name, reference, variable.kind)
        found.append(Declaration(reading.span(name), bound, element))
    return found


def _element(reading: Reading, whole: Reference, fields: list[Cursor], at: int, type: Type) -> Expression:
    """The part of `whole` that the binding number `at` names."""
    if at < len(fields):
        return Member(whole.span, type, whole, clang_c.spelling(fields[at]), False, whole.type.record)
    if whole.type.kind == "array":
        return Subscript(whole.span, type, whole, Integer(whole.span, _UNSIZED, at))
    return Opaque(whole.span, type, "binding", (whole,))


def condition_variable(reading: Reading, cursor: Cursor, value: Cursor) -> Statement | None:
    """The variable declared in `switch (T x = …; x)`, found by its use in the value."""
    file, first, _ = reading.places.offsets(cursor)
    before = reading.places.offsets(value)[1]
    stack = [value]
    while stack:
        part = stack.pop()
        named = lib.clang_getCursorReferenced(part) if part.kind == 101 else part
        if named.kind == _VAR and part.kind == 101:
            where = position(named)
            if where[0] == file and first < where[1] < before:
                return declaration(reading, named)
        stack.extend(operands(part))
    return None
