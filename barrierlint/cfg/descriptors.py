"""Which C types look like translation table descriptors, and why.

A model's word is strong evidence; a name such as `pte_t`, or bit-fields where a descriptor has its fields, is weak, and
counts only for a 64-bit integer or a transparent 8-byte record (DDI 0487 D8.3: a VMSAv8-64 descriptor is one
doubleword). What it does not model: 128-bit descriptors (FEAT_D128), and where a pointer comes from: the data flow
finds tables by use.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from barrierlint.cfg.descriptor_names import named_like_descriptor
from barrierlint.cfg.records import Layouts
from barrierlint.source.tree import Type

if TYPE_CHECKING:
    from barrierlint.models import Models

STRONG, WEAK = 2, 1
_PAGE, _ADDRESS = 12, 24
_TYPE = {(0, 1), (1, 1)}
_LEAF = {(2, 3), (8, 2), (10, 1)}
_STAGE_2_LEAF = {(2, 4), (8, 2), (10, 1)}
_TABLE = {(61, 2), (63, 1)}
"""Where fields lie: valid and type; AttrIndx or MemAttr, SH and AF; APTable and NSTable."""
_LAID_OUT = "its bit-fields lie where a descriptor's fields do"
NAMED = "named like a descriptor"
"""The beginning of weak evidence: a type's name, and nothing else."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a type counts as a descriptor, strongest reason first; `strength` is STRONG or WEAK."""

    reasons: tuple[str, ...]
    strength: int


class Descriptors:
    """Answers, for types, whether a store to an lvalue of that type writes a descriptor; answers are cached."""

    def __init__(self, models: Models, layouts: Layouts) -> None:
        self._models = models
        self._layouts = layouts
        self._known: dict[tuple[str, str, str], Evidence | None] = {}

    def evidence(self, type: Type) -> Evidence | None:
        """Return why `type` counts as a descriptor type, None if nothing says so."""
        key = (type.name, type.spelling, type.record)
        if key not in self._known:
            self._known[key] = self._find(type)
        return self._known[key]

    def _find(self, type: Type) -> Evidence | None:
        name = plain_name(type)
        declared = self._models.descriptor_type(name, type.spelling)
        if declared:
            return Evidence((declared,), STRONG)
        word = self._layouts.word(type)
        if word is None or word.kind != "integer" or word.size != 8:
            return None
        for candidate in dict.fromkeys((name, plain_spelling(type))):
            if named_like_descriptor(candidate):
                return Evidence((f"{NAMED}: {candidate}",), WEAK)
        return Evidence((_LAID_OUT,), WEAK) if is_laid_out(self._layouts.bit_fields(type)) else None


def is_laid_out(fields: Iterable[tuple[int, int]]) -> bool:
    """Whether bit-fields (first bit, width) lie where a leaf or a table descriptor of VMSAv8-64 has its own
    (DDI 0487 D8.3.1, D8.3.2).
    """
    found = set(fields)
    addressed = any(first == _PAGE and width >= _ADDRESS for first, width in found)
    return addressed and found >= _TYPE and (found >= _LEAF or found >= _STAGE_2_LEAF or found >= _TABLE)


def plain_name(type: Type) -> str:
    """The name as written without qualifiers, its canonical spelling where the name is a typeof or missing."""
    name = type.name
    if not name or name.startswith(("typeof", "__typeof", "decltype", "auto")) or "typeof" in name:
        return plain_spelling(type)
    return _strip(name)


def plain_spelling(type: Type) -> str:
    """The canonical spelling without qualifiers."""
    return _strip(type.spelling)


def _strip(name: str) -> str:
    if "*" in name or "(" in name:
        return name
    return " ".join(word for word in name.split() if word not in _DROPPED)


_DROPPED = frozenset({"const", "volatile", "struct", "union", "class", "enum", "restrict"})
