"""What calls of unseen functions are taken for is stated: by a model, by a flag, in the finding that rests on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from barrierlint.finding import Confidence, Report
from barrierlint.inputs import Request
from barrierlint.pipeline import Options, run

TEXT = """\
typedef unsigned long pte_t;
void elsewhere(void);
int map(pte_t *ptep, unsigned long pa, volatile int *va)
{
	*(volatile pte_t *)ptep = pa | 0x713;
	elsewhere();
	return *va;
}
"""
MODEL = "name: mine\nunknown_calls: {}\n"


def check(tmp_path: Path, flag: str = "", model: str = "") -> Report:
    (tmp_path / "mine.yaml").write_text(MODEL.format(model))
    (tmp_path / "a.c").write_text(TEXT)
    models = (str(tmp_path / "mine.yaml"),) if model else ()
    return run(Options(Request((str(tmp_path / "a.c"),), flags=()), models=models, unknown_calls=flag))


def told(report: Report) -> str:
    (found,) = report.findings
    return " / ".join(step.note for step in found.witness.steps)


@pytest.mark.parametrize(("flag", "model"), [("", ""), ("ignore", ""), ("", "ignore"), ("ignore", "assume-sync")])
def test_ignored_they_order_nothing_and_the_path_says_so(tmp_path: Path, flag: str, model: str) -> None:
    assert "calls elsewhere(), whose body was not seen: taken to order nothing" in told(check(tmp_path, flag, model))


@pytest.mark.parametrize(("flag", "model"), [("assume-sync", ""), ("", "assume-sync"), ("assume-sync", "ignore")])
def test_assumed_to_synchronize_they_end_every_debt(tmp_path: Path, flag: str, model: str) -> None:
    assert check(tmp_path, flag, model).findings == ()


@pytest.mark.parametrize(("flag", "model"), [("assume-access", ""), ("", "assume-access")])
def test_assumed_to_access_they_are_the_access_where_nothing_surer_is(tmp_path: Path, flag: str, model: str) -> None:
    assert len(check(tmp_path, flag, model).findings) == 1
    text = TEXT.replace("return *va;", 'asm volatile("dsb ish\\n\\tisb" ::: "memory");\n\treturn *va;')
    (tmp_path / "b.c").write_text(text)
    models = (str(tmp_path / "mine.yaml"),) if model else ()
    request = Request((str(tmp_path / "b.c"),), flags=())
    report = run(Options(request, models=models, unknown_calls=flag))
    (found,) = report.findings
    assert found.confidence is Confidence.POSSIBLE
    assert "calls elsewhere(), whose body was not seen: assumed to access what was mapped" in told(report)
    assert run(Options(request)).findings == ()
