"""Arithmetic, comparisons, increments and assignments of the built-in kind.

Operands are converted as the language does (C17 6.3.1.8); pointer arithmetic becomes `Element` addresses. A plain
operator on an `_Atomic` object is one sequentially consistent read-modify-write (C17 6.5.16.2). What it does not
model: floating point, overflow of signed integers.
"""

from __future__ import annotations

from barrierlint.cfg.accesses import address_of, order, read, type_name, width, write
from barrierlint.cfg.conditions import logical
from barrierlint.cfg.fold import ONE, apply, convert, divide, element, extend
from barrierlint.cfg.frame import EFFECTS, VALUES, Frame, Place
from barrierlint.cfg.objects import assign
from barrierlint.events import Access, Assign, Kind
from barrierlint.finding import Span
from barrierlint.source import tree
from barrierlint.source.tree import Type
from barrierlint.terms import Const, Name, Term, const

_COMPARISONS = frozenset({"<", "<=", ">", ">="})
_ATOMIC_OPS = {"+=": "add", "-=": "sub", "|=": "or", "&=": "and", "^=": "xor"}
_WRAPS = frozenset({"~", "neg", "<<"})


def common(left: Type, right: Type) -> Type:
    """The type arithmetic on `left` and `right` is done in (the usual arithmetic conversions, C17 6.3.1.8)."""
    if left.kind == "floating" or right.kind == "floating":
        return left if left.kind == "floating" else right
    left, right = promoted(left), promoted(right)
    if left.size != right.size:
        return left if left.size > right.size else right
    return left if not left.signed else right


def promoted(type: Type) -> Type:
    """`type` after the integer promotions (C17 6.3.1.1)."""
    if type.kind in ("pointer", "array", "reference", "record"):
        return Type("unsigned long", "", "integer", 8)
    if 0 < type.size < 4:
        return Type("int", "int", "integer", 4, True)
    return type


def arithmetic(frame: Frame, op: str, left: Term, left_type: Type, right: Term, right_type: Type) -> Term:
    """`left op right` for the built-in operators `+ - * / % & | ^ << >> == != < <= > >=`."""
    if op in ("+", "-") and (pointed := _pointer(frame, op, left, left_type, right, right_type)) is not None:
        return pointed
    shift = op in ("<<", ">>")
    type = promoted(left_type) if shift else common(left_type, right_type)
    if type.kind == "floating" or type.size > 8:
        return frame.unknown("floating" if type.kind == "floating" else "wide")
    left = convert(left, left_type, type)
    right = right if shift else convert(right, right_type, type)
    if op in ("/", "%"):
        quotient = divide(op, left, right, type.signed)
        return quotient if quotient is not None else frame.unknown("quotient")
    if type.signed and op in _COMPARISONS:
        op += "s"
    if type.signed and op == ">>":
        op = ">>s"
    return wrapped(apply(op, left, right), op, type)


def wrapped(term: Term, op: str, type: Type) -> Term:
    """`term`, the result of `op` in `type`, cut to its width where it can have left it."""
    known = isinstance(term, Const)
    if type.size < 8 and (known or (op in _WRAPS and not type.signed)):
        return extend(term, 8 * type.size, type.signed)
    return term


def _pointer(frame: Frame, op: str, left: Term, left_type: Type, right: Term, right_type: Type) -> Term | None:
    """Pointer arithmetic (C17 6.5.6), None if neither side is a pointer."""
    if _is_pointer(right_type) and not _is_pointer(left_type):
        left, left_type, right, right_type = right, right_type, left, left_type
    if not _is_pointer(left_type):
        return None
    size = _step(frame, left_type)
    if not _is_pointer(right_type):
        return element(left, right if op == "+" else apply("neg", right), size)
    difference = apply("-", left, right)
    return divide("/", difference, const(size), True) if size > 1 else difference


def _is_pointer(type: Type) -> bool:
    return type.kind in ("pointer", "array")


def _step(frame: Frame, type: Type) -> int:
    """The bytes a pointer of `type` moves by; 1 for `void *` and functions (GNU C)."""
    if type.element is None or type.element.kind in ("void", "function"):
        return 1
    return width(frame, type.element) if type.element.size or type.element.kind == "record" else 1


def _binary(frame: Frame, expression: tree.Binary) -> Term:
    if expression.op in ("&&", "||"):
        return logical(frame, expression)
    if expression.op == ",":
        frame.effect(expression.left)
        return frame.value(expression.right)
    left = frame.value(expression.left)
    right = frame.value(expression.right)
    return arithmetic(frame, expression.op, left, expression.left.type, right, expression.right.type)


def _unary(frame: Frame, expression: tree.Unary) -> Term:
    op, operand = expression.op, expression.operand
    match op:
        case "&":
            return _address(frame, operand)
        case "*":
            if expression.type.kind == "function":
                return frame.value(operand)
            return read(frame, frame.place(expression), expression.span)
        case "++x" | "--x" | "x++" | "x--":
            return step_by_one(frame, expression)
    value = frame.value(operand)
    if operand.type.kind == "floating":
        return frame.unknown("floating") if op in ("-", "~") else value
    if op == "!":
        return apply("!", value)
    if op not in ("-", "~"):
        return value
    type = promoted(operand.type)
    name = "neg" if op == "-" else op
    return wrapped(apply(name, value), name, type)


def _address(frame: Frame, operand: tree.Expression) -> Term:
    if isinstance(operand, tree.FunctionReference):
        return frame.value(operand)
    return address_of(frame, frame.place(operand), operand.span)


def step_by_one(frame: Frame, expression: tree.Unary, discard: bool = False) -> Term:
    """`++x`, `x--`, …; with `discard` nobody wants the value."""
    place = frame.place(expression.operand)
    type = place.type
    sign = "+" if expression.op.startswith("++") or expression.op.endswith("++") else "-"
    prefix = not expression.op.startswith("x")
    if place.atomic and place.address is not None:
        step = const(_step(frame, type)) if _is_pointer(type) else ONE
        before = _atomic_update(frame, place, "add" if sign == "+" else "sub", step, expression.span)
        return arithmetic(frame, sign, before, type, ONE, type) if prefix else before
    before = read(frame, place, expression.span)
    after = arithmetic(frame, sign, before, type, ONE, tree.Type("int", "int", "integer", 4, True))
    after = convert(after, promoted(type), type)
    if place.register and not prefix and not discard:
        kept = frame.builder.temporary()
        frame.emit(Assign(kept, before), expression.span)
        before = Name(kept)
    write(frame, place, after, expression.span, before)
    if not prefix:
        return before
    return read(frame, place, expression.span) if place.register else after


def _atomic_update(frame: Frame, place: Place, op: str, operand: Term, span: Span) -> Term:
    """One atomic read-modify-write of `place`; returns the value before."""
    into = frame.builder.temporary()
    address = address_of(frame, place, span)
    size, name = width(frame, place.cell), type_name(frame, place)
    frame.emit(Access(Kind.RMW, address, operand, into, order(place), size, op, type=name), span)
    return Name(into)


def _assignment(frame: Frame, expression: tree.Assignment) -> Term:
    if expression.op == "=":
        return assign(frame, expression)
    op = expression.op[:-1]
    operand = frame.value(expression.value)
    place = frame.place(expression.target)
    type, span = place.type, expression.span
    if place.atomic and place.address is not None and expression.op in _ATOMIC_OPS and not _is_pointer(type):
        before = _atomic_update(frame, place, _ATOMIC_OPS[expression.op], operand, span)
        return arithmetic(frame, op, before, type, operand, expression.value.type)
    before = read(frame, place, span)
    after = arithmetic(frame, op, before, type, operand, expression.value.type)
    if not _is_pointer(type):
        after = convert(after, common(type, expression.value.type), type)
    write(frame, place, after, span, before)
    return read(frame, place, span) if place.register else after


def _unary_effect(frame: Frame, expression: tree.Unary) -> None:
    if expression.op in ("++x", "--x", "x++", "x--"):
        step_by_one(frame, expression, discard=True)
    else:
        frame.value(expression)


EFFECTS[tree.Unary] = _unary_effect
VALUES.update({tree.Binary: _binary, tree.Unary: _unary, tree.Assignment: _assignment})
