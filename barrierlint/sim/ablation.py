"""Which barriers of a litmus test forbid its outcome: the test run again without each of them, and with few of them.

`without` answers whether a barrier is needed while the others stay; `enough` are the minimal sets that forbid the
outcome by themselves, found by trying sets in order of size, so no assumption is made that more barriers forbid more.
What it does not model: acquire and release, dependencies and exceptions, which stay as they are in every run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from barrierlint.events import CompilerBarrier, ContextSync, Dmb, Dsb, SpeculationBarrier, Tlbi
from barrierlint.sim.explore import Budget
from barrierlint.sim.litmus import LitmusTest
from barrierlint.sim.program import Program
from barrierlint.sim.run import Outcome, Result, simulate

RUNS = 1024
"""Sets of barriers tried at most: all of them for ten barriers."""


@dataclass(frozen=True, slots=True)
class Barrier:
    """A DSB, DMB, ISB, SB or TLBI of the test: its PE, its place in that PE's code, text and line."""

    pe: int
    index: int
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Ablation:
    """The outcome with all barriers; without each, in program order; the minimal sets that forbid it; whether all sets
    were tried to an end. `without` and `enough` are empty where the outcome is not forbidden to begin with.
    """

    outcome: Outcome
    without: tuple[tuple[Barrier, Outcome], ...] = ()
    enough: tuple[tuple[Barrier, ...], ...] = ()
    complete: bool = True


def barriers(program: Program) -> tuple[Barrier, ...]:
    """Return the barriers of `program`, PE by PE, in program order."""
    return tuple(
        Barrier(pe, index, instruction.text, instruction.line)
        for pe, one in enumerate(program.pes)
        for index, instruction in enumerate(one.code)
        if isinstance(instruction.action, Dsb | Dmb | ContextSync | SpeculationBarrier | Tlbi)
    )


def without(test: LitmusTest, dropped: Collection[Barrier]) -> LitmusTest:
    """Return `test` with the barriers `dropped` made NOPs: labels and code addresses stay."""
    places = {(barrier.pe, barrier.index) for barrier in dropped}
    pes = []
    for pe, one in enumerate(test.program.pes):
        code = (
            replace(instruction, action=CompilerBarrier(), text="NOP") if (pe, index) in places else instruction
            for index, instruction in enumerate(one.code)
        )
        pes.append(replace(one, code=tuple(code)))
    return replace(test, program=replace(test.program, pes=tuple(pes)))


def ablate(test: LitmusTest, features: str | None = None, budget: Budget | None = None, runs: int = RUNS) -> Ablation:
    """Run `test` as it is, without each barrier, and with the sets of barriers, up to `runs` of them."""
    outcome = simulate(test, features, budget)
    if outcome.result is not Result.FORBIDDEN:
        return Ablation(outcome)
    every = barriers(test.program)
    each = tuple((one, simulate(without(test, (one,)), features, budget)) for one in every)
    enough, complete = _minimal(test, every, features, budget, runs)
    return Ablation(outcome, each, enough, complete)


def _minimal(
    test: LitmusTest, every: tuple[Barrier, ...], features: str | None, budget: Budget | None, runs: int
) -> tuple[tuple[tuple[Barrier, ...], ...], bool]:
    """The sets that forbid the outcome and have no smaller one in them that does; whether that is all there are."""
    found: list[frozenset[Barrier]] = []
    complete = True
    for count, kept in enumerate(_by_size(every, found)):
        if count == runs:
            return _ordered(found), False
        result = simulate(without(test, set(every) - kept), features, budget).result
        complete = complete and result is not Result.UNDECIDED
        if result is Result.FORBIDDEN:
            found.append(kept)
    return _ordered(found), complete


def _by_size(every: tuple[Barrier, ...], found: list[frozenset[Barrier]]) -> Iterator[frozenset[Barrier]]:
    """All sets, small ones first, but those that hold one of `found`, which grows meanwhile."""
    for size in range(len(every) + 1):
        for some in combinations(every, size):
            kept = frozenset(some)
            if not any(smaller <= kept for smaller in found):
                yield kept


def _ordered(found: list[frozenset[Barrier]]) -> tuple[tuple[Barrier, ...], ...]:
    return tuple(tuple(sorted(kept, key=lambda one: (one.pe, one.index))) for kept in found)
