"""Where one repair cures a group of defects, and what to insert there.

The place is in the function that owes the barrier (see `dataflow.grouping`): after the write or call that bears the
debt, or, where that lies in a loop, at the function's end. What it does not model: whether the function's other
callers would rather not pay.
"""

from __future__ import annotations

from barrierlint.cfg.graph import RETURN, Cfg, Edge
from barrierlint.dataflow.debts import Progress
from barrierlint.dataflow.grouping import Group, Loops
from barrierlint.dataflow.witness import Defect, Mark
from barrierlint.events import Assign, Dsb
from barrierlint.finding import Repair, Span
from barrierlint.models import Models
from barrierlint.rules.narrate import short


def repair(group: Group, functions: dict[str, Cfg], loops: Loops, models: Models) -> Repair:
    """The proposal for `group`: lines to insert, in the code base's own idiom if its model names one."""
    mark = _last_dsb(group, functions) or group.owes
    cfg = functions[mark.function]
    step = cfg.blocks[mark.block].steps[mark.step]
    if loops.contains(mark) or _ends_with(cfg, mark):
        at, where = _exit(group, cfg)
    else:
        after = "write" if mark is group.owes else "DSB"
        at, where = _after(step.span), f"in {short(cfg.qualified)}(), after the {after}"
    served = len(group.members)
    why = f"{where}: one barrier pair there serves " + ("this path" if served == 1 else f"all {served} paths")
    return Repair(at, _lines(group, models), why.replace("barrier pair", "ISB") if mark is not group.owes else why)


def _last_dsb(group: Group, functions: dict[str, Cfg]) -> Mark | None:
    """Where only the ISB is missing: the DSB that it must follow, if all members pass it."""
    if any(member.debt.progress is not Progress.COMPLETED for member in group.members):
        return None
    passed = [mark for mark in group.shown.path if mark.role == "step" and _is_dsb(functions, mark)]
    shared = [mark for mark in passed if all(_passes(member, mark) for member in group.members)]
    return _in_owner(group, shared[-1]) if shared else None


def _in_owner(group: Group, dsb: Mark) -> Mark:
    """The step of a function on the debt's way in which the DSB runs: the call of a helper rather than its body."""
    owners = {mark.function for mark in group.shown.carriers}
    path = group.shown.path
    while dsb.function not in owners:
        outer = [m for m in path[: path.index(dsb)] if m.role == "pass" and m.depth == dsb.depth - 1]
        if not outer:
            break
        dsb = outer[-1]
    return dsb


def _passes(defect: Defect, place: Mark) -> bool:
    where = (place.function, place.block, place.step)
    return any((mark.function, mark.block, mark.step) == where for mark in defect.path)


def _is_dsb(functions: dict[str, Cfg], mark: Mark) -> bool:
    return isinstance(functions[mark.function].blocks[mark.block].steps[mark.step].event, Dsb)


def _lines(group: Group, models: Models) -> tuple[str, ...]:
    idiom = models.barrier_idiom
    dsb = idiom.get("dsb_ishst") or 'asm volatile("dsb ishst" ::: "memory");'
    isb = idiom.get("isb") or 'asm volatile("isb" ::: "memory");'
    written = any(member.debt.progress is not Progress.COMPLETED for member in group.members)
    return (dsb, isb) if written else (isb,)


def _ends_with(cfg: Cfg, mark: Mark) -> bool:
    """Whether nothing but the return follows a step."""
    block = cfg.blocks[mark.block]
    rest = block.steps[mark.step + 1 :]
    return not rest and all(_is_exit(cfg, edge) for edge in block.edges)


def _is_exit(cfg: Cfg, edge: Edge) -> bool:
    target = cfg.blocks[edge.target]
    return edge.target == cfg.exit or (not target.steps and all(e.target == cfg.exit for e in target.edges))


def _exit(group: Group, cfg: Cfg) -> tuple[Span, str]:
    """Before the return that the path takes out of the owner, or at its closing brace."""
    name = short(cfg.qualified)
    for mark in reversed(group.shown.path):
        if mark.function == cfg.usr and mark.role == "step":
            step = cfg.blocks[mark.block].steps[mark.step]
            if isinstance(step.event, Assign) and step.event.name == RETURN and step.span.line > cfg.place.line:
                return Span(step.span.path, step.span.line, 1, step.span.line, 1), f"in {name}(), before it returns"
    return _end(cfg), f"at the end of {name}()"


def _end(cfg: Cfg) -> Span:
    one_line = cfg.place.line == cfg.end.line
    column = cfg.end.column if one_line else 1
    return Span(cfg.end.path, cfg.end.line, column, cfg.end.line, column)


def _after(span: Span) -> Span:
    line = max(span.end_line, span.line) + 1
    return Span(span.path, line, 1, line, 1)
