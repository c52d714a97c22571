"""Functions that invalidate for whoever calls, and do not wait for what the callers wrote.

A flush is a function that issues a TLBI and completes it by a DSB, writes no descriptor and no system register; nobody
here calls it. It should start with a DSB, as the program's other flushes do: where none does, the code base may leave
that to its callers. What it does not model: callers, which are followed exactly where they are seen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from barrierlint.cfg.graph import Cfg, Program
from barrierlint.dataflow.debts import BREAK, Debt, Leaf, Site
from barrierlint.dataflow.obligations.breaks import EARLY
from barrierlint.dataflow.reach import Reach
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.traits import WAITS, first_unwaited
from barrierlint.dataflow.witness import Defect, Mark
from barrierlint.events import Accesses, Call, DescriptorWrite, Dsb, Event, SysregWrite, Tlbi, Transition


def unordered(program: Program, reach: Reach, boundaries: Collection[str]) -> Iterator[Defect]:
    """A defect for each flush that does not wait, if some other flush of the program does."""
    invalidating = [cfg for cfg in program.functions.values() if any(isinstance(s.event, Tlbi) for s in cfg.steps())]
    first = {cfg.usr: _first(cfg, reach) for cfg in invalidating}
    if all(first.values()) and WAITS not in program.traits:
        return
    for cfg in invalidating:
        site = first[cfg.usr]
        if site is not None and cfg.usr in boundaries and _is_flush(cfg):
            leaf = Leaf(site, Transition.UNKNOWN.value)
            debt = Debt((leaf,), (site.block, site.step), seen=frozenset({EARLY}), kind=BREAK, subject="flush")
            path = (
                Mark(cfg.usr, site.block, site.step, "write", 0),
                Mark(cfg.usr, cfg.exit, -1, "boundary", 0),
            )
            yield Defect(leaf, debt, Relation.BOUNDARY, path)


def _is_flush(cfg: Cfg) -> bool:
    events = [step.event for step in cfg.steps()]
    if any(isinstance(event, DescriptorWrite | SysregWrite) for event in events):
        return False
    issued = next((n for n, event in enumerate(events) if isinstance(event, Tlbi)), len(events))
    return any(isinstance(event, Dsb) and event.accesses is Accesses.ALL for event in events[issued:])


def _first(cfg: Cfg, reach: Reach) -> Site | None:
    """A TLBI that is reached from the entry with no DSB on the way, None if there is none."""
    found = first_unwaited(cfg, lambda event: _may_wait(event, reach))
    return None if found is None else Site(cfg.usr, *found)


def _may_wait(event: Event, reach: Reach) -> bool:
    match event:
        case Dsb(accesses=accesses):
            return accesses is not Accesses.LD
        case Call(targets=targets):
            return not targets or any(reach.completes.get(target, True) for target in targets)
    return False
