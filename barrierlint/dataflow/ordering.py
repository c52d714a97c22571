"""The ordering analysis on one page: a program of graphs in, groups of defects out.

Also says what its budget cut short.
What it does not model: see `tabulation`, `transfer` and `state`.
"""

from __future__ import annotations

from dataclasses import dataclass

from barrierlint.cfg.graph import Program
from barrierlint.dataflow.debts import BREAK
from barrierlint.dataflow.eclipses import remaining
from barrierlint.dataflow.flushes import unordered
from barrierlint.dataflow.grouping import Group, Payers, clearest, group
from barrierlint.dataflow.reach import Reach
from barrierlint.dataflow.tabulation import Tabulation
from barrierlint.dataflow.transfer import Settings
from barrierlint.dataflow.witness import Defect, Witnesses
from barrierlint.source.collection import uncollected


@dataclass(frozen=True, slots=True)
class Analysis:
    """`groups` of defects by root cause, `defects` all that there are, weaker ones of the same writes included.

    `tabulation` is what they were found by, `payers` the functions for which their callers pay.
    """

    groups: tuple[Group, ...]
    defects: tuple[Defect, ...]
    tabulation: Tabulation
    payers: Payers

    @property
    def exhausted(self) -> bool:
        """Whether the budget ended the search early."""
        return self.tabulation.exhausted


def analyse(program: Program, settings: Settings | None = None, budget: int = 400_000) -> Analysis:
    """Find the descriptor writes of `program` whose synchronization does not reach what depends on them."""
    settings = settings or Settings()
    with uncollected():
        reach = Reach(program)
        tabulation = Tabulation(program, reach, settings, budget)
        defects = list(Witnesses(tabulation).defects())
        if BREAK in tabulation.kinds:
            defects += unordered(program, reach, tabulation.boundaries)
    defects = remaining(defects, program)
    excuse, kinds = tabulation.settings.policies.excuse, tabulation.kinds
    defects = [defect for defect in defects if not excuse(defect, program.functions, kinds)]
    shown = clearest(defects, program.functions)
    payers = Payers(tabulation)
    return Analysis(group(shown, program.functions, payers), tuple(defects), tabulation, payers)
