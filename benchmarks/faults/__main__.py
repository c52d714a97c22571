"""`python -m benchmarks.faults [--only WORD]`: see `benchmarks.faults`. Exit status 1 if something did not hold."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from benchmarks.faults.cases import CASES, Row

RESULTS = Path(__file__).parent / "RESULTS.md"
HEAD = """\
# Faults

Made by `python -m benchmarks.faults`, which asserts every row: the exit status, what is said, that all other files are
analysed, that nothing half-written and no process is left, and that the next run is the same, byte for byte, as if
nothing had happened.

| what was done | what was said | exit status | what was lost |
|---|---|---|---|
"""


def main() -> int:
    """Do all, or those whose name holds a word; write the table if it was all."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults", description="what a run says when things break"
    )
    parser.add_argument("--only", default="", metavar="WORD", help="the faults whose name holds WORD")
    options = parser.parse_args()
    rows: list[Row] = []
    failed = 0
    for case in CASES:
        if options.only not in case.name:
            continue
        with tempfile.TemporaryDirectory(prefix="barrierlint-faults-") as name:
            try:
                rows.append(case.row(Path(name)))
                print(f"ok    {case.name}", flush=True)
            except (AssertionError, ValueError, OSError, subprocess.SubprocessError) as error:
                failed += 1
                print(f"FAIL  {case.name}: {type(error).__name__}: {error}", flush=True)
    if not failed and not options.only:
        RESULTS.write_text(HEAD + "".join(_line(row) for row in rows), encoding="utf-8")
    return 1 if failed else 0


def _line(row: Row) -> str:
    said = f"`{row.said}`" if row.said else "nothing"
    return f"| {row.done} | {said.replace('|', chr(92) + '|')} | {row.status} | {row.lost} |\n"


if __name__ == "__main__":
    raise SystemExit(main())
