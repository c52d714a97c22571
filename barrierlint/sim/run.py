"""Litmus tests simulated: `ALLOWED`, `FORBIDDEN` or `UNDECIDED` for a test's condition, with what was explored and a
trace.

ALLOWED means that some execution ends in a state that satisfies the proposition, whatever the quantifier; FORBIDDEN
that every execution was looked at and none does; UNDECIDED that the budget or the loop bound came first. What it does
not do: print.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from time import monotonic

from barrierlint.finding import Trace
from barrierlint.sim.condition import (
    TRUE,
    All,
    FaultAtom,
    Not,
    Proposition,
    RegisterAtom,
    atoms,
    disjuncts,
    locations_in,
    truth,
)
from barrierlint.sim.explore import Budget, explore
from barrierlint.sim.litmus import LitmusTest, parse
from barrierlint.sim.litmus_values import LitmusError
from barrierlint.sim.machine import Handling, Knowledge, Setting, State, Unmodelled
from barrierlint.sim.model import Model
from barrierlint.sim.ordering import Features
from barrierlint.sim.program import Program
from barrierlint.sim.reach import Footprint, TooWide, footprints
from barrierlint.sim.trace import trace_of

_ALONE = Footprint(frozenset(), frozenset(), True)  # a single PE takes no value from another: nothing to know


class Result(StrEnum):
    """Whether the condition's outcome can happen."""

    ALLOWED = "ALLOWED"
    FORBIDDEN = "FORBIDDEN"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer for one test: result, states looked at, seconds, the execution that shows it (ALLOWED only), why
    undecided.
    """

    name: str
    result: Result
    states: int
    seconds: float
    trace: Trace | None = None
    reason: str = ""


def parse_features(text: str) -> Features:
    """Return the features named by `base`, `ets2`, `ets3`, `exs` or several joined by `+` or `,`. Raises ValueError."""
    words = {word for word in text.lower().replace(",", "+").split("+") if word} - {"base"}
    unknown = words - {"ets2", "ets3", "exs"}
    if unknown:
        raise ValueError(f"unknown feature {sorted(unknown)[0]!r}: expected base, ets2, ets3, exs")
    return Features(**dict.fromkeys(words, True))


def simulate_file(path: str | Path, features: str | None = None, budget: Budget | None = None) -> Outcome:
    """Simulate the litmus test in file `path`. Raises LitmusError (one line with the path) and OSError."""
    return simulate(read_test(path), features, budget)


def read_test(path: str | Path) -> LitmusTest:
    """Return the litmus test in file `path`. Raises LitmusError (one line with the path) and OSError."""
    try:
        return parse(Path(path).read_text(encoding="utf-8"))
    except LitmusError as error:
        raise LitmusError(f"{path}: {error}") from None
    except UnicodeDecodeError:
        raise LitmusError(f"{path}: not a text file") from None


def simulate(
    test: LitmusTest,
    features: str | Features | None = None,
    budget: Budget | None = None,
    setting: Setting | None = None,
) -> Outcome:
    """Simulate `test` under `features`, by default those its `Variant=` names (base if none).

    The test's own variant also chooses the fault handling, unless `setting` does, and adds FEAT_ExS.
    """
    chosen = test.features if features is None else features
    named = parse_features(chosen) if isinstance(chosen, str) else chosen
    both = replace(named, exs=named.exs or test.features.exs)
    setting = replace(setting or Setting(handling=test.handling or Handling.FATAL), features=both)
    return ask(test.program, test.proposition, setting, budget or Budget(), test.name)


def ask(
    program: Program, goal: Proposition, setting: Setting, budget: Budget, name: str = "", improve: int = 0
) -> Outcome:
    """Return whether `program` can end in a state of `goal`. `improve`: states to spend on a shorter trace."""
    start = monotonic()
    try:
        reach = footprints(program) if len(program.pes) > 1 else (_ALONE,)
    except TooWide as error:
        return Outcome(name, Result.UNDECIDED, 0, monotonic() - start, reason=str(error))
    states, reason = 0, ""
    for part in disjuncts(goal):
        try:
            used, found, complete = _ask_part(program, part, setting, reach, budget, improve)
        except Unmodelled as error:
            return Outcome(name, Result.UNDECIDED, states, monotonic() - start, reason=str(error))
        states += used
        if found is not None:
            trace = trace_of(program, found)
            return Outcome(name, Result.ALLOWED, states, monotonic() - start, trace)
        if not complete:
            reason = "budget or loop bound reached"
    result = Result.UNDECIDED if reason else Result.FORBIDDEN
    return Outcome(name, result, states, monotonic() - start, reason=reason)


def _ask_part(
    program: Program, goal: Proposition, setting: Setting, reach: tuple[Footprint, ...], budget: Budget, improve: int
) -> tuple[int, State | None, bool]:
    """Search one conjunction: first the share of each PE alone, which often refutes it, then the whole."""
    states = 0
    shares = _shares(goal)
    if len(shares) > 2:
        for share in shares:
            used, found, complete = _search(program, share, setting, reach, budget, 0)
            states += used
            if found is None and complete:
                return states, None, True
    used, found, complete = _search(program, goal, setting, reach, budget, improve)
    return states + used, found, complete


def _search(
    program: Program, goal: Proposition, setting: Setting, reach: tuple[Footprint, ...], budget: Budget, improve: int
) -> tuple[int, State | None, bool]:
    pes = relevant(program, goal, setting, reach)
    model = Model(program, goal, setting, reach, pes)
    result = explore(model, budget, improve)
    return result.states, result.found, result.complete and not model.truncated


def _shares(goal: Proposition) -> list[Proposition]:
    """Split a conjunction by the PE its literals speak of; memory literals are left out (each share is implied)."""
    if not isinstance(goal, All):
        return [goal]
    by_pe: dict[int, list[Proposition]] = {}
    for part in goal.of:
        inner = part.of if isinstance(part, Not) else part
        if isinstance(inner, FaultAtom | RegisterAtom):
            by_pe.setdefault(inner.pe, []).append(part)
    return [All(tuple(parts)) for parts in by_pe.values()]


class _Collector(Model):
    """Every execution of a program, with what each makes of some atoms."""

    def __init__(self, test: LitmusTest, setting: Setting, reach: tuple[Footprint, ...], pes: tuple[int, ...]) -> None:
        super().__init__(test.program, TRUE, setting, reach, pes)
        self.asked = atoms(test.proposition)
        self.wanted_locations = locations_in(test.proposition)
        self.found: set[tuple[bool | None, ...]] = set()

    def wanted(self, state: State) -> bool:
        """Note the leaf; go on."""
        if state.ended:
            knowledge = Knowledge(state, self.program, None, frozenset())
            self.found.add(tuple(truth(atom, knowledge) for atom in self.asked))
        return False


def outcomes(
    test: LitmusTest, features: str = "base", budget: Budget | None = None
) -> tuple[frozenset[tuple[bool | None, ...]], int]:
    """Return every combination of truth values the atoms of the proposition end with (in their order), and the states.

    Raises ValueError if the exploration was not complete.
    """
    named = parse_features(features)
    setting = Setting(features=named, handling=test.handling or Handling.FATAL)
    reach = footprints(test.program) if len(test.program.pes) > 1 else (_ALONE,)
    model = _Collector(test, setting, reach, relevant(test.program, test.proposition, setting, reach))
    result = explore(model, budget or Budget())
    if not result.complete or model.truncated:
        raise ValueError(f"{test.name}: not every execution was explored")
    return frozenset(model.found), result.states


def relevant(program: Program, goal: Proposition, setting: Setting, reach: tuple[Footprint, ...]) -> tuple[int, ...]:
    """Return the PEs that can matter to `goal`, writers before their readers where that is possible.

    A PE that writes nothing the others read can run last in any execution: it only adds constraints. That needs
    faults that end or skip, and no loops: a run that never ends, or retries for ever, is no execution.
    """
    count = len(program.pes)
    asked = atoms(goal)
    wanted = {atom.pe for atom in asked if isinstance(atom, FaultAtom | RegisterAtom) and atom.pe < count}
    locations = {atom.location for atom in asked if hasattr(atom, "location")}
    for pe in range(count):
        if reach[pe].loops or setting.handling is Handling.HANDLED or any(reach[pe].writes_to(w) for w in locations):
            wanted.add(pe)
    while True:
        read = set().union(*(reach[pe].reads for pe in wanted)) if wanted else set()
        more = {pe for pe in range(count) if any(where in read for _, where, _ in reach[pe].writes)} - wanted
        if not more:
            break
        wanted |= more
    return _writers_first(sorted(wanted) or [0], reach)


def _writers_first(pes: list[int], reach: tuple[Footprint, ...]) -> tuple[int, ...]:
    left, order = list(pes), []
    while left:

        def feeds(pe: int, others: list[int] = left) -> int:
            return sum(o != pe and any(w in reach[pe].reads for _, w, _ in reach[o].writes) for o in others)

        chosen = min(left, key=lambda pe: (feeds(pe), pe))
        order.append(chosen)
        left.remove(chosen)
    return tuple(order)


def tsv(outcomes: Iterable[Outcome]) -> str:
    """Return one line an outcome: name, result, states, seconds, separated by tabs."""
    return "".join(f"{o.name}\t{o.result}\t{o.states}\t{o.seconds:.3f}\n" for o in outcomes)
