"""Ctrl-C and SIGTERM: one line, the right status, no process and no half-written file left behind; runs do not differ
by hash seed or number of processes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SLOW = "int f{0}(int x) {{ return x {1}; }}\n"
BAD = """\
typedef unsigned long pte_t;
int map{0}(pte_t *ptep, unsigned long pa, volatile int *va)
{{
	*(volatile pte_t *)ptep = pa | 0x713;
	return *va;
}}
"""


def command(tmp_path: Path, *words: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "barrierlint",
        "check",
        "--jobs",
        "2",
        "--format",
        f"sarif={tmp_path / 'out'}",
        *words,
    ]


@pytest.mark.parametrize(
    ("number", "status", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_ends_it_in_one_line(tmp_path: Path, number: int, status: int, word: str) -> None:
    tmp_path = tmp_path / "slow"
    tmp_path.mkdir()
    files = []
    for name in range(4):
        files.append(tmp_path / f"slow{name}.c")
        files[-1].write_text("".join(SLOW.format(at, "+ x * 3" * 60) for at in range(3000)))
    process = subprocess.Popen(
        command(tmp_path, *map(str, files), "--"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored in what a shell starts behind it
    )
    time.sleep(1.5)
    assert process.poll() is None
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.strip().splitlines()[-1]) == (status, "", f"barrierlint: {word}")
    assert "Traceback" not in err
    left = sorted(path.name for path in tmp_path.iterdir() if path.is_file())
    assert left == sorted(path.name for path in files)
    assert list(tmp_path.rglob(".new-*")) == []


def test_runs_do_not_differ(tmp_path: Path) -> None:
    tmp_path = tmp_path / "bad"
    tmp_path.mkdir()
    for name in range(5):
        (tmp_path / f"{name}.c").write_text(BAD.format(name))
    seen = set()
    for seed, jobs in (("0", "1"), ("1", "2"), ("2", "7")):
        result = subprocess.run(
            [sys.executable, "-m", "barrierlint", "check", "--no-cache", "--jobs", jobs, str(tmp_path), "--"],
            capture_output=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=False,
        )
        assert result.returncode == 1
        seen.add(result.stdout)
    assert len(seen) == 1
