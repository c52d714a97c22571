"""Lvalues: where the objects are that expressions denote.

A transparent record's member that fills it is at the record's own address; other members are `Field`s. `*(T *)&x` is
x, accessed as a T. What it does not model: the layout of bases other than the first.
"""

from __future__ import annotations

from dataclasses import replace

from barrierlint.cfg.accesses import address_of, is_object, memory, read, width
from barrierlint.cfg.fold import element
from barrierlint.cfg.frame import PLACES, Frame, Place
from barrierlint.cfg.nodes import peel
from barrierlint.cfg.records import is_anonymous
from barrierlint.source import tree
from barrierlint.terms import AddressOf, Const, Field, Term

_STATIC = frozenset({"static", "global", "member"})


def own_storage(frame: Frame, variable: tree.Variable) -> Place:
    """The storage of `variable` itself: of a reference where its address is kept."""
    type = variable.type
    copy = frame.environment.captures.name(frame.function.usr, variable.id)
    if copy:
        return memory(frame, AddressOf(copy), type)
    if variable.kind in _STATIC:
        return replace(memory(frame, AddressOf(variable.id, "global"), type), type=type, cell=type)
    if in_memory(frame, variable):
        return replace(memory(frame, AddressOf(variable.id), type), type=type, cell=type)
    return Place(type, type, register=variable.id, types=(type,))


def in_memory(frame: Frame, variable: tree.Variable) -> bool:
    """True where the local or parameter has an address."""
    type = variable.type
    if frame.environment.captures.name(frame.function.usr, variable.id):
        return True
    return variable.id in frame.environment.in_memory or is_object(frame, type) or type.volatile or type.atomic


def address(frame: Frame, expression: tree.Expression) -> Term:
    """The address of the object `expression` denotes or makes."""
    return address_of(frame, frame.place(expression), expression.span)


def dereference(frame: Frame, pointer: tree.Expression, type: tree.Type) -> Place:
    """The object `pointer` points to, as an lvalue of `type`."""
    inner = peel(pointer)
    if isinstance(inner, tree.Unary) and inner.op == "&":
        return _reinterpret(frame, inner.operand, type)
    place = memory(frame, frame.value(pointer), type)
    entry = frame.environment.entries.get(frame.function.usr) if isinstance(inner, tree.This) else None
    if entry is not None:
        return replace(place, types=(entry, type))
    pointed = inner.type.element
    if pointed is None or inner is pointer or width(frame, pointed) != width(frame, type):
        return place
    return replace(place, types=(pointed, type))  # a cast does not hide what the pointer pointed to


def _reinterpret(frame: Frame, operand: tree.Expression, type: tree.Type) -> Place:
    """`*(T *)&x`, as READ_ONCE and WRITE_ONCE write it: x accessed as a T, still known by what x is."""
    place = frame.place(operand)
    if place.address is None or place.bits is not None:
        return memory(frame, address_of(frame, place, operand.span), type)
    types = (*place.types, type) if width(frame, place.cell) == width(frame, type) else (type,)
    return Place(
        type, type, address=place.address, volatile=type.volatile or place.volatile, atomic=type.atomic, types=types
    )


def member_place(frame: Frame, base: Place, expression: tree.Member) -> Place:
    """Member `expression.name` of the record at `base`."""
    layouts = frame.environment.layouts
    owner = base.type.record or expression.record
    field = layouts.field(owner, expression.name) or layouts.field(expression.record, expression.name)
    type = field.type if field is not None and field.type.kind == "reference" else expression.type
    if expression.bits is not None or (field is not None and field.width):
        first, bits = (field.first, field.width) if field is not None and field.width else expression.bits or (0, 0)
        return _bit_field(frame, base, type, first, bits)
    word = layouts.word(base.type)
    filling = word is not None and (
        is_anonymous(expression.name) or (type.size or word.size) == width(frame, base.type)
    )
    if filling:
        place = replace(base, type=type, cell=base.cell if base.bits else type, types=(*base.types, type))
    elif base.address is not None:
        unnamed = is_anonymous(expression.name)
        home = base.address if unnamed else Field(base.address, expression.name)
        place = replace(memory(frame, home, type), types=(type,))
    else:
        first = field.first if field is not None else 0
        return _part(base, type, first)
    place = replace(place, volatile=base.volatile or type.volatile, atomic=type.atomic)
    if type.kind == "reference":
        return memory(frame, read(frame, replace(place, type=type, cell=type), expression.span), type)
    return place


def _bit_field(frame: Frame, base: Place, type: tree.Type, first: int, bits: int) -> Place:
    outer = base.bits[0] if base.bits else 0
    if base.address is None or frame.environment.layouts.word(base.type) is not None:
        return replace(base, type=type, bits=(outer + first, bits), bits_signed=type.signed)
    unit = max(8 * type.size, 8)
    cell = replace(type, name=type.name or type.spelling)
    home = Field(base.address, f"bits{first // unit * unit}")
    place = replace(memory(frame, home, cell), type=type, bits=(first % unit, bits), bits_signed=type.signed)
    return replace(place, volatile=base.volatile or type.volatile)


def _part(base: Place, type: tree.Type, first: int) -> Place:
    """A member that fills only part of a record held as a value."""
    outer = base.bits[0] if base.bits else 0
    return replace(base, type=type, bits=(outer + first, 8 * type.size), bits_signed=type.signed)


def _reference(frame: Frame, expression: tree.Reference) -> Place:
    place = own_storage(frame, expression.variable)
    if place.type.kind == "reference":
        return memory(frame, read(frame, place, expression.span), expression.variable.type)
    return place


def _member(frame: Frame, expression: tree.Member) -> Place:
    if not expression.arrow:
        return member_place(frame, frame.place(expression.base), expression)
    pointer = expression.base
    element_type = pointer.type.element or tree.Type("", "", "record", record=expression.record)
    return member_place(frame, dereference(frame, pointer, element_type), expression)


def _subscript(frame: Frame, expression: tree.Subscript) -> Place:
    whole = peel(expression.base)
    inside = frame.place(whole) if whole.type.kind == "array" else None
    base = frame.value(expression.base) if inside is None else inside.address
    index = frame.value(expression.index)
    if inside is not None and base is None:
        return _element_of_value(frame, inside, index, expression.type)
    base = base if base is not None else frame.unknown("array")
    place = memory(frame, element(base, index, width(frame, expression.type)), expression.type)
    return replace(place, volatile=place.volatile or (whole.type.kind == "array" and whole.type.volatile))


def _element_of_value(frame: Frame, whole: Place, index: Term, type: tree.Type) -> Place:
    """An element of an array inside a transparent record held as a value."""
    if whole.type.size <= type.size:
        return replace(whole, type=type, cell=type, types=(*whole.types, type))
    if isinstance(index, Const):
        return _part(whole, type, 8 * type.size * index.value)
    return Place(type, type, value=frame.unknown("element"), types=(type,))


def _unary(frame: Frame, expression: tree.Unary) -> Place:
    match expression.op:
        case "*":
            return dereference(frame, expression.operand, expression.type)
        case "++x" | "--x":
            frame.value(expression)
            return frame.place(expression.operand)
        case "__extension__" | "__real__" | "__real":
            return frame.place(expression.operand)
    return Place(expression.type, expression.type, value=frame.value(expression), types=(expression.type,))


def _cast(frame: Frame, expression: tree.Cast) -> Place:
    """A conversion keeps the location where it keeps the object: casts to references, among classes, of qualifiers."""
    source, target = expression.operand.type, expression.type
    if target.kind == "reference" and target.element is not None:
        return _retyped(frame, frame.place(expression.operand), target.element)
    if target.kind in ("record", "array", "function") or target.spelling == source.spelling:
        return _retyped(frame, frame.place(expression.operand), target)
    return Place(target, target, value=frame.value(expression), types=(target,))


def _retyped(frame: Frame, place: Place, type: tree.Type) -> Place:
    if place.bits is not None or place.register or type.spelling == place.type.spelling:
        return replace(place, type=type if place.bits is None else place.type)
    if place.address is None:
        return replace(place, type=type, cell=type)
    same = width(frame, type) == width(frame, place.cell)
    types = (*place.types, type) if same else (type,)
    return replace(place, type=type, cell=type, types=types, volatile=place.volatile or type.volatile)


def _assignment(frame: Frame, expression: tree.Assignment) -> Place:
    frame.value(expression)
    return frame.place(expression.target)


def _binary(frame: Frame, expression: tree.Binary) -> Place:
    if expression.op == ",":
        frame.effect(expression.left)
        return frame.place(expression.right)
    return Place(expression.type, expression.type, value=frame.value(expression), types=(expression.type,))


def _text(frame: Frame, expression: tree.Text) -> Place:
    return memory(frame, frame.value(expression), expression.type)


PLACES.update(
    {
        tree.Reference: _reference,
        tree.Member: _member,
        tree.Subscript: _subscript,
        tree.Unary: _unary,
        tree.Cast: _cast,
        tree.Assignment: _assignment,
        tree.Binary: _binary,
        tree.Text: _text,
    }
)
