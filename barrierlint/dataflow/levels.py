"""At which exception level code runs, as far as the registers and operations tell that it uses there on every path.

A register of ELn can be accessed at ELn and above only. A block runs at least at the level of what lies on every way
through it; a function whose callers are all known, at least at theirs; and each at that of the source file it is in,
unless that file asks CurrentEL, and so serves several. What it does not model: code that runs at one level on
one path and at another on another without asking.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import networkx as nx

from barrierlint.cfg.graph import Block, Cfg, Program
from barrierlint.events import At, Call, Event, SysregRead, SysregWrite, Tlbi

_SUFFIX = re.compile(r"_el(?P<level>[123])(?P<alias>2?)$")
_OPERATION = re.compile(r"(?:alle|r?vae|r?vale|s1e)(?P<level>[23])|alle1|vmalls12|vmallws2|r?ipas2|s12")
_ENCODED = re.compile(r"s3_(\d)_c\d+_c\d+_\d")
_LEVELS = {0: 1, 1: 1, 2: 1, 4: 2, 5: 2, 6: 3, 7: 1}
"""By the first number (op1) of a register's encoding (DDI 0487 D24.2.1)."""
_LEAVES = -1
"""The vertex after every end of a function."""


def levels(program: Program) -> dict[str, dict[int, int]]:
    """The exception level (0: not known) of each block of each function in which one is known."""
    return _Levels(program).found


def asking(functions: Mapping[str, Cfg]) -> frozenset[str]:
    """Functions that read CurrentEL, or call one that does."""
    reads = {
        usr
        for usr, cfg in functions.items()
        if any(isinstance(step.event, SysregRead) and step.event.register == "currentel" for step in cfg.steps())
    }
    calls = nx.DiGraph((target, usr) for usr, cfg in functions.items() for target in _targets(cfg)) if reads else None
    return frozenset(reads.union(*(nx.descendants(calls, usr) for usr in reads if calls and usr in calls)))


class _Levels:
    def __init__(self, program: Program) -> None:
        self.functions = program.functions
        self.roots = frozenset(program.roots)
        self.found: dict[str, dict[int, int]] = {}
        own = {usr: {b.id: _own(b) for b in cfg.blocks} for usr, cfg in self.functions.items()}
        if not any(level > 1 for blocks in own.values() for level in blocks.values()):
            return
        self.own = own
        order = list(_callees_first(self.functions))
        self.certain: dict[str, int] = {}
        for usr in order:
            self._inside(usr)
        self._files()
        for usr in reversed(order):
            self._below(usr)

    def _inside(self, usr: str) -> None:
        """Levels of blocks by what is on every way through them, calls included."""
        cfg = self.functions[usr]
        reaching = {b.id: max(self.own[usr][b.id], self._called(b)) for b in cfg.blocks}
        if not any(reaching.values()):
            self.certain[usr] = 0
            return
        graph = _graph(cfg)
        known = {block: _chain(nx.immediate_dominators(graph, cfg.entry), block) for block in graph if block != _LEAVES}
        ends = nx.immediate_dominators(graph.reverse(copy=False), _LEAVES) if _LEAVES in graph else {}
        found = {}
        for block, before in known.items():
            through = {*before, *_chain(ends, block)}
            found[block] = max(reaching.get(each, 0) for each in through)
        self.found[usr] = found
        self.certain[usr] = found.get(cfg.entry, 0)

    def _called(self, block: Block) -> int:
        """The level that whatever a block calls runs at."""
        event = block.steps[-1].event if block.steps else None
        if not isinstance(event, Call) or not event.targets:
            return 0
        return min(self.certain.get(target, 0) for target in event.targets)

    def _files(self) -> None:
        """The level of each source file: of all its functions, unless one of them asks at which level it runs."""
        self.files: dict[str, int] = {}
        asks = asking(self.functions)
        undecided = {self.functions[usr].place.path for usr in asks}
        sources = {self.functions[usr].place.path for usr in self.roots}
        for usr, found in self.found.items():
            path = self.functions[usr].place.path
            if path in sources - undecided:
                self.files[path] = max(self.files.get(path, 0), *found.values())

    def _below(self, usr: str) -> None:
        """Raise what a function's blocks are known to run at to what its callers, or else its file, say."""
        cfg = self.functions[usr]
        calls = [self.found.get(c.usr, {}).get(b.id, 0) for c, b in self._sites().get(usr, [])]
        known = 0 if usr in self.roots else min(calls, default=0)
        base = max(known, self.files.get(cfg.place.path, 0))
        if base:
            inside = self.found.get(usr, {})
            self.found[usr] = {block.id: max(base, inside.get(block.id, 0)) for block in cfg.blocks}

    def _sites(self) -> Mapping[str, list[tuple[Cfg, Block]]]:
        if not hasattr(self, "sites"):
            self.sites: dict[str, list[tuple[Cfg, Block]]] = {}
            for cfg in self.functions.values():
                for block in cfg.blocks:
                    event = block.steps[-1].event if block.steps else None
                    for target in event.targets if isinstance(event, Call) else ():
                        self.sites.setdefault(target, []).append((cfg, block))
        return self.sites


def register_level(register: str) -> int:
    """The lowest exception level at which a register can be accessed; of an alias (`_el12`) the one that has it."""
    encoded = _ENCODED.match(register)
    if encoded is not None:
        return _LEVELS.get(int(encoded[1]), 0)
    match = _SUFFIX.search(register)
    if match is None:
        return 2 if register.endswith("_el02") else 0
    return 2 if match["alias"] else int(match["level"])


def _level(event: Event) -> int:
    match event:
        case SysregRead(register=register) | SysregWrite(register=register):
            return register_level(register)
        case Tlbi(op=op) | At(op=op):
            found = _OPERATION.match(op)
            return 0 if found is None else int(found["level"] or 2)
    return 0


def _own(block: Block) -> int:
    return max((_level(step.event) for step in block.steps), default=0)


def _targets(cfg: Cfg) -> Iterator[str]:
    for block in cfg.blocks:
        event = block.steps[-1].event if block.steps else None
        if isinstance(event, Call):
            yield from event.targets


def _callees_first(functions: Mapping[str, Cfg]) -> Iterator[str]:
    graph = nx.DiGraph()
    graph.add_nodes_from(functions)
    for usr, cfg in functions.items():
        graph.add_edges_from((usr, target) for target in _targets(cfg) if target in functions)
    for component in nx.strongly_connected_components(graph):
        yield from sorted(component)


def _graph(cfg: Cfg) -> nx.DiGraph:
    """The blocks that are reached, with one vertex after all ends."""
    graph = nx.DiGraph()
    graph.add_node(cfg.entry)
    for block in cfg.blocks:
        graph.add_edges_from((block.id, edge.target) for edge in block.edges)
        if not block.edges:
            graph.add_edge(block.id, _LEAVES)
    reached = {cfg.entry, *nx.descendants(graph, cfg.entry)}
    return graph.subgraph(reached)


def _chain(parents: Mapping[int, int], block: int) -> list[int]:
    """A block and what dominates it."""
    chain = [block]
    while (above := parents.get(chain[-1], chain[-1])) != chain[-1]:
        chain.append(above)
    return chain
