"""Source snippets: a place, its line, an underline with a label, and the lines a repair adds.

Every function returns whole lines, the gutter `width` columns wide. What it does not do: highlight syntax.
"""

from __future__ import annotations

from dataclasses import dataclass

from barrierlint.finding import Repair, Span
from barrierlint.report.lines import character_column, excerpt, line_bytes, printable
from barrierlint.report.style import Style


@dataclass(frozen=True, slots=True)
class Frame:
    """How snippets are set: colours, and the width of the gutter that holds line numbers."""

    style: Style
    gutter: int

    def rule(self, number: str = "", mark: str = "|") -> str:
        """Return the gutter with `number` in it."""
        return self.style.paint("frame", f"{number:>{self.gutter}} {mark}")


def place(span: Span) -> str:
    """Return `path:line:column`, the column in characters."""
    return f"{printable(span.path)}:{span.line}:{character_column(span.path, span.line, span.column)}"


def underlined(frame: Frame, span: Span, role: str, label: str) -> list[str]:
    """Return the source line of `span`, and carets under it with `label`; the label alone without source."""
    shown = excerpt(span)
    label = printable(label)
    if shown is None:
        return [f"{frame.rule()} {frame.style.paint('dim', '(source not available)')} {frame.style.paint(role, label)}"]
    carets = "^" * shown.length + (f" {label}" if label else "")
    return [
        f"{frame.rule(str(span.line))} {shown.text}",
        f"{frame.rule()} {' ' * shown.start}{frame.style.paint(role, carets)}",
    ]


def insertion(frame: Frame, repair: Repair) -> list[str]:
    """Return the repair as added lines before the line it goes in front of."""
    style = frame.style
    following = excerpt(Span(repair.at.path, repair.at.line))
    indent = len(following.text) - len(following.text.lstrip()) if following else 0
    added = [
        f"{style.paint('frame', f'{chr(43):>{frame.gutter}} |')} {style.paint('added', ' ' * indent + printable(line))}"
        for line in repair.lines
    ]
    after = [f"{frame.rule(str(repair.at.line))} {following.text}"] if following else []
    return added + after


def indentation(span: Span) -> str:
    """Return the blanks the line of `span` begins with, as they are in the source."""
    raw = line_bytes(span.path, span.line) or b""
    return raw[: len(raw) - len(raw.lstrip())].decode("ascii", "replace")
