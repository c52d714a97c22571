"""Exhaustive search of a choice tree, depth first, with a budget: it knows no Arm and no memory.

`explore` tells whether some leaf is wanted, and whether every leaf was looked at; with `cost` it goes on to the
cheapest one. What it does not do: recognise equal states; a model that can reach a state in two ways tells so by `key`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Generic, Protocol, TypeVar

S = TypeVar("S")


class Model(Protocol[S]):
    """A tree of states."""

    def initial(self) -> Iterable[S]:
        """The roots."""

    def successors(self, state: S) -> Iterable[S]:
        """The states after the next choice, the most promising first; none at a leaf."""

    def wanted(self, state: S) -> bool:
        """Whether the leaf is what is searched for."""

    def cost(self, state: S) -> int:
        """What a state costs so far: never more than what any leaf below it costs."""

    def key(self, state: S) -> Hashable | None:
        """A value equal for states with equal futures, None if the state cannot recur."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a search may do: states looked at, seconds."""

    states: int = 200_000
    seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Exploration(Generic[S]):
    """What a search found: the cheapest wanted leaf seen, the states looked at, and whether all there are were."""

    found: S | None
    states: int
    complete: bool


def explore(model: Model[S], budget: Budget, improve: int = 0) -> Exploration[S]:
    """Search `model` for a wanted leaf; after the first, go on for at most `improve` states looking for a cheaper
    one.
    """
    stack = list(model.initial())[::-1]
    best: S | None = None
    limit, states, deadline = budget.states, 0, monotonic() + budget.seconds
    seen: set[Hashable] = set()
    while stack:
        if states >= limit or (not states & 63 and monotonic() > deadline):
            return Exploration(best, states, False)
        state = stack.pop()
        states += 1
        if best is not None and model.cost(state) >= model.cost(best):
            continue
        key = model.key(state)
        if key is not None:
            if key in seen:
                continue
            seen.add(key)
        if model.wanted(state):
            best = state
            limit = min(limit, states + improve)
            if not improve:
                return Exploration(best, states, False)
            continue
        stack.extend(reversed(list(model.successors(state))))
    return Exploration(best, states, True)
