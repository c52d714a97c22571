"""Runs the commands that a page shows and puts their output in place of what the page says of it.

A `console` block holds commands, each behind `$ `, with the output that follows them. The blocks of a page run in
order, in one empty folder that sees the repository's docs/ and fixtures/, with `barrierlint` on the path. What it does
not do: judge the output; `make check` compares it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"(```console\n)(.*?)(```)", re.DOTALL)
TIMES = re.compile(r"\b\d+\.\d+ s\b")
SEEN = ("docs", "fixtures")


def renewed(page: str) -> str:
    """The page with the output of its commands as it is now."""
    if not BLOCK.search(page):
        return page
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        work.mkdir()
        for name in SEEN:
            (work / name).symlink_to(ROOT / name)
        environment = _environment(Path(folder))
        return BLOCK.sub(lambda block: block[1] + _run(block[2], work, environment) + block[3], page)


def _environment(folder: Path) -> dict[str, str]:
    """An environment in which `barrierlint` is this checkout's, without colours, 100 columns wide."""
    program = folder / "barrierlint"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m barrierlint "$@"\n')
    program.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name in ("HOME", "LANG", "TMPDIR")}
    path = f"{folder}:{os.environ.get('PATH', os.defpath)}"
    return {**kept, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}


def _run(text: str, work: Path, environment: dict[str, str]) -> str:
    """The commands of a block, each with what it prints on either stream."""
    shown: list[str] = []
    for command in (line[2:] for line in text.splitlines() if line.startswith("$ ")):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=work,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        output = TIMES.sub("… s", done.stdout)
        shown.append(f"$ {command}\n{output}" + ("\n" if output and not output.endswith("\n") else ""))
    return "".join(shown)
