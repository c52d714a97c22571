"""Edits applied to text: what a file reads like with them, as a whole or just around them.

Edits are made from the last to the first, so that places stay where they are; of two insertions at one place the first
given comes first. What it does not do: write files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from barrierlint.finding import Edit
from barrierlint.report.lines import read_lines


def applied(data: bytes, edits: Iterable[Edit]) -> bytes:
    """Return a file's bytes with `edits` made."""
    starts = [0, *(at + 1 for at, byte in enumerate(data) if byte == 10)]
    for edit in sorted(edits, key=lambda edit: (edit.span.line, edit.span.column), reverse=True):
        first = _offset(starts, len(data), edit.span.line, edit.span.column)
        last = _offset(starts, len(data), edit.span.end_line, edit.span.end_column) if edit.span.end_line else first
        data = data[:first] + edit.text.encode("utf-8", "surrogateescape") + data[max(first, last) :]
    return data


def _offset(starts: Sequence[int], length: int, line: int, column: int) -> int:
    return min(starts[line - 1] + column - 1, length) if line <= len(starts) else length


def shown(edits: Sequence[Edit]) -> list[tuple[str, int, str]] | None:
    """Return what `edits` of one file change as (sign, line, text): removed, added, and one line after for orientation.

    None where the file cannot be read. Line numbers are those of the file as it is.
    """
    lines = read_lines(edits[0].span.path)
    if not lines:
        return None
    found: list[tuple[str, int, str]] = []
    last = max(max(edit.span.end_line, edit.span.line) for edit in edits)
    covered = 0
    for line in range(min(edit.span.line for edit in edits), last + 1):
        here = [edit for edit in edits if edit.span.line == line]
        whole = [edit for edit in here if edit.span.column == 1 and not edit.span.end_line and edit.text.endswith("\n")]
        found += [("+", 0, text) for edit in whole for text in edit.text.splitlines()]
        inside = [edit for edit in here if edit not in whole]
        old = _text(lines[line - 1]) if line <= len(lines) else ""
        if inside or line <= covered:
            found.append(("-", line, old))
        elif line < last or whole:
            found.append((" ", line, old))
        if inside:
            covered = max(edit.span.end_line for edit in inside)
            new = applied(b"\n".join(lines[line - 1 : max(covered, line)]), [_moved(edit, line - 1) for edit in inside])
            found += [("+", 0, _text(text)) for text in new.split(b"\n")]
    return found


def _moved(edit: Edit, lines: int) -> Edit:
    end = edit.span.end_line - lines if edit.span.end_line else 0
    return replace(edit, span=replace(edit.span, line=edit.span.line - lines, end_line=end))


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace")
