"""Destructors: which function runs when an object dies, implicit ones included.

An implicit destructor that runs those of members or bases is made here as a function with an empty body. libclang
shows no members of an instantiated class template, so its destructor is asked for with a probe (see `probes`);
without an answer the loss is noted. It does not model virtual bases.
"""

from __future__ import annotations

from barrierlint.source import clang_c
from barrierlint.source.clang_c import Cursor, CXType, lib
from barrierlint.source.names import RECORDS
from barrierlint.source.reading import COMPOUND, CXX_TRY, Reading
from barrierlint.source.tree import Compound, Function
from barrierlint.source.types import VOID

DESTRUCTOR, BASE, FIELD = 25, 44, 6
_RECORD_TYPE = 105


def destructor(reading: Reading, raw: CXType) -> str:
    """Return the USR of the destructor that runs for an object of type `raw`, "" if none matters."""
    if not reading.cxx:
        return ""
    raw = lib.clang_getCanonicalType(raw)
    while raw.kind == 112:
        raw = lib.clang_getCanonicalType(lib.clang_getElementType(raw))
    if raw.kind != _RECORD_TYPE:
        return ""
    record = reading.types.record(raw)
    known = reading.destructors.get(record)
    if known is None:
        reading.destructors[record] = ""  # a class cannot contain itself; this ends malformed recursion
        known = reading.destructors[record] = _find(reading, raw, record)
    return known


def members(reading: Reading, raw: CXType) -> tuple[str, ...]:
    """Return the destructors of members and bases of a class in the order they run."""
    types = [lib.clang_getCursorType(one) for one in reversed(clang_c.fields(raw))]
    types += [lib.clang_getCursorType(one) for one in reversed(bases(raw))]
    found = [destructor(reading, one) for one in types]
    return tuple(usr for usr in found if usr)


def bases(raw: CXType) -> list[Cursor]:
    """Return the base specifiers of a class; of an instantiation those of its template."""
    declaration = lib.clang_getTypeDeclaration(raw)
    found = [child for child in clang_c.children(declaration) if child.kind == BASE]
    if found:
        return found
    pattern = lib.clang_getSpecializedCursorTemplate(declaration)
    if pattern.kind not in RECORDS:
        return []
    return [child for child in clang_c.children(pattern) if child.kind == BASE]


def explicit_destructor(reading: Reading, named: Cursor) -> str:
    """Return the USR of the destructor `named` in a call `p->~T()`; implicit ones are made."""
    owner = lib.clang_getCursorType(lib.clang_getCursorSemanticParent(named))
    return destructor(reading, owner) or reading.names.usr(named)


def _find(reading: Reading, raw: CXType, record: str) -> str:
    """The destructor of a class, found in its declaration, by a probe, or made."""
    declaration = lib.clang_getTypeDeclaration(raw)
    if _is_foreign(raw):
        return ""
    own = _declared(declaration)
    if own is not None and not lib.clang_CXXMethod_isDefaulted(own):
        return _explicit(reading, own, raw)
    if own is None:
        pattern = lib.clang_getSpecializedCursorTemplate(declaration)
        written = _declared(pattern) if pattern.kind in RECORDS else None
        if written is not None and not lib.clang_CXXMethod_isDefaulted(written) and not _is_empty(written):
            return _probed(reading, raw, record, declaration)
    return _implicit(reading, raw, record, declaration)


def _declared(declaration: Cursor) -> Cursor | None:
    """The destructor among the members that libclang shows."""
    for child in clang_c.children(declaration):
        if child.kind == DESTRUCTOR:
            return child
    return None


def _is_empty(own: Cursor) -> bool:
    """Whether the destructor has a body and the body does nothing."""
    definition = lib.clang_getCursorDefinition(own)
    for child in clang_c.children(definition):
        if child.kind in (COMPOUND, CXX_TRY):
            return child.kind == COMPOUND and not clang_c.children(child)
    return False


def _explicit(reading: Reading, own: Cursor, raw: CXType) -> str:
    if _is_empty(own) and not lib.clang_CXXMethod_isVirtual(own) and not members(reading, raw):
        return ""
    usr = reading.need(own)
    if lib.clang_CXXMethod_isVirtual(own):
        reading.dispatched.setdefault(usr, own)
    return usr


def _probed(reading: Reading, raw: CXType, record: str, declaration: Cursor) -> str:
    """The destructor of an instantiated template, as a probe found it; else ask for one."""
    found = reading.probed.get(record)
    if found is not None:
        return reading.need(found)
    spelling = clang_c.text(lib.clang_getTypeSpelling(raw))
    reading.to_probe[record] = f"using P = {spelling}; ((P *)0)->~P();"
    return f"{record}@F@~{clang_c.spelling(declaration)}#"


def _implicit(reading: Reading, raw: CXType, record: str, declaration: Cursor) -> str:
    """Make the destructor that only runs those of members and bases."""
    inner = members(reading, raw)
    if not inner:
        return ""
    name = f"~{clang_c.spelling(declaration)}"
    usr = f"{record}@F@{name}#"
    span = reading.places.span(declaration)
    qualified = f"{clang_c.text(lib.clang_getTypeSpelling(raw))}::{name}"
    body = Compound(span, ())
    reading.made[usr] = Function(
        usr, name, qualified, (), VOID, body, span, record, members=inner, kind="destructor", external=False
    )
    reading.asked.add(usr)
    return usr


def _is_foreign(raw: CXType) -> bool:
    """Whether the class is a system library's and made of nothing of the user's: its destructor is of no interest."""
    location = lib.clang_getCursorLocation(lib.clang_getTypeDeclaration(raw))
    standard = clang_c.text(lib.clang_getTypeSpelling(raw)).startswith(("std::", "__gnu_cxx::"))
    if not standard and not lib.clang_Location_isInSystemHeader(location):
        return False
    for number in range(max(0, lib.clang_Type_getNumTemplateArguments(raw))):
        argument = lib.clang_getCanonicalType(lib.clang_Type_getTemplateArgumentAsType(raw, number))
        if argument.kind == _RECORD_TYPE and not _is_foreign(argument):
            return False
    return True
