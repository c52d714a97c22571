"""Possible targets of virtual calls: methods anywhere in the unit that override those called.

Only classes outside the standard library are searched, once a unit. Overriders in instantiated class templates are
known only if something else reaches them.
"""

from __future__ import annotations

from barrierlint.source import clang_c
from barrierlint.source.clang_c import Cursor, lib
from barrierlint.source.reading import Reading

_SCOPES = frozenset((1, 2, 4, 22, 23))  # extern "C", struct, class, namespace, linkage specification
_METHOD, _DESTRUCTOR = 21, 25


def find_overriders(reading: Reading, wanted: set[str]) -> list[Cursor]:
    """Return the methods that override, directly or not, a method whose USR is in `wanted`."""
    found = []
    for method in _virtual_methods(reading):
        if method.kind == _DESTRUCTOR and lib.clang_CXXMethod_isDefaulted(method):
            continue
        if _roots(reading, method) & wanted:
            found.append(method)
    return found


def _roots(reading: Reading, method: Cursor) -> set[str]:
    """The USRs of everything `method` overrides."""
    found: set[str] = set()
    pending = clang_c.overridden(method)
    while pending:
        above = pending.pop()
        found.add(reading.names.usr(above))
        pending += clang_c.overridden(above)
    return found


def _virtual_methods(reading: Reading) -> list[Cursor]:
    """All virtual methods declared in classes of the unit outside system headers."""
    found: list[Cursor] = []
    stack = [one for one in clang_c.children(reading.unit.cursor()) if not _is_system(one)]
    while stack:
        cursor = stack.pop()
        if cursor.kind in _SCOPES:
            stack.extend(clang_c.children(cursor))
        elif cursor.kind in (_METHOD, _DESTRUCTOR) and lib.clang_CXXMethod_isVirtual(cursor):
            found.append(cursor)
    return found


def _is_system(cursor: Cursor) -> bool:
    return bool(lib.clang_Location_isInSystemHeader(lib.clang_getCursorLocation(cursor)))
