"""The graphs of the functions that a witness runs through, reduced to the blocks that a reader needs.

Kept are the blocks of the path, those that order or write anything, and the function's ends; ways through the others
become one edge. What it does not model: positions; who draws decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from barrierlint.cfg.graph import Block, Cfg, Edge
from barrierlint.dataflow.witness import Defect, Mark
from barrierlint.events import Access, Call, DescriptorWrite, Event, Kind, Unread, mnemonic
from barrierlint.finding import FunctionGraph, GraphEdge, GraphNode
from barrierlint.rules.narrate import TOLD, short
from barrierlint.terms import show

MAX_FUNCTIONS, MAX_BLOCKS, MAX_LINES, MAX_TEXT = 6, 40, 7, 44
"""Functions of one finding, blocks of one function, lines of one block and characters of one line that are drawn."""


def graphs(defect: Defect, functions: dict[str, Cfg]) -> tuple[FunctionGraph, ...]:
    """The graphs of the functions on the path of `defect`, in the order of the path; of many the last ones."""
    visited: dict[str, list[Mark]] = {}
    for mark in defect.path:
        if mark.step >= 0 or mark.role == "branch":
            visited.setdefault(mark.function, []).append(mark)
    names = list(visited)[-MAX_FUNCTIONS:]
    return tuple(_graph(functions[name], visited[name]) for name in names)


def _graph(cfg: Cfg, marks: list[Mark]) -> FunctionGraph:
    passed = list(dict.fromkeys(mark.block for mark in marks))
    ends = {cfg.entry, cfg.exit}
    telling = [block.id for block in cfg.blocks if any(_is_told(step.event) for step in block.steps)]
    kept = list(dict.fromkeys([*passed, *sorted(ends), *telling]))[:MAX_BLOCKS]
    ways = {block: dict(_ways(cfg, block, frozenset(kept))) for block in kept}
    reached = _reached(cfg.entry, ways) | set(passed)
    steps = _taken(marks, set(kept))
    nodes = tuple(_node(cfg, cfg.blocks[block], marks) for block in sorted(kept) if block in reached)
    edges = tuple(
        GraphEdge(block, target, _label(edge), (block, target) in steps)
        for block in sorted(kept)
        if block in reached
        for target, edge in sorted(ways[block].items())
    )
    return FunctionGraph(cfg.qualified, nodes, edges)


def _ways(cfg: Cfg, start: int, kept: frozenset[int]) -> Iterator[tuple[int, Edge]]:
    """The kept blocks reached from `start` through others, each with the edge that leads out of `start`."""
    seen: set[int] = set()
    for first in cfg.blocks[start].edges:
        stack = [first.target]
        while stack:
            block = stack.pop()
            if block in seen:
                continue
            seen.add(block)
            if block in kept:
                yield block, first
            else:
                stack += [edge.target for edge in cfg.blocks[block].edges]


def _reached(entry: int, ways: dict[int, dict[int, Edge]]) -> set[int]:
    seen = {entry}
    stack = [entry]
    while stack:
        for target in ways.get(stack.pop(), ()):
            if target not in seen:
                seen.add(target)
                stack.append(target)
    return seen


def _taken(marks: list[Mark], kept: set[int]) -> set[tuple[int, int]]:
    """Pairs of kept blocks that the path passes one after the other."""
    blocks = [mark.block for mark in marks if mark.block in kept]
    return {(a, b) for a, b in pairwise(blocks) if a != b}


def _label(edge: Edge) -> str:
    return edge.reason if edge.reason not in ("", "back", "return") else ""


def _node(cfg: Cfg, block: Block, marks: list[Mark]) -> GraphNode:
    here = [mark for mark in marks if mark.block == block.id]
    told = {mark.step: mark.role for mark in here if mark.role not in ("step", "branch")}
    lines = []
    for number, step in enumerate(block.steps):
        if number in told or _is_told(step.event):
            lines.append(f"{step.span.line}: {_described(step.event, told.get(number, ''))}"[:MAX_TEXT])
    ends = {cfg.entry: f"{short(cfg.qualified)}()", cfg.exit: "return"}
    head = [ends[block.id]] if block.id in ends else []
    shown = (*head, *lines)
    if len(shown) > MAX_LINES:
        shown = (*shown[: MAX_LINES - 1], f"… {len(shown) - MAX_LINES + 1} more")
    line = next((step.span.line for step in block.steps), 0)
    return GraphNode(block.id, shown or ("·",), line, bool(here))


def _is_told(event: Event) -> bool:
    return isinstance(event, (*TOLD, DescriptorWrite, Unread))


def _described(event: Event, role: str) -> str:
    match event:
        case Call(qualified=qualified):
            return f"call {short(qualified)}()"
        case DescriptorWrite():
            return "descriptor write"
        case Access(kind=kind) if role == "write" and kind is not Kind.READ:
            return "descriptor write"
        case Access(kind=kind, address=address):
            text = show(address)
            return f"{kind.value} {text}" if "%" not in text else kind.value
    return mnemonic(event)
