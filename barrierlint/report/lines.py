"""Source text for reports: lines of files by number, columns in characters, everything safe to print on a terminal.

Spans count columns in bytes (libclang's way); readers count characters. A file that is gone or not UTF-8 still gives
lines: none, or with replacement characters. What it does not model: files that change during a run.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path

from barrierlint.finding import Span
from barrierlint.frozen import dataclass

TAB = 4
"""Columns a tab stop takes in a report."""

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@cache
def read_lines(path: str) -> tuple[bytes, ...]:
    """Return the lines of `path` without their ends, empty where it cannot be read."""
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError):
        return ()
    return tuple(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))


def line_bytes(path: str, line: int) -> bytes | None:
    """Return line `line` (from 1) of `path`, None where there is none."""
    lines = read_lines(path)
    return lines[line - 1] if 0 < line <= len(lines) else None


def printable(text: str) -> str:
    """Return `text` with nothing left that a terminal obeys: controls as their pictures, hidden characters as U+FFFD.

    Source text, file names and messages are the input's, and escape sequences or direction overrides in them must not
    reach the terminal (CVE-2021-42574, Trojan Source). Tabs and line feeds become blanks.
    """
    return "".join(map(_visible, text)) if not text.isascii() or not text.isprintable() else text


def _visible(char: str) -> str:
    if char in "\t\n":
        return " "
    if char < " ":
        return chr(0x2400 + ord(char))
    if char == "\x7f":
        return "\u2421"
    return "\ufffd" if unicodedata.category(char) in _HIDDEN else char


def width(text: str) -> int:
    """Return the terminal columns `text` takes: wide characters two, combining ones none."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


@dataclass(frozen=True, slots=True)
class Excerpt:
    """One source line as printed, and the underline: its first terminal column (from 0) and its length (at least 1)."""

    text: str
    start: int
    length: int


def excerpt(span: Span, limit: int = 140) -> Excerpt | None:
    """Return the first line of `span`, tabs expanded, cut to `limit` columns around the span; None without source."""
    raw = line_bytes(span.path, span.line)
    if raw is None:
        return None
    first = min(max(span.column - 1, 0), len(raw))
    last = _end(span, raw, first)
    before = _expand(raw[:first], 0)
    marked = _expand(raw[first:last], width(before))
    after = _expand(raw[last:], width(before + marked))
    if not after.strip():
        marked, after = marked.rstrip(), ""
    return _clip(before, marked, after.rstrip(), limit)


def _end(span: Span, raw: bytes, first: int) -> int:
    """The offset where `span` ends in its first line `raw`; the end of the word at `first` where no end is known."""
    if span.end_line > span.line:
        return len(raw)
    if span.end_column > span.column:
        return min(span.end_column - 1, len(raw))
    word = re.match(rb"\w+", raw[first:])
    return first + (word.end() if word else 1)


def _expand(raw: bytes, column: int) -> str:
    """Decode and expand tabs, the text beginning at terminal column `column`."""
    out: list[str] = []
    for char in raw.decode("utf-8", "replace"):
        shown = " " * (TAB - column % TAB) if char == "\t" else printable(char)
        out.append(shown)
        column += width(shown)
    return "".join(out)


def _clip(before: str, marked: str, after: str, limit: int) -> Excerpt:
    """Cut the three parts of a line to `limit` columns, the marked part kept in view."""
    if width(before + marked + after) <= limit:
        return Excerpt(before + marked + after, width(before), max(width(marked), 1))
    room = limit // 3
    if width(before) > room:
        before = "…" + before[-room:]
    if width(marked) > limit - room:
        marked = marked[: limit - room] + "…"
        after = ""
    rest = max(limit - width(before + marked), 10)
    if width(after) > rest:
        after = after[:rest] + "…"
    return Excerpt(before + marked + after, width(before), max(width(marked), 1))


def character_column(path: str, line: int, column: int) -> int:
    """Return byte column `column` (from 1) in UTF-16 code units, unchanged where the source is not there."""
    raw = line_bytes(path, line)
    if raw is None or raw.isascii():
        return column
    before = raw[: column - 1].decode("utf-8", "replace")
    return len(before.encode("utf-16-le", "surrogatepass")) // 2 + 1 + max(column - 1 - len(raw), 0)


def shorten(text: str, limit: int, measure: Callable[[str], int] = width) -> str:
    """Return `text` cut to `limit` columns, the cut shown."""
    if measure(text) <= limit:
        return text
    while text and measure(text) >= limit:
        text = text[:-1]
    return text + "…"
