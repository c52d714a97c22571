"""Objects: constructions, braced lists, `new` and `delete`, lambdas, `throw`.

Elided copies are not shown; elided braces are put back. It does not model bases in braced lists.
"""

from __future__ import annotations

import re

from barrierlint.source import clang_c
from barrierlint.source.arguments import arguments, parameters
from barrierlint.source.clang_c import Cursor, CXType, lib
from barrierlint.source.construction import constructor
from barrierlint.source.declarations import declaration
from barrierlint.source.expressions import fold
from barrierlint.source.lifetimes import destructor
from barrierlint.source.places import position
from barrierlint.source.reading import COMPOUND, EXPRESSIONS, Reading, opaque, operands
from barrierlint.source.stores import record_stores
from barrierlint.source.tree import (
    Construct,
    Declaration,
    Delete,
    Expression,
    Initializer,
    Integer,
    Lambda,
    New,
    Throw,
    Type,
    Variable,
)

_RECORD, _METHOD, _FUNCTION_TEMPLATE, _THIS = 105, 21, 30, 132
_DEFAULT = re.compile(r"\[\s*(=|&(?=\s*[],]))")
_COPIES_THIS = re.compile(r"[\[,]\s*\*\s*this\s*[\],]")


def construct(reading: Reading, cursor: Cursor, named: Cursor) -> Expression:
    """Read an object made by constructor `named`."""
    raw = lib.clang_getCursorType(cursor)
    type, span = reading.types.convert(raw), reading.span(cursor)
    args = tuple(arguments(reading, cursor, named))
    copies = lib.clang_CXXConstructor_isCopyConstructor(named) or lib.clang_CXXConstructor_isMoveConstructor(named)
    if copies and args and isinstance(args[0], Construct) and args[0].type.record == type.record:
        return args[0]
    callee = constructor(reading, named)
    name = reading.names.qualified(named)
    return Construct(span, type, callee, name, args, destructor(reading, raw), parameters(reading, named))


def initializer(reading: Reading, cursor: Cursor) -> Expression:
    """Read a braced list; of a scalar its only item."""
    raw = lib.clang_getCanonicalType(lib.clang_getCursorType(cursor))
    type, span = reading.type(cursor), reading.span(cursor)
    parts = operands(cursor)
    if type.kind not in ("record", "array"):
        if len(parts) == 1:
            return reading.expression(parts[0])
        zero = Integer(span, type, 0) if not parts else None
        return fold(reading, cursor, type) or zero or opaque(reading, cursor)
    waiting = [_designated(part) for part in parts]
    return Initializer(span, type, _fill(reading, raw, waiting, True))


def _fill(
    reading: Reading, raw: CXType, waiting: list[tuple[str, Cursor]], whole: bool
) -> tuple[tuple[str, Expression], ...]:
    """Take from `waiting` what initialises an aggregate of type `raw`: all of it, or (braces elided) as much as it
    holds.
    """
    fields = clang_c.fields(raw) if raw.kind == _RECORD else []
    names = [clang_c.spelling(one) for one in fields]
    length = len(fields) if raw.kind == _RECORD else max(0, lib.clang_getArraySize(raw))
    items: list[tuple[str, Expression]] = []
    at = 0
    while waiting and (whole or at < length):
        name = waiting[0][0]
        if name in names:
            at = names.index(name)
        elif name and not whole:
            break
        elif not name and at < len(names):
            name = names[at]
        inner = lib.clang_getCursorType(fields[at]) if at < len(fields) else lib.clang_getElementType(raw)
        items.append((name, _item(reading, lib.clang_getCanonicalType(inner), waiting)))
        if raw.kind == _RECORD:
            record_stores(reading, f"{reading.types.record(raw)}::{name}", items[-1][1])
        at += 1
    return tuple(items)


def _item(reading: Reading, raw: CXType, waiting: list[tuple[str, Cursor]]) -> Expression:
    """The next item, for a member of type `raw`; several where the member is an aggregate written without braces."""
    name, part = waiting[0]
    given = lib.clang_getCanonicalType(lib.clang_getCursorType(part)).kind
    if name or raw.kind not in (_RECORD, 112) or part.kind in (119, 155, 118, 109) or given in (_RECORD, 112, 26):
        waiting.pop(0)
        return reading.expression(part)
    items = _fill(reading, raw, waiting, False)
    if not items:  # an empty aggregate takes nothing: never stand still
        waiting.pop(0)
        return reading.expression(part)
    return Initializer(reading.span(part), reading.types.convert(raw), items)


def _designated(part: Cursor) -> tuple[str, Cursor]:
    """The member names and the value of `.a.b = value`; ("", value) of `[1] = value` and of a plain item."""
    if part.kind != 100:
        return "", part
    inner = clang_c.children(part)
    values = [child for child in inner if 100 <= child.kind < 200]
    members = [clang_c.spelling(child) for child in inner if child.kind == 47]
    if members and values:
        return ".".join(members), values[-1]
    if lib.clang_getCursorType(part).kind == 2 and len(values) > 1:
        return "", values[-1]
    return "", part


def new(reading: Reading, cursor: Cursor) -> Expression:
    """Read `new`: operands before the type are placement, the one made of the type is the initialiser."""
    span, type = reading.span(cursor), reading.type(cursor)
    made = type.element
    made_by: Expression | None = None
    placement: list[Expression] = []
    for part in operands(cursor):
        value = reading.expression(part)
        same = made is not None and value.type.spelling == made.spelling
        if (
            isinstance(value, Construct | Initializer)
            or (same and not isinstance(value, Integer))
            or part.kind == 119
            or (same and placement)
        ):
            made_by = value
        else:
            placement.append(value)
    return New(span, type, made_by, tuple(placement))


def delete(reading: Reading, cursor: Cursor) -> Expression:
    """Read `delete`."""
    inner = operands(cursor)
    if not inner:
        return opaque(reading, cursor)
    pointee = lib.clang_getPointeeType(lib.clang_getCanonicalType(lib.clang_getCursorType(inner[0])))
    operand = reading.expression(inner[0])
    return Delete(reading.span(cursor), reading.type(cursor), operand, destructor(reading, pointee))


def throw(reading: Reading, cursor: Cursor) -> Expression:
    """Read `throw`."""
    inner = operands(cursor)
    operand = reading.expression(inner[0]) if inner else None
    return Throw(reading.span(cursor), reading.type(cursor), operand)


def lambda_(reading: Reading, cursor: Cursor) -> Expression:
    """Read a lambda; its call operator is read as a function of its own (of a generic one each instantiation
    called).
    """
    raw = lib.clang_getCursorType(cursor)
    closure = lib.clang_getTypeDeclaration(raw)
    function = ""
    for child in clang_c.children(closure):
        if child.kind in (_METHOD, _FUNCTION_TEMPLATE) and clang_c.spelling(child) == "operator()":
            function = reading.need(child) if child.kind == _METHOD else reading.names.pattern(child)
    captures, made = _captures(reading, cursor)
    parts = clang_c.children(cursor)
    before = [part for part in parts if 100 <= part.kind < 200]
    this = _this_type(reading, before) if _COPIES_THIS.search(_text_before_body(reading, cursor, parts)) else None
    default = _DEFAULT.match(reading.source_text(cursor))
    span, type = reading.span(cursor), reading.types.convert(raw)
    return Lambda(span, type, function, captures, default[1] if default else "", made, this)


def _captures(reading: Reading, cursor: Cursor) -> tuple[tuple[tuple[Variable, bool], ...], tuple[Declaration, ...]]:
    """The variables named in the capture list, whether an `&` stands before them, and those made there."""
    found: list[tuple[Variable, bool]] = []
    made: list[Declaration] = []
    for child in clang_c.children(cursor):
        if child.kind == 50:
            named = lib.clang_getCursorReferenced(child)
            file, first, _ = reading.places.offsets(child)
            before = reading.source(file)[:first].rstrip()
            if position(named) == position(child):
                made.append(declaration(reading, named))
            else:
                found.append((reading.names.variable(named), before.endswith(b"&")))
    return tuple(found), tuple(made)


def _text_before_body(reading: Reading, cursor: Cursor, parts: list[Cursor]) -> str:
    file, first, last = reading.places.offsets(cursor)
    bodies = [reading.places.offsets(part)[1] for part in parts if part.kind == COMPOUND]
    return reading.source(file)[first : min(bodies, default=last)].decode("utf-8", "replace")


def _this_type(reading: Reading, parts: list[Cursor]) -> Type | None:
    """The class of `*this` where a capture copies it."""
    stack = list(parts)
    while stack:
        part = stack.pop()
        if part.kind == _THIS:
            return reading.type(part).element
        stack += clang_c.children(part)
    return None


EXPRESSIONS.update({119: initializer, 133: throw, 134: new, 135: delete, 144: lambda_, 155: initializer})
