"""What is compared with what: each work a set of commands, run in turn, and the number that the project wants to reach.

Peers are Debian's clang, clang-tidy and cppcheck with the settings their users have; all read the same file with the
same flags. A peer that is not installed is left out, and the results say so.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed import sources
from benchmarks.speed.timing import Command, Cost, together

PEERS = ("clang", "clang-tidy", "cppcheck")
CACHE = ".barrierlint-cache"
WORKED = (0, 1, 3)
"""Exit statuses of `check` when it has analysed."""


@dataclass(frozen=True)
class Row:
    """One line of the results: what was done, what it cost, beside what, and what is wanted of it."""

    work: str
    cost: Cost
    measured: str
    wanted: str
    met: bool


def tool(*words: str) -> list[str]:
    """Return the words that run this checkout's barrierlint."""
    return [sys.executable, "-m", "barrierlint", *words]


def check(source: Path, flags: Sequence[str], folder: Path, *options: str) -> Command:
    """Return `check` of one file, as it is compiled in `folder`, without any cache."""
    return Command(
        tool("check", "--no-config", "--no-cache", *options, str(source), "--", *flags), folder, statuses=WORKED
    )


def compile_only(source: Path, flags: Sequence[str], folder: Path) -> Command:
    """Return clang's parse and type check of one file, errors not counted."""
    return Command(["clang", "-fsyntax-only", "-ferror-limit=0", "-w", *flags, str(source)], folder)


def peers(source: Path, flags: Sequence[str], folder: Path) -> Iterator[tuple[str, Command]]:
    """Yield what others do with the same file, of those that are installed."""
    if shutil.which("clang-tidy"):
        words = ["clang-tidy", "--checks=-*,bugprone-*", str(source), "--", *flags]
        yield "clang-tidy bugprone-*", Command(words, folder)
    if shutil.which("clang"):
        yield "clang --analyze", Command(["clang", "--analyze", "-w", *flags, str(source)], folder)
    if shutil.which("cppcheck"):
        given = [flag for flag in flags if flag.startswith(("-I", "-D"))]
        yield "cppcheck", Command(["cppcheck", "--quiet", *given, str(source)], folder)


def start(folder: Path, rounds: int) -> list[Row]:
    """Measure what a user pays for nothing: the version, and files that write no descriptor: one that its text rules
    out, and one that names a descriptor's type, so that it is parsed.
    """
    source, named = folder / "ordinary.c", folder / "named.c"
    source.write_text(sources.ordinary(1_000), encoding="utf-8")
    named.write_text(f"typedef unsigned long pte_t;\n{sources.ordinary(1_000)}", encoding="utf-8")
    flags = [sources.TARGET]
    version, bare, hook, parsed, parse = together(
        [
            Command(tool("--version"), folder),
            Command([sys.executable, "-c", "pass"], folder),
            check(source, flags, folder),
            check(named, flags, folder),
            compile_only(source, flags, folder),
        ],
        rounds,
    )
    over, more = ((one.cpu - parse.cpu) * 1000 for one in (hook, parsed))
    return [
        Row(
            "`--version`",
            version,
            f"{version.cpu * 1000:.0f} ms (bare Python {bare.cpu * 1000:.0f} ms)",
            "60 ms",
            version.cpu <= 0.060,
        ),
        Row("1,000 lines of C, no descriptor", hook, f"{over:.0f} ms over clang's parse", "120 ms", over <= 120),
        Row("the same, naming one's type", parsed, f"{more:.0f} ms over clang's parse", "120 ms", more <= 120),
    ]


def cold(name: str, source: Path, flags: Sequence[str], folder: Path, rounds: int, limit: float) -> list[Row]:
    """Measure one file from nothing, all stages, beside the compiler and the peers."""
    others = list(peers(source, flags, folder))
    costs = together(
        [compile_only(source, flags, folder), check(source, flags, folder), *(one for _, one in others)], rounds, limit
    )
    parse, ours, *theirs = costs
    ratio = ours.cpu / parse.cpu
    rows = [Row(f"{name}, cold", ours, f"{ratio:.1f} × clang ({parse.cpu:.2f} s)", "1.5 ×", ratio <= 1.5)]
    for (peer, _), cost in zip(others, theirs, strict=True):
        rows.append(Row(f"{name}: {peer}", cost, f"{cost.cpu / parse.cpu:.1f} × clang", "", True))
    return rows


def warm(name: str, source: Path, flags: Sequence[str], at: Path, folder: Path, rounds: int) -> list[Row]:
    """Measure the same file again with a cache and nothing changed."""
    cache = folder / "warm-cache"
    shutil.rmtree(cache, ignore_errors=True)
    words = tool("check", "--no-config", "--cache-dir", str(cache), str(source), "--", *flags)
    again = Command(words, at, statuses=WORKED)
    together([again], 1)
    (cost,) = together([again], rounds)
    return [Row(f"{name}, nothing changed", cost, f"{cost.cpu * 1000:.0f} ms", "150 ms", cost.cpu <= 0.150)]


def database(folder: Path, counts: Sequence[int], rounds: int) -> list[Row]:
    """Measure one changed file of a whole database beside the file alone: what does it cost to have a database, and
    what more does each further file of it cost?
    """
    rows: list[Row] = []
    smaller: tuple[int, float] | None = None
    for count in counts:
        tree = folder / f"project{count}"
        sources.project(tree, count)
        every = tool("check", "--no-config", "--cache-dir", CACHE, "-p", ".", "--exit-zero", ".")
        alone = tool("check", "--no-config", "--no-cache", "--neighbours", "0", "unit5.c")
        together([Command(every, tree, statuses=WORKED)], 1)
        cost, single = together(
            [
                Command(every, tree, before=_changing(tree / "unit5.c"), statuses=WORKED),
                Command(alone, tree, statuses=WORKED),
            ],
            rounds,
        )
        more = (cost.cpu - single.cpu) * 1000
        measured, met = f"{more:.0f} ms over the one alone ({single.cpu:.2f} s)", True
        if smaller is not None:
            each = (more - smaller[1]) / (count - smaller[0])
            measured, met = f"{measured}: {each:.2f} ms a file more than with {smaller[0]}", each <= 1
        smaller = count, more
        rows.append(Row(f"{count} files, one changed", cost, measured, "that file, and little", met))
    return rows


def _changing(path: Path) -> Callable[[], object]:
    """Return what changes a file in a way that matters, differently each time."""
    turns = iter(range(1, 1_000))

    def change() -> None:
        text = path.read_text(encoding="utf-8").split("\nextern int changed")[0]
        path.write_text(f"{text}\nextern int changed{next(turns)};\n", encoding="utf-8")

    return change


def many(folder: Path, count: int) -> list[Row]:
    """Measure a whole database from nothing on one core and on two."""
    tree = folder / f"many{count}"
    sources.project(tree, count)

    def of(jobs: int) -> Command:
        words = tool("check", "--no-config", "--no-cache", "--jobs", str(jobs), "-p", ".", "--exit-zero", ".")
        return Command(words, tree, statuses=WORKED)

    one, two = together([of(1), of(2)], 1)
    ratio = one.wall / two.wall
    return [
        Row(f"{count} files, two jobs", two, f"{ratio:.2f} × one job ({one.wall:.0f} s)", "1.8 ×", ratio >= 1.8),
        Row(f"{count} files, memory", two, f"{two.peak:.0f} MiB in one process", "1024 MiB", two.peak <= 1024),
    ]
