"""`python -m benchmarks.speed`: see `benchmarks.speed`.

Exit status 0 if all could be measured, whatever it cost; 2 for wrong usage. `--install` brings the peers (Debian, as
root) and matplotlib first.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.speed import growth, results, sources, works
from benchmarks.speed.timing import Refused, TooLong

HERE = Path(__file__).parent
WORKS = ("start", "cold", "warm", "database", "many", "growth")


def install() -> None:
    """Install what is compared with, the library headers of the target, and what draws."""
    subprocess.run(["apt-get", "install", "-y", "-q", *works.PEERS, "g++-aarch64-linux-gnu"], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "matplotlib"], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description="CPU time beside the compiler and peers"
    )
    parser.add_argument("--install", action="store_true", help="install the peers and matplotlib first (Debian, root)")
    parser.add_argument("--only", choices=WORKS, action="append", help="some of the works")
    parser.add_argument(
        "--source", type=Path, help="a file of yours to measure cold and warm, such as OSv's core/mmu.cc"
    )
    parser.add_argument("--flags", type=Path, help="a file with its compiler flags")
    parser.add_argument("--folder", type=Path, help="where --source is compiled (default: its own folder)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=600.0, help="seconds that one command may take")
    parser.add_argument("--files", type=int, default=1_000, help="files of the largest database")
    parser.add_argument("--largest", type=int, default=10_000, help="largest size of what grows")
    parser.add_argument("--note", default="", help="a line on how it was run, for the results")
    parser.add_argument("--results", type=Path, default=HERE / "RESULTS.md")
    options = parser.parse_args()
    if options.install:
        install()
    if not shutil.which("clang"):
        parser.error("clang is not installed; try --install")
    chosen = options.only or WORKS
    with tempfile.TemporaryDirectory(prefix="barrierlint-speed-") as name:
        rows, curves, left = _measure(options, set(chosen), Path(name))
    picture = options.results.with_name("growth.svg")
    if curves:
        growth.plot(curves, picture)
    commit = subprocess.run(
        ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    text = results.render(rows, curves, commit.stdout.strip() or "an unknown commit", picture.name, left, options.note)
    options.results.write_text(text, encoding="utf-8")
    print(text)
    return 0


def _measure(
    options: argparse.Namespace, chosen: set[str], folder: Path
) -> tuple[list[works.Row], list[growth.Curve], list[str]]:
    """Run the works that were asked for; one that takes too long is left out."""
    generated = folder / "translation.cc"
    generated.write_text(sources.translation(), encoding="utf-8")
    files = [("1,000 lines of C++", generated, [sources.TARGET], generated.parent)]
    if options.source:
        flags = shlex.split(options.flags.read_text(encoding="utf-8")) if options.flags else []
        files.append(
            (f"`{options.source.name}`", options.source.resolve(), flags, options.folder or options.source.parent)
        )
    rounds, limit = options.rounds, options.limit
    steps = {
        "start": lambda: works.start(folder, rounds * 3),
        "cold": lambda: [
            row for name, path, flags, at in files for row in works.cold(name, path, flags, at, rounds, limit)
        ],
        "warm": lambda: [
            row for name, path, flags, at in files for row in works.warm(name, path, flags, at, folder, rounds)
        ],
        "database": lambda: works.database(folder, (options.files // 10, options.files), rounds),
        "many": lambda: works.many(folder, options.files),
    }
    rows: list[works.Row] = []
    left = [f"{peer}: not installed" for peer in works.PEERS if not shutil.which(peer)]
    for name, step in steps.items():
        if name in chosen:
            print(f"{name} …", file=sys.stderr)
            try:
                rows.extend(step())
            except (TooLong, Refused) as error:
                left.append(f"{name}: {error}")
    curves = []
    if "growth" in chosen:
        for name in sources.GROWTH:
            print(f"growth: {name} …", file=sys.stderr)
            curves.append(growth.measure(name, folder, 1, limit, options.largest))
    return rows, curves, left


if __name__ == "__main__":
    sys.exit(main())
