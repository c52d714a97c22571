"""An executor that runs each task in a process of its own, forked from this one, with limits on time and memory.

What crashes, hangs or eats memory is ended and costs its own task only: its future raises `Failed`. Nothing runs in
the background: submitting starts as many as may run, and asking a future for its result keeps the others going (so
that no thread is needed, which would make forking unsafe). Tasks return bytes. A pool from `concurrent.futures` can
stand in its place, without the limits. What it does not do: platforms without fork.
"""

from __future__ import annotations

import contextlib
import faulthandler
import math
import os
import resource
import selectors
import signal
import time
import warnings
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import field
from typing import Any

from barrierlint.frozen import dataclass

_READ = 1 << 20
_MEBI = 1 << 20
_PATIENCE = 4
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LOOK = 0.2
"""Seconds between two looks at how much memory children use."""
_STACKS = 3 << 29
"""Bytes of address space that deep stacks reserve, of which little is ever used."""


class Failed(Exception):
    """A task that ended without a result: `why` in a few words, `what` one of crashed, timeout, memory."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(why)
        self.what = what
        self.why = why


@dataclass(frozen=True, slots=True)
class Limits:
    """What one task may use: seconds of processor time, and of memory MiB beyond what this process has.

    A task that waits instead of working is ended after `_PATIENCE` times the seconds.
    """

    seconds: float = 300.0
    mebibytes: int = 4096


class Driven(Future[bytes]):
    """A future whose executor works while somebody waits for it."""

    def __init__(self, executor: Forks) -> None:
        super().__init__()
        self._executor = executor

    def result(self, timeout: float | None = None) -> bytes:
        """Return the result, working until it is there."""
        self._executor.work(self)
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return what was raised, working until that is known."""
        self._executor.work(self)
        return super().exception(timeout)


@dataclass(slots=True)
class Child:
    """A process at work on one task."""

    pid: int
    pipe: int
    future: Driven
    deadline: float
    before: int
    data: list[bytes] = field(default_factory=list)


class Forks(Executor):
    """At most `jobs` tasks at once, each in a fork of this process."""

    def __init__(self, jobs: int, limits: Limits | None = None) -> None:
        self._jobs = max(1, jobs)
        self._limits = limits or Limits()
        self._waiting: deque[tuple[Driven, Callable[[], bytes]]] = deque()
        self._running: dict[int, Child] = {}
        self._selector = selectors.DefaultSelector()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Queue `fn(*args, **kwargs)`, which returns bytes."""
        future = Driven(self)
        self._waiting.append((future, lambda: fn(*args, **kwargs)))
        self._start()
        return future

    def work(self, future: Driven) -> None:
        """Keep processes going until `future` is done."""
        while not future.done():
            self._start()
            self._step()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End: with `cancel_futures`, or after an exception, what runs is killed."""
        while wait and not cancel_futures and (self._waiting or self._running):
            self._start()
            self._step()
        for child in list(self._running.values()):
            self._end(child, Failed("crashed", "stopped"))
        self._waiting.clear()
        self._selector.close()

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        """Leave nothing running behind an exception."""
        self.shutdown(cancel_futures=kind is not None)

    def _start(self) -> None:
        while self._waiting and len(self._running) < self._jobs:
            future, task = self._waiting.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            reading, writing = os.pipe()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads: ours are idle
                # A signal in the midst of forking would be raised where nobody can answer it.
                before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
                pid = os.fork()
                if pid == 0:
                    _run(task, writing, self._limits)
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(writing)
            child = Child(
                pid, reading, future, time.monotonic() + self._limits.seconds * _PATIENCE, _resident(os.getpid())
            )
            self._running[reading] = child
            self._selector.register(reading, selectors.EVENT_READ, child)

    def _step(self) -> None:
        """Wait for what comes next: data, an end, or a deadline."""
        now = time.monotonic()
        first = min((child.deadline for child in self._running.values()), default=now)
        for key, _ in self._selector.select(max(0.0, min(first - now, _LOOK))):
            child: Child = key.data
            data = os.read(child.pipe, _READ)
            if data:
                child.data.append(data)
            else:
                self._end(child)
        now = time.monotonic()
        for child in [one for one in self._running.values() if one.deadline <= now]:
            self._end(child, Failed("timeout", f"took more than {self._limits.seconds * _PATIENCE:g} s"))
        for child in list(self._running.values()):
            if _resident(child.pid) - child.before > self._limits.mebibytes * _MEBI:
                self._end(child, self._out_of_memory())

    def _out_of_memory(self) -> Failed:
        return Failed("memory", f"needed more than {self._limits.mebibytes} MiB of memory")

    def _end(self, child: Child, failure: Failed | None = None) -> None:
        """Bury a child, and give its future what came of it."""
        if failure is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)
        self._selector.unregister(child.pipe)
        os.close(child.pipe)
        del self._running[child.pipe]
        _, status, usage = os.wait4(child.pid, 0)
        failure = failure or self._failure(status, usage.ru_maxrss * 1024 - child.before)
        if failure is not None:
            child.future.set_exception(failure)
        else:
            child.future.set_result(b"".join(child.data))

    def _failure(self, status: int, used: int) -> Failed | None:
        code = os.waitstatus_to_exitcode(status)
        if code == 0:
            return None
        if code == -signal.SIGXCPU:
            return Failed("timeout", f"took more than {self._limits.seconds:g} s of processor time")
        if code == _OUT_OF_MEMORY or used > self._limits.mebibytes * _MEBI * 3 // 4:
            return self._out_of_memory()
        name = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        return Failed("crashed", f"ended by {name}")


_OUT_OF_MEMORY = 77


def _run(task: Callable[[], bytes], pipe: int, limits: Limits) -> None:
    """The child's whole life; it never returns."""
    code = 1
    try:
        faulthandler.disable()
        os.environ["LIBCLANG_DISABLE_CRASH_RECOVERY"] = "1"  # what goes on after a crash may wait for ever
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silence, stream)
        _limit(limits)
        with os.fdopen(pipe, "wb") as file:
            file.write(task())
        code = 0
    except MemoryError:
        code = _OUT_OF_MEMORY
    finally:
        os._exit(code)


def _limit(limits: Limits) -> None:
    """Bound processor time (a child whose parent is gone must end as well), memory, and leave no core files."""
    seconds = math.ceil(limits.seconds)
    space = _address_space() + limits.mebibytes * _MEBI + _STACKS
    for kind, amount, hard in (
        (resource.RLIMIT_CPU, seconds, seconds + 5),  # at the hard limit the signal is SIGKILL, which says nothing
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_AS, space, space),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (amount, hard))


def _address_space() -> int:
    """The bytes of address space this process has; 1 GiB where the system does not say."""
    return _pages("self", 0) or 1 << 30


def _resident(pid: int) -> int:
    """The bytes of memory a process uses; 0 where the system does not say."""
    return _pages(str(pid), 1)


def _pages(process: str, column: int) -> int:
    try:
        with open(f"/proc/{process}/statm", "rb") as file:
            return int(file.read().split()[column]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0
