"""The parts of a run that can be analysed by themselves: units that reach each other by what they give and take, as far
as anything in them can owe something.

A unit acts if it bears something, or takes from one that does; those that act and are connected are one part, which is
supported by what they take from others. Who only lends a function to many (`memcpy`) connects nobody. A context switch
is part of whatever waits for other PEs. What it does not model: parts smaller than files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from barrierlint.dataflow.traits import BROADCASTS, SWITCHES, WIDE
from barrierlint.frozen import dataclass
from barrierlint.linking.outline import Outline

_FOR_OTHERS = frozenset((BROADCASTS, WIDE))
_CALLERS = 2
"""How many calls above a context switch the DSB is looked for that all work waits for."""


@dataclass(frozen=True, slots=True)
class Part:
    """Numbers of units, in order: those that act together, and all that are read for them."""

    acting: tuple[int, ...]
    units: tuple[int, ...]


def parts(outlines: Sequence[Outline]) -> tuple[Part, ...]:
    """Return the parts of a run, in the order of their first units; units in none need no analysis."""
    uses = _uses(outlines)
    acting = _acting(outlines, uses)
    leaders = _connected(uses, acting)
    members: dict[int, list[int]] = {}
    for number in sorted(acting):
        members.setdefault(leaders[number], []).append(number)
    switching = _switching(outlines, uses)
    found = []
    for some in members.values():
        units = _reached(some, uses)
        if any(outlines[number].traits & _FOR_OTHERS for number in units):
            units |= switching
        found.append(Part(tuple(some), tuple(sorted(units))))
    return tuple(found)


def _switching(outlines: Sequence[Outline], uses: Sequence[Sequence[int]]) -> set[int]:
    """The units that switch threads, and those that call them: work that is not complete is left behind there."""
    found = {number for number, one in enumerate(outlines) if SWITCHES in one.traits}
    for _ in range(_CALLERS if found else 0):
        found |= {number for number, used in enumerate(uses) if not found.isdisjoint(used)}
    return found


def _uses(outlines: Sequence[Outline]) -> list[list[int]]:
    """For each unit those that give what it takes."""
    givers: dict[int, list[int]] = {}
    for number, one in enumerate(outlines):
        for name in one.gives:
            givers.setdefault(name, []).append(number)
    known = givers.keys()
    found: list[list[int]] = []
    for number, one in enumerate(outlines):
        used = {giver for name in one.takes & known for giver in givers[name]}
        found.append(sorted(used - {number}))
    return found


def _acting(outlines: Sequence[Outline], uses: Sequence[Sequence[int]]) -> set[int]:
    users: list[list[int]] = [[] for _ in outlines]
    for number, used in enumerate(uses):
        for other in used:
            users[other].append(number)
    return _reached((number for number, one in enumerate(outlines) if one.bears), users)


def _connected(uses: Sequence[Sequence[int]], acting: set[int]) -> dict[int, int]:
    """For each unit that acts the first of those it is connected with."""
    leader = {number: number for number in acting}

    def find(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    for number in acting:
        for other in uses[number]:
            if other in acting:
                one, two = sorted((find(number), find(other)))
                leader[two] = one
    return {number: find(number) for number in acting}


def _reached(first: Iterable[int], onward: Sequence[Sequence[int]]) -> set[int]:
    """The first units, and all that they lead on to, directly or through others."""
    found = set(first)
    waiting = list(found)
    while waiting:
        for other in onward[waiting.pop()]:
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found
