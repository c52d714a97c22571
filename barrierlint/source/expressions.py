"""Expressions of the tree from libclang's: operators, casts, references, literals; constants folded where clang
folds them.

Implicit conversions stay only where they change a value (integers of another size or sign, floating, pointer to
integer). It does not model floating literals: they are Opaque.
"""

from __future__ import annotations

from dataclasses import replace

from barrierlint.source import clang_c
from barrierlint.source.clang_c import Cursor, lib
from barrierlint.source.names import FUNCTIONS
from barrierlint.source.printed import unescape
from barrierlint.source.reading import EXPRESSIONS, Reading, opaque, operands
from barrierlint.source.stores import place_of, record_stores
from barrierlint.source.tree import (
    Assignment,
    Binary,
    Cast,
    Conditional,
    Expression,
    FunctionReference,
    Integer,
    Member,
    Opaque,
    Reference,
    StatementExpression,
    Subscript,
    Text,
    This,
    Type,
    Unary,
)

_BINARY: tuple[str, ...] = (
    "",
    ".*",
    "->*",
    "*",
    "/",
    "%",
    "+",
    "-",
    "<<",
    ">>",
    "<=>",
    "<",
    ">",
    "<=",
    ">=",
    "==",
    "!=",
    "&",
    "^",
    "|",
)
_BINARY += ("&&", "||", "=", "*=", "/=", "%=", "+=", "-=", "<<=", ">>=", "&=", "^=", "|=", ",")
_UNARY = ("", "x++", "x--", "++x", "--x", "&", "*", "+", "-", "~", "!")
_NUMBERS = ("integer", "bool", "enum")


def fold(reading: Reading, cursor: Cursor, type: Type) -> Integer | None:
    """Return the constant that clang folds `cursor` to, as a value of `type`."""
    if type.kind not in ("integer", "bool", "enum") or type.size > 8:
        return None
    value = clang_c.evaluate(cursor)
    return None if value is None else Integer(reading.span(cursor), type, value)


def literal(reading: Reading, cursor: Cursor) -> Expression:
    """Read a literal or another operand that is always constant (`sizeof`, concepts, `sizeof...`)."""
    found = fold(reading, cursor, reading.type(cursor))
    return found or opaque(reading, cursor)


def null(reading: Reading, cursor: Cursor) -> Expression:
    """Read `nullptr` and `__null`."""
    return Integer(reading.span(cursor), reading.type(cursor), 0)


def string(reading: Reading, cursor: Cursor) -> Expression:
    """Read a string literal."""
    return Text(reading.span(cursor), reading.type(cursor), unescape(clang_c.spelling(cursor)))


def unsized(reading: Reading, cursor: Cursor) -> Expression:
    """Read `sizeof`, `alignof`: their operand is not evaluated."""
    type = reading.type(cursor)
    return fold(reading, cursor, type) or Opaque(reading.span(cursor), type, "sizeof")


def this(reading: Reading, cursor: Cursor) -> Expression:
    """Read `this`."""
    return This(reading.span(cursor), reading.type(cursor))


def implicit_this(reading: Reading, member: Cursor, place: Cursor) -> Expression:
    """The object of `member` used without one inside a method."""
    owner = lib.clang_getCursorSemanticParent(member)
    record = reading.types.convert(lib.clang_getCursorType(owner))
    pointer = Type(f"{record.spelling} *", f"{record.name} *", "pointer", 8, element=record)
    return This(reading.span(place), pointer)


def reference(reading: Reading, cursor: Cursor) -> Expression:
    """Read a use of a name."""
    named = lib.clang_getCursorReferenced(cursor)
    type = reading.type(cursor)
    if named.kind in (9, 10, 1):
        variable = reading.names.variable(named)
        if variable.kind in ("global", "static"):
            reading.met(variable, named)
        return Reference(reading.span(cursor), type, variable)
    if named.kind in FUNCTIONS:
        name = reading.names.qualified(named)
        return FunctionReference(reading.span(cursor), type, reading.need(named), name)
    folded = fold(reading, cursor, type)
    if folded:
        return folded
    inner = operands(cursor)  # a template's parameter: the argument is the child
    return reading.expression(inner[0]) if inner else Opaque(reading.span(cursor), type, clang_c.spelling(cursor))


def member(reading: Reading, cursor: Cursor) -> Expression:
    """Read `base.name`, `base->name`, or a member named alone."""
    named = lib.clang_getCursorReferenced(cursor)
    if named.kind != 6:
        parts = operands(cursor)
        if named.kind in (7, 9) or named.kind in FUNCTIONS:
            return reference(reading, cursor)
        inner = tuple(reading.expression(part) for part in parts)
        return Opaque(reading.span(cursor), reading.type(cursor), clang_c.spelling(cursor), inner)
    bases = operands(cursor)
    base = reading.expression(bases[0]) if bases else implicit_this(reading, named, cursor)
    arrow = not bases or lib.clang_getCanonicalType(lib.clang_getCursorType(bases[0])).kind == 101
    if isinstance(base, Member) and (not base.name or "(anonymous" in base.name):
        arrow = base.arrow  # C++ shows the step through an anonymous union, C does not
        base = base.base
    bits = None
    if lib.clang_Cursor_isBitField(named):
        bits = (max(0, lib.clang_Cursor_getOffsetOfField(named)), lib.clang_getFieldDeclBitWidth(named))
    owner = reading.types.record(lib.clang_getCursorType(lib.clang_getCursorSemanticParent(named)))
    return Member(reading.span(cursor), reading.type(cursor), base, clang_c.spelling(named), arrow, owner, bits)


def wrapper(reading: Reading, cursor: Cursor) -> Expression:
    """Read parentheses and `__extension__`."""
    inner = operands(cursor)
    return reading.expression(inner[-1]) if inner else opaque(reading, cursor)


def unary(reading: Reading, cursor: Cursor) -> Expression:
    """Read a unary operator."""
    inner = operands(cursor)
    kind = lib.clang_getCursorUnaryOperatorKind(cursor)
    if not inner or kind >= len(_UNARY) or kind <= 0:
        return wrapper(reading, cursor) if kind == 13 else opaque(reading, cursor)
    operand = reading.expression(inner[0])
    type = reading.type(cursor)
    op = _UNARY[kind]
    if isinstance(operand, FunctionReference) and op in ("&", "*", "+"):
        return replace(operand, span=reading.span(cursor))
    if isinstance(operand, Integer) and op in "+-~!":
        return fold(reading, cursor, type) or Unary(reading.span(cursor), type, op, operand)
    return Unary(reading.span(cursor), type, op, operand)


def binary(reading: Reading, cursor: Cursor) -> Expression:
    """Read a binary operator or an assignment of the built-in kind."""
    inner = operands(cursor)
    kind = lib.clang_getCursorBinaryOperatorKind(cursor)
    if len(inner) != 2 or not 0 < kind < len(_BINARY):
        return opaque(reading, cursor)
    op = _BINARY[kind]
    left, right = reading.expression(inner[0]), reading.expression(inner[1])
    span, type = reading.span(cursor), reading.type(cursor)
    if 22 <= kind <= 32:
        record_stores(reading, place_of(left), right)
        return Assignment(span, type, op, left, right)
    if kind <= 2:
        return Opaque(span, type, op, (left, right))
    if (isinstance(left, Integer) and isinstance(right, Integer)) or (kind in (20, 21) and isinstance(left, Integer)):
        return fold(reading, cursor, type) or Binary(span, type, op, left, right)
    return Binary(span, type, op, left, right)


def subscript(reading: Reading, cursor: Cursor) -> Expression:
    """Read `base[index]`, also written `index[base]`."""
    inner = operands(cursor)
    if len(inner) != 2:
        return opaque(reading, cursor)
    base, index = reading.expression(inner[0]), reading.expression(inner[1])
    if lib.clang_getCanonicalType(lib.clang_getCursorType(inner[1])).kind == 101:
        base, index = index, base
    return Subscript(reading.span(cursor), reading.type(cursor), base, index)


def conditional(reading: Reading, cursor: Cursor) -> Expression:
    """Read `condition ? yes : no`."""
    inner = operands(cursor)
    if len(inner) != 3:
        return opaque(reading, cursor)
    condition, yes, no = (reading.expression(part) for part in inner)
    type = reading.type(cursor)
    if isinstance(condition, Integer) and isinstance(yes if condition.value else no, Integer):
        folded = fold(reading, cursor, type)
        if folded:
            return folded
    return Conditional(reading.span(cursor), type, condition, yes, no)


def cast(reading: Reading, cursor: Cursor) -> Expression:
    """Read an explicit cast."""
    inner = operands(cursor)
    type = reading.type(cursor)
    if not inner:
        return fold(reading, cursor, type) or opaque(reading, cursor)
    operand = reading.expression(inner[-1])
    if type.kind == "record":
        return operand
    if isinstance(operand, Integer):
        return fold(reading, cursor, type) or Cast(reading.span(cursor), type, operand)
    return Cast(reading.span(cursor), type, operand)


def converted(reading: Reading, cursor: Cursor, operand: Expression) -> Expression:
    """Return `operand` under the implicit conversion `cursor`; the conversion is kept only if it changes the value."""
    type = reading.type(cursor)
    if isinstance(operand, Integer):
        if operand.type == type:
            return operand
        return fold(reading, cursor, type) or (operand if type.kind == "pointer" else Cast(operand.span, type, operand))
    if isinstance(operand, Reference | Member) and type.kind in _NUMBERS and _is_constant(cursor, operand):
        found = fold(reading, cursor, type)
        if found:
            return found
    before = operand.type
    if before.kind == "record" and type.kind in ("floating", "pointer", *_NUMBERS):
        return Opaque(reading.span(cursor), type, "implicit", (operand,))  # `va_arg`
    numbers = before.kind in _NUMBERS and type.kind in _NUMBERS
    if numbers and (
        (before.size, before.signed) != (type.size, type.signed) or (before.kind == "bool") != (type.kind == "bool")
    ):
        return Cast(reading.span(cursor), type, operand)
    mixed = before.kind in ("floating", "pointer", "array", *_NUMBERS) and type.kind in ("floating", *_NUMBERS)
    if (mixed and not numbers and before.kind != type.kind) or (type.kind == "pointer" and before.kind in _NUMBERS):
        return Cast(reading.span(cursor), type, operand)
    return operand


def _is_constant(cursor: Cursor, operand: Reference | Member) -> bool:
    """Whether the object read is const and not volatile, so that its value may be known."""
    if operand.type.volatile or isinstance(operand, Member):
        return False
    inner = operands(cursor)
    return bool(inner) and bool(
        lib.clang_isConstQualifiedType(lib.clang_getCanonicalType(lib.clang_getCursorType(inner[0])))
    )


def statement_expression(reading: Reading, cursor: Cursor) -> Expression:
    """Read GNU `({ … })`."""
    from barrierlint.source.tree import Compound

    inner = clang_c.children(cursor)
    body = reading.statement(inner[0]) if inner else None
    if not isinstance(body, Compound):
        return opaque(reading, cursor)
    return StatementExpression(reading.span(cursor), reading.type(cursor), body)


EXPRESSIONS.update(dict.fromkeys((106, 110, 130, 143, 153, 154), literal))
EXPRESSIONS.update(dict.fromkeys((123, 131), null))
EXPRESSIONS.update(dict.fromkeys((117, 124, 125, 126, 127, 128, 152), cast))
EXPRESSIONS.update(
    {
        101: reference,
        102: member,
        109: string,
        111: wrapper,
        112: unary,
        113: subscript,
        114: binary,
        115: binary,
        116: conditional,
        121: statement_expression,
        132: this,
        136: unsized,
    }
)
