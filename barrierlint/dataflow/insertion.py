"""Events put into graphs where lines would be put into the text: at a place, in every instantiation of its function.

An edge into the statement is split; code that is already inside of it (a loop's later turns) does not pass. What it
does not model: places that the text reaches by a `goto` into the middle of a statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from barrierlint.cfg.graph import Block, Cfg, Edge, Program, Step
from barrierlint.dataflow.places import Grounds, Place
from barrierlint.events import Call, Event
from barrierlint.finding import Span
from barrierlint.source.layout import Statement

NOTE = "the repair"
"""What is said of an inserted step."""


def inserted(program: Program, wanted: Mapping[Place, Sequence[Event]], grounds: Grounds) -> dict[str, Cfg]:
    """The functions changed by putting events at places, by USR."""
    changed: dict[str, Cfg] = {}
    for place, events in wanted.items():
        for usr, cfg in program.functions.items():
            if place.within(cfg):
                made = _Graph(changed.get(usr, cfg), grounds).put(place, events)
                if made is not None:
                    changed[usr] = made
    return changed


class _Graph:
    """One function's graph, its steps told apart into those inside a region of the text and those outside."""

    def __init__(self, cfg: Cfg, grounds: Grounds) -> None:
        self.cfg = cfg
        self.grounds = grounds
        self.blocks = list(cfg.blocks)
        self.entry = cfg.entry
        self.chains: dict[tuple[int, int], list[Statement] | None] = {}

    def put(self, place: Place, events: Sequence[Event]) -> Cfg | None:
        """The graph with events at a place; None if no path of this function comes by there."""
        found = self.grounds.body(self.cfg)
        if found is None:
            return None
        layout, _ = found
        line = layout.line(place.offset)
        span = Span(place.path, line, place.offset - layout.line_start(place.offset) + 1)
        steps = tuple(Step(event, span, NOTE) for event in events)
        done = self._at_end(steps) if place.end else self._before(place.offset, steps)
        return replace(self.cfg, blocks=tuple(self.blocks), entry=self.entry) if done else None

    def _chain(self, block: int, step: int) -> list[Statement] | None:
        key = (block, step)
        if key not in self.chains:
            self.chains[key] = self.grounds.position(self.cfg, self.cfg.blocks[block].steps[step])
        return self.chains[key]

    def _before(self, offset: int, steps: tuple[Step, ...]) -> bool:
        inside = {block.id: self._inside(block, offset) for block in self.cfg.blocks}
        done = False
        for block in self.cfg.blocks:
            within = inside[block.id]
            for n in reversed(range(1, len(within))):
                if within[n] and not within[n - 1]:
                    done |= self._within(block, n, steps)
            if within and within[0]:
                done |= self._into(block.id, inside, steps)
        return done

    def _inside(self, block: Block, offset: int) -> list[bool]:
        """For each step of a block, and then for what decides where it leads, whether it is in the statement there."""
        chains = [self._chain(block.id, n) for n in range(len(block.steps))]
        decision = self.grounds.decision(self.cfg, block)
        if decision is not None:
            chains.append(decision)
        return [any(s.start == offset and s.kind != "compound" for s in chain or ()) for chain in chains]

    def _within(self, block: Block, at: int, steps: tuple[Step, ...]) -> bool:
        """Put steps before step `at` of a block; a call stays the last."""
        if at == len(block.steps) and isinstance(block.steps[-1].event, Call):
            return self._split_all([(block, n) for n in range(len(block.edges))], steps)
        now = self.blocks[block.id]
        self.blocks[block.id] = replace(now, steps=(*now.steps[:at], *steps, *now.steps[at:]))
        return True

    def _into(self, target: int, inside: Mapping[int, list[bool]], steps: tuple[Step, ...]) -> bool:
        """Put steps on the edges into a block that come from outside, through blocks without steps."""
        done = False
        if target == self.cfg.entry:
            self.entry = self._new(steps, target)
            done = True
        for block, number in self._edges_into(target, lambda block: not inside[block.id]):
            if not inside[block.id] or not inside[block.id][-1]:
                done |= self._split(block.id, number, steps)
        return done

    def _edges_into(self, target: int, passes: Callable[[Block], bool]) -> Iterator[tuple[Block, int]]:
        """The edges that lead to a block, directly or through blocks that only pass control on."""
        seen = {target}
        waiting = [target]
        while waiting:
            at = waiting.pop()
            for block in self.cfg.blocks:
                for number, edge in enumerate(block.edges):
                    if edge.target != at or edge.reason in ("throw", "unwind"):
                        continue
                    if not passes(block) or block.id == self.cfg.entry:
                        yield block, number
                    elif block.id not in seen:
                        seen.add(block.id)
                        waiting.append(block.id)

    def _at_end(self, steps: tuple[Step, ...]) -> bool:
        """Put steps where control reaches the closing brace: before what is destroyed there."""
        edges = self._edges_into(self.cfg.exit, self._is_ending)
        return self._split_all([edge for edge in edges if not self._returns(edge[0])], steps)

    def _is_ending(self, block: Block) -> bool:
        if not block.steps:
            return self.grounds.decision(self.cfg, block) is None
        return block.steps[-1].note.startswith("destructor") and not self._returns(block)

    def _returns(self, block: Block) -> bool:
        chain = self._chain(block.id, len(block.steps) - 1) if block.steps else None
        return chain is not None and any(statement.kind == "return" for statement in chain)

    def _new(self, steps: tuple[Step, ...], target: int) -> int:
        self.blocks.append(Block(len(self.blocks), steps, (Edge(target),)))
        return len(self.blocks) - 1

    def _split_all(self, edges: Sequence[tuple[Block, int]], steps: tuple[Step, ...]) -> bool:
        done = [self._split(block.id, number, steps) for block, number in edges]
        return any(done)

    def _split(self, block: int, number: int, steps: tuple[Step, ...]) -> bool:
        now = self.blocks[block]
        edge = now.edges[number]
        if edge.target >= len(self.cfg.blocks):
            return False  # split already
        made = self._new(steps, edge.target)
        edges = (*now.edges[:number], replace(edge, target=made), *now.edges[number + 1 :])
        self.blocks[block] = replace(now, edges=edges)
        return True
