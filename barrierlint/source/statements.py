"""Statements of the tree from libclang's; errors inside a block become Lost statements where they are.

Absent parts of loop headers are known from the print of the function. It does not model OpenMP or coroutines.
"""

from __future__ import annotations

import re

from barrierlint.finding import Span
from barrierlint.source import clang_c
from barrierlint.source.alignment import alignment
from barrierlint.source.clang_c import Cursor, statement_identity
from barrierlint.source.declarations import condition_variable, declaration, declarations
from barrierlint.source.reading import STATEMENTS, Reading, is_expression, operands
from barrierlint.source.tree import (
    Asm,
    AsmOperand,
    Case,
    Compound,
    Do,
    Expression,
    Goto,
    Handler,
    If,
    Integer,
    Jump,
    Label,
    Lost,
    Return,
    Statement,
    Switch,
    Try,
)

_VAR, _DECL_STMT, _NULL = 9, 231, 230
_BLANK = re.compile(rb"\s+")
_WORD = re.compile(rb"[A-Za-z_]\w*")


def compound(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read `{ … }`."""
    span = reading.span(cursor)
    parts = clang_c.children(cursor)
    errors = reading.mistakes_in(cursor) if reading.mistakes else []
    body: list[Statement] = []
    if errors:
        body = _with_losses(reading, errors, parts)
    else:
        for part in parts:
            body += reading.statements(part)
    end = Span(span.path, span.end_line, max(1, span.end_column - 1), span.end_line, span.end_column)
    return [Compound(span, tuple(body), end)]


def _with_losses(reading: Reading, errors: list[int], parts: list[Cursor]) -> list[Statement]:
    """The statements of a block with a Lost after (or in place of) each that has an error in it."""
    extents = [reading.places.offsets(part) for part in parts]
    placed: list[tuple[int, int, Statement]] = []
    for part, (_, _, end) in zip(parts, extents, strict=True):
        placed += [(end, 0, one) for one in reading.statements(part)]
    for number in errors:
        if number not in reading.current.handled:
            reading.current.handled.add(number)
            mistake = reading.mistakes[number]
            ends = [last for _, first, last in extents if first <= mistake.offset < last]
            placed.append((max([mistake.offset, *ends]), 1, Lost(mistake.span, mistake.message)))
    placed.sort(key=lambda item: item[:2])
    return [statement for _, _, statement in placed]


def if_(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read `if`; where the condition is constant and the dead branch has no label, only the other branch is read."""
    span = reading.span(cursor)
    parts = clang_c.children(cursor)
    init = _header(reading, parts, _has_init(reading, parts))
    if not parts:
        return [Lost(span, "if without parts")]
    condition = reading.expression(parts[0])
    if isinstance(condition, Integer):
        taken, dead = (parts[1:2], parts[2:3]) if condition.value else (parts[2:3], parts[1:2])
        if not any(_has_label(part) for part in dead):
            body = reading.statement(taken[0]) if taken else Compound(span, ())
            return [If(span, init, condition, body, None)] if condition.value else [_else(span, init, condition, body)]
    then = reading.statement(parts[1]) if len(parts) > 1 else Compound(span, ())
    otherwise = reading.statement(parts[2]) if len(parts) > 2 else None
    return [If(span, init, condition, then, otherwise)]


def _else(span: Span, init: Statement | None, condition: Expression, body: Statement) -> Statement:
    return If(span, init, condition, Compound(span, ()), body)


def _header(reading: Reading, parts: list[Cursor], has_init: bool) -> Statement | None:
    """Take the initialising statement and the declared condition off the front of `parts`."""
    found: list[Statement] = []
    declared = parts.pop(0) if parts and parts[0].kind == _VAR else None
    if has_init and parts:
        found += reading.statements(parts.pop(0))
    if parts and declared is None and parts[0].kind == _VAR:
        declared = parts.pop(0)
    if declared is not None:
        found.append(declaration(reading, declared))
    if not found:
        return None
    return found[0] if len(found) == 1 else Compound(found[0].span, tuple(found))


def _has_init(reading: Reading, parts: list[Cursor]) -> bool:
    """Whether an `if` starts with `init;`."""
    rest = parts[1:] if parts and parts[0].kind == _VAR else parts
    if rest and rest[0].kind in (_DECL_STMT, _NULL):
        return True
    if len(rest) < 3 or not is_expression(rest[0]) or not is_expression(rest[1]):
        return False
    file, _, end = reading.places.offsets(rest[0])
    between = reading.source(file)[end : reading.places.offsets(rest[1])[1]]
    return b";" in between and b")" not in between


def _has_label(cursor: Cursor) -> bool:
    """Whether control can enter `cursor` from outside: a label or case inside."""
    stack = [cursor]
    while stack:
        part = stack.pop()
        if part.kind in (201, 203, 204):
            return True
        if not is_expression(part) or part.kind == 121:
            stack.extend(clang_c.children(part))
    return False


def switch(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read `switch`; libclang 18 does not show its `init;`, whose variable is found by its use."""
    span = reading.span(cursor)
    parts = clang_c.children(cursor)
    init = _header(reading, parts, bool(parts) and parts[0].kind == _DECL_STMT)
    if len(parts) != 2:
        return [
            Lost(span, "switch without value or body", tuple(reading.expression(part) for part in operands(cursor)))
        ]
    if init is None and reading.cxx:
        init = condition_variable(reading, cursor, parts[0])
    return [Switch(span, init, reading.expression(parts[0]), reading.statement(parts[1]))]


def case(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read `case low:` or `case low ... high:`."""
    parts = clang_c.children(cursor)
    bounds = parts[:-1]
    body = reading.statement(parts[-1]) if parts else None
    values = [clang_c.evaluate(part) for part in bounds]
    low = values[0] if values else None
    if low is None:
        return [Lost(reading.span(cursor), "case whose value is not constant"), *([body] if body else [])]
    return [Case(reading.span(cursor), low, values[-1] if len(values) > 1 else low, body)]


def default(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read `default:`."""
    parts = clang_c.children(cursor)
    return [Case(reading.span(cursor), None, None, reading.statement(parts[-1]) if parts else None)]


def do(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read `do body while (condition);`."""
    parts = clang_c.children(cursor)
    if len(parts) != 2:
        return [Lost(reading.span(cursor), "do without body or condition")]
    return [Do(reading.span(cursor), reading.statement(parts[0]), reading.expression(parts[1]))]


def label(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read `name: body`."""
    parts = clang_c.children(cursor)
    body = reading.statement(parts[-1]) if parts else None
    name = clang_c.spelling(cursor)
    return [Label(reading.span(cursor), name, body)]


def goto(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read `goto name;`."""
    names = [clang_c.spelling(part) for part in clang_c.children(cursor) if part.kind == 48]
    if not names:
        return [Lost(reading.span(cursor), "goto without a label")]
    return [Goto(reading.span(cursor), names[0])]


def indirect_goto(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read `goto *value;`."""
    inner = operands(cursor)
    return [Goto(reading.span(cursor), None, reading.expression(inner[0]) if inner else None)]


def jump(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read `break` and `continue`."""
    return [Jump(reading.span(cursor), "continue" if cursor.kind == 212 else "break")]


def return_(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read `return`."""
    inner = operands(cursor)
    return [Return(reading.span(cursor), reading.expression(inner[0]) if inner else None)]


def asm(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read an asm statement: its text from the print, its operands from the tree."""
    span = reading.span(cursor)
    values = tuple(reading.expression(part) for part in operands(cursor))
    printed = alignment(reading).asms.get(statement_identity(cursor))
    if printed is None:
        reading.note("lost-asm", "the text of this asm statement could not be recovered", span)
        return [Lost(span, "asm", values)]
    named = (*printed.outputs, *printed.inputs)
    if len(named) != len(values):
        reading.note("lost-asm", "the operands of this asm statement could not be matched", span)
        return [Lost(span, printed.template, values)]
    made = tuple(AsmOperand(one.name, one.constraint, value) for one, value in zip(named, values, strict=True))
    split = len(printed.outputs)
    made_of = made[:split], made[split:], printed.clobbers, printed.labels, printed.volatile
    return [Asm(span, printed.template, *made_of, _macro(reading, cursor))]


def _macro(reading: Reading, cursor: Cursor) -> str:
    """The name of the macro that an asm statement is written by: what stands where it begins."""
    file, start, _ = reading.places.offsets(cursor)
    word = _WORD.match(reading.source(file), start)
    name = word[0].decode() if word else ""
    return "" if name in ("asm", "__asm", "__asm__") else name


def try_(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read `try` with its handlers."""
    parts = clang_c.children(cursor)
    if not parts:
        return [Lost(reading.span(cursor), "try without body")]
    handlers = tuple(_handler(reading, part) for part in parts[1:] if part.kind == 223)
    return [Try(reading.span(cursor), reading.statement(parts[0]), handlers)]


def _handler(reading: Reading, cursor: Cursor) -> Handler:
    parts = clang_c.children(cursor)
    variable = reading.names.variable(parts[0]) if parts and parts[0].kind == _VAR else None
    body = reading.statement(parts[-1]) if parts else Compound(reading.span(cursor), ())
    return Handler(reading.span(cursor), variable, variable.type if variable else None, body)


def attributed(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read a statement with attributes: the statement."""
    parts = [part for part in clang_c.children(cursor) if is_expression(part) or 200 <= part.kind < 300]
    if len(parts) == 1:
        return reading.statements(parts[0])
    span = reading.span(cursor)
    reading.note("lost-statement", "libclang does not say what this statement is", span)
    return [Lost(span, "statement", tuple(reading.expression(part) for part in operands(cursor)))]


def nothing(_reading: Reading, _cursor: Cursor) -> list[Statement]:
    """Read `;`."""
    return []


STATEMENTS.update({200: attributed, 201: label, 202: compound, 203: case, 204: default, 205: if_, 206: switch})
STATEMENTS.update({208: do, 210: goto, 211: indirect_goto, 212: jump, 213: jump})
STATEMENTS.update({214: return_, 215: asm, 224: try_, 230: nothing, 231: declarations})
