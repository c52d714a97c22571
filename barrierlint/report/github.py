"""The report as workflow commands: GitHub shows each as an annotation on the line of a pull request.

Syntax and escapes as in actions/toolkit `core/command.ts`. What it does not show: the path (SARIF
does), and more than GitHub's ten annotations a level and step.
"""

from __future__ import annotations

from collections.abc import Mapping

from barrierlint.finding import Finding, Notification, Report, RuleInfo, Severity, Span
from barrierlint.report.defect import rule_title, simulation_sentence
from barrierlint.report.lines import character_column

_COMMAND = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(report: Report, rules: Mapping[str, RuleInfo]) -> str:
    """Return one `::error …` line for each finding and each input that was lost."""
    lines = [_finding(finding, rules) for finding in report.findings]
    lines += [_lost(note) for note in report.notifications if note.lost]
    return "".join(line + "\n" for line in lines)


def _finding(finding: Finding, rules: Mapping[str, RuleInfo]) -> str:
    text = finding.message
    if finding.confirmation.trace:
        text += f"\nSimulation: {simulation_sentence(finding.confirmation)}"
    if finding.repair:
        text += f"\n{finding.repair.why}:\n" + "\n".join(finding.repair.lines)
    return _command(finding.severity, finding.span, rule_title(finding.rule, rules), text)


def _lost(note: Notification) -> str:
    return _command(Severity.ERROR, note.span, f"barrierlint {note.kind}", note.message)


def _command(severity: Severity, span: Span | None, title: str, text: str) -> str:
    """One workflow command."""
    properties = {"title": title}
    if span:
        properties = {"file": span.path, "line": str(span.line), **_columns(span), **properties}
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{_COMMAND[severity]} {listed}::{_data(text)}"


def _columns(span: Span) -> dict[str, str]:
    """Columns, which GitHub takes only where the range is on one line."""
    start = character_column(span.path, span.line, span.column)
    if span.end_line > span.line:
        return {"endLine": str(span.end_line)}
    end = character_column(span.path, span.line, span.end_column) if span.end_column > span.column else start + 1
    return {"endLine": str(span.line), "col": str(start), "endColumn": str(end)}


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
