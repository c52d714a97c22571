"""Values of the remaining expressions: constants, names, conversions, statement expressions, throw, and what is opaque.

What it does not model: floating point values, and `dynamic_cast` failing.
"""

from __future__ import annotations

from barrierlint.cfg import cleanups
from barrierlint.cfg.accesses import address_of, is_object, memory, read
from barrierlint.cfg.fold import SCALARS, ZERO, convert
from barrierlint.cfg.frame import EFFECTS, PLACES, VALUES, Frame, Place
from barrierlint.cfg.nodes import peel
from barrierlint.cfg.places import address
from barrierlint.events import Assign
from barrierlint.source import tree
from barrierlint.terms import AddressOf, Field, Name, Term, const

RETURNED_TEXT = 60
"""How much of a string literal its address keeps."""


def _integer(frame: Frame, expression: tree.Integer) -> Term:
    return frame.unknown("floating") if expression.type.kind == "floating" else const(expression.value)


def _text(frame: Frame, expression: tree.Text) -> Term:
    return AddressOf('"' + expression.value[:RETURNED_TEXT] + '"', "string")


def _function(frame: Frame, expression: tree.FunctionReference) -> Term:
    return AddressOf(expression.usr, "function")


def _lvalue(frame: Frame, expression: tree.Expression) -> Term:
    if expression.type.kind == "array":
        return _decayed(frame, expression)
    return read(frame, frame.place(expression), expression.span)


def _cast(frame: Frame, expression: tree.Cast) -> Term:
    """A conversion of a value; of arrays and functions their address, of classes among each other nothing changes."""
    source, target, operand = expression.operand.type, expression.type, expression.operand
    if target.kind == "void":
        frame.effect(operand)
        return ZERO
    if target.kind == "reference":
        return read(frame, frame.place(expression), expression.span)
    if source.kind == "array":
        return _decayed(frame, operand)
    value = frame.value(operand)
    if source.kind == "floating" or target.kind == "floating":
        return value if source.kind == target.kind else frame.unknown("floating")
    return value if target.kind not in SCALARS else convert(value, _scalar(frame, source), target)


def _decayed(frame: Frame, array: tree.Expression) -> Term:
    """The address an array is taken for; of one that is a view of a word, as `u.bytes`, the word's own."""
    inner, found = peel(array), address(frame, array)
    if not isinstance(inner, tree.Member) or not isinstance(found, Field):
        return found
    layouts, owner = frame.environment.layouts, inner.base.type.element if inner.arrow else inner.base.type
    field = layouts.field(inner.record, inner.name)
    view = owner is not None and layouts.word(owner) is not None and field is not None and field.first == 0
    return found.base if view else found


def _scalar(frame: Frame, type: tree.Type) -> tree.Type:
    return frame.environment.layouts.word(type) or type


def _cast_effect(frame: Frame, expression: tree.Cast) -> None:
    if expression.type.kind == "void":
        frame.effect(expression.operand)
    else:
        frame.value(expression)


def _statement_expression(frame: Frame, expression: tree.StatementExpression) -> Term:
    """GNU `({ … })`: a scope whose value is taken before its destructors run."""
    mark = frame.pending
    body = expression.body.body
    for statement in body[:-1]:
        frame.statement(statement)
    if not body:
        return ZERO
    last = body[-1]
    while isinstance(last, tree.Label) and last.body is not None:
        frame.statement(tree.Label(last.span, last.name, None))
        last = last.body
    if not isinstance(last, tree.Evaluate) or expression.type.kind == "void":
        frame.statement(last)
        cleanups.release(frame, mark, expression.body.end)
        return ZERO
    value = frame.value(last.expression)
    if frame.pending is not mark and not is_object(frame, expression.type):
        kept = frame.builder.temporary()
        frame.emit(Assign(kept, value), last.span)
        value = Name(kept)
    cleanups.release(frame, mark, expression.body.end)
    return value


def _throw(frame: Frame, expression: tree.Throw) -> Term:
    if expression.operand is not None:
        frame.value(expression.operand)
    cleanups.throw_from(frame, frame.builder.current)
    frame.builder.stop()
    return ZERO


def _opaque(frame: Frame, expression: tree.Opaque) -> Term:
    for part in expression.parts:
        frame.value(part)
    if is_object(frame, expression.type):
        return frame.object()
    return frame.unknown(expression.what or "opaque")


def _opaque_place(frame: Frame, expression: tree.Opaque) -> Place:
    term = frame.value(expression)
    type = expression.type
    if type.kind == "reference" or is_object(frame, type):
        return memory(frame, term, type)
    return Place(type, type, value=term, types=(type,))


def bind(frame: Frame, value: tree.Expression) -> Term:
    """The address a reference initialised with `value` holds."""
    return address_of(frame, frame.place(value), value.span)


VALUES.update(
    {
        tree.Integer: _integer,
        tree.Text: _text,
        tree.FunctionReference: _function,
        tree.Reference: _lvalue,
        tree.Member: _lvalue,
        tree.Subscript: _lvalue,
        tree.Cast: _cast,
        tree.StatementExpression: _statement_expression,
        tree.Throw: _throw,
        tree.Opaque: _opaque,
    }
)
PLACES[tree.Opaque] = _opaque_place
EFFECTS[tree.Cast] = _cast_effect
