"""Writes after which the function looks whether what it replaced was valid: it reckons with that.

`if (cmpxchg(p, old, new) == old && old & VALID) flush();` replaces a valid descriptor, where nothing invalid came
before. What it replaced is known by the name that it was read into, compared with, or exchanged for, as long as that
is given nothing else. What it does not model: tests in other functions.
"""

from __future__ import annotations

from collections.abc import Iterator

from barrierlint.cfg.graph import Cfg
from barrierlint.dataflow.bits import VALID, known_bits
from barrierlint.dataflow.facts import Facts
from barrierlint.dataflow.liveness import bound_by
from barrierlint.events import Access, Assign, DescriptorWrite, Kind
from barrierlint.finding import Span
from barrierlint.terms import Name, Term

Point = tuple[int, int]
"""A block, and one of its steps; behind the last one stands what decides where the block leads."""


def replacing(cfg: Cfg) -> frozenset[Span]:
    """The places of such writes."""
    tested = {
        (block.id, len(block.steps)): names for block in cfg.blocks if (names := frozenset(_tested(cfg, block.id)))
    }
    if not tested:
        return frozenset()
    held = _Names(cfg)
    return frozenset(
        step.span
        for block in cfg.blocks
        for number, step in enumerate(block.steps)
        if any(
            name in tested.get(point, ())
            for name, start in held.old((block.id, number)).items()
            for point in held.holding(name, start)
        )
    )


def _tested(cfg: Cfg, block: int) -> Iterator[str]:
    """The names whose valid bit is known to be set on an edge out of a block."""
    for edge in cfg.blocks[block].edges:
        facts = Facts()
        for guard in edge.guards:
            facts.assume(guard.condition, guard.holds)
        yield from (
            term.id for term in facts.bits if isinstance(term, Name) and known_bits(term, facts.bits)[0] & VALID
        )


class _Names:
    """What the names of a function hold where: `reads` are by place, `copies` by what they are of, each with the point
    behind it.
    """

    def __init__(self, cfg: Cfg) -> None:
        self.cfg = cfg
        self.reads: dict[Term, dict[str, Point]] = {}
        self.copies: dict[str, list[tuple[str, Point]]] = {}
        self._holding: dict[tuple[str, Point], frozenset[Point]] = {}
        for block in cfg.blocks:
            for number, step in enumerate(block.steps):
                match step.event:
                    case Access(address=address, into=str(name)):
                        self.reads.setdefault(address, {})[name] = (block.id, number + 1)
                    case Assign(name, Name(source)):
                        self.copies.setdefault(source, []).append((name, (block.id, number + 1)))

    def old(self, write: Point) -> dict[str, Point]:
        """The names of what a write replaces, and from where on they are that."""
        match self.cfg.blocks[write[0]].steps[write[1]].event:
            case DescriptorWrite(location=place, into=into, expected=expected):
                pass
            case Access(kind=Kind.WRITE | Kind.RMW, address=place, into=into, expected=expected, size=8):
                pass
            case _:
                return {}
        behind = (write[0], write[1] + 1)
        read = self.reads.get(place, {})
        names = {name: behind for name, after in read.items() if write in self.holding(name, after)}
        own = expected.id if isinstance(expected, Name) else into
        if own is not None:
            names[own] = behind
        waiting = list({*names, *read})
        while waiting:
            source = waiting.pop()
            for name, after in self.copies.get(source, ()):
                if name in names:
                    continue
                if source in read and write in self.holding(name, after):
                    names[name] = behind
                elif source in names and after in self.holding(source, names[source]):
                    names[name] = after
                else:
                    continue
                waiting.append(name)
        return names

    def holding(self, name: str, start: Point) -> frozenset[Point]:
        """The points from one on, in the same turn of every loop, at which a name has what it has there."""
        if (name, start) not in self._holding:
            self._holding[name, start] = frozenset(self._held(name, start))
        return self._holding[name, start]

    def _held(self, name: str, start: Point) -> set[Point]:
        found: set[Point] = set()
        waiting = [start]
        while waiting:
            block, first = waiting.pop()
            steps = self.cfg.blocks[block].steps
            for number in range(first, len(steps) + 1):
                if (block, number) in found:
                    break
                found.add((block, number))
                if number < len(steps) and bound_by(steps[number].event) == name:
                    break
            else:
                waiting += [(edge.target, 0) for edge in self.cfg.blocks[block].edges if edge.reason != "back"]
        return found
