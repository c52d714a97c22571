"""Places in the source as a person would name them: expansion locations, paths relative to the working directory.

Columns and offsets are bytes. A node inside a macro has the place of the macro's use. It does not keep which macro a
node came from.
"""

from __future__ import annotations

import os

from barrierlint.finding import Span
from barrierlint.source import clang_c
from barrierlint.source.clang_c import Cursor, Location, Range, lib


class Places:
    """Spans of nodes of one unit; `main` is the path of the main file as the user named it."""

    def __init__(self, opened: str, main: str) -> None:
        self._opened = os.path.abspath(opened)
        self.main = main
        self._base = os.getcwd() + os.sep
        self._paths: dict[int, str] = {0: ""}
        self._spans: dict[tuple[int, int, int], Span] = {}

    def path(self, file: int) -> str:
        """Return the path of libclang's file handle as the user would write it."""
        known = self._paths.get(file)
        if known is None:
            known = self._paths[file] = self.name(clang_c.text(lib.clang_getFileName(file)))
        return known

    def name(self, raw: str) -> str:
        """Return `raw` relative to the working directory where it lies under it, else absolute and normal."""
        full = os.path.abspath(raw)
        if full == self._opened:
            return self.main
        return full[len(self._base) :] if full.startswith(self._base) else full

    def span(self, cursor: Cursor) -> Span:
        """Return where `cursor` is written."""
        return self.range(lib.clang_getCursorExtent(cursor))

    def range(self, extent: Range) -> Span:
        """Return the span of `extent`; an empty one at the start where its end lies elsewhere."""
        key = (extent.begin, extent.end, extent.data[0] or 0)
        known = self._spans.get(key)
        if known is None:
            known = self._spans[key] = self._span(extent)
        return known

    def _span(self, extent: Range) -> Span:
        file, line, column, offset = clang_c.expand(lib.clang_getRangeStart(extent))
        end_file, end_line, end_column, end_offset = clang_c.expand(lib.clang_getRangeEnd(extent))
        if end_file != file or end_offset < offset:
            end_line, end_column = line, column
        return Span(self.path(file), line, column, end_line, end_column)

    def point(self, location: Location) -> Span:
        """Return the place of a single location."""
        file, line, column, _ = clang_c.expand(location)
        return Span(self.path(file), line, column, line, column)


def offsets(cursor: Cursor) -> tuple[int, int, int]:
    """Return (file handle, first byte, end byte) of `cursor`."""
    extent = lib.clang_getCursorExtent(cursor)
    file, _, _, first = clang_c.expand(lib.clang_getRangeStart(extent))
    last = clang_c.expand(lib.clang_getRangeEnd(extent))[3]
    return file, first, max(first, last)


def position(cursor: Cursor) -> tuple[int, int]:
    """Return (file handle, byte offset) of the name `cursor` points at."""
    file, _, _, offset = clang_c.expand(lib.clang_getCursorLocation(cursor))
    return file, offset
