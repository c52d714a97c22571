"""Paths in, report out: the whole tool on one page.

    collect → parse → lower → check → fold → confirm → report

Every stage hands on what it could not do as notifications; nothing is lost between stages. What it does not do: print,
or decide the exit status.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from barrierlint.finding import Finding, Notification, Report, RuleInfo, Severity, Verdict
from barrierlint.inputs import Input, InputError, Request, collect

if TYPE_CHECKING:
    from barrierlint.cfg.graph import Program
    from barrierlint.models import Models
    from barrierlint.source.tree import TranslationUnit


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked: inputs, rules by id, family or name, models, hardware features, whether to simulate."""

    request: Request
    select: tuple[str, ...] = ("ALL",)
    ignore: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    features: str = "base"
    confirm: bool = True


@dataclass(frozen=True, slots=True)
class Lowered:
    """The graphs of all functions of a run, the models they were made with, and the number of files."""

    program: Program
    models: Models
    files: int
    notifications: tuple[Notification, ...]


def run(options: Options) -> Report:
    """Analyse what `options` names. Raises InputError, SourceError and ModelError, each one line for the user."""
    from barrierlint import rules
    from barrierlint.report.fingerprint import with_fingerprints

    chosen = frozenset(rule.id for rule in select_rules(all_rules(), options.select, options.ignore))
    lowered = lower(options)
    checked = rules.check(lowered.program, lowered.models, select=chosen)
    found = folded(checked.findings)
    if options.confirm:
        found = tuple(confirmed(finding, options.features) for finding in found)
    found = with_fingerprints(sorted(found, key=lambda finding: (finding.span, finding.rule)))
    return Report(
        findings=tuple(finding for finding in found if finding.confirmation.verdict is not Verdict.REFUTED),
        refuted=tuple(finding for finding in found if finding.confirmation.verdict is Verdict.REFUTED),
        notifications=distinct((*lowered.notifications, *checked.notifications)),
        files=lowered.files,
        functions=len(lowered.program.functions),
    )


def lower(options: Options) -> Lowered:
    """Parse and lower the inputs of `options` together: one program, functions of headers in it once."""
    from barrierlint import cfg

    inputs = collect(options.request)
    models = load_models(options)
    units, lost = parse_all(inputs.files)
    program = cfg.lower(units, models)
    return Lowered(program, models, len(inputs.files), (*inputs.notifications, *lost, *program.notifications))


def load_models(options: Options) -> Models:
    """Return the models named, or those shipped that fit the tree of the inputs."""
    from barrierlint import models

    names = options.models or models.detect(common_folder(options.request.paths))
    return models.load(names, check=instruction_problem)


def instruction_problem(text: str) -> str | None:
    """Return what is wrong with an instruction of a model's `does`, None if nothing is."""
    from barrierlint.cfg.asm import decode_lines
    from barrierlint.events import UnknownInstruction

    unknown = [event.text for event in decode_lines(text) if isinstance(event, UnknownInstruction)]
    return f"the assembler's decoder does not know {unknown[0]}" if unknown else None


def common_folder(paths: Sequence[str]) -> Path:
    """Return the deepest folder that holds all `paths`."""
    real = [os.path.realpath(path) for path in paths]
    return Path(os.path.commonpath([path if os.path.isdir(path) else os.path.dirname(path) for path in real]))


def parse_all(files: Iterable[Input]) -> tuple[list[TranslationUnit], tuple[Notification, ...]]:
    """Parse each file; one that is nested too deeply for the parser or for us is lost, and said to be."""
    from barrierlint import source

    units: list[TranslationUnit] = []
    lost: list[Notification] = []
    for item in files:
        try:
            units.append(source.parse(Path(item.path), item.arguments))
        except RecursionError:
            text = f"{item.path}: nested too deeply to be analysed"
            lost.append(Notification("too-deep", text, lost=True, severity=Severity.ERROR))
        except source.SourceError as error:
            lost.append(Notification("parse-error", str(error), lost=True, severity=Severity.ERROR))
    return units, tuple(lost)


def all_rules() -> tuple[RuleInfo, ...]:
    """Return all rules there are, in order of id."""
    from barrierlint import rules

    return tuple(sorted((rule.info for rule in rules.all_rules()), key=lambda info: info.id))


def select_rules(infos: Sequence[RuleInfo], select: Sequence[str], ignore: Sequence[str]) -> tuple[RuleInfo, ...]:
    """Return the rules that `select` names and `ignore` does not; InputError for a word that names none."""
    wanted = {info.id for word in select for info in named(infos, word)}
    wanted -= {info.id for word in ignore for info in named(infos, word)}
    return tuple(info for info in infos if info.id in wanted)


def named(infos: Sequence[RuleInfo], word: str) -> tuple[RuleInfo, ...]:
    """Return the rules that `word` names: an id, a family (the beginning of ids), a name, or ALL."""
    found = tuple(
        info for info in infos if word.upper() == "ALL" or info.id.startswith(word.upper()) or info.name == word.lower()
    )
    if not found or not word:
        known = ", ".join(info.id for info in infos)
        raise InputError(f"unknown rule '{word}': use an id, a family such as BL0, or ALL (rules: {known})")
    return found


def folded(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Merge findings of one rule on one write and one access: instantiations and headers seen from several files."""
    kept: dict[object, Finding] = {}
    for finding in findings:
        key = (finding.rule, finding.confidence, finding.witness.write.span, finding.witness.access.span)
        first = kept.get(key)
        if first is None:
            kept[key] = finding
            continue
        short, long = sorted((first, finding), key=lambda one: len(one.witness.steps))
        places = dict.fromkeys((*short.also, *long.also))
        kept[key] = replace(short, also=tuple(places))
    return tuple(kept.values())


def confirmed(finding: Finding, features: str) -> Finding:
    """Return `finding` with the simulation's answer."""
    from barrierlint.sim.confirm import confirm

    return replace(finding, confirmation=confirm(finding, features))


def distinct(notes: Iterable[Notification]) -> tuple[Notification, ...]:
    """Return each notification once: headers are read by many files."""
    return tuple(dict.fromkeys(notes))
