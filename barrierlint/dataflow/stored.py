"""What is known, at a step of a function, of the descriptors it stores: live or invalid, and stored since a barrier.

What it does not model: two names for one place, beyond those that one expression makes of the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from barrierlint.dataflow.values import leaves
from barrierlint.terms import Name, Term

NONE, MIXED = (-1, -1), (-2, -2)
"""No write since the last TLBI; one that is no make, or on some ways none."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What names hold, which were read from where, which places are live and which invalid, and the stores not yet
    followed by a barrier. `made` is the last write since a TLBI if all were makes: block and step.
    """

    values: Mapping[str, Term]
    reads: Mapping[str, Term]
    live: frozenset[Term]
    stores: frozenset[tuple[Term, int, int]]
    invalid: frozenset[Term] = frozenset()
    made: tuple[int, int] = NONE


def meet(states: Sequence[Stored]) -> Stored:
    """What is known on all ways."""
    first, *others = states
    if not others:
        return first
    made = {one.made for one in states}
    return Stored(
        {name: term for name, term in first.values.items() if all(one.values.get(name) == term for one in others)},
        {name: term for name, term in first.reads.items() if all(one.reads.get(name) == term for one in others)},
        first.live.intersection(*(one.live for one in others)),
        first.stores.union(*(one.stores for one in others)),
        first.invalid.intersection(*(one.invalid for one in others)),
        MIXED if MIXED in made or (NONE in made and len(made) > 1) else min(made),
    )


def assigned(state: Stored, name: str, value: Term | None) -> Stored:
    """The state after a name got another value: what was known by its old one is forgotten."""

    def stale(term: Term) -> bool:
        return any(isinstance(leaf, Name) and leaf.id == name for leaf in leaves(term))

    values = {other: term for other, term in state.values.items() if other != name and not stale(term)}
    if value is not None and not stale(value):
        values[name] = value
    return Stored(
        values,
        {other: term for other, term in state.reads.items() if other != name and not stale(term)},
        frozenset(place for place in state.live if not stale(place)),
        frozenset(store for store in state.stores if not stale(store[0])),
        frozenset(place for place in state.invalid if not stale(place)),
        state.made,
    )
