"""All of triage on one page: suppressed in the source, outside the change, known from the baseline, in this order.

What it does not do: change a finding.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from barrierlint.finding import Finding, Notification, RuleInfo
from barrierlint.frozen import dataclass
from barrierlint.triage.suppression import suppress

Extents = Mapping[str, Collection[tuple[int, int]]]
"""The (first, last) lines of the functions of each file."""


@dataclass(frozen=True, slots=True)
class Triaged:
    """Findings to show, those suppressed in the source, those known from a baseline, and what is to be said."""

    shown: tuple[Finding, ...]
    suppressed: tuple[Finding, ...] = ()
    known: tuple[Finding, ...] = ()
    notifications: tuple[Notification, ...] = ()


def triage(
    findings: Sequence[Finding],
    files: Sequence[str],
    extents: Extents,
    rules: Sequence[RuleInfo],
    selected: Collection[str],
    *,
    baseline: str | None = None,
    diff_base: str | None = None,
) -> Triaged:
    """Part `findings`. Raises InputError where the baseline or the revision cannot be read."""
    parted = suppress(findings, files, extents, rules, selected)
    shown, notes = parted.kept, parted.notifications
    known: tuple[Finding, ...] = ()
    if diff_base is not None:
        from barrierlint.triage.changes import since, touched

        shown = touched(shown, since(diff_base, files), extents)
    if baseline is not None:
        from barrierlint.triage.baseline import compare, read

        compared = compare(shown, read(baseline))
        gone = () if diff_base is not None else compared.notifications  # a change shows a part of what there is
        shown, known, notes = compared.new, compared.known, (*notes, *gone)
    return Triaged(shown, parted.hidden, known, notes)
