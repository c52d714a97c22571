"""The report as clang prints diagnostics: one line a finding, a note for each step of its path.

Editors, reviewdog's errorformat and CodeChecker (`report-converter -t clang-tidy`, which keeps the notes as the path)
read it. What it does not show: the simulation's execution.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from barrierlint.finding import Finding, Report, RuleInfo, Severity
from barrierlint.report.lines import line_bytes, printable
from barrierlint.report.snippet import place, underlined_plain

_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "warning"}


def render(report: Report, rules: Mapping[str, RuleInfo]) -> str:
    """Return the diagnostics, one after the other; what was lost comes last, as errors without a check's name."""
    lines = [line for finding in report.findings for line in _finding(finding, rules)]
    lines += [
        f"{place(note.span) + ': ' if note.span else ''}error: {printable(note.message)}"
        for note in report.notifications
        if note.lost
    ]
    return "".join(line + "\n" for line in lines)


def _finding(finding: Finding, rules: Mapping[str, RuleInfo]) -> Iterator[str]:
    name = rules[finding.rule].name if finding.rule in rules else ""
    check = f"{finding.rule}-{name}" if name else finding.rule
    yield f"{place(finding.span)}: {_LEVEL[finding.severity]}: {printable(finding.message)} [{check}]"
    yield from underlined_plain(finding.span)
    for step in finding.witness.steps:
        yield f"{place(step.span)}: note: {step.role}: {printable(step.note)}"
        yield from underlined_plain(step.span)
    if finding.repair is not None and line_bytes(finding.repair.at.path, finding.repair.at.line) is not None:
        yield f"{place(finding.repair.at)}: note: repair: {printable(finding.repair.why)}"
