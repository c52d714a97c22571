"""Sources that nobody writes cost themselves at most: bounded time and memory, and the file beside them is analysed."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture.sources import CXX, FULL, C

BAD = """\
typedef unsigned long pte_t;
int map(pte_t *ptep, unsigned long pa, volatile int *va)
{
	*(volatile pte_t *)ptep = pa | 0x713;
	return *va;
}
"""
SECONDS = 300 if FULL else 60
"""Of processor time for a process of a run."""
LOST = {"exploding_macros", "includes_itself", "exponential_templates", "parentheses"}
"""Those that clang cannot read: they are named as lost. At full size others may take longer than they may."""


def limits() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@pytest.mark.parametrize("make", [*C, *CXX], ids=lambda make: make.__name__)
def test_it_is_read_or_lost_and_harms_no_other(tmp_path: Path, make: Callable[[], str]) -> None:
    name = f"torture.{'cc' if make in CXX else 'c'}"
    (tmp_path / name).write_text(make())
    (tmp_path / "bad.c").write_text(BAD)
    words = [
        "check",
        "--no-cache",
        "--jobs",
        "1",
        "--time-limit",
        "60" if FULL else "4",
        "--memory-limit",
        "512",
        "--format",
        "json",
    ]
    ran = subprocess.run(
        [sys.executable, "-m", "barrierlint", *words, name, "bad.c", "--"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        preexec_fn=limits,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (1, "")
    report = json.loads(ran.stdout)
    assert [one for one in report["findings"] if one["span"]["path"] == "bad.c"]
    lost = [note for note in report["notifications"] if note["lost"]]
    assert FULL or bool(lost) == (make.__name__ in LOST), lost
    assert all(name in note["message"] or (note["span"] or {}).get("path") == name for note in lost)
