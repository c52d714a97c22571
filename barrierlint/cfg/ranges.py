"""Range-based for: over arrays a counted loop, over other ranges a body run any number of times.

What it does not model: the iterators of class ranges; their elements lie at unknown indices of the range.
"""

from __future__ import annotations

from barrierlint.cfg import cleanups
from barrierlint.cfg.accesses import is_object, memory, read, width, write
from barrierlint.cfg.conditions import decide
from barrierlint.cfg.expressions import bind
from barrierlint.cfg.fold import ZERO, apply, element
from barrierlint.cfg.frame import STATEMENTS, Frame, Target
from barrierlint.cfg.objects import copy
from barrierlint.cfg.places import own_storage
from barrierlint.events import Assign
from barrierlint.source import tree
from barrierlint.terms import Const, Element, Name, Term


def _range_for(frame: Frame, statement: tree.RangeFor) -> None:
    builder = frame.builder
    mark = frame.pending
    if statement.init is not None:
        frame.statement(statement.init)
    range = bind(frame, statement.range)
    head, body, step, after = builder.new(), builder.new(), builder.new(), builder.new()
    index = builder.temporary()
    length = _length(statement.range.type)
    if length:
        frame.emit(Assign(index, ZERO), statement.span)
    builder.fall_into(head)
    if length:
        decide(frame, apply("<", Name(index), Const(length)), body, after, statement.range.span)
    else:
        builder.edge(head, body, "true")
        builder.edge(head, after, "false")
    builder.start(body)
    inside = frame.pending
    if statement.variable is not None:
        position: Term = Name(index) if length else frame.unknown("index")
        _bind_variable(frame, statement.variable, range, position, bool(length))
    frame.breaks.append(Target(after, inside))
    frame.continues.append(Target(step, inside))
    inner = frame.pending
    frame.statement(statement.body)
    cleanups.release(frame, inner)
    cleanups.release(frame, inside)
    frame.breaks.pop()
    frame.continues.pop()
    builder.fall_into(step)
    if length:
        frame.emit(Assign(index, apply("+", Name(index), Const(1))), statement.span)
    builder.jump(head, "back")
    builder.start(after)
    cleanups.release(frame, mark)


def _length(type: tree.Type) -> int:
    if type.kind == "reference" and type.element is not None:
        type = type.element
    return type.length if type.kind == "array" else 0


def _bind_variable(frame: Frame, declared: tree.Declaration, range: Term, index: Term, is_array: bool) -> None:
    variable, span = declared.variable, declared.span
    type = variable.type
    item = type.element if type.kind == "reference" and type.element is not None else type
    size = width(frame, item)
    where = element(range, index, size) if is_array else Element(range, index, size)
    home = own_storage(frame, variable)
    if type.kind == "reference":
        write(frame, home, where, span)
    elif is_object(frame, type):
        copy(frame, home, where, span)
    else:
        write(frame, home, read(frame, memory(frame, where, item), span), span)
    if declared.destructor and home.address is not None:
        cleanups.push(frame, declared.destructor, home.address, span, f"destructor of {variable.name}")


STATEMENTS[tree.RangeFor] = _range_for
