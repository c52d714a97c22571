"""Fingerprints of findings: equal as long as the defect is the same, whatever happens around it.

Two are made. `fingerprint` is barrierlint's own, from the rule, the functions and the text of the write and of the
access: inserted lines, new indentation and renamed files keep it. `line_hashes` are GitHub's `primaryLocationLineHash`,
so that code scanning recognises an alert. What they do not survive: a renamed function, an edited write or access.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from hashlib import sha256
from itertools import accumulate
from pathlib import Path

from barrierlint.finding import Finding, WitnessStep
from barrierlint.report.lines import line_bytes

WINDOW = 100
_BASE = 37
_END = 0xFFFF
_MASK = (1 << 64) - 1


def with_fingerprints(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings with `fingerprint` filled in; equal ones are numbered in order: `…`, `…-2`, `…-3`."""
    seen: Counter[str] = Counter()
    out: list[Finding] = []
    for finding in findings:
        value = fingerprint(finding)
        seen[value] += 1
        out.append(replace(finding, fingerprint=value if seen[value] == 1 else f"{value}-{seen[value]}"))
    return tuple(out)


def fingerprint(finding: Finding) -> str:
    """Return 16 hexadecimal digits made from what is defective, not from where it stands."""
    steps = (finding.witness.write, finding.witness.access)
    parts = [finding.rule, finding.confidence.value]
    for step in steps:
        parts += [bare_name(step.function), _text(step)]
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def bare_name(qualified: str) -> str:
    """Return a qualified name without template arguments: instantiations of one template are one place."""
    previous = ""
    while previous != qualified:
        previous, qualified = qualified, re.sub(r"(?<!operator)<[^<>]*>", "", qualified)
    return qualified


def _text(step: WitnessStep) -> str:
    """The words of the step's source line, comments and blanks left out."""
    raw = line_bytes(step.span.path, step.span.line)
    if raw is None:
        return step.note
    text = re.sub(r"//.*$|/\*.*?(\*/|$)", "", raw.decode("utf-8", "replace"))
    return "".join(text.split())


@cache
def line_hashes(path: str) -> tuple[str, ...]:
    """Return GitHub's hash of each line of `path` (empty where it cannot be read).

    The rolling hash of codeql-action's `fingerprints.ts`: the 100 characters from the line's start, blanks and tabs
    skipped, line ends as LF, in base 37 modulo 2**64; equal hashes of a file are numbered `:1`, `:2`, ….
    """
    try:
        text = Path(path).read_bytes().decode("utf-8", "replace")
    except (OSError, ValueError):
        return ()
    return hashes_of(text)


def hashes_of(text: str) -> tuple[str, ...]:
    """Return `line_hashes` of a file that holds `text`."""
    kept = text.replace("\r\n", "\n").replace("\r", "\n").replace(" ", "").replace("\t", "")
    units = array("H", kept.encode("utf-16-le", "surrogatepass"))
    units.append(_END)
    starts = [0] + [at + 1 for at, unit in enumerate(units) if unit == 10]
    units.extend([0] * WINDOW)
    prefix = list(accumulate(units, lambda value, unit: (value * _BASE + unit) & _MASK, initial=0))
    top = pow(_BASE, WINDOW, 1 << 64)
    seen: Counter[str] = Counter()
    out: list[str] = []
    for start in starts:
        value = f"{(prefix[start + WINDOW] - prefix[start] * top) & _MASK:x}"
        seen[value] += 1
        out.append(f"{value}:{seen[value]}")
    return tuple(out)
