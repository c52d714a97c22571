"""What was guessed before: one small file for each source, used again while nothing that it rests on has changed.

It rests on the arguments, on this version, and on the size and time of every file that was read. What cannot be read,
is damaged, or leads out of the tree counts as nothing remembered; what cannot be written is not.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from barrierlint import __version__
from barrierlint.source.guessing.guess import VERSION, Guess, loaded

if TYPE_CHECKING:
    from barrierlint.source.guessing.diagnosis import Diagnosis
    from barrierlint.source.guessing.tree import Tree

FOLDER = "guesses"
"""The folder in the cache."""


def recall(folder: str, root: str, file: str, facts: Sequence[str]) -> Guess | None:
    """Return what was guessed for `file` from `facts`, None if that is not known or no longer holds."""
    try:
        with open(_place(folder, root, file, facts), encoding="utf-8") as stored:
            entry = json.load(stored)
        guess = _inside(root, loaded(entry["guess"]))
        return guess if entry["rests_on"] == _state(root, entry["files"]) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def remember(folder: str, tree: Tree, file: str, facts: Sequence[str], guess: Guess, seen: Diagnosis) -> None:
    """Store what was guessed for `file`; `seen` names the files that were read under it."""
    inside = (*(tree.relative(path) for path in seen.included), *guess.borrowed.values())
    files = sorted({path for path in (tree.relative(file), *inside) if path and os.path.isfile(tree.absolute(path))})
    entry = {"guess": guess.dump(), "files": files, "rests_on": _state(tree.root, files)}
    place = _place(folder, tree.root, file, facts)
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(place), exist_ok=True)
        _write(place, json.dumps(entry))


def _place(folder: str, root: str, file: str, facts: Sequence[str]) -> str:
    key = "\0".join((__version__, str(VERSION), root, os.path.realpath(file), *facts))
    return os.path.join(
        folder, FOLDER, hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:24] + ".json"
    )


def _write(place: str, text: str) -> None:
    import tempfile

    handle, name = tempfile.mkstemp(dir=os.path.dirname(place), prefix=".guess")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        os.replace(name, place)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _state(root: str, files: Iterable[str]) -> str:
    """One word that changes with the size or time of any of `files`."""
    digest = hashlib.sha256()
    for path in files:
        try:
            status = os.stat(os.path.join(root, path))
            digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
        except OSError:
            digest.update(f"{path}\0gone\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _inside(root: str, guess: Guess) -> Guess:
    """`guess`; raises ValueError where it would lead out of the tree."""
    for path in (*guess.includes, *guess.forced, *guess.borrowed.values()):
        real = os.path.realpath(os.path.join(root, path))
        if not path.startswith("<") and real != root and not real.startswith(root.rstrip(os.sep) + os.sep):
            raise ValueError("outside of the tree")
    return guess
