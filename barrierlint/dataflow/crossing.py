"""What the compiler may move across a step: plain accesses next to it with nothing between that keeps them in place.

A search backwards and forwards over the graphs, through returns to all callers. Kept in place are accesses that are
volatile or atomic, and everything at calls of functions that are not here and at barriers that tell the compiler. What
it does not model: conditions, which call led into a function, and aliasing: of two accesses the compiler may know
better that they touch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import cached_property

from barrierlint.cfg.graph import Cfg, Program, Step
from barrierlint.events import (
    Access,
    Call,
    CompilerBarrier,
    ContextSync,
    DescriptorWrite,
    Dmb,
    Drain,
    Dsb,
    Order,
    Tlbi,
    UnknownInstruction,
)
from barrierlint.finding import Span
from barrierlint.terms import AddressOf, Element, Field, Term

Place = tuple[str, int, int]
"""A function, a block of it, and a step of that: the step that was just met."""

_KEEP = (Dsb, Dmb, ContextSync, Tlbi, CompilerBarrier, Drain, UnknownInstruction)


class Crossing:
    """The places of a program between which the compiler may move accesses."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def neighbour(self, usr: str, span: Span, forward: bool) -> Step | None:
        """A plain access that can be moved across the asm statement at `span` of function `usr`: one before it, or
        with `forward` one after it.
        """
        own = [
            (usr, block.id, index)
            for block in self.program.functions[usr].blocks
            for index, step in enumerate(block.steps)
            if step.span == span
        ]
        seen: set[Place] = set(own)
        queue = deque(own)
        while queue:
            for place in self._next(queue.popleft(), forward):
                if place in seen:
                    continue
                seen.add(place)
                step = self.program.functions[place[0]].blocks[place[1]].steps[place[2]]
                if self._is_plain(step):
                    return step
                if not self._keeps(place, step):
                    queue.append(place)
        return None

    def _next(self, place: Place, forward: bool) -> Iterator[Place]:
        usr, block, index = place
        cfg = self.program.functions[usr]
        at = index + (1 if forward else -1)
        if 0 <= at < len(cfg.blocks[block].steps):
            yield usr, block, at
            return
        yield from self._beyond(cfg, block, forward)

    def _beyond(self, cfg: Cfg, block: int, forward: bool) -> Iterator[Place]:
        """The first steps met beyond a block, through blocks without steps and out to the callers."""
        blocks, seen = deque(self._adjacent(cfg, block, forward)), {block}
        edge = cfg.exit if forward else cfg.entry
        if block == edge:
            yield from self._outside(cfg.usr, forward)
        while blocks:
            current = blocks.popleft()
            if current in seen:
                continue
            seen.add(current)
            steps = cfg.blocks[current].steps
            if steps:
                yield cfg.usr, current, 0 if forward else len(steps) - 1
                continue
            if current == edge:
                yield from self._outside(cfg.usr, forward)
            blocks.extend(self._adjacent(cfg, current, forward))

    def _adjacent(self, cfg: Cfg, block: int, forward: bool) -> list[int]:
        if forward:
            return [edge.target for edge in cfg.blocks[block].edges]
        return [other.id for other in cfg.blocks if any(edge.target == block for edge in other.edges)]

    def _outside(self, usr: str, forward: bool) -> Iterator[Place]:
        """The steps next to the calls of a function."""
        for caller, block, index in self._calls.get(usr, ()):
            yield from self._next((caller, block, index), forward)

    @cached_property
    def _calls(self) -> dict[str, list[Place]]:
        found: dict[str, list[Place]] = {}
        for cfg in self.program.functions.values():
            for block in cfg.blocks:
                for index, step in enumerate(block.steps):
                    for target in step.event.targets if isinstance(step.event, Call) else ():
                        found.setdefault(target, []).append((cfg.usr, block.id, index))
        return found

    def _is_plain(self, step: Step) -> bool:
        match step.event:
            case Access(order=Order.PLAIN, address=address):
                return not _is_local(address)
            case DescriptorWrite(order=Order.PLAIN):
                return True
        return False

    def _keeps(self, place: Place, step: Step) -> bool:
        """Whether the compiler moves nothing across a step."""
        if isinstance(step.event, Call):
            return not any(target in self.program.functions for target in step.event.targets) or any(
                self._is_plain(inner) or isinstance(inner.event, _KEEP)
                for target in step.event.targets
                if target in self.program.functions
                for inner in self.program.functions[target].steps()
            )
        loose = self.program.functions[place[0]].loose
        return isinstance(step.event, _KEEP) and not any(
            one.span == step.span and "memory" in one.lacks for one in loose
        )


def _is_local(address: Term) -> bool:
    while isinstance(address, Field | Element):
        address = address.base
    return isinstance(address, AddressOf) and address.kind != "global"
