"""The fixture harness itself: it must fail wherever a fixture and barrierlint disagree."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from barrierlint.finding import (
    Confidence,
    Confirmation,
    Finding,
    Notification,
    Report,
    Severity,
    Span,
    Verdict,
    Witness,
    WitnessStep,
)
from tests import annotations
from tests.fixtures.harness import Fixture, _findings, _notifications, _oks, _steps, at_most, deletions, without

SOURCE = """\
/* A page. */
// model: osv
// flags: -DX=1 -O2
void f(int *p)
{
    write(p);     // step: BL001
    // expect: BL001 confirmed exact "no DSB"
    read(p);      // ok: BL002 it is a DSB that lacks // event: Access read
    none();       // event: none
}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "page.c"
    path.write_text(SOURCE)
    return path


def test_everything_is_read(path: Path) -> None:
    found = annotations.read(path)
    assert found.expect == [annotations.Expected(8, "BL001", "confirmed", "exact", "no DSB")]
    assert found.step == [(6, "BL001")]
    assert found.ok == [(8, "BL002", "it is a DSB that lacks")]
    assert found.event == {8: ["Access read"], 9: []}
    assert found.words("model") == ["osv"]
    assert found.words("flags") == ["-DX=1", "-O2"]


@pytest.mark.parametrize(
    "line",
    [
        "x; // expect:",
        "x; // expect: BL001 surely",
        "x; // expect: bl001",
        "x; // ok: BL001",
        "x; // redundant:",
        "x; // event:",
        "// expect: BL001\n// and no code after it",
    ],
)
def test_annotations_that_say_nothing_are_errors(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.c"
    path.write_text(line + "\n")
    with pytest.raises(annotations.AnnotationError):
        annotations.read(path)


@pytest.mark.parametrize(
    "line", ["// see https://x.org: y", "x; // okay: fine", 'puts("a // b");', "// TODO: expect more"]
)
def test_other_comments_are_left_alone(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.c"
    path.write_text(line + "\nint x;\n")
    found = annotations.read(path)
    assert annotations.Annotations(path) == found


def finding(path: Path) -> Finding:
    steps = (
        WitnessStep(Span(str(path), 6, 5), "write", "write"),
        WitnessStep(Span(str(path), 8, 5), "read", "access"),
    )
    answer = Confirmation(Verdict.CONFIRMED)
    return Finding("BL001", "there is no DSB", Severity.ERROR, Confidence.EXACT, Witness(steps), confirmation=answer)


def fixture(path: Path, *findings: Finding, notes: tuple[Notification, ...] = ()) -> Fixture:
    made = Fixture(path)
    refuted = tuple(one for one in findings if one.confirmation.verdict is Verdict.REFUTED)
    made.report = Report(tuple(one for one in findings if one not in refuted), notes, refuted=refuted)
    return made


def said(made: Fixture) -> list[str]:
    return [line.split(": ", 1)[1] for check in (_findings, _steps, _notifications) for line in check(made)]


def test_agreement(path: Path) -> None:
    assert said(fixture(path, finding(path))) == []


def test_a_missing_finding_fails(path: Path) -> None:
    assert said(fixture(path)) == ["missing: BL001 confirmed exact no DSB", "no witness of BL001 passes here"]


def test_a_second_finding_fails(path: Path) -> None:
    (problem,) = said(fixture(path, finding(path), finding(path)))
    assert problem.startswith("not annotated: BL001")


@pytest.mark.parametrize(
    "change",
    [
        {"confirmation": Confirmation(Verdict.UNDECIDED)},
        {"confirmation": Confirmation(Verdict.REFUTED)},
        {"confidence": Confidence.POSSIBLE},
        {"message": "there is no ISB"},
        {"rule": "BL002"},
    ],
)
def test_a_finding_that_differs_fails(path: Path, change: dict[str, object]) -> None:
    problems = said(fixture(path, replace(finding(path), **change)))  # type: ignore[arg-type]
    assert "missing: BL001 confirmed exact no DSB" in problems
    assert any(problem.startswith("not annotated") for problem in problems)


def test_a_finding_elsewhere_fails(path: Path, tmp_path: Path) -> None:
    other = replace(finding(path).witness.access, span=Span(str(tmp_path / "other.c"), 8, 5))
    moved = replace(finding(path), witness=Witness((finding(path).witness.write, other)))
    assert len(said(fixture(path, moved))) == 2


def test_ok_speaks_of_known_rules_and_is_believed(path: Path) -> None:
    made = fixture(path, replace(finding(path), rule="BL002"))
    assert [line.split(": ", 1)[1] for line in _oks(made)] == ["BL002 reported where it is annotated ok"]
    path.write_text("f(); // ok: BL999 no such rule\n")
    assert [line.split(": ", 1)[1] for line in _oks(fixture(path))] == ["ok: there is no rule BL999"]


def test_notifications_are_annotated_in_both_directions(path: Path) -> None:
    notes = (Notification("missing-header", "x.h"), Notification("parse-error", "bad", lost=True))
    assert said(fixture(path, finding(path), notes=notes)) == [
        "notification not annotated: missing-header: x.h",
        "lost not annotated: parse-error: bad",
    ]
    path.write_text(SOURCE + "// notification: missing-header\n// lost: parse-error\n")
    assert said(fixture(path, finding(path), notes=notes)) == []
    assert said(fixture(path, finding(path))) == [
        "notification: missing-header was not said",
        "lost: parse-error was not said",
    ]


def test_annotations_of_headers_and_other_sources_belong_to_the_fixture(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text('// with: b.c\n#include "h.h"\n')
    (tmp_path / "b.c").write_text("int b; // ok: BL001 reason\n")
    (tmp_path / "h.h").write_text('#include "h.h"\n#include "missing.h"\nint h; // step: BL002\n')
    assert {file.path.name for file in Fixture(tmp_path / "a.c").files} == {"a.c", "b.c", "h.h"}


@pytest.mark.parametrize(
    ("source", "span", "expected"),
    [
        ('  asm("isb");\n x;', Span("", 1, 3, 1, 13), "  ((void)0);\n x;"),
        ('  asm("isb");\n x;', Span("", 1, 3, 1, 14), "  ((void)0);\n x;"),
        ('a;\nasm("dsb"\n    "isb");\nx;', Span("", 2, 1, 3, 11), "a;\n((void)0)\n;\nx;"),
        ("if (é) dsb();", Span("", 1, 9, 1, 14), "if (é) ((void)0);"),
    ],
)
def test_deleting_keeps_the_lines(source: str, span: Span, expected: str) -> None:
    assert without(source.encode(), span).decode() == expected


def test_a_fixture_that_hangs_is_stopped() -> None:
    with pytest.raises(TimeoutError, match=r"slow\.c took more than 1 s"), at_most(1, "slow.c"):
        time.sleep(5)
    with at_most(1, "quick.c"):
        time.sleep(0.01)
    time.sleep(1.1)


def test_instructions_of_one_statement_are_deleted_one_by_one() -> None:
    source = b'asm volatile("str %1, [%0]\\n\\tDSB ishst; isb" : : "r"(dsb));'
    assert list(deletions(source, Span("", 1, 1, 1, len(source) + 1))) == [
        b'asm volatile("str %1, [%0]\\n\\tnop      ; isb" : : "r"(dsb));',
        b'asm volatile("str %1, [%0]\\n\\tDSB ishst; nop" : : "r"(dsb));',
    ]


def test_a_macro_is_deleted_as_a_whole() -> None:
    source = b"\tdsb(ishst);"
    assert list(deletions(source, Span("", 1, 2, 1, 12))) == [b"\t((void)0);"]
