"""Values, addresses and symbols of herd7's litmus format for the VMSA, and the tokens they are made of.

What it does not model: tagged and capability values, instructions as data, vectors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from barrierlint.sim.descriptor import Descriptor, table
from barrierlint.sim.program import Symbols

TOKEN = re.compile(
    r"""\s+|"[^"]*"|/\\|\\/|=>|!=|<>|0x[0-9a-fA-F]+|\d+|[A-Za-z_][\w.$]*|[-~()\[\]{}:;,=*&+]""",
)
_FIELDS = frozenset({"oa", "valid", "af", "db", "dbm", "el0", "x", "attrs", "table", "block", "contig"})
_MOST_DEEP = 90


class LitmusError(Exception):
    """A litmus test that cannot be read or run: `str()` is one line with the line number and what is wrong."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line


def tokenize(text: str, line: int) -> list[tuple[str, int]]:
    """Return the tokens of `text`, each with its line; raises LitmusError at what is none."""
    found = []
    position = 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise LitmusError(f"unexpected character {text[position]!r}", line + text.count("\n", 0, position))
        if not match.group().isspace():
            found.append((match.group(), line + text.count("\n", 0, position)))
        position = match.end()
    return found


@dataclass(slots=True)
class Tokens:
    """A reader of tokens."""

    items: list[tuple[str, int]]
    at: int = 0
    end_line: int = 0

    @property
    def line(self) -> int:
        """The line of the next token."""
        return self.items[self.at][1] if self.at < len(self.items) else self.end_line

    def peek(self, ahead: int = 0) -> str:
        """Return the next token, "" at the end."""
        return self.items[self.at + ahead][0] if self.at + ahead < len(self.items) else ""

    def take(self) -> str:
        """Return the next token and go on."""
        token = self.peek()
        self.at += 1
        return token

    def accept(self, *tokens: str) -> bool:
        """Go past the next token if it is one of `tokens`."""
        if self.peek() in tokens and self.peek():
            self.at += 1
            return True
        return False

    def expect(self, token: str) -> None:
        """Go past `token`; raises LitmusError if something else comes."""
        if not self.accept(token):
            raise LitmusError(f"expected {token!r}, found {self.peek() or 'the end'!r}", self.line)


@dataclass(slots=True)
class Names:
    """The symbols met so far, in order of first use, and the addresses of labels (`P1:L0`)."""

    symbols: list[str] = field(default_factory=list)
    labels: Mapping[str, int] = field(default_factory=dict)
    deep: frozenset[str] = frozenset()

    def see(self, name: str) -> Symbols:
        """Note symbol `name`; return the layout that has it."""
        if name not in self.symbols:
            self.symbols.append(name)
        return Symbols(tuple(self.symbols), self.deep)


def deep_symbols(text: str) -> frozenset[str]:
    """Return the symbols that need tables of their own: `text` names a level, or another page, of theirs."""
    return frozenset(re.findall(r"\b(?:PTE|TTD|PA)\s*\(\s*([A-Za-z_]\w*)\s*[,+]", text))


def location(tokens: Tokens, names: Names) -> tuple[int, str]:
    """Read what names an address: `x`, `PTE(x)`, `TTD(x)`, `PA(x)`, `pte_x`, `phy_x`; return it and the symbol.

    Beyond herd7: `TTD(x,level:2)`, `TTD(x+4096)`, `PA(x+4096)`.
    """
    line, word = tokens.line, tokens.take()
    if tokens.peek() == "(" and word in ("PTE", "TTD", "PA"):
        tokens.expect("(")
        if tokens.peek() in ("PTE", "TTD"):
            raise LitmusError(f"{word}({tokens.peek()}(…)): write TTD(x,level:2) for a descriptor above the leaf", line)
        return _operator(tokens, names, word, line)
    for prefix in ("pte_", "phy_"):
        if word.startswith(prefix):
            name = word.removeprefix(prefix)
            layout = names.see(name)
            return (layout.table(name) if prefix == "pte_" else layout.physical(name)), name
    if not re.fullmatch(r"[A-Za-z_]\w*", word):
        raise LitmusError(f"expected a location, found {word or 'the end'!r}", line)
    return names.see(word).virtual(word), word


def _operator(tokens: Tokens, names: Names, word: str, line: int) -> tuple[int, str]:
    """Read the rest of `PTE(x`, `TTD(x` or `PA(x`: an offset, a level, the parenthesis."""
    name = tokens.take()
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise LitmusError(f"expected a symbol, found {name or 'the end'!r}", line)
    layout = names.see(name)
    offset = number(tokens) if tokens.accept("+") else 0
    level = _level(tokens, line) if tokens.accept(",") else 3
    tokens.expect(")")
    if name in layout.deep and len(layout.names) > _MOST_DEEP:
        raise LitmusError(f"more than {_MOST_DEEP} symbols beside one with tables of its own", line)
    return (layout.physical(name) + offset if word == "PA" else layout.table(name, level, offset)), name


def _level(tokens: Tokens, line: int) -> int:
    tokens.expect("level")
    tokens.expect(":")
    level = number(tokens)
    if level not in range(4):
        raise LitmusError(f"level {level}: tables here have levels 0 to 3", line)
    return level


def value(tokens: Tokens, names: Names, symbol: str = "") -> int:
    """Read a value: a number, an address, a label, or a descriptor `(oa:PA(x), valid:0, …)`; `symbol` gives its
    default `oa`.
    """
    line, token = tokens.line, tokens.peek()
    if token == "-":
        tokens.take()
        return -number(tokens)
    if token[:1].isdigit():
        return number(tokens)
    if token == "&":
        tokens.take()
    if token == "(":
        return descriptor(tokens, names, symbol)
    if token == "label" and tokens.peek(1) == ":":
        tokens.at += 2
        label = tokens.take().strip('"')
        if label not in names.labels:
            raise LitmusError(f"no label {label}", line)
        return names.labels[label]
    if token in ("instr", "NOP") or token.startswith('"'):
        raise LitmusError(f"{token} as a value is not supported", line)
    address, _ = location(tokens, names)
    return address + (number(tokens) if tokens.accept("+") else 0)


def number(tokens: Tokens) -> int:
    """Read a decimal or hexadecimal number."""
    line, token = tokens.line, tokens.take()
    try:
        return int(token, 0) if token.startswith("0x") else int(token, 10)
    except ValueError:
        raise LitmusError(f"expected a number, found {token or 'the end'!r}", line) from None


def descriptor(tokens: Tokens, names: Names, symbol: str) -> int:
    """Read `(oa:…, valid:…, af:…, db:…, dbm:…, el0:…, attrs:(…))`; unnamed fields have herd7's defaults.

    Beyond herd7: `table:TTD(x)` links the page that holds that address, `block:1`, `contig:1`.
    """
    tokens.expect("(")
    fields: dict[str, int] = {}
    while not tokens.accept(")"):
        line, name = tokens.line, tokens.take()
        if name not in _FIELDS:
            raise LitmusError(f"unknown descriptor field {name or 'at the end'!r}", line)
        tokens.expect(":")
        if name in ("oa", "table"):
            fields[name] = location(tokens, names)[0]
        elif name == "attrs":
            fields["attributes"] = _attributes(tokens)
        else:
            fields[name] = number(tokens)
        tokens.accept(",")
    if "table" in fields:
        return table(fields["table"], fields.get("valid", 1))
    if "oa" not in fields:
        fields["oa"] = names.see(symbol).physical(symbol) if symbol else 0
    return Descriptor(**fields).encode()


_ATTRIBUTE_NAMES = ("Normal", "Device", "NSH", "ISH", "OSH", "NC", "WT", "WB", "iNC", "iWT", "iWB", "oNC", "oWT", "oWB")


def _attributes(tokens: Tokens) -> int:
    """Read attribute names; the model only needs different sets to be different numbers (default: 0)."""
    words = set()
    tokens.expect("(")
    while not tokens.accept(")"):
        words.add(tokens.take())
        tokens.accept(",", "-")
    words -= {"Normal", "ISH", "iWB", "oWB"}
    return sum(1 << (_ATTRIBUTE_NAMES.index(w) if w in _ATTRIBUTE_NAMES else 1) for w in words) & 31
