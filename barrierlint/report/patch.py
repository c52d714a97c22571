"""Repairs as a patch, and repairs made: the edits of all findings by file, as `git apply` takes them or written.

Findings that want the same line in the same place get it once. Paths in a patch are relative to the root of the
repository (the working directory where there is none); what lies outside is left alone, and said. What it does not do:
merge repairs that overlap otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from difflib import unified_diff
from pathlib import Path

from barrierlint.finding import Edit, Finding, Repair
from barrierlint.frozen import dataclass
from barrierlint.report.edits import applied
from barrierlint.report.file import replace_bytes


@dataclass(frozen=True, slots=True)
class Change:
    """What repairs make of one file: its text before and after, and the findings (by fingerprint) that it cures."""

    path: str
    before: bytes
    after: bytes
    cures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of all files, in order of path, and what could not be changed and why, a line each."""

    files: tuple[Change, ...]
    refused: tuple[str, ...] = ()


def changes(findings: Sequence[Finding], since: float | None = None) -> Changes:
    """Gather the edits of the findings' repairs; files changed after `since` (a time) are refused."""
    edits: dict[str, dict[Edit, None]] = {}
    cures: dict[str, dict[str, None]] = {}
    refused = [_unrepaired(finding) for finding in findings if finding.repair is None or not finding.repair.edits]
    for finding in findings:
        for place in finding.repair.places if finding.repair else ():
            for edit in place.edits:
                edits.setdefault(edit.span.path, {}).setdefault(edit)
                cures.setdefault(edit.span.path, {}).setdefault(finding.fingerprint)
    made: list[Change] = []
    root = _root()
    for path in sorted(edits):
        problem = _problem(path, root, since)
        if problem:
            refused.append(f"{path}: {problem}")
            continue
        before = Path(path).read_bytes()
        made.append(Change(path, before, applied(before, _merged(edits[path])), tuple(cures[path])))
    return Changes(tuple(made), tuple(refused))


def _unrepaired(finding: Finding) -> str:
    why = finding.unrepaired or "its repair is not one that can be inserted"
    return f"{finding.span.path}:{finding.span.line}: {finding.rule} {finding.fingerprint} is left: {why}"


def _problem(path: str, root: Path, since: float | None) -> str:
    """Why a file must not be changed; "" if it may."""
    real = Path(os.path.realpath(path))
    if not real.is_relative_to(root):
        return f"left as it is: it lies outside of {root}"
    try:
        changed = real.stat().st_mtime
    except OSError as error:
        return f"left as it is: {error.strerror}"
    return "left as it is: it changed while it was analysed" if since is not None and changed > since else ""


def _merged(edits: Iterable[Edit]) -> list[Edit]:
    """The edits without insertions that a longer one at the same place contains."""
    every = list(edits)

    def is_said(edit: Edit) -> bool:
        return any(
            other is not edit
            and other.span == edit.span
            and len(other.text) > len(edit.text)
            and other.text.endswith(edit.text)
            for other in every
        )

    return [edit for edit in every if not is_said(edit)]


def _root() -> Path:
    """The root of the repository that the working directory is in; the working directory without one."""
    here = Path(os.path.realpath("."))
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)


def unified(made: Changes) -> str:
    """Return the changes as one patch; bytes that are not UTF-8 are surrogates."""
    root = _root()
    return "".join(_file(change, root) for change in made.files if change.before != change.after)


def _file(change: Change, root: Path) -> str:
    name = os.path.relpath(os.path.realpath(change.path), root).replace(os.sep, "/")
    old, new = _lines(change.before), _lines(change.after)
    hunks = list(unified_diff(old, new, "", "", n=3))[2:]
    head = f"--- {_quoted(f'a/{name}')}\n+++ {_quoted(f'b/{name}')}\n"
    return head + "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in hunks)


def _lines(data: bytes) -> list[str]:
    text = data.decode("utf-8", "surrogateescape")
    return [line + "\n" for line in text.split("\n")[:-1]] + ([text.rpartition("\n")[2]] if text[-1:] != "\n" else [])


def _quoted(name: str) -> str:
    """A file's name as git writes it: in quotes with escapes if it holds what is not plain, with a tab after blanks."""
    raw = os.fsencode(name)
    if all(32 <= byte < 127 and byte not in b'"\\' for byte in raw):
        return name + ("\t" if " " in name else "")
    escapes = {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 92: "\\\\"}
    shown = (escapes.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in raw)
    return '"' + "".join(shown) + '"'


def write(made: Changes) -> None:
    """Write every changed file, each whole or not at all; what a file is in the meantime is never overwritten.

    Raises OSError, with the files written so far put back.
    """
    done: list[Change] = []
    try:
        for change in made.files:
            if Path(change.path).read_bytes() != change.before:
                raise OSError(0, "it changed meanwhile", change.path)
            replace_bytes(os.path.realpath(change.path), change.after)
            done.append(change)
    except OSError:
        undo(done)
        raise


def undo(done: Iterable[Change]) -> None:
    """Put files back to what they were, unless somebody else changed them since."""
    for change in done:
        if Path(change.path).read_bytes() == change.after:
            replace_bytes(os.path.realpath(change.path), change.before)


def told(repair: Repair) -> str:
    """Return the places of a repair: `file:line` each."""
    return ", ".join(f"{place.at.path}:{place.at.line}" for place in repair.places)
