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

from barrierlint.cfg.graph import Program, Step
from barrierlint.dataflow.steps import Place, Steps
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

_KEEP = (Dsb, Dmb, ContextSync, Tlbi, CompilerBarrier, Drain, UnknownInstruction)


class Crossing:
    """The places of a program between which the compiler may move accesses."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.steps = Steps(program)

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
                step = self.steps.at(place)
                if self._is_plain(step):
                    return step
                if not self._keeps(place, step):
                    queue.append(place)
        return None

    def _next(self, place: Place, forward: bool) -> Iterator[Place]:
        """The steps met next, out to the callers where the function ends."""
        seen, waiting = {place}, [place]
        while waiting:
            at = waiting.pop()
            for met in self.steps.after(at) if forward else self.steps.before(at):
                if met is not None:
                    yield met
                else:
                    callers = [caller for caller in self._calls.get(at[0], ()) if caller not in seen]
                    seen.update(callers)
                    waiting += callers

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
