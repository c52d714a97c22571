"""The unit of each input: from the cache, or lowered anew in a process of its own.

What an entry was made from are the file, all it includes, where else the compiler would have looked for those, the
arguments, the models, and barrierlint itself; if any of it has changed the entry is not found. An input that breaks or
hangs its process comes back as a unit without functions, and a notification that says so. What it does not know:
headers that only a compiler of the machine's own would add.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from barrierlint.finding import Notification, Severity, Span
from barrierlint.frozen import dataclass
from barrierlint.inputs import Input, suffix
from barrierlint.linking import indexing
from barrierlint.linking.indexing import Files
from barrierlint.linking.losses import failure
from barrierlint.linking.modelled import Modelled
from barrierlint.linking.store import Store, digest
from barrierlint.source.lines import SUFFIXES as ASSEMBLY

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from barrierlint.cfg.linkable import Unit
    from barrierlint.linking.outline import Outline
    from barrierlint.models import Models

Told = Callable[[str, int, int], None]
"""Hears of progress: what is done now, how much of it is done, and of how much (0: not known)."""

Workers = Callable[[], AbstractContextManager["Executor | None"]]
"""Gives an executor for as long as units are read; None: they are read in this process."""

_LISTS = 8
"""How many lists of included files are remembered of one file: as many branches can be switched between."""
_MOST, _MANY = 8, 64
"""Files that one process reads at most, and of how many files it reads one more each."""
_ENOUGH, _LARGE = 2.0, 16 << 20
"""Seconds of work, and bytes of units, after which a process begins no further file."""
_WHERE = ("-I", "-isystem", "-iquote", "-idirafter")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A unit, the digest of all it was made from, and its lines as `records` reads them."""

    unit: Unit
    digest: str
    lines: tuple[bytes, ...] = ()


class Gone(Exception):
    """A unit that is not in the cache any more, or not whole."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a unit is: in the cache in `folder` under its digest, or `packed` here."""

    path: str
    digest: str
    folder: str = ""
    packed: bytes = b""

    def lines(self) -> list[bytes]:
        """Return the unit's lines; raises Gone."""
        data = zlib.decompress(self.packed) if self.packed else Store(Path(self.folder)).get(self.digest)
        if data is None:
            raise Gone(self.path)
        return data.split(b"\n")


def loaded(kept: Sequence[Kept]) -> list[Loaded]:
    """Return the units kept, lines that several have in common once. Raises Gone."""
    from barrierlint.linking import records
    from barrierlint.linking.codec import CodecError

    shared: dict[bytes, bytes] = {}  # of headers: the same for all that include them
    found: list[Loaded] = []
    for one in kept:
        lines = tuple(shared.setdefault(line, line) for line in one.lines())
        try:
            found.append(Loaded(records.from_lines(lines), one.digest, lines))
        except CodecError:
            raise Gone(one.path) from None
    return found


class Loader:
    """Brings units of `inputs`, as `modelled` says: `keys` tells whether all are in the cache, `outlines` reads those
    that are not and tells what all are, `kept` where they are.
    """

    def __init__(self, modelled: Modelled, store: Store, inputs: Sequence[Input]) -> None:
        self._modelled = modelled
        self._store = store
        self._inputs = inputs
        self._files = Files()
        self._base = digest(tool(), modelled.digest(self._files), os.getcwd())
        self._requests = {item: self._request(item) for item in inputs}
        self._keys: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._outlines: dict[str, Outline] = {}
        self._texts: dict[str, str] = {}  # of outlines that nobody asked for yet
        self._held: dict[str, Kept] = {}  # by request: what no cache has
        self._find()

    @property
    def keys(self) -> tuple[str, ...] | None:
        """The digests of all units, None if one is not known to be in the cache."""
        found = [self._keys.get(request, ("", ()))[0] for request in self._requests.values()]
        return tuple(found) if all(found) else None

    def outlines(self, workers: Workers, told: Told | None = None) -> list[Outline]:
        """Return the outline of each unit, in order; `workers` read those that are not in the cache."""
        missing = [item for item in self._inputs if not self._is_known(self._requests[item])]
        if missing:
            self.read(missing, workers, told)
        return [self._outlines[self._requests[item]] for item in self._inputs]

    def read(self, missing: Sequence[Input], workers: Workers, told: Told | None = None) -> None:
        """Read units anew."""
        with workers() as executor:
            for item, data, lost in self._read(missing, executor, told):
                self._take(item, data, lost)
        self._store.tidy()
        self._remember()

    def kept(self, numbers: Sequence[int]) -> list[Kept]:
        """Return where units are, given by their numbers."""
        return [self._kept(self._inputs[number]) for number in numbers]

    def again(self, numbers: Sequence[int], workers: Workers) -> None:
        """Read units anew and hold them: what the cache has of them is of no use."""
        items = [self._inputs[number] for number in numbers]
        for item in items:
            self._store.drop(self._keys.pop(self._requests[item], ("", ()))[0])
        self.read(items, workers)

    def _kept(self, item: Input) -> Kept:
        request = self._requests[item]
        held = self._held.get(request)
        return held or Kept(item.path, self._keys[request][0], str(self._store.folder))

    def _is_known(self, request: str) -> bool:
        """Whether a unit is in the cache, and its outline known."""
        from barrierlint.linking import outline

        if request in self._held:
            return True
        key, _ = self._keys.get(request, ("", ()))
        if not key or not self._store.has(key):
            return False
        if request not in self._outlines:
            for text in (self._texts.pop(request, None), self._store.get(_outline_of(key))):
                with contextlib.suppress(ValueError):
                    self._outlines[request] = outline.load(text or "")
                    return True
            return False
        return True

    def _read(
        self, missing: Sequence[Input], executor: Executor | None, told: Told | None
    ) -> Iterator[tuple[Input, bytes, Notification | None]]:
        """Read anew; the units come in order, whichever is done first. Small ones share a process; where one does not
        come to its end, each of its files gets one of its own.
        """
        models = self._modelled.models
        if executor is not None:
            prepare(any(suffix(item.path) in ASSEMBLY for item in missing))
        waiting = deque((some, _started(some, models, executor)) for some in _together(missing, executor))
        done = 0
        while waiting:
            some, future = waiting.popleft()
            if told is not None:
                told(f"reading {os.path.basename(some[0].path)}", done, len(missing))
            answers, lost = _results(some, future) if future is not None else ([work(some[0], models)], None)
            if lost is not None and len(some) == 1:
                answers = [b""]
            yield from ((item, data, lost) for item, data in zip(some, answers, strict=False))
            done += len(answers)
            rest = some[len(answers) :]
            again = [rest] if lost is None and rest else [[item] for item in rest]
            waiting.extendleft((one, _started(one, models, executor)) for one in reversed(again))

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
            elif request in index.outlines:
                self._texts[request] = index.outlines[request]
            if known is not None:
                self._keys[request] = known
        if self._keys != index.keys or changed:
            self._remember()

    def _remember(self) -> None:
        """Keep what is known for the next run, where all of it is."""
        from barrierlint.linking import outline

        if self._keys.keys() >= set(self._requests.values()) and self._store.folder is not None:
            outlines = {request: outline.dump(one) for request, one in self._outlines.items()} | self._texts
            indexing.write(self._store, self._keys, self._files, outlines)

    def _listed(self, request: str) -> tuple[str, tuple[str, ...]] | None:
        """The key of a unit that is in the cache, by a list of files it was once made from."""
        for names in self._lists(request):
            key = self._key(request, names)
            if self._store.has(key):
                return key, tuple(names)
        return None

    def _take(self, item: Input, data: bytes, lost: Notification | None) -> None:
        """Keep a unit that was read, in the cache or else here."""
        from barrierlint.cfg.linkable import Unit
        from barrierlint.linking import outline, records

        request = self._requests[item]
        if lost is not None:
            data, found = records.outlined(Unit(item.path, "", {}, notifications=(lost,)))
            key = digest(self._base, item.path, lost.message)
        else:
            line, _, data = data.partition(b"\n")
            found = outline.load(line)
            unit = records.header(data)
            names = [item.path, *unit.includes, *would_hide(item, unit.includes, unit.notifications)]
            key = self._key(request, names)
        self._outlines[request] = found
        self._keys.pop(request, None)
        if lost is None and not any(note.kind == "internal-error" for note in found.notifications):
            self._put(request, key, names, data, line)
        if request not in self._keys:
            self._held[request] = Kept(item.path, key, packed=zlib.compress(data, 1))

    def _put(self, request: str, key: str, names: list[str], data: bytes, line: bytes) -> None:
        """Keep a unit in the cache, if it can be."""
        self._store.put(key, data)
        self._store.put(_outline_of(key), line)
        lists = [names, *(one for one in self._lists(request) if one != names)][:_LISTS]
        self._store.put(request, json.dumps(lists).encode("utf-8", "surrogatepass"))
        if self._store.folder is not None and self._store.problem is None:
            self._keys[request] = (key, tuple(names))

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


def _outline_of(key: str) -> str:
    return digest("outline", key)


def _together(missing: Sequence[Input], executor: Executor | None) -> Iterator[list[Input]]:
    """The files that one process reads: several where there are many, since a process costs as much as a small file."""
    size = min(_MOST, len(missing) // _MANY + 1) if executor is not None else 1
    for first in range(0, len(missing), size):
        yield list(missing[first : first + size])


def _started(some: Sequence[Input], models: Models, executor: Executor | None) -> Future[bytes] | None:
    return executor.submit(work_all, some, models) if executor is not None else None


def _results(some: Sequence[Input], future: Future[bytes]) -> tuple[list[bytes], Notification | None]:
    """What a process gave: a unit for each file that it came to, or how it ended without giving anything."""
    from barrierlint.linking.processes import Failed

    remedy = {
        "timeout": "raise --time-limit, or leave it out",
        "memory": "raise --memory-limit, or leave it out",
    }
    try:
        data = future.result()
    except Failed as failure:
        text = f"{some[0].path}: could not be read: clang or barrierlint {failure.why}"
        text += f"; {remedy.get(failure.what, 'check the file and its flags; the other files were analysed')}"
        return [], Notification(failure.what, text, Span(some[0].path, 1), True, Severity.ERROR)
    lengths, _, rest = data.partition(b"\n")
    answers: list[bytes] = []
    for length in map(int, lengths.split()):
        answers.append(rest[:length])
        rest = rest[length:]
    return answers, None


def work_all(items: Sequence[Input], models: Models) -> bytes:
    """Read files one after the other, until a lot was done; return their units, with the lengths of these in front.

    This is what runs in a process of its own.
    """
    answers: list[bytes] = []
    began = time.process_time()
    for item in items:
        if answers and (time.process_time() - began > _ENOUGH or sum(map(len, answers)) > _LARGE):
            break
        answers.append(work(item, models))
    return b" ".join(b"%d" % len(one) for one in answers) + b"\n" + b"".join(answers)


def work(item: Input, models: Models) -> bytes:
    """Parse and lower one file; return its outline and its unit as bytes."""
    from barrierlint.linking import outline, records

    unit = lowered(item, models)
    data, found = records.outlined(unit, lambda name: models.function(name) is not None, models.switches)
    return outline.dump(found).encode("utf-8", "surrogatepass") + b"\n" + data


def lowered(item: Input, models: Models) -> Unit:
    """Return the unit of one file; what fails is a unit without functions that says so."""
    from barrierlint import cfg, source
    from barrierlint.cfg.linkable import Unit

    try:
        return cfg.lower_unit(source.read(Path(item.path), item.arguments, unsaved=dict(item.unsaved)), models)
    except Exception as error:
        return Unit(item.path, "", {}, notifications=(failure(item.path, error),))


def prepare(assembly: bool = False) -> None:
    """Load what every process needs, once and before they fork; for assembly files as well."""
    from barrierlint.cfg import program  # noqa: F401
    from barrierlint.source import parsing  # noqa: F401

    if assembly:
        from barrierlint.cfg import assembly as _  # noqa: F401


def would_hide(item: Input, includes: Sequence[str], notifications: Sequence[Notification]) -> Iterator[str]:
    """Yield the files that are not there and would be included if they were: in folders searched before those where a
    header was found, and anywhere where none was.
    """
    folders = search_path(item.arguments)
    places = [os.path.join(folder, "") for folder in folders]
    seen: set[str] = set()
    for name in includes:
        at = next((number for number, place in enumerate(places) if name.startswith(place)), None)
        if at is not None:
            seen.update(os.path.join(folder, name[len(places[at]) :]) for folder in folders[:at])
    for note in notifications:
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
