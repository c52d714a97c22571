"""Reads and writes of places, and what their types say of them.

Bit-fields are shifts and masks of the word around them, written by read-modify-write (note `bit-field`). Stores whose
lvalue is a descriptor become `DescriptorWrite`s, except into the function's own objects, and through `this`, which may
be a copy or an entry (the data flow tells). What it does not model: how a compiler splits or merges accesses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from barrierlint.cfg.descriptors import plain_name
from barrierlint.cfg.fold import extract_bits, insert_bits
from barrierlint.cfg.frame import Frame, Place
from barrierlint.cfg.graph import THIS
from barrierlint.events import Access, Assign, DescriptorWrite, Kind, Order
from barrierlint.finding import Span
from barrierlint.source import tree
from barrierlint.terms import AddressOf, Element, Field, Name, Term


def memory(frame: Frame, address: Term, type: tree.Type) -> Place:
    """The object of `type` at `address`."""
    if type.kind == "reference" and type.element is not None:
        type = type.element
    return Place(type, type, address=address, volatile=type.volatile, atomic=type.atomic, types=(type,))


def is_object(frame: Frame, type: tree.Type) -> bool:
    """True where a value of `type` is known by its address: arrays, functions, and records that are not transparent."""
    return type.kind in ("array", "function") or (
        type.kind == "record" and frame.environment.layouts.word(type) is None
    )


def read(frame: Frame, place: Place, span: Span) -> Term:
    """The value in `place` (of an object its address), read by an `Access` where it is in memory."""
    if place.address is not None and is_object(frame, place.type) and place.bits is None:
        return place.address
    cell = _read_cell(frame, place, span)
    if place.bits is None:
        return cell
    first, width = place.bits
    return extract_bits(cell, first, width, place.bits_signed)


def _read_cell(frame: Frame, place: Place, span: Span) -> Term:
    if place.value is not None:
        return place.value
    if place.address is None:
        return frame.bound.get(place.register, Name(place.register))
    into = frame.builder.temporary()
    event = Access(
        Kind.READ,
        place.address,
        into=into,
        order=order(place),
        size=width(frame, place.cell),
        type=type_name(frame, place),
    )
    frame.emit(event, span)
    return Name(into)


def write(frame: Frame, place: Place, value: Term, span: Span, old: Term | None = None, note: str = "") -> None:
    """Store `value` (of the place's type) into `place`; `old` is what it held, where that was just read."""
    if place.bits is not None:
        cell = _read_cell(frame, place, span)
        whole = replace(place, bits=None)
        write(frame, whole, insert_bits(cell, value, *place.bits), span, cell, "bit-field")
    elif place.register:
        frame.bound.pop(place.register, None)
        frame.emit(Assign(place.register, value), span, note)
    elif place.address is not None:
        _store(frame, place, place.address, value, span, old, note)


def _store(frame: Frame, place: Place, address: Term, value: Term, span: Span, old: Term | None, note: str) -> None:
    evidence = _evidence(frame, place)
    size = width(frame, place.cell)
    if evidence and not is_own(frame, address):
        exempt = exemption(frame, place.types)
        event = DescriptorWrite(
            address, value, old=old, order=order(place), size=size, evidence=evidence, exempt=exempt
        )
        frame.emit(event, span, note)
    else:
        name = type_name(frame, place)
        frame.emit(Access(Kind.WRITE, address, value, order=order(place), size=size, type=name), span, note)


def _evidence(frame: Frame, place: Place) -> tuple[str, ...]:
    for type in place.types:
        found = frame.environment.descriptors.evidence(type)
        if found is not None:
            return found.reasons
    return ()


def exemption(frame: Frame, types: Iterable[tree.Type]) -> str:
    """Why a model says that a descriptor write here, to a location of `types`, owes nothing; "" if it does."""
    models = frame.environment.models
    reasons = (models.exempt_type(plain_name(type), type.spelling) for type in types)
    return models.exempt_function(frame.function.qualified) or next((reason for reason in reasons if reason), "")


def is_own(frame: Frame, address: Term) -> bool:
    """True for the function's own objects and what `this` points to, unless calls show that to be a table entry:
    values in the making.
    """
    while isinstance(address, Field | Element):
        address = address.base
    if address == Name(THIS):
        return frame.function.usr not in frame.environment.entries
    return isinstance(address, AddressOf) and address.kind == "local"


def order(place: Place) -> Order:
    """The ordering the language gives to a plain access of `place` (C17 6.5.16.2, 5.1.2.3)."""
    if place.atomic:
        return Order.SEQ_CST
    return Order.VOLATILE if place.volatile else Order.PLAIN


def width(frame: Frame, type: tree.Type) -> int:
    """The bytes an access of `type` moves."""
    if type.kind == "reference":
        return 8  # clang gives the referent's size
    record = frame.environment.layouts.record(type)
    return type.size or (record.size if record is not None else 0) or 8


def type_name(frame: Frame, place: Place) -> str:
    """The spelling that says most of the place: the first type known as a descriptor, else the lvalue's type as
    written.
    """
    for type in place.types:
        if frame.environment.descriptors.evidence(type) is not None:
            return plain_name(type)
    return plain_name(place.cell)


def address_of(frame: Frame, place: Place, span: Span) -> Term:
    """The address of `place`; a value is first stored in a temporary object."""
    if place.address is not None and (place.bits is None or place.value is None):
        return place.address
    home = frame.object()
    write(
        frame,
        Place(place.type, place.type, address=home, types=(place.type,)),
        read(frame, place, span),
        span,
        note="temporary",
    )
    return home
