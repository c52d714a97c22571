"""Which other files a few files must be read together with: what they call, and who calls them, as far as it matters.

It matters where a page table can be reached: functions whose text names descriptors or barriers, those that call them
within a few steps, and what their callers call besides (an access to what was mapped may be anywhere). Names that
several files define say nothing. The choice is a guess from text (`index`); what is chosen is then parsed, and joined
by USR. At most `limit` files are chosen, nearest first. What it does not see: calls through tables filled at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from barrierlint.frozen import dataclass

if TYPE_CHECKING:
    from barrierlint.linking.index import Definition

_STEPS = 4
"""How many calls away from a descriptor or a barrier a function still counts as one that reaches page tables."""
_MOVES = 4
"""How many calls away from the files named a function can be."""
_ASIDE = 3
"""What it counts for that a function is only called beside one that reaches page tables."""
_COMMON = 3
"""Names that more files define are no names to go by."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Files to read as well, nearest first, and how many more were left out."""

    files: tuple[str, ...] = ()
    left_out: int = 0


class Calls:
    """Who calls whom, by name."""

    def __init__(self, definitions: Sequence[Definition], is_descriptor: Callable[[str], bool]) -> None:
        self.by_name: dict[str, list[Definition]] = {}
        for one in definitions:
            self.by_name.setdefault(one.name, []).append(one)
        for name in [name for name, some in self.by_name.items() if len({one.file for one in some}) > _COMMON]:
            del self.by_name[name]
        names = self.by_name.keys()
        self.callees = {id(one): sorted(one.uses & names - {one.name}) for one in definitions}
        self.callers: dict[str, list[Definition]] = {}
        for one in definitions:
            for name in self.callees[id(one)]:
                self.callers.setdefault(name, []).append(one)
        known = {word: is_descriptor(word) for word in {word for one in definitions for word in one.words}}
        self.steps = self._steps(one for one in definitions if one.orders or any(known[word] for word in one.words))

    def _steps(self, reached: Iterable[Definition]) -> dict[int, int]:
        """How many calls each function is away from one that reaches page tables itself."""
        level = list(reached)
        found = {id(one): 0 for one in level}
        for step in range(1, _STEPS + 1):
            level = [caller for one in level for caller in self.callers.get(one.name, ()) if id(caller) not in found]
            found.update({id(one): step for one in level})
        return found

    def matters(self, one: Definition) -> bool:
        """Whether a function can reach page tables."""
        return id(one) in self.steps


def select(named: Sequence[str], others: Iterable[str], is_descriptor: Callable[[str], bool], limit: int) -> Selection:
    """Return which of `others` to read with `named`; `is_descriptor` judges names of types and functions."""
    from barrierlint.linking.index import read

    own = list(dict.fromkeys(named))
    definitions = [*read(own), *read(sorted(set(others) - set(own)))]
    calls = Calls(definitions, is_descriptor)
    inside = set(own)
    start = [one for one in definitions if one.file in inside and calls.matters(one)]
    found = dict.fromkeys(one.file for one in _nearest(start, calls) if one.file not in inside)
    return Selection(tuple(found)[:limit], max(0, len(found) - limit))


def _nearest(start: Sequence[Definition], calls: Calls) -> Iterator[Definition]:
    """Functions that call or are called by `start`, directly or through others, in the order of how much they matter:
    the fewer calls lie between them and `start`, and between them and page tables, the more.
    """
    tickets = count()
    queue = [(calls.steps[id(one)], next(tickets), 0, one) for one in start]
    heapify(queue)
    seen: set[int] = set()
    while queue:
        _, _, moves, one = heappop(queue)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if moves >= _MOVES or not calls.matters(one):
            continue
        callees = [other for name in calls.callees[id(one)] for other in calls.by_name[name]]
        callers = calls.callers.get(one.name, []) if one.name in calls.by_name else []
        often = len(callers).bit_length()  # what everybody calls says little of those who do
        for others, cost in ((callees, 0), (callers, often)):
            for other in others:
                far = calls.steps.get(id(other), _STEPS + _ASIDE)
                heappush(queue, (moves + 1 + far + cost, next(tickets), moves + 1, other))
