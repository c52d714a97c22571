"""A place in the text and the lines to put there, as edits: indented, braced and ended as the code around them is.

After the statement before rather than before the statement behind, so that comments stay with their code; braces come
where a branch without them would break. What it does not model: `else if` (nothing can be put before such an `if`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from barrierlint.dataflow.places import Place
from barrierlint.finding import Edit, Span
from barrierlint.source.layout import Layout, Statement, walk

_REST = re.compile(rb"[ \t]*(?://[^\n]*|/\*(?:[^*\n]|\*(?!/))*\*/[ \t]*)?\r?(?=\n|\Z)")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place found again in the text: before `statement`, or (None) before the closing brace of `body`."""

    layout: Layout
    body: Statement
    statement: Statement | None
    path: str


def spot(layout: Layout, body: Statement, place: Place) -> Spot | None:
    """Where a place is; None where nothing can be put."""
    if place.end:
        return Spot(layout, body, None, place.path)
    statement = next((s for s in body.chain(place.offset) if s.start == place.offset and s.kind != "compound"), None)
    if statement is None or (statement.role == "else" and statement.kind == "if"):
        return None
    return Spot(layout, body, statement, place.path)


def edits(at: Spot, lines: Sequence[str]) -> tuple[Edit, ...]:
    """What to change so that `lines` stand at a spot."""
    return tuple(_Writer(at, lines).edits())


class _Writer:
    def __init__(self, at: Spot, lines: Sequence[str]) -> None:
        self.at = at
        self.layout = at.layout
        self.lines = lines
        self.newline = "\r\n" if b"\r\n" in at.layout.data[at.body.start : at.body.end] else "\n"

    def edits(self) -> list[Edit]:
        statement = self.at.statement
        if statement is None:
            return self._at_end(self.at.body)
        if statement.role == "item":
            return self._between(statement)
        return self._braced(statement)

    # --- between statements ---

    def _between(self, statement: Statement) -> list[Edit]:
        if not self._is_first(statement.start):
            return [self._inline(statement.start)]
        before = statement.previous()
        assert statement.parent is not None
        after = before.end if before is not None else statement.parent.start + 1
        if self._is_last(after) and not self.layout.directive_between(after, statement.start):
            return [self._whole_lines(self._next_line(after), self._indentation(statement.start))]
        return [self._whole_lines(self.layout.line_start(statement.start), self._indentation(statement.start))]

    def _at_end(self, body: Statement) -> list[Edit]:
        brace = body.end - 1
        if not self._is_first(brace):
            return [self._inline(brace)]
        last = body.children[-1] if body.children else None
        after = last.end if last is not None else body.start + 1
        indent = self._inside(body)
        if self._is_last(after) and not self.layout.directive_between(after, brace):
            return [self._whole_lines(self._next_line(after), indent)]
        return [self._whole_lines(self.layout.line_start(brace), indent)]

    def _inside(self, body: Statement) -> str:
        """The indentation of the statements of a function."""
        for item in body.children:
            if item.kind != "label" and self._is_first(item.start):
                return self._indentation(item.start)
        return self._indentation(body.end - 1) + ("\t" if b"\n\t" in self.layout.data else "    ")

    def _inline(self, offset: int) -> Edit:
        before = self.layout.data[offset - 1 : offset]
        lead = "" if before.isspace() else " "
        return self._edit(offset, lead + " ".join(self.lines) + " ")

    def _whole_lines(self, offset: int, indent: str) -> Edit:
        return self._edit(offset, "".join(f"{indent}{line}{self.newline}" for line in self.lines))

    # --- in place of a single statement ---

    def _braced(self, statement: Statement) -> list[Edit]:
        """Lines before the only statement of a branch or loop, and the braces that make a block of both."""
        layout = self.layout
        if not self._is_first(statement.start) or not self._is_last(statement.end):
            text = "{ " + " ".join(self.lines) + " "
            return [self._edit(statement.start, text), self._edit(statement.end, " }")]
        head = self._head(statement)
        outer, inner = self._indentation(head), self._indentation(statement.start)
        lines = self._whole_lines(layout.line_start(statement.start), inner)
        behind = self._next_line(statement.end)
        if self._own_lines() or not self._is_last(head):
            opening = f"{outer}{{{self.newline}"
            return [
                self._edit(layout.line_start(statement.start), opening + lines.text),
                self._edit(behind, f"{outer}}}{self.newline}"),
            ]
        closing = self._edit(behind, f"{outer}}}{self.newline}")
        following = re.compile(rb"[ \t]*(?=else\b)").match(layout.data, behind)
        if following is not None and statement.role == "body":
            closing = self._edit(following.end(), "} ")
        return [self._edit(head, " {"), lines, closing]

    def _head(self, statement: Statement) -> int:
        """The byte after the `)` or `else` that a single statement belongs to."""
        at = self.layout.starts.index(statement.start)
        return self.layout.tokens[at - 1].end

    def _own_lines(self) -> bool:
        """Whether blocks of this file open on lines of their own."""
        own = other = 0
        for statement in walk(self.at.body):
            if statement.kind == "compound" and statement.role in ("body", "else"):
                own, other = (own + 1, other) if self._is_first(statement.start) else (own, other + 1)
        if own == other:
            text = self.layout.data
            own = len(re.findall(rb"\)[ \t]*\r?\n[ \t]+\{", text))
            other = len(re.findall(rb"\)[ \t]*\{", text))
        return own > other

    # --- the text ---

    def _edit(self, offset: int, text: str) -> Edit:
        line = self.layout.line(offset)
        return Edit(Span(self.at.path, line, offset - self.layout.line_start(offset) + 1), text)

    def _is_first(self, offset: int) -> bool:
        return not self.layout.data[self.layout.line_start(offset) : offset].strip()

    def _is_last(self, offset: int) -> bool:
        """Whether nothing but a comment follows on the line."""
        return _REST.match(self.layout.data, offset) is not None

    def _next_line(self, offset: int) -> int:
        line = self.layout.line(max(offset - 1, 0))
        return self.layout.lines[line] if line < len(self.layout.lines) else len(self.layout.data)

    def _indentation(self, offset: int) -> str:
        start = self.layout.line_start(offset)
        line = self.layout.data[start:]
        found = re.match(rb"[ \t]*", line)
        return found[0].decode() if found else ""
