"""The unit of each input: from the cache, or lowered anew in a process of its own.

What an entry was made from are the file, all it includes, where else the compiler would have looked for those, the
arguments, the models, and barrierlint itself; if any of it has changed the entry is not found. An input that breaks or
hangs its process comes back as a unit without functions, and a notification that says so. What it does not know:
headers that only a compiler of the machine's own would add.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from barrierlint.finding import Notification, Severity, Span
from barrierlint.inputs import Input
from barrierlint.linking import indexing
from barrierlint.linking.indexing import Files
from barrierlint.linking.losses import failure
from barrierlint.linking.modelled import Modelled
from barrierlint.linking.store import Store, digest

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from barrierlint.cfg.linkable import Unit
    from barrierlint.models import Models

Told = Callable[[str, int, int], None]
"""Hears of progress: what is done now, how much of it is done, and of how much (0: not known)."""

Workers = Callable[[], AbstractContextManager["Executor | None"]]
"""Gives an executor for as long as units are read; None: they are read in this process."""

_LISTS = 8
"""How many lists of included files are remembered of one file: as many branches can be switched between."""
_WHERE = ("-I", "-isystem", "-iquote", "-idirafter")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A unit, the digest of all it was made from, and its lines as `records` reads them."""

    unit: Unit
    digest: str
    lines: tuple[bytes, ...] = ()


class Loader:
    """Brings units of `inputs`, as `modelled` says: `keys` tells whether all are in the cache, `load` brings them."""

    def __init__(self, modelled: Modelled, store: Store, inputs: Sequence[Input]) -> None:
        self._modelled = modelled
        self._store = store
        self._inputs = inputs
        self._files = Files()
        self._base = digest(tool(), modelled.digest(self._files), os.getcwd())
        self._requests = {item: self._request(item) for item in inputs}
        self._keys: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._lines: dict[bytes, bytes] = {}  # of headers: the same for all that include them
        self._find()

    @property
    def keys(self) -> tuple[str, ...] | None:
        """The digests of all units, None if one is not known to be in the cache."""
        found = [self._keys.get(request, ("", ()))[0] for request in self._requests.values()]
        return tuple(found) if all(found) else None

    def load(self, workers: Workers, told: Told | None = None) -> list[Loaded]:
        """Return the unit of each input, in order; `workers` read those that are not in the cache."""
        loaded = {item: one for item in self._inputs if (one := self._kept(item)) is not None}
        missing = [item for item in self._inputs if item not in loaded]
        if missing:
            with workers() as executor:
                loaded.update(self._read(missing, executor, told))
            self._store.tidy()
            self._remember()
        return [loaded[item] for item in self._inputs]

    def _read(
        self, missing: Sequence[Input], executor: Executor | None, told: Told | None
    ) -> Iterator[tuple[Input, Loaded]]:
        """Read anew; the units come in order, whichever is done first."""
        started: dict[Input, Future[bytes]] = {}
        models = self._modelled.models
        if executor is not None:
            prepare()
            started = {item: executor.submit(work, item, models) for item in missing}
        for done, item in enumerate(missing):
            if told is not None:
                told(f"reading {os.path.basename(item.path)}", done, len(missing))
            future = started.pop(item, None)
            data, lost = _result(item, future) if future is not None else (work(item, models), None)
            yield item, self._made(item, data) if lost is None else self._lost(item, lost)

    def _find(self) -> None:
        """Find the keys of units: by what the last such run remembers, else by what each was made from before."""
        if self._store.folder is None:
            return
        index = indexing.read(self._store, list(self._requests.values()))
        self._files.learn(index.states)
        changed = {path for path, (_, known) in index.states.items() if self._files.digest(path) != known}
        for request in self._requests.values():
            known = index.keys.get(request)
            if known is None or not changed.isdisjoint(known[1]):
                known = self._listed(request)
            if known is not None:
                self._keys[request] = known
        if self._keys != index.keys or changed:
            self._remember()

    def _remember(self) -> None:
        """Keep what is known for the next run, where all of it is."""
        if self._keys.keys() >= set(self._requests.values()):
            indexing.write(self._store, self._keys, self._files)

    def _listed(self, request: str) -> tuple[str, tuple[str, ...]] | None:
        """The key of a unit that is in the cache, by a list of files it was once made from."""
        for names in self._lists(request):
            key = self._key(request, names)
            if self._store.has(key):
                return key, tuple(names)
        return None

    def _kept(self, item: Input) -> Loaded | None:
        """The unit from the cache, None if it is not there."""
        from barrierlint.linking.codec import CodecError

        key, _ = self._keys.get(self._requests[item], ("", ()))
        data = self._store.get(key) if key else None
        try:
            return self._loaded(key, data) if data is not None else None
        except CodecError:
            return None

    def _loaded(self, key: str, data: bytes) -> Loaded:
        from barrierlint.linking import records

        lines = tuple(self._lines.setdefault(line, line) for line in data.split(b"\n"))
        return Loaded(records.from_lines(lines), key, lines)

    def _made(self, item: Input, data: bytes) -> Loaded:
        """The unit that was read, which is kept."""
        from barrierlint.linking import records

        unit = records.from_bytes(data)
        request = self._requests[item]
        names = [item.path, *unit.includes, *would_hide(item, unit)]
        key = self._key(request, names)
        if not any(note.kind == "internal-error" for note in unit.notifications):
            self._store.put(key, data)
            lists = [names, *(one for one in self._lists(request) if one != names)][:_LISTS]
            self._store.put(request, json.dumps(lists).encode("utf-8", "surrogatepass"))
            self._keys[request] = (key, tuple(names))
        return self._loaded(key, data)

    def _lost(self, item: Input, lost: Notification) -> Loaded:
        from barrierlint.cfg.linkable import Unit

        return Loaded(Unit(item.path, "", {}, notifications=(lost,)), digest(self._base, item.path, lost.message))

    def _request(self, item: Input) -> str:
        return digest(self._base, item.path, *item.arguments, *(text for pair in item.unsaved for text in pair))

    def _lists(self, request: str) -> list[list[str]]:
        data = self._store.get(request)
        try:
            lists = json.loads(data) if data is not None else []
        except (ValueError, RecursionError):
            return []
        good = isinstance(lists, list) and all(isinstance(one, list) for one in lists)
        return lists if good and all(isinstance(name, str) for one in lists for name in one) else []

    def _key(self, request: str, names: Sequence[str]) -> str:
        return digest(request, *(part for name in names for part in (name, self._files.digest(name))))


def _result(item: Input, future: Future[bytes]) -> tuple[bytes, Notification | None]:
    """What a process gave, or how it ended without giving anything."""
    from barrierlint.linking.processes import Failed

    remedy = {
        "timeout": "raise --time-limit, or leave it out",
        "memory": "raise --memory-limit, or leave it out",
    }
    try:
        return future.result(), None
    except Failed as failure:
        text = f"{item.path}: could not be read: clang or barrierlint {failure.why}"
        text += f"; {remedy.get(failure.what, 'check the file and its flags; the other files were analysed')}"
        return b"", Notification(failure.what, text, Span(item.path, 1), True, Severity.ERROR)


def work(item: Input, models: Models) -> bytes:
    """Parse and lower one file; return its unit as bytes. This is what runs in a process of its own."""
    from barrierlint.linking import records

    return records.to_bytes(lowered(item, models))


def lowered(item: Input, models: Models) -> Unit:
    """Return the unit of one file; what fails is a unit without functions that says so."""
    from barrierlint import cfg, source
    from barrierlint.cfg.linkable import Unit

    try:
        return cfg.lower_unit(source.read(Path(item.path), item.arguments, unsaved=dict(item.unsaved)), models)
    except Exception as error:
        return Unit(item.path, "", {}, notifications=(failure(item.path, error),))


def prepare() -> None:
    """Load what every process needs, once and before they fork."""
    from barrierlint.cfg import program  # noqa: F401
    from barrierlint.source import parsing  # noqa: F401


def would_hide(item: Input, unit: Unit) -> Iterator[str]:
    """Yield the files that are not there and would be included if they were: in folders searched before those where a
    header was found, and anywhere where none was.
    """
    folders = search_path(item.arguments)
    places = [os.path.join(folder, "") for folder in folders]
    seen: set[str] = set()
    for name in unit.includes:
        at = next((number for number, place in enumerate(places) if name.startswith(place)), None)
        if at is not None:
            seen.update(os.path.join(folder, name[len(places[at]) :]) for folder in folders[:at])
    for note in unit.notifications:
        if note.kind == "missing-header" and "`" in note.message:
            name = note.message.split("`")[1]
            beside = os.path.dirname(note.span.path) if note.span else ""
            seen.update(os.path.join(folder, name) for folder in (beside, *folders))
    yield from sorted(seen)


def search_path(arguments: Sequence[str]) -> list[str]:
    """Return the folders that headers are searched in, in order."""
    found: list[str] = []
    words = iter(arguments)
    for word in words:
        option = next((one for one in _WHERE if word.startswith(one)), None)
        if option is not None:
            found.append(os.path.normpath(word[len(option) :] or next(words, ".")))
    return found


@cache
def tool() -> str:
    """Return a digest of barrierlint's own files and of its parser's library: by name, size and time."""
    found = find_spec("clang")
    folders = [
        os.path.dirname(os.path.dirname(__file__)),
        *((found.submodule_search_locations if found else None) or ()),
    ]
    return digest(*(part for folder in folders for part in sorted(_own_files(folder, ""))))


def _own_files(folder: str, inside: str) -> Iterator[str]:
    """Each file below `folder` that says what barrierlint does: name, size and time."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "__pycache__":
                    yield from _own_files(entry.path, f"{inside}{entry.name}/")
            elif entry.name.endswith((".py", ".yaml", ".h")) or entry.name.startswith("libclang"):
                one = entry.stat()
                yield f"{inside}{entry.name} {one.st_size} {one.st_mtime_ns}"
