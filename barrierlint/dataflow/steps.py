"""Which steps come next, or came before, within a function; which functions are nothing but barriers.

What it does not model: whether a path can be taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from barrierlint.cfg.graph import Cfg, Program, Step
from barrierlint.events import Assign, Call, CompilerBarrier, ContextSync, Dmb, Dsb, Event, Tlbi

Place = tuple[str, int, int]
"""A step: function, block, index."""

_PURE = (Assign, CompilerBarrier)
_BARRIERS = (Dsb, Dmb, ContextSync, Tlbi)


@dataclass(frozen=True, slots=True)
class Met:
    """A step on the way: of which function, and the event of it that counts."""

    function: str
    step: Step
    event: Event


class Steps:
    """The steps of a program by place."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._before: dict[str, dict[int, list[int]]] = {}

    def at(self, place: Place) -> Step:
        """The step at a place."""
        return self.program.functions[place[0]].blocks[place[1]].steps[place[2]]

    def after(self, place: Place) -> Iterator[Place | None]:
        """The steps that may come next; None where the function may end."""
        usr, block, index = place
        cfg = self.program.functions[usr]
        if index + 1 < len(cfg.blocks[block].steps):
            yield usr, block, index + 1
            return
        yield from self._beyond(cfg, block, forward=True)

    def before(self, place: Place) -> Iterator[Place | None]:
        """The steps that may have come before; None where the function may begin."""
        usr, block, index = place
        if index > 0:
            yield usr, block, index - 1
            return
        yield from self._beyond(self.program.functions[usr], block, forward=False)

    def last(self, usr: str) -> Iterator[Place | None]:
        """The steps that may come last in a function; None where it may have none."""
        cfg = self.program.functions[usr]
        steps = len(cfg.blocks[cfg.exit].steps)
        if steps:
            yield usr, cfg.exit, steps - 1
        else:
            yield from self._beyond(cfg, cfg.exit, forward=False)

    def _beyond(self, cfg: Cfg, start: int, forward: bool) -> Iterator[Place | None]:
        """The first steps beyond a block, through blocks that have none."""
        edge = cfg.exit if forward else cfg.entry
        if start == edge:
            yield None
        seen: set[int] = set()
        queue = deque(self._adjacent(cfg, start, forward))
        while queue:
            block = queue.popleft()
            if block in seen:
                continue
            seen.add(block)
            steps = len(cfg.blocks[block].steps)
            if steps:
                yield cfg.usr, block, 0 if forward else steps - 1
                continue
            if block == edge:
                yield None
            queue.extend(self._adjacent(cfg, block, forward))

    def _adjacent(self, cfg: Cfg, block: int, forward: bool) -> list[int]:
        if forward:
            return [edge.target for edge in cfg.blocks[block].edges]
        if cfg.usr not in self._before:
            before: dict[int, list[int]] = {}
            for other in cfg.blocks:
                for edge in other.edges:
                    before.setdefault(edge.target, []).append(other.id)
            self._before[cfg.usr] = before
        return self._before[cfg.usr].get(block, [])

    @cached_property
    def wrappers(self) -> dict[str, tuple[Step, ...]]:
        """Functions that do nothing but a straight line of barriers, which may lie in further wrappers: their steps."""
        found: dict[str, tuple[Step, ...]] = {}
        waiting = list(self.program.functions.values())
        while waiting:
            made = [(cfg, line) for cfg in waiting if (line := _line(cfg, found)) is not None]
            if not made:
                break
            found |= {cfg.usr: line for cfg, line in made}
            waiting = [cfg for cfg in waiting if cfg.usr not in found]
        return {usr: line for usr, line in found.items() if line}

    def barriers(self, step: Step) -> tuple[Step, ...]:
        """The barriers that a step is: itself, or those of the wrapper it calls; none if it is something else too."""
        if isinstance(step.event, _BARRIERS):
            return (step,)
        if isinstance(step.event, Call) and len(step.event.targets) == 1:
            return self.wrappers.get(step.event.targets[0], ())
        return ()


def _line(cfg: Cfg, wrappers: dict[str, tuple[Step, ...]]) -> tuple[Step, ...] | None:
    """The barriers of a function without branches that is nothing else."""
    found: list[Step] = []
    block, seen = cfg.entry, set[int]()
    while block not in seen:
        seen.add(block)
        for step in cfg.blocks[block].steps:
            match step.event:
                case Call(targets=(target,)) if target in wrappers:
                    found += wrappers[target]
                case event if isinstance(event, _BARRIERS):
                    found.append(step)
                case event if not isinstance(event, _PURE):
                    return None
        if block == cfg.exit:
            return tuple(found)
        edges = cfg.blocks[block].edges
        if len(edges) != 1:
            return None
        block = edges[0].target
    return None
