"""Roots of a unit: what the main file itself defines (functions, templates, globals, top-level asm).

A file with a source suffix that the main file includes counts as part of it. It does not model modules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath

from barrierlint.finding import Severity
from barrierlint.source import clang_c
from barrierlint.source.clang_c import Cursor, CXType, identity, lib
from barrierlint.source.declarations import store_items
from barrierlint.source.names import FUNCTIONS
from barrierlint.source.reading import COMPOUND, CXX_TRY, Reading
from barrierlint.source.stores import record_stores

_SCOPES = frozenset((2, 3, 4, 22, 23))
_PARTS = frozenset((".c", ".cc", ".cpp", ".cxx", ".inc", ".inl", ".ipp"))
FUNCTION_TEMPLATE, CLASS_TEMPLATE, PARTIAL, UNEXPOSED, VAR = 30, 31, 32, 1, 9


@dataclass(slots=True)
class Roots:
    """What the main file defines: functions in order, patterns of templates by USR, globals."""

    functions: list[Cursor] = field(default_factory=list)
    patterns: dict[str, Cursor] = field(default_factory=dict)
    globals: list[Cursor] = field(default_factory=list)
    instantiations: list[CXType] = field(default_factory=list)


def find_roots(reading: Reading) -> Roots:
    """Return the definitions of the main file, macros used there included; note top-level asm and global register
    variables.
    """
    found = Roots()
    parts = {reading.unit.main_file(), *_part_files(reading)}
    for cursor in clang_c.children(reading.unit.cursor()):
        location = lib.clang_getCursorLocation(cursor)
        if lib.clang_Location_isFromMainFile(location) or clang_c.expand(location)[0] in parts:
            _collect(reading, cursor, found)
    return found


def _part_files(reading: Reading) -> set[int]:
    """Handles of included files that are sources rather than headers."""
    handles = clang_c.inclusions(reading.unit.handle)
    return {one for one in handles if PurePath(reading.places.path(one)).suffix in _PARTS}


def _collect(reading: Reading, cursor: Cursor, found: Roots) -> None:
    kind = cursor.kind
    if kind in FUNCTIONS:
        if any(child.kind in (COMPOUND, CXX_TRY) for child in clang_c.children(cursor)):
            found.functions.append(cursor)
    elif kind in _SCOPES:
        inner = clang_c.children(cursor)
        if kind in (2, 4) and _is_instantiation(cursor, inner):
            found.instantiations.append(lib.clang_getCursorType(cursor))
        for child in inner:
            _collect(reading, child, found)
    elif kind == VAR:
        found.globals.append(cursor)
        _note_register(reading, cursor)
    elif kind == FUNCTION_TEMPLATE:
        found.patterns[clang_c.usr(cursor)] = cursor
    elif kind in (CLASS_TEMPLATE, PARTIAL):
        for child in clang_c.children(cursor):
            if child.kind in FUNCTIONS or child.kind in (FUNCTION_TEMPLATE, CLASS_TEMPLATE):
                _collect_pattern(child, found)
    elif kind == UNEXPOSED:
        inner = clang_c.children(cursor)
        for child in inner:
            _collect(reading, child, found)
        if not inner:
            _note_asm(reading, cursor)


def _is_instantiation(cursor: Cursor, inner: list[Cursor]) -> bool:
    """Whether a class is `template class X<int>;`: of a template, and without members shown."""
    if any(child.kind in FUNCTIONS or child.kind == 6 for child in inner):
        return False
    return lib.clang_getSpecializedCursorTemplate(cursor).kind in (CLASS_TEMPLATE, PARTIAL)


def _collect_pattern(cursor: Cursor, found: Roots) -> None:
    """A member of a class template, or those of a nested one."""
    if cursor.kind == CLASS_TEMPLATE:
        for child in clang_c.children(cursor):
            if child.kind in FUNCTIONS or child.kind in (FUNCTION_TEMPLATE, CLASS_TEMPLATE):
                _collect_pattern(child, found)
    else:
        found.patterns[clang_c.usr(cursor)] = cursor


def _note_asm(reading: Reading, cursor: Cursor) -> None:
    if reading.source_text(cursor).lstrip().startswith(("asm", "__asm")):
        reading.note("top-level-asm", "top-level asm is not analysed", reading.span(cursor), Severity.NOTE)


def _note_register(reading: Reading, cursor: Cursor) -> None:
    if lib.clang_Cursor_getStorageClass(cursor) == 7:
        message = f"global register variable `{clang_c.spelling(cursor)}` is treated as ordinary memory"
        reading.note("register-variable", message, reading.span(cursor), Severity.NOTE)


def read_globals(reading: Reading, roots: Roots) -> None:
    """Read the initialisers of the globals that the main file defines and of those that functions use."""
    from barrierlint.source.functions import read_all

    waiting = list(roots.globals)
    done: set[int] = set()
    while True:
        waiting += [one for key, one in reading.globals_met.items() if key not in reading.globals]
        waiting = [one for one in waiting if identity(one) not in done]
        if not waiting:
            return
        for cursor in waiting:
            done.add(identity(cursor))
            _read_global(reading, cursor)
        read_all(reading)


def _read_global(reading: Reading, cursor: Cursor) -> None:
    variable = reading.names.variable(cursor)
    definition = lib.clang_getCursorDefinition(cursor)
    initial = lib.clang_Cursor_getVarDeclInitializer(definition if definition.kind == VAR else cursor)
    value = reading.expression(initial) if 100 <= initial.kind < 200 else None
    if value is not None:
        record_stores(reading, variable.id, value)
        store_items(reading, variable, value)
    if reading.globals.get(variable.id, (variable, None))[1] is None:
        reading.globals[variable.id] = (variable, value)
