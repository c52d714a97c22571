"""The part of libclang's C interface that the reader of trees needs, called directly and without copying.

The Python binding of libclang 18.1.1 raises on cursor kinds it does not know and costs ten times as much per node,
so only its shared library is used. Every function here takes and returns plain values or the small C structures
below; a `Cursor` is valid as long as the `Unit` it came from is alive. It does not model Objective-C, completion, or
indexing.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_char_p, c_uint, c_void_p
from pathlib import Path
from typing import Any

from clang import cindex

from barrierlint.source.clang_types import (
    FIELD_VISITOR,
    INCLUSION_VISITOR,
    SIGNATURES,
    VISITOR,
    Cursor,
    CXString,
    CXType,
    Location,
    Range,
    Unsaved,
)

__all__ = ["CXString", "CXType", "Cursor", "Location", "Range", "Unit", "lib"]

KEEP_GOING = 0x200
DETAILED_RECORD = 0x01
PREAMBLE = 0x04 | 0x100


def _load() -> ctypes.CDLL:
    """Open libclang a second time under our own signatures, leaving the Python binding's untouched."""
    library = ctypes.CDLL(str(cindex.conf.get_filename() if cindex.Config.library_file else _bundled()))
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _bundled() -> str:
    """The library the wheel carries, else whatever the system's loader finds."""
    native = Path(cindex.__file__).parent / "native"
    found = [path for path in sorted(native.glob("libclang.*")) if path.suffix in (".so", ".dylib", ".dll")]
    return str(found[0]) if found else str(cindex.conf.get_filename())


lib = _load()

_open: list[list[Cursor]] = []


def _collect(child: Cursor, _parent: Cursor, _data: int | None) -> int:
    _open[-1].append(child)
    return 1


_COLLECT = VISITOR(_collect)


def _collect_field(child: Cursor, _data: int | None) -> int:
    _open[-1].append(child)
    return 1


_COLLECT_FIELD = FIELD_VISITOR(_collect_field)


def text(string: CXString) -> str:
    """Return the contents of `string` and free it; "" for a null string."""
    raw: bytes | None = lib.clang_getCString(string)
    value = raw.decode("utf-8", "replace") if raw else ""
    lib.clang_disposeString(string)
    return value


def children(cursor: Cursor) -> list[Cursor]:
    """Return the direct children of `cursor` in libclang's order."""
    found: list[Cursor] = []
    _open.append(found)
    try:
        lib.clang_visitChildren(cursor, _COLLECT, None)
    finally:
        _open.pop()
    return found


def fields(type: CXType) -> list[Cursor]:
    """Return the field declarations of a record type, also of an instantiated class template."""
    found: list[Cursor] = []
    _open.append(found)
    try:
        lib.clang_Type_visitFields(type, _COLLECT_FIELD, None)
    finally:
        _open.pop()
    return found


def identity(cursor: Cursor) -> int:
    """Return a number that is equal for equal nodes of one unit: for declarations the declaration's address."""
    return cursor.data[0] or 0


def statement_identity(cursor: Cursor) -> int:
    """Return the address of the statement or expression behind `cursor`."""
    return cursor.data[1] or 0


def spelling(cursor: Cursor) -> str:
    """Return the name of the declaration or reference, "" if it has none."""
    return text(lib.clang_getCursorSpelling(cursor))


def usr(cursor: Cursor) -> str:
    """Return clang's unified symbol resolution of a declaration, "" if it has none."""
    return text(lib.clang_getCursorUSR(cursor))


def pretty(cursor: Cursor) -> str:
    """Return the declaration printed from its tree: macros expanded, templates instantiated."""
    return text(lib.clang_getCursorPrettyPrinted(cursor, None))


def expand(location: Location) -> tuple[int, int, int, int]:
    """Return (file handle or 0, line, column, offset) where `location` is written, macro uses taken as their place
    of use.
    """
    file, line, column, offset = c_void_p(), c_uint(), c_uint(), c_uint()
    lib.clang_getExpansionLocation(location, byref(file), byref(line), byref(column), byref(offset))
    return file.value or 0, line.value, column.value, offset.value


def evaluate(cursor: Cursor) -> int | None:
    """Return the integer clang folds the expression or variable to, None if it does not."""
    result = lib.clang_Cursor_Evaluate(cursor)
    if not result:
        return None
    try:
        if lib.clang_EvalResult_getKind(result) != 1:
            return None
        if lib.clang_EvalResult_isUnsignedInt(result):
            return int(lib.clang_EvalResult_getAsUnsigned(result))
        return int(lib.clang_EvalResult_getAsLongLong(result))
    finally:
        lib.clang_EvalResult_dispose(result)


def overridden(cursor: Cursor) -> list[Cursor]:
    """Return the methods that the virtual method `cursor` overrides directly."""
    found, count = POINTER(Cursor)(), c_uint()
    lib.clang_getOverriddenCursors(cursor, byref(found), byref(count))
    # Copies: the array is freed below.
    result = [Cursor.from_buffer_copy(found[i]) for i in range(count.value)]
    if found:
        lib.clang_disposeOverriddenCursors(found)
    return result


def inclusions(unit: int) -> list[int]:
    """Return the file handles of all files that the unit includes, the main file first."""
    found: list[int] = []

    def visit(file: int, _stack: Any, _depth: int, _data: Any) -> None:
        found.append(file)

    lib.clang_getInclusions(unit, INCLUSION_VISITOR(visit), None)
    return found


def skipped(unit: int, file: int) -> list[tuple[int, int]]:
    """Return where (offsets) the preprocessor passed over lines of a file; the unit must have a detailed record."""
    found = lib.clang_getSkippedRanges(unit, file)
    if not found:
        return []
    try:
        ranges = [found.contents.ranges[number] for number in range(found.contents.count)]
        return [(expand(lib.clang_getRangeStart(r))[3], expand(lib.clang_getRangeEnd(r))[3]) for r in ranges]
    finally:
        lib.clang_disposeSourceRangeList(found)


class Unit:
    """A parsed translation unit; frees itself. `handle` is 0 where libclang returned nothing."""

    def __init__(self, file: str, arguments: list[str], unsaved: dict[str, bytes], options: int) -> None:
        self._index = lib.clang_createIndex(0, 0)
        given = (c_char_p * len(arguments))(*(argument.encode("utf-8", "surrogateescape") for argument in arguments))
        files = (Unsaved * max(1, len(unsaved)))()
        for slot, (name, contents) in zip(files, unsaved.items(), strict=False):
            slot.name, slot.contents, slot.length = name.encode("utf-8", "surrogateescape"), contents, len(contents)
        out = c_void_p()
        self.code = lib.clang_parseTranslationUnit2(
            self._index,
            file.encode("utf-8", "surrogateescape"),
            given,
            len(arguments),
            files,
            len(unsaved),
            options,
            byref(out),
        )
        self.handle: int = out.value or 0
        self._keep = (given, files)
        self._file = file.encode("utf-8", "surrogateescape")

    def cursor(self) -> Cursor:
        """Return the root of the tree."""
        root: Cursor = lib.clang_getTranslationUnitCursor(self.handle)
        return root

    def main_file(self) -> int:
        """Return the handle of the file that was parsed."""
        return int(lib.clang_getFile(self.handle, self._file) or 0)

    def contents(self, file: int) -> bytes:
        """Return the bytes of a file as clang read them."""
        size = ctypes.c_size_t()
        pointer = lib.clang_getFileContents(self.handle, file, byref(size))
        return ctypes.string_at(pointer, size.value) if pointer else b""

    def diagnostics(self) -> list[tuple[int, str, tuple[int, int, int, int]]]:
        """Return (severity 0..4, message, place as `expand` gives it) in clang's order."""
        found = []
        for number in range(lib.clang_getNumDiagnostics(self.handle)):
            entry = lib.clang_getDiagnostic(self.handle, number)
            place = expand(lib.clang_getDiagnosticLocation(entry))
            found.append((lib.clang_getDiagnosticSeverity(entry), text(lib.clang_getDiagnosticSpelling(entry)), place))
            lib.clang_disposeDiagnostic(entry)
        return found

    def __del__(self) -> None:
        if getattr(self, "handle", 0):
            lib.clang_disposeTranslationUnit(self.handle)
            self.handle = 0
        if getattr(self, "_index", None):
            lib.clang_disposeIndex(self._index)
            self._index = None
