"""What takes a call's place: events a model declares for a function, and the compiler's builtins and atomics.

Operands of a model are found from the object and the arguments by their types, so `arg0.x` of a transparent record is
its value. What it does not model: effects beyond what model or intrinsic say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from barrierlint.cfg import intrinsics
from barrierlint.cfg.accesses import exemption, memory, read
from barrierlint.cfg.asm import decode_lines
from barrierlint.cfg.fold import ZERO
from barrierlint.cfg.frame import Frame, Place
from barrierlint.cfg.places import member_place
from barrierlint.cfg.promotion import promoted
from barrierlint.events import Access, Assign, Call, DescriptorWrite, Drain, Event, Kind
from barrierlint.finding import Span
from barrierlint.models import AccessModel, FunctionModel, WriteModel
from barrierlint.models import Place as Operand
from barrierlint.source import tree
from barrierlint.terms import Const, Name, Term


@dataclass(frozen=True, slots=True)
class Given:
    """A call with its operands evaluated: terms and types, the object first where there is one.

    `pointees` are the types that what the first operand points to can be known by; `into` receives the result.
    """

    call: tree.CallExpression
    terms: tuple[Term, ...]
    types: tuple[tree.Type, ...]
    has_object: bool
    pointees: tuple[tree.Type, ...]
    into: str | None

    @property
    def result(self) -> Term:
        """The name of the result, 0 if there is none."""
        return Name(self.into) if self.into else ZERO

    @property
    def spellings(self) -> tuple[str, ...]:
        """The spellings of the operands' types, `T *` where an address is passed."""
        if not self.has_object:
            return tuple(passed(type) for type in self.types)
        object = self.types[0]
        pointer = object.spelling if object.kind == "pointer" else f"{object.spelling} *"
        return (pointer, *(passed(type) for type in self.types[1:]))


def passed(type: tree.Type) -> str:
    """The spelling of what an argument of `type` is passed as: arrays decay."""
    if type.kind == "array" and type.element is not None:
        return f"{type.element.spelling} *"
    return type.spelling


def _known(given: Given) -> dict[Term, tuple[tree.Type, ...]]:
    return {given.terms[0]: given.pointees} if given.terms else {}


# --- models ------------------------------------------------------------------------------------------------------


def lower_modelled(frame: Frame, given: Given, model: FunctionModel | None) -> bool:
    """Emit what a model says of the function called; False if it replaces nothing, or only where no unit has a body."""
    if model is None or not model.replaces(has_body=bool(given.call.callee)):
        return False
    note, span = f"from the model {model.name}", given.call.span
    bound = False
    if model.writes is not None:
        bound = _write(frame, given, model, model.writes, note)
    if model.access is not None:
        bound = _access(frame, given, model.access, note) or bound
    for event in said(model, given.terms[given.has_object :], frame.identity):
        frame.emit(event, span, note)
    if given.into and not bound:
        frame.emit(Assign(given.into, frame.unknown("result")), span, note)
    if model.noreturn:
        frame.builder.stop()
    return True


def said(model: FunctionModel, arguments: tuple[Term, ...], identity: Callable[[str], str]) -> Iterator[Event]:
    """The instructions and the drain a model declares for a function; `identity` gives fresh ids."""
    for text in model.does:
        yield from decode_lines(text, arguments, identity("model"))
    if model.drain:
        yield Drain(model.drain)


def _write(frame: Frame, given: Given, model: FunctionModel, write: WriteModel, note: str) -> bool:
    """Emit a modelled descriptor write; True if it binds the result."""
    location = operand(frame, given, write.location)
    value = operand(frame, given, write.value) if write.value else frame.unknown("written")
    old = operand(frame, given, write.old) if write.old else None
    returns = write.op != "write" and given.into is not None
    event = DescriptorWrite(
        location,
        value,
        write.transition,
        old=old,
        maps=operand(frame, given, write.maps) if write.maps else None,
        length=operand(frame, given, write.length) if write.length else None,
        order=write.order,
        op={"exchange": "swap", "compare-exchange": "cas"}.get(write.op, ""),
        into=given.into if returns else None,
        expected=old if write.op == "compare-exchange" else None,
        evidence=(f"the model {model.name} says that {model.match} writes a descriptor",),
        exempt=model.exempt or exemption(frame, ()),
    )
    frame.emit(event, given.call.span, note)
    return returns


def _access(frame: Frame, given: Given, access: AccessModel, note: str) -> bool:
    """Emit a modelled access, which types may show to be of a descriptor; True if it binds the result."""
    address = operand(frame, given, access.location)
    value = operand(frame, given, access.value) if access.value else frame.unknown("written")
    old = operand(frame, given, access.old) if access.old else None
    kind = {"read": Kind.READ, "write": Kind.WRITE}.get(access.op, Kind.RMW)
    op = {"read": "", "write": "", "exchange": "swap", "compare-exchange": "cas"}.get(access.op, access.op)
    into = given.into if kind is not Kind.WRITE else None
    event = Access(kind, address, None if kind is Kind.READ else value, into, access.order, access.size, op, old)
    for one in promoted(frame, (event,), _known(given), given.into):
        frame.emit(one, given.call.span, note)
    return into is not None


def operand(frame: Frame, given: Given, wanted: Operand) -> Term:
    """The term a model's `wanted` stands for; loads on its path are accesses of their own."""
    place = _base(frame, given, wanted)
    if place is None:
        return frame.unknown(wanted.spelling or "operand")
    span = given.call.span
    for step in wanted.path:
        if step == "*":
            place = _pointed(frame, place, span)
        elif step.startswith("->"):
            place = _member(frame, _pointed(frame, place, span), step[2:], span)
        else:
            place = _member(frame, place, step.removeprefix("."), span)
    return read(frame, place, span)


def _base(frame: Frame, given: Given, wanted: Operand) -> Place | None:
    if wanted.base == "const":
        return _value(Const(wanted.index), _LONG)
    if wanted.base == "result":
        return _value(given.result, given.call.type)
    index = 0 if wanted.base == "this" else wanted.index + given.has_object
    if index >= len(given.terms) or (wanted.base == "this" and not given.has_object):
        return None
    type = given.types[index]
    if type.kind == "record" and wanted.base == "this":
        type = tree.Type(f"{type.spelling} *", "", "pointer", 8, element=type)
    if type.kind == "record" and frame.environment.layouts.word(type) is None:
        return memory(frame, given.terms[index], type)
    return _value(given.terms[index], type)


_LONG = tree.Type("unsigned long", "", "integer", 8)


def _value(term: Term, type: tree.Type) -> Place:
    return Place(type, type, value=term, types=(type,))


def _pointed(frame: Frame, place: Place, span: Span) -> Place:
    return memory(frame, read(frame, place, span), place.type.element or _LONG)


def _member(frame: Frame, base: Place, name: str, span: Span) -> Place:
    field = frame.environment.layouts.field(base.type.record, name)
    type = field.type if field is not None else _LONG
    node = tree.Member(span, type, tree.Integer(span, type, 0), name, False, base.type.record)
    return member_place(frame, base, node)


# --- intrinsics --------------------------------------------------------------------------------------------------


def lower_intrinsic(frame: Frame, given: Given) -> bool:
    """Emit what a builtin, intrinsic or atomic operation does; False if the call is none."""
    call, span = given.call, given.call.span
    strings = tuple(arg.value if isinstance(arg, tree.Text) else None for arg in call.args)
    prefix = frame.identity(call.qualified.rpartition("::")[2])
    events = intrinsics.lower(
        call.qualified, given.terms, types=given.types, into=given.into, strings=strings, temporary=prefix
    )
    if events is None:
        return False
    for event in promoted(frame, events, _known(given), given.into):
        frame.emit(event, span)
        if isinstance(event, Call):
            frame.builder.split()
    if given.into and not any(_binds(event, given.into) for event in events):
        frame.emit(Assign(given.into, frame.unknown("result")), span)
    return True


def _binds(event: Event, into: str) -> bool:
    return getattr(event, "into", None) == into or (isinstance(event, Assign) and event.name == into)
