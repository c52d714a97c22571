"""Closures: what a lambda expression stores where it stands, and `this` in functions and lambdas.

What it does not model: the closure as an object with a layout (see `captures`).
"""

from __future__ import annotations

from barrierlint.cfg.accesses import memory, write
from barrierlint.cfg.captures import maker_of
from barrierlint.cfg.frame import VALUES, Frame
from barrierlint.cfg.objects import copy, initialize
from barrierlint.cfg.places import address, own_storage
from barrierlint.events import Access, Kind
from barrierlint.finding import Span
from barrierlint.source import tree
from barrierlint.terms import AddressOf, Name, Term


def _lambda(frame: Frame, expression: tree.Lambda) -> Term:
    """A closure: what it captures by copy, or makes, and the address of the object around it get places of their own;
    all else keeps its id.
    """
    span = expression.span
    for variable, id in frame.environment.captures.copies.get(expression.function, ()):
        type = variable.type
        type = type.element if type.kind == "reference" and type.element is not None else type
        initialize(frame, memory(frame, AddressOf(id), type), tree.Reference(span, type, variable), span)
    for one in expression.made:
        _make_capture(frame, one)
    if expression.function in frame.environment.this_captured:
        this = this_value(frame, span)
        if expression.this_type is not None:
            home = AddressOf(f"{expression.function}#object#captured")
            copy(frame, memory(frame, home, expression.this_type), this, span)
            this = home
        slot = AddressOf(f"{expression.function}#this#captured")
        frame.emit(Access(Kind.WRITE, slot, this), span, "captured this")
    return AddressOf(expression.function, "function")


def _make_capture(frame: Frame, made: tree.Declaration) -> None:
    """`[x = value]` and `[&x = value]`."""
    if made.value is None:
        return
    home = own_storage(frame, made.variable)
    if made.variable.type.kind == "reference":
        write(frame, home, address(frame, made.value), made.span)
    else:
        initialize(frame, home, made.value, made.span)


def this_value(frame: Frame, span: Span) -> Term:
    """The value of `this`: in a lambda the captured one."""
    if frame.function.kind != "lambda":
        return frame.this()
    into = frame.builder.temporary()
    usrs = (usr for usr in maker_of(frame.function) if usr in frame.environment.captures.copies)
    slot = AddressOf(f"{next(usrs, frame.function.usr)}#this#captured")
    frame.emit(Access(Kind.READ, slot, into=into), span, "captured this")
    return Name(into)


def _this(frame: Frame, expression: tree.This) -> Term:
    return this_value(frame, expression.span)


VALUES[tree.Lambda] = _lambda
VALUES[tree.This] = _this
