"""One defect, one finding: which of a write's defects to show, and which writes share a root cause.

The root cause is the function that owes the barrier: the lowest function that all members' debts pass through,
above which no call lies in a loop and none recurses (a greedy cover where one function does not carry them all).
What it does not model: the cost of a barrier there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import networkx as nx

from barrierlint.cfg.graph import Block, Cfg
from barrierlint.dataflow.contexts import Context
from barrierlint.dataflow.debts import FREE, Debt, Leaf, Progress
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.tabulation import Tabulation
from barrierlint.dataflow.witness import Defect, Mark
from barrierlint.events import Call, Dmb, Dsb


@dataclass(frozen=True, slots=True)
class Group:
    """Defects with one root cause: the clearest first, and the mark in the function that owes the repair.

    Of equally clear ones a page's own descriptor comes before a table's link.
    """

    members: tuple[Defect, ...]
    owes: Mark

    @property
    def shown(self) -> Defect:
        """The member a report describes."""
        return self.members[0]


def clearest(defects: Iterable[Defect], functions: dict[str, Cfg]) -> tuple[Defect, ...]:
    """For each write its strongest defect, and others that do not come by where that one begins; a weak relation counts
    only where the debt also leaves the program unpaid.
    """
    by_leaf: dict[tuple[Leaf, str, str], list[Defect]] = {}
    for defect in defects:
        by_leaf.setdefault((defect.leaf, defect.debt.kind, defect.debt.subject), []).append(defect)
    chosen: dict[Defect, None] = {}
    for found in by_leaf.values():
        unpaid = [d for d in found if d.relation is Relation.BOUNDARY and d.debt.progress is not Progress.LOCAL]
        usable = [d for d in found if d.relation is not Relation.WEAK or unpaid]
        best = min((d.relation for d in usable), default=None)
        strongest = _one_per_place([d for d in usable if d.relation is best])
        begun = {defect.path[0].function for defect in strongest}
        apart = [d for d in usable if d.relation is not best and not _comes_by(d, begun)]
        chosen.update(dict.fromkeys((*strongest, *_one_per_place(apart))))
    return tuple(sorted(chosen, key=lambda d: _rank(d, functions)))


def _comes_by(defect: Defect, functions: Collection[str]) -> bool:
    return defect.relation is Relation.WEAK or any(mark.function in functions for mark in defect.carriers)


def _one_per_place(defects: list[Defect]) -> list[Defect]:
    """Of several paths that end in one place, the shortest of the least progress."""
    best: dict[tuple[str, int, int], Defect] = {}
    for defect in sorted(defects, key=lambda d: (d.debt.progress, len(d.path))):
        end = defect.path[-1]
        best.setdefault((end.function, end.block, end.step), defect)
    return list(best.values())


def _rank(defect: Defect, functions: dict[str, Cfg]) -> tuple[object, ...]:
    place = functions[defect.path[-1].function].place
    return (defect.relation, defect.debt.progress, len(defect.path), place.path, place.line, defect.path)


def group(defects: tuple[Defect, ...], functions: dict[str, Cfg], payers: Payers) -> tuple[Group, ...]:
    """Partition defects by kind and root cause, in the order of their clearest members."""
    loops = Loops(functions)
    alike: dict[object, list[Defect]] = {}
    for defect in defects:
        alike.setdefault(_sort(defect), []).append(defect)
    grouped = (_grouped(tuple(some), functions, payers, loops) for some in alike.values())
    groups = [each for some in grouped for each in _left_alike(some, functions)]
    order = {id(defect): n for n, defect in enumerate(defects)}
    return tuple(sorted(groups, key=lambda g: order[id(g.shown)]))


def _sort(defect: Defect) -> object:
    """What defects of one root cause have in common; a base that is in use is not one that is not in effect yet."""
    debt = defect.debt
    return (debt.kind, debt.subject, debt.progress) if debt.kind == FREE and debt.subject else debt.kind


def _grouped(defects: tuple[Defect, ...], functions: dict[str, Cfg], payers: Payers, loops: Loops) -> list[Group]:
    """The groups of defects of one kind."""
    tried = {id(defect): _trier(defect, functions) for defect in defects}
    candidates = [(d, _owing(loops.candidates(d, tried[id(d)]), payers, d.debt.kind)) for d in defects]
    groups: list[Group] = []
    while candidates:
        cover = Counter(name for _, marks in candidates for name in marks)
        heights = {name: min(list(marks).index(name) for _, marks in candidates if name in marks) for name in cover}
        owner = min(cover, key=lambda name: (-cover[name], heights[name], name))
        members = [
            (d, marks)
            for d, marks in candidates
            if owner in marks or (not tried[id(d)] and _carries(d, owner, functions))
        ]
        told = sorted((d for d, _ in members), key=lambda d: (d.relation, d.debt.progress, d.leaf.shift, len(d.path)))
        mark = next(marks[owner] for _, marks in members if owner in marks)
        groups.append(Group(tuple(told), mark))
        grouped = {id(defect) for defect, _ in members}
        candidates = [(d, marks) for d, marks in candidates if id(d) not in grouped]
    return groups


def _left_alike(groups: Iterable[Group], functions: dict[str, Cfg]) -> list[Group]:
    """Groups that leave one write as far unpaid by several functions that nothing calls are one: the first owes it. A
    write in a helper of several functions that each tried to pay it in vain is as many.
    """
    found: list[Group] = []
    left: dict[object, int] = {}
    for each in groups:
        shown = each.shown
        key = (shown.leaf, shown.debt.progress, shown.debt.subject, _in_vain(shown, functions))
        if shown.relation is not Relation.BOUNDARY:
            found.append(each)
        elif key in left:
            known = found[left[key]]
            found[left[key]] = Group((*known.members, *each.members), known.owes)
        else:
            left[key] = len(found)
            found.append(each)
    return found


def _trier(defect: Defect, functions: dict[str, Cfg]) -> int:
    """How many calls lie above and at the function that, handed the debt by a call, tried to pay it in vain; 0: none.

    What is wrong there is a defect of that function's own: a sound pair of barriers further down only hides it.
    """
    debt = defect.debt
    if debt.progress is Progress.WRITTEN and not debt.seen & {"dmb", "dsb-ld"}:
        return 0
    depth = 0
    outer = [mark.function for mark in defect.carriers[:-1]]
    for mark in defect.path:
        if mark.role == "return" and mark.function in outer:
            depth = outer.index(mark.function) + 1
        elif depth and mark.role == "step" and _is_barrier(functions[mark.function].blocks[mark.block], mark.step):
            return depth
    return 0


def _in_vain(defect: Defect, functions: dict[str, Cfg]) -> str:
    """The function that tried to pay, "" if none did."""
    depth = _trier(defect, functions)
    return pattern(functions[defect.carriers[depth - 1].function]) if depth else ""


def _is_barrier(block: Block, step: int) -> bool:
    return step < len(block.steps) and isinstance(block.steps[step].event, Dsb | Dmb)


def _carries(defect: Defect, owner: str, functions: dict[str, Cfg]) -> bool:
    """Whether the debt passes through the owner at all: what is paid there is paid for this defect too."""
    return any(pattern(functions[mark.function]) == owner for mark in defect.carriers)


def _owing(marks: dict[str, Mark], payers: Payers, kind: str) -> dict[str, Mark]:
    """Without the functions for which callers pay, and those below them; the outermost always stays."""
    names = list(marks)
    paid = [index for index, name in enumerate(names) if (name, kind) in payers.patterns]
    first = min(max(paid) + 1, len(names) - 1) if paid else 0
    return {name: marks[name] for name in names[first:]}


def pattern(cfg: Cfg) -> str:
    """What instantiations of one template share."""
    return cfg.pattern or cfg.usr


class Loops:
    """Which blocks of which functions lie on a cycle, and which functions are `recursive`."""

    def __init__(self, functions: dict[str, Cfg]) -> None:
        self.functions = functions
        self.cyclic: dict[str, frozenset[int]] = {}
        self.calls = _calls(functions)
        self.recursive = _on_cycles(self.calls)

    def contains(self, mark: Mark) -> bool:
        """Whether the mark's block is on a cycle of its function."""
        if mark.function not in self.cyclic:
            self.cyclic[mark.function] = _cyclic_blocks(self.functions[mark.function])
        return mark.block in self.cyclic[mark.function]

    def repeated(self, names: Collection[str]) -> frozenset[str]:
        """Those functions that call themselves by way of each other: a loop in other words."""
        return _on_cycles(self.calls.subgraph(names))

    def candidates(self, defect: Defect, depth: int = 0) -> dict[str, Mark]:
        """Functions that could pay once for all, by pattern, lowest first: above them neither loops nor recursion.

        `depth`, unless 0, bounds how many of the carriers come into question, from the outermost.
        """
        carriers = defect.carriers[:depth] if depth else defect.carriers
        names = [pattern(self.functions[mark.function]) for mark in carriers]
        found: dict[str, Mark] = {}
        for mark, name in zip(carriers, names, strict=True):
            if name in self.recursive:
                break
            found[name] = mark
            if self.contains(mark):
                break
        return dict(reversed(found.items())) or {names[0]: carriers[0]}


class Payers:
    """Functions whose debts of a kind at least half of their callers pay in full: they, not it, owe the barrier."""

    def __init__(self, tabulation: Tabulation) -> None:
        borne: set[tuple[str, str, str]] = set()
        unpaid: set[tuple[str, str, str]] = set()
        for context in tabulation.contexts.values():
            caller = context.key.function
            for (block, signature), arrivals in context.arrivals.items():
                debt = context.nodes[block][signature].debt
                if debt is not None:
                    called = (a.via[0].function for a in arrivals if a.via and a.birth is not None)
                    borne.update((caller, callee, debt.kind) for callee in called)
            for debt in _owed(tabulation, context):
                if debt.born is not None:
                    unpaid.update((caller, usr, debt.kind) for usr in _targets(context.cfg, debt.born))
        functions = tabulation.program.functions
        pays = Counter((pattern(functions[callee]), kind) for _, callee, kind in borne - unpaid)
        owes = Counter((pattern(functions[callee]), kind) for _, callee, kind in borne & unpaid)
        self.patterns = {name for name in pays if pays[name] >= owes[name]}


def _owed(tabulation: Tabulation, context: Context) -> Iterator[Debt]:
    """The debts that a function leaves, where that is a defect, or that something depends on."""
    for _, state, _ in context.exits():
        if state.debt is not None and tabulation.kinds[state.debt.kind].open(state.debt):
            yield state.debt
    for hit in context.hits:
        yield hit.debt
    for passage in context.passages:
        yield passage.debt


def _targets(cfg: Cfg, born: tuple[int, int]) -> tuple[str, ...]:
    event = cfg.blocks[born[0]].steps[born[1]].event
    return event.targets if isinstance(event, Call) else ()


def _calls(functions: dict[str, Cfg]) -> nx.DiGraph:
    """Who calls whom, instantiations of a template taken as one."""
    graph = nx.DiGraph()
    for cfg in functions.values():
        for step in cfg.steps():
            if isinstance(step.event, Call):
                called = (pattern(functions[usr]) for usr in step.event.targets if usr in functions)
                graph.add_edges_from((pattern(cfg), name) for name in called)
    return graph


def _on_cycles(graph: nx.DiGraph) -> frozenset[str]:
    components = nx.strongly_connected_components(graph)
    return frozenset(n for c in components for n in c if len(c) > 1 or graph.has_edge(n, n))


def _cyclic_blocks(cfg: Cfg) -> frozenset[int]:
    graph = nx.DiGraph((block.id, edge.target) for block in cfg.blocks for edge in block.edges)
    components = nx.strongly_connected_components(graph)
    return frozenset(b for c in components for b in c if len(c) > 1 or graph.has_edge(b, b))
