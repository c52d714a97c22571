"""Reports into files: whole or not at all, so that no reader sees half a report. Nothing is ever appended."""

from __future__ import annotations

import os
import stat
import tempfile


def replace(path: str, text: str) -> None:
    """Write `text` to a temporary file beside `path` and rename it; pipes and devices are written in place.

    Raises OSError.
    """
    replace_bytes(path, text.encode("utf-8", "surrogateescape"))


def replace_bytes(path: str, data: bytes) -> None:
    """The same for bytes, line ends as they are."""
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        with open(path, "wb") as stream:
            stream.write(data)
        return
    handle, temporary = tempfile.mkstemp(prefix=".barrierlint-", dir=os.path.dirname(path) or ".")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise


def _mode(path: str) -> int:
    """The permissions of the file replaced, else those of a new file (a umask is read by setting it)."""
    if os.path.exists(path):
        return stat.S_IMODE(os.stat(path).st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
