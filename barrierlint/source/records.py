"""Records of the unit: fields with offsets, for the classes that types in the tree name.

Offsets and widths are in bits. It does not lay out what clang could not (incomplete or invalid classes have no fields).
"""

from __future__ import annotations

from barrierlint.source import clang_c
from barrierlint.source.clang_c import CXType, lib
from barrierlint.source.lifetimes import bases
from barrierlint.source.names import standard_name
from barrierlint.source.reading import Reading
from barrierlint.source.tree import Record, Type

_RECORD_TYPE = 105


def read_records(reading: Reading) -> tuple[Record, ...]:
    """Return the records that types read so far name, with those of their fields and bases."""
    found: dict[str, Record] = {}
    while len(found) < len(reading.types.seen):
        for usr, (_, raw) in list(reading.types.seen.items()):
            if usr not in found:
                found[usr] = _record(reading, usr, raw)
    return tuple(found.values())


def _record(reading: Reading, usr: str, raw: CXType) -> Record:
    name = standard_name(clang_c.text(lib.clang_getTypeSpelling(lib.clang_getCanonicalType(raw))))
    size = max(0, lib.clang_Type_getSizeOf(raw))
    fields: list[tuple[str, Type, int, int]] = []
    foreign = name.startswith("std::") and not name.startswith("std::atomic")
    for field in [] if foreign else clang_c.fields(raw):
        inner = lib.clang_getCanonicalType(lib.clang_getCursorType(field))
        if inner.kind == _RECORD_TYPE and lib.clang_Cursor_isAnonymousRecordDecl(lib.clang_getTypeDeclaration(inner)):
            start = max(0, lib.clang_Cursor_getOffsetOfField(field))
            nested = _record(reading, reading.types.record(inner), inner).fields
            fields += [(member, type, start + offset, bits) for member, type, offset, bits in nested]
            continue
        width = lib.clang_getFieldDeclBitWidth(field) if lib.clang_Cursor_isBitField(field) else 0
        offset = max(0, lib.clang_Cursor_getOffsetOfField(field))
        fields.append((clang_c.spelling(field), reading.type(field), offset, width))
    above = []
    for base in [] if foreign else bases(raw):
        type = lib.clang_getCanonicalType(lib.clang_getCursorType(base))
        if type.kind == _RECORD_TYPE:
            above.append(reading.types.record(type))
    return Record(usr, name.removeprefix("struct ").removeprefix("union "), size, tuple(fields), tuple(above))
