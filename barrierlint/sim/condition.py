"""Final conditions of litmus tests: propositions over faults, registers and memory, evaluated in three values.

`truth` is True or False as soon as that is certain and None before, so that a search can stop early. What it does not
model: the quantifier (`exists`, `forall`, `~exists`), which belongs to the test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

ANY_MMU = "mmu"  # a kind: any fault of a translation


@dataclass(frozen=True, slots=True)
class FaultAtom:
    """PE `pe` takes a fault: at `label`, on virtual address `address`, of `kind`, where these are given."""

    pe: int
    label: str = ""
    address: int | None = None
    kind: str = ""


@dataclass(frozen=True, slots=True)
class RegisterAtom:
    """Register `name` of `pe` ends with `value` (of `width` bits)."""

    pe: int
    name: str
    value: int
    width: int = 64


@dataclass(frozen=True, slots=True)
class MemoryAtom:
    """The physical `location` ends with `value`."""

    location: int
    value: int
    width: int = 64


@dataclass(frozen=True, slots=True)
class Not:
    """Negation."""

    of: Proposition


@dataclass(frozen=True, slots=True)
class All:
    """Conjunction; true of nothing."""

    of: tuple[Proposition, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """Disjunction; false of nothing."""

    of: tuple[Proposition, ...]


Proposition = FaultAtom | RegisterAtom | MemoryAtom | Not | All | Any
TRUE = All(())


class Facts(Protocol):
    """What an execution knows so far; None where it does not know yet."""

    def faulted(self, atom: FaultAtom) -> bool | None:
        """Whether such a fault was taken."""

    def register(self, pe: int, name: str) -> int | None:
        """The final value of a register."""

    def memory(self, location: int) -> int | None:
        """The final value of a location."""


def truth(proposition: Proposition, facts: Facts) -> bool | None:
    """Return whether `proposition` holds of `facts`, None if that is not known yet."""
    match proposition:
        case FaultAtom():
            return facts.faulted(proposition)
        case RegisterAtom(pe, name, value, width):
            return _same(facts.register(pe, name), value, width)
        case MemoryAtom(location, value, width):
            return _same(facts.memory(location), value, width)
        case Not(inner):
            known = truth(inner, facts)
            return None if known is None else not known
        case All(parts):
            return _meet([truth(part, facts) for part in parts])
        case Any(parts):
            known = _meet([_negate(truth(part, facts)) for part in parts])
            return _negate(known)


def _negate(known: bool | None) -> bool | None:
    return None if known is None else not known


def _meet(parts: list[bool | None]) -> bool | None:
    if any(part is False for part in parts):
        return False
    return True if all(parts) else None


def _same(found: int | None, value: int, width: int) -> bool | None:
    mask = (1 << width) - 1
    return None if found is None else found & mask == value & mask


def atoms(proposition: Proposition) -> list[FaultAtom | RegisterAtom | MemoryAtom]:
    """Return the atoms of `proposition`, left to right."""
    match proposition:
        case Not(inner):
            return atoms(inner)
        case All(parts) | Any(parts):
            return [atom for part in parts for atom in atoms(part)]
        case _:
            return [proposition]


def disjuncts(proposition: Proposition, limit: int = 64) -> list[Proposition]:
    """Return conjunctions of literals whose disjunction is `proposition`; `[proposition]` if there were more than
    `limit`.
    """
    found = _expand(proposition, True, limit)
    return [proposition] if found is None else [part[0] if len(part) == 1 else All(part) for part in found]


_Clauses = list[tuple[Proposition, ...]]


def _expand(proposition: Proposition, positive: bool, limit: int) -> _Clauses | None:
    match proposition:
        case Not(inner):
            return _expand(inner, not positive, limit)
        case All(parts) | Any(parts):
            expanded = [_expand(part, positive, limit) for part in parts]
            return _multiply(expanded, isinstance(proposition, All) is positive, limit)
        case _:
            return [(proposition if positive else Not(proposition),)]


def _multiply(parts: list[_Clauses | None], conjunction: bool, limit: int) -> _Clauses | None:
    result: _Clauses = [()] if conjunction else []
    for part in parts:
        if part is None:
            return None
        result = [(*a, *(x for x in b if x not in a)) for a in result for b in part] if conjunction else result + part
        if len(result) > limit:
            return None
    return result


def locations_in(goal: Proposition) -> frozenset[int]:
    """Return the locations whose final value `goal` asks for."""
    return frozenset(atom.location for atom in atoms(goal) if isinstance(atom, MemoryAtom))
