"""`barrierlint simulate`: litmus files in, one answer each out; a file that cannot be run does not keep others from it.

An answer is text for standard output or one line of complaint, and the exit status that it calls for. What it does
not do: print.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from barrierlint.report import timeline
from barrierlint.report.lines import printable
from barrierlint.sim.litmus_values import LitmusError

if TYPE_CHECKING:
    from barrierlint.sim.ablation import Ablation, Barrier
    from barrierlint.sim.run import Outcome

ANSWERED, UNREADABLE, UNDECIDED = 0, 2, 3


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of each test: hardware features (None: the test's own), TSV or text, the execution, the barriers;
    `columns` is how wide tables may be.
    """

    features: str | None = None
    tsv: bool = False
    trace: bool = False
    ablate: bool = False
    columns: int = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """`text` for standard output, `table` with the execution, `problem` for standard error, and the exit status."""

    text: str = ""
    table: str = ""
    problem: str = ""
    status: int = ANSWERED


def answers(names: Sequence[str], question: Question) -> Iterator[Answer]:
    """Run the tests named, and those below folders named, in order."""
    for file in _files(names):
        try:
            yield _answer(file, question)
        except LitmusError as error:
            yield Answer(problem=str(error), status=UNREADABLE)
        except OSError as error:
            yield Answer(problem=f"{file}: {error.strerror}", status=UNREADABLE)
        except RecursionError:
            yield Answer(problem=f"{file}: nested too deeply", status=UNREADABLE)


def _files(names: Sequence[str]) -> Iterator[str]:
    """The files named, folders replaced by the litmus tests below them."""
    for name in names:
        if not os.path.isdir(name):
            yield name
            continue
        yield from sorted(str(path) for path in Path(name).rglob("*.litmus") if path.is_file()) or [name]


def _answer(file: str, question: Question) -> Answer:
    """Run one test, alone or without its barriers too."""
    from barrierlint.sim.ablation import ablate
    from barrierlint.sim.run import Result, read_test, simulate, tsv

    if os.path.isdir(file):
        raise LitmusError(f"no litmus test (*.litmus) in directory {file}")
    if os.path.exists(file) and not os.path.isfile(file):
        raise LitmusError(f"{file}: not a regular file")
    test = read_test(file)
    ablation = ablate(test, question.features) if question.ablate else None
    outcome = ablation.outcome if ablation else simulate(test, question.features)
    if question.tsv:
        text = tsv([outcome, *(_rows(ablation) if ablation else ())])
    else:
        text = _line(outcome) + "".join(f"{line}\n" for line in (_barriers(ablation) if ablation else ()))
    table = timeline.render(outcome.trace, question.columns) + "\n\n" if question.trace and outcome.trace else ""
    return Answer(text, table, status=UNDECIDED if outcome.result is Result.UNDECIDED else ANSWERED)


def _line(outcome: Outcome) -> str:
    why = f": {outcome.reason}" if outcome.reason else ""
    return printable(f"{outcome.name}: {outcome.result} ({outcome.states} states, {outcome.seconds:.3f} s){why}") + "\n"


def _barriers(ablation: Ablation) -> Iterator[str]:
    """The outcome without each barrier, and which of them are enough."""
    if not ablation.without:
        forbidden = ablation.outcome.result == "FORBIDDEN"
        yield "  no barrier in the test" if forbidden else "  no barrier forbids it: there is nothing to leave out"
        return
    names = [_name(barrier) for barrier, _ in ablation.without]
    wide = max(map(len, names))
    yield f"  {'without':<{wide}}  outcome"
    meaning = {"ALLOWED": "needed", "FORBIDDEN": "not needed while the others stay"}
    for name, (_, outcome) in zip(names, ablation.without, strict=True):
        yield f"  {name:<{wide}}  {outcome.result:<9}  {meaning.get(outcome.result, outcome.reason)}"
    for kept in ablation.enough:
        shown = " + ".join(map(_name, kept)) or "none of them: it is forbidden without any"
        yield f"  enough: {shown}"
    if not ablation.complete:
        yield "  not every set of barriers was tried to its end: there may be more that are enough"


def _rows(ablation: Ablation) -> Iterator[Outcome]:
    """The runs without one barrier, each named after the test and what it lacks."""
    from dataclasses import replace

    for barrier, outcome in ablation.without:
        yield replace(outcome, name=f"{ablation.outcome.name} without {_name(barrier)}")


def _name(barrier: Barrier) -> str:
    """Such as `P0 DSB SY (line 9)`: the same text may stand there twice."""
    return printable(f"P{barrier.pe} {barrier.text} (line {barrier.line})")
