"""Findings suppressed by comments in the source (see `comments`), and what is wrong with such comments.

A finding is hidden where a comment speaks of the place it points at or of its write. A comment without a reason is
told, one that hides nothing as well, provided that its rules were asked for. What it does not do: hide what was lost.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from barrierlint.finding import Finding, Notification, RuleInfo, Severity, Span
from barrierlint.frozen import dataclass
from barrierlint.triage.comments import Remark, remarks

KIND = "suppression"


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Findings left and findings hidden, in the order given, and what there is to say of the comments."""

    kept: tuple[Finding, ...]
    hidden: tuple[Finding, ...]
    notifications: tuple[Notification, ...]


def suppress(
    findings: Sequence[Finding],
    files: Iterable[str],
    extents: Mapping[str, Collection[tuple[int, int]]],
    rules: Sequence[RuleInfo],
    selected: Collection[str],
) -> Suppressed:
    """Part `findings` by the comments of `files` and of the files the findings lie in.

    `extents` are the (first, last) lines of each file's functions; `rules` all rules there are, `selected` the ids
    asked for.
    """
    paths = dict.fromkeys((*files, *(span.path for finding in findings for span in _places(finding))))
    found = {path: tuple(remarks(path, _text(path))) for path in paths}
    used: set[Remark] = set()
    kept: list[Finding] = []
    hidden: list[Finding] = []
    for finding in findings:
        hiding = [r for span in _places(finding) for r in found[span.path] if _hides(r, finding, span, extents, rules)]
        used.update(hiding)
        (hidden if hiding else kept).append(finding)
    notes = [note for each in found.values() for remark in each for note in _told(remark, used, rules, selected)]
    return Suppressed(tuple(kept), tuple(hidden), tuple(notes))


def _places(finding: Finding) -> tuple[Span, ...]:
    return tuple(dict.fromkeys((finding.span, finding.witness.write.span)))


def _text(path: str) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8", "surrogateescape")
    except (OSError, ValueError):
        return ""


def _hides(
    remark: Remark,
    finding: Finding,
    span: Span,
    extents: Mapping[str, Collection[tuple[int, int]]],
    rules: Sequence[RuleInfo],
) -> bool:
    if finding.rule not in _named(remark, rules):
        return False
    match remark.scope:
        case "file":
            return True
        case "function":
            return any(first <= span.line <= last for first, last in _functions(remark, extents.get(span.path, ())))
    return span.line <= remark.line <= max(span.end_line, span.line)


def _functions(remark: Remark, extents: Collection[tuple[int, int]]) -> list[tuple[int, int]]:
    """The functions a remark speaks of: those around it, else the first that begins below it."""
    around = [(first, last) for first, last in extents if first <= remark.line <= last]
    below = sorted((first, last) for first, last in extents if first > remark.line)
    return around or [(remark.line, last) for first, last in below if first == below[0][0]]


def _named(remark: Remark, rules: Sequence[RuleInfo]) -> set[str]:
    """The ids of the rules that a remark names."""
    return {info.id for word in remark.rules for info in rules if is_named(info, word)}


def is_named(info: RuleInfo, word: str) -> bool:
    """Whether `word` names a rule: its id, a family (the beginning of ids), its name, or ALL."""
    return word.upper() == "ALL" or info.id.startswith(word.upper()) or info.name == word.lower()


def _told(
    remark: Remark, used: Collection[Remark], rules: Sequence[RuleInfo], selected: Collection[str]
) -> Iterator[Notification]:
    if remark.problem:
        yield Notification(KIND, remark.problem, remark.span)
        return
    unknown = [word for word in remark.rules if not any(is_named(info, word) for info in rules)]
    for word in unknown:
        from difflib import get_close_matches

        near = get_close_matches(word.upper(), [info.id for info in rules], 1, 0.6)
        yield Notification(KIND, f"unknown rule '{word}'" + (f": did you mean {near[0]}?" if near else ""), remark.span)
    if remark not in used and not unknown and _named(remark, rules) & set(selected):
        yield Notification(KIND, f"hides nothing: no finding of {', '.join(remark.rules)} here; remove it", remark.span)
    elif not remark.reason and not unknown:
        yield Notification(KIND, "give a reason behind the brackets", remark.span, severity=Severity.NOTE)
