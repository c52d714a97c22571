"""Branches inside one assembler text: which statements every pass through it executes, and which only some.

Statements are cut into blocks; a block is mandatory if no path from the start to any way out avoids it. What it does
not model: computed branches into the text, and correlation of one condition with another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from barrierlint.cfg.asm_text import Statement

END = -1
"""Falling off the end of the text."""
LEAVE = -2
"""Any other way out: return, tail call, `asm goto` label, exception return."""

CONDITIONAL = re.compile(
    r"bc?\.(?P<code>eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)|(?P<test>cbz|cbnz|tbz|tbnz)|(?P<maybe>\.maybe)"
    r"|b(?P<old>eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)"
)
_LEAVES = frozenset(
    ["ret", "retaa", "retab", "br", "braa", "brab", "braaz", "brabz", "eret", "eretaa", "eretab", "drps"]
)


@dataclass(frozen=True, slots=True)
class Run:
    """Statements `[start, end)` executed together. `group` numbers runs of one fate; `head` marks the target of a
    back edge.

    `after` is the index of the conditional branch whose falling through alone leads here, or None. `joined` where
    paths meet.
    """

    start: int
    end: int
    mandatory: bool
    group: int
    head: tuple[int, int] | None = None
    after: int | None = None
    joined: bool = False


def target_of(lines: Sequence[Statement], at: int) -> int | None:
    """The index of the label that the branch at `at` goes to, None if it is not in the text."""
    name = lines[at].operands[-1] if lines[at].operands else ""
    if local := re.fullmatch(r"(\d+)([bf])", name):
        places = range(at - 1, -1, -1) if local[2] == "b" else range(at + 1, len(lines))
        return next((place for place in places if lines[place].label == local[1]), None)
    if name == ".":
        return at
    return next((place for place, line in enumerate(lines) if line.label == name), None)


def _successors(lines: Sequence[Statement], at: int) -> tuple[int, ...]:
    name = lines[at].mnemonic
    after = at + 1 if at + 1 < len(lines) else END
    if name in _LEAVES:
        return (LEAVE,)
    if name == "b" or CONDITIONAL.fullmatch(name):
        place = target_of(lines, at)
        taken = LEAVE if place is None else place
        return (taken,) if name == "b" else (after, taken)
    return (after,)


def falls_through(lines: Sequence[Statement]) -> bool:
    """Whether the end of the text is reached on any path."""
    return not lines or END in _reach(lines, {index: _successors(lines, index) for index in range(len(lines))})


def _reach(lines: Sequence[Statement], edges: dict[int, tuple[int, ...]]) -> set[int]:
    seen: set[int] = set()
    work = [0] if lines else []
    while work:
        at = work.pop()
        if at not in seen:
            seen.add(at)
            work.extend(edges.get(at, ()))
    return seen


def runs(lines: Sequence[Statement]) -> list[Run]:
    """Cut the text into runs in source order; unreachable statements are left out."""
    if not any(_branches(line) for line in lines):
        return [Run(0, len(lines), True, 0)] if lines else []
    edges = {index: _successors(lines, index) for index in range(len(lines))}
    reached = _reach(lines, edges)
    starts = _leaders(lines, edges)
    blocks = [(start, end) for start, end in zip(starts, [*starts[1:], len(lines)], strict=True) if start in reached]
    graph = {start: edges[end - 1] for start, end in blocks}
    if not any(target < 0 for targets in graph.values() for target in targets):
        graph = {
            start: (*targets, LEAVE) if any(t <= start for t in targets) else targets
            for start, targets in graph.items()
        }
    return _classify(lines, blocks, graph)


def _branches(line: Statement) -> bool:
    return line.mnemonic in _LEAVES or line.mnemonic == "b" or CONDITIONAL.fullmatch(line.mnemonic) is not None


def _leaders(lines: Sequence[Statement], edges: dict[int, tuple[int, ...]]) -> list[int]:
    leaders = {0}
    for index, targets in edges.items():
        if _branches(lines[index]):
            leaders.update(target for target in targets if target >= 0)
            leaders.update({index + 1} if index + 1 < len(lines) else ())
    return sorted(leaders)


def _classify(
    lines: Sequence[Statement], blocks: list[tuple[int, int]], graph: dict[int, tuple[int, ...]]
) -> list[Run]:
    incoming: dict[int, list[int]] = {start: [] for start, _ in blocks}
    for start, targets in graph.items():
        for target in targets:
            if target >= 0:
                incoming[target].append(start)
    # A conditional branch back is a retry: what counts is the pass that does not take it.
    onward = {
        start: tuple(t for t in targets if len(targets) == 1 or not 0 <= t <= start) for start, targets in graph.items()
    }
    result: list[Run] = []
    ends = dict(blocks)
    for start, end in blocks:
        mandatory = not _escapes(graph, 0, without=start)
        loops = [ends[source] for source in incoming[start] if source >= start]
        previous = result[-1] if result else None
        sole = incoming[start] == [previous.start] if previous else False
        guard = (
            previous.end - 1 if previous and sole and CONDITIONAL.fullmatch(lines[previous.end - 1].mnemonic) else None
        )
        group = previous.group if previous and _same_fate(onward, previous, start, mandatory) else start
        joined = len(incoming[start]) > 1 or not sole
        result.append(Run(start, end, mandatory, group, (start, max(loops)) if loops else None, guard, joined))
    return result


def _same_fate(graph: dict[int, tuple[int, ...]], previous: Run, start: int, mandatory: bool) -> bool:
    """Whether both are mandatory, or each is executed exactly when the other is."""
    if previous.mandatory or mandatory:
        return previous.mandatory and mandatory
    return not _leads(graph, 0, start, without=previous.start) and not _escapes(graph, previous.start, without=start)


def _escapes(graph: dict[int, tuple[int, ...]], start: int, without: int) -> bool:
    """Whether a way out is reached from `start` avoiding block `without`."""
    return any(target < 0 for target in _walk(graph, start, without))


def _leads(graph: dict[int, tuple[int, ...]], start: int, goal: int, without: int) -> bool:
    return goal in _walk(graph, start, without)


def _walk(graph: dict[int, tuple[int, ...]], start: int, without: int) -> set[int]:
    seen: set[int] = set()
    work = [start] if start != without else []
    while work:
        at = work.pop()
        if at not in seen and at != without:
            seen.add(at)
            work.extend(graph.get(at, ()))
    return seen
