"""Names that hold across translation units: USRs of functions, ids of variables, printable qualified names.

USRs of lambdas, and of what is instantiated with one, carry no place in clang 18: one is added here so that two
lambdas of a function stay apart. It does not demangle symbols.
"""

from __future__ import annotations

import re
import zlib

from barrierlint.source import clang_c
from barrierlint.source.clang_c import Cursor, CXType, lib
from barrierlint.source.places import position
from barrierlint.source.tree import Type, Variable
from barrierlint.source.types import Types

NAMESPACE, LINKAGE_SPEC = 22, 23
FUNCTIONS = frozenset((8, 21, 24, 25, 26))  # function, method, constructor, destructor, conversion function
RECORDS = frozenset((2, 3, 4, 31, 32))  # struct, union, class, class template, partial specialisation
LAMBDA = "(lambda)"
_STATIC, _PARAM, _FUNCTION_TEMPLATE = 3, 10, 30
_INLINE_STD = re.compile(r"\bstd::(?:__1|__cxx11|__ndk1|__atomic_impl)::")
_ATOMIC_BASE = re.compile(r"\bstd::__atomic_(?:base|float|flag_base|ref|ref_base)\b")


class Names:
    """Names of one unit."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._usrs: dict[int, str] = {}
        self._qualified: dict[int, str] = {}
        self._variables: dict[int, Variable] = {}
        self._taken: set[str] = set()

    def forget(self) -> None:
        """Forget nodes of the unit read so far; ids given stay taken."""
        self._usrs, self._qualified, self._variables = {}, {}, {}

    def usr(self, cursor: Cursor) -> str:
        """Return the USR of a function, method or record, unique even for lambdas."""
        identity = clang_c.identity(cursor)
        known = self._usrs.get(identity)
        if known is None:
            known = clang_c.usr(cursor)
            if "@Sa" in known and cursor.kind in FUNCTIONS:
                shape = clang_c.text(lib.clang_getTypeSpelling(lib.clang_getCursorType(cursor)))
                where = position(cursor)[1] if "@Sa@F@operator" in known else 0
                known += f"~{zlib.crc32(f'{shape}{where}'.encode()):08x}"
            self._usrs[identity] = known
        return known

    def pattern(self, cursor: Cursor) -> str:
        """Return the USR of a template; of a generic lambda's call operator with its place."""
        known = clang_c.usr(cursor)
        generic = cursor.kind == _FUNCTION_TEMPLATE and "@Sa" in known
        return f"{known}~{position(cursor)[1]}" if generic else known

    def qualified(self, cursor: Cursor) -> str:
        """Return the printable qualified name of a function: namespaces, class with template arguments, name.

        That of a lambda is told by the function it stands in, `Class::method::(lambda)::operator()`, and holds no line.
        """
        identity = clang_c.identity(cursor)
        known = self._qualified.get(identity)
        if known is None:
            scope = self._scope(lib.clang_getCursorSemanticParent(cursor))
            known = standard_name(scope + clang_c.spelling(cursor) + self._arguments(cursor))
            self._qualified[identity] = known
        return known

    def _scope(self, parent: Cursor) -> str:
        if parent.kind in RECORDS and clang_c.spelling(parent).startswith("(lambda"):
            outer = lib.clang_getCursorSemanticParent(parent)
            return (self.qualified(outer) + "::" if outer.kind in FUNCTIONS else self._scope(outer)) + f"{LAMBDA}::"
        if parent.kind in RECORDS:
            spelling = clang_c.text(
                lib.clang_getTypeSpelling(lib.clang_getCanonicalType(lib.clang_getCursorType(parent)))
            )
            return (spelling or clang_c.spelling(parent)).removeprefix("struct ").removeprefix("union ") + "::"
        if parent.kind == NAMESPACE:
            name = clang_c.spelling(parent)
            return self._scope(lib.clang_getCursorSemanticParent(parent)) + (f"{name}::" if name else "")
        if parent.kind in (LINKAGE_SPEC, 1):
            return self._scope(lib.clang_getCursorSemanticParent(parent))
        return ""

    def _arguments(self, cursor: Cursor) -> str:
        """`<int, 3>` of a function template's instantiation (libclang 18 gives none for methods)."""
        count = lib.clang_Cursor_getNumTemplateArguments(cursor) if cursor.kind == 8 else -1
        if count <= 0:
            return ""
        return "<" + ", ".join(self._argument(cursor, number) for number in range(count)) + ">"

    def _argument(self, cursor: Cursor, number: int) -> str:
        kind = lib.clang_Cursor_getTemplateArgumentKind(cursor, number)
        if kind == 1:
            return self.type_name(lib.clang_Cursor_getTemplateArgumentType(cursor, number))
        if kind == 4:
            return str(lib.clang_Cursor_getTemplateArgumentValue(cursor, number))
        return "..."

    def type_name(self, raw: CXType) -> str:
        """Return the canonical spelling of a type."""
        return clang_c.text(lib.clang_getTypeSpelling(lib.clang_getCanonicalType(raw)))

    def variable(self, cursor: Cursor) -> Variable:
        """Return the variable that the declaration `cursor` declares, with one id for all its redeclarations."""
        identity = clang_c.identity(cursor)
        known = self._variables.get(identity)
        if known is None:
            known = self._variables[identity] = self._variable(cursor)
        return known

    def _variable(self, cursor: Cursor) -> Variable:
        name = clang_c.spelling(cursor)
        kind = self._kind(cursor)
        type = self._types.of(cursor)
        if kind == "global":
            return Variable(f"{clang_c.usr(cursor)}#{name}#0", name, type, kind, _is_const(cursor))
        owner = lib.clang_getCursorSemanticParent(cursor)
        return Variable(self.fresh(self.usr(owner), name, position(cursor)[1]), name, type, kind, _is_const(cursor))

    def fresh(self, owner: str, name: str, offset: int) -> str:
        """Return a new id; locals of nested uses of one macro share name and offset and are numbered."""
        base = id = f"{owner}#{name}#{offset}"
        count = 1
        while id in self._taken:
            count += 1
            id = f"{base}.{count}"
        self._taken.add(id)
        return id

    def _kind(self, cursor: Cursor) -> str:
        if cursor.kind == _PARAM:
            return "param"
        if cursor.kind == 9 and lib.clang_Cursor_hasVarDeclGlobalStorage(cursor) == 1:
            owner = lib.clang_getCursorSemanticParent(cursor)
            local = owner.kind in FUNCTIONS and lib.clang_Cursor_getStorageClass(cursor) == _STATIC
            return "static" if local else "global"
        return "local"

    def type(self, cursor: Cursor) -> Type:
        """Return the type of a node."""
        return self._types.of(cursor)


def _is_const(cursor: Cursor) -> bool:
    """Whether a declared object cannot change; clang says of an array's canonical type what its elements are."""
    return bool(lib.clang_isConstQualifiedType(lib.clang_getCanonicalType(lib.clang_getCursorType(cursor))))


def standard_name(name: str) -> str:
    """Return `name` with the standard library's internal namespaces and bases of atomics as the standard calls them."""
    if "std::" not in name:
        return name
    name = _INLINE_STD.sub("std::", name)
    return _ATOMIC_BASE.sub(_atomic_name, name)


def _atomic_name(match: re.Match[str]) -> str:
    word = match.group()
    if "ref" in word:
        return "std::atomic_ref"
    return "std::atomic_flag" if "flag" in word else "std::atomic"


def is_standard_atomic(qualified: str) -> bool:
    """Whether `qualified` is part of the standard's atomics library, whose names say what it does."""
    return qualified.startswith(("std::atomic", "std::operator|(std::memory_order", "std::kill_dependency"))
