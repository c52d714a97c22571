"""Progress is shown on a terminal, after a while, and nowhere else."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from barrierlint import progress
from barrierlint.inputs import Request
from barrierlint.pipeline import Options
from barrierlint.pipeline import run as analyse

from .conftest import Run


def test_nothing_without_a_terminal(run: Run) -> None:
    assert run("good.c", "--").err == ""
    with progress.shown(quiet=False) as told:
        assert told is None


def test_each_file_is_told_of() -> None:
    heard: list[tuple[str, int, int]] = []
    analyse(Options(Request(("bad.c", "good.c"), flags=()), told=lambda *words: heard.append(words)))
    assert heard == [("reading bad.c", 0, 2), ("reading good.c", 1, 2), ("analysing", 0, 2), ("analysing", 1, 2)]


def on_a_terminal(*words: str, **environment: str) -> str:
    """What a command writes to standard error, if that is a terminal."""
    master, slave = pty.openpty()
    code = f"from barrierlint import cli, progress; progress.PATIENCE = 0; cli.main({list(words)})"
    env = {**os.environ, "TERM": "xterm", **environment}
    done = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=slave, env=env)
    os.close(slave)
    shown = b""
    while True:
        ready, _, _ = select.select([master], [], [], 20)
        try:
            piece = os.read(master, 4096) if ready else b""
        except OSError:
            break
        if not piece:
            break
        shown += piece
    done.wait()
    os.close(master)
    return shown.decode()


@pytest.fixture
def hostile() -> str:
    name = "[red]a\x1b[31m.c"
    Path(name).write_text(Path("good.c").read_text())
    return name


def test_a_bar_on_a_terminal(hostile: str) -> None:
    shown = on_a_terminal("check", "good.c", hostile, "--")
    assert "reading good.c" in shown
    assert "[red]a" in shown
    assert "a\x1b[31m.c" not in shown


def test_none_when_quiet_or_on_a_dumb_terminal() -> None:
    assert on_a_terminal("check", "-q", "good.c", "--") == ""
    assert on_a_terminal("check", "good.c", "--", TERM="dumb") == ""
