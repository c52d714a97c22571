"""Where one repair cures a group of defects, and what to insert there.

The place is in the function that owes the barrier (see `dataflow.grouping`): after the write or call that bears the
debt, or, where that lies in a loop, at the function's end. What it does not model: whether the function's other
callers would rather not pay.
"""

from __future__ import annotations

from barrierlint.cfg.graph import Cfg, Edge
from barrierlint.dataflow.grouping import Group, Loops
from barrierlint.dataflow.state import Progress
from barrierlint.finding import Repair, Span
from barrierlint.models import Models
from barrierlint.rules.narrate import short


def repair(group: Group, functions: dict[str, Cfg], loops: Loops, models: Models) -> Repair:
    """The proposal for `group`: lines to insert, in the code base's own idiom if its model names one."""
    cfg = functions[group.owes.function]
    lines = _lines(group, models)
    step = cfg.blocks[group.owes.block].steps[group.owes.step]
    if loops.contains(group.owes) or _ends_with(cfg, group):
        at, where = _end(cfg), f"at the end of {short(cfg.qualified)}()"
    else:
        at, where = _after(step.span), f"in {short(cfg.qualified)}(), after the write"
    served = len(group.members)
    why = f"{where}: one barrier pair there serves " + ("this path" if served == 1 else f"all {served} paths")
    return Repair(at, lines, why)


def _lines(group: Group, models: Models) -> tuple[str, ...]:
    idiom = models.barrier_idiom
    dsb = idiom.get("dsb_ishst") or 'asm volatile("dsb ishst" ::: "memory");'
    isb = idiom.get("isb") or 'asm volatile("isb" ::: "memory");'
    written = any(member.debt.progress is not Progress.COMPLETED for member in group.members)
    return (dsb, isb) if written else (isb,)


def _ends_with(cfg: Cfg, group: Group) -> bool:
    """Whether nothing but the return follows the step that bears the debt."""
    block = cfg.blocks[group.owes.block]
    rest = block.steps[group.owes.step + 1 :]
    return not rest and all(_is_exit(cfg, edge) for edge in block.edges)


def _is_exit(cfg: Cfg, edge: Edge) -> bool:
    target = cfg.blocks[edge.target]
    return edge.target == cfg.exit or (not target.steps and all(e.target == cfg.exit for e in target.edges))


def _end(cfg: Cfg) -> Span:
    return Span(cfg.end.path, cfg.end.line, 1, cfg.end.line, 1)


def _after(span: Span) -> Span:
    line = max(span.end_line, span.line) + 1
    return Span(span.path, line, 1, line, 1)
