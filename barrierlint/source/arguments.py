"""Arguments of calls and constructions, default arguments included.

A default argument has the place of the call. It does not model argument packs (they are expanded in instantiations).
"""

from __future__ import annotations

from barrierlint.source.clang_c import Cursor, lib
from barrierlint.source.expressions import fold
from barrierlint.source.reading import Reading, opaque, operands
from barrierlint.source.tree import Expression, Type


def arguments(reading: Reading, cursor: Cursor, named: Cursor | None) -> list[Expression]:
    """Return the arguments of the call, default arguments included."""
    count = lib.clang_Cursor_getNumArguments(cursor)
    before, reading.fallback = reading.fallback, reading.span(cursor)
    try:
        return [_argument(reading, lib.clang_Cursor_getArgument(cursor, at), named, at) for at in range(count)]
    finally:
        reading.fallback = before


_REFERENCES = (103, 104)  # to lvalues, to rvalues


def parameters(reading: Reading, named: Cursor) -> tuple[Type, ...]:
    """Return the types of a function's parameters."""
    type = lib.clang_getCursorType(named)
    count = max(0, lib.clang_getNumArgTypes(type))
    return tuple(reading.types.convert(lib.clang_getArgType(type, at)) for at in range(count))


def returns_reference(named: Cursor) -> bool:
    """Whether a call of the function is an lvalue or an xvalue."""
    return lib.clang_getCanonicalType(lib.clang_getCursorResultType(named)).kind in _REFERENCES


def _argument(reading: Reading, argument: Cursor, named: Cursor | None, at: int) -> Expression:
    """One argument; a default one shows no children and is read from the parameter."""
    if argument.kind != 100 or named is None or operands(argument):
        return reading.expression(argument)
    folded = fold(reading, argument, reading.type(argument))
    if folded:
        return folded
    parameter = lib.clang_Cursor_getArgument(named, at)
    inner = operands(parameter) if parameter.kind == 10 else []
    return reading.expression(inner[-1]) if inner else opaque(reading, argument)
