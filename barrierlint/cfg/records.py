"""The layout of records: which are transparent (one scalar in a wrapper), and the scalar leaves of the others.

A record of 1, 2, 4 or 8 bytes whose leaves are one scalar of the same size, or bit-fields and other views of one such
word, is *transparent*: its value is the scalar's term, its address the scalar's address. So `typedef struct { u64 pte;
} pte_t`, a class around one integer or pointer, and a union of a word with its bit-fields keep their value through
copies, arguments and results. What it does not model: padding, virtual bases, and the offset of a second base class.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from barrierlint.cfg.fold import SCALARS
from barrierlint.source.tree import Record, Type

WORDS = (1, 2, 4, 8)
"""Sizes in bytes an access can have as one."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar or transparent record inside an object: the member names (or indices) that lead to it, its type, first
    bit, and width if a bit-field.
    """

    path: tuple[str | int, ...]
    type: Type
    first: int
    width: int = 0

    @property
    def bits(self) -> int:
        """How many bits it occupies."""
        return self.width or 8 * size_of(self.type)


def size_of(type: Type) -> int:
    """The bytes an object of `type` takes; a reference is kept as an address (clang gives its referent's size)."""
    return 8 if type.kind == "reference" else type.size


def is_closure(type: Type) -> bool:
    """True for the class of a lambda, whose captured variables keep their own ids and so need no copy."""
    return "(lambda" in type.spelling


def is_anonymous(name: str) -> bool:
    """True for the name of an anonymous union or struct inside a record."""
    return not name or "(anonymous" in name or "(unnamed" in name


class Layouts:
    """Looks up records by USR; answers are cached. All bit offsets count from the start of the record asked about."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._records: dict[str, Record] = {}
        for record in records:
            self._records.setdefault(record.usr, record)
        self._words: dict[str, Type | None] = {}
        self._leaves: dict[str, tuple[Leaf, ...] | None] = {}

    def record(self, type: Type) -> Record | None:
        """The record of `type`, None if it is none or its definition was not seen."""
        return self._records.get(type.record) if type.kind == "record" else None

    def word(self, type: Type) -> Type | None:
        """The scalar type that holds a value of `type`: itself, a transparent record's word, or None."""
        if type.kind in SCALARS or type.kind == "floating":
            return type
        if type.kind != "record" or not type.record or is_closure(type):
            return None
        if type.record not in self._words:
            self._words[type.record] = self._find_word(type)
        return self._words[type.record]

    def leaves(self, type: Type) -> tuple[Leaf, ...] | None:
        """The scalar leaves of `type` in order, all views of a union included; None if the layout is not known or
        large.
        """
        if type.kind == "record":
            if type.record not in self._leaves:
                self._leaves[type.record] = None  # a record that contains itself is broken code
                self._leaves[type.record] = self._record_leaves(type)
            return self._leaves[type.record]
        if type.kind == "array":
            return self._array_leaves(type)
        return (Leaf((), type, 0),) if type.kind in SCALARS or type.kind == "floating" else None

    def parts(self, type: Type, limit: int = 4) -> tuple[Leaf, ...] | None:
        """The leaves that a copy of `type` moves (of a union the widest view, no bit-fields), None if unknown or over
        `limit`.
        """
        leaves = self.leaves(type)
        if leaves is None or any(leaf.width for leaf in leaves):
            return None
        chosen: list[Leaf] = []
        for leaf in sorted(leaves, key=lambda leaf: (leaf.first, -leaf.bits)):
            if not chosen or leaf.first >= chosen[-1].first + chosen[-1].bits:
                chosen.append(leaf)
        return tuple(chosen) if len(chosen) <= limit else None

    def field(self, record: str, name: str) -> Leaf | None:
        """Member `name` of the record with USR `record`, looked up through anonymous members and bases."""
        found = self._records.get(record)
        if found is None:
            return None
        for field, type, first, width in found.fields:
            if field == name:
                return Leaf((name,), type, first, width)
        for field, type, first, _ in found.fields:
            inner = self.field(type.record, name) if is_anonymous(field) and type.kind == "record" else None
            if inner is not None:
                return replace(inner, first=first + inner.first)
        for base in found.bases:
            inner = self.field(base, name) if base != record else None
            if inner is not None:
                return inner
        return None

    def bit_fields(self, type: Type, first: int = 0) -> frozenset[tuple[int, int]]:
        """The bit-fields of a record of one word and of what is in it, all views of a union: (first bit, width)."""
        record = self.record(type)
        if record is None or record.size not in WORDS:
            return frozenset()
        own = {(first + at, width) for _, _, at, width in record.fields if width}
        return frozenset(own).union(*(self.bit_fields(member, first + at) for _, member, at, _ in record.fields))

    def _find_word(self, type: Type) -> Type | None:
        record = self._records.get(type.record)
        leaves = self.leaves(type)
        if record is None or record.size not in WORDS or leaves is None:
            return None
        if not leaves and record.size < 8:
            return None  # an empty class has a size of 1 and no value
        if all(leaf.width for leaf in leaves):  # or none is known: libclang hides the bases of template instantiations
            return Type(f"unsigned {8 * record.size}-bit", "", "integer", record.size)
        whole = [leaf for leaf in leaves if not leaf.width and leaf.first == 0 and size_of(leaf.type) == record.size]
        words = [self.word(leaf.type) for leaf in whole]
        return next((word for word in words if word is not None), None)

    def _record_leaves(self, type: Type) -> tuple[Leaf, ...] | None:
        record = self._records.get(type.record)
        if record is None:
            return None
        result: list[Leaf] = []
        for base in record.bases:
            inner = self.leaves(Type(base, "", "record", record=base))
            if inner is None:
                return None
            result += inner
        for name, member, first, width in record.fields:
            single = width or (member.kind == "record" and self.word(member) is not None)
            inner = (Leaf((), member, 0, width),) if single else self.leaves(member)
            if inner is None or len(result) > 64:
                return None
            prefix = () if is_anonymous(name) else (name,)
            result += [replace(leaf, path=prefix + leaf.path, first=first + leaf.first) for leaf in inner]
        return tuple(result)

    def _array_leaves(self, type: Type) -> tuple[Leaf, ...] | None:
        if type.element is None or not 0 < type.length <= 8:
            return None
        inner = self.leaves(type.element)
        if inner is None:
            return None
        step = 8 * type.element.size
        return tuple(
            replace(leaf, path=(index, *leaf.path), first=step * index + leaf.first)
            for index in range(type.length)
            for leaf in inner
        )
