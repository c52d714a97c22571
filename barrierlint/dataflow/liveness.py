"""Live variables of a function: the names whose values a block, or one after it, still uses.

The classical backward analysis over blocks; what is not live is dropped from states, so that they stay small and
meet sooner. What it does not model: memory (cells are bounded in number instead).
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from barrierlint.cfg.graph import RETURN, Block, Cfg
from barrierlint.dataflow.reach import reverse_postorder
from barrierlint.dataflow.values import leaves
from barrierlint.events import (
    Access,
    Assign,
    At,
    CacheMaintenance,
    Call,
    DescriptorWrite,
    Event,
    SysregRead,
    SysregWrite,
    Tlbi,
)
from barrierlint.terms import Apply, Name, Term


def live_at_entry(cfg: Cfg) -> dict[int, frozenset[str]]:
    """For each block the names live where it begins."""
    local = {block.id: _block(block) for block in cfg.blocks}
    live: dict[int, frozenset[str]] = {block.id: frozenset() for block in cfg.blocks}
    live[cfg.exit] = frozenset({RETURN})
    before: dict[int, list[int]] = {block.id: [] for block in cfg.blocks}
    for block in cfg.blocks:
        for edge in block.edges:
            before[edge.target].append(block.id)
    places = _last_first(cfg)
    pending = sorted((place, block) for block, place in places.items())
    waiting = set(places)
    while pending:
        _, at = heappop(pending)
        waiting.discard(at)
        block = cfg.blocks[at]
        used, bound = local[at]
        out = frozenset().union(*{live[edge.target] for edge in block.edges})
        entry = used | (out - bound)
        if at != cfg.exit and entry != live[at]:
            live[at] = entry
            for one in before[at]:
                if one not in waiting:
                    waiting.add(one)
                    heappush(pending, (places[one], one))
    return live


def _last_first(cfg: Cfg) -> dict[int, int]:
    """A place for each block, so that most come after those they lead to: else a switch is worked on once a case."""
    forwards = reverse_postorder(cfg)
    return {block.id: -forwards.get(block.id, -1) for block in cfg.blocks}


def _block(block: Block) -> tuple[frozenset[str], frozenset[str]]:
    """(names used before they are bound here, names bound here)."""
    used: set[str] = set()
    bound: set[str] = set()
    for step in block.steps:
        used.update(name for term in operands(step.event) for name in _names(term) if name not in bound)
        target = bound_by(step.event)
        if target is not None:
            bound.add(target)
    for edge in block.edges:
        for guard in edge.guards:
            used.update(name for name in _names(guard.condition) if name not in bound)
    return frozenset(used), frozenset(bound)


def operands(event: Event) -> Iterator[Term]:
    """The terms an event reads."""
    match event:
        case Access(address=address, value=value, expected=expected):
            terms: tuple[Term | None, ...] = (address, value, expected)
        case DescriptorWrite() as write:
            terms = (write.location, write.value, write.old, write.maps, write.length, write.expected)
        case Assign(value=value) | SysregWrite(value=value):
            terms = (value,)
        case Tlbi(operand=operand) | At(operand=operand) | CacheMaintenance(operand=operand):
            terms = (operand,)
        case Call(args=args, pointer=pointer):
            terms = (*args, pointer)
        case _:
            terms = ()
    yield from (term for term in terms if term is not None)


def bound_by(event: Event) -> str | None:
    """The name an event binds."""
    match event:
        case Assign(name, _):
            return name
        case Access(into=into) | DescriptorWrite(into=into) | SysregRead(into=into) | Call(into=into):
            return into
    return None


def _names(term: Term) -> Iterator[str]:
    for leaf in leaves(term):
        if isinstance(leaf, Name):
            yield leaf.id
        elif isinstance(leaf, Apply):
            for arg in leaf.args:
                yield from _names(arg)
