"""A working directory with a defective and a clean source, and the command line run in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from barrierlint.cli import main
from barrierlint.report.fingerprint import line_hashes
from barrierlint.report.lines import read_lines

BAD = """\
typedef unsigned long pte_t;

int map(pte_t *ptep, unsigned long pa, volatile int *va)
{
	*(volatile pte_t *)ptep = pa | 0x713;
	return *va;
}
"""
GOOD = BAD.replace("0x713;\n", '0x713;\n\tasm volatile("dsb ishst; isb" ::: "memory");\n')


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one command line; wrong usage's SystemExit becomes a status."""

    def ran(*words: str) -> Ran:
        read_lines.cache_clear()
        line_hashes.cache_clear()
        try:
            status = main(words)
        except SystemExit as left:
            status = left.code if isinstance(left.code, int) else 1
        out, err = capsys.readouterr()
        return Ran(status, out, err)

    return ran


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """bad.c and good.c in a fresh working directory, and no colours from outside."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    Path("bad.c").write_text(BAD)
    Path("good.c").write_text(GOOD)
    return tmp_path
