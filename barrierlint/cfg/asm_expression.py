"""Absolute expressions of the assembler: integers, symbols with known values, operators.

Operators bind as in GNU as and LLVM's AsmParser, not as in C: `1 << n - 1` is `(1 << n) - 1`, and `|` and `&` bind more
tightly than `+` and comparisons (GNU as manual, Infix Operators). Returns None for anything that is not a known number
(labels, relocations). What it does not model: floating point and `.` (the location).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping

_TOKEN = re.compile(
    r"\s*((?:0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)(?:[uU]?[lL]{0,2}(?![\w.$]))?|'(?:\\.|[^\\'])'?|[A-Za-z_.$\\][\w.$]*|<<|>>|<=|>=|==|!=|<>|&&|\|\||[-+*/%&|^~!()<>])"
)

_ESCAPED = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\\\": "\\", "\\'": "'", "\\0": "\0", "\\b": "\b", "\\f": "\f"}

_BINARY: dict[str, tuple[int, Callable[[int, int], int]]] = {
    "||": (1, lambda a, b: int(bool(a or b))),
    "&&": (2, lambda a, b: int(bool(a and b))),
    "|": (5, operator.or_),
    "^": (5, operator.xor),
    "&": (5, operator.and_),
    "==": (3, lambda a, b: int(a == b)),
    "!=": (3, lambda a, b: int(a != b)),
    "<>": (3, lambda a, b: int(a != b)),
    "<": (3, lambda a, b: int(a < b)),
    ">": (3, lambda a, b: int(a > b)),
    "<=": (3, lambda a, b: int(a <= b)),
    ">=": (3, lambda a, b: int(a >= b)),
    "<<": (6, lambda a, b: a << b if 0 <= b < 128 else 0),
    ">>": (6, lambda a, b: a >> b if b >= 0 else 0),
    "+": (4, operator.add),
    "-": (4, operator.sub),
    "*": (6, operator.mul),
    "/": (6, lambda a, b: int(a / b) if abs(a) < 1 << 52 else a // b),
    "%": (6, operator.mod),
}


def evaluate(text: str, symbols: Mapping[str, int] | None = None) -> int | None:
    """Return the value of `text` (a leading `#` is ignored), or None if it is not a known number. Never raises."""
    text = text.strip().removeprefix("#").removeprefix(":")
    if len(text) > 40_000:
        return None
    tokens = _tokens(text)
    if tokens is None:
        return None
    try:
        value, rest = _expression(tokens, 0, 1, symbols or {}, 0)
    except (ValueError, IndexError, ZeroDivisionError, OverflowError):
        return None
    return value if rest == len(tokens) else None


def _tokens(text: str) -> list[str] | None:
    tokens: list[str] = []
    place = 0
    text = text.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            return None
        tokens.append(match[1])
        place = match.end()
    return tokens or None


def _expression(tokens: list[str], at: int, level: int, symbols: Mapping[str, int], depth: int) -> tuple[int, int]:
    value, at = _primary(tokens, at, symbols, depth)
    while at < len(tokens) and tokens[at] in _BINARY and _BINARY[tokens[at]][0] >= level:
        priority, apply = _BINARY[tokens[at]]
        right, at = _expression(tokens, at + 1, priority + 1, symbols, depth + 1)
        value = apply(value, right)
        if value.bit_length() > 256:
            raise OverflowError
    return value, at


def _primary(tokens: list[str], at: int, symbols: Mapping[str, int], depth: int) -> tuple[int, int]:
    if depth > 150:
        raise ValueError("nested too deeply")
    token = tokens[at]
    match token:
        case "-" | "+" | "~" | "!":
            value, at = _primary(tokens, at + 1, symbols, depth + 1)
            return {"-": -value, "+": value, "~": ~value, "!": int(not value)}[token], at
        case "(":
            value, at = _expression(tokens, at + 1, 1, symbols, depth + 1)
            if tokens[at] != ")":
                raise ValueError("no closing parenthesis")
            return value, at + 1
    if token[0].isdigit():
        token = token.rstrip("uUlL")
        return int(token, 8) if re.fullmatch(r"0[0-7]+", token) else int(token, 0), at + 1
    if token[0] == "'":
        return ord(_ESCAPED.get(token[1:3], token[1])), at + 1
    if token in symbols:
        return symbols[token], at + 1
    raise ValueError(f"unknown symbol {token}")
