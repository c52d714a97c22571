"""Runs barrierlint on files of a tree: a process of its own with a limit of CPU time, its JSON report read back.

Models, flags and includes are left to the tool. A run that takes too long, breaks or says nothing usable costs only
itself: its `Outcome` says so in `failure`.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

LIMITED = (
    "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_CPU, ({limit}, {limit}));"
    " sys.argv[0] = 'barrierlint'; runpy.run_module('barrierlint', run_name='__main__')"
)
"""Runs barrierlint with a limit on CPU time, so that a busy machine changes nothing."""
PATIENCE = 10
"""How much longer than its limit of CPU time a run may take."""
ROOT = Path(__file__).resolve().parents[2]
_UNREAD = ("lost-body", "too-deep")
_TEMPLATES = re.compile(r"<[^<>]*>")
_QUOTED = re.compile(r"[`'\"]([\w:~<>*&, ]+?)(?:\(\))?[`'\"]|\b([A-Za-z_][\w:]*)\(\)|: ([A-Za-z_][\w:]*)$")


@dataclass(frozen=True, slots=True)
class Found:
    """A finding: rule and level, where it points, which functions and files its path passes, or it names as well."""

    rule: str
    level: str
    path: str
    line: int
    message: str
    function: str
    functions: frozenset[str]
    files: frozenset[str]
    verdict: str
    fingerprint: str

    @property
    def last(self) -> str:
        """The function it points at, by its last name."""
        return names(self.function)[-1] if self.function else ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run said. `lost` are functions that went unread, `unread` files, `failure` is "" for a whole run."""

    findings: tuple[Found, ...] = ()
    lost: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    functions: int = 0
    lines: int = 0
    seconds: float = 0.0
    failure: str = ""


def names(qualified: str) -> list[str]:
    """The parts of a qualified name, template arguments and parameters left out."""
    text = qualified.split("(", 1)[0] if "(" in qualified and not qualified.startswith("(") else qualified
    while _TEMPLATES.search(text):
        text = _TEMPLATES.sub("", text)
    return [part for part in text.split("::") if part] or [qualified]


def run(folder: Path, files: tuple[str, ...], limit: float, extra: tuple[str, ...] = ()) -> Outcome:
    """Check `files` of the tree at `folder`, in at most `limit` seconds of CPU time."""
    start = monotonic()
    with tempfile.TemporaryDirectory(prefix="barrierlint-fixes-") as place:
        report = Path(place) / "report.json"
        limited = LIMITED.format(limit=max(int(limit), 1))
        command = [sys.executable, "-c", limited, "check", "--exit-zero", "--format", f"json={report}"]
        problem = _execute([*command, *extra, *files], folder, limit, report)
        seconds = monotonic() - start
        if not problem:
            return _outcome(json.loads(report.read_text(encoding="utf-8")), folder, files, seconds)
    return Outcome(lines=_lines(folder, files), seconds=seconds, failure=problem)


def _execute(command: list[str], folder: Path, limit: float, report: Path) -> str:
    """Run the command, which is to write `report`; what went wrong, or ""."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            _, said = process.communicate(timeout=limit * PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return f"more than {limit * PATIENCE:.0f} s"
    if process.returncode == -signal.SIGXCPU or process.returncode == -signal.SIGKILL:
        return f"more than {limit:.0f} s of CPU time"
    if process.returncode < 0:
        return f"killed by signal {-process.returncode}"
    if process.returncode in (0, 3) and report.is_file():
        return ""
    return (said.decode(errors="replace").strip().splitlines() or [f"exit status {process.returncode}"])[-1][:200]


def _outcome(report: dict[str, object], folder: Path, files: tuple[str, ...], seconds: float) -> Outcome:
    notes = [note for note in _dicts(report, "notifications") if note.get("lost") or note.get("kind") in _UNREAD]
    lost = sorted({_function(str(note["message"])) for note in notes if note.get("kind") in _UNREAD})
    unread = sorted({str(note["message"])[:160] for note in notes if note.get("kind") not in _UNREAD})
    functions = report.get("functions")
    return Outcome(
        tuple(_found(finding) for finding in _dicts(report, "findings")),
        tuple(lost),
        tuple(unread),
        functions if isinstance(functions, int) else 0,
        _lines(folder, files),
        seconds,
    )


def _dicts(document: dict[str, object], key: str) -> list[dict[str, object]]:
    items = document.get(key)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _function(message: str) -> str:
    """The function a notification names, or its text."""
    match = _QUOTED.search(message)
    return next((group for group in match.groups() if group), message) if match else message[:80]


def _found(finding: dict[str, object]) -> Found:
    witness, span = finding.get("witness"), finding.get("span")
    steps = _dicts(witness, "steps") if isinstance(witness, dict) else []
    span = span if isinstance(span, dict) else {}
    confirmation = finding.get("confirmation")
    passed = [*steps, *_dicts(finding, "also")]
    places = [place for place in (step.get("span") for step in passed) if isinstance(place, dict)]
    at = [step for step in steps if step.get("span") == span] or steps[-1:]
    return Found(
        rule=str(finding.get("rule")),
        level=str(finding.get("severity")),
        path=str(span.get("path", "")),
        line=int(span.get("line", 0)),
        message=str(finding.get("message")),
        function=str(at[-1].get("function", "")) if at else "",
        functions=frozenset(str(step.get("function", "")) for step in passed) - {""},
        files=frozenset(str(place.get("path")) for place in places),
        verdict=str(confirmation.get("verdict", "")) if isinstance(confirmation, dict) else "",
        fingerprint=str(finding.get("fingerprint", "")),
    )


def _lines(folder: Path, files: tuple[str, ...]) -> int:
    """Lines of code: those that are not blank."""
    there = [folder / path for path in files if (folder / path).is_file()]
    return sum(bool(line.strip()) for path in there for line in path.read_bytes().splitlines())
