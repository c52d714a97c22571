"""Progress of a run on a terminal: which file is read, how many there are, what comes after. Nothing elsewhere.

The bar is rich's, on standard error, and gone when the run is over; it is not there before a second has passed, so that
short runs neither flicker nor pay for it. What it does not do: guess how long a run will take.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Told = Callable[[str, int, int], None]
"""Called with what is done now, how much of it is done, and of how much (0: not known)."""

PATIENCE = 1.0
"""Seconds before anything is shown."""


def wanted(quiet: bool) -> bool:
    """Whether somebody looks on who can see a bar."""
    return not quiet and sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def shown(quiet: bool) -> Iterator[Told | None]:
    """Show progress while the block runs; None where nobody looks on."""
    if not wanted(quiet):
        yield None
        return
    bar = Bar()
    try:
        yield bar.tell
    finally:
        bar.close()


class Bar:
    """A bar that appears when it is first told something after a while."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.progress: Progress | None = None
        self.task: TaskID | None = None

    def tell(self, doing: str, done: int, total: int) -> None:
        """Show what is done now."""
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        from barrierlint.report.lines import printable

        if time.monotonic() - self.started < PATIENCE:
            return
        if self.progress is None:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self.progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self.task = self.progress.add_task("", total=None)
            self.progress.start()
        assert self.task is not None
        self.progress.update(
            self.task, description=escape(printable(doing)), completed=done, total=total or None, refresh=True
        )

    def close(self) -> None:
        """Take the bar away."""
        if self.progress is not None:
            self.progress.stop()
