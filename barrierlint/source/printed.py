"""What a function printed from its tree says where libclang's nodes are silent: asm text, loop headers, builtin names.

`scan` reads the text of `clang_getCursorPrettyPrinted` (macros expanded, templates instantiated) and returns its asm
statements, `for` headers, atomic builtins and selections in order of print, which is the order of the tree. It does not
parse expressions: operands are matched with the nodes of the tree by position.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|[A-Za-z_$]\w*|\d[\w.]*|\S', re.DOTALL)
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]+|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[0-7]{1,3}|.)", re.DOTALL)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}
_INTEREST = re.compile(
    r"\basm\b|\bfor \(|\b__atomic_|\b__c11_atomic_|\b__scoped_atomic_|\b_Generic\b|__builtin_choose_expr"
)

ATOMIC_BUILTIN = re.compile(
    r"__(?:scoped_)?(?:c11_)?atomic_(?:init|load|load_n|store|store_n|exchange|exchange_n"
    r"|compare_exchange|compare_exchange_n|compare_exchange_strong|compare_exchange_weak"
    r"|fetch_(?:add|sub|and|or|xor|nand|min|max)|(?:add|sub|and|or|xor|nand|min|max)_fetch)\Z"
)


@dataclass(frozen=True, slots=True)
class PrintedOperand:
    """Symbolic name ("" if none) and constraint of an asm operand."""

    name: str
    constraint: str


@dataclass(frozen=True, slots=True)
class PrintedAsm:
    """An asm statement as printed; operands are in order of the node's children (outputs, then inputs)."""

    template: str
    outputs: tuple[PrintedOperand, ...] = ()
    inputs: tuple[PrintedOperand, ...] = ()
    clobbers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    volatile: bool = False


@dataclass(slots=True)
class Printed:
    """The items of one printed function, each list in order of print."""

    asms: list[PrintedAsm] = field(default_factory=list)
    loops: list[tuple[bool, bool, bool]] = field(default_factory=list)
    atomics: list[str] = field(default_factory=list)
    generics: list[list[str]] = field(default_factory=list)


def scan(source: str) -> Printed:
    """Return the asm statements, loop headers (init, condition, step present), atomics and `_Generic` labels of
    `source`.
    """
    found = Printed()
    if not _INTEREST.search(source):
        return found
    matches = list(_TOKEN.finditer(source))
    tokens = [match.group() for match in matches]
    for at, token in enumerate(tokens):
        following = tokens[at + 1] if at + 1 < len(tokens) else ""
        if token == "asm" and source[matches[at].end() : matches[at].end() + 1] == " ":
            found.asms.append(_asm(tokens, at + 1))
        elif token == "for" and following == "(":
            _loop(tokens, at + 1, found)
        elif following == "(" and token.startswith("__") and ATOMIC_BUILTIN.match(token):
            found.atomics.append(token)
        elif token == "_Generic" and following == "(":
            found.generics.append(_labels(tokens, at + 1))
    return found


def unescape(literal: str) -> str:
    """Return the characters of a printed string literal with its quotes (a prefix such as u8 is dropped)."""
    start = literal.find('"')
    return _ESCAPE.sub(_unescape, literal[start + 1 : literal.rfind('"')])


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    if code[0] in "xuU" and len(code) > 1:
        return chr(int(code[1:], 16) & 0x10FFFF)
    if code[0] in "01234567":
        return chr(int(code, 8))
    return _SIMPLE.get(code, code)


def _close(tokens: list[str], at: int) -> int:
    """The index of the bracket that closes the one at `at`, or the end."""
    depth = 0
    for index in range(at, len(tokens)):
        if tokens[index] in ("(", "[", "{"):
            depth += 1
        elif tokens[index] in (")", "]", "}"):
            depth -= 1
            if depth == 0:
                return index
    return len(tokens)


def _split(tokens: list[str], first: int, last: int, separator: str) -> list[list[str]]:
    """The tokens between `first` and `last` in parts at `separator`, brackets kept together."""
    parts: list[list[str]] = [[]]
    depth = 0
    for token in tokens[first:last]:
        if token in ("(", "[", "{"):
            depth += 1
        elif token in (")", "]", "}"):
            depth -= 1
        if depth == 0 and token == separator:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _loop(tokens: list[str], at: int, found: Printed) -> None:
    """Record the header that opens at `at`; a range-based one has no second semicolon and is not recorded."""
    parts = _split(tokens, at + 1, _close(tokens, at), ";")
    if len(parts) == 3:
        found.loops.append((bool(parts[0]), bool(parts[1]), bool(parts[2])))


def _labels(tokens: list[str], at: int) -> list[str]:
    """The type names of a `_Generic`'s associations, in order."""
    parts = _split(tokens, at + 1, _close(tokens, at), ",")[1:]
    return [" ".join(_split(part, 0, len(part), ":")[0]) for part in parts]


def _asm(tokens: list[str], at: int) -> PrintedAsm:
    """The asm statement whose qualifiers start at `at`."""
    volatile = False
    while at < len(tokens) and tokens[at] != "(":
        volatile |= tokens[at] in ("volatile", "__volatile__")
        at += 1
    sections = _split(tokens, at + 1, _close(tokens, at), ":")
    sections += [[] for _ in range(5 - len(sections))]
    template = "".join(unescape(token) for token in sections[0] if token.startswith('"'))
    return PrintedAsm(
        template,
        _operands(sections[1]),
        _operands(sections[2]),
        tuple(unescape(token) for token in sections[3] if token.startswith('"')),
        tuple(token for token in sections[4] if token != ","),
        volatile,
    )


def _operands(section: list[str]) -> tuple[PrintedOperand, ...]:
    """The operands `[name] "constraint" (expression)` of one section."""
    found = []
    for part in _split(section, 0, len(section), ","):
        strings = [token for token in part if token.startswith('"')]
        if strings:
            name = part[1] if part[0] == "[" else ""
            found.append(PrintedOperand(name, unescape(strings[0])))
    return tuple(found)
