"""The report for people, in the manner of rustc: what is wrong, where, the path to it, the proof, the repair.

`render` returns the whole report; nothing in it can steer a terminal but the colours asked for. What it does not show
unless `verbose`: refuted findings and notes of no consequence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import field

from barrierlint.finding import Finding, Notification, Report, RuleInfo, Severity, Verdict
from barrierlint.frozen import dataclass
from barrierlint.report import defect
from barrierlint.report.defect import plural
from barrierlint.report.lines import printable
from barrierlint.report.snippet import place
from barrierlint.report.style import Style

MAX_ALIKE = 3
"""Notifications of one kind shown one by one; the rest are counted."""

_SAID = {"assembly", "empty-file", "other-architecture", "screened"}
"""Notes shown without being asked for: they explain why nothing was found."""


@dataclass(frozen=True, slots=True)
class View:
    """How the text report is set: colours, detail, and columns for tables. `quiet` leaves one line a finding."""

    style: Style = field(default_factory=Style)
    verbose: bool = False
    quiet: bool = False
    columns: int = 120
    statistics: bool = False


def render(report: Report, rules: Mapping[str, RuleInfo], view: View | None = None) -> str:
    """Return the report with a closing line; `rules` by id give the findings' names."""
    view = view or View()
    if view.quiet:
        lost = (_notification(note, view) for note in report.notifications if note.lost)
        return "".join(line + "\n" for line in (*map(defect.summary, report.findings), *lost))
    parts = [defect.render(found, rules, view.style, view.verbose, view.columns) + "\n" for found in report.findings]
    if view.verbose:
        parts += [_refuted(found, rules, view) for found in report.refuted]
    parts += _notifications(report.notifications, view)
    parts += _statistics(report, rules) if view.statistics else ()
    return "".join(part + "\n" for part in (*parts, closing(report)))


def _statistics(report: Report, rules: Mapping[str, RuleInfo]) -> Iterator[str]:
    """How many findings each rule has, most first: shown, confirmed, and those not shown."""
    shown = Counter(found.rule for found in report.findings)
    proved = Counter(found.rule for found in report.findings if found.confirmation.verdict is Verdict.CONFIRMED)
    hidden = {
        "refuted": Counter(found.rule for found in report.refuted),
        "suppressed": Counter(found.rule for found in report.suppressed),
        "known": Counter(found.rule for found in report.known),
    }
    every = sorted({*shown, *(rule for counts in hidden.values() for rule in counts)}, key=lambda id: (-shown[id], id))
    for rule in every:
        rest = "".join(f", {counts[rule]} {why}" for why, counts in hidden.items() if counts[rule])
        yield f"{shown[rule]:>5}  {defect.rule_title(rule, rules)} ({proved[rule]} confirmed{rest})"


def closing(report: Report) -> str:
    """Return the last line: counts of findings, functions, files and of what was not analysed."""
    count = Counter(found.severity for found in report.findings)
    levels = ", ".join(plural(count[severity], severity.value) for severity in Severity if count[severity])
    confirmed = sum(found.confirmation.verdict is Verdict.CONFIRMED for found in report.findings)
    line = levels or "no findings"
    if confirmed:
        line += f" ({confirmed} confirmed by simulation)"
    line += f" in {plural(report.functions, 'function')} of {plural(report.files, 'file')}"
    if report.refuted:
        line += f"; {plural(len(report.refuted), 'suspicion')} refuted by simulation"
    hidden = [(report.suppressed, "suppressed in the source"), (report.known, "known from the baseline")]
    line += "".join(f"; {plural(len(found), 'finding')} {why}" for found, why in hidden if found)
    lost = sum(note.lost for note in report.notifications)
    return line + (f"; {plural(lost, 'part')} of the input not analysed" if lost else "")


def _refuted(finding: Finding, rules: Mapping[str, RuleInfo], view: View) -> str:
    """A finding the simulation contradicts: one line and the reason."""
    name = defect.rule_title(finding.rule, rules)
    answer = defect.simulation_sentence(finding.confirmation)
    return (
        f"{view.style.paint('dim', f'refuted[{name}]')}: {place(finding.span)}: {printable(finding.message)}: {answer}"
    )


def _notifications(notes: tuple[Notification, ...], view: View) -> Iterator[str]:
    """What was not analysed: all that was lost, a few of each other kind, the rest counted; notes only if verbose."""
    shown: Counter[str] = Counter()
    hidden: Counter[str] = Counter()
    for note in sorted(notes, key=lambda note: not note.lost):
        quiet = note.severity is Severity.NOTE and note.kind not in _SAID
        known = quiet or shown[note.kind] >= MAX_ALIKE
        if known and not note.lost and not view.verbose:
            hidden[note.kind] += 1
        else:
            shown[note.kind] += 1
            yield _notification(note, view)
    if hidden:
        counted = ", ".join(f"{count} {kind}" for kind, count in sorted(hidden.items()))
        yield view.style.paint("dim", f"note: {plural(sum(hidden.values()), 'more note')} (-v shows them): {counted}")


def _notification(note: Notification, view: View) -> str:
    where = f"{place(note.span)}: " if note.span else ""
    level = Severity.ERROR if note.lost else note.severity
    return f"{where}{view.style.paint(level.value, level.value)}[{note.kind}]: {printable(note.message)}"
