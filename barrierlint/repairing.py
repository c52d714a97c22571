"""Repairs made in the files: written, analysed again, and put back unless everything they were to cure is gone.

What it does not do: print; or make half a repair.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from barrierlint import pipeline
from barrierlint.finding import Finding, Report
from barrierlint.report import patch
from barrierlint.report.lines import read_lines


class RepairError(Exception):
    """Repairs that could not be made or did not hold: one line for the user; the files are as they were."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """The report of the files as they are now, the files changed, and what was left and why, a line each."""

    report: Report
    changed: tuple[patch.Change, ...]
    left: tuple[str, ...]


def repaired(options: pipeline.Options, report: Report, since: float) -> Repaired:
    """Make the repairs of a report, whose analysis began at `since`; raise RepairError if they fail."""
    wanted = patch.changes(report.findings, since)
    if not wanted.files:
        return Repaired(report, (), wanted.refused)
    try:
        patch.write(wanted)
    except OSError as error:
        raise RepairError(f"nothing was changed: {error.filename}: {error.strerror}") from error
    try:
        after = _again(options)
        problem = _problem(report.findings, after.findings, {name for one in wanted.files for name in one.cures})
    except BaseException:
        patch.undo(wanted.files)
        raise
    if problem:
        patch.undo(wanted.files)
        _forget()
        raise RepairError(f"the repairs were taken back: {problem}")
    return Repaired(after, wanted.files, wanted.refused)


def _again(options: pipeline.Options) -> Report:
    _forget()
    return pipeline.run(options)


def _forget() -> None:
    """Forget what files looked like."""
    from barrierlint.report.fingerprint import line_hashes

    read_lines.cache_clear()
    line_hashes.cache_clear()


def _problem(before: Iterable[Finding], after: Iterable[Finding], cured: set[str]) -> str:
    """What is left of what was to be cured, or has come; "" if all is well."""
    expected = Counter(_base(finding) for finding in before if finding.fingerprint not in cured)
    for finding in after:
        if not expected[_base(finding)]:
            place = f"{finding.span.path}:{finding.span.line}"
            return f"with them {place} is reported: {finding.rule} {finding.message}"
        expected[_base(finding)] -= 1
    return ""


def _base(finding: Finding) -> str:
    """A fingerprint without the number that tells equal ones apart."""
    return re.sub(r"-\d+$", "", finding.fingerprint)
