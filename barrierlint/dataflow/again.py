"""The analysis once more, with some functions changed: only what the change can reach is solved anew.

Contexts of functions that neither are changed nor call such a function keep their fixed point. Others are solved again
from the entry states in which the functions of interest were met before: a change by barriers only adds payments, so
no new entry states come from callers that are left out. What it does not model: changes that write or branch.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import replace

from barrierlint.cfg.graph import Cfg
from barrierlint.dataflow.contexts import Context
from barrierlint.dataflow.debts import ENABLE, FREE, Debt, Site
from barrierlint.dataflow.insertion import NOTE
from barrierlint.dataflow.reach import ORDERING, SIZE_LIMIT, Reach
from barrierlint.dataflow.tabulation import Tabulation
from barrierlint.events import Dmb
from barrierlint.finding import Span

BUDGET = 100_000
"""Blocks that one more analysis may work on."""


class Again(Tabulation):
    """`before` solved again with `changed` functions, from the contexts of the functions `wanted`.

    What leaves one of the `edges` unpaid counts as a defect, whoever calls it. Of debts only those are followed whose
    write `followed` tells by its function and span, that what was put in bears, and that a TLBI may come too early or
    too late for (`Obligation`s of a subject). At most `budget` blocks are worked on.
    """

    def __init__(
        self,
        before: Tabulation,
        changed: Mapping[str, Cfg],
        wanted: Collection[str],
        edges: Collection[str],
        followed: Collection[tuple[str, Span]],
        budget: int = BUDGET,
    ) -> None:
        self.__dict__.update(before.__dict__)
        self.followed = followed
        self.of_interest: dict[Site, bool] = {}
        self.program = replace(before.program, functions={**before.program.functions, **changed})
        self.affected = _callers(before.reach, changed)
        self.reach = _reach(before.reach, changed, self.affected)
        self.orders = {usr: order for usr, order in before.orders.items() if usr not in changed}
        self.nameable = {usr: names for usr, names in before.nameable.items() if usr not in changed}
        self.live = {usr: live for usr, live in before.live.items() if usr not in changed}
        self.queue, self.queued = [], set()
        self.budget, self.worked, self.exhausted = budget, 0, False
        self.contexts = {
            key: replace(context, callers={})
            for key, context in before.contexts.items()
            if key.function not in self.affected
        }
        self.kept = frozenset(self.contexts)
        self.per_function = {}
        for key in self.contexts:
            self.per_function[key.function] = self.per_function.get(key.function, 0) + 1
        self.boundaries = (before.boundaries & set(wanted)) | set(edges)
        for key in before.contexts:
            if key.function in wanted and key.debt is None:
                self.context(key)
        self._run()
        self._collect()

    def _follows(self, debt: Debt) -> bool:
        if not debt.leaves or (debt.kind in (FREE, ENABLE) and debt.subject):
            return True
        return any(self._is_followed(leaf.site) for leaf in debt.leaves)

    def _is_followed(self, site: Site) -> bool:
        if site not in self.of_interest:
            step = self.program.functions[site.function].blocks[site.block].steps[site.step]
            self.of_interest[site] = step.note == NOTE or (site.function, step.span) in self.followed
        return self.of_interest[site]

    def _unsettled(self) -> list[Context]:
        return [context for key, context in self.contexts.items() if key not in self.kept]


def _callers(reach: Reach, changed: Collection[str]) -> set[str]:
    """The changed functions and all that call them, directly or not."""
    found = set(changed)
    pending = list(changed)
    while pending:
        new = reach.callers[pending.pop()] - found
        found |= new
        pending += new
    return found


def _reach(before: Reach, changed: Mapping[str, Cfg], affected: Collection[str]) -> Reach:
    """What functions can do, with what the changed ones now order."""
    reach = copy.copy(before)
    reach.orders, reach.completes, reach.large = dict(before.orders), dict(before.completes), dict(before.large)
    events = [step.event for cfg in changed.values() for step in cfg.steps()]
    orders = any(isinstance(event, ORDERING) for event in events)
    completes = any(isinstance(event, ORDERING) and not isinstance(event, Dmb) for event in events)
    for usr in affected:
        reach.orders[usr] |= orders
        reach.completes[usr] |= completes
        reach.large[usr] = reach.size[usr] >= SIZE_LIMIT and not (reach.writes[usr] or reach.completes[usr])
    return reach
