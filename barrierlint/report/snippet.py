"""Source snippets: a place, its line, an underline with a label, and the lines a repair adds.

Every function returns whole lines, the gutter `width` columns wide. What it does not do: highlight syntax.
"""

from __future__ import annotations

from barrierlint.finding import Repair, Span
from barrierlint.frozen import dataclass
from barrierlint.report.edits import shown
from barrierlint.report.lines import TAB, character_column, excerpt, printable
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


def underlined_plain(span: Span) -> list[str]:
    """Return the source line of `span` and a caret under its beginning, as compilers do; nothing without source."""
    shown = excerpt(span)
    if shown is None:
        return []
    return [f"    {shown.text}", f"    {' ' * shown.start}^{'~' * (shown.length - 1)}"]


def insertion(frame: Frame, repair: Repair) -> list[str]:
    """Return one place of a repair as a patch: what goes, what comes, and the line after it."""
    style = frame.style
    changes = shown(repair.edits) if repair.edits else None
    if changes is None:
        changes = [("+", 0, line) for line in repair.lines]
    lines: list[str] = []
    for sign, number, text in changes:
        text = printable(text.expandtabs(TAB)).rstrip()
        if sign == " ":
            lines.append(f"{frame.rule(str(number))} {text}")
        else:
            gutter = style.paint("frame", f"{sign:>{frame.gutter}} |")
            lines.append(f"{gutter} {style.paint('added' if sign == '+' else 'dim', text)}")
    return lines
