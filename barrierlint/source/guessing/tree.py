"""The files of a source tree by name, and their text on demand; nothing outside of it is ever read.

Names are walked once, contents read when asked for. Links are not followed out of the tree. It does not run anything,
and knows nothing of versions: what is in the folder counts.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from itertools import takewhile
from pathlib import Path

MOST_FILES = 400_000
LARGEST = 1 << 20
LARGEST_TOTAL = 1 << 27
_HEADER = (".h", ".hh", ".hpp", ".hxx", ".inc", ".def", ".inl", ".tcc")
_TOP = """
makefile gnumakefile kconfig kbuild config.in cmakelists.txt meson.build jamfile build.gn license copying maintainers
readme readme.md readme.rst configure sconstruct west.yml include
"""
_MARKS = frozenset(_TOP.split())
_GAP = 3
_SURE = 3
"""How many marks make a folder a tree's root however far above it is."""


def root_of(path: str) -> str:
    """Return the tree that `path` is in: the git repository, else the highest folder that looks like a tree's."""
    start = Path(os.path.realpath(path))
    start = start if start.is_dir() else start.parent
    stops = {Path(start.anchor), Path.home(), *map(Path, ("/tmp", "/usr", "/home", "/opt", "/var"))}
    folders = list(takewhile(lambda folder: folder not in stops, (start, *start.parents)))
    repository = next((folder for folder in folders if (folder / ".git").exists()), None)
    if repository is not None:
        return str(repository)
    best, gap = start, 0
    for folder in folders:
        marks = _marks(folder)
        if marks >= _SURE or (marks and gap <= _GAP):
            best, gap = folder, 0
        else:
            gap += 1
    return str(best)


def _marks(folder: Path) -> int:
    try:
        return sum(name.lower() in _MARKS for name in os.listdir(folder))
    except OSError:
        return 0


class Tree:
    """A tree of sources at `root`; all paths given and returned are relative to it, with forward slashes."""

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)
        self._text: dict[str, bytes] = {}
        self.remembered: dict[str, object] = {}

    @cached_property
    def names(self) -> dict[str, list[str]]:
        """The paths of all files by their last name."""
        found: dict[str, list[str]] = defaultdict(list)
        count = 0
        for directory, folders, files in os.walk(self.root, followlinks=False):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            inside = os.path.relpath(directory, self.root).replace(os.sep, "/")
            prefix = "" if inside == "." else inside + "/"
            for name in sorted(files):
                found[name].append(prefix + name)
            count += len(files)
            if count > MOST_FILES:
                break
        return dict(found)

    @cached_property
    def headers(self) -> list[str]:
        """The paths of all headers."""
        return sorted(path for name, paths in self.names.items() if name.endswith(_HEADER) for path in paths)

    def absolute(self, path: str) -> str:
        """Return the absolute path of a file of the tree."""
        return os.path.join(self.root, path)

    def relative(self, path: str) -> str | None:
        """Return `path` relative to the root, None where it really lies elsewhere."""
        real = os.path.realpath(path)
        return os.path.relpath(real, self.root).replace(os.sep, "/") if self._inside(real) else None

    def _inside(self, real: str) -> bool:
        return real == self.root or real.startswith(self.root.rstrip(os.sep) + os.sep)

    def ending_in(self, wanted: str, near: str, beside: str | None = None, narrow: bool = False) -> list[str]:
        """Return the files whose path ends in `wanted`, the best first as seen from folder `near`, or from `beside`.

        `narrow` where a file of AArch32 asks.
        """
        from barrierlint.source.guessing.ranking import rank

        parts = [part for part in wanted.replace("\\", "/").split("/") if part not in (".", "..", "")]
        if not parts:
            return []
        end = "/".join(parts)
        found = [path for path in self.names.get(parts[-1], ()) if path == end or path.endswith("/" + end)]
        found = [path for path in found if self._inside(os.path.realpath(self.absolute(path)))]
        others = tuple(found)
        found.sort(key=lambda path: rank(path, near, beside, others, narrow))
        # A header further up includes the one of each architecture below it itself.
        above = [path for path in found[1:] if os.path.dirname(found[0]).startswith(os.path.dirname(path) + "/")]
        return [max(above, key=len), *found] if above else found

    def text(self, path: str) -> bytes:
        """Return the contents of a file; b"" where it cannot be read, is no regular file, too large, or elsewhere."""
        known = self._text.get(path)
        if known is None:
            known = self._text[path] = self._read(path)
        return known

    def _read(self, path: str) -> bytes:
        full = self.absolute(path)
        real = os.path.realpath(full)
        try:
            if not self._inside(real) or not os.path.isfile(real) or os.path.getsize(real) > LARGEST:
                return b""
            with open(real, "rb") as file:
                return file.read()
        except OSError:
            return b""

    def holding(self, name: str, near: str) -> Iterator[str]:
        """Yield the headers that hold the word `name`, the best first as seen from folder `near`."""
        blob, paths, starts = self._joined(near)
        word, at = name.encode(), 0
        while (at := blob.find(word, at)) >= 0:
            end = at + len(word)
            if (
                blob[at - 1 : at].isalnum()
                or blob[at - 1 : at] == b"_"
                or blob[end : end + 1].isalnum()
                or blob[end : end + 1] == b"_"
            ):
                at = end
                continue
            number = bisect_right(starts, at) - 1
            yield paths[number]
            at = starts[number + 1] if number + 1 < len(starts) else len(blob)

    def _joined(self, near: str) -> tuple[bytes, list[str], list[int]]:
        """The text of all headers in one, the best first, with the paths and where each starts: searched at once."""
        from barrierlint.source.guessing.ranking import rank

        known = self._blobs.get(near)
        if known is None:
            paths, parts, starts, size = [], [], [], 1
            for path in sorted(self.headers, key=lambda path: rank(path, near)):
                text = self.text(path)
                if size + len(text) > LARGEST_TOTAL:
                    break
                paths.append(path)
                starts.append(size)
                parts.append(text)
                size += len(text) + 1
            known = self._blobs[near] = (b"\n" + b"\n".join(parts), paths, starts)
        return known

    @cached_property
    def _blobs(self) -> dict[str, tuple[bytes, list[str], list[int]]]:
        return {}

    def ascending(self, folder: str, pattern: re.Pattern[str]) -> Iterator[str]:
        """Yield the files whose name `pattern` matches in `folder` and those above it, the nearest first."""
        here = folder
        while True:
            try:
                names = sorted(os.listdir(self.absolute(here)))
            except OSError:
                names = []
            yield from (f"{here}/{name}" if here else name for name in names if pattern.fullmatch(name))
            if not here:
                return
            here = os.path.dirname(here)
