"""The ordering analysis on one page: a program of graphs in, groups of defects out.

Also says what the analysis rested on: whether other PEs walk the program's tables, and what its budget cut short.
What it does not model: see `tabulation`, `transfer` and `state`.
"""

from __future__ import annotations

from dataclasses import dataclass

from barrierlint.cfg.graph import Program
from barrierlint.dataflow.debts import Progress
from barrierlint.dataflow.grouping import Group, Payers, clearest, group
from barrierlint.dataflow.reach import Reach
from barrierlint.dataflow.tabulation import Tabulation
from barrierlint.dataflow.transfer import Settings
from barrierlint.dataflow.witness import Witnesses
from barrierlint.events import Dsb, Shareability, Tlbi
from barrierlint.source.collection import uncollected


@dataclass(frozen=True, slots=True)
class Analysis:
    """`groups` of defects by root cause; `exhausted` if the budget ended the search early; `contexts` entered."""

    groups: tuple[Group, ...]
    exhausted: bool
    contexts: int


def analyse(program: Program, settings: Settings | None = None, budget: int = 400_000) -> Analysis:
    """Find the descriptor writes of `program` whose synchronization does not reach what depends on them."""
    with uncollected():
        tabulation = Tabulation(program, Reach(program), settings or Settings(), budget)
        defects = list(Witnesses(tabulation).defects())
    if not is_shared(program):
        defects = [defect for defect in defects if defect.debt.progress is not Progress.LOCAL]
    shown = clearest(defects, program.functions)
    return Analysis(group(shown, program.functions, Payers(tabulation)), tabulation.exhausted, len(tabulation.contexts))


def is_shared(program: Program) -> bool:
    """Whether the program itself says that other PEs walk its tables: it invalidates or waits in a wider domain."""
    for cfg in program.functions.values():
        for step in cfg.steps():
            match step.event:
                case Tlbi(op=op) if op.removesuffix("nxs").endswith(("is", "os")):
                    return True
                case Dsb(domain=Shareability.ISH | Shareability.OSH):
                    return True
    return False
