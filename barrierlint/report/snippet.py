"""Source snippets: a place, its line, an underline with a label, and the lines a repair adds.

Every function returns whole lines, the gutter `width` columns wide. What it does not do: highlight syntax.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from barrierlint.finding import Repair, Span
from barrierlint.report.lines import TAB, character_column, excerpt, line_bytes, printable
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
    """Return the repair as a patch: added lines before the line at `at`, or that line with the repair inside it."""
    style = frame.style
    plus = f"{style.paint('frame', f'{chr(43):>{frame.gutter}} |')} "
    raw = line_bytes(repair.at.path, repair.at.line)
    if raw is None:
        return [plus + style.paint("added", printable(line)) for line in repair.lines]
    if is_inline(repair.at):
        cut = repair.at.column - 1
        parts = (_text(raw[:cut]), " ".join(repair.lines) + " ", _text(raw[cut:]))
        return [plus + parts[0] + style.paint("added", printable(parts[1])) + parts[2].rstrip()]
    indent = _text(indentation(repair.at).encode())
    if is_only_statement(repair.at):
        braced = [plus + indent + style.paint("added", printable(line)) for line in ("{", *repair.lines)]
        return [
            *braced,
            f"{frame.rule(str(repair.at.line))} {_text(raw).rstrip()}",
            plus + indent + style.paint("added", "}"),
        ]
    added = [plus + indent + style.paint("added", printable(line)) for line in repair.lines]
    return [*added, f"{frame.rule(str(repair.at.line))} {_text(raw).rstrip()}"]


def _text(raw: bytes) -> str:
    return printable(raw.decode("utf-8", "replace").expandtabs(TAB))


def is_inline(at: Span) -> bool:
    """Whether code stands before `at` on its line, so that whole lines cannot be inserted there."""
    raw = line_bytes(at.path, at.line) or b""
    return bool(raw[: at.column - 1].strip())


def is_only_statement(at: Span) -> bool:
    """Whether the line at `at` is all the body of an `if`, `else` or loop without braces, which an insertion needs."""
    above = (line_bytes(at.path, at.line - 1) or b"").decode("utf-8", "replace")
    code = re.sub(r"//.*|/\*.*?\*/", "", above).strip()
    return bool(re.fullmatch(r"(}\s*)?(else|(else\s+)?(if|for|while)\b.*\))", code))


def indentation(at: Span) -> str:
    """Return the blanks that a line inserted before `at` begins with: those of the code it joins.

    Before a closing brace that is the code above the brace.
    """
    raw = line_bytes(at.path, at.line) or b""
    line = at.line
    while raw.lstrip().startswith(b"}") or not raw.strip():
        line -= 1
        above = line_bytes(at.path, line)
        if above is None:
            return ""
        raw = above
    return raw[: len(raw) - len(raw.lstrip())].decode("ascii", "replace")
