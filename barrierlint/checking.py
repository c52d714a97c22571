"""The analysis of parts of a run: each by itself, in a process of its own, and kept under what it was made from.

    units → linkable → join → check → fold → confirm → findings

A part that breaks costs itself, and says so. What it does not do: put parts together, which is the pipeline's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING

from barrierlint.finding import Confirmation, Finding, Notification, Verdict
from barrierlint.frozen import dataclass

if TYPE_CHECKING:
    from barrierlint.cfg.graph import Program
    from barrierlint.cfg.linkable import Unit
    from barrierlint.linking.units import Kept, Loaded
    from barrierlint.models import Models

Extents = Mapping[str, tuple[tuple[int, int], ...]]
"""The (first, last) lines of functions, by file."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of every part: rules by id, hardware features, whether to simulate."""

    chosen: tuple[str, ...]
    features: str
    confirm: bool
    unknown_calls: str

    @property
    def facts(self) -> tuple[str, ...]:
        """All of it as text."""
        return (*self.chosen, self.features, str(self.confirm), self.unknown_calls)


@dataclass(frozen=True, slots=True)
class Context:
    """What all parts tell each: the `traits` of the whole, and the lines of functions that are `lent`."""

    traits: frozenset[str] = frozenset()
    lent: tuple[str, ...] = ()

    @property
    def facts(self) -> tuple[str, ...]:
        """All of it as text."""
        return (*sorted(self.traits), "and", *self.lent)


@dataclass(frozen=True, slots=True)
class Task:
    """A part: where its units are, which of them were `named` by the user, and what is asked."""

    units: tuple[Kept, ...]
    named: tuple[bool, ...]
    models: Models
    asked: Asked
    context: Context


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in a part, what there is to say, and the lines of functions in the files that findings pass."""

    findings: tuple[Finding, ...] = ()
    notifications: tuple[Notification, ...] = ()
    extents: Extents = field(default_factory=dict)


_DEPTH = 5_000
"""How deep the analysis may recurse: paths lead through chains of calls that are longer than Python expects."""
GONE = b"gone"
"""The answer for a part whose units are not in the cache any more."""


def check(tasks: Sequence[Task]) -> bytes:
    """Analyse some parts; a line for each. This is what runs in a process of its own."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEPTH))
    try:
        return b"\n".join(map(_checked, tasks))
    finally:
        sys.setrecursionlimit(before)


def _checked(task: Task) -> bytes:
    from barrierlint.linking import codec
    from barrierlint.linking.units import Gone, loaded

    try:
        units = loaded(task.units)
    except Gone:
        return GONE
    return codec.encode(found(units, task.named, task.models, task.asked, task.context), Found).encode(
        "utf-8", "surrogatepass"
    )


def read(line: bytes) -> Found:
    """Return what `check` wrote on a line; CodecError for anything else."""
    from barrierlint.linking import codec

    known: Found = codec.decode(line, Found)
    return known


def prepare() -> None:
    """Load what every process needs, once and before they fork."""
    from barrierlint import rules
    from barrierlint.cfg import join  # noqa: F401
    from barrierlint.dataflow import ordering  # noqa: F401
    from barrierlint.sim import confirm  # noqa: F401

    rules.all_rules()


def found(loaded: Sequence[Loaded], named: Sequence[bool], models: Models, asked: Asked, context: Context) -> Found:
    """Join, check, fold and confirm."""
    from barrierlint import rules
    from barrierlint.linking.losses import attempts, listed
    from barrierlint.linking.neighbours import concern
    from barrierlint.triage.folding import folded

    models = models.assuming(asked.unknown_calls)
    programs, lost = join(loaded, models, context)
    own = [one.unit for one, is_own in zip(loaded, named, strict=True) if is_own]
    concerns = concern(own, [one.unit for one, is_own in zip(loaded, named, strict=True) if not is_own])
    checked, failed = attempts(
        (listed(files_of(program)), partial(rules.check, program, models, frozenset(asked.chosen), concerns))
        for program in programs
    )
    kept = folded([[one for one in some.findings if concerns is None or concerns(one.witness)] for some in checked])
    if asked.confirm:
        kept = tuple(confirmed(finding, asked.features) for finding in kept)
    notes = (*lost, *(note for one in checked for note in one.notifications), *failed)
    return Found(kept, notes, extents(programs, kept))


def join(
    loaded: Sequence[Loaded], models: Models, context: Context | None = None
) -> tuple[list[Program], tuple[Notification, ...]]:
    """Join the units that link, and give each program what it is to know of others."""
    from barrierlint.cfg import join as joining
    from barrierlint.linking.losses import attempts, listed
    from barrierlint.linking.programs import linkable

    def name(units: Sequence[Unit]) -> str:
        return listed([unit.path for unit in units])

    programs, lost = attempts(
        (name(units), partial(joining.join, _with_lent(units, context), models)) for units in linkable(loaded)
    )
    return [replace(program, traits=context.traits) if context else program for program in programs], lost


def _with_lent(units: Sequence[Unit], context: Context | None) -> Sequence[Unit]:
    """`units`, and one that holds the functions that are lent and that none of them has."""
    from barrierlint.cfg.linkable import Lowered, Unit
    from barrierlint.linking import codec

    lent: list[Lowered] = [codec.decode(line, Lowered) for line in (context.lent if context else ())]
    new = {one.cfg.usr: one for one in lent if not any(one.cfg.usr in unit.functions for unit in units)}
    return (*units, Unit("", "", new)) if new else units


def files_of(program: Program) -> list[str]:
    """Return the files that the functions of a program are in."""
    return list(dict.fromkeys(cfg.place.path for cfg in program.functions.values()))


def extents(programs: Iterable[Program], findings: Iterable[Finding]) -> Extents:
    """Return the lines of the functions in the files that `findings` pass."""
    wanted = {path for finding in findings for path in _files(finding)}
    lines: dict[str, set[tuple[int, int]]] = {}
    for program in programs:
        for cfg in program.functions.values():
            if cfg.place.path in wanted:
                lines.setdefault(cfg.place.path, set()).add((cfg.place.line, max(cfg.end.end_line, cfg.end.line)))
    return {path: tuple(sorted(some)) for path, some in sorted(lines.items())}


def _files(finding: Finding) -> Iterator[str]:
    steps = (*finding.witness.steps, *finding.also)
    yield from (finding.span.path, *(step.span.path for step in steps))


def confirmed(finding: Finding, features: str) -> Finding:
    """Return `finding` with the simulation's answer; a simulation that breaks leaves it undecided, and says so.

    A repair with which the witness still goes wrong is not shown.
    """
    from barrierlint.sim.confirm import confirm

    try:
        answer = confirm(finding, features)
    except Exception as error:
        reason = f"the simulation failed, please report it: {type(error).__name__}: {error}"
        answer = Confirmation(Verdict.UNDECIDED, reason=reason)
    if answer.repair_fails:
        why = "the place that the analysis found does not cure the path in simulation: no place was verified"
        finding = replace(finding, repair=None, unrepaired=why)
    return replace(finding, confirmation=answer)
