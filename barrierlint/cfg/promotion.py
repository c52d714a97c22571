"""Accesses that an instruction or intrinsic makes, typed by what their operand points to, and made descriptor writes
where that is one.

Of a compare-exchange `into` tells whether it wrote; a fetch-and-operate is the read of the old value and the write of
the new one. What it does not model: an address computed from an operand by more than a constant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from barrierlint.cfg.accesses import exemption, is_own
from barrierlint.cfg.descriptors import plain_name
from barrierlint.cfg.fold import SCALARS, apply
from barrierlint.cfg.frame import Frame, Place
from barrierlint.cfg.nodes import peel
from barrierlint.events import Access, Assign, DescriptorWrite, Event, Kind
from barrierlint.source import tree
from barrierlint.terms import Apply, Const, Name, Term

Types = tuple[tree.Type, ...]


def promoted(frame: Frame, events: Sequence[Event], known: Mapping[Term, Types], result: str | None) -> Iterator[Event]:
    """`events` with accesses typed by `known` (what each address points to), writes of descriptors made such.

    `result` is the name the whole operation's result is bound to.
    """
    rest = list(events)
    while rest:
        event = rest.pop(0)
        types = known.get(_base(event.address), ()) if isinstance(event, Access) else ()
        if not isinstance(event, Access) or not types:
            yield event
            continue
        found = next((type for type in types if frame.environment.descriptors.evidence(type)), None)
        shown = found or types[-1]
        event = replace(event, type=plain_name(shown) if shown.kind in (*SCALARS, "record") else "")
        if found is None or event.kind is Kind.READ or event.size != 8 or is_own(frame, event.address):
            yield event
            continue
        evidence = frame.environment.descriptors.evidence(found)
        write = DescriptorWrite(
            event.address,
            event.value if event.value is not None else frame.unknown("written"),
            order=event.order,
            op=event.op,
            into=event.into,
            size=event.size,
            evidence=evidence.reasons if evidence else (),
            exempt=exemption(frame, types),
        )
        if event.op == "cas":
            yield from _exchanged_if(frame, event, write, rest, result)
        else:
            yield from _written(frame, event, write)


def _base(address: Term) -> Term:
    """`address` without a constant added."""
    while isinstance(address, Apply) and address.op in ("+", "-") and isinstance(address.args[1], Const):
        address = address.args[0]
    return address


_COMPUTED = {"add": "+", "sub": "-", "or": "|", "and": "&", "xor": "^"}


def _written(frame: Frame, event: Access, write: DescriptorWrite) -> Iterator[Event]:
    """A store, an exchange, or a fetch-and-operate on a descriptor."""
    if event.kind is Kind.WRITE or event.op in ("swap", "exclusive"):
        yield write
        return
    old = event.into or frame.builder.temporary()
    yield Access(Kind.READ, event.address, None, old, event.order, event.size, type=event.type)
    new: Term = frame.unknown("new")
    if event.op in _COMPUTED:
        new = apply(_COMPUTED[event.op], Name(old), write.value)
    elif event.op == "andnot":
        new = apply("&", Name(old), apply("~", write.value))
    elif event.op == "nand":
        new = apply("~", apply("&", Name(old), write.value))
    yield replace(write, value=new, old=Name(old), into=None)


def _exchanged_if(
    frame: Frame, event: Access, write: DescriptorWrite, rest: list[Event], result: str | None
) -> Iterator[Event]:
    """A compare-exchange of a descriptor: one write whose `into` tells whether it happened; the old value follows."""
    old = event.into or frame.builder.temporary()
    told = result if result and old != result and _tests(rest, result) else frame.builder.temporary()
    yield replace(write, old=event.expected, into=told, expected=event.expected)
    other = frame.unknown("old")
    yield Assign(old, apply("?:", Name(told), event.expected, other) if event.expected is not None else other)
    rest[:] = [one for one in rest if not (isinstance(one, Assign) and one.name == told)]


def _tests(rest: list[Event], result: str) -> bool:
    return any(isinstance(one, Assign) and one.name == result for one in rest)


def pointees(place: Place | None, expression: tree.Expression) -> tuple[tree.Type, ...]:
    """The types of what an operand points to, also under casts; `place` is known where it was written `&x`."""
    type = expression.type
    if place is not None:
        return place.types
    if type.kind not in ("pointer", "reference", "array") or type.element is None:
        return (type,) if type.kind == "record" else ()
    inner = peel(expression).type.element
    cast = inner is not None and inner.size == type.element.size and inner != type.element
    return (inner, type.element) if cast and inner is not None else (type.element,)
