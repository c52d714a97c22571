"""Paths in, report out: the whole tool on one page.

    collect → load (parse, lower) → join → check → fold → confirm → triage → report

Every stage hands on what it could not do as notifications; nothing is lost between stages. Units come from the cache
where nothing they are made of has changed, and so does what was found, where no unit has. What it does not do: print,
or decide the exit status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from barrierlint.finding import Finding, Notification, Report, RuleInfo, Severity, Verdict
from barrierlint.frozen import dataclass
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
    rules = rule_names()
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
    from barrierlint.checking import join
    from barrierlint.linking.losses import incomplete, said_once, unknown_instructions

    gathered = gather(options.request, options.models, options.means, options.told)
    programs, lost = join(gathered.loaded, gathered.models)
    notes = (*lost, *(note for program in programs for note in program.notifications))
    unknown = unknown_instructions(pair for one in gathered.outlines for pair in one.unknown)
    told = (incomplete(note, gathered.paths) for note in (*notes, *unknown))
    return Lowered(tuple(programs), gathered.models, said_once((*gathered.said, *told)))


def remembered(gathered: Gathered, options: Options, chosen: frozenset[str]) -> Outcome:
    """Return what the analysis finds, from the cache if none of its inputs has changed."""
    from barrierlint.linking import codec
    from barrierlint.linking.losses import PASSING
    from barrierlint.linking.store import digest

    asked = (*gathered.paths, *sorted(chosen), options.features, str(options.confirm), options.unknown_calls)
    for keys in (gathered.keys, None):
        if keys is None:
            keys = tuple(one.digest for one in gathered.kept(range(len(gathered.outlines))))
        key = digest("outcome", *keys, *asked)
        data = gathered.store.get(key)
        if data is not None:
            try:
                known: Outcome = codec.decode(data, Outcome)
                return known
            except codec.CodecError:
                pass
    outcome = analysed(gathered, options, chosen)
    if gathered.store.folder and not any(note.kind in PASSING for note in outcome.notifications):
        gathered.store.put(key, codec.encode(outcome, Outcome).encode("utf-8", "surrogatepass"))
    return outcome


def analysed(gathered: Gathered, options: Options, chosen: frozenset[str]) -> Outcome:
    """Analyse each part of the program, and put together what is found: what several find is found once."""
    from barrierlint.checking import Asked
    from barrierlint.linking.losses import unknown_instructions
    from barrierlint.parting import all_found
    from barrierlint.report.fingerprint import with_fingerprints
    from barrierlint.triage.folding import folded

    outlines = gathered.outlines
    asked = Asked(tuple(sorted(chosen)), options.features, options.confirm, options.unknown_calls)
    parts = all_found(gathered, asked, options.told)
    extents: dict[str, set[tuple[int, int]]] = {}
    for path, lines in (pair for part in parts for pair in part.extents.items()):
        extents.setdefault(path, set()).update(lines)
    found = folded([part.findings for part in parts])
    unknown = unknown_instructions(pair for one in outlines for pair in one.unknown)
    return Outcome(
        with_fingerprints(sorted(found, key=lambda finding: (finding.span, finding.rule))),
        (
            *(note for one in outlines for note in one.notifications),
            *(note for part in parts for note in part.notifications),
            *unknown,
        ),
        sum(one.own for one in outlines) + len(frozenset().union(*(one.others for one in outlines))),
        {path: tuple(sorted(lines)) for path, lines in extents.items()},
    )


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
