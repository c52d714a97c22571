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
    """The symbols met so far, in order of first use, and the addresses of labels (`P1:L0`).

    `pes` is how many there are, `system` the system registers that hold something, `widths` the bytes of an element of
    a typed symbol. Once `closed`, no symbol is new.
    """

    symbols: list[str] = field(default_factory=list)
    labels: Mapping[str, int] = field(default_factory=dict)
    pes: int = 0
    system: frozenset[str] = frozenset()
    closed: bool = False
    widths: dict[str, int] = field(default_factory=dict)
    deep: frozenset[str] = frozenset()

    def see(self, name: str, line: int = 0) -> Symbols:
        """Note symbol `name`; return the layout that has it."""
        if name not in self.symbols:
            if self.closed:
                raise LitmusError(f"the condition names {name}, which the initial state does not", line)
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
    if tokens.peek() == "(" and re.fullmatch(r"\w+", word) and word not in ("PTE", "TTD", "PA"):
        raise LitmusError(f"{word}(…) is not modelled", line)
    if tokens.peek() == "(":
        tokens.expect("(")
        if tokens.peek() in ("PTE", "TTD"):
            raise LitmusError(f"{word}({tokens.peek()}(…)): write TTD(x,level:2) for a descriptor above the leaf", line)
        return _operator(tokens, names, word, line)
    for prefix in ("pte_", "phy_"):
        if word.startswith(prefix):
            name = word.removeprefix(prefix)
            layout = names.see(name, line)
            return (layout.table(name) if prefix == "pte_" else layout.physical(name)), name
    if not re.fullmatch(r"[A-Za-z_]\w*", word):
        raise LitmusError(f"expected a location, found {word or 'the end'!r}", line)
    return names.see(word, line).virtual(word), word


def _operator(tokens: Tokens, names: Names, word: str, line: int) -> tuple[int, str]:
    """Read the rest of `PTE(x`, `TTD(x` or `PA(x`: an offset, a level, the parenthesis."""
    name = tokens.take()
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise LitmusError(f"expected a symbol, found {name or 'the end'!r}", line)
    layout = names.see(name, line)
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
        elif (bit := number(tokens)) in (0, 1):
            fields[name] = bit
        else:
            raise LitmusError(f"descriptor field {name} is 0 or 1, not {bit}", line)
        if not tokens.accept(",") and tokens.peek() != ")":
            raise LitmusError(f"expected ',' or ')', found {tokens.peek() or 'the end'!r}", tokens.line)
    if "table" in fields:
        return table(fields["table"], fields.get("valid", 1))
    if "oa" not in fields:
        fields["oa"] = names.see(symbol).physical(symbol) if symbol else 0
    return Descriptor(**fields).encode()


_MEMORY = ("Normal", "Device", "Device-GRE", "Device-nGRE", "Device-nGnRE", "Device-nGnRnE")
_ATTRIBUTES = {
    **{name: (0, index) for index, name in enumerate(_MEMORY)},
    **{name: (3, index) for index, name in enumerate(("ISH", "NSH", "OSH"))},
    **{name: (5, index) for index, name in enumerate(("iWB", "iNC", "iWT"))},
    **{name: (7, index) for index, name in enumerate(("oWB", "oNC", "oWT"))},
    **{name: (5, index * 5) for index, name in enumerate(("WB", "NC", "WT"))},  # both the inner and the outer
}  # name → (shift, number): the model only needs different sets to be different numbers; the default set is 0


def _attributes(tokens: Tokens) -> int:
    """Read attribute names, such as `Normal, iNC, oNC` or `Device-nGnRnE`, into one number of 9 bits."""
    found = 0
    tokens.expect("(")
    while not tokens.accept(")"):
        line, word = tokens.line, tokens.take()
        while tokens.accept("-"):
            word += "-" + tokens.take()
        if word not in _ATTRIBUTES:
            raise LitmusError(f"unknown memory attribute {word or 'at the end'!r}", line)
        shift, number_of = _ATTRIBUTES[word]
        found |= number_of << shift
        tokens.accept(",")
    return found
