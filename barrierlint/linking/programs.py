"""Which units make a program together.

Functions of one file only (`static`) that happen to have the same name as another's get a name of their own. Units that
define one global function in two places (`main`, variants of a driver) do not link: each gets a program, with what it
needs of the others. A weak function that another file's takes the place of is in a program without that file, and its
unit, without it, in that file's. What it does not model: archives, what a linker script leaves out.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from barrierlint.cfg.linkable import Unit
from barrierlint.finding import Span
from barrierlint.linking import records
from barrierlint.linking.units import Loaded


@dataclass(slots=True)
class Group:
    """Units that link, and where each function of theirs is."""

    members: list[Unit] = field(default_factory=list)
    places: dict[str, Span] = field(default_factory=dict)

    def add(self, unit: Unit) -> None:
        """Let `unit` link with the others."""
        self.members.append(unit)
        self.places = {**unit.places, **self.places}


def linkable(loaded: Iterable[Loaded]) -> list[list[Unit]]:
    """Split units into programs, in order."""
    groups = [Group()]
    ordered = sorted(loaded, key=lambda one: not one.unit.facts.weak)
    for number, one in enumerate(ordered):
        unit = own_names(one, groups[0].places, number)
        next(group for group in (*groups, _another(groups)) if _fits(unit, group)).add(unit)
    groups = [group for group in groups if group.members] or [Group()]
    for group in groups[1:]:
        _supply(group, groups[0].members)
    return [group.members for group in groups]


def _another(groups: list[Group]) -> Group:
    """An empty group at the end."""
    if groups[-1].members:
        groups.append(Group())
    return groups[-1]


def _fits(unit: Unit, group: Group, weak: Container[str] = ()) -> bool:
    return all(usr in weak or group.places.get(usr, span) == span for usr, span in unit.places.items())


def own_names(loaded: Loaded, places: Mapping[str, Span], number: int) -> Unit:
    """Return the unit, with functions of its file renamed where another file of the same name has one of that name."""
    unit = loaded.unit
    clashes = {usr for usr, span in unit.places.items() if is_local(usr) and places.get(usr, span) != span}
    if not clashes:
        return unit
    prefixes = {usr[: usr.index("@")]: f"{usr[: usr.index('@')]}~{number}" for usr in sorted(clashes)}

    def rename(text: str) -> str:
        if not text.startswith("c:"):
            return text
        head, at, rest = text.partition("@")
        return prefixes.get(head, head) + at + rest

    return replace(records.from_lines(loaded.lines, rename), notifications=unit.notifications)


def is_local(usr: str) -> bool:
    """Whether a USR is of something that only its file sees: such begin with the file's name."""
    return usr.startswith("c:") and usr[2:3] != "@" and "@" in usr


def _supply(group: Group, others: Sequence[Unit]) -> None:
    """Add to `group` the units of `others` that define what it needs, and what those need."""
    waiting = list(group.members)
    inside = {id(unit) for unit in group.members}
    while waiting:
        wanted = set(waiting.pop().facts.wanted)
        for unit in others:
            if id(unit) not in inside and not wanted.isdisjoint(unit.places) and _fits(unit, group, unit.facts.weak):
                inside.add(id(unit))
                group.add(unit)
                waiting.append(unit)
