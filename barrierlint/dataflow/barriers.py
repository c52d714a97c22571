"""What a barrier does for the debts that meet it: the question a reader asks who points at one.

Debts that callers carry into the barrier's function are told by their writes as well. What it does not model: what a
barrier orders beside descriptor writes, TLB maintenance and registers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from barrierlint.cfg.graph import Program
from barrierlint.dataflow.contexts import Context, Payment
from barrierlint.dataflow.debts import Debt, Leaf, Progress
from barrierlint.dataflow.reach import ORDERING, Reach
from barrierlint.dataflow.tabulation import Tabulation
from barrierlint.dataflow.transfer import Settings
from barrierlint.events import Event
from barrierlint.source.collection import uncollected

BUDGET = 200_000


@dataclass(frozen=True, slots=True, order=True)
class Effect:
    """What a barrier does for one write: `kind` of debt, progress before and after (None: nothing is owed any more)."""

    leaf: Leaf
    kind: str
    before: Progress
    after: Progress | None

    @property
    def helps(self) -> bool:
        """Whether the write is better off behind the barrier."""
        return self.after != self.before


@dataclass(frozen=True, slots=True)
class Barrier:
    """A barrier in a function's graph, and its effects on the writes that can be pending there."""

    function: str
    event: Event
    effects: tuple[Effect, ...]


class Barriers:
    """Every barrier of a program, by the file and line it stands on."""

    def __init__(self, program: Program, settings: Settings | None = None) -> None:
        self.program = program
        with uncollected():
            self.tabulation = Tabulation(program, Reach(program), settings or Settings(), BUDGET)
        self.entering = self._entering()

    def at(self, path: str, line: int) -> tuple[Barrier, ...]:
        """The barriers on a line, in the order of the graph; instantiations of a template one by one."""
        found: list[Barrier] = []
        for usr, cfg in self.program.functions.items():
            for block in cfg.blocks:
                for index, step in enumerate(block.steps):
                    span = step.span
                    here = span.path == path and span.line <= line <= max(span.end_line, span.line)
                    if here and isinstance(step.event, ORDERING):
                        effects = tuple(sorted(set(self._effects(usr, block.id, index))))
                        found.append(Barrier(usr, step.event, effects))
        return tuple(found)

    def _effects(self, usr: str, block: int, step: int) -> Iterator[Effect]:
        for context in self.tabulation.contexts.values():
            if context.key.function != usr:
                continue
            for payment in context.payments:
                if (payment.block, payment.step) == (block, step):
                    yield from self._told(context, payment)

    def _told(self, context: Context, payment: Payment) -> Iterator[Effect]:
        after = None if payment.after is None else payment.after.progress
        for leaf in self._leaves(context, payment.before, ()):
            yield Effect(leaf, payment.before.kind, payment.before.progress, after)

    def _leaves(self, context: Context, debt: Debt, stack: tuple[object, ...]) -> Iterator[Leaf]:
        """The writes of a debt; of one that was carried in, those of the debts that callers carried."""
        if debt.leaves:
            yield from debt.leaves
        elif context.key not in stack:
            for caller, carried in self.entering.get(context.key, ()):
                yield from self._leaves(caller, carried, (*stack, context.key))

    def _entering(self) -> dict[object, list[tuple[Context, Debt]]]:
        found: dict[object, list[tuple[Context, Debt]]] = {}
        for context in self.tabulation.contexts.values():
            for passage in context.passages:
                found.setdefault(passage.callee, []).append((context, passage.debt))
        return found
