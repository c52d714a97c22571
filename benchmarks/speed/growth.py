"""How CPU time grows with size: generated sources, a straight line in n log n, and a plot.

A curve holds if, from the second size on, time over n log n does not rise: start-up, which is constant, is taken out
by subtracting the time of a file of one. Sizes that took longer than the limit end their curve, and count as missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, log2
from pathlib import Path

from benchmarks.speed import sources
from benchmarks.speed.timing import TooLong, together
from benchmarks.speed.works import check, compile_only

SLACK = 1.3
"""By how much time over n log n may rise from one size to the next: what noise does."""


@dataclass(frozen=True)
class Curve:
    """CPU seconds by size, of barrierlint and of clang, and the first size that took too long (0: none)."""

    name: str
    sizes: tuple[int, ...]
    ours: tuple[float, ...]
    clang: tuple[float, ...]
    start: float
    ended: int = 0

    def exponent(self) -> float:
        """Return the slope between the last two sizes, both axes logarithmic."""
        if len(self.sizes) < 2:
            return float("nan")
        first, last = (max(1e-3, self.ours[at] - self.start) for at in (-2, -1))
        return log(last / first) / log(self.sizes[-1] / self.sizes[-2])

    def holds(self) -> bool:
        """Return whether time grew no faster than n log n between the last two sizes."""
        if self.ended or len(self.sizes) < 2:
            return False
        first, last = ((self.ours[at] - self.start) / (self.sizes[at] * log2(self.sizes[at])) for at in (-2, -1))
        return last <= SLACK * max(first, 1e-9)


def measure(name: str, folder: Path, rounds: int, limit: float, largest: int) -> Curve:
    """Return the curve of one kind of source."""
    write, suffix, sizes = sources.GROWTH[name]
    flags = [sources.TARGET]

    def cost(size: int) -> tuple[float, float]:
        path = folder / f"{name.replace(' ', '-')}{size}{suffix}"
        path.write_text(write(size), encoding="utf-8")
        ours, clang = together(
            [check(path, flags, folder, "--time-limit", str(int(limit))), compile_only(path, flags, folder)],
            rounds,
            limit,
        )
        return ours.cpu, clang.cpu

    start, _ = cost(1)
    done: list[tuple[int, float, float]] = []
    for size in (size for size in sizes if size <= largest):
        try:
            done.append((size, *cost(size)))
        except TooLong:
            return _curve(name, done, start, size)
    return _curve(name, done, start, 0)


def _curve(name: str, done: Sequence[tuple[int, float, float]], start: float, ended: int) -> Curve:
    return Curve(
        name, tuple(one[0] for one in done), tuple(one[1] for one in done), tuple(one[2] for one in done), start, ended
    )


def plot(curves: Sequence[Curve], path: Path) -> None:
    """Draw all curves into one picture: CPU seconds by size, both axes logarithmic, n log n dotted."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "barrierlint"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(curves), figsize=(3.2 * len(curves), 3), sharey=True, squeeze=False)
    for axis, curve in zip(axes[0], curves, strict=True):
        axis.loglog(curve.sizes, curve.ours, "o-", label="barrierlint check")
        axis.loglog(curve.sizes, curve.clang, "s-", label="clang -fsyntax-only")
        if curve.sizes:
            last = max(1e-3, curve.ours[-1] - curve.start) / (curve.sizes[-1] * log2(curve.sizes[-1]))
            line = [curve.start + last * size * log2(size) for size in curve.sizes]
            axis.loglog(curve.sizes, line, ":", label="n log n")
        axis.set_title(curve.name)
        axis.set_xlabel("n")
    axes[0][0].set_ylabel("CPU seconds")
    axes[0][0].legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
