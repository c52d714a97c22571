"""JSON, workflow commands, the timeline, and files written whole."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from barrierlint.finding import Fault, Report, Span, Trace, TraceStep
from barrierlint.report import clang, file, github, timeline
from barrierlint.report import json as json_report
from barrierlint.report.lines import width


def test_json_holds_everything(case) -> None:
    document = json.loads(json_report.render(case.report, case.by_id))
    assert document["version"] == 1
    assert document["rules"] == {"BL001": {"name": "access-without-dsb", "summary": "No DSB before the access."}}
    (finding,) = document["findings"]
    assert finding["span"]["line"] == 5
    assert [step["role"] for step in finding["witness"]["steps"]] == ["write", "branch", "access"]
    assert finding["also"][0]["event"] == "Dsb sy"
    assert finding["confirmation"]["trace"]["fault"]["esr"] == 0x96000007
    assert finding["repair"]["lines"] == ["dsb(ishst);", "isb();"]
    assert [note["lost"] for note in document["notifications"]] == [False, True]
    assert (document["files"], document["functions"]) == (2, 3)


def test_json_is_ascii_so_that_nothing_in_it_steers_a_terminal(case) -> None:
    assert json_report.render(case.report, case.by_id).isascii()
    assert "\x1b" not in json_report.render(case.report, case.by_id)


CLANG_TIDY = re.compile(
    r"^(?P<path>[\S ]+?):(?P<line>\d+):(?P<column>\d+): (?P<level>\w+): (?P<text>.+?)( \[(?P<check>[\w-]+)\])?$"
)
"""A line as CodeChecker's clang-tidy parser and reviewdog's errorformat take it."""


def test_diagnostics_as_clang_prints_them(case) -> None:
    lines = clang.render(case.report, case.by_id).splitlines()
    head, *notes = [match for line in lines if (match := CLANG_TIDY.match(line))]
    assert (head["level"], head["check"], head["line"], head["column"]) == (
        "error",
        "BL001-access-without-dsb",
        "5",
        "21",
    )
    assert [note["text"].partition(":")[0] for note in notes] == ["write", "branch", "access", "repair"]
    assert all(note["level"] == "note" and note["check"] is None for note in notes)
    assert lines[1].strip() == "return /* 漢字 😀 */ *va;"
    assert lines[-1].startswith("error: ")


def test_workflow_commands(case) -> None:
    finding, lost = github.render(case.report, case.by_id).splitlines()
    assert finding.startswith(
        "::error file=map page.c,line=5,endLine=5,col=21,endColumn=24,title=BL001 access-without-dsb::"
    )
    assert "%0Acomplete the write on every path:%0Adsb(ishst);%0Aisb();" in finding
    assert lost.startswith("::error title=barrierlint parse-error::evil")


def test_workflow_commands_cannot_be_forged_by_a_path(case) -> None:
    hostile = replace(case.finding.witness.access, span=Span("a,b::\n::error ::x.c", 1, 1))
    finding = replace(case.finding, witness=replace(case.finding.witness, steps=(case.finding.witness.write, hostile)))
    assert "file=a%2Cb%3A%3A%0A%3A%3Aerror %3A%3Ax.c," in github.render(Report((finding,)), {})
    assert len(github.render(Report((finding,)), {}).splitlines()) == 1


TWO = Trace(
    (
        TraceStep("P1", "waits for the flag"),
        TraceStep("P0", "STR v"),
        TraceStep("TLB P1", "caches the old translation of x"),
        TraceStep("P10", "ISB"),
    ),
    Fault(1, 0x1000, "permission", 2, 0x9600000E, write=True),
)


def test_timeline_has_a_column_for_each_pe_and_one_for_the_hardware() -> None:
    heading, ruler, *rows, fault = timeline.render(TWO).splitlines()
    assert heading.split() == ["P0", "P1", "P10", "walker,", "TLB"]
    assert set(ruler) == {"─"}
    assert [row.split()[0] for row in rows] == ["1", "2", "3", "4"]
    assert rows[1].index("STR v") == heading.index("P0")
    assert rows[0].index("waits") == heading.index("P1")
    assert rows[2].index("TLB P1: caches") == heading.index("walker")
    assert fault == "⇒ P1: level 2 permission fault on write to 0x0000000000001000, ESR_EL1 0x9600000e"


@pytest.mark.parametrize("limit", [60, 80, 100])
def test_timeline_wraps_to_the_terminal(limit: int) -> None:
    long = Trace(tuple(replace(step, what=step.what + " and so on" * 9) for step in TWO.steps))
    lines = timeline.render(long, limit).splitlines()
    assert max(map(width, lines)) <= max(limit, 3 + 4 * 18)
    assert "".join(lines).count("so") == 4 * 9


def test_timeline_without_fault_or_hardware() -> None:
    assert timeline.render(Trace((TraceStep("P0", "STR"),))).splitlines() == ["   P0", "──────", "1  STR"]


def test_files_are_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "out.sarif"
    file.replace(str(target), "one é")
    assert target.read_text(encoding="utf-8") == "one é"
    target.chmod(0o600)
    file.replace(str(target), "two")
    assert target.read_text() == "two"
    assert target.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["out.sarif"]


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        file.replace(str(tmp_path / "no" / "out"), "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        file.replace(str(tmp_path / "folder"), "x")
    assert os.listdir(tmp_path) == ["folder"]


def test_devices_are_written_in_place() -> None:
    file.replace("/dev/null", "x")
    assert not Path("/dev/null").is_file()
