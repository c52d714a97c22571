"""Macros of the assembler: how `.macro` declares parameters, and how a use's operands fill them.

Operands are cut as GNU as does: at commas, and at blanks that stand between two words. After `.altmacro`, `%` computes
an operand and parameters are replaced without a backslash too. What it does not model: `<strings>` of `.altmacro`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from barrierlint.cfg.asm_expression import evaluate
from barrierlint.cfg.asm_text import Statement


@dataclass(frozen=True, slots=True)
class Macro:
    """A `.macro`: parameters as (name, default), and its body as text; the last parameter may take `all_the_rest`."""

    parameters: tuple[tuple[str, str], ...]
    body: str
    all_the_rest: bool = False


_PARAMETER = re.compile(r"([A-Za-z_.$][\w.$]*)(?::(\w+))?(?:=(\"[^\"]*\"|[^\s,]*))?")
_BLANKS = re.compile(r"\s*([^\w.$\\%\"'@\s])\s*")
_LOCAL = re.compile(r"^\s*LOCAL\s+(.*)$", re.MULTILINE | re.IGNORECASE)
_WORD = re.compile(r"(?<![\\\w.$%])[A-Za-z_]\w*")
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"?|[^",\s]+|[,\s]')


def declared(statement: Statement, body: str) -> tuple[str, Macro] | None:
    """The name and the macro that a `.macro` statement declares; None if it names none."""
    words = re.sub(r"\s*=\s*", "=", statement.text.partition(" ")[2].strip())
    name, _, rest = re.sub(r"^([\w.$]+)[\s,]*", r"\1 ", words).partition(" ")
    if not name:
        return None
    found = list(_PARAMETER.finditer(rest))
    parameters = tuple((one[1], (one[3] or "").strip('"')) for one in found)
    return name.lower(), Macro(parameters, body, bool(found) and found[-1][2] == "vararg")


def arguments_of(use: Statement) -> list[str]:
    """The operands of a macro's use, as the assembler cuts them."""
    text = use.text.partition(" ")[2].strip()
    quoted: list[str] = []

    def hide(match: re.Match[str]) -> str:
        quoted.append(match[0])
        return f'"{len(quoted) - 1}"'

    text = _BLANKS.sub(r"\1", re.sub(r'"(?:[^"\\]|\\.)*"?', hide, text))
    found: list[str] = []
    current, comma = "", True
    for piece in _PIECE.findall(text):
        if piece == "," or piece.isspace():
            if current or (piece == "," and comma):
                found.append(current)
            current, comma = "", piece == ","
        elif _PIECE.fullmatch(piece) and piece.startswith('"'):
            current += quoted[int(piece.strip('"') or 0)]
        else:
            current += piece
    return [*found, current] if current else found


def instantiate(macro: Macro, use: Statement, serial: int, symbols: Mapping[str, int] | None = None) -> str:
    r"""The body with parameters replaced by the operands of `use`; `serial` is what `\@` stands for, `symbols` are
    given where `.altmacro` holds.
    """
    values: dict[str, str] = {}
    position = 0
    given = arguments_of(use)
    if symbols is not None:
        given = [_computed(one, symbols) for one in given]
    names = [name for name, _ in macro.parameters]
    while given:
        argument = given.pop(0)
        name, equals, value = argument.partition("=")
        if equals and name in names:
            values[name] = value.strip('"')
        elif position < len(names):
            if macro.all_the_rest and position == len(names) - 1:
                argument = ", ".join([argument, *given])
                given.clear()
            elif re.fullmatch(r'"(?:[^"\\]|\\.)*"', argument):
                argument = argument[1:-1]
            values[names[position]] = argument
            position += 1
    bound = {name: values.get(name) or default for name, default in macro.parameters}
    body = macro.body if symbols is None else _localised(macro.body, bound, serial)
    return fill(body, bound, serial)


def _computed(operand: str, symbols: Mapping[str, int]) -> str:
    value = evaluate(operand[1:], symbols) if operand.startswith("%") else None
    return operand if value is None else str(value)


def _localised(body: str, bound: Mapping[str, str], serial: int) -> str:
    """The body with names that `LOCAL` declares made unique, and parameters written bare replaced."""
    local = {name.strip() for match in _LOCAL.finditer(body) for name in match[1].split(",")}
    words = {name: f".LL{serial:04}{name}" for name in local} | dict(bound)
    return _WORD.sub(lambda match: words.get(match[0], match[0]), _LOCAL.sub("", body))


def fill(body: str, bound: Mapping[str, str], serial: int) -> str:
    r"""The body with `\name`, `\@` and `\()` replaced."""

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if name == "@":
            return str(serial)
        if name == "()":
            return ""
        return bound.get(name, match[0])

    return re.sub(r"\\(@|\(\)|[A-Za-z_][\w$]*)", replace, body)


def repetitions(statement: Statement, body: str, count: int | None, limit: int) -> Iterator[str]:
    """The bodies that `.rept`, `.irp` or `.irpc` stands for, at most `limit`."""
    if statement.mnemonic == ".rept":
        for _ in range(min(count or 0, limit)):
            yield body
        return
    words = statement.text.split(None, 1)[1:]
    name, _, rest = re.sub(r"[,\s]+", " ", words[0] if words else "").partition(" ")
    values = list(rest.replace(" ", "")) if statement.mnemonic == ".irpc" else rest.split()
    for value in values[:limit]:
        yield fill(body, {name: value.strip('"')}, 0)
