"""A graph under construction: blocks that can still grow, and the clean-up that makes a `Cfg`'s blocks of them.

Lowering always has a current block; after a jump that is a fresh block nothing leads to, so that a label in dead code
needs no care and `finish` drops what cannot be reached. `finish` also joins straight lines and skips empty blocks, but
never moves a step past a call, which stays the last step of its block. What it does not model: profitability of edges,
loops (the dataflow finds them).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from barrierlint.cfg.graph import Block, Cfg, Edge, Guard, Step
from barrierlint.events import Call, Event
from barrierlint.finding import Span


@dataclass(slots=True)
class OpenBlock:
    """A block that is being filled."""

    steps: list[Step] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)


class Builder:
    """Blocks by index; `current` is where steps go. Blocks 0, 1 and 2 are entry, exit and unwind.

    While `note` or `span` are set, steps get them where they have no note, and instead of their own span.
    """

    ENTRY, EXIT, UNWIND = 0, 1, 2

    def __init__(self) -> None:
        self.blocks = [OpenBlock(), OpenBlock(), OpenBlock()]
        self.current = self.ENTRY
        self.note = ""
        self.span: Span | None = None
        self._temporaries = 0

    def temporary(self) -> str:
        """A fresh name `%n`, unique in this function only."""
        self._temporaries += 1
        return f"%{self._temporaries}"

    def new(self) -> int:
        """A fresh block; nothing leads to it yet."""
        self.blocks.append(OpenBlock())
        return len(self.blocks) - 1

    def emit(self, event: Event, span: Span, note: str = "") -> None:
        """Append a step to the current block."""
        self.blocks[self.current].steps.append(Step(event, self.span or span, note or self.note))

    def edge(self, source: int, target: int, reason: str = "", guards: tuple[Guard, ...] = ()) -> None:
        """Add an edge between two blocks."""
        self.blocks[source].edges.append(Edge(target, guards, reason))

    def jump(self, target: int, reason: str = "") -> None:
        """Leave the current block for `target`; what follows is dead until a block is started."""
        self.edge(self.current, target, reason)
        self.stop()

    def stop(self) -> None:
        """End the current block without successor (yet); what follows is dead until a block is started."""
        self.current = self.new()

    def start(self, block: int) -> None:
        """Make `block` the current one."""
        self.current = block

    def fall_into(self, block: int, reason: str = "") -> None:
        """Continue from the current block into `block`, and make it the current one."""
        self.edge(self.current, block, reason)
        self.current = block

    def split(self) -> None:
        """Continue in a block of its own."""
        self.fall_into(self.new())

    def finish(self) -> tuple[tuple[Block, ...], int, int, int]:
        """Return (blocks, entry, exit, unwind): reachable ones, renumbered; unwind is -1 if nothing throws out of
        here.
        """
        self._skip_empty()
        self._join_lines()
        order = self._reachable()
        if self.EXIT not in order:
            order.append(self.EXIT)
        number = {block: index for index, block in enumerate(order)}
        blocks = tuple(self._close(block, number) for block in order)
        return blocks, number[self.ENTRY], number[self.EXIT], number.get(self.UNWIND, -1)

    def _close(self, block: int, number: dict[int, int]) -> Block:
        opened = self.blocks[block]
        edges: dict[Edge, None] = {}
        for edge in opened.edges:
            edges.setdefault(replace(edge, target=number[edge.target]))
        return Block(number[block], tuple(opened.steps), tuple(edges))

    def _reachable(self) -> list[int]:
        """Blocks reached from the entry, in a depth-first order that follows the source."""
        seen: dict[int, None] = {}
        stack = [self.ENTRY]
        while stack:
            block = stack.pop()
            if block not in seen:
                seen[block] = None
                stack.extend(edge.target for edge in reversed(self.blocks[block].edges))
        return [block for block in seen if block not in (self.EXIT, self.UNWIND)] + [
            block for block in (self.EXIT, self.UNWIND) if block in seen
        ]

    def _skip_empty(self) -> None:
        """Lead edges past empty blocks that go to one place unconditionally."""
        for opened in self.blocks:
            opened.edges = [self._past_empty(edge) for edge in opened.edges]

    def _past_empty(self, edge: Edge) -> Edge:
        seen = {edge.target}
        while True:
            opened = self.blocks[edge.target]
            if (
                opened.steps
                or len(opened.edges) != 1
                or opened.edges[0].guards
                or edge.target in (self.EXIT, self.UNWIND)
            ):
                return edge
            following = opened.edges[0]
            if following.target in seen or (following.reason == "throw" and edge.reason != "throw"):
                return edge  # `throw` on an edge out of a call says that the call threw
            seen.add(following.target)
            edge = Edge(following.target, edge.guards, edge.reason or following.reason)

    def _join_lines(self) -> None:
        """Join a block with its only successor where it is that one's only predecessor."""
        live = self._reachable()
        entering: dict[int, int] = {}
        for block in live:
            for edge in self.blocks[block].edges:
                entering[edge.target] = entering.get(edge.target, 0) + 1
        for block in live:
            opened = self.blocks[block]
            while (target := self._joinable(block, opened, entering)) is not None:
                following = self.blocks[target]
                opened.steps += following.steps
                opened.edges = following.edges
                following.edges = []
                following.steps = []

    def _joinable(self, block: int, opened: OpenBlock, entering: dict[int, int]) -> int | None:
        if len(opened.edges) != 1 or opened.edges[0].guards:
            return None
        target = opened.edges[0].target
        if target in (self.EXIT, self.UNWIND, self.ENTRY, block) or entering.get(target) != 1:
            return None
        if opened.steps and isinstance(opened.steps[-1].event, Call):
            return None
        return target


def tidied(cfg: Cfg) -> Cfg:
    """`cfg` without the blocks that edges taken out have cut off, its straight lines joined."""
    builder = Builder()
    number = {cfg.entry: Builder.ENTRY, cfg.exit: Builder.EXIT, cfg.unwind: Builder.UNWIND}
    for block in cfg.blocks:
        if block.id not in number:
            number[block.id] = builder.new()
    for block in cfg.blocks:
        opened = builder.blocks[number[block.id]]
        opened.steps = list(block.steps)
        opened.edges = [replace(edge, target=number[edge.target]) for edge in block.edges]
    blocks, entry, exit, unwind = builder.finish()
    return replace(cfg, blocks=blocks, entry=entry, exit=exit, unwind=unwind)
