"""Paths in, report out: the whole tool on one page.

    collect → load (parse, lower) → join → check → fold → confirm → triage → report

Every stage hands on what it could not do as notifications; nothing is lost between stages. Units come from the cache
where nothing they are made of has changed, and so does what was found, where no unit has. What it does not do: print,
or decide the exit status.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from barrierlint.finding import Confirmation, Finding, Notification, Report, RuleInfo, Severity, Verdict
from barrierlint.inputs import InputError, Request
from barrierlint.linking.gathering import Gathered, Means, gather

if TYPE_CHECKING:
    from barrierlint.cfg.graph import Program
    from barrierlint.models import Models


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked: inputs, rules by id, family or name, models, hardware features, whether to simulate.

    `told` hears of progress: what is done now, how much of it is done, and of how much (0: not known).
    """

    request: Request
    select: tuple[str, ...] = ("ALL",)
    ignore: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    features: str = "base"
    confirm: bool = True
    unknown_calls: str = ""
    baseline: str | None = None
    diff_base: str | None = None
    means: Means = field(default_factory=Means)
    told: Callable[[str, int, int], None] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Lowered:
    """The graphs of all functions of a run, a program for each set of files that link, and what they were made with."""

    programs: tuple[Program, ...]
    models: Models
    notifications: tuple[Notification, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the analysis of all programs found, before triage; `extents` are the (first, last) lines of the functions of
    each file.
    """

    found: tuple[Finding, ...]
    notifications: tuple[Notification, ...]
    functions: int
    extents: Mapping[str, tuple[tuple[int, int], ...]]


def run(options: Options) -> Report:
    """Analyse what `options` names. Raises InputError, SourceError and ModelError, each one line for the user."""
    from barrierlint.linking.losses import distinct, incomplete, said_once
    from barrierlint.triage.selection import triage

    gathered = gather(options.request, options.models, options.means, options.told, screen=True)
    rules = rule_names() if gathered.screened else known_rules(options.means, options.request.paths)
    chosen = frozenset(rule.id for rule in select_rules(rules, options.select, options.ignore))
    outcome = Outcome((), (), 0, {}) if gathered.screened else remembered(gathered, options, chosen)
    triaged = triage(
        tuple(finding for finding in outcome.found if finding.confirmation.verdict is not Verdict.REFUTED),
        gathered.paths,
        outcome.extents,
        rules,
        chosen,
        baseline=options.baseline,
        diff_base=options.diff_base,
    )
    notes = said_once((*gathered.said, *(incomplete(note, gathered.paths) for note in outcome.notifications)))
    return Report(
        findings=triaged.shown,
        refuted=tuple(finding for finding in outcome.found if finding.confirmation.verdict is Verdict.REFUTED),
        suppressed=triaged.suppressed,
        known=triaged.known,
        notifications=distinct((*notes, *triaged.notifications, *filter(None, (gathered.store.problem,)))),
        files=len(gathered.paths),
        functions=outcome.functions,
    )


def lower(options: Options) -> Lowered:
    """Return the graphs of the inputs of `options`: files that link together, functions of headers once."""
    from barrierlint.linking.losses import incomplete, said_once

    gathered = gather(options.request, options.models, options.means, options.told)
    joined = join(gathered)
    told = (incomplete(note, gathered.paths) for note in joined.notifications)
    return Lowered(joined.programs, gathered.models, said_once((*gathered.said, *told)))


def join(gathered: Gathered) -> Lowered:
    """Join the units that link, and gather what was said of them."""
    from barrierlint.cfg import join as joining
    from barrierlint.linking.losses import attempts, listed, unknown_instructions
    from barrierlint.linking.programs import linkable

    programs, lost = attempts(
        (listed([unit.path for unit in units]), partial(joining.join, units, gathered.models))
        for units in linkable(gathered.loaded)
    )
    told = (note for program in programs for note in (*program.notifications, *unknown_instructions(program)))
    return Lowered(tuple(programs), gathered.models, (*lost, *told))


def remembered(gathered: Gathered, options: Options, chosen: frozenset[str]) -> Outcome:
    """Return what the analysis finds, from the cache if none of its inputs has changed."""
    from barrierlint.linking import codec
    from barrierlint.linking.store import digest

    asked = (*gathered.paths, *sorted(chosen), options.features, str(options.confirm), options.unknown_calls)
    for keys in (gathered.keys, None):
        if keys is None:
            keys = tuple(one.digest for one in gathered.loaded)
        key = digest("outcome", *keys, *asked)
        data = gathered.store.get(key)
        if data is not None:
            try:
                known: Outcome = codec.decode(data, Outcome)
                return known
            except codec.CodecError:
                pass
    outcome = analysed(gathered, options, chosen)
    if gathered.store.folder and not any(note.kind == "internal-error" for note in outcome.notifications):
        gathered.store.put(key, codec.encode(outcome, Outcome).encode("utf-8", "surrogatepass"))
    return outcome


def analysed(gathered: Gathered, options: Options, chosen: frozenset[str]) -> Outcome:
    """Join, check, fold and confirm."""
    from barrierlint import rules
    from barrierlint.linking.losses import attempts, listed
    from barrierlint.linking.neighbours import concern
    from barrierlint.report.fingerprint import with_fingerprints
    from barrierlint.triage.folding import folded

    if options.told is not None:
        options.told("analysing", 0, 0)
    units = [one.unit for one in gathered.loaded]
    models = gathered.models.assuming(options.unknown_calls)
    concerns = concern(units[: len(gathered.paths)], units[len(gathered.paths) :])
    joined = join(gathered)
    checked, lost = attempts(
        (listed(files_of(program)), partial(rules.check, program, models, chosen, concerns))
        for program in joined.programs
    )
    found = folded([[one for one in some.findings if concerns is None or concerns(one.witness)] for some in checked])
    if options.confirm:
        found = tuple(confirmed(finding, options.features) for finding in found)
    return Outcome(
        with_fingerprints(sorted(found, key=lambda finding: (finding.span, finding.rule))),
        (*joined.notifications, *(note for one in checked for note in one.notifications), *lost),
        len({(usr, cfg.place) for program in joined.programs for usr, cfg in program.functions.items()}),
        {path: tuple(sorted(lines)) for path, lines in extents(joined.programs).items()},
    )


def files_of(program: Program) -> list[str]:
    """Return the files that the functions of a program are in."""
    return list(dict.fromkeys(cfg.place.path for cfg in program.functions.values()))


def extents(programs: Iterable[Program]) -> dict[str, set[tuple[int, int]]]:
    """The (first, last) lines of the functions of each file."""
    found: dict[str, set[tuple[int, int]]] = {}
    for program in programs:
        for cfg in program.functions.values():
            found.setdefault(cfg.place.path, set()).add((cfg.place.line, max(cfg.end.end_line, cfg.end.line)))
    return found


def all_rules() -> tuple[RuleInfo, ...]:
    """Return all rules there are, in order of id."""
    from barrierlint import rules

    return tuple(sorted((rule.info for rule in rules.all_rules()), key=lambda info: info.id))


def rule_names() -> tuple[RuleInfo, ...]:
    """Return all rules by id and name alone, which the names of their modules tell: nothing of them is imported."""
    folder = Path(__file__).parent / "rules"
    names = sorted(path.stem.partition("_") for path in folder.glob("bl[0-9]*_*.py"))
    return tuple(RuleInfo(id.upper(), name.replace("_", "-"), "", Severity.NOTE, "") for id, _, name in names)


def known_rules(means: Means, paths: Sequence[str]) -> tuple[RuleInfo, ...]:
    """Return all rules, from the cache if there is one: their modules bring all of the analysis along."""
    from barrierlint.linking import codec
    from barrierlint.linking.gathering import kept_in
    from barrierlint.linking.store import Store, digest
    from barrierlint.linking.units import tool

    store = Store(kept_in(means, paths))
    key = digest("rules", tool())
    data = store.get(key)
    try:
        if data is not None:
            known: tuple[RuleInfo, ...] = codec.decode(data, tuple[RuleInfo, ...])
            return known
    except codec.CodecError:
        pass
    rules = all_rules()
    store.put(key, codec.encode(rules, tuple[RuleInfo, ...]).encode("utf-8", "surrogatepass"))
    return rules


def select_rules(infos: Sequence[RuleInfo], select: Sequence[str], ignore: Sequence[str]) -> tuple[RuleInfo, ...]:
    """Return the rules that `select` names and `ignore` does not; InputError for a word that names none."""
    wanted = {info.id for word in select for info in named(infos, word)}
    wanted -= {info.id for word in ignore for info in named(infos, word)}
    return tuple(info for info in infos if info.id in wanted)


def named(infos: Sequence[RuleInfo], word: str) -> tuple[RuleInfo, ...]:
    """Return the rules that `word` names: an id, a family (the beginning of ids), a name, or ALL."""
    from barrierlint.triage.suppression import is_named

    found = tuple(info for info in infos if is_named(info, word))
    if not found or not word:
        known = ", ".join(info.id for info in infos)
        raise InputError(f"unknown rule '{word}': use an id, a family such as BL0, or ALL (rules: {known})")
    return found


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
