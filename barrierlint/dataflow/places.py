"""The places in the source that a defect's path passes, between which statements something could be put.

A place is before a statement, or at the end of a function; it is the same place in all instantiations of a template.
What it does not model: places inside a statement, in macros' bodies, and in functions whose text has no layout.
"""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx

from barrierlint.cfg.graph import Block, Cfg, Step
from barrierlint.dataflow.grouping import Loops, pattern
from barrierlint.dataflow.witness import Defect, Mark
from barrierlint.finding import Span
from barrierlint.source.layout import Layout, Statement, layout_of, walk


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Before the statement at byte `offset` of `path`; `end`: before the closing brace there. `close` is where the
    function ends, which its instantiations have in common.
    """

    path: str
    offset: int
    end: bool
    close: tuple[int, int]

    def within(self, cfg: Cfg) -> bool:
        """Whether the place is in the text of a function."""
        return cfg.end.path == self.path and (cfg.end.line, cfg.end.column) == self.close


def _place(cfg: Cfg, offset: int, end: bool) -> Place:
    return Place(cfg.end.path, offset, end, (cfg.end.line, cfg.end.column))


@dataclass(frozen=True, slots=True)
class Passed:
    """A place that a path passes before its mark `index`, in function `function`.

    `hot`: it is executed in a loop, or in a function that one calls, once for each write. `batched`: in such a
    function, but after a loop of its own. `guest`: the function neither bears the debt nor is on the way up from it.
    `height` counts the calls from the write up, `order` the places passed in that function.
    """

    place: Place
    index: int
    function: str
    hot: bool
    batched: bool
    guest: bool
    height: int
    order: int


@dataclass(slots=True)
class _Frame:
    """An activation on the path: where it is (`last`), whether the debt is there, and the call in progress."""

    function: str
    guest: bool
    alive: bool = False
    last: list[Statement] | None = None
    block: int = -1
    call: Mark | None = None
    thrown: bool = False
    count: int = 0


class Grounds:
    """Where things stand in the text: the layout of each function's file, its body, the position of each step."""

    def __init__(self, functions: dict[str, Cfg]) -> None:
        self.functions = functions
        self.components: dict[str, dict[int, int]] = {}
        self.labelled: dict[Statement, bool] = {}

    def body(self, cfg: Cfg) -> tuple[Layout, Statement] | None:
        """The layout of a function's file and the block of statements that is its body."""
        layout = layout_of(cfg.end.path)
        body = layout.body(cfg.end) if layout is not None else None
        return (layout, body) if layout is not None and body is not None else None

    def position(self, cfg: Cfg, step: Step) -> list[Statement] | None:
        """The statements around a step, outermost first; None where its text is not in the function's body."""
        chain = self.around(cfg, step.span)
        if chain is not None and step.note.startswith("destructor") and chain[-1].kind not in ("return", "jump"):
            return None  # it stands where the object is declared, and runs at the end of the scope
        return chain

    def decision(self, cfg: Cfg, block: Block) -> list[Statement] | None:
        """The statements around the condition that decides where a block leads."""
        guard = next((guard for edge in block.edges for guard in edge.guards), None)
        return self.around(cfg, guard.span) if guard is not None else None

    def around(self, cfg: Cfg, span: Span) -> list[Statement] | None:
        """The statements around a span, outermost first; None where it is not in the text of the function's body."""
        found = self.body(cfg)
        if found is None or span.path != cfg.end.path:
            return None
        layout, body = found
        offset = layout.offset(span.line, span.column)
        return body.chain(offset) if body.start <= offset < body.end else None

    def component(self, cfg: Cfg, block: int) -> int:
        """The cycle that a block lies on, -1 for none."""
        known = self.components.get(cfg.usr)
        if known is None:
            graph = nx.DiGraph((b.id, edge.target) for b in cfg.blocks for edge in b.edges)
            known = self.components[cfg.usr] = {}
            for number, part in enumerate(nx.strongly_connected_components(graph)):
                cyclic = len(part) > 1 or any(graph.has_edge(b, b) for b in part)
                known.update(dict.fromkeys(part, number if cyclic else -1))
        return known.get(block, -1)

    def is_labelled(self, statement: Statement) -> bool:
        """Whether something may jump into the middle of a statement."""
        if statement not in self.labelled:
            inner = (s for s in walk(statement) if s is not statement)
            self.labelled[statement] = statement.kind != "switch" and any(s.kind == "label" for s in inner)
        return self.labelled[statement]


class Walk:
    """The places of one path."""

    def __init__(self, defect: Defect, grounds: Grounds, loops: Loops) -> None:
        self.defect = defect
        self.grounds = grounds
        self.loops = loops
        self.frames: dict[int, _Frame] = {}
        self.found: list[Passed] = []
        self.repeated = loops.repeated({pattern(grounds.functions[mark.function]) for mark in defect.path})
        self.depth = next((mark.depth for mark in defect.path if mark.role == "write"), 0)
        self.loop = max((mark.depth for mark in defect.carriers if self._turns(mark)), default=-1)

    def places(self) -> list[Passed]:
        """Every place passed from the write to what depends on it, in order."""
        for index, mark in enumerate(self.defect.path):
            for deeper in sorted((d for d in self.frames if d > mark.depth), reverse=True):
                self._leave(deeper, index)
            self._mark(index, mark)
        return self.found

    def _turns(self, mark: Mark) -> bool:
        """Whether a step is executed many times: in a loop, or in a function that calls itself."""
        return self.loops.contains(mark) or pattern(self.grounds.functions[mark.function]) in self.repeated

    def _mark(self, index: int, mark: Mark) -> None:
        cfg = self.grounds.functions[mark.function]
        if mark.role == "boundary" and mark.step < 0:
            self._leave(mark.depth, index)
            return
        frame = self.frames.get(mark.depth)
        if frame is None:
            born = mark.role in ("enter", "write")
            frame = self.frames[mark.depth] = _Frame(mark.function, not born, not born)
        if mark.role == "branch":
            edges = cfg.blocks[mark.block].edges
            frame.thrown |= mark.step < len(edges) and edges[mark.step].reason in ("throw", "unwind")
            decision = self.grounds.decision(cfg, cfg.blocks[mark.block])
            if decision is not None and frame.call is None:
                self._enter(frame, decision, mark, index)
            return
        chain = self.grounds.position(cfg, cfg.blocks[mark.block].steps[mark.step])
        if mark.role in ("write", "return"):
            frame.alive, frame.last, frame.block = True, chain, mark.block
        elif mark.role != "enter" and chain is not None:
            self._enter(frame, chain, mark, index)
        frame.call = mark if mark.role in ("enter", "pass", "into") else None

    def _enter(self, frame: _Frame, chain: list[Statement], mark: Mark, index: int) -> None:
        """Note the places before the statements that a step is the first of on this path."""
        cfg = self.grounds.functions[mark.function]
        known = set(frame.last or ())
        new = [s for s in chain[1:] if s not in known] if frame.last or frame.guest else []
        here, before = self.grounds.component(cfg, mark.block), self.grounds.component(cfg, frame.block)
        entered: list[Statement] = []
        for statement in new:
            if statement.kind not in ("compound", "label") and not self.grounds.is_labelled(statement):
                loops = statement.kind in ("loop", "do")
                inner = any(outer.kind in ("loop", "do") for outer in entered)
                hot = (inner or (here == before >= 0)) if loops else here >= 0
                self._note(frame, mark.depth, _place(cfg, statement.start, False), index, hot)
            entered.append(statement)
        if new:
            frame.thrown = False
        frame.last, frame.block = chain, mark.block

    def _leave(self, depth: int, index: int) -> None:
        """The end of a function is a place, if the path comes by there."""
        frame = self.frames.pop(depth, None)
        if frame is None or not frame.alive or frame.thrown or not frame.last:
            return
        if any(statement.kind == "return" for statement in frame.last):
            return
        cfg = self.grounds.functions[frame.function]
        self._note(frame, depth, _place(cfg, frame.last[0].end - 1, True), index, False)

    def _note(self, frame: _Frame, depth: int, place: Place, index: int, hot: bool) -> None:
        outer = [f.call for d, f in self.frames.items() if d < depth and f.call is not None]
        called = any(self._turns(call) for call in outer)
        again = pattern(self.grounds.functions[frame.function]) in self.repeated
        batched = called and depth <= self.loop and not any(self._repeats(call) for call in outer)
        height = max(self.depth - depth, 0)
        hot = hot or again or (called and not batched)
        self.found.append(Passed(place, index, frame.function, hot, batched, frame.guest, height, frame.count))
        frame.count += 1

    def _repeats(self, call: Mark) -> bool:
        return pattern(self.grounds.functions[call.function]) in self.repeated
