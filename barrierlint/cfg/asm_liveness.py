"""Which registers the functions of an assembly file are handed, and which assignments to registers nobody reads.

Every call holds all registers until it is known which of them the callee reads; the functions of one file tell each
other, to a fixed point. What it does not model: memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace

from barrierlint.cfg.asm_registers import KEYS, names_in, register_name
from barrierlint.cfg.graph import RETURN, Block, Step
from barrierlint.events import Assign, Call, Event
from barrierlint.terms import AddressOf, Apply, Const, Element, Field, Name, Term, Unknown

_TERMS = (Apply, Name, Field, Element, Const, AddressOf, Unknown)


@dataclass(frozen=True, slots=True)
class Draft:
    """A function's blocks before it is known what it and its callees are handed."""

    usr: str
    blocks: tuple[Block, ...]
    entry: int
    exit: int


Reads = Mapping[str, frozenset[int]]
"""By function the numbers of the registers it reads before it writes them."""

UNREAD = Unknown("-")
"""Stands for an argument that the callee does not look at."""


def parameters(drafts: Iterable[Draft]) -> dict[str, frozenset[int]]:
    """The registers that each function is handed."""
    every = list(drafts)
    counts: dict[str, frozenset[int]] = {draft.usr: frozenset() for draft in every}
    changed = True
    while changed:
        changed = False
        for draft in every:
            live = _live(draft, counts)[draft.entry]
            read = frozenset(at for at, key in enumerate(KEYS[:-1]) if register_name(draft.usr, key) in live)
            if not read <= counts[draft.usr]:
                counts[draft.usr], changed = read | counts[draft.usr], True
    return counts


def pruned(draft: Draft, counts: Reads) -> tuple[Block, ...]:
    """The blocks with calls that hand over what their callees read, and without assignments nobody reads."""
    live = _live(draft, counts)
    return tuple(_pruned(draft, block, live, counts) for block in draft.blocks)


def _pruned(draft: Draft, block: Block, live: Mapping[int, set[str]], counts: Reads) -> Block:
    needed = _after(draft, block, live)
    kept: list[Step] = []
    for step in reversed(block.steps):
        event = _handed(step.event, counts)
        bound = _bound(event)
        if isinstance(event, Assign) and event.name not in needed:
            continue
        needed.discard(bound)
        needed.update(_used(event))
        kept.append(replace(step, event=event))
    return replace(block, steps=tuple(reversed(kept)))


def _handed(event: Event, counts: Reads) -> Event:
    if isinstance(event, Call) and event.callee in counts:
        read = counts[event.callee]
        given = event.args[: max(read, default=-1) + 1]
        return replace(event, args=tuple(arg if at in read else UNREAD for at, arg in enumerate(given)))
    return event


def _live(draft: Draft, counts: Reads) -> dict[int, set[str]]:
    """The names live where each block begins."""
    live: dict[int, set[str]] = {block.id: set() for block in draft.blocks}
    live[draft.exit] = {RETURN}
    before: dict[int, list[int]] = {block.id: [] for block in draft.blocks}
    for block in draft.blocks:
        for edge in block.edges:
            before[edge.target].append(block.id)
    pending = [block.id for block in draft.blocks]
    while pending:
        block = draft.blocks[pending.pop()]
        if block.id == draft.exit:
            continue
        needed = _after(draft, block, live)
        for step in reversed(block.steps):
            event = _handed(step.event, counts)
            if isinstance(event, Assign) and event.name not in needed:
                continue
            needed.discard(_bound(event))
            needed.update(_used(event))
        if needed != live[block.id]:
            live[block.id] = needed
            pending += before[block.id]
    return live


def _after(draft: Draft, block: Block, live: Mapping[int, set[str]]) -> set[str]:
    needed = {name for edge in block.edges for name in live[edge.target]}
    for edge in block.edges:
        for guard in edge.guards:
            needed.update(names_in(guard.condition))
    return needed


def _bound(event: Event) -> str:
    if isinstance(event, Assign):
        return event.name
    return getattr(event, "into", None) or ""


def _used(event: Event) -> Iterator[str]:
    """The names an event reads, in whatever part of it."""
    for one in fields(event):
        value = getattr(event, one.name)
        for term in value if isinstance(value, tuple) else (value,):
            if isinstance(term, _TERMS):
                yield from names_in(_as_term(term))


def _as_term(value: Term) -> Term:
    return value
