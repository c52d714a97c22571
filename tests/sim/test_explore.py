"""The search knows no Arm: it finds, exhausts, improves and gives up on any tree."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import pytest

from barrierlint.sim.explore import Budget, explore
from barrierlint.sim.litmus import parse
from barrierlint.sim.run import simulate
from benchmarks.sim_growth import families

State = tuple[int, ...]


class Sums:
    """Sequences of 1s and 3s; wanted: those that add up to `total`."""

    def __init__(self, total: int, same: bool = False) -> None:
        self.total = total
        self.same = same

    def initial(self) -> Iterable[State]:
        return [()]

    def successors(self, state: State) -> Iterable[State]:
        return [(*state, step) for step in (1, 3) if sum(state) + step <= self.total]

    def wanted(self, state: State) -> bool:
        return sum(state) == self.total

    def cost(self, state: State) -> int:
        return len(state)

    def key(self, state: State) -> Hashable | None:
        return sum(state) if self.same else None


def test_finds_and_then_improves() -> None:
    first = explore(Sums(9), Budget())
    assert first.found == (1,) * 9
    best = explore(Sums(9), Budget(), improve=1000)
    assert best.found == (3, 3, 3)


def test_exhausts_and_counts() -> None:
    class Never(Sums):
        def wanted(self, state: State) -> bool:
            return False

    result = explore(Never(4), Budget())
    assert (result.found, result.states, result.complete) == (None, 8, True)
    assert explore(Never(4, same=True), Budget()).states < 8


def test_gives_up_at_the_budget() -> None:
    result = explore(Sums(30), Budget(states=5))
    assert (result.found, result.states, result.complete) == (None, 5, False)
    assert explore(Sums(30), Budget(seconds=0)).states <= 1


@pytest.mark.parametrize("text", list(families()), ids=lambda text: text.split()[1])
def test_growth_stays_far_under_a_second(text: str) -> None:
    outcome = simulate(parse(text))
    assert outcome.seconds < 0.5
    assert outcome.states < 500
    # Rounds of unmap and map on one PE end with DSB and ISB after the last make: the last walk cannot miss it.
    safe = any(word in outcome.name for word in ("fenced", "ordered", "bbm"))
    safe |= outcome.name.startswith("rounds") and "reader" not in outcome.name
    assert outcome.result == ("FORBIDDEN" if safe else "ALLOWED")
