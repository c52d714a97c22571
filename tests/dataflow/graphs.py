"""Small graphs by hand, for tests of the dataflow that need no parser."""

from __future__ import annotations

from barrierlint.cfg.graph import THIS, Block, Cfg, Edge, Guard, Program, Step
from barrierlint.events import (
    Access,
    Accesses,
    Assign,
    Call,
    ContextSync,
    DescriptorWrite,
    Dmb,
    Dsb,
    Event,
    Kind,
    Shareability,
)
from barrierlint.finding import Span
from barrierlint.terms import Name, Term, const

DSB = Dsb(Shareability.ISH, Accesses.ST)
DSB_LD = Dsb(Shareability.ISH, Accesses.LD)
NSH = Dsb(Shareability.NSH, Accesses.ST)
DMB = Dmb(Shareability.ISH, Accesses.ST)
ISB = ContextSync("isb")
SPAN = Span("t.c", 1, 1, 1, 2)


Shape = tuple[tuple[Event, ...], dict[int, tuple[Term, bool] | None]]


def write(location: str = "p", value: Term | None = None, maps: Term | None = None) -> DescriptorWrite:
    """A descriptor write of a valid value at parameter `location`."""
    return DescriptorWrite(Name(location), value or const(0x713), maps=maps)


def read(pointer: str = "va", into: str = "%x") -> Access:
    """A load through a pointer."""
    return Access(Kind.READ, Name(pointer), into=into)


def assign(name: str, value: Term) -> Assign:
    """Bind a local."""
    return Assign(name, value)


def call(target: str, *args: Term, into: str | None = None) -> Call:
    """A call of an analysed function."""
    return Call(target, target, args, into, (target,))


def straight(name: str, params: str, *events: Event) -> Cfg:
    """A function without branches: a block ends after each call."""
    blocks: list[list[Event]] = [[]]
    for event in events:
        blocks[-1].append(event)
        if isinstance(event, Call):
            blocks.append([])
    shape: list[Shape] = [(tuple(b), {n + 1: None}) for n, b in enumerate(blocks)]
    return branching(name, params, *shape)


def branching(name: str, params: str, *blocks: Shape) -> Cfg:
    """A function of blocks (events, {target: guard}); the block after the last is the exit."""
    made = []
    line = 0
    for number, (events, edges) in enumerate(blocks):
        steps = []
        for event in events:
            line += 1
            steps.append(Step(event, Span(f"{name}.c", line, 1, line, 9)))
        out = tuple(
            Edge(target, () if guard is None else (Guard(guard[0], guard[1], SPAN),), "" if guard is None else "true")
            for target, guard in edges.items()
        )
        made.append(Block(number, tuple(steps), out))
    exit = len(made)
    made.append(Block(exit, (), ()))
    names = tuple(params.split())
    place = Span(f"{name}.c", 1, 1, 1, 2)
    return Cfg(name, name, name, names, tuple(made), 0, exit, -1, place, Span(f"{name}.c", 99, 1, 99, 2))


def program(*functions: Cfg) -> Program:
    """Analysed together; roots are those nobody calls."""
    called = {t for f in functions for s in f.steps() if isinstance(s.event, Call) for t in s.event.targets}
    return Program({f.usr: f for f in functions}, tuple(f.usr for f in functions if f.usr not in called))


__all__ = [
    "DMB",
    "DSB",
    "DSB_LD",
    "ISB",
    "NSH",
    "THIS",
    "assign",
    "branching",
    "call",
    "program",
    "read",
    "straight",
    "write",
]
