"""CPU time of whole processes and all they waited for, as the kernel counts it (wait4).

Wall time says how busy the machine was; it is kept for what two cores do at once. What it does not see: processes that
nobody waited for.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Command:
    """What to run, where, what the environment adds, what is done before each run (outside of the time), and the exit
    statuses that tell it worked (None: any).
    """

    words: Sequence[str]
    folder: Path
    environment: Mapping[str, str] | None = None
    before: Callable[[], object] | None = None
    statuses: Sequence[int] | None = None


@dataclass(frozen=True)
class Cost:
    """CPU and wall time in seconds; the largest resident size of one process in MiB; the exit status."""

    cpu: float
    wall: float
    peak: float
    status: int


class TooLong(Exception):
    """A command that had not ended in the time it was given."""


class Refused(Exception):
    """A command that did not do what is measured: its status is none of those it ends with when it works."""


def once(command: Command, limit: float = 1800.0) -> Cost:
    """Run a command to its end. Raises TooLong after `limit` seconds of wall time, Refused for a wrong exit status."""
    if command.before:
        command.before()
    environment = {**os.environ, **(command.environment or {})}
    started = time.monotonic()
    child = subprocess.Popen(
        list(command.words),
        cwd=command.folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        if time.monotonic() - started > limit:
            os.killpg(child.pid, 9)
            os.wait4(child.pid, 0)
            child.returncode = -9
            raise TooLong(f"more than {limit:g} s: {' '.join(command.words)}")
        time.sleep(0.002)
    child.returncode = os.waitstatus_to_exitcode(status)
    if command.statuses is not None and child.returncode not in command.statuses:
        raise Refused(f"exit status {child.returncode}: {' '.join(command.words)}")
    return Cost(usage.ru_utime + usage.ru_stime, time.monotonic() - started, usage.ru_maxrss / 1024, child.returncode)


def together(commands: Sequence[Command], rounds: int, limit: float = 1800.0) -> list[Cost]:
    """Return the medians of each command's costs; rounds run all commands in turn, so that a busy hour meets all."""
    taken: list[list[Cost]] = [[] for _ in commands]
    for _ in range(rounds):
        for costs, command in zip(taken, commands, strict=True):
            costs.append(once(command, limit))
    return [
        Cost(
            median(cost.cpu for cost in costs),
            median(cost.wall for cost in costs),
            max(cost.peak for cost in costs),
            costs[-1].status,
        )
        for costs in taken
    ]
