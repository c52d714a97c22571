"""Paths in, report out: the whole tool on one page.

    collect → parse → lower → check → fold → confirm → report

Every stage hands on what it could not do as notifications; nothing is lost between stages. What it does not do: print,
or decide the exit status.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from barrierlint.finding import Confirmation, Finding, Notification, Report, RuleInfo, Severity, Span, Verdict
from barrierlint.inputs import Input, InputError, Request, collect

if TYPE_CHECKING:
    from barrierlint.cfg.graph import Program
    from barrierlint.models import Models
    from barrierlint.source.tree import TranslationUnit

Result = TypeVar("Result")

UNREAD = frozenset({"lost-body", "too-deep"})
"""Kinds of notification that say that a function was not read, or not all of it."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked: inputs, rules by id, family or name, models, hardware features, whether to simulate."""

    request: Request
    select: tuple[str, ...] = ("ALL",)
    ignore: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    features: str = "base"
    confirm: bool = True
    baseline: str | None = None
    diff_base: str | None = None


@dataclass(frozen=True, slots=True)
class Lowered:
    """The graphs of all functions of a run, a program for each set of files that link, and what they were made with."""

    programs: tuple[Program, ...]
    models: Models
    paths: tuple[str, ...]
    notifications: tuple[Notification, ...]


def run(options: Options) -> Report:
    """Analyse what `options` names. Raises InputError, SourceError and ModelError, each one line for the user."""
    from barrierlint import rules
    from barrierlint.report.fingerprint import with_fingerprints
    from barrierlint.triage.selection import triage

    chosen = frozenset(rule.id for rule in select_rules(all_rules(), options.select, options.ignore))
    lowered = lower(options)
    checked, lost = attempts(
        (program_name(program), partial(rules.check, program, lowered.models, select=chosen))
        for program in lowered.programs
    )
    found = folded(finding for one in checked for finding in one.findings)
    if options.confirm:
        found = tuple(confirmed(finding, options.features) for finding in found)
    found = with_fingerprints(sorted(found, key=lambda finding: (finding.span, finding.rule)))
    triaged = triage(
        tuple(finding for finding in found if finding.confirmation.verdict is not Verdict.REFUTED),
        lowered.paths,
        extents(lowered.programs),
        all_rules(),
        chosen,
        baseline=options.baseline,
        diff_base=options.diff_base,
    )
    told = (n for one in checked for n in one.notifications)
    return Report(
        findings=triaged.shown,
        refuted=tuple(finding for finding in found if finding.confirmation.verdict is Verdict.REFUTED),
        suppressed=triaged.suppressed,
        known=triaged.known,
        notifications=distinct((*lowered.notifications, *told, *lost, *triaged.notifications)),
        files=len(lowered.paths),
        functions=len({(usr, cfg.place) for program in lowered.programs for usr, cfg in program.functions.items()}),
    )


def lower(options: Options) -> Lowered:
    """Parse and lower the inputs of `options`: files that link together, functions of headers once."""
    from barrierlint import cfg, source

    inputs = collect(options.request)
    models = load_models(options, [item.path for item in inputs.files])
    units, unparsed = attempts(
        (item.path, partial(source.parse, Path(item.path), item.arguments, unsaved=dict(item.unsaved)))
        for item in inputs.files
    )
    programs, unlowered = attempts(
        (listed([unit.path for unit in linked]), partial(cfg.lower, linked, models)) for linked in linkable(units)
    )
    lost = (*unparsed, *unlowered)
    told = (note for program in programs for note in (*program.notifications, *unknown_instructions(program)))
    notes = said_once((*inputs.notifications, *lost, *(incomplete(note, inputs.files) for note in told)))
    return Lowered(tuple(programs), models, tuple(item.path for item in inputs.files), notes)


def extents(programs: Iterable[Program]) -> dict[str, set[tuple[int, int]]]:
    """The (first, last) lines of the functions of each file."""
    found: dict[str, set[tuple[int, int]]] = {}
    for program in programs:
        for cfg in program.functions.values():
            found.setdefault(cfg.place.path, set()).add((cfg.place.line, max(cfg.end.end_line, cfg.end.line)))
    return found


def unknown_instructions(program: Program) -> Iterator[Notification]:
    """Name each instruction that the decoder does not know, at the first of its places."""
    from barrierlint.events import UnknownInstruction

    places: dict[str, set[Span]] = {}
    for cfg in program.functions.values():
        for step in cfg.steps():
            if isinstance(step.event, UnknownInstruction):
                places.setdefault(step.event.text.split()[0] if step.event.text.split() else "", set()).add(step.span)
    for name, spans in sorted(places.items()):
        more = f" ({len(spans)} places)" if len(spans) > 1 else ""
        text = f"`{name}`: an instruction barrierlint does not know, taken to order nothing{more}"
        yield Notification("unknown-instruction", text, min(spans), severity=Severity.NOTE)


def linkable(units: Iterable[TranslationUnit]) -> list[list[TranslationUnit]]:
    """Split units into programs: two that define one name in two places (`main`, variants of a driver) do not link."""
    programs: list[tuple[list[TranslationUnit], dict[str, Span]]] = []
    for unit in units:
        own = {function.usr: function.span for function in unit.functions}
        for members, places in programs:
            if all(places.get(usr, span) == span for usr, span in own.items()):
                members.append(unit)
                places.update(own)
                break
        else:
            programs.append(([unit], own))
    return [members for members, _ in programs] or [[]]


def incomplete(note: Notification, files: Sequence[Input]) -> Notification:
    """Count a function in an input file that was not read, or not all of it, as lost: nothing can be said of it."""
    own = note.span is not None and any(item.path == note.span.path for item in files)
    if note.lost or note.kind not in UNREAD or not own:
        return note
    return replace(note, lost=True, severity=Severity.ERROR)


def said_once(notes: Sequence[Notification]) -> tuple[Notification, ...]:
    """Leave one line a loss: of a file that clang gave up on the first error, of nesting the first that is too deep.

    What a loss already says becomes a note, which is there for those who ask.
    """
    given_up = {note.span.path for note in notes if note.span and note.lost and note.kind == "parse-error"}
    nested = {note.span.path for note in notes if note.span and note.lost and note.kind == "too-deep"}
    bodies = {(note.span, note.message.rpartition(": ")[2]) for note in notes if note.lost and note.kind == "lost-body"}
    first = {note.span.path: note for note in reversed(notes) if note.span and _is_cause(note)}
    kept: list[Notification] = []
    for note in notes:
        path = note.span.path if note.span else ""
        cause = first.get(path)
        if path in given_up and note.lost and note.kind == "parse-error" and cause:
            text = f"{note.message}; the first is: {cause.message}"
            kept.append(replace(note, message=text, span=cause.span))
            continue
        said = path in given_up and (note.kind == "lost-body" or _is_cause(note))
        said = said or (path in nested and note.kind == "lost-body" and "nesting level" in note.message)
        said = said or (_is_cause(note) and (note.span, note.message) in bodies)
        kept.append(replace(note, lost=False, severity=Severity.NOTE) if said else note)
    return tuple(kept)


def _is_cause(note: Notification) -> bool:
    """Whether `note` is one error of clang's, not the loss that came of it."""
    return note.kind == "parse-error" and not note.lost


def load_models(options: Options, paths: Sequence[str]) -> Models:
    """Return the models named, or those shipped that fit the tree that holds `paths`."""
    from barrierlint import models

    names = options.models or (models.detect(common_folder(paths)) if paths else ())
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


def attempts(tasks: Iterable[tuple[str, Callable[[], Result]]]) -> tuple[list[Result], tuple[Notification, ...]]:
    """Carry out each task, named by its files; one that fails is lost, and said to be, and costs no other."""
    from barrierlint.source import SourceError

    results: list[Result] = []
    lost: list[Notification] = []
    for name, task in tasks:
        try:
            results.append(task())
        except RecursionError:
            lost.append(
                Notification("too-deep", f"{name}: nested too deeply to be analysed", None, True, Severity.ERROR)
            )
        except SourceError as error:
            lost.append(Notification("parse-error", str(error), None, True, Severity.ERROR))
        except Exception as error:
            text = f"{name}: internal error, please report it: {type(error).__name__}: {error} ({innermost(error)})"
            lost.append(Notification("internal-error", text, None, True, Severity.ERROR))
    return results, tuple(lost)


def innermost(error: BaseException) -> str:
    """Return the place that raised `error`, such as `transfer.py:88`."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else "unknown place"


def program_name(program: Program) -> str:
    """Return the files of a program, the first few by name."""
    return listed(dict.fromkeys(cfg.place.path for cfg in program.functions.values()))


def listed(paths: Iterable[str]) -> str:
    """Return up to three paths, the rest counted."""
    every = list(paths)
    return ", ".join(every[:3]) + (f" and {len(every) - 3} more" if len(every) > 3 else "")


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
    """Return `finding` with the simulation's answer; a simulation that breaks leaves it undecided, and says so."""
    from barrierlint.sim.confirm import confirm

    try:
        answer = confirm(finding, features)
    except Exception as error:
        reason = f"the simulation failed, please report it: {type(error).__name__}: {error}"
        answer = Confirmation(Verdict.UNDECIDED, reason=reason)
    return replace(finding, confirmation=answer)


def distinct(notes: Iterable[Notification]) -> tuple[Notification, ...]:
    """Return each notification once: headers are read by many files."""
    return tuple(dict.fromkeys(notes))
