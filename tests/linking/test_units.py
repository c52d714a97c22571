"""What is read comes from the cache while nothing it is made of has changed, and a file that breaks costs itself."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from barrierlint import source
from barrierlint.finding import Report
from barrierlint.inputs import Request
from barrierlint.linking.gathering import Means
from barrierlint.pipeline import Options, run
from barrierlint.source import parsing

HEADER = """\
typedef unsigned long pte_t;
#define VALID {valid}
"""
BAD = """\
#include "pte.h"
int {name}(pte_t *ptep, unsigned long pa, volatile int *va)
{{
	*(volatile pte_t *)ptep = pa | VALID;
	return *va;
}}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "include").mkdir()
    (tmp_path / "include/pte.h").write_text(HEADER.format(valid="0x713"))
    for name in ("one", "two", "three"):
        (tmp_path / f"{name}.c").write_text(BAD.format(name=name))
    return tmp_path


def options(tree: Path, jobs: int = 0, **means: float) -> Options:
    paths = tuple(str(tree / f"{name}.c") for name in ("one", "two", "three"))
    flags = (f"-I{tree / 'first'}", f"-I{tree / 'include'}")
    return Options(
        Request(paths, flags=flags),
        means=Means(jobs, cache=str(tree / "cache"), **means),  # type: ignore[arg-type]
    )


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files parsed in this process, in order."""
    seen: list[str] = []
    original = parsing.parse

    def parse(file: Path, *rest: object, **more: object) -> object:
        seen.append(file.name)
        return original(file, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(parsing, "parse", parse)
    return seen


def test_a_warm_run_parses_nothing_and_says_the_same(tree: Path, parsed: list[str]) -> None:
    first = run(options(tree))
    assert len(first.findings) == 3
    assert parsed == ["one.c", "two.c", "three.c"]
    assert run(options(tree)) == first
    assert len(parsed) == 3


def test_a_warm_run_analyses_nothing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(options(tree))

    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    for name in ("cfg.join.join", "rules.check", "sim.confirm.confirm"):
        monkeypatch.setattr(f"barrierlint.{name}", breaks)
    assert run(options(tree)) == first


CHANGES: list[tuple[str, Callable[[Path], object], set[str]]] = [
    ("file", lambda tree: (tree / "two.c").write_text(BAD.format(name="zwei")), {"two.c"}),
    (
        "header",
        lambda tree: (tree / "include/pte.h").write_text(HEADER.format(valid="0x703")),
        {"one.c", "two.c", "three.c"},
    ),
    ("time", lambda tree: os.utime(tree / "two.c", (1, 1)), set()),
]


@pytest.mark.parametrize(("what", "change", "again"), CHANGES, ids=[what for what, _, _ in CHANGES])
def test_what_changed_is_read_again(
    tree: Path, parsed: list[str], what: str, change: Callable[[Path], object], again: set[str]
) -> None:
    run(options(tree))
    parsed.clear()
    change(tree)
    assert len(run(options(tree)).findings) == 3
    assert set(parsed) == again


def test_a_header_that_comes_before_another_is_noticed(tree: Path) -> None:
    assert len(run(options(tree)).findings) == 3
    (tree / "first").mkdir()
    (tree / "first/pte.h").write_text(HEADER.format(valid="0"))
    assert run(options(tree)).findings != ()
    assert run(options(tree)) == run(replace(options(tree), means=Means()))


def test_a_header_that_was_missing_is_noticed(tree: Path) -> None:
    (tree / "include/pte.h").rename(tree / "pte.h.away")
    assert any(note.kind == "missing-header" for note in run(options(tree)).notifications)
    (tree / "pte.h.away").rename(tree / "include/pte.h")
    report = run(options(tree))
    assert len(report.findings) == 3
    assert not any(note.kind == "missing-header" for note in report.notifications)


def test_flags_and_models_are_part_of_what_it_was_made_from(tree: Path, parsed: list[str]) -> None:
    run(options(tree))
    parsed.clear()
    plain = options(tree)
    run(replace(plain, request=replace(plain.request, extra=("-DX",))))
    assert len(parsed) == 3
    run(replace(plain, models=("osv",)))
    assert len(parsed) == 6
    run(plain)
    assert len(parsed) == 6


def test_going_back_to_an_older_state_finds_it(tree: Path, parsed: list[str]) -> None:
    run(options(tree))
    (tree / "two.c").write_text('#include "pte.h"\n')
    run(options(tree))
    (tree / "two.c").write_text(BAD.format(name="two"))
    parsed.clear()
    run(options(tree))
    assert parsed == []


def test_a_damaged_cache_is_made_anew(tree: Path) -> None:
    first = run(options(tree))
    for path in (tree / "cache").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-7] + b"garbage")
    assert run(options(tree)) == first


def test_a_cache_that_cannot_be_written_is_said_once(tree: Path) -> None:
    (tree / "cache").write_text("in its place")
    report = run(options(tree))
    assert [note.kind for note in report.notifications] == ["cache"]
    assert len(report.findings) == 3


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_processes_change_nothing(tree: Path, jobs: int) -> None:
    here = run(replace(options(tree), means=Means()))
    assert run(replace(options(tree), means=Means(jobs))) == here


def crash(_: Path) -> None:
    os.abort()


def hang(_: Path) -> None:
    time.sleep(60)


@pytest.mark.parametrize(("what", "act"), [("crashed", crash), ("timeout", hang)])
def test_a_file_that_breaks_its_process_costs_itself(
    tree: Path, monkeypatch: pytest.MonkeyPatch, what: str, act: Callable[[Path], None]
) -> None:
    original = source.parse

    def parse(file: Path, *rest: object, **more: object) -> object:
        if file.name == "two.c":
            act(file)
        return original(file, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(parsing, "parse", parse)
    report = run(options(tree, jobs=2, seconds=3))
    assert len(report.findings) == 2
    (note,) = [note for note in report.notifications if note.lost]
    assert note.kind == what
    assert "two.c: could not be read" in note.message
    monkeypatch.setattr(parsing, "parse", original)
    assert len(run(options(tree)).findings) == 3


def test_what_broke_is_not_taken_from_the_cache(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(parsing, "parse", breaks)
    broken: Report = run(options(tree))
    assert sum(note.lost for note in broken.notifications) == 3
    monkeypatch.undo()
    assert len(run(options(tree)).findings) == 3


def many(tree: Path, count: int) -> Options:
    """Options for so many files that some share a process."""
    paths = [tree / f"m{number:03}.c" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_text(BAD.format(name=f"f{number}") if number % 20 == 0 else f"int f{number};\n")
    request = Request(tuple(map(str, paths)), flags=(f"-I{tree / 'include'}",))
    return Options(request, means=Means(2, seconds=3))


def test_files_that_share_a_process_give_the_same(tree: Path) -> None:
    shared = many(tree, 140)
    assert run(shared) == run(replace(shared, means=Means()))
    assert len(run(shared).findings) == 7


@pytest.mark.parametrize(("what", "act"), [("crashed", crash), ("timeout", hang)])
def test_one_that_breaks_a_shared_process_costs_itself(
    tree: Path, monkeypatch: pytest.MonkeyPatch, what: str, act: Callable[[Path], None]
) -> None:
    original = source.parse

    def parse(file: Path, *rest: object, **more: object) -> object:
        if file.name == "m021.c":
            act(file)
        return original(file, *rest, **more)  # type: ignore[arg-type]

    shared = many(tree, 140)
    monkeypatch.setattr(parsing, "parse", parse)
    report = run(shared)
    assert len(report.findings) == 7
    assert [
        (note.kind, note.span.path.rpartition("/")[2]) for note in report.notifications if note.lost and note.span
    ] == [(what, "m021.c")]


def test_a_process_that_has_done_a_lot_leaves_the_rest_to_others(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from barrierlint.linking import units

    shared = many(tree, 140)
    expected = run(shared)
    monkeypatch.setattr(units, "_ENOUGH", 0.0)
    assert run(shared) == expected
