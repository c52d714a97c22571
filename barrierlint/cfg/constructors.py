"""Constructions: constructors run on an object, or read as the value they give it.

A constructor that only passes a value on to the one member of a transparent record is that value, its arguments in
place of its parameters. What it does not model: elided copies beyond the guaranteed ones.
"""

from __future__ import annotations

from barrierlint.cfg import cleanups
from barrierlint.cfg.accesses import address_of, is_object, memory, read, width, write
from barrierlint.cfg.calls import after_call, call_function, pass_arguments
from barrierlint.cfg.fold import ZERO, convert
from barrierlint.cfg.frame import PLACES, VALUES, Frame, Place
from barrierlint.cfg.modelled import passed
from barrierlint.cfg.nodes import peel
from barrierlint.cfg.objects import copy, destroy_later, initialize
from barrierlint.cfg.places import own_storage
from barrierlint.cfg.storage import forwarded
from barrierlint.events import Call
from barrierlint.source import tree
from barrierlint.terms import Term


def construct(frame: Frame, place: Place, made: tree.Construct) -> None:
    """Run a constructor on the object at `place`."""
    if made.callee in frame.environment.functions:
        home = address_of(frame, place, made.span)
        args = pass_arguments(frame, made)
        call_function(frame, made.callee, (home, *args), made.span, "")
    elif len(made.args) == 1 and made.args[0].type.kind == "record" and _same_class(made, made.args[0]):
        copy(frame, place, frame.value(made.args[0]), made.span)
    elif made.callee:
        home = address_of(frame, place, made.span)
        args = pass_arguments(frame, made)
        types = (f"{made.type.spelling} *", *(passed(arg.type) for arg in made.args))
        event = Call(made.callee, made.qualified, (home, *args), types=types)
        frame.call(event, made.span, optional=not made.args, tried=cleanups.inside_try(frame))
        after_call(frame, False, made.callee)
    elif len(made.args) == 1:
        initialize(frame, place, made.args[0], made.span)
    else:
        for arg in made.args:
            frame.value(arg)


def _same_class(made: tree.Construct, arg: tree.Expression) -> bool:
    type = arg.type.element if arg.type.kind == "reference" and arg.type.element else arg.type
    return type.record == made.type.record


def _construct(frame: Frame, made: tree.Construct) -> Term:
    """A temporary object, or the value of a transparent one."""
    return read(frame, _construct_place(frame, made), made.span)


def _construct_place(frame: Frame, made: tree.Construct) -> Place:
    if is_object(frame, made.type) or made.destructor or needs_object(frame, made):
        home = memory(frame, frame.object(), made.type)
        if is_object(frame, made.type):
            construct(frame, home, made)
        else:
            initialize(frame, home, made, made.span)
        destroy_later(frame, home.address or ZERO, made.type, made.span, made.destructor)
        return home
    return Place(made.type, made.type, value=construct_value(frame, made), types=(made.type,))


def needs_object(frame: Frame, made: tree.Construct) -> bool:
    """True where a constructor must run on an object: it does more than pass a value on, or nobody knows what."""
    functions = frame.environment.functions
    if made.callee in functions:
        only = forwarded(functions, made.callee)
        return only is None or not _fills(frame, made, only)
    return bool(made.args) and not (len(made.args) == 1 and (not made.callee or _same_class(made, made.args[0])))


def construct_value(frame: Frame, made: tree.Construct) -> Term:
    """The value of a transparent record that needs no object."""
    only = forwarded(frame.environment.functions, made.callee)
    if only is not None:
        return _forward(frame, made, only)
    if not made.args:
        return ZERO
    return convert(frame.value(made.args[0]), made.args[0].type, _word(frame, made.type))


def _fills(frame: Frame, made: tree.Construct, only: tree.MemberInitializer) -> bool:
    """True where the member `only` initialises is all there is of the object."""
    if not only.member:
        return isinstance(peel(only.value), tree.Construct)
    field = frame.environment.layouts.field(made.type.record, only.member)
    return field is not None and not field.width and field.type.size == width(frame, made.type)


def _forward(frame: Frame, made: tree.Construct, only: tree.MemberInitializer) -> Term:
    """The value a forwarding constructor gives: its one initialiser, with the arguments in place of the parameters."""
    function = frame.environment.functions[made.callee]
    args = pass_arguments(frame, made)
    before = dict(frame.bound)
    for index, param in enumerate(function.params):
        term = args[index] if index < len(args) else frame.unknown("default argument")
        place = own_storage(frame, param)
        if place.address is not None:
            write(frame, place, term, made.span)
        else:
            frame.bound[param.id] = term
    outside, frame.builder.span = frame.builder.span, frame.builder.span or made.span
    value = convert(frame.value(only.value), only.value.type, _word(frame, made.type))
    frame.bound, frame.builder.span = before, outside
    return value


def _word(frame: Frame, type: tree.Type) -> tree.Type:
    return frame.environment.layouts.word(type) or type


VALUES[tree.Construct] = _construct
PLACES[tree.Construct] = _construct_place
