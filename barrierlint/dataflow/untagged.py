"""Branches that pass a TLBI by because there is no ASID or VMID to name: `if (asid != NONE) tlbi(page | asid << 48)`.

Where the very value that the TLBI would carry in its upper bits is compared with a constant, and the other arm cannot
reach the TLBI, nothing was ever loaded into a TLB under that tag. What it does not model: a comparison with the wrong
constant, and tags that are read in another function than they are compared in.
"""

from __future__ import annotations

from collections.abc import Iterator

from barrierlint.cfg.graph import Cfg
from barrierlint.dataflow.operands import tags
from barrierlint.dataflow.values import load, rebuild
from barrierlint.events import Access, Assign, Kind, Tlbi
from barrierlint.terms import Apply, Const, Name, Term

DEPTH = 6
"""Definitions that are followed from a name."""


def untagged(cfg: Cfg) -> frozenset[tuple[int, int]]:
    """Return the edges (block, target) on which a TLBI by tag is passed by since there is no tag."""
    invalidating = {
        block.id: step.event.operand
        for block in cfg.blocks
        for step in block.steps
        if isinstance(step.event, Tlbi) and step.event.operand is not None
    }
    if not invalidating:
        return frozenset()
    known = _definitions(cfg)
    carrying = {
        block: {_bare(tag) for tag in tags(_expanded(operand, known))} for block, operand in invalidating.items()
    }
    return frozenset(
        (block.id, edge.target)
        for block in cfg.blocks
        for edge in block.edges
        if len(block.edges) == 2
        for guard in edge.guards
        for tested in _tested(_expanded(guard.condition, known))
        for target, carried in carrying.items()
        if tested in carried and target not in _reached(cfg, edge.target, block.id)
    )


def _definitions(cfg: Cfg) -> dict[str, Term]:
    """What each name is that is defined once: a value, or what is read from an address."""
    found: dict[str, Term | None] = {}
    for step in cfg.steps():
        match step.event:
            case Assign(name, value):
                found[name] = value if name not in found else None
            case Access(kind=Kind.READ, address=address, into=str(name)):
                found[name] = load(address) if name not in found else None
    return {name: value for name, value in found.items() if value is not None and name not in cfg.params}


def _expanded(term: Term, known: dict[str, Term], depth: int = DEPTH) -> Term:
    def leaf(one: Term) -> Term:
        if isinstance(one, Name) and one.id in known and depth:
            return _expanded(known[one.id], known, depth - 1)
        if isinstance(one, Apply) and one.op == "load" and depth:
            return load(_expanded(one.args[0], known, depth - 1))
        return one

    return rebuild(term, leaf)


def _tested(condition: Term) -> Iterator[Term]:
    """The value that a condition compares with a constant for equality."""
    if isinstance(condition, Apply) and condition.op == "!":
        yield from _tested(condition.args[0])
    elif isinstance(condition, Apply) and condition.op in ("==", "!="):
        left, right = condition.args
        if isinstance(right, Const):
            yield _bare(left)
        elif isinstance(left, Const):
            yield _bare(right)


def _bare(value: Term) -> Term:
    """A value without conversions and masks that keep its low bits."""
    while isinstance(value, Apply):
        low = (
            value.op == "&" and isinstance(value.args[1], Const) and not value.args[1].value & (value.args[1].value + 1)
        )
        if not (low or value.op.startswith(("zext", "sext"))):
            break
        value = value.args[0]
    return value


def _reached(cfg: Cfg, start: int, without: int) -> set[int]:
    """The blocks reached from `start` without passing the branch again."""
    seen: set[int] = set()
    work = [start]
    while work:
        block = work.pop()
        if block not in seen and block != without:
            seen.add(block)
            work.extend(edge.target for edge in cfg.blocks[block].edges)
    return seen
