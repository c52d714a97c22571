"""Making, copying and destroying objects: initialisers, constructors, braces, temporaries, new and delete.

A transparent record is made as a value; a constructor that only passes a value on to the one member is read as that
value. Other records are made in place. What it does not model: elements of arrays of classes, elided copies beyond the
guaranteed ones.
"""

from __future__ import annotations

from dataclasses import replace

from barrierlint.cfg import cleanups
from barrierlint.cfg.accesses import address_of, is_object, memory, read, width, write
from barrierlint.cfg.calls import call_into, call_method, call_value
from barrierlint.cfg.fold import ZERO, convert
from barrierlint.cfg.frame import PLACES, VALUES, Cleanup, Frame, Place
from barrierlint.cfg.modelled import passed
from barrierlint.cfg.places import address
from barrierlint.cfg.records import is_closure
from barrierlint.events import Access, Call, Kind
from barrierlint.finding import Span
from barrierlint.source import tree
from barrierlint.terms import Const, Element, Field, Name, Term


def assign(frame: Frame, expression: tree.Assignment) -> Term:
    """`target = value`: the right side first (C++17 7.6.19), then one store, or a copy of a record."""
    target, span = expression.target.type, expression.span
    if is_object(frame, target):
        source = frame.value(expression.value)
        place = frame.place(expression.target)
        copy(frame, place, source, span)
        return address_of(frame, place, span)
    value = convert(frame.value(expression.value), expression.value.type, _scalar(frame, target))
    place = frame.place(expression.target)
    write(frame, place, value, span)
    return Name(place.register) if place.register and place.bits is None else value


def _scalar(frame: Frame, type: tree.Type) -> tree.Type:
    return frame.environment.layouts.word(type) or type


def initialize(frame: Frame, place: Place, value: tree.Expression, span: Span) -> None:
    """Give the new object at `place` its first value."""
    from barrierlint.cfg.constructors import construct, construct_value, needs_object

    inner = _unwrapped(value)
    if not is_object(frame, place.type):
        if isinstance(inner, tree.Construct) and place.address is not None and needs_object(frame, inner):
            construct(frame, place, inner)
            return
        if isinstance(inner, tree.CallExpression) and inner.type.kind == "record":
            write(frame, place, call_value(frame, inner), span)
            return
        if isinstance(inner, tree.Construct) and not inner.args and inner.callee not in frame.environment.functions:
            if place.register:
                write(frame, place, frame.unknown("uninitialised"), span)
            return
        if isinstance(inner, tree.Construct):
            write(frame, place, construct_value(frame, inner), span)
            return
        term = convert(frame.value(value), value.type, _scalar(frame, place.type))
        write(frame, place, term, span)
        return
    match inner:
        case tree.Construct():
            construct(frame, place, inner)
        case tree.Initializer():
            _fill(frame, place, inner)
        case tree.Lambda():
            frame.value(inner)
        case tree.Text():
            pass
        case tree.CallExpression() if inner.type.kind == "record":
            call_into(frame, inner, address_of(frame, place, span))
        case tree.Conditional(yes=yes) if yes is not None:
            _choose(frame, place, inner, span)
        case _:
            copy(frame, place, frame.value(inner), span)


def _unwrapped(value: tree.Expression) -> tree.Expression:
    """`value` without conversions and elided copies around a prvalue of the same class (C++17 9.4)."""
    while True:
        match value:
            case tree.Cast(type=type, operand=operand) if type.record == operand.type.record:
                value = operand
            case tree.Construct(
                callee="", args=(tree.Construct() | tree.CallExpression() | tree.Initializer() as only,)
            ) if only.type.kind == "record" and only.type.record == value.type.record:
                value = only
            case _:
                return value


def _choose(frame: Frame, place: Place, choice: tree.Conditional, span: Span) -> None:
    from barrierlint.cfg.conditions import branch

    builder = frame.builder
    yes, no = builder.new(), builder.new()
    branch(frame, choice.condition, yes, no)
    mark = frame.pending
    ends: list[tuple[int, Cleanup | None]] = []
    for block, value in ((yes, choice.yes), (no, choice.no)):
        builder.start(block)
        frame.pending = mark
        if value is not None:
            initialize(frame, place, value, span)
        ends.append((builder.current, frame.pending))
    cleanups.join_arms(frame, (ends[0], ends[1]), mark, span)


def copy(frame: Frame, place: Place, source: Term, span: Span) -> None:
    """Copy the record at address `source` to `place`, leaf by leaf if small, else as one access of unknown value."""
    if place.address is None or place.address == source or is_closure(place.type):
        return
    parts = frame.environment.layouts.parts(place.type)
    if parts is None:
        size = width(frame, place.type)
        frame.emit(Access(Kind.READ, source, into=frame.builder.temporary(), size=size), span, "copy")
        frame.emit(Access(Kind.WRITE, place.address, frame.unknown("copy"), size=size), span, "copy")
        return
    for leaf in parts:
        term = read(frame, memory(frame, _at(frame, source, leaf.path, place.type), leaf.type), span)
        home = memory(frame, _at(frame, place.address, leaf.path, place.type), leaf.type)
        write(frame, replace(home, volatile=place.volatile), term, span)


def _at(frame: Frame, base: Term, path: tuple[str | int, ...], type: tree.Type) -> Term:
    for name in path:
        base = Field(base, name) if isinstance(name, str) else Element(base, Const(name), 0) if name else base
    return base


def _fill(frame: Frame, place: Place, braces: tree.Initializer) -> None:
    """A braced list into an object in memory; members not named become zero (C17 6.7.9)."""
    base = address_of(frame, place, braces.span)
    given: set[str] = set()
    for index, (name, value) in enumerate(braces.items):
        given.add(name)
        if name:
            field = frame.environment.layouts.field(place.type.record, name)
            type = field.type if field is not None else value.type
            _member(frame, memory(frame, base, place.type), name, type, value)
        elif place.type.kind == "array":
            home = Element(base, Const(index), width(frame, value.type)) if index else base
            initialize(frame, memory(frame, home, place.type.element or value.type), value, value.span)
        else:
            initialize(frame, memory(frame, base, value.type), value, value.span)
    _zero_rest(frame, place, base, given, braces.span)


def _member(frame: Frame, base: Place, name: str, type: tree.Type, value: tree.Expression) -> None:
    from barrierlint.cfg.places import member_place

    if type.kind == "reference":
        home = Field(base.address or ZERO, name)
        write(frame, memory(frame, home, replace(type, kind="pointer")), address(frame, value), value.span)
        return
    access = tree.Member(value.span, type, value, name, False, base.type.record)
    initialize(frame, member_place(frame, base, access), value, value.span)


def _zero_rest(frame: Frame, place: Place, base: Term, given: set[str], span: Span) -> None:
    if place.type.kind != "record":
        return
    for leaf in frame.environment.layouts.parts(place.type) or ():
        if leaf.path and leaf.path[0] not in given:
            write(frame, memory(frame, _at(frame, base, leaf.path, place.type), leaf.type), ZERO, span)


def destroy_later(frame: Frame, home: Term, type: tree.Type, span: Span, destructor: str = "") -> None:
    """Register the destructor of a temporary, which dies at the end of the full expression."""
    function = destructor or frame.environment.destructors.get(type.record, "")
    if type.kind == "record" and function:
        cleanups.push(frame, function, home, span, "destructor of a temporary")


def _initializer(frame: Frame, braces: tree.Initializer) -> Term:
    """A compound literal or braced value: of a scalar or transparent record the value inside."""
    layouts = frame.environment.layouts
    word = layouts.word(braces.type)
    if word is None:
        home = frame.object()
        _fill(frame, memory(frame, home, braces.type), braces)
        return home
    if not braces.items:
        return ZERO
    if len(braces.items) == 1:
        name, value = braces.items[0]
        field = layouts.field(braces.type.record, name) if name else None
        if field is None or (not field.width and field.type.size == word.size):
            return convert(frame.value(value), value.type, _scalar(frame, field.type) if field else word)
    return _packed(frame, braces, word)


def _packed(frame: Frame, braces: tree.Initializer, word: tree.Type) -> Term:
    """Bit-fields (or other views) given one by one: the word they make."""
    from barrierlint.cfg.fold import insert_bits

    whole: Term = ZERO
    for name, value in braces.items:
        term = frame.value(value)
        field = frame.environment.layouts.field(braces.type.record, name)
        whole = insert_bits(whole, term, field.first, field.bits) if field is not None else term
    return whole


def _new(frame: Frame, expression: tree.New) -> Term:
    placement = [frame.value(arg) for arg in expression.placement]
    pointed = expression.type.element or tree.Type("void", "void", "void")
    if placement and expression.placement[0].type.kind in ("pointer", "array"):
        home = placement[0]
    else:
        into = frame.builder.temporary()
        types = ("unsigned long", *(passed(arg.type) for arg in expression.placement))
        size = Const(width(frame, pointed))
        frame.emit(Call("", "operator new", (size, *placement), into, types=types), expression.span)
        frame.builder.split()
        home = Name(into)
    if expression.construct is not None:
        initialize(frame, memory(frame, home, pointed), expression.construct, expression.span)
    return home


def _delete(frame: Frame, expression: tree.Delete) -> Term:
    pointer = frame.value(expression.operand)
    if expression.destructor:
        call_method(frame, expression.destructor, pointer, expression.span, "destructor")
    frame.emit(Call("", "operator delete", (pointer,), types=("void *",)), expression.span)
    frame.builder.split()
    return ZERO


def _braced_place(frame: Frame, braces: tree.Initializer) -> Place:
    """The temporary object a braced value lives in, or its value."""
    term = frame.value(braces)
    if is_object(frame, braces.type):
        return memory(frame, term, braces.type)
    return Place(braces.type, braces.type, value=term, types=(braces.type,))


VALUES.update(
    {
        tree.Initializer: _initializer,
        tree.New: _new,
        tree.Delete: _delete,
    }
)
PLACES.update({tree.Initializer: _braced_place})
