"""The report as SARIF 2.1.0, for code scanning and editors: each witness and each trace a `codeFlow`.

Built from `sarif_om` objects and written in one pass over their attrs metadata; `sarif_om` brings no writer, and the
usual one drops `level: warning`. Columns are UTF-16 code units. What it does not write: suppressions, graphs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import attr
import sarif_om as om

from barrierlint import HOMEPAGE, __version__
from barrierlint.finding import Confidence, Edit, Finding, Notification, Repair, Report, RuleInfo, Severity
from barrierlint.report.defect import simulation_sentence
from barrierlint.report.fingerprint import line_hashes
from barrierlint.report.sarif import flow
from barrierlint.report.sarif.place import insertion_point, location, region, root, uri
from barrierlint.source.collection import uncollected

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MAX_DESCRIPTION = 1024
"""Characters of a fullDescription that GitHub takes."""

_PRECISION = {Confidence.EXACT: "high", Confidence.POSSIBLE: "medium", Confidence.BOUNDARY: "medium"}
_SECURITY = {Severity.ERROR: "7.5", Severity.WARNING: "5.0", Severity.NOTE: "1.0"}
"""GitHub's `security-severity`: high, medium and low; a stale translation is a crash or an access to foreign memory."""
_PROBLEM = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "recommendation"}


def render(report: Report, rules: Sequence[RuleInfo], exit_code: int = 0, arguments: Sequence[str] = ()) -> str:
    """Return one SARIF log with one run. `rules` are all that were run; `arguments` the command line, if known."""
    with uncollected():  # thousands of objects, no cycles
        index = {rule.id: at for at, rule in enumerate(rules)}
        run = om.Run(
            tool=om.Tool(driver=_driver(report, rules)),
            results=[_result(finding, index) for finding in report.findings],
            invocations=[_invocation(report, exit_code, arguments)],
            automation_details=om.RunAutomationDetails(id="barrierlint/"),
            column_kind="utf16CodeUnits",
            original_uri_base_ids={"SRCROOT": om.ArtifactLocation(uri=root())},
        )
        return json.dumps(plain(om.SarifLog(version="2.1.0", schema_uri=SCHEMA, runs=[run]))) + "\n"


def _driver(report: Report, rules: Sequence[RuleInfo]) -> Any:
    """The tool, its rules, and the kinds of notification this run has."""
    kinds = sorted({note.kind for note in report.notifications})
    return om.ToolComponent(
        name="barrierlint",
        version=__version__,
        semantic_version=__version__,
        information_uri=HOMEPAGE,
        rules=[_rule(rule) for rule in rules],
        notifications=[_kind(kind) for kind in kinds],
    )


def _kind(kind: str) -> Any:
    """A kind of notification, described as fully as GitHub's rules for SARIF ask."""
    words = kind.replace("-", " ")
    text = f"Not analysed, or with less than the whole input: {words}."
    return om.ReportingDescriptor(
        id=kind,
        name="".join(word.capitalize() for word in words.split()),
        short_description=om.MultiformatMessageString(text=text),
        full_description=om.MultiformatMessageString(text=text),
        help=om.MultiformatMessageString(text=f"{text} The notification's message says what to do."),
    )


def _rule(rule: RuleInfo) -> Any:
    """A rule with its page as help; GitHub shows the markdown."""
    return om.ReportingDescriptor(
        id=rule.id,
        name="".join(word.capitalize() for word in rule.name.split("-")),
        short_description=om.MultiformatMessageString(text=rule.summary),
        full_description=om.MultiformatMessageString(text=_cut(_opening(rule.page) or rule.summary)),
        help=om.MultiformatMessageString(text=rule.page or rule.summary, markdown=rule.page or rule.summary),
        default_configuration=om.ReportingConfiguration(level=rule.severity.value),
        properties={
            "tags": list(dict.fromkeys(("security", "memory-ordering", *rule.tags)))[:10],
            "precision": "high",
            "problem.severity": _PROBLEM[rule.severity],
            "security-severity": _SECURITY[rule.severity],
        },
    )


def _opening(page: str) -> str:
    """The prose of a page before its first heading or example, without its title."""
    paragraphs = [part.strip() for part in page.split("\n\n")]
    prose = [" ".join(part.split()) for part in paragraphs if part and not part.startswith(("#", "    ", "```"))]
    return " ".join(prose[:2])


def _cut(text: str) -> str:
    return text if len(text) <= MAX_DESCRIPTION else text[: MAX_DESCRIPTION - 1] + "…"


def _result(finding: Finding, index: Mapping[str, int]) -> Any:
    """A finding: its place, both flows, related places, fingerprints, the repair."""
    flows = [flow.witness(finding.witness)]
    if finding.confirmation.trace and finding.confirmation.trace.steps:
        flows.append(flow.trace(finding))
    return om.Result(
        rule_id=finding.rule,
        rule_index=index.get(finding.rule, -1),
        level=finding.severity.value,
        message=om.Message(text=_message(finding)),
        locations=[location(finding.span, function=_function(finding))],
        related_locations=_related(finding),
        code_flows=flows,
        partial_fingerprints=_fingerprints(finding),
        fixes=[_fix(finding.repair)] if finding.repair and finding.repair.edits else None,
        properties=_properties(finding),
    )


def _message(finding: Finding) -> str:
    """The message, what the simulation says, and a link to the write (related location 1)."""
    text = f"{_escaped(finding.message.rstrip('.'))}."
    if finding.witness.write.role == "write":
        text += " The descriptor is written [here](1)."
    answer = finding.confirmation
    if answer.trace:
        text += f" Simulation: {_escaped(simulation_sentence(answer))}."
    return text


def _escaped(text: str) -> str:
    """Brackets are links in a SARIF message (3.11.6)."""
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _function(finding: Finding) -> str:
    boundary = finding.confidence is Confidence.BOUNDARY
    return (finding.witness.write if boundary else finding.witness.access).function


def _related(finding: Finding) -> list[Any]:
    """The write, then the other places of the same defect (GitHub keeps a hundred)."""
    write = finding.witness.write
    places = [location(write.span, text=write.note or "the write", function=write.function, id=1)]
    for id, step in enumerate(finding.also[:99], 2):
        places.append(location(step.span, text=step.note or "the same defect", function=step.function, id=id))
    return places


def _fingerprints(finding: Finding) -> dict[str, str]:
    """GitHub's hash of the line, and barrierlint's of the defect."""
    found = {"barrierlint/v1": finding.fingerprint} if finding.fingerprint else {}
    hashes = line_hashes(finding.span.path)
    if 0 < finding.span.line <= len(hashes):
        found["primaryLocationLineHash"] = hashes[finding.span.line - 1]
    return found


def _fix(repair: Repair) -> Any:
    """The repair as replacements, by file."""
    by_path: dict[str, list[Edit]] = {}
    for place in repair.places:
        for edit in place.edits:
            by_path.setdefault(edit.span.path, []).append(edit)
    return om.Fix(
        description=om.Message(text=repair.why),
        artifact_changes=[
            om.ArtifactChange(artifact_location=uri(path), replacements=[_replacement(edit) for edit in edits])
            for path, edits in by_path.items()
        ],
    )


def _replacement(edit: Edit) -> Any:
    span = edit.span
    deleted = region(span) if span.end_line else insertion_point(span, span.column)
    return om.Replacement(deleted_region=deleted, inserted_content=om.ArtifactContent(text=edit.text))


def _properties(finding: Finding) -> dict[str, object]:
    """What SARIF has no name for."""
    return {
        "confidence": finding.confidence.value,
        "precision": _PRECISION[finding.confidence],
        "missing": list(finding.missing),
        "evidence": list(finding.evidence),
        "verdict": finding.confirmation.verdict.value,
        "states": finding.confirmation.states,
    }


def _invocation(report: Report, exit_code: int, arguments: Sequence[str]) -> Any:
    """How the run went. It was successful if every input was analysed."""
    return om.Invocation(
        execution_successful=not any(note.lost for note in report.notifications),
        exit_code=exit_code,
        arguments=list(arguments) or None,
        tool_execution_notifications=[_notification(note) for note in report.notifications],
    )


def _notification(note: Notification) -> Any:
    return om.Notification(
        message=om.Message(text=note.message),
        level=(Severity.ERROR if note.lost else note.severity).value,
        descriptor=om.ReportingDescriptorReference(id=note.kind),
        locations=[location(note.span)] if note.span else None,
    )


_ALWAYS = {"level", "executionSuccessful"}


@cache
def _properties_of(kind: Any) -> tuple[tuple[str, str, object], ...] | None:
    """The attributes of a sarif_om class: name in Python, name in SARIF, default; None for other classes."""
    if not attr.has(kind):
        return None
    return tuple((item.name, item.metadata["schema_property_name"], item.default) for item in attr.fields(kind))


def plain(value: Any) -> Any:
    """Return sarif_om objects as the dicts and lists of their JSON; defaults are left out, but for levels."""
    kind: Any = type(value)
    if kind is str or kind is int:
        return value
    if kind is list:
        return [plain(item) for item in value]
    if kind is dict:
        return {key: plain(item) for key, item in value.items()}
    known = _properties_of(kind)
    if known is None:
        return value
    found: dict[str, Any] = {}
    for name, key, default in known:
        item = getattr(value, name)
        if item is not None and (item != default or key in _ALWAYS):
            found[key] = plain(item)
    return found
