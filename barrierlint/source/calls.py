"""Calls: of functions, methods, operators, builtins, and through values; which declaration is meant and with which
operands.

Default arguments are included. The callee of a virtual call is the static target; `Function.overrides` leads to the
others. It does not model `operator new`.
"""

from __future__ import annotations

import re

from barrierlint.source import clang_c
from barrierlint.source.arguments import arguments, parameters, returns_reference
from barrierlint.source.clang_c import Cursor, identity, lib
from barrierlint.source.expressions import fold, implicit_this
from barrierlint.source.lifetimes import explicit_destructor
from barrierlint.source.names import FUNCTIONS
from barrierlint.source.objects import construct
from barrierlint.source.reading import EXPRESSIONS, Reading, operands
from barrierlint.source.tree import (
    Assignment,
    CallExpression,
    Cast,
    Construct,
    Expression,
    FunctionReference,
    Integer,
    Opaque,
    Unary,
)

FUNCTION, METHOD, CONSTRUCTOR, DESTRUCTOR, CONVERSION = 8, 21, 24, 25, 26
_SYNC_SIZE = re.compile(r"(__sync_\w+?)_(?:1|2|4|8|16)\Z")
_NORETURN = frozenset(
    ("__builtin_unreachable", "__builtin_trap", "__builtin_abort", "__builtin_longjmp", "__builtin_exit")
)


def call(reading: Reading, cursor: Cursor) -> Expression:
    """Read a call or a construction."""
    named = lib.clang_getCursorReferenced(cursor)
    if named.kind == CONSTRUCTOR:
        return construct(reading, cursor, named)
    if named.kind == FUNCTION:
        return _direct(reading, cursor, named)
    if named.kind in FUNCTIONS:
        return _method(reading, cursor, named)
    return _indirect(reading, cursor)


def _direct(reading: Reading, cursor: Cursor, named: Cursor) -> Expression:
    """A call of a free function or a builtin."""
    name = clang_c.spelling(named)
    type = reading.type(cursor)
    args = tuple(arguments(reading, cursor, named))
    span = reading.span(cursor)
    if (args and all(isinstance(arg, Integer) for arg in args)) or (not args and type.kind != "void"):
        folded = fold(reading, cursor, type)
        if folded:
            return folded
    if reading.is_builtin(named, name):
        base = _SYNC_SIZE.match(name)
        return CallExpression(span, type, "", base.group(1) if base else name, args, noreturn=name in _NORETURN)
    qualified = reading.names.qualified(named)
    return CallExpression(
        span,
        type,
        reading.need(named),
        qualified,
        args,
        noreturn=reading.is_noreturn(named),
        parameters=parameters(reading, named),
        returns_reference=returns_reference(named),
    )


def _is_whole_object(base: Cursor) -> bool:
    """Whether a variable, parameter or member that is no reference is named: its class is then the dynamic one."""
    named = lib.clang_getCursorReferenced(base)
    return named.kind in (6, 9, 10) and lib.clang_getCanonicalType(lib.clang_getCursorType(named)).kind == 105


def _method(reading: Reading, cursor: Cursor, named: Cursor) -> Expression:
    """A call of a method, an overloaded operator, a conversion or a destructor."""
    parts = operands(cursor)
    type, span = reading.type(cursor), reading.span(cursor)
    args = arguments(reading, cursor, named if not _is_operator(parts, named) else None)
    target = _callee(parts[0]) if parts else cursor
    object: Expression | None = None
    arrow = False
    if target.kind == 102:
        bases = operands(target)
        object = reading.expression(bases[0]) if bases else implicit_this(reading, named, cursor)
        arrow = not bases or lib.clang_getCanonicalType(lib.clang_getCursorType(bases[0])).kind == 101
    elif _is_operator(parts, named) and args:
        object, args = args[0], args[1:]
    if lib.clang_CXXMethod_isStatic(named):
        object, arrow = None, False
    if not args and type.kind in ("integer", "bool", "enum"):
        folded = fold(reading, cursor, type)
        if folded:
            return folded
    if _is_plain_assignment(named) and object is not None and args:
        left = Unary(object.span, args[0].type, "*", object) if arrow else object
        return Assignment(span, type, "=", left, args[0])
    if named.kind == CONVERSION and type.kind == "pointer" and object is not None:
        invoked = closure_operator(named)
        if invoked is not None:
            return FunctionReference(span, type, reading.need(invoked), reading.names.qualified(invoked))
    virtual = lib.clang_Cursor_isDynamicCall(cursor) > 0
    if virtual and target.kind == 102 and not arrow and parts and (bases := operands(target)):
        virtual = not _is_whole_object(bases[0])
    if virtual:
        reading.dispatched.setdefault(reading.names.usr(named), named)
    qualified = reading.names.qualified(named)
    usr = reading.need(named)
    if named.kind == DESTRUCTOR:
        usr = explicit_destructor(reading, named)
    return CallExpression(
        span,
        type,
        usr,
        qualified,
        tuple(args),
        object,
        arrow,
        virtual=virtual,
        noreturn=reading.is_noreturn(named),
        parameters=parameters(reading, named),
        returns_reference=returns_reference(named),
    )


def closure_operator(named: Cursor) -> Cursor | None:
    """The call operator of the lambda whose conversion to a function pointer `named` is."""
    closure = lib.clang_getCursorSemanticParent(named)
    if not clang_c.spelling(closure).startswith("(lambda"):
        return None
    found = [one for one in clang_c.children(closure) if clang_c.spelling(one) == "operator()"]
    return found[0] if found and found[0].kind == METHOD else None


def _is_plain_assignment(named: Cursor) -> bool:
    """Whether `named` is a defaulted copy or move assignment: it assigns the members."""
    if named.kind != METHOD or not lib.clang_CXXMethod_isDefaulted(named):
        return False
    copies = lib.clang_CXXMethod_isCopyAssignmentOperator(named)
    return bool(copies or lib.clang_CXXMethod_isMoveAssignmentOperator(named))


def _is_operator(parts: list[Cursor], named: Cursor) -> bool:
    """Whether the call is written with an operator: then the callee is a plain reference among the operands."""
    wanted = identity(named)
    for part in parts:
        inner = _callee(part)
        if inner.kind == 101 and identity(lib.clang_getCursorReferenced(inner)) == wanted:
            return clang_c.spelling(named).startswith("operator") and not lib.clang_CXXMethod_isStatic(named)
    return False


def _callee(cursor: Cursor) -> Cursor:
    """The node under implicit conversions and parentheses."""
    while cursor.kind in (100, 111):
        inner = operands(cursor)
        if len(inner) != 1:
            return cursor
        cursor = inner[0]
    return cursor


def _indirect(reading: Reading, cursor: Cursor) -> Expression:
    """A call through a pointer to a function, a member pointer, or what could not be resolved."""
    parts = operands(cursor)
    type, span = reading.type(cursor), reading.span(cursor)
    if not parts:
        return Opaque(span, type, "call")
    if len(parts) == 1 and type.kind == "record" and reading.type(parts[0]).record == type.record:
        return reading.expression(parts[0])  # libclang names no constructor where the copy is elided
    if lib.clang_Cursor_getNumArguments(cursor) < 0:  # `T(x)` left open because x has an error
        made = tuple(reading.expression(part) for part in parts)
        if type.kind != "record" and len(made) == 1:
            return Cast(span, type, made[0])
        return Construct(span, type, "", type.spelling, made)
    named = _only_candidate(parts[0], len(parts) - 1)
    if named is not None:
        return _resolved(reading, cursor, named, parts[1:])
    target = reading.expression(parts[0])
    while isinstance(target, Unary) and target.op in ("*", "&") and _is_function(target):
        target = target.operand
    args = tuple(arguments(reading, cursor, None))
    if isinstance(target, FunctionReference):
        return CallExpression(span, type, target.usr, target.qualified, args)
    qualified = clang_c.spelling(cursor)
    return CallExpression(span, type, "", qualified, args, target=target)


def _only_candidate(callee: Cursor, count: int) -> Cursor | None:
    """The function meant by a call that clang left open because an argument has an error: the one that takes as
    many.
    """
    for child in clang_c.children(callee):
        if child.kind == 49:
            number = lib.clang_getNumOverloadedDecls(child)
            found = [lib.clang_getOverloadedDecl(child, at) for at in range(number)]
            fitting = [one for one in found if lib.clang_Cursor_getNumArguments(one) == count]
            chosen = fitting if len(fitting) == 1 else found
            return chosen[0] if len(chosen) == 1 and chosen[0].kind in FUNCTIONS else None
    return None


def _resolved(reading: Reading, cursor: Cursor, named: Cursor, parts: list[Cursor]) -> Expression:
    """A call of `named` with the operands `parts`."""
    args = tuple(reading.expression(part) for part in parts)
    type = reading.types.convert(lib.clang_getCursorResultType(named))
    return CallExpression(reading.span(cursor), type, reading.need(named), reading.names.qualified(named), args)


def _is_function(target: Unary) -> bool:
    """Whether `*target` designates a function, so that the operator changes nothing."""
    inner = target.operand.type
    pointee = inner.element if inner.kind == "pointer" else inner
    return pointee is not None and pointee.kind == "function"


EXPRESSIONS[103] = call
