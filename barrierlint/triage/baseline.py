"""Baselines: the findings of a code base that are known and not to be shown again, by content fingerprint.

The file is JSON, sorted and one finding a line, so that it can be read and merged. Equal fingerprints are counted, not
numbered: functions may change places. What it does not survive: see `report.fingerprint`.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from barrierlint.finding import Finding, Notification, Severity
from barrierlint.frozen import dataclass
from barrierlint.inputs import InputError

VERSION = 1


@dataclass(frozen=True, slots=True)
class Known:
    """A baseline as read: how often each fingerprint occurs, and a line about each for reports."""

    counts: Counter[str]
    titles: dict[str, str]
    path: str


@dataclass(frozen=True, slots=True)
class Compared:
    """New findings and known ones, in the order given, and what there is to say of the baseline."""

    new: tuple[Finding, ...]
    known: tuple[Finding, ...]
    notifications: tuple[Notification, ...]


def render(findings: Iterable[Finding]) -> str:
    """The text of a baseline that knows `findings`."""
    entries = sorted(
        (
            {
                "fingerprint": content(finding),
                "rule": finding.rule,
                "path": finding.span.path.replace(os.sep, "/"),
                "message": finding.message,
            }
            for finding in findings
        ),
        key=lambda entry: (entry["path"], entry["rule"], entry["fingerprint"]),
    )
    lines = ",\n".join("  " + json.dumps(entry, ensure_ascii=True) for entry in entries)
    return f'{{\n "tool": "barrierlint",\n "version": {VERSION},\n "findings": [\n{lines}\n ]\n}}\n'


def read(path: str) -> Known:
    """Read a baseline. Raises InputError, one line with the place and the remedy."""
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the baseline {path}: {error.strerror}; --write-baseline makes one") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a baseline: it is no UTF-8 text; --write-baseline makes one") from error
    except (json.JSONDecodeError, RecursionError) as error:
        where = f":{error.lineno}:{error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InputError(f"{path}{where}: not a baseline: it is no JSON; --write-baseline makes one") from error
    if not isinstance(document, dict) or document.get("tool") != "barrierlint" or document.get("version") != VERSION:
        raise InputError(f"{path}: not a baseline of barrierlint, version {VERSION}; --write-baseline makes one")
    entries = document.get("findings")
    if not isinstance(entries, list):
        raise InputError(f"{path}: 'findings' is to be a list; --write-baseline makes the file anew")
    return _known(path, entries)


def _known(path: str, entries: Sequence[object]) -> Known:
    counts: Counter[str] = Counter()
    titles: dict[str, str] = {}
    for number, entry in enumerate(entries, 1):
        value = entry.get("fingerprint") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(value, str):
            raise InputError(f"{path}: entry {number} of 'findings' has no fingerprint; --write-baseline makes it anew")
        counts[value] += 1
        titles.setdefault(value, f"{entry.get('path', '?')}: {entry.get('rule', '?')} {entry.get('message', '')}")
    return Known(counts, titles, path)


def content(finding: Finding) -> str:
    """The fingerprint without its number among equal ones."""
    return finding.fingerprint.partition("-")[0]


def compare(findings: Sequence[Finding], known: Known) -> Compared:
    """Part `findings` into new and known ones; tell which known ones are gone."""
    left = known.counts.copy()
    new, old = [], []
    for finding in findings:
        value = content(finding)
        if left[value] > 0:
            left[value] -= 1
            old.append(finding)
        else:
            new.append(finding)
    gone = sorted(known.titles[value] for value, count in left.items() if count > 0)
    notes = [
        Notification("baseline", f"gone since {known.path} was written: {title}", severity=Severity.NOTE)
        for title in gone
    ]
    if gone:
        count = "1 finding that no longer occurs" if len(gone) == 1 else f"{len(gone)} findings that no longer occur"
        text = f"{known.path} knows {count} (-v lists them); --write-baseline renews it"
        notes.insert(0, Notification("stale-baseline", text))
    return Compared(tuple(new), tuple(old), tuple(notes))
