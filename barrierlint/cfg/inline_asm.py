"""Asm statements: operands evaluated as their constraints ask, the decoder's events emitted, outputs bound.

What it does not model: clobbered registers (names are not registers), and asm that jumps to labels after binding
outputs only in part.
"""

from __future__ import annotations

from barrierlint.cfg.accesses import address_of, is_object, read, width, write
from barrierlint.cfg.asm import Decoded, Item, Maybe, Operand, decode_statement
from barrierlint.cfg.fold import convert
from barrierlint.cfg.frame import STATEMENTS, Frame, Place
from barrierlint.cfg.graph import Guard, LooseAsm
from barrierlint.cfg.nodes import peel
from barrierlint.cfg.promotion import pointees, promoted
from barrierlint.cfg.storage import in_memory_only
from barrierlint.events import Call, ContextSync, Dmb, Dsb, Event, Tlbi
from barrierlint.finding import Span
from barrierlint.source import tree
from barrierlint.terms import Name, Term


def _asm(frame: Frame, statement: tree.Asm) -> None:
    bindings: list[tuple[Place, str]] = []
    known: Known = {}
    outputs = [_output(frame, operand, bindings, known) for operand in statement.outputs]
    inputs = [_input(frame, operand, known) for operand in statement.inputs]
    temporary = frame.identity("asm")
    decoded = decode_statement(statement, outputs, inputs, temporary)
    for item in decoded.items:
        _emit_item(frame, item, statement.span, known)
    _note_loose(frame, statement, decoded)
    if statement.labels:
        _labels(frame, statement, decoded)
    for place, name in bindings:
        write(frame, place, convert(Name(name), _REGISTER, place.type), statement.span)
    if decoded.leaves:
        frame.builder.stop()


def _note_loose(frame: Frame, statement: tree.Asm, decoded: Decoded) -> None:
    """Keep a statement that orders something and does not tell the compiler so. Without outputs it is volatile."""
    ordering = tuple(event for event in decoded.events if isinstance(event, _ORDERING))
    lacks = [] if decoded.memory else ["memory"]
    if statement.outputs and not statement.volatile:
        lacks.append("volatile")
    if ordering and lacks:
        frame.loose.append(LooseAsm(statement.span, ordering, tuple(lacks), statement.macro))


Known = dict[Term, tuple[tree.Type, ...]]
"""What the operands that are addresses point to."""

_ORDERING = (Dsb, Dmb, ContextSync, Tlbi)
_REGISTER = tree.Type("unsigned long", "", "integer", 8)


def _output(frame: Frame, operand: tree.AsmOperand, bindings: list[tuple[Place, str]], known: Known) -> Operand:
    expression = operand.expression
    place = frame.place(expression)
    size = width(frame, place.type)
    if in_memory_only(operand.constraint) or is_object(frame, place.type):
        address = address_of(frame, place, expression.span)
        known[address] = place.types
        return Operand(address=address, size=size, constraint=operand.constraint)
    value = read(frame, place, expression.span) if "+" in operand.constraint else None
    into = frame.builder.temporary()
    bindings.append((place, into))
    return Operand(value=value, into=into, size=size, constraint=operand.constraint)


def _input(frame: Frame, operand: tree.AsmOperand, known: Known) -> Operand:
    expression = operand.expression
    size = width(frame, expression.type)
    if in_memory_only(operand.constraint):
        place = frame.place(expression)
        address = address_of(frame, place, expression.span)
        known[address] = place.types
        return Operand(address=address, size=size, constraint=operand.constraint)
    inner = peel(expression)
    if isinstance(inner, tree.Unary) and inner.op == "&" and not isinstance(inner.operand, tree.FunctionReference):
        place = frame.place(inner.operand)
        value = address_of(frame, place, expression.span)
        known[value] = place.types
    else:
        value = frame.value(expression)
        known[value] = pointees(None, expression)
    return Operand(value=value, size=size, constraint=operand.constraint)


def _emit_item(frame: Frame, item: Item, span: Span, known: Known) -> None:
    if not isinstance(item, Maybe):
        _emit(frame, item, span, known)
        return
    builder = frame.builder
    inside, after = builder.new(), builder.new()
    guard = (Guard(item.condition, True, span),) if item.condition is not None else ()
    skip = (Guard(item.condition, False, span),) if item.condition is not None else ()
    builder.edge(builder.current, inside, "true", guard)
    builder.edge(builder.current, after, "false", skip)
    builder.start(inside)
    for event in item.events:
        _emit(frame, event, span, known)
    builder.jump(after)
    builder.start(after)


def _emit(frame: Frame, event: Event, span: Span, known: Known) -> None:
    for one in promoted(frame, (event,), known, None):
        frame.emit(one, span)
    if isinstance(event, Call):
        frame.builder.split()


def _labels(frame: Frame, statement: tree.Asm, decoded: Decoded) -> None:
    """`asm goto`: control may go on at any of its labels."""
    for label in statement.labels:
        frame.gotos.append((frame.builder.current, frame.pending, label, statement.span, "asm goto"))
    frame.builder.split()


STATEMENTS[tree.Asm] = _asm
