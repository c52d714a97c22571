"""Merged values: one symbol for what differs at a join, and what it may point from.

What it does not model: which path gave which value (states that must not be merged are kept apart instead).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache

from barrierlint.dataflow.memory import tag
from barrierlint.dataflow.provenance import bases
from barrierlint.dataflow.values import leaves
from barrierlint.terms import AddressOf, Const, Term, Unknown

PAGE = 1 << 12
"""The smallest granule. Constants below it are no addresses: null, sizes, flags."""
MAX_SOURCES = 16
"""Base symbols remembered of one merged value."""


@lru_cache(maxsize=1 << 16)
def _symbol(place: str, key: str | Term) -> Unknown:
    return Unknown(f"{place}:{key if isinstance(key, str) else tag(key)}")


class Phis:
    """Symbols that stand for a merged (or large, or a callee's) value, with the base symbols it was made from.

    The sources of a symbol are flat: never such symbols again, only what those were made from when they were merged in.
    `given` tells of a result what the call that gave it was handed.
    """

    def __init__(self) -> None:
        self.sources: dict[Unknown, dict[Term, None]] = {}
        self.given: dict[Unknown, frozenset[Term]] = {}
        self.grown = 0  # how often sources were added: what was worked out is good until the next time
        self._merged: dict[Unknown, dict[Term, int]] = {}
        self._roots: dict[Term, tuple[int, frozenset[Term]]] = {}

    def merge(self, place: str, key: str | Term, *values: Term) -> Term:
        """One symbol for several values of `key` (a variable or a cell) at `place` (a join)."""
        symbol = _symbol(place, key)
        merged = self._merged.get(symbol)
        if merged is None:
            merged = self._merged[symbol] = {}
        for value in values:
            if value is symbol or value == symbol:
                continue
            known = self._known(value)
            if merged.get(value) != known:
                self.note(symbol, self.ordered_roots(value))
                merged[value] = known
        return symbol

    def _known(self, value: Term) -> int:
        """How many sources the symbols have that a value points from: they only grow, so its roots are as they were as
        long as this is.
        """
        if isinstance(value, Unknown):
            return len(self.sources.get(value, ()))
        return sum(len(self.sources.get(base, ())) for base in bases(value) if isinstance(base, Unknown))

    def large(self, value: Term) -> Unknown:
        """A symbol for a value too large to keep; equal values get equal symbols, in every run."""
        symbol = Unknown(f"large:{zlib.crc32(repr(value).encode()):08x}")
        self.note(symbol, self.ordered_roots(value))
        return symbol

    def note(self, symbol: Unknown, sources: Iterable[Term]) -> None:
        """Record what a symbol is based on; of many sources the first are kept."""
        known = self.sources.setdefault(symbol, {})
        for base in sources:
            if len(known) >= MAX_SOURCES:
                return
            if base not in self.sources and base not in known:
                known[base] = None
                self.grown += 1

    def ordered_roots(self, term: Term) -> Iterator[Term]:
        """The base symbols of an address, merged ones with their sources; a constant is its own base."""
        if isinstance(term, Const):
            if term.value >= PAGE:
                yield term
            return
        for base in bases(term):
            yield base
            if isinstance(base, Unknown):
                yield from tuple(self.sources.get(base, ()))  # a copy: whoever reads may note more

    def roots(self, term: Term) -> frozenset[Term]:
        """`ordered_roots` as a set."""
        known, found = self._known(term), self._roots.get(term)
        if found is None or found[0] != known:
            found = self._roots[term] = (known, frozenset(self.ordered_roots(term)))
        return found[1]

    def origins(self, term: Term, *, through_calls: bool = False) -> frozenset[Term]:
        """All symbols and loads that a value is computed from, indices too; of results what their calls were handed."""
        found: set[Term] = set()
        for leaf in leaves(term):
            if isinstance(leaf, AddressOf):
                continue
            for symbol in (leaf, *(self.sources.get(leaf, ()) if isinstance(leaf, Unknown) else ())):
                found.add(symbol)
                if through_calls and isinstance(symbol, Unknown):
                    found |= self.given.get(symbol, frozenset())
        return frozenset(found)

    def was_given(self, result: Unknown, symbols: Iterable[Term]) -> None:
        """Record what the call that gave `result` was handed; of much the first by name."""
        kept = sorted({symbol for symbol in symbols if symbol != result}, key=tag)
        self.given[result] = frozenset(kept[:MAX_SOURCES])

    def is_made_of(self, term: Term, symbols: frozenset[Term]) -> bool:
        """Whether a value is computed from `symbols` whichever way was taken: of a merged one all that it may be."""
        for leaf in leaves(term):
            made = set(self.sources.get(leaf, ())) if isinstance(leaf, Unknown) else set()
            if leaf in symbols or (made and made <= symbols):
                return True
        return False
