"""The command line: arguments in, exit status out; the only module that prints.

Exit status: 0 clean, 1 findings, 2 wrong usage or configuration, 3 some input could not be analysed. What goes wrong is
one line on standard error, never a traceback. Heavy imports happen inside commands, so that `--version` is quick. What
it does not do: read standard input.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from barrierlint import arguments

if TYPE_CHECKING:
    from argparse import Namespace

    from barrierlint.finding import Finding, Report, RuleInfo
    from barrierlint.pipeline import Options

CLEAN, FINDINGS, USAGE, LOST = 0, 1, 2, 3
INTERRUPTED, TERMINATED = 130, 143


class Terminated(BaseException):
    """SIGTERM: leave as for Ctrl-C, so that nothing half-written and no process stays behind."""


class CommandError(Exception):
    """A command that cannot be carried out: one line for the user, exit status 2."""


def entry() -> None:
    """Run the command line of this process, and leave with its status."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(main(sys.argv[1:]))


def _terminate(number: int, frame: object) -> None:
    raise Terminated


def main(words: Sequence[str]) -> int:
    """Run one command line and return the exit status; usage errors of argparse leave by SystemExit(2)."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    space = arguments.parse(words)
    try:
        space = configured(words, space)
        return COMMANDS[space.command](space)
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except Terminated:
        complain("terminated")
        return TERMINATED
    except Exception as error:
        return _failed(error, getattr(space, "verbose", False))


def configured(words: Sequence[str], space: Namespace) -> Namespace:
    """The options with those of the configuration in place of the defaults; commands without inputs have none."""
    from pathlib import Path

    if not hasattr(space, "no_config") or space.no_config:
        return space
    from barrierlint import configuration

    paths = [Path(path) for path in getattr(space, "paths", [])] or [Path()]
    path = Path(space.config) if space.config else configuration.find(paths[0].resolve())
    if path is None:
        return space
    found = configuration.load(path)
    filled = arguments.parse(words, found.values)
    filled.config = found.path
    return filled


def _failed(error: Exception, verbose: bool) -> int:
    """Say what went wrong in a line. What is not the user's doing is an input we could not analyse."""
    from barrierlint.configuration import ConfigurationError
    from barrierlint.initialization import InitError
    from barrierlint.inputs import InputError
    from barrierlint.models import ModelError
    from barrierlint.source import SourceError

    if isinstance(error, (CommandError, ConfigurationError, InitError, InputError, ModelError, SourceError)):
        complain(str(error))
        return USAGE
    if verbose:
        import traceback

        traceback.print_exception(error)
    complain(f"internal error, please report it (-v shows where): {type(error).__name__}: {error}")
    return LOST


def complain(line: str) -> None:
    """Print one line on standard error, if there is one."""
    from barrierlint.report.lines import printable

    with contextlib.suppress(OSError, ValueError):
        print(f"barrierlint: {printable(line)}", file=sys.stderr)


def write(text: str) -> None:
    """Print `text` on standard output; a reader that has gone away (`| head`) is no error."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - lives until the process ends
    except OSError as error:
        raise CommandError(f"cannot write the report: {error.strerror}") from error


def write_bytes(data: bytes) -> None:
    """Print bytes as they are: a patch must hold what the files hold."""
    if data and hasattr(sys.stdout, "buffer"):
        write("")
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
    elif data:
        write(data.decode("utf-8", "backslashreplace"))


def check_command(space: Namespace) -> int:
    """Analyse and report in every format asked for."""
    from dataclasses import replace

    from barrierlint import pipeline, progress

    options = _options(space)
    began = time.time()
    with progress.shown(space.quiet) as told:
        report = pipeline.run(replace(options, told=told))
    if space.write_baseline:
        return _write_baseline(space.write_baseline, report)
    if space.fix:
        report = _fix(options, report, began)
    status = _status(report, space)
    if space.diff:
        _diff(report)
    rules: Sequence[RuleInfo] = ()
    if _tells_of_rules(report, _formats(space)):
        known = pipeline.known_rules(options.means, options.request.paths)
        rules = pipeline.select_rules(known, options.select, options.ignore)
    for form, file in _formats(space):
        text = _render(form, report, rules, space, status, colour=not file)
        if file:
            _save(file, text)
        else:
            write(text)
    return status


def _tells_of_rules(report: Report, formats: Sequence[tuple[str, str]]) -> bool:
    """Whether a report needs more of rules than their ids: text without any finding does not."""
    found = (*report.findings, *report.refuted, *report.suppressed, *report.known)
    return bool(found) or any(form != "text" for form, _ in formats)


def _formats(space: Namespace) -> Sequence[tuple[str, str]]:
    """The formats to write; a patch takes standard output for itself."""
    if not space.diff:
        return space.formats or [("text", "")]
    if any(not file for _, file in space.formats or ()):
        raise CommandError("--diff prints a patch on standard output: give the other formats a file")
    return space.formats or ()


def _diff(report: Report) -> None:
    """Print the repairs as a patch; what has none is said on standard error."""
    from barrierlint.report import patch

    made = patch.changes(report.findings)
    for line in made.refused:
        complain(line)
    write_bytes(patch.unified(made).encode("utf-8", "surrogateescape"))


def _fix(options: Options, report: Report, began: float) -> Report:
    """Make the repairs and say what was changed; the report of what is left."""
    from barrierlint.repairing import RepairError, repaired
    from barrierlint.report.defect import plural

    try:
        done = repaired(options, report, began)
    except RepairError as error:
        raise CommandError(str(error)) from error
    for line in done.left:
        complain(line)
    for change in done.changed:
        complain(f"repaired {change.path}: {plural(len(change.cures), 'finding')} ({', '.join(change.cures)})")
    return done.report


def _write_baseline(file: str, report: Report) -> int:
    """Write all that was found, known before or not; what was lost still counts."""
    from barrierlint.report.defect import plural
    from barrierlint.triage import baseline

    findings = (*report.findings, *report.known)
    _save(file, baseline.render(findings))
    complain(f"wrote {file}: {plural(len(findings), 'finding')} known from now on with --baseline {file}")
    lost = [note for note in report.notifications if note.lost]
    for note in lost:
        complain(note.message)
    return LOST if lost else CLEAN


def _options(space: Namespace) -> Options:
    """The options of the pipeline from the words of the command line."""
    from barrierlint.inputs import Request
    from barrierlint.linking.gathering import Means
    from barrierlint.pipeline import Options

    request = Request(
        paths=tuple(space.paths),
        database=space.database,
        flags=space.flags,
        extra=tuple(space.extra_arg),
        remove=tuple(space.remove_arg),
        target=space.target,
        compile=tuple(space.compile),
        neighbours=space.neighbours,
        query_driver=tuple(space.query_driver),
    )
    means = Means(
        jobs=space.jobs or os.cpu_count() or 1,
        seconds=space.time_limit,
        mebibytes=space.memory_limit,
        cache=None if space.no_cache else space.cache_dir,
        executor=space.executor,
    )
    return Options(
        request=request,
        means=means,
        select=tuple(getattr(space, "select", ["ALL"])),
        ignore=tuple(getattr(space, "ignore", [])),
        models=tuple(space.model),
        features=getattr(space, "features", "base"),
        confirm=not getattr(space, "no_confirm", False),
        unknown_calls=getattr(space, "unknown_calls", ""),
        baseline=None if getattr(space, "write_baseline", None) else getattr(space, "baseline", None),
        diff_base=getattr(space, "diff_base", None),
    )


def _status(report: Report, space: Namespace) -> int:
    """The exit status of a check. `--exit-zero` forgives findings, not lost inputs."""
    failing = arguments.LEVELS[: arguments.LEVELS.index(space.fail_on) + 1]
    if not space.exit_zero and any(finding.severity.value in failing for finding in report.findings):
        return FINDINGS
    return LOST if any(note.lost for note in report.notifications) else CLEAN


def _render(form: str, report: Report, rules: Sequence[RuleInfo], space: Namespace, status: int, colour: bool) -> str:
    """The report in one format."""
    by_id = {rule.id: rule for rule in rules}
    if form == "sarif":
        from barrierlint.report import sarif

        return sarif.render(report, rules, status)
    if form == "json":
        from barrierlint.report import json

        return json.render(report, by_id)
    if form == "clang":
        from barrierlint.report import clang

        return clang.render(report, by_id)
    if form == "html":
        from barrierlint.report import html

        return html.render(report, by_id)
    if form == "github":
        from barrierlint.report import github

        return github.render(report, by_id)
    return _text(report, by_id, space, colour)


def _text(report: Report, rules: Mapping[str, RuleInfo], space: Namespace, colour: bool) -> str:
    from barrierlint.report import style, text

    wanted = space.color == "always" or (colour and _coloured(space))
    view = text.View(style.Style(wanted), space.verbose, space.quiet, _columns(), space.statistics)
    return text.render(report, rules, view)


def _coloured(space: Namespace) -> bool:
    """Whether text on standard output is to have colours."""
    from barrierlint.report import style

    return space.color == "always" or (
        sys.stdout is not None and style.wants_colour(space.color, sys.stdout, os.environ)
    )


def _columns() -> int:
    """The columns tables may take: those of COLUMNS or of the terminal, 120 without either."""
    stated = os.environ.get("COLUMNS", "")
    columns = int(stated) if stated.isdecimal() else 0
    with contextlib.suppress(ValueError, OSError, AttributeError):
        columns = columns or os.get_terminal_size(sys.__stdout__.fileno()).columns  # type: ignore[union-attr]
    return max(columns or 120, 60)


def _save(file: str, text: str) -> None:
    """Write a report into a file, whole or not at all."""
    from barrierlint.report.file import replace

    try:
        replace(file, text)
    except OSError as error:
        raise CommandError(f"cannot write {file}: {error.strerror}") from error


def init_command(space: Namespace) -> int:
    """Write down what is guessed of a tree."""
    from barrierlint.initialization import initialize

    for name, about in initialize(space.paths, space.force):
        write(f"wrote {name}: {about}\n")
    return CLEAN


def explain_command(space: Namespace) -> int:
    """Show one finding in full, or its litmus test."""
    from barrierlint import pipeline
    from barrierlint.report import defect, style

    report = pipeline.run(_options(space))
    finding = _chosen(space.fingerprint, (*report.findings, *report.refuted))
    if space.litmus:
        if not finding.confirmation.litmus:
            why = finding.confirmation.reason or "it was not simulated"
            raise CommandError(f"{finding.fingerprint} has no litmus test: {why}")
        write(finding.confirmation.litmus)
        return CLEAN
    rules = {rule.id: rule for rule in pipeline.all_rules()}
    write(defect.render(finding, rules, style.Style(_coloured(space)), True, _columns()) + "\n")
    return CLEAN


def _chosen(beginning: str, findings: Sequence[Finding]) -> Finding:
    """The finding whose fingerprint begins so."""
    exact = [finding for finding in findings if finding.fingerprint == beginning]
    found = exact or [finding for finding in findings if finding.fingerprint.startswith(beginning)]
    if len(found) != 1:
        known = ", ".join(finding.fingerprint for finding in findings) or "none at all"
        what = "no finding has" if not found else f"{len(found)} findings have"
        raise CommandError(f"{what} the fingerprint {beginning} in these paths (found: {known})")
    return found[0]


def rule_command(space: Namespace) -> int:
    """Show the manual page of a rule."""
    from barrierlint import pipeline

    for info in pipeline.all_rules():
        if space.rule.upper() == info.id or space.rule.lower() == info.name:
            write(f"# {info.id} {info.name} ({info.severity})\n\n{info.page.strip()}\n")
            return CLEAN
    raise CommandError(f"unknown rule '{space.rule}': `barrierlint rules` lists them")


def rules_command(space: Namespace) -> int:
    """List the rules."""
    from barrierlint import pipeline

    infos = pipeline.all_rules()
    wide = max((len(info.name) for info in infos), default=0)
    write("".join(f"{info.id}  {info.name:<{wide}}  {info.severity:<7}  {info.summary}\n" for info in infos))
    return CLEAN


def models_command(space: Namespace) -> int:
    """List the models that ship."""
    from barrierlint import models

    write("".join(f"{name}\n" for name in models.shipped()))
    return CLEAN


def cfg_command(space: Namespace) -> int:
    """Show the graphs of the functions named, as Graphviz or as text."""
    from barrierlint import pipeline
    from barrierlint.cfg import dot, listing
    from barrierlint.report.lines import printable

    lowered = pipeline.lower(_options(space))
    functions = [cfg for program in lowered.programs for cfg in program.functions.values()]
    graphs = [cfg for cfg in functions if space.function in (None, cfg.name, cfg.qualified, cfg.usr)]
    lost = [note for note in lowered.notifications if note.lost]
    for note in lost:
        complain(note.message)
    if not graphs and not lost:
        known = ", ".join(sorted({cfg.qualified for cfg in functions})[:20]) or "none"
        raise CommandError(f"no function '{space.function}' in {space.paths[0]} (there: {known})")
    show = dot.render if space.format == "dot" else listing.render
    lines = "\n".join(show(cfg) for cfg in graphs).splitlines()
    write("".join(printable(line) + "\n" for line in lines))
    return LOST if lost else CLEAN


def simulate_command(space: Namespace) -> int:
    """Run litmus tests: the verdict of each condition, with --trace the execution, with --ablate what barriers do."""
    from barrierlint.simulation import Question, answers

    question = Question(space.features, space.format == "tsv", space.trace, space.ablate, _columns())
    statuses = {CLEAN}
    for answer in answers(space.files, question):
        statuses.add(answer.status)
        if answer.problem:
            complain(answer.problem)
        write(answer.text)
        if answer.table and question.tsv:
            print(answer.table, file=sys.stderr, end="")
        else:
            write(answer.table)
    return USAGE if USAGE in statuses else max(statuses)


def completion_command(space: Namespace) -> int:
    """Print the completion script of a shell."""
    import shtab

    write(shtab.complete(arguments.parser(), space.shell) + "\n")
    return CLEAN


def server_command(space: Namespace) -> int:
    """Serve an editor until it leaves."""
    try:
        from barrierlint.server.serving import serve
    except ModuleNotFoundError as error:
        raise CommandError(f"the server needs {error.name}: pip install 'barrierlint[server]'") from error

    from argparse import Namespace

    def options_for(path: str) -> Options:
        return _options(Namespace(**{**vars(space), "paths": [path]}))

    serve(options_for)
    return CLEAN


COMMANDS: Mapping[str, Callable[[Namespace], int]] = {
    "check": check_command,
    "init": init_command,
    "explain": explain_command,
    "rule": rule_command,
    "rules": rules_command,
    "models": models_command,
    "cfg": cfg_command,
    "simulate": simulate_command,
    "server": server_command,
    "completion": completion_command,
}
