"""Says of a row's two runs: flagged before, gone after, and what else there is.

Flagged: a finding of a rule that answers one of the row's classes (classes.tsv) points at, or passes through, one of
its functions or files. Gone: there was one, and the fixed version has none, or none but what a reader judged to be
another defect, which that version has as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from benchmarks.fixes.running import Found, Outcome, names
from benchmarks.fixes.table import Accepted, Fix, Opinions


@dataclass(frozen=True, slots=True)
class Row:
    """A fix with what was said of both sides; `skipped` says why it could not be run, "" if it was.

    `known` are those of `right_after` that a reader judged to be other defects.
    """

    fix: Fix
    before: Outcome
    after: Outcome
    right_before: tuple[Found, ...] = ()
    right_after: tuple[Found, ...] = ()
    files: tuple[str, ...] = ()
    skipped: str = ""
    known: frozenset[Found] = frozenset()

    @property
    def flagged(self) -> bool:
        """Whether the defect is reported at the parent."""
        return bool(self.right_before)

    @property
    def gone(self) -> bool:
        """Whether nothing of its kind is reported there at the fix, by a run that came to its end, and something was.

        Where other defects are reported there as well, what was reported besides them at the parent must be gone.
        """
        if self.after.failure or set(self.right_after) - self.known:
            return False
        left = {_said(found) for found in self.right_after}
        return not left or any(_said(found) not in left for found in self.right_before)

    @property
    def met(self) -> bool:
        """Flagged before and gone after."""
        return self.flagged and self.gone

    @property
    def others_before(self) -> tuple[Found, ...]:
        """Errors and warnings at the parent that are not the defect."""
        return others(self.before, self.right_before)

    @property
    def others_after(self) -> tuple[Found, ...]:
        """Errors and warnings at the fix, all of them but what speaks of the defect."""
        return others(self.after, self.right_after)


def judge(
    fix: Fix,
    before: Outcome,
    after: Outcome,
    accepted: Mapping[str, Accepted],
    files: tuple[str, ...] = (),
    opinions: Opinions | None = None,
) -> Row:
    """Compare the two runs of `fix`; `opinions` are a reader's, by repository, rule and function."""
    rules = {rule for word in fix.classes for rule in accepted[word].rules}
    left = right(fix, after, rules)
    read = {found: (opinions or {}).get((fix.repo, found.rule, found.last)) for found in left}
    known = frozenset(found for found, opinion in read.items() if opinion is not None and opinion.verdict == "true")
    return Row(fix, before, after, right(fix, before, rules), left, files, known=known)


def _said(found: Found) -> tuple[str, str, str]:
    """What a finding says, whatever the line and the functions that it names."""
    return (found.rule, found.path, re.sub(r"\w+\(\)|\d+", "", found.message))


def right(fix: Fix, outcome: Outcome, rules: set[str]) -> tuple[Found, ...]:
    """The findings that are the defect's."""
    return tuple(found for found in outcome.findings if found.rule in rules and concerns(fix, found))


def concerns(fix: Fix, found: Found) -> bool:
    """Whether a finding lies in, or passes, one of the functions or files of the row."""
    return any(_lies(pattern, found) for pattern in fix.functions)


def _lies(pattern: str, found: Found) -> bool:
    if pattern.startswith("file:"):
        return any(path.endswith(pattern[5:]) for path in {found.path, *found.files})
    passed = {found.function, *found.functions}
    return any(fnmatchcase(part, pattern) for function in passed for part in names(function))


def others(outcome: Outcome, right_ones: tuple[Found, ...]) -> tuple[Found, ...]:
    """Findings that are no advice and not among `right_ones`."""
    return tuple(found for found in outcome.findings if found not in right_ones and found.level != "note")


def density(rows: Iterable[Row]) -> tuple[int, int, float]:
    """Other findings on the fixed versions, lines of code analysed there, and the former per thousand of the latter.

    A finding that several rows of one repository show counts once, and so does a file.
    """
    seen: set[tuple[str, str, str, str]] = set()
    sizes: dict[tuple[str, tuple[str, ...]], int] = {}
    for row in rows:
        if row.skipped or row.after.failure:
            continue
        sizes[row.fix.repo, row.files] = max(sizes.get((row.fix.repo, row.files), 0), row.after.lines)
        seen |= {(row.fix.repo, found.rule, found.path, found.last) for found in row.others_after}
    lines = sum(sizes.values())
    return len(seen), lines, 1000 * len(seen) / lines if lines else 0.0
