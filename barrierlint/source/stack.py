"""A stack deep enough for libclang: `deeply` runs a function where ten thousand nested statements do not overflow.

libclang recurses once a level of nesting, on a thread of its own with 8 MiB, and takes the process along when that
overflows. Told not to start threads, it recurses on ours. What it does not do: bound the nesting; a file nested
hundred times deeper still ends the process.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

STACKS = (1 << 30, 1 << 28, 1 << 26)
"""Bytes of address space to ask for, most first: a machine may be short of it. Only what is used takes memory."""

_NO_THREADS = "LIBCLANG_NOTHREADS"
_STARTING = threading.Lock()


def deeply(function: Callable[[], Result]) -> Result:
    """Return what `function` returns, or raise what it raises, having run it on a stack of up to 1 GiB."""
    results: list[Result] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(function())
        except BaseException as error:
            errors.append(error)

    before = os.environ.get(_NO_THREADS)
    os.environ[_NO_THREADS] = "1"
    try:
        _run(work)
    finally:
        if before is None:
            os.environ.pop(_NO_THREADS, None)
    if errors:
        raise errors[0]
    return results[0]


def _run(work: Callable[[], None]) -> None:
    """Run `work` to its end on the deepest stack to be had, on our own at worst."""
    for size in STACKS:
        thread = _started(work, size)
        if thread is not None:
            thread.join()
            return
    work()


def _started(work: Callable[[], None], size: int) -> threading.Thread | None:
    """A running thread with a stack of `size` bytes; None where the machine gives none."""
    with _STARTING:
        usual = threading.stack_size(size)
        try:
            thread = threading.Thread(target=work, name="barrierlint-parse", daemon=True)
            thread.start()
        except (RuntimeError, MemoryError):
            return None
        finally:
            threading.stack_size(usual)
    return thread
