"""From the fixed point to paths: which defects there are, and a shortest feasible path for each.

A path is rebuilt backwards over the predecessors that the tabulation kept: from the hit to the node in which the
debt was born, into the callee where a callee bore it. What it does not model: the way from the function's entry to
the write, beyond the calls that lead there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterator
from dataclasses import dataclass

from barrierlint.cfg.graph import Cfg
from barrierlint.dataflow.calls import EntryKey
from barrierlint.dataflow.contexts import Arrival, Context, Hit, Node
from barrierlint.dataflow.debts import MAKE, Debt, Leaf, Site
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.tabulation import Tabulation

MAX_TOLD = 8
"""Writes of one debt that paths are built for."""


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A step of a path: a step of a function's graph (`block`, `step`), and what it is to the path.

    `role` is enter (a call on the way to the write), write, pass (a call that ran with the debt and returned), into
    (a call in which the path ends), return (the debt leaves the function), step, branch (edge taken after the
    step), access, boundary.
    """

    function: str
    block: int
    step: int
    role: str
    depth: int


@dataclass(frozen=True, slots=True)
class Defect:
    """A debt that reaches something that depends on it: the write told of, its state there, how they relate, and
    the path.
    """

    leaf: Leaf
    debt: Debt
    relation: Relation
    path: tuple[Mark, ...]

    @property
    def carriers(self) -> tuple[Mark, ...]:
        """The calls whose callee bore the debt, outermost first, then the write."""
        return tuple(mark for mark in self.path if mark.role in ("enter", "write"))


class Witnesses:
    """The defects of a solved tabulation."""

    def __init__(self, tabulation: Tabulation) -> None:
        self.tabulation = tabulation
        self.target: Leaf | None = None
        self.unfolding: list[tuple[EntryKey, Node]] = []
        self.entered: dict[EntryKey, tuple[tuple[Hit, tuple[EntryKey, ...]], ...]] = {}

    def defects(self, within: Container[str] | None = None) -> Iterator[Defect]:
        """All defects, or those that begin and end `within` some functions and what they call, strongest relation first
        within a context; several may share a write.
        """
        for context in self.tabulation.contexts.values():
            if within is not None and context.key.function not in within:
                continue
            yield from self._direct(context)
            yield from self._inside_calls(context)
            if context.key.function in self.tabulation.boundaries and context.key.debt is None:
                yield from self._boundary(context)

    def _each_leaf(self, debt: Debt) -> Iterator[Leaf]:
        """Aim paths at each write of a debt in turn."""
        for leaf in debt.leaves[:MAX_TOLD]:
            self.target = leaf
            yield leaf
        self.target = None

    def _direct(self, context: Context) -> Iterator[Defect]:
        usr = context.cfg.usr
        for hit in context.hits:
            if hit.debt.born is None:
                continue
            end = Mark(usr, hit.node[0], hit.step, _end_role(hit), 0)
            for leaf in self._each_leaf(hit.debt):
                path = self._to(context, hit.node, hit.birth, 0)
                rest = self._steps(context, hit.node, hit.birth, hit.step, 0)
                ends = (*rest, end) if hit.birth != hit.step else ()
                yield Defect(leaf, hit.debt, hit.relation, (*path, *ends))

    def _inside_calls(self, context: Context) -> Iterator[Defect]:
        for passage in context.passages:
            if passage.debt.born is None:
                continue
            last = len(context.cfg.blocks[passage.node[0]].steps) - 1
            into = Mark(context.cfg.usr, passage.node[0], last, "into", 0)
            for hit, chain in self._entered_hits(passage.callee, ()):
                acts = self._acts(passage.callee) or passage.debt.kind != MAKE
                debt = passage.debt.after(hit.debt) if acts else passage.debt
                inside = self._follow((passage.callee, *chain), hit, 1)
                for leaf in self._each_leaf(passage.debt):
                    path = self._to(context, passage.node, passage.birth, 0)
                    rest = self._steps(context, passage.node, passage.birth, last, 0)
                    yield Defect(leaf, debt, hit.relation, (*path, *rest, into, *inside))

    def _acts(self, key: EntryKey) -> bool:
        reach = self.tabulation.reach
        return reach.acts(key.function)

    def _boundary(self, context: Context) -> Iterator[Defect]:
        for node, state, unwinds in context.exits():
            debt = state.debt
            if unwinds or (debt is not None and "thrown" in debt.seen):
                continue  # who catches it is not known here; a use of the address after a handler is reported as such
            if debt is None or debt.born is None or not self.tabulation.kinds[debt.kind].open(debt):
                continue
            debt = self.tabulation.kinds[debt.kind].leaving(debt, context.cfg)
            if debt is not None:
                end = Mark(context.cfg.usr, node[0], -1, "boundary", 0)
                for leaf in self._each_leaf(debt):
                    yield Defect(leaf, debt, Relation.BOUNDARY, (*self._to(context, node, None, 0), end))

    # --- hits of debts that entered from a caller ---

    def _entered_hits(self, key: EntryKey, stack: tuple[EntryKey, ...]) -> tuple[tuple[Hit, tuple[EntryKey, ...]], ...]:
        """Hits of the entered debt in this context and, through passages, in its callees: (hit, contexts below this
        one).
        """
        if key in self.entered:
            return self.entered[key]
        if key in stack:
            return ()
        context = self.tabulation.contexts[key]
        found: list[tuple[Hit, tuple[EntryKey, ...]]] = [(hit, ()) for hit in context.hits if hit.debt.born is None]
        for passage in context.passages:
            if passage.debt.born is None:
                for hit, chain in self._entered_hits(passage.callee, (*stack, key)):
                    found.append((hit, (passage.callee, *chain)))
        best: dict[Relation, tuple[Hit, tuple[EntryKey, ...]]] = {}
        for hit, chain in found:
            if hit.relation not in best or len(chain) < len(best[hit.relation][1]):
                best[hit.relation] = (hit, chain)
        result = tuple(best[relation] for relation in sorted(best))
        if not stack:
            self.entered[key] = result
        return result

    def _follow(self, chain: tuple[EntryKey, ...], hit: Hit, depth: int) -> list[Mark]:
        """The path of an entered debt from the entry of chain[0] down to the hit in chain[-1]."""
        context = self.tabulation.contexts[chain[0]]
        if len(chain) == 1:
            path = self._to(context, hit.node, None, depth)
            path += self._steps(context, hit.node, None, hit.step, depth)
            return [*path, Mark(context.cfg.usr, hit.node[0], hit.step, _end_role(hit), depth)]
        passage = next(p for p in context.passages if p.callee == chain[1] and p.debt.born is None)
        last = len(context.cfg.blocks[passage.node[0]].steps) - 1
        path = self._to(context, passage.node, None, depth)
        path += self._steps(context, passage.node, None, last, depth)
        path.append(Mark(context.cfg.usr, passage.node[0], last, "into", depth))
        return path + self._follow(chain[1:], hit, depth + 1)

    # --- paths within a context ---

    def _to(self, context: Context, node: Node, birth: int | None, depth: int) -> list[Mark]:
        """Marks from the debt's birth (or the entry) up to the start of `node`; the birth itself if it is in `node`."""
        if birth is not None:
            return [*self._birth(context, node, birth, None, depth)]
        chain = self._shortest(context, node)
        path: list[Mark] = []
        for arrival, target in chain:
            path += self._across(context, arrival, depth)
            path.append(
                Mark(
                    context.cfg.usr,
                    arrival.source[0],
                    _edge(context.cfg, arrival.source[0], target[0]),
                    "branch",
                    depth,
                )
            )
        return path

    def _shortest(self, context: Context, node: Node) -> list[tuple[Arrival, Node]]:
        """Arrivals from the debt's birth, or the entry of the context, to `node`, in order."""
        seen: dict[Node, tuple[Arrival, Node] | None] = {node: None}
        queue = deque([node])
        while queue:
            current = queue.popleft()
            arrivals = context.arrivals.get(current, {})
            born = next((a for a in arrivals if a.birth is not None and self._bears(context, a)), None)
            if born is not None:
                return self._unwind(seen, current, [(born, current)])
            if current[0] == context.cfg.entry and not arrivals:
                return self._unwind(seen, current, [])
            if current[0] == context.cfg.entry and self._enters(context, current):
                return self._unwind(seen, current, [])
            for arrival in arrivals:
                if arrival.birth is None and arrival.source not in seen:
                    seen[arrival.source] = (arrival, current)
                    queue.append(arrival.source)
        return []

    @staticmethod
    def _enters(context: Context, node: Node) -> bool:
        """Whether the debt at a node is, in its progress too, the one that the context was entered with."""
        debt, entering = context.nodes[node[0]][node[1]].debt, context.key.debt
        return debt is not None and entering is not None and debt.identity == entering.identity

    def _bears(self, context: Context, arrival: Arrival) -> bool:
        """Whether the write told of is the one, or among those, that an arrival's source block bears."""
        if arrival.via in self.unfolding:
            return False  # a recursive call that bears the debt as its caller does: where it was born is further in
        if self.target is None:
            return True
        block, step = arrival.source[0], arrival.birth
        if arrival.via is None or step != len(context.cfg.blocks[block].steps) - 1:
            return self.target.site == Site(context.cfg.usr, block, step if step is not None else -1)
        key, (exit, signature) = arrival.via
        debt = self.tabulation.contexts[key].nodes[exit][signature].debt
        return debt is not None and self.target in debt.leaves

    @staticmethod
    def _unwind(
        seen: dict[Node, tuple[Arrival, Node] | None], start: Node, path: list[tuple[Arrival, Node]]
    ) -> list[tuple[Arrival, Node]]:
        step = seen[start]
        while step is not None:
            path.append(step)
            step = seen[step[1]]
        return path

    def _across(self, context: Context, arrival: Arrival, depth: int) -> list[Mark]:
        """The marks of the arrival's source block: the birth if it is there, the steps after it, the call at its
        end.
        """
        path: list[Mark] = []
        block = context.cfg.blocks[arrival.source[0]]
        last = len(block.steps) - 1
        if arrival.birth is not None:
            path += self._birth(context, arrival.source, arrival.birth, arrival.via, depth)
            if arrival.birth == last and arrival.via is not None:
                return path
        path += self._steps(context, arrival.source, arrival.birth, last + (arrival.via is None), depth)
        if arrival.via is not None:
            path.append(Mark(context.cfg.usr, block.id, last, "pass", depth))
            key, exit = arrival.via
            if self.tabulation.reach.acts(key.function) and key.debt is not None and arrival.via not in self.unfolding:
                self.unfolding.append(arrival.via)
                path += self._to(self.tabulation.contexts[key], exit, None, depth + 1)
                self.unfolding.pop()
        return path

    def _birth(
        self, context: Context, node: Node, birth: int, via: tuple[EntryKey, Node] | None, depth: int
    ) -> list[Mark]:
        block = context.cfg.blocks[node[0]]
        if via is None or birth != len(block.steps) - 1:
            return [Mark(context.cfg.usr, block.id, birth, "write", depth)]
        key, exit = via
        self.unfolding.append(via)
        inner = self._to(self.tabulation.contexts[key], exit, None, depth + 1)
        self.unfolding.pop()
        leaving = Mark(context.cfg.usr, block.id, birth, "return", depth)
        return [Mark(context.cfg.usr, block.id, birth, "enter", depth), *inner, leaving]

    def _steps(self, context: Context, node: Node, birth: int | None, end: int, depth: int) -> list[Mark]:
        """The steps of `node`'s block after the birth and before step `end`."""
        first = 0 if birth is None else birth + 1
        return [Mark(context.cfg.usr, node[0], index, "step", depth) for index in range(first, end)]


def _edge(cfg: Cfg, source: int, target: int) -> int:
    """The number of the edge between two blocks."""
    return next((n for n, edge in enumerate(cfg.blocks[source].edges) if edge.target == target), 0)


def _end_role(hit: Hit) -> str:
    return "boundary" if hit.relation is Relation.BOUNDARY else "access"
