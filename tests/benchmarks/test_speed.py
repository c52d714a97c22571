"""The speed benchmark: what it measures is what it says, at sizes that take no time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from barrierlint.inputs import Request
from barrierlint.linking.gathering import Means
from barrierlint.pipeline import Options, run
from benchmarks.speed import growth, results, sources
from benchmarks.speed.growth import Curve
from benchmarks.speed.timing import Command, Refused, TooLong, once, together
from benchmarks.speed.works import Row


def found(path: Path) -> list[str]:
    """The rules of what is found in a generated file, which must be read whole."""
    report = run(Options(Request((str(path),), flags=(sources.TARGET,)), ignore=("BL4",), means=Means()))
    lost = [note.message for note in report.notifications if note.lost or note.kind == "parse-error"]
    assert lost == []
    return [finding.rule for finding in report.findings]


@pytest.mark.parametrize("name", sources.GROWTH)
def test_what_grows_is_clean_and_whole(tmp_path: Path, name: str) -> None:
    write, suffix, _ = sources.GROWTH[name]
    path = tmp_path / f"source{suffix}"
    path.write_text(write(3))
    assert found(path) == []


def test_the_ordinary_file_holds_no_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "ordinary.c"
    path.write_text(sources.ordinary(200))
    assert path.read_text().count("\n") >= 200
    assert found(path) == []


def test_the_project_is_one_program(tmp_path: Path) -> None:
    sources.project(tmp_path, 12)
    report = run(Options(Request((str(tmp_path),), database=str(tmp_path)), ignore=("BL4",), means=Means()))
    assert report.files == 12
    assert not report.findings


def test_processes_are_charged_with_their_children(tmp_path: Path) -> None:
    spin = "import time\nwhile time.process_time() < 0.2: pass\n"
    words = [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {spin!r}])"]
    cost = once(Command(words, tmp_path))
    assert cost.cpu >= 0.2
    assert cost.status == 0


def test_each_round_runs_every_command_after_its_preparation(tmp_path: Path) -> None:
    told: list[str] = []
    words = [sys.executable, "-c", "pass"]
    together([Command(words, tmp_path, before=lambda: told.append("a")), Command(words, tmp_path)], 3)
    assert told == ["a"] * 3


def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(TooLong, match="more than 0"):
        once(Command([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path), 0.2)


def test_what_did_not_work_is_not_measured(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="exit status 2"):
        once(Command([sys.executable, "-c", "raise SystemExit(2)"], tmp_path, statuses=(0, 1)))


@pytest.mark.parametrize(
    ("ours", "holds"),
    [((1.1, 2.1, 14.1), True), ((1.1, 2.1, 101.1), False)],
)
def test_growth_is_judged_by_n_log_n(ours: tuple[float, ...], holds: bool) -> None:
    curve = Curve("x", (10, 100, 1000), ours, (0.1, 0.1, 0.1), 1.0)
    assert curve.holds() is holds


def test_a_curve_that_was_cut_off_does_not_hold() -> None:
    assert not Curve("x", (10, 100), (1.1, 1.2), (0.1, 0.1), 1.0, ended=1000).holds()


def test_the_page_says_what_was_missed(tmp_path: Path) -> None:
    cost = once(Command([sys.executable, "-c", "pass"], tmp_path))
    rows = [Row("this", cost, "3 ×", "1.5 ×", False), Row("a peer", cost, "2 ×", "", True)]
    curve = Curve("deep", (10, 100), (1.1, 1.2), (0.1, 0.1), 1.0, ended=1000)
    page = results.render(rows, [curve], "abc", "growth.svg", ["cppcheck: not installed"])
    assert "| 3 × | 1.5 × | **no** |" in page
    assert "| a peer |" in page
    assert "1,000: more than the limit" in page
    assert "- cppcheck: not installed" in page


def test_the_plot_is_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    growth.plot([Curve("x", (10, 100), (1.1, 1.2), (0.1, 0.1), 1.0)], tmp_path / "growth.svg")
    assert (tmp_path / "growth.svg").read_text().startswith("<?xml")
