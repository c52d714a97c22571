"""The faults: what is done, what must be said, and what may be lost."""

from __future__ import annotations

import os
import resource
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.faults.project import BAD, FILES, Project, Ran, children, mounted, stop, unmount, wait_for

NOTHING = "nothing"


@dataclass(frozen=True)
class Row:
    """One line of the table: what was done, what was said, the exit status, what was lost."""

    done: str
    said: str
    status: int
    lost: str


@dataclass(frozen=True)
class Case:
    """A fault by name; `act` does it and asserts; `quick` ones run with the tests."""

    name: str
    done: str
    act: Callable[[Project], tuple[str, int, str]]
    quick: bool = False

    def row(self, folder: Path) -> Row:
        """Do it in a project of its own."""
        project = Project(folder)
        try:
            said, status, lost = self.act(project)
            project.check_next()
        finally:
            project.end_all()
        return Row(self.done, said.replace(str(project.folder), "…"), status, lost)


CASES: list[Case] = []


def case(done: str, *arguments: object, name: str = "", quick: bool = False) -> Callable[..., Callable[..., object]]:
    """Register a case; with arguments, one of several that a function describes."""

    def register(act: Callable[..., tuple[str, int, str]]) -> Callable[..., tuple[str, int, str]]:
        CASES.append(Case(name or act.__name__, done, partial(_called, act, arguments), quick))
        return act

    return register


def _called(
    act: Callable[..., tuple[str, int, str]], arguments: tuple[object, ...], project: Project
) -> tuple[str, int, str]:
    return act(project, *arguments)


# --- workers ---------------------------------------------------------------------------------------------------------


def lost_one(project: Project, ran: Ran, path: Path, word: str) -> tuple[str, int, str]:
    """One file was lost, and only that one; without it all is well again."""
    assert (ran.status, ran.findings, ran.err) == (1, FILES, "")
    (said,) = ran.lost
    assert path.name in said, said
    assert word in said, said
    path.unlink()
    return said, ran.status, f"{path.name}, which the report names"


LONG = 20
"""How often a worker is seen that reads the slow file."""


@case("a worker killed (SIGKILL) while it reads a file")
def killed_worker(project: Project) -> tuple[str, int, str]:
    path = project.slow()
    process = project.start()
    seen: Counter[int] = Counter()

    def has_lasted() -> bool:
        """Whether one worker is left, and is so for longer than a small file takes."""
        at_work = children(process.pid)
        seen.update(at_work)
        return len(at_work) == 1 and seen[at_work[0]] > LONG

    wait_for(has_lasted)
    os.kill(children(process.pid)[0], signal.SIGKILL)
    return lost_one(project, project.end(process), path, "SIGKILL")


@case("a file that takes longer than --time-limit")
def too_long(project: Project) -> tuple[str, int, str]:
    path = project.slow(functions=6000)
    return lost_one(project, project.run("--time-limit", "2"), path, "took more than")


@case("a file that needs more than --memory-limit")
def too_much(project: Project) -> tuple[str, int, str]:
    path = project.folder / "huge.c"
    rows = "".join(f"#define M{at} M{at - 1} M{at - 1} M{at - 1} M{at - 1}\n" for at in range(1, 14))
    path.write_text(f"#define M0 +1\n{rows}int x = 0 M13;\n")
    return lost_one(project, project.run("--memory-limit", "256"), path, "256 MiB of memory")


@case("`#pragma clang __debug crash`", "crash", name="clang_crash")
@case("`#pragma clang __debug parser_crash`", "parser_crash", name="clang_parser_crash")
@case("`#pragma clang __debug llvm_fatal_error`", "llvm_fatal_error", name="clang_fatal_error")
@case("`#pragma clang __debug overflow_stack`", "overflow_stack", name="clang_overflow")
def clang_breaks(project: Project, how: str) -> tuple[str, int, str]:
    path = project.folder / "crash.c"
    path.write_text(f"int before;\n#pragma clang __debug {how}\n{BAD.format(99)}")
    limit = ("--time-limit", "2") if how == "overflow_stack" else ()
    return lost_one(project, project.run(*limit), path, "could not be read")


# --- disks -----------------------------------------------------------------------------------------------------------


def limited() -> None:
    """Let this process write no file larger than 100 bytes: a full disk for those who may not mount."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


@case("the cache's disk is full")
def full_cache(project: Project) -> tuple[str, int, str]:
    if mounted(["-t", "tmpfs", "-o", "size=16k", "tmpfs"], project.cache):
        try:
            ran = project.run()
            assert not list(project.cache.rglob(".new-*"))
        finally:
            unmount(project.cache)
    else:
        ran = project.run(preexec_fn=limited)
    return _without_cache(ran)


@case("the cache is on a read-only file system")
def readonly_cache(project: Project) -> tuple[str, int, str]:
    if not mounted(["-t", "tmpfs", "-o", "ro", "tmpfs"], project.cache):
        project.cache.write_text("in its place")
        ran = project.run()
        project.cache.unlink()
        return _without_cache(ran)
    try:
        return _without_cache(project.run())
    finally:
        unmount(project.cache)


@case("a file where the cache's folder is to be", quick=True)
def file_for_cache(project: Project) -> tuple[str, int, str]:
    project.cache.write_text("in its place")
    ran = project.run()
    project.cache.unlink()
    return _without_cache(ran)


def _without_cache(ran: Ran) -> tuple[str, int, str]:
    """Everything was found, and a note says that nothing is kept."""
    import json

    assert (ran.status, ran.findings, ran.lost, ran.err) == (1, FILES, [], "")
    (note,) = [one for one in json.loads(ran.out)["notifications"] if one["kind"] == "cache"]
    return str(note["message"]), ran.status, NOTHING


@case("standard output is a full disk (/dev/full)", quick=True)
def full_output(project: Project) -> tuple[str, int, str]:
    with open("/dev/full", "w") as full:
        ran = project.run(stdout=full)
    assert (ran.status, ran.line) == (2, "barrierlint: cannot write the report: No space left on device")
    return ran.line, ran.status, NOTHING


@case("the report's disk is full")
def full_report(project: Project) -> tuple[str, int, str]:
    place = project.folder / "out"
    if not mounted(["-t", "tmpfs", "-o", "size=4k", "tmpfs"], place):
        ran = project.run("--no-cache", "--format", f"sarif={place / 'report.sarif'}", preexec_fn=limited)
    else:
        try:
            ran = project.run("--format", f"sarif={place / 'report.sarif'}")
            assert list(place.iterdir()) == []
        finally:
            unmount(place)
    place.rmdir()
    assert (ran.status, ran.out) == (2, "")
    assert "cannot write" in ran.line
    return ran.line, ran.status, NOTHING


@case("the report's folder is not there", "missing/report.html", name="report_nowhere", quick=True)
@case("the report's name is a folder's", "folder", name="report_folder", quick=True)
@case("the report's folder is a file", "m0.c/report", name="report_in_file", quick=True)
@case("the report is a link to /dev/full", "link", name="report_device", quick=True)
def unwritable_report(project: Project, name: str) -> tuple[str, int, str]:
    (project.folder / "folder").mkdir()
    (project.folder / "link").symlink_to("/dev/full")
    ran = project.run("--format", f"html={name}")
    assert (ran.status, ran.out) == (2, "")
    assert f"cannot write {name}" in ran.line
    return ran.line, ran.status, NOTHING


@case("the reader of standard output goes away (`| head`)", quick=True)
def closed_pipe(project: Project) -> tuple[str, int, str]:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        ran = project.run(stdout=pipe)
    assert (ran.status, ran.err) == (1, "")
    return "", ran.status, NOTHING


# --- caches ----------------------------------------------------------------------------------------------------------


def truncated(path: Path) -> None:
    """Cut an entry."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def garbled(path: Path) -> None:
    """Random bytes for an entry."""
    path.write_bytes(os.urandom(200))


def other_version(path: Path) -> None:
    """An entry that is whole, but holds what another version might have written."""
    from barrierlint.linking.store import Store

    Store(path.parents[1]).put(path.parent.name + path.name, b'[["x"],[],[],{"format":99}]')


def linked(path: Path) -> None:
    """A link to another file for an entry."""
    path.unlink()
    path.symlink_to("/etc/passwd")


def dangling(path: Path) -> None:
    """A link to nothing, outside, for an entry: it is not to be written through."""
    path.unlink()
    path.symlink_to(path.parents[2] / "outside")


def folder(path: Path) -> None:
    """A folder for an entry."""
    path.unlink()
    path.mkdir()


@case("every entry of the cache truncated", truncated, name="cache_truncated", quick=True)
@case("random bytes in every entry of the cache", garbled, name="cache_random")
@case("every entry of the cache is of another version", other_version, name="cache_version")
@case("every entry of the cache is a link to another file", linked, name="cache_linked")
@case("every entry of the cache is a link to where nothing is", dangling, name="cache_dangling")
def damaged_cache(project: Project, damage: Callable[[Path], None]) -> tuple[str, int, str]:
    project.run()
    for path in project.entries():
        damage(path)
    ran = project.run()
    assert (ran.status, ran.out, ran.err) == (1, project.healthy.out, "")
    assert not (project.folder / "outside").exists()
    return "", ran.status, NOTHING


@case("every entry of the cache is a folder", folder, name="cache_folders")
def unusable_cache(project: Project, damage: Callable[[Path], None]) -> tuple[str, int, str]:
    project.run()
    entries = project.entries()
    for path in entries:
        damage(path)
    said = _without_cache(project.run())
    for path in entries:
        path.rmdir()
    return said


@case("two runs at once on one cache")
def two_at_once(project: Project) -> tuple[str, int, str]:
    processes = [project.start() for _ in range(2)]
    for process in processes:
        ran = project.end(process)
        assert (ran.status, ran.out, ran.err) == (1, project.healthy.out, "")
    return "", ran.status, NOTHING


# --- signals ---------------------------------------------------------------------------------------------------------


@case("Ctrl-C before anything was read", signal.SIGINT, 0, name="interrupted_early")
@case("Ctrl-C while files are read", signal.SIGINT, FILES, name="interrupted_reading")
@case("Ctrl-C while the last files are read", signal.SIGINT, 2 * FILES, name="interrupted_late")
@case("SIGTERM before anything was read", signal.SIGTERM, 0, name="terminated_early")
@case("SIGTERM while files are read", signal.SIGTERM, FILES, name="terminated_reading")
@case("SIGTERM while the last files are read", signal.SIGTERM, 2 * FILES, name="terminated_late")
def stopped(project: Project, number: signal.Signals, entries: int) -> tuple[str, int, str]:
    path = project.slow()
    process = project.start("--format", "sarif=out.sarif")
    wait_for(lambda: children(process.pid) and len(project.entries()) >= entries)
    stop(process, number)
    ran = project.end(process)
    status, word = (130, "interrupted") if number == signal.SIGINT else (143, "terminated")
    assert (ran.status, ran.out, ran.err) == (status, "", f"barrierlint: {word}\n"), ran
    assert not (project.folder / "out.sarif").exists()
    path.unlink()
    return ran.line, ran.status, NOTHING
