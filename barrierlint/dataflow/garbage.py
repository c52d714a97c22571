"""Abstract garbage collection: cells and facts of a state that nothing can name any more are dropped.

What a function can still name is made of its live variables, its parameters, objects that a later step mentions,
objects of others, what the debt is about, and what cells hold whose address can be named (Might and Shivers, ICFP
2006), and of registers and of answers whether translation is on. States stay small by it, and differ less where they
meet. What it does not model: members that nobody reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from barrierlint.cfg.graph import Block, Cfg
from barrierlint.dataflow.liveness import operands
from barrierlint.dataflow.state import State
from barrierlint.dataflow.translation import ENABLED
from barrierlint.dataflow.values import all_leaves, leaves
from barrierlint.terms import AddressOf, Apply, Term, Unknown


@dataclass(frozen=True, slots=True)
class Nameable:
    """What can be named from the beginning of a block on, whatever the state: `symbols` of parameters and objects.

    `shared` are ids of objects that other functions than their own mention.
    """

    function: str
    symbols: frozenset[Term]
    shared: frozenset[str]

    def collect(self, state: State) -> None:
        """Drop what cannot be named any more from `state`."""
        if not state.cells and not state.facts.truths and not state.facts.bits:
            return
        reached = _Reached(self, state)
        state.cells = reached.keep(state.cells)
        facts = state.facts
        facts.truths = {
            term: truth for term, truth in facts.truths.items() if reached.names(term) or is_about_global(term)
        }
        facts.bits = {term: bits for term, bits in facts.bits.items() if reached.names(term)}


@lru_cache(maxsize=1 << 16)
def is_about_global(term: Term) -> bool:
    """Whether a condition compares what a global object held: that it did is of interest, whatever the other side."""
    return any(
        isinstance(leaf, Apply) and isinstance(leaf.args[0], AddressOf) and leaf.args[0].kind == "global"
        for leaf in all_leaves(term)
    )


class _Reached:
    """The symbols of a state that can be named, and the cells (in their order)."""

    def __init__(self, nameable: Nameable, state: State) -> None:
        self.own = nameable.function + "#"
        self.shared = nameable.shared
        self.symbols: set[Term] = set(nameable.symbols)
        self.symbols.update(*map(all_leaves, state.variables.values()))
        if state.debt is not None:
            for term in (*state.debt.maps, *state.debt.location, state.debt.place, state.debt.slot):
                if term is not None:
                    self.symbols.update(all_leaves(term))

    def keep(self, cells: Mapping[Term, Term]) -> dict[Term, Term]:
        """The cells that can be named; what can be named by what they hold is taken in."""
        found: set[Term] = set()
        waiting = list(cells)
        while waiting:
            rest = []
            for cell in waiting:
                if self.names(cell):
                    found.add(cell)
                    self.symbols.update(all_leaves(cells[cell]))
                else:
                    rest.append(cell)
            if len(rest) == len(waiting):
                return {cell: value for cell, value in cells.items() if cell in found}
            waiting = rest
        return dict(cells)

    def names(self, term: Term) -> bool:
        """Whether a term can be computed: from symbols, and what memory held at places that can be named."""
        needed = leaves(term)
        return self.symbols.issuperset(needed) or all(leaf in self.symbols or self._is_open(leaf) for leaf in needed)

    def _is_open(self, leaf: Term) -> bool:
        match leaf:
            case AddressOf(id, kind):
                own = kind in ("local", "member") and id.startswith(("%", self.own))
                found = not own or id in self.shared
            case Apply("load", (address,)):
                found = self.names(address)
            case Unknown(id):
                found = id.startswith(("sysreg:", "elsewhere")) or id.rstrip("~").endswith(ENABLED)
            case _:
                found = False
        if found:
            self.symbols.add(leaf)
        return found


def nameable(cfg: Cfg, shared: frozenset[str]) -> dict[int, Nameable]:
    """What can be named from a block on, for the blocks where that is worth asking: those where ways meet, and ends.

    `shared` are ids of objects that other functions mention.
    """
    before: dict[int, list[int]] = {block.id: [] for block in cfg.blocks}
    for block in cfg.blocks:
        for edge in block.edges:
            before[edge.target].append(block.id)
    found = {block.id: frozenset(_mentioned(block)) for block in cfg.blocks}
    pending = [block.id for block in cfg.blocks]
    while pending:
        at = pending.pop()
        for source in before[at]:
            if not found[at] <= found[source]:
                found[source] |= found[at]
                pending.append(source)
    always = frozenset(Unknown(name) for name in cfg.params)
    return {
        block: Nameable(cfg.usr, objects | always, shared)
        for block, objects in found.items()
        if len(before[block]) > 1 or block in (cfg.exit, cfg.unwind)
    }


def shared_objects(functions: Iterable[Cfg]) -> frozenset[str]:
    """The ids of local objects that a function other than their own mentions: lambdas do, of what they capture."""
    return frozenset(
        term.id
        for cfg in functions
        for block in cfg.blocks
        for term in _mentioned(block)
        if isinstance(term, AddressOf) and term.kind != "global" and not term.id.startswith(("%", cfg.usr + "#"))
    )


def _mentioned(block: Block) -> Iterator[Term]:
    """The objects that a block's steps and guards mention."""
    for step in block.steps:
        for term in operands(step.event):
            yield from (leaf for leaf in all_leaves(term) if isinstance(leaf, AddressOf))
    for edge in block.edges:
        for guard in edge.guards:
            yield from (leaf for leaf in all_leaves(guard.condition) if isinstance(leaf, AddressOf))
