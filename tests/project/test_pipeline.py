"""The pipeline itself: a stage that breaks on one input costs that input, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from barrierlint import models
from barrierlint.finding import Notification, Severity, Span
from barrierlint.inputs import Request
from barrierlint.linking.losses import attempts, listed, said_once
from barrierlint.pipeline import Options, run
from barrierlint.source import SourceError

BAD = """\
typedef unsigned long pte_t;
int map(pte_t *ptep, unsigned long pa, volatile int *va)
{
	*(volatile pte_t *)ptep = pa | 0x713;
	return *va;
}
"""


def broken(error: Exception) -> int:
    raise error


def test_what_fails_is_lost_and_the_rest_is_done() -> None:
    errors = (RecursionError(), SourceError("three.c:1: cannot"), KeyError("four"))
    tasks = [
        ("one.c", lambda: 1),
        *((f"{error!r}", lambda e=error: broken(e)) for error in errors),
        ("five.c", lambda: 5),
    ]
    results, lost = attempts(tasks)
    assert results == [1, 5]
    assert [note.kind for note in lost] == ["too-deep", "parse-error", "internal-error"]
    assert all(note.lost and note.severity is Severity.ERROR for note in lost)
    assert "test_pipeline.py:" in lost[2].message


@pytest.mark.parametrize(
    "stage",
    [
        "barrierlint.source.parsing.parse",
        "barrierlint.cfg.lower_unit",
        "barrierlint.cfg.join.join",
        "barrierlint.rules.check",
    ],
)
def test_a_stage_that_breaks_is_no_clean_report(stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bad.c"
    path.write_text(BAD)
    options = Options(Request((str(path),), flags=()))
    assert len(run(options).findings) == 1

    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(stage, breaks)
    report = run(options)
    assert report.findings == ()
    (note,) = [note for note in report.notifications if note.lost]
    assert note.kind == "internal-error"
    assert "bad.c: internal error, please report it: ZeroDivisionError: planted" in note.message


def test_names_of_many_files_are_counted() -> None:
    assert listed(["a.c"]) == "a.c"
    assert listed(["a.c", "b.c", "c.c", "d.c", "e.c"]) == "a.c, b.c, c.c and 2 more"


def note(kind: str, message: str, line: int, lost: bool = False, path: str = "a.c") -> Notification:
    return Notification(kind, message, Span(path, line), lost)


def test_one_line_a_loss() -> None:
    body = note("lost-body", "`f` could not be read completely: expected expression", 3, True)
    same, other = note("parse-error", "expected expression", 3), note("parse-error", "expected ')'", 9)
    kept = said_once([body, same, other])
    assert [one.severity for one in kept] == [Severity.WARNING, Severity.NOTE, Severity.WARNING]
    assert [one.lost for one in kept] == [True, False, False]


def test_a_file_given_up_on_shows_its_first_error_and_another_file_is_left_alone() -> None:
    whole = note("parse-error", "a.c: nothing could be read", 1, True)
    first, second = note("parse-error", "expected ')'", 4), note("parse-error", "expected '}'", 9)
    elsewhere = note("parse-error", "expected ';'", 2, path="b.c")
    kept = said_once([whole, first, second, elsewhere])
    assert kept[0].message == "a.c: nothing could be read; the first is: expected ')'"
    assert (kept[0].lost, kept[0].span) == (True, first.span)
    assert [one.severity for one in kept[1:]] == [Severity.NOTE, Severity.NOTE, Severity.WARNING]


def test_shipped_models_load_as_check_loads_them() -> None:
    from barrierlint.linking.modelled import Modelled

    assert Modelled(models.shipped(), ()).models.names
