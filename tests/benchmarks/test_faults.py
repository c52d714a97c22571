"""The quick ones of the faults; `python -m benchmarks.faults` does all."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faults.cases import CASES, Case

QUICK = [case for case in CASES if case.quick]


@pytest.mark.parametrize("case", QUICK, ids=[case.name for case in QUICK])
def test_nothing_is_lost(tmp_path: Path, case: Case) -> None:
    row = case.row(tmp_path)
    assert row.lost == "nothing"
    assert str(tmp_path) not in row.said


def test_each_fault_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
