"""The report as JSON for other programs: everything in it, under the names of barrierlint.finding.

`version` changes when a name changes its meaning or goes; new names may come. Columns are in bytes, as in spans. What
it does not carry: source text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from enum import Enum
from typing import get_args

from barrierlint.events import Event, mnemonic
from barrierlint.finding import Finding, Report, RuleInfo

VERSION = 1
_EVENTS = get_args(Event)


def render(report: Report, rules: Mapping[str, RuleInfo]) -> str:
    """Return one JSON object: version, rules that found something, findings, refuted, notifications, counts."""
    used = sorted({finding.rule for finding in (*report.findings, *report.refuted, *report.suppressed, *report.known)})
    document = {
        "version": VERSION,
        "tool": "barrierlint",
        "rules": {id: {"name": rules[id].name, "summary": rules[id].summary} for id in used if id in rules},
        "findings": [_finding(finding) for finding in report.findings],
        "refuted": [_finding(finding) for finding in report.refuted],
        "suppressed": [_finding(finding) for finding in report.suppressed],
        "known": [_finding(finding) for finding in report.known],
        "notifications": plain(report.notifications),
        "files": report.files,
        "functions": report.functions,
    }
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def _finding(finding: Finding) -> dict[str, object]:
    """A finding, its place first."""
    values = plain(finding)
    assert isinstance(values, dict)
    return {"rule": finding.rule, "span": plain(finding.span), **values}


def plain(value: object) -> object:
    """Return a finding value as lists, objects, strings and numbers; events as their mnemonics."""
    if isinstance(value, _EVENTS):
        return mnemonic(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}  # type: ignore[arg-type]
    return value
