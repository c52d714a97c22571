"""The text report: what a person reads, and what must never reach a terminal."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest

from barrierlint.finding import (
    Confidence,
    Confirmation,
    Edit,
    Finding,
    Notification,
    Repair,
    Report,
    Severity,
    Span,
    Verdict,
    Witness,
    WitnessStep,
)
from barrierlint.report import text
from barrierlint.report.defect import MAX_STEPS
from barrierlint.report.lines import excerpt, printable, read_lines, width
from barrierlint.report.snippet import Frame, insertion
from barrierlint.report.style import Style, wants_colour

EXPECTED = """\
error[BL001 access-without-dsb]: access through va before a DSB
  --> map page.c:5:21
   |
 5 |     return /* 漢字 😀 */ *va;
   |                          ^^^ needs DSB ISHST and ISB before this
   |
   = path: 3 steps, in the order of execution
    1. write    map page.c:3:2 in map
 3 |     set_pte(p, v);
   |     ^^^^^^^^^^^^^ makes the descriptor valid
    2. branch   map page.c:4:6 in map
 4 |     if (!fast) { dsb(ishst); isb(); }
   |         ^^^^^ fast is not zero
    3. access   map page.c:5:21 in map
 5 |     return /* 漢字 😀 */ *va;
   |                          ^^^ reads through va
   = missing: DSB ISHST, ISB
   = descriptor: set_pte takes a pte_t
   = confidence: exact: the address accessed flows from the address mapped
   = simulation: confirmed (17 states): P0: level 3 translation fault on access to 0xffff80000a000000 (va), \
ESR_EL1 0x96000007; with the repair none of 9 states faults
   |      P0                                        walker, TLB
   |   ───────────────────────────────────────────────────────────────────────────────────
   |   1  STR v to the descriptor, not yet visible
   |   2                                            walker P0: reads the descriptor: invalid
   |   3  LDR through va
   |   ⇒ P0: level 3 translation fault on access to 0xffff80000a000000 (va), ESR_EL1 0x96000007
   = also: the same defect at 1 more place
   |   map page.c:1:5 in other: another caller
   = help: complete the write on every path
  --> map page.c:5:2
 + |     dsb(ishst);
 + |     isb();
 5 |     return /* 漢字 😀 */ *va;
   = fingerprint: 0123456789abcdef

error[parse-error]: evil ␛[31m\ufffd name
map page.c:1:1: warning[missing-header]: asm/foo.h not found
1 error (1 confirmed by simulation) in 3 functions of 2 files; 1 part of the input not analysed
"""


def squeezed(report: str) -> str:
    """The report with the table's ruler shortened: its length follows from the rows."""
    return re.sub("─+", "─", report)


def test_whole_report(case) -> None:
    assert squeezed(text.render(case.report, case.by_id)) == squeezed(EXPECTED)


def test_colours_change_nothing_but_colours(case) -> None:
    plain = text.render(case.report, case.by_id)
    coloured = text.render(case.report, case.by_id, text.View(Style(True)))
    assert "\x1b[1;31m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


def test_quiet_is_one_line_a_finding_and_a_loss(case) -> None:
    assert text.render(case.report, case.by_id, text.View(quiet=True)).splitlines() == [
        "map page.c:5:21: error: BL001 access through va before a DSB",
        "error[parse-error]: evil ␛[31m\ufffd name",
    ]


def test_source_that_is_gone(case) -> None:
    case.path.unlink()
    read_lines.cache_clear()
    report = text.render(case.report, case.by_id)
    assert "(source not available) makes the descriptor valid" in report
    assert "+ | dsb(ishst);" in report


@pytest.mark.parametrize(
    ("source", "edits", "patch"),
    [
        (
            "void f(void)\n{\n\tg();\n\n}\n",
            [(4, 1, "\tdsb();\n\tisb();\n")],
            ["+ |     dsb();", "+ |     isb();", "4 |"],
        ),
        ("\n  g();\n", [(2, 1, "  isb();\n")], ["+ |   isb();", "2 |   g();"]),
        ("f() { g(); }\n", [(1, 12, "isb(); ")], ["- | f() { g(); }", "+ | f() { g(); isb(); }"]),
        (
            "if (a)\n  g();\n}\n",
            [(1, 7, " {"), (2, 1, "  isb();\n"), (3, 1, "}\n")],
            ["- | if (a)", "+ | if (a) {", "+ |   isb();", "2 |   g();", "+ | }", "3 | }"],
        ),
        ("a();\r\nb();\r\n", [(2, 1, "isb();\r\n")], ["+ | isb();", "2 | b();"]),
    ],
)
def test_repairs_show_what_goes_and_what_comes(
    tmp_path: Path, source: str, edits: list[tuple[int, int, str]], patch: list[str]
) -> None:
    path = tmp_path / "a.c"
    path.write_bytes(source.encode())
    read_lines.cache_clear()
    made = tuple(Edit(Span(str(path), line, column), added) for line, column, added in edits)
    repair = Repair(made[0].span, ("dsb();", "isb();"), "why", made)
    assert [line.strip() for line in insertion(Frame(Style(), 2), repair)] == patch


def test_refuted_findings_show_when_verbose_only(case) -> None:
    answer = Confirmation(Verdict.REFUTED, states=5, reason="the barrier is in the callee")
    refuted = replace(case.finding, confirmation=answer)
    report = Report((), (), 1, 1, refuted=(refuted,))
    assert text.render(report, case.by_id) == "no findings in 1 function of 1 file; 1 suspicion refuted by simulation\n"
    verbose = text.render(report, case.by_id, text.View(verbose=True))
    assert "refuted[BL001 access-without-dsb]: map page.c:5:21" in verbose
    assert "refuted (5 states); the barrier is in the callee" in verbose


def test_boundary_findings_point_at_the_write(case) -> None:
    finding = replace(case.finding, confidence=Confidence.BOUNDARY)
    report = text.render(Report((finding,)), case.by_id)
    assert "--> map page.c:3:2" in report.splitlines()[1]
    assert "needs DSB ISHST and ISB after this" in report


def long_path(case, count: int) -> Finding:
    write, _, access = case.finding.witness.steps
    calls = tuple(WitnessStep(Span(str(case.path), 1), f"call number {at}", "call") for at in range(count - 2))
    return replace(case.finding, witness=Witness((write, *calls, access)))


@pytest.mark.parametrize(("count", "folded"), [(MAX_STEPS, 0), (MAX_STEPS + 1, 1), (MAX_STEPS + 30, 30)])
def test_long_paths_are_folded_in_the_middle(case, count: int, folded: int) -> None:
    report = text.render(Report((long_path(case, count),)), case.by_id)
    assert (f"… {folded} more steps" in report) == bool(folded)
    assert report.count("call number") == count - 2 - folded
    assert f"{count}. access" in report
    verbose = text.render(Report((long_path(case, count),)), case.by_id, text.View(verbose=True))
    assert verbose.count("call number") == count - 2


def test_notifications_of_a_kind_are_counted_beyond_three() -> None:
    notes = tuple(Notification("unknown-call", f"f{at}") for at in range(7))
    notes += (Notification("unknown-flag", "-mabi=lp64", severity=Severity.NOTE),)
    report = text.render(Report((), notes), {})
    assert report.count("warning[unknown-call]") == 3
    assert "note: 5 more notes (-v shows them): 4 unknown-call, 1 unknown-flag" in report
    assert text.render(Report((), notes), {}, text.View(verbose=True)).count("unknown-call") == 7


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a\tb\n", "a b "),
        ("\x1b]0;x\x07", "␛]0;x␇"),
        ("\x7f\x9b", "␡\ufffd"),
        ("\u202eab\u2066", "\ufffdab\ufffd"),
        ("é漢", "é漢"),
    ],
)
def test_nothing_steers_the_terminal(given: str, shown: str) -> None:
    assert printable(given) == shown


def test_a_line_with_tabs_wide_characters_and_bad_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.c"
    path.write_bytes(b"a\tb\xe6\xbc\xa2\xff\tx = 1;\r\n")
    read_lines.cache_clear()
    found = excerpt(Span(str(path), 1, 9, 1, 10))
    assert found is not None
    assert found.text == "a   b漢\ufffd    x = 1;"
    assert (found.start, found.length) == (width("a   b漢\ufffd    "), 1)


def test_long_lines_keep_the_span_in_view(tmp_path: Path) -> None:
    path = tmp_path / "a.c"
    path.write_text("x" * 5000 + " TARGET " + "y" * 5000)
    read_lines.cache_clear()
    found = excerpt(Span(str(path), 1, 5002, 1, 5008), limit=100)
    assert found is not None
    assert width(found.text) <= 102
    assert found.text[found.start : found.start + found.length] == "TARGET"


@pytest.mark.parametrize("line", [0, 2, 99])
def test_lines_that_do_not_exist(tmp_path: Path, line: int) -> None:
    path = tmp_path / "a.c"
    path.write_text("x")
    read_lines.cache_clear()
    assert excerpt(Span(str(path), line, 1)) is None


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("choice", "environment", "terminal", "expected"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "1"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "0"}, False, False),
        ("auto", {"CLICOLOR": "0"}, True, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_when_to_colour(choice: str, environment: dict[str, str], terminal: bool, expected: bool) -> None:
    assert wants_colour(choice, Terminal() if terminal else io.StringIO(), environment) is expected
