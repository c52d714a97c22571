"""One root cause, one finding, across the programs of a run: headers and templates are seen from many units.

Findings of one rule on one write and one access are one; so are those of different programs that the same repair
cures. What it does not model: programs that share code under different paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from barrierlint.finding import Confidence, Finding

_CLEAREST = (Confidence.EXACT, Confidence.POSSIBLE, Confidence.BOUNDARY)


def folded(programs: Sequence[Iterable[Finding]]) -> tuple[Finding, ...]:
    """Merge the findings of all programs; counts and other places are kept."""
    kept: list[tuple[int, Finding]] = []
    ends: dict[object, int] = {}
    repairs: dict[object, int] = {}
    for number, findings in enumerate(programs):
        for finding in findings:
            end = (finding.rule, finding.confidence, finding.witness.write.span, finding.witness.access.span)
            cure = _cure(finding)
            at = ends.get(end)
            if at is None and cure is not None and cure in repairs and kept[repairs[cure]][0] != number:
                at = repairs[cure]
            if at is None:
                at = len(kept)
                kept.append((number, finding))
            else:
                kept[at] = (kept[at][0], _merged(kept[at][1], finding, ends.get(end) == at))
            ends.setdefault(end, at)
            if cure is not None:
                repairs.setdefault(cure, at)
    return tuple(finding for _, finding in kept)


def _cure(finding: Finding) -> object:
    """What its repair changes, None without one."""
    if finding.repair is None:
        return None
    return (finding.rule, tuple(edit for place in finding.repair.places for edit in place.edits))


def _merged(one: Finding, other: Finding, same_end: bool) -> Finding:
    """Two findings as the clearer of them; `same_end`: told in full, they would read alike."""
    clear, rest = sorted((one, other), key=lambda f: (_CLEAREST.index(f.confidence), len(f.witness.steps)))
    also = dict.fromkeys((*clear.also, *(() if same_end else (rest.witness.access,)), *rest.also))
    also.pop(clear.witness.access, None)
    return replace(clear, also=tuple(also), paths=max(one.paths, other.paths) if same_end else one.paths + other.paths)
