"""Types of the tree from clang's types, one object a type.

A `Type` names records by USR and so never nests without end. It does not model qualifiers other than volatile, nor
calling conventions.
"""

from __future__ import annotations

from barrierlint.source import clang_c
from barrierlint.source.clang_c import Cursor, CXType, lib
from barrierlint.source.places import position
from barrierlint.source.tree import Type

_BOOL, _POINTER, _LVALUE, _RVALUE, _RECORD, _ENUM, _ATOMIC, _MEMBER_POINTER = 3, 101, 103, 104, 105, 106, 177, 117
_UNSIGNED = frozenset((3, 4, 5, 6, 7, 8, 9, 10, 11, 12))
_INTEGERS = frozenset(range(4, 21)) - {_BOOL}
_FLOATING = frozenset((21, 22, 23, 30, 31, 32, 39))
_ARRAYS = frozenset((112, 114, 115, 116))
_FUNCTIONS = frozenset((110, 111))
_POINTERS = frozenset((_POINTER, 102, 24))
_SIZED = (
    _INTEGERS | _FLOATING | _ARRAYS | _POINTERS | {_BOOL, _LVALUE, _RVALUE, _RECORD, _ENUM, _MEMBER_POINTER, 100, 113}
)

VOID = Type("void", "void", "void")
UNKNOWN = Type("", "", "other")


class Types:
    """Types of one unit, cached by clang's own identity of them; `seen` holds a declaration of each record met."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, int], Type] = {}
        self.seen: dict[str, tuple[Cursor, CXType]] = {}
        self._usrs: dict[int, str] = {}

    def forget(self) -> None:
        """Forget nodes of the unit read so far; what is known of its records stays."""
        self._known, self._usrs = {}, {}

    def of(self, cursor: Cursor) -> Type:
        """Return the type of a declaration or expression."""
        return self.convert(lib.clang_getCursorType(cursor))

    def convert(self, raw: CXType) -> Type:
        """Return the tree's type for clang's `raw`."""
        key = (raw.kind, raw.data[0] or 0, raw.data[1] or 0)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._build(raw)
        return known

    def _build(self, raw: CXType) -> Type:
        canonical = lib.clang_getCanonicalType(raw)
        volatile = bool(lib.clang_isVolatileQualifiedType(canonical))
        atomic = canonical.kind == _ATOMIC
        inner = lib.clang_getCanonicalType(lib.clang_Type_getValueType(canonical)) if atomic else canonical
        kind = inner.kind
        spelling = _unqualified(clang_c.text(lib.clang_getTypeSpelling(canonical)))
        name = _unqualified(clang_c.text(lib.clang_getTypeSpelling(raw)))
        # Asking for the size of a placeholder (dependent, overloaded, bound member) is a trap inside clang.
        size = max(0, lib.clang_Type_getSizeOf(canonical)) if kind in _SIZED else 0
        if kind == 2:
            return Type(spelling, name, "void", volatile=volatile)
        if kind in _INTEGERS or kind in (_BOOL, _ENUM) or kind in _FLOATING:
            return Type(spelling, name, _scalar(kind), size, self._signed(inner), volatile, atomic)
        if kind in _POINTERS or kind in (_LVALUE, _RVALUE):
            shape = "reference" if kind in (_LVALUE, _RVALUE) else "pointer"
            pointee = lib.clang_getPointeeType(raw if raw.kind == kind else inner)
            element = self.convert(pointee) if kind != 24 else VOID
            return Type(spelling, name, shape, size, volatile=volatile, atomic=atomic, element=element)
        if kind in _ARRAYS:
            element = self.convert(lib.clang_getElementType(raw if raw.kind == kind else inner))
            length = max(0, lib.clang_getArraySize(inner)) if kind == 112 else 0
            return Type(
                spelling, name, "array", size, volatile=volatile or element.volatile, element=element, length=length
            )
        if kind in _FUNCTIONS:
            return Type(spelling, name, "function", element=self.convert(lib.clang_getResultType(inner)))
        if kind == _RECORD:
            return Type(spelling, name, "record", size, volatile=volatile, atomic=atomic, record=self.record(inner))
        return Type(spelling, name, "other", size, volatile=volatile, atomic=atomic)

    def record(self, raw: CXType) -> str:
        """Return the USR of the record that the record type `raw` names and remember its declaration."""
        declaration = lib.clang_getTypeDeclaration(raw)
        identity = clang_c.identity(declaration)
        known = self._usrs.get(identity)
        if known is None:
            known = clang_c.usr(declaration)
            if lib.clang_Cursor_isAnonymous(declaration):  # all anonymous members of a class share one USR
                known += f"~{position(declaration)[1]}"
            self._usrs[identity] = known
            self.seen.setdefault(known, (declaration, raw))
        return known

    def _signed(self, raw: CXType) -> bool:
        if raw.kind == _ENUM:
            raw = lib.clang_getCanonicalType(lib.clang_getEnumDeclIntegerType(lib.clang_getTypeDeclaration(raw)))
        return raw.kind not in _UNSIGNED


def _scalar(kind: int) -> str:
    if kind == _BOOL:
        return "bool"
    if kind == _ENUM:
        return "enum"
    return "floating" if kind in _FLOATING else "integer"


def _unqualified(spelling: str) -> str:
    """`const` and `volatile` in front say nothing about the kind of a thing: `volatile` is a flag of its own."""
    while True:
        for word in ("const ", "volatile ", "restrict "):
            if spelling.startswith(word) and not spelling.endswith("*"):
                spelling = spelling[len(word) :]
                break
        else:
            return spelling
