"""The places that the paths of a group of defects pass, their prices, and the cheapest places that are on every path.

A price adds up what the paths say of a place: one more place, executed in loops, paid for already, far from the write.
What it does not model: the price of a barrier where no loop shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from barrierlint.dataflow.cuts import cheapest
from barrierlint.dataflow.places import Passed, Place
from barrierlint.events import Event

ANOTHER, BATCHED, PAID, FOREIGN, HOT = 10**6, 10**6 + 10**5, 10**8, 10**9, 10**10
"""What a place costs; more, after a loop in a function that is called in one, where callers pay already, in a function
that only lies on the way, in a loop."""


@dataclass(slots=True)
class Price:
    """What a place costs, from all paths that pass it: `guest` only if it is one to all."""

    owed: tuple[Event, ...] = ()
    hot: bool = False
    batched: bool = False
    paid: bool = False
    guest: bool = True
    height: int = 10**3
    order: int = 0

    @property
    def cost(self) -> int:
        """The price as one number."""
        preferred = ANOTHER + BATCHED * self.batched + self.height * 1000 + min(self.order, 99)
        return preferred + PAID * self.paid + FOREIGN * self.guest + HOT * self.hot


@dataclass(slots=True)
class Network:
    """What a group's cuts are made from: the chains of places of its paths, their prices, and the places `barred`."""

    chains: list[list[Place]] = field(default_factory=list)
    prices: dict[Place, Price] = field(default_factory=dict)
    barred: set[Place] = field(default_factory=set)

    def note(self, passed: Passed, owed: tuple[Event, ...], paid: bool) -> None:
        """Add to a place's price what one path says of it."""
        price = self.prices.setdefault(passed.place, Price())
        price.owed = max(owed, price.owed, key=len)
        price.hot |= passed.hot
        price.batched |= passed.batched
        price.paid |= paid
        price.guest &= passed.guest
        price.height = min(price.height, passed.height)
        price.order = max(price.order, passed.order)

    def cut(self) -> list[Place]:
        """The cheapest places that are on every chain; none if some chain has none left."""
        chains = [[place for place in chain if place not in self.barred] for chain in self.chains]
        if not all(chains):
            return []
        costs = {place: self.prices[place].cost for place in sorted(self.prices)}
        kept = set(cheapest(chains, costs))
        for place in sorted(kept, key=lambda one: (-costs[one], one)):  # what joins of paths that never join asked for
            if all(kept & set(chain) - {place} for chain in chains):
                kept.discard(place)
        return sorted(kept)
