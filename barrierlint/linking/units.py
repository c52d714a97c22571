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
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from barrierlint.cfg.linkable import Unit
from barrierlint.finding import Notification, Severity, Span
from barrierlint.inputs import Input
from barrierlint.linking import codec, records
from barrierlint.linking.losses import failure
from barrierlint.linking.store import Store, digest

if TYPE_CHECKING:
    from barrierlint.models import Models

Told = Callable[[str, int, int], None]
"""Hears of progress: what is done now, how much of it is done, and of how much (0: not known)."""

_LISTS = 8
"""How many lists of included files are remembered of one file: as many branches can be switched between."""
_WHERE = ("-I", "-isystem", "-iquote", "-idirafter")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A unit, the digest of all it was made from, and its bytes."""

    unit: Unit
    digest: str
    data: bytes = b""


class Files:
    """Digests of files, each read once a run."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def digest(self, path: str) -> str:
        """Return the digest of a file's contents, "" if it cannot be read."""
        known = self._known.get(path)
        if known is None:
            try:
                known = digest(Path(path).read_bytes())
            except OSError:
                known = ""
            self._known[path] = known
        return known


class Loader:
    """Brings units: `start` all of them, then ask for each; the order they are asked for in does not matter."""

    def __init__(
        self,
        models: Models,
        store: Store,
        executor: Executor | None,
        told: Told | None = None,
    ) -> None:
        self._told = told
        self._models = models
        self._store = store
        self._executor = executor
        self._files = Files()
        self._base = digest(tool(), models_digest(models, self._files), os.getcwd())
        self._loaded: dict[Input, Loaded] = {}
        self._started: dict[Input, Future[bytes]] = {}

    def load(self, inputs: Sequence[Input]) -> list[Loaded]:
        """Return the unit of each of `inputs`, in their order."""
        missing = [item for item in inputs if item not in self._loaded and not self._find(item)]
        if missing and self._executor is not None:
            _prepare()
            self._started.update({item: self._executor.submit(work, item, self._models) for item in missing})
        for done, item in enumerate(missing):
            if self._told is not None:
                self._told(f"reading {os.path.basename(item.path)}", done, len(missing))
            self._loaded[item] = self._made(item)
        if missing:
            self._store.tidy()
        return [self._loaded[item] for item in inputs]

    def _find(self, item: Input) -> bool:
        """Take the unit from the cache, if it is there."""
        request = self._request(item)
        for names in self._lists(request):
            key = self._key(request, names)
            data = self._store.get(key)
            if data is None:
                continue
            try:
                self._loaded[item] = Loaded(records.from_bytes(data), key, data)
            except codec.CodecError:
                continue
            return True
        return False

    def _made(self, item: Input) -> Loaded:
        """Wait for the unit, and keep it."""
        future = self._started.pop(item, None)
        data, lost = _result(item, future) if future is not None else (work(item, self._models), None)
        if lost is not None:
            return Loaded(Unit(item.path, "", {}, notifications=(lost,)), digest(self._base, item.path, lost.message))
        unit = records.from_bytes(data)
        request = self._request(item)
        names = [item.path, *unit.includes, *would_hide(item, unit)]
        key = self._key(request, names)
        if not any(note.kind == "internal-error" for note in unit.notifications):
            self._store.put(key, data)
            lists = [names, *(one for one in self._lists(request) if one != names)][:_LISTS]
            self._store.put(request, json.dumps(lists).encode("utf-8", "surrogatepass"))
        return Loaded(unit, key, data)

    def _request(self, item: Input) -> str:
        return digest(self._base, item.path, *item.arguments, *(text for pair in item.unsaved for text in pair))

    def _lists(self, request: str) -> list[list[str]]:
        data = self._store.get(request)
        try:
            lists = json.loads(data) if data is not None else []
        except ValueError:
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
    return records.to_bytes(lowered(item, models))


def lowered(item: Input, models: Models) -> Unit:
    """Return the unit of one file; what fails is a unit without functions that says so."""
    from barrierlint import cfg, source

    try:
        return cfg.lower_unit(source.read(Path(item.path), item.arguments, unsaved=dict(item.unsaved)), models)
    except Exception as error:
        return Unit(item.path, "", {}, notifications=(failure(item.path, error),))


def _prepare() -> None:
    """Load what every process needs, once and before they fork."""
    from barrierlint import cfg  # noqa: F401
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
    root = Path(__file__).parents[1]
    found = find_spec("clang")
    folders = (found.submodule_search_locations if found else None) or ()
    library = [path for folder in folders for path in Path(folder).rglob("libclang*")]
    files = [*root.rglob("*.py"), *root.rglob("*.yaml"), *root.glob("source/include/**/*.h"), *library]
    stats = ((os.path.relpath(path, root), path.stat()) for path in sorted(files))
    return digest(*(f"{name} {one.st_size} {one.st_mtime_ns}" for name, one in stats))


def models_digest(models: Models, files: Files) -> str:
    """Return a digest of the models in use."""
    return digest(*(part for one in models.models for part in (one.name, files.digest(one.path))))
