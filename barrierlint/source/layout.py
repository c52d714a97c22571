"""How a source file is laid out: its statements, found in the text itself, so that something can be put between them.

The tree of `reading` says what code means; this says where it stands. A file is cut into tokens once; the statements of
a function are then read from its braces. Offsets are bytes from 0. What it does not model: functions whose braces a
macro or a conditional directive makes (they have no layout), and meaning.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from barrierlint.finding import Span

_TOKEN = re.compile(
    rb"""(?P<skip>[ \t\r\n\f\v]+|\\\r?\n|//(?:[^\n\\]|\\.|\\\r?\n)*|/\*.*?\*/)
    |(?P<raw>(?:u8|[uUL])?R"(?P<mark>[^()\\\s]*)\(.*?\)(?P=mark)")
    |(?P<string>(?:u8|[uUL])?"(?:[^"\\\n]|\\.)*"|(?:u8|[uUL])?'(?:[^'\\\n]|\\.)*')
    |(?P<word>[A-Za-z_$\x80-\xff][\w$\x80-\xff]*)
    |(?P<number>\.?[0-9](?:[eEpP][+-]|'[0-9A-Za-z]|[\w.])*)
    |(?P<mark2>::|->|<<=?|>>=?|&&|\|\||[-+*/%&|^!=<>]=|\+\+|--|.)""",
    re.VERBOSE | re.DOTALL,
)
_DIRECTIVE = re.compile(rb"#(?:[^\n\\/]|\\\r?\n|\\.|/\*.*?\*/|/(?!\*))*", re.DOTALL)
_OPEN, _CLOSE = {"(": ")", "[": "]", "{": "}"}, {")", "]", "}"}
_LOOPS = {"for", "while", "switch"}
_JUMPS = {"goto", "break", "continue"}
_RETURNS = {"return", "co_return", "throw"}
_NO_LABEL = {"case", "default", "public", "private", "protected", "else"}
_NOT_LOOPS = {
    "asm", "__asm__", "__asm", "__attribute__", "alignas", "_Alignas", "decltype", "typeof", "__typeof__", "sizeof",
    "__declspec", "_Atomic", "volatile", "__volatile__",
}  # fmt: skip


class Unclear(Exception):
    """The text has a shape that is not understood: nothing can be put there."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word or mark of the source, from byte `start` to `end`."""

    text: str
    start: int
    end: int


@dataclass(eq=False, slots=True)
class Statement:
    """A statement from byte `start` to `end`. A label is one of its own, before the statement it names.

    `kind` is compound, if, loop, do, switch, label, return, jump, try or plain; `role` what it is to its parent: an
    item of a compound, the `body` or `else` of a statement (which needs braces to hold two), or the block of an
    `expression`.
    """

    kind: str
    start: int
    end: int = 0
    role: str = "item"
    parent: Statement | None = None
    children: list[Statement] = field(default_factory=list)

    def chain(self, offset: int) -> list[Statement]:
        """The statements that contain `offset`, this one first."""
        found = [self]
        while (inner := found[-1].child(offset)) is not None:
            found.append(inner)
        return found

    def child(self, offset: int) -> Statement | None:
        """The part of this one that contains `offset`: parts stand behind each other."""
        at = bisect_right(self.children, offset, key=lambda one: one.start) - 1
        return self.children[at] if at >= 0 and offset < self.children[at].end else None

    def previous(self) -> Statement | None:
        """The item before this one in its compound."""
        items = self.parent.children if self.parent is not None and self.role == "item" else []
        at = next((n for n, item in enumerate(items) if item is self), 0)
        return items[at - 1] if at else None


class Layout:
    """The tokens of one file, and the statements of each function asked for."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.lines = [0, *(at + 1 for at, byte in enumerate(data) if byte == 10)]
        self.tokens: list[Token] = []
        self.directives: list[tuple[int, int]] = []
        self._scan()
        self.starts = [token.start for token in self.tokens]
        self.opening: dict[int, int] = {}  # index of a closing brace to that of its opening one
        self.partner: dict[int, int] = {}
        self._pair()
        self._bodies: dict[int, Statement | None] = {}

    def offset(self, line: int, column: int) -> int:
        """The byte at a line and column (from 1); the end of the file beyond it."""
        return self.lines[line - 1] + column - 1 if 0 < line <= len(self.lines) else len(self.data)

    def line(self, offset: int) -> int:
        """The line (from 1) that holds a byte."""
        return bisect_right(self.lines, offset)

    def line_start(self, offset: int) -> int:
        """The first byte of the line that holds a byte."""
        return self.lines[self.line(offset) - 1]

    def line_end(self, offset: int) -> int:
        """The byte behind the last of the line that holds a byte, its line end not counted."""
        line = self.line(offset)
        end = self.lines[line] - 1 if line < len(self.lines) else len(self.data)
        return end - 1 if end > 0 and self.data[end - 1 : end] == b"\r" and end > offset else end

    def directive_between(self, first: int, last: int) -> bool:
        """Whether a preprocessor line begins between two bytes."""
        return any(first <= start < last for start, _ in self.directives)

    def body(self, end: Span) -> Statement | None:
        """The statements of the function whose closing brace is at `end`; None where the text does not show them."""
        close = self.offset(end.line, end.column)
        if close not in self._bodies:
            self._bodies[close] = self._body(close)
        return self._bodies[close]

    def _body(self, close: int) -> Statement | None:
        at = bisect_right(self.starts, close) - 1
        if at < 0 or self.tokens[at].text != "}" or at not in self.opening:
            return None
        try:
            return _Reader(self).compound(self.opening[at], None, "item")[0]
        except (Unclear, RecursionError):
            return None

    def _scan(self) -> None:
        at, data, fresh = 0, self.data, True
        while at < len(data):
            if fresh and data[at : at + 1] == b"#":
                found = _DIRECTIVE.match(data, at)
                assert found
                self.directives.append((at, found.end()))
                at = found.end()
                continue
            match = _TOKEN.match(data, at)
            assert match
            text = match[0]
            if match["skip"] is not None:
                fresh = fresh or b"\n" in text
            else:
                self.tokens.append(Token(text.decode("latin-1"), at, match.end()))
                fresh = False
            at = match.end()

    def _pair(self) -> None:
        """Pair brackets; each branch of a conditional directive starts from what was open at its `#if`."""
        marks = iter([*self.directives, (len(self.data) + 1, 0)])
        mark = next(marks)
        stack: list[int] = []
        saved: list[list[int]] = []
        for at, token in enumerate(self.tokens):
            while mark[0] < token.start:
                stack = _conditional(self.data[mark[0] : mark[1]], stack, saved)
                mark = next(marks)
            if token.text in _OPEN:
                stack.append(at)
            elif token.text in _CLOSE and stack and _OPEN[self.tokens[stack[-1]].text] == token.text:
                opener = stack.pop()
                self.opening[at] = opener
                self.partner[opener] = at


def _conditional(directive: bytes, stack: list[int], saved: list[list[int]]) -> list[int]:
    word = re.match(rb"#\s*(\w+)", directive)
    match word[1] if word else b"":
        case b"if" | b"ifdef" | b"ifndef":
            saved.append(list(stack))
        case b"else" | b"elif" if saved:
            return list(saved[-1])
        case b"endif" if saved:
            saved.pop()
    return stack


class _Reader:
    """Reads statements from tokens; each method takes the index of the first token and returns that after the last."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.tokens = layout.tokens

    def text(self, at: int) -> str:
        if at >= len(self.tokens):
            raise Unclear
        return self.tokens[at].text

    def closing(self, at: int) -> int:
        """The index of the bracket that closes the one at `at`."""
        if at not in self.layout.partner:
            raise Unclear
        return self.layout.partner[at]

    def compound(self, at: int, parent: Statement | None, role: str) -> tuple[Statement, int]:
        made = self._made("compound", at, parent, role)
        close = self.closing(at)
        at += 1
        while at < close:
            at = self.statement(at, made, "item")
        if at != close:
            raise Unclear
        return made, self._ended(made, close + 1)

    def statement(self, at: int, parent: Statement, role: str) -> int:
        word = self.text(at)
        if word == "{":
            return self.compound(at, parent, role)[1]
        if word == "if":
            return self._if(at, parent, role)
        if word in _LOOPS:
            return self._headed(at, parent, role, "switch" if word == "switch" else "loop")
        if word == "do":
            return self._do(at, parent, role)
        if word == "try":
            return self._try(at, parent, role)
        if word in ("case", "default") or self._is_label(at):
            return self._label(at, parent, role)
        if word in ("else", "}", ")", "]"):
            raise Unclear
        if self._is_macro_loop(at):
            return self._headed(at, parent, role, "loop")
        kind = "return" if word in _RETURNS else "jump" if word in _JUMPS else "plain"
        return self._plain(at, parent, role, kind)

    def _made(self, kind: str, at: int, parent: Statement | None, role: str) -> Statement:
        made = Statement(kind, self.tokens[at].start, 0, role, parent)
        if parent is not None:
            parent.children.append(made)
        return made

    def _ended(self, made: Statement, after: int) -> int:
        made.end = self.tokens[after - 1].end
        return after

    def _if(self, at: int, parent: Statement, role: str) -> int:
        made = self._made("if", at, parent, role)
        at += 1
        while self.text(at) in ("constexpr", "consteval", "!"):
            at += 1
        if self.text(at) == "(":
            at = self.closing(at) + 1
        at = self.statement(at, made, "body")
        if at < len(self.tokens) and self.tokens[at].text == "else":
            at = self.statement(at + 1, made, "else")
        return self._ended(made, at)

    def _headed(self, at: int, parent: Statement, role: str, kind: str) -> int:
        made = self._made(kind, at, parent, role)
        at += 1
        if self.text(at) != "(":
            raise Unclear
        return self._ended(made, self.statement(self.closing(at) + 1, made, "body"))

    def _do(self, at: int, parent: Statement, role: str) -> int:
        made = self._made("do", at, parent, role)
        at = self.statement(at + 1, made, "body")
        if self.text(at) != "while" or self.text(at + 1) != "(":
            raise Unclear
        at = self.closing(at + 1) + 1
        return self._ended(made, at + 1 if self.text(at) == ";" else at)

    def _try(self, at: int, parent: Statement, role: str) -> int:
        made = self._made("try", at, parent, role)
        at = self.statement(at + 1, made, "body")
        while at < len(self.tokens) and self.tokens[at].text == "catch":
            at = self.statement(self.closing(at + 1) + 1, made, "body")
        return self._ended(made, at)

    def _is_label(self, at: int) -> bool:
        token = self.tokens[at]
        following = self.tokens[at + 1].text if at + 1 < len(self.tokens) else ""
        return (
            following == ":" and re.fullmatch(r"[A-Za-z_$]\w*", token.text) is not None and token.text not in _NO_LABEL
        )

    def _label(self, at: int, parent: Statement, role: str) -> int:
        made = self._made("label", at, parent, role)
        asked = 0
        while self.text(at) != ":" or asked:
            asked += {"?": 1, ":": -1}.get(self.text(at), 0)
            if self.text(at) in (";", "}"):
                raise Unclear
            at = self.closing(at) + 1 if self.text(at) in _OPEN else at + 1
        return self._ended(made, at + 1)

    def _is_macro_loop(self, at: int) -> bool:
        """Whether a name with arguments is followed by a statement rather than an operator: `for_each_page(p) …`."""
        word = self.tokens[at].text
        if not re.fullmatch(r"[A-Za-z_]\w*", word) or word in _NOT_LOOPS or self.text(at + 1) != "(":
            return False
        after = self.text(self.closing(at + 1) + 1)
        return after == "{" or (re.fullmatch(r"[A-Za-z_]\w*", after) is not None and after not in _NOT_LOOPS)

    def _plain(self, at: int, parent: Statement, role: str, kind: str) -> int:
        made = self._made(kind, at, parent, role)
        while (word := self.text(at)) != ";":
            if word in _CLOSE:
                raise Unclear
            if word not in _OPEN:
                at += 1
                continue
            self._blocks(at, made)
            at = self.closing(at) + 1
        return self._ended(made, at + 1)

    def _blocks(self, at: int, made: Statement) -> None:
        """Read the blocks of statement expressions, `({ … })`, between a bracket and its partner."""
        close = self.closing(at)
        inner = at
        while inner < close:
            if self.text(inner) == "(" and self.text(inner + 1) == "{":
                inner = self.compound(inner + 1, made, "expression")[1]
            inner += 1


def layout_of(path: str) -> Layout | None:
    """The layout of a file as it is now; None where it cannot be read."""
    text = _text(path, *_version(path))
    return None if text is None else _layout(text)


def text_of(path: str) -> bytes:
    """What a file holds now; nothing where it cannot be read."""
    return _text(path, *_version(path)) or b""


def _version(path: str) -> tuple[int, int]:
    """What changes when a file does: time of change in ns, bytes; -1 each where there is none."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return -1, -1
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=1024)
def _text(path: str, time: int, _size: int) -> bytes | None:
    try:
        return Path(path).read_bytes() if time >= 0 else None
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=256)
def _layout(text: bytes) -> Layout:
    return Layout(text)


def walk(statement: Statement) -> Iterator[Statement]:
    """A statement and all inside it, in source order."""
    yield statement
    for child in statement.children:
        yield from walk(child)
