"""The cache: a folder of entries named by the digest of what they were made from.

An entry is written beside its place and renamed, so that runs at the same time cannot see half of one; it holds the
digest of its contents, so that a damaged one counts as missing. A folder that cannot be written costs one notification.
What it does not defend against: somebody who may write to the folder can put wrong entries there (they are data, and
run nothing); and it forgets entries by age only.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import zlib
from pathlib import Path

from barrierlint.finding import Notification, Severity

FOLDER = ".barrierlint-cache"
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# barrierlint's cache; may be deleted at any time\n"
_KEPT = 30 * 24 * 3600
_MARKS = (".gitignore", "CACHEDIR.TAG")


def digest(*parts: str | bytes) -> str:
    """Return a digest of `parts`, and of where each ends."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        whole.update(b"%d:" % len(data))
        whole.update(data)
    return whole.hexdigest()


class Store:
    """Entries by name in `folder`; with folder None nothing is kept. `problem` says why entries cannot be written."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.problem: Notification | None = None

    def get(self, name: str) -> bytes | None:
        """Return the contents of an entry, None if there is none that is whole."""
        if self.folder is None:
            return None
        try:
            with open(self._path(name), "rb") as file:
                head, packed = file.readline(), file.read()
            data = zlib.decompress(packed)
        except (OSError, zlib.error):
            return None
        return data if head.strip() == digest(data).encode() else None

    def has(self, name: str) -> bool:
        """Whether there is an entry, whole or not."""
        return self.folder is not None and os.path.exists(self._path(name))

    def put(self, name: str, data: bytes) -> None:
        """Keep `data` under `name`."""
        if self.folder is None or self.problem is not None:
            return
        path = self._path(name)
        import tempfile

        try:
            self._prepare(path.parent)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(digest(data).encode() + b"\n" + zlib.compress(data, 1))
                os.replace(temporary, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
        except OSError as error:
            text = f"the cache {self.folder} cannot be written ({error.strerror}): the next run starts anew"
            text += "; name another with --cache-dir, or use --no-cache"
            self.problem = Notification("cache", text, severity=Severity.NOTE)

    def drop(self, name: str) -> None:
        """Forget an entry."""
        if self.folder is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._path(name))

    def tidy(self) -> None:
        """Delete what has not been written for a month."""
        if self.folder is None or self.problem is not None:
            return
        limit = time.time() - _KEPT
        with contextlib.suppress(OSError):
            for path in self.folder.glob("??/*"):
                if path.stat().st_mtime < limit:
                    path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        assert self.folder is not None
        return self.folder / name[:2] / name[2:]

    def _prepare(self, folder: Path) -> None:
        """Make the folder, with the marks that keep it out of repositories and backups."""
        if folder.is_dir():
            return
        folder.mkdir(parents=True, exist_ok=True)
        assert self.folder is not None
        for mark, text in zip(_MARKS, ("*\n", _TAG), strict=True):
            path = self.folder / mark
            if not path.exists():
                path.write_text(text, encoding="utf-8")


def folder_for(paths: list[str]) -> Path:
    """Return where the cache of a tree that holds `paths` is by default: at the tree's root.

    The root is the nearest folder above with a version control's folder in it, else the deepest that holds all.
    """
    real = [os.path.realpath(path) for path in paths]
    common = Path(os.path.commonpath([path if os.path.isdir(path) else os.path.dirname(path) for path in real]))
    for above in (common, *common.parents):
        if any((above / mark).exists() for mark in (".git", ".hg", ".svn")):
            return above / FOLDER
    return common / FOLDER
