"""A small project, runs over it, and what must hold after each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

BAD = """\
typedef unsigned long pte_t;
int map{0}(pte_t *ptep, unsigned long pa, volatile int *va)
{{
	*(volatile pte_t *)ptep = pa | 0x713;
	return *va;
}}
"""
FILES = 6


@dataclass(frozen=True)
class Ran:
    """What a run said, and with which status it ended."""

    status: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The last line on standard error."""
        return (self.err.strip().splitlines() or [""])[-1]

    @property
    def lost(self) -> list[str]:
        """What a JSON report names as not analysed."""
        return [note["message"] for note in json.loads(self.out)["notifications"] if note["lost"]]

    @property
    def findings(self) -> int:
        """How many findings a JSON report holds."""
        return len(json.loads(self.out)["findings"])


class Project:
    """A folder with some defective files, and the report of a run in which nothing broke."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        for name in range(FILES):
            (self.folder / f"m{name}.c").write_text(BAD.format(name))
        self._started: list[subprocess.Popen[str]] = []
        self.healthy = self.run("--no-cache")
        assert (self.healthy.status, self.healthy.findings) == (1, FILES)

    @property
    def cache(self) -> Path:
        """The folder of the cache."""
        return self.folder / ".barrierlint-cache"

    def entries(self) -> list[Path]:
        """The entries of the cache."""
        return sorted(path for path in self.cache.glob("??/*") if path.is_file())

    def start(self, *words: str, **more: object) -> subprocess.Popen[str]:
        """Start a run with a JSON report on standard output, in a session of its own."""
        process = subprocess.Popen(  # type: ignore[call-overload]
            self.command(*words),
            **{
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                "text": True,
                "cwd": self.folder,
                "start_new_session": True,
                # A shell ignores SIGINT in what it starts behind it, and who is started there inherits that.
                "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
                "env": os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                **more,
            },
        )
        self._started.append(process)
        return process

    def end_all(self) -> None:
        """End what a failed case left."""
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def command(self, *words: str) -> list[str]:
        """The command line of a run over all files."""
        given = [] if any(word.startswith("--format") for word in words) else ["--format", "json"]
        return [sys.executable, "-m", "barrierlint", "check", "--jobs", "2", *given, *words, ".", "--"]

    def run(self, *words: str, **more: object) -> Ran:
        """Run to the end."""
        return self.end(self.start(*words, **more))

    def end(self, process: subprocess.Popen[str]) -> Ran:
        """Wait for a run; no process of it may be left."""
        out, err = process.communicate(timeout=300)
        assert "Traceback" not in err, err
        assert not _in_session(process.pid), "a process was left behind"
        return Ran(process.returncode, out or "", err or "")

    def check_next(self) -> None:
        """The next run is as if nothing had happened, and nothing half-written is there."""
        assert self.leftovers() == []
        again = self.run()
        assert (again.status, again.out, again.err) == (self.healthy.status, self.healthy.out, self.healthy.err)

    def leftovers(self) -> list[Path]:
        """Files that something half-written would be."""
        return [
            path
            for pattern in (".new-*", ".guess*", ".barrierlint-*.*")
            for path in self.folder.rglob(pattern)
            if path.is_file()
        ]

    def slow(self, name: str = "slow.c", functions: int = 600) -> Path:
        """Add a file that takes some seconds to read."""
        path = self.folder / name
        path.write_text(
            "".join(f"int f{name[:-2]}{at}(int x) {{ return x {'+ x * 3' * 40}; }}\n" for at in range(functions))
        )
        return path


def _in_session(session: int) -> list[int]:
    """Processes of a session that are not dead."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(entry.parent.name))
    return found


def children(pid: int) -> list[int]:
    """The child processes of a process."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def stop(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send a signal to a run, as a terminal or a CI runner does."""
    os.kill(process.pid, number)


def mounted(words: Sequence[str], folder: Path) -> bool:
    """Mount a file system on `folder`; False where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *words, str(folder)], capture_output=True, check=False)
    return done.returncode == 0


def unmount(folder: Path) -> None:
    """Take it away again."""
    subprocess.run(["umount", str(folder)], capture_output=True, check=True)
