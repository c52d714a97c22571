"""What a run remembers of its files, so that the next one reads none that has not changed: of each its size, times and
digest, and of each unit which files it was made from.

A file counts as unchanged where size, inode and both times are those seen with its digest, unless it was written so
shortly before that a second write might not show (git's rule for its index). The entry saves time only: keys found
through it are those that would be found without. What it does not do: watch files.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from barrierlint.linking.store import Store, digest

_RACY = 2_000_000_000
"""Nanoseconds within which two writes may have one time."""

State = list[int]
"""Size, inode, and times of change of the contents and of the inode, in nanoseconds; empty: no such file."""


class Files:
    """Digests of files, each read at most once a run, and not at all where `known` tells its state."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self.states: dict[str, tuple[State, str]] = {}

    def learn(self, states: Mapping[str, tuple[State, str]]) -> None:
        """Take digests from an earlier run for files whose state is as it was."""
        for path, (state, found) in states.items():
            if path not in self._known and _state(path) == state:
                self._known[path] = found
                self.states[path] = (state, found)

    def digest(self, path: str) -> str:
        """Return the digest of a file's contents, "" if it cannot be read."""
        known = self._known.get(path)
        if known is None:
            state = _state(path)
            known = self._known[path] = _digest(path) if state else ""
            if _is_settled(state):
                self.states[path] = (state, known)
        return known


def _state(path: str) -> State:
    try:
        one = os.stat(path)
    except (OSError, ValueError):
        return []
    return [one.st_size, one.st_ino, one.st_mtime_ns, one.st_ctime_ns]


def _is_settled(state: State) -> bool:
    return not state or max(state[2:]) + _RACY < time.time_ns()


def _digest(path: str) -> str:
    try:
        return digest(Path(path).read_bytes())
    except (OSError, ValueError):
        return ""


@dataclass(slots=True)
class Index:
    """The key of each unit by its request and the files it was made from, the states of these, and outlines."""

    keys: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    states: dict[str, tuple[State, str]] = field(default_factory=dict)
    outlines: dict[str, str] = field(default_factory=dict)


def read(store: Store, requests: Sequence[str]) -> Index:
    """Return what a run with the same requests remembered, an empty index if there is none."""
    data = store.get(_name(requests))
    try:
        return _index(json.loads(data)) if data is not None else Index()
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return Index()


def _index(body: object) -> Index:
    if not isinstance(body, dict):
        raise TypeError
    rows = [(str(path), [int(part) for part in state], str(found)) for path, state, found in body["files"]]
    units = {
        str(request): (str(key), tuple(rows[number][0] for number in numbers))
        for request, (key, numbers) in body["units"].items()
    }
    outlines = {str(request): str(line) for request, line in body["outlines"].items()}
    return Index(units, {path: (state, found) for path, state, found in rows}, outlines)


def write(
    store: Store,
    keys: Mapping[str, tuple[str, tuple[str, ...]]],
    files: Files,
    outlines: Mapping[str, str] | None = None,
) -> None:
    """Remember the keys of a run, the files behind them and the units' outlines for the next one."""
    paths = {path: number for number, path in enumerate(dict.fromkeys(p for _, ps in keys.values() for p in ps))}
    rows = [(path, files.states[path][0] if path in files.states else [-1], files.digest(path)) for path in paths]
    units = {request: (key, [paths[path] for path in names]) for request, (key, names) in keys.items()}
    text = json.dumps({"files": rows, "units": units, "outlines": dict(outlines or {})}, separators=(",", ":"))
    store.put(_name(list(keys)), text.encode("utf-8", "surrogatepass"))


def _name(requests: Sequence[str]) -> str:
    return digest("index", *sorted(requests))
