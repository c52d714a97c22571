"""Findings as the Language Server Protocol's diagnostics, and their repairs as edits of the workspace.

Positions are UTF-16 code units from 0, as the protocol counts unless told otherwise. What it does not do: merge
findings of several files.
"""

from __future__ import annotations

from pathlib import Path

from lsprotocol import types

from barrierlint.finding import Edit, Finding, Notification, RuleInfo, Severity, Span
from barrierlint.report.defect import simulation_sentence
from barrierlint.report.lines import character_column, line_bytes, printable

SOURCE = "barrierlint"
_SEVERITY = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.NOTE: types.DiagnosticSeverity.Information,
}


def uri_of(path: str) -> str:
    """The URI of a file."""
    return Path(path).resolve().as_uri()


def range_of(span: Span) -> types.Range:
    """A span as the protocol's range; one without an end covers the rest of its word's line."""
    start = types.Position(span.line - 1, character_column(span.path, span.line, span.column) - 1)
    if span.end_line >= span.line and (span.end_line, span.end_column) > (span.line, span.column):
        end = types.Position(span.end_line - 1, character_column(span.path, span.end_line, span.end_column) - 1)
    else:
        end = types.Position(span.line - 1, len(line_bytes(span.path, span.line) or b""))
    return types.Range(start, end if (end.line, end.character) > (start.line, start.character) else start)


def diagnostic(finding: Finding, rules: dict[str, RuleInfo]) -> types.Diagnostic:
    """A finding with its path as related information."""
    message = printable(finding.message)
    if finding.confirmation.trace is not None:
        message += f"\nsimulation: {simulation_sentence(finding.confirmation)}"
    if finding.repair is not None:
        message += f"\nrepair: {printable(finding.repair.why)}"
    related = [
        types.DiagnosticRelatedInformation(
            types.Location(uri_of(step.span.path), range_of(step.span)),
            f"{number}. {step.role}: {printable(step.note)}",
        )
        for number, step in enumerate(finding.witness.steps, 1)
    ]
    name = rules[finding.rule].name if finding.rule in rules else ""
    return types.Diagnostic(
        range_of(finding.span),
        f"{message}" + (f" ({name})" if name else ""),
        _SEVERITY[finding.severity],
        finding.rule,
        source=SOURCE,
        related_information=related,
        data={"fingerprint": finding.fingerprint},
    )


def loss(note: Notification, path: str) -> types.Diagnostic:
    """Something that was not analysed."""
    span = note.span if note.span is not None and note.span.path == path else Span(path, 1)
    return types.Diagnostic(
        range_of(span),
        f"not analysed: {printable(note.message)}",
        types.DiagnosticSeverity.Warning,
        note.kind,
        source=SOURCE,
    )


def actions(finding: Finding, given: types.Diagnostic) -> list[types.CodeAction]:
    """The repair, where there is one, and the comment that suppresses the finding."""
    found: list[types.CodeAction] = []
    if finding.repair is not None:
        edits = [edit for each in finding.repair.places for edit in each.edits]
        if edits:
            title = f"barrierlint: {finding.repair.why}"
            kind = types.CodeActionKind.QuickFix
            found.append(types.CodeAction(title, kind, [given], is_preferred=True, edit=_workspace(edits)))
    found.append(
        types.CodeAction(
            f"barrierlint: suppress {finding.rule} here",
            types.CodeActionKind.QuickFix,
            [given],
            edit=_workspace([_suppression(finding)]),
        )
    )
    return found


def _suppression(finding: Finding) -> Edit:
    """A comment at the end of the finding's line; the reason is the user's to write."""
    span = finding.span
    end = len(line_bytes(span.path, span.line) or b"") + 1
    return Edit(Span(span.path, span.line, end, span.line, end), f" // barrierlint: ignore[{finding.rule}] REASON")


def _workspace(edits: list[Edit]) -> types.WorkspaceEdit:
    changes: dict[str, list[types.TextEdit]] = {}
    for edit in edits:
        start = types.Position(
            edit.span.line - 1, character_column(edit.span.path, edit.span.line, edit.span.column) - 1
        )
        changed = range_of(edit.span) if edit.span.end_line and _has_extent(edit.span) else types.Range(start, start)
        changes.setdefault(uri_of(edit.span.path), []).append(types.TextEdit(changed, edit.text))
    return types.WorkspaceEdit(changes)


def _has_extent(span: Span) -> bool:
    return (span.end_line, span.end_column) > (span.line, span.column)
