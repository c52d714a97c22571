"""What a change touches: lines that differ from a revision of git, so that a review sees only findings of its own.

A finding is the change's if a line of its path is new, or if something was deleted in a function its path runs
through (a barrier, perhaps). git is asked with everything that could run code of the repository switched off. What it
does not do: follow a path into files that git does not track; those count as new.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field

from barrierlint.finding import Finding, WitnessStep
from barrierlint.frozen import dataclass
from barrierlint.inputs import InputError

_HUNK = re.compile(r"^@@ -\d+(?:,(?P<old>\d+))? \+(?P<start>\d+)(?:,(?P<count>\d+))? @@")
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false")
_SECONDS = 60
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


@dataclass(frozen=True, slots=True)
class Changed:
    """Of one file: the ranges (first, last) of new lines, and the lines after which lines were deleted."""

    added: tuple[tuple[int, int], ...] = ()
    deleted: tuple[int, ...] = ()
    whole: bool = False


@dataclass(slots=True)
class Changes:
    """Differences by real path; a file that is not there did not change."""

    files: dict[str, Changed] = field(default_factory=dict)

    def of(self, path: str) -> Changed | None:
        """What changed in a file."""
        return self.files.get(os.path.realpath(path))


def since(revision: str, paths: Iterable[str]) -> Changes:
    """The differences of the work tree from `revision`, in every repository that holds one of `paths`.

    Raises InputError where git cannot tell.
    """
    folders = {_folder(path) for path in paths}
    tops = sorted({_git(folder, revision, "rev-parse", "--show-toplevel").strip() for folder in folders})
    changes = Changes()
    for top in tops:
        commit = _git(top, revision, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        diff = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "-U0", "--src-prefix=a/")
        _read(changes, top, _git(top, revision, *diff, "--dst-prefix=b/", commit.strip(), "--"))
        new = _git(top, revision, "ls-files", "--others", "--exclude-standard", "-z")
        changes.files.update(
            {os.path.realpath(os.path.join(top, name)): Changed(whole=True) for name in new.split("\0") if name}
        )
    return changes


def _folder(path: str) -> str:
    real = os.path.realpath(path)
    return real if os.path.isdir(real) else os.path.dirname(real)


def _git(folder: str, revision: str, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", *_SAFE, "-C", folder, *words],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise InputError("--diff-base needs git, which is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise InputError(f"--diff-base {revision}: git did not answer in {_SECONDS} s") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = said[-1] if said else "no such revision (a shallow clone may lack it: fetch it first)"
        raise InputError(f"--diff-base {revision}: {why}")
    return done.stdout.decode("utf-8", "surrogateescape")


def _read(changes: Changes, top: str, diff: str) -> None:
    """Add a unified diff without context to `changes`."""
    path = ""
    left = 0
    for line in diff.split("\n"):
        if left > 0 and line[:1] in ("+", "-"):
            left -= 1
        elif line.startswith("+++ "):
            name = line[4:].rstrip("\t")
            named = name != "/dev/null" and "\0" not in _unquoted(name)
            path = os.path.realpath(os.path.join(top, _unquoted(name)[2:])) if named else ""
        elif hunk := _HUNK.match(line):
            old, count = (int(hunk[group] or "1") if hunk[group] != "0" else 0 for group in ("old", "count"))
            left = old + count
            if path:
                _add(changes, path, int(hunk["start"]), count, old)


def _add(changes: Changes, path: str, start: int, count: int, old: int) -> None:
    before = changes.files.get(path, Changed())
    added = (*before.added, (start, start + count - 1)) if count else before.added
    deleted = (*before.deleted, start) if old > count else before.deleted
    changes.files[path] = Changed(added, deleted)


def _unquoted(name: str) -> str:
    """A path as git prints it: in quotes with escapes where it holds odd characters."""
    if not name.startswith('"'):
        return name
    raw = re.sub(rb"\\([0-7]{3}|.)", _character, name.strip('"').encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "surrogateescape")


def _character(escape: re.Match[bytes]) -> bytes:
    word = escape[1]
    return bytes([int(word, 8) & 0xFF]) if len(word) == 3 else _ESCAPES.get(word, word)


def touched(
    findings: Sequence[Finding], changes: Changes, extents: Mapping[str, Collection[tuple[int, int]]]
) -> tuple[Finding, ...]:
    """The findings that are the change's."""
    return tuple(f for f in findings if any(_is_changed(step, changes, extents) for step in f.witness.steps))


def _is_changed(step: WitnessStep, changes: Changes, extents: Mapping[str, Collection[tuple[int, int]]]) -> bool:
    changed = changes.of(step.span.path)
    if changed is None:
        return False
    line, last = step.span.line, max(step.span.end_line, step.span.line)
    if changed.whole or any(first <= last and line <= end for first, end in changed.added):
        return True
    around = [(first, end) for first, end in extents.get(step.span.path, ()) if first <= line <= end]
    return any(first <= at <= end for first, end in around for at in changed.deleted)
