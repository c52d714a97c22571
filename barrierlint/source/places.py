"""Places in the source as a person would name them: expansion locations, paths relative to the working directory.

Columns and offsets are bytes. A node inside a macro has the place of the macro's use. It does not keep which macro a
node came from.
"""

from __future__ import annotations

import os
from ctypes import c_void_p

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
        self._expanded: dict[int, tuple[int, int, int, int]] = {}
        self._spans: dict[tuple[int, int], Span] = {}

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
        key = (extent.begin, extent.end)
        known = self._spans.get(key)
        if known is None:
            known = self._spans[key] = self._span(extent)
        return known

    def _span(self, extent: Range) -> Span:
        file, line, column, offset = self.at(extent, extent.begin)
        end_file, end_line, end_column, end_offset = self.at(extent, extent.end)
        if end_file != file or end_offset < offset:
            end_line, end_column = line, column
        return Span(self.path(file), line, column, end_line, end_column)

    def at(self, extent: Range, raw: int) -> tuple[int, int, int, int]:
        """Return (file handle, line, column, offset) of one end of `extent`: nodes that nest share their ends."""
        known = self._expanded.get(raw)
        if known is None:
            location = Location((c_void_p * 2)(*extent.data), raw)
            known = self._expanded[raw] = clang_c.expand(location)
        return known

    def offsets(self, cursor: Cursor) -> tuple[int, int, int]:
        """Return (file handle, first byte, end byte) of `cursor`."""
        extent = lib.clang_getCursorExtent(cursor)
        file, _, _, first = self.at(extent, extent.begin)
        return file, first, max(first, self.at(extent, extent.end)[3])


def position(cursor: Cursor) -> tuple[int, int]:
    """Return (file handle, byte offset) of the name `cursor` points at."""
    file, _, _, offset = clang_c.expand(lib.clang_getCursorLocation(cursor))
    return file, offset
