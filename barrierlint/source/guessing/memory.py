"""What was guessed before: one small file for each source, used again while nothing that it rests on has changed.

It rests on the arguments, on this version, and on the size and time of every file that was read. What cannot be read,
is damaged, or leads out of the tree counts as nothing remembered; what cannot be written is not.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

from barrierlint import __version__
from barrierlint.source.guessing.diagnosis import Diagnosis
from barrierlint.source.guessing.guess import FLAG, VERSION, Guess, Macro
from barrierlint.source.guessing.tree import Tree

FOLDER = os.path.join(".barrierlint-cache", "guesses")


def recall(tree: Tree, file: str, base: Sequence[str]) -> Guess | None:
    """Return what was guessed for `file` under `base`, None if that is not known or no longer holds."""
    try:
        with open(_place(tree, file, base), encoding="utf-8") as stored:
            entry = json.load(stored)
        guess = _guess(tree, entry["guess"])
        return guess if entry["rests_on"] == _state(tree, entry["files"]) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def remember(tree: Tree, file: str, base: Sequence[str], guess: Guess, seen: Diagnosis) -> None:
    """Store what was guessed for `file`; `seen` names the files that were read under it."""
    inside = (tree.relative(path) for path in seen.included)
    files = sorted({path for path in (tree.relative(file), *inside) if path and os.path.isfile(tree.absolute(path))})
    entry = {"guess": json.loads(guess.dump()), "files": files, "rests_on": _state(tree, files)}
    place = _place(tree, file, base)
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(place), exist_ok=True)
        _ignored(os.path.dirname(FOLDER))
        _write(place, json.dumps(entry))


def _place(tree: Tree, file: str, base: Sequence[str]) -> str:
    key = "\0".join((__version__, str(VERSION), tree.root, os.path.realpath(file), *base))
    return os.path.join(FOLDER, hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:24] + ".json")


def _ignored(folder: str) -> None:
    """Keep the cache out of version control, as other tools' caches keep themselves."""
    place = os.path.join(folder, ".gitignore")
    if not os.path.exists(place):
        _write(place, "*\n")


def _write(place: str, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=os.path.dirname(place), prefix=".guess")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        os.replace(name, place)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _state(tree: Tree, files: Iterable[str]) -> str:
    """One word that changes with the size or time of any of `files`."""
    digest = hashlib.sha256()
    for path in files:
        try:
            status = os.stat(tree.absolute(path))
            digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
        except OSError:
            digest.update(f"{path}\0gone\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _guess(tree: Tree, parts: dict[str, Any]) -> Guess:
    """The guess that `parts` say; raises ValueError where it would lead out of the tree, or is of another shape."""
    if parts["version"] != VERSION:
        raise ValueError("another version")
    maps = {key: _strings(parts[key]) for key in ("includes", "forced", "stubs", "borrowed", "declarations", "flags")}
    for path in (*maps["includes"], *maps["forced"], *maps["borrowed"].values()):
        if not path.startswith("<") and tree.relative(tree.absolute(path)) is None:
            raise ValueError("outside of the tree")
    if not all(FLAG.fullmatch(flag) for flag in maps["flags"]):
        raise ValueError("not a flag of the language")
    macros = [Macro(*one) for one in parts["macros"]]
    return Guess(**maps, macros={one.name: one for one in macros}, needs_host=bool(parts["needs_host"]))


def _strings(found: object) -> dict[str, str]:
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError("not a mapping of text")
    return found
