"""Writes after which the function looks whether what it replaced was valid: it reckons with that.

`if (cmpxchg(p, old, new) == old && old & VALID) flush();` replaces a valid descriptor, where nothing invalid came
before. What it replaced is known by the name that it was read into, compared with, or exchanged for. What it does not
model: tests in other functions, and names that are given something else between.
"""

from __future__ import annotations

from collections.abc import Iterator

from barrierlint.cfg.graph import Cfg, Step
from barrierlint.dataflow.bits import known_bits
from barrierlint.dataflow.facts import Facts
from barrierlint.dataflow.obligations.breaks import VALID
from barrierlint.events import Access, Assign, DescriptorWrite, Kind
from barrierlint.finding import Span
from barrierlint.terms import Name, Term


def replacing(cfg: Cfg) -> frozenset[Span]:
    """The places of such writes."""
    tested = {block.id: names for block in cfg.blocks if (names := frozenset(_tested(cfg, block.id)))}
    if not tested:
        return frozenset()
    return frozenset(
        step.span
        for block in cfg.blocks
        for step in block.steps
        if (names := _old(cfg, step)) and not names.isdisjoint(_later(cfg, block.id, tested))
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


def _old(cfg: Cfg, step: Step) -> frozenset[str]:
    """The names of what a write replaces."""
    match step.event:
        case DescriptorWrite(location=place, into=into, expected=expected):
            return _copies(cfg, place, into, expected)
        case Access(kind=Kind.WRITE | Kind.RMW, address=place, into=into, expected=expected, size=8):
            return _copies(cfg, place, into, expected)
    return frozenset()


def _copies(cfg: Cfg, place: Term, into: str | None, expected: Term | None) -> frozenset[str]:
    found = {expected.id} if isinstance(expected, Name) else {into} - {None}
    for step in cfg.steps():
        match step.event:
            case Access(kind=Kind.READ, into=str(name), address=address) if address == place:
                found.add(name)
    for step in cfg.steps():
        match step.event:
            case Assign(name, Name(source)) if source in found:
                found.add(name)
    return frozenset(name for name in found if name is not None)


def _later(cfg: Cfg, start: int, tested: dict[int, frozenset[str]]) -> frozenset[str]:
    """The names tested in a block or after it, in the same turn of every loop."""
    seen: set[int] = set()
    work = [start]
    while work:
        block = work.pop()
        if block not in seen:
            seen.add(block)
            work += [edge.target for edge in cfg.blocks[block].edges if edge.reason != "back"]
    return frozenset().union(*(tested.get(block, frozenset()) for block in seen))
