"""Barriers left out one by one and set by set: what each is good for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from barrierlint.sim.ablation import Barrier, ablate, barriers, without
from barrierlint.sim.litmus import LitmusTest, parse
from barrierlint.sim.run import Result, simulate

LITMUS = Path(__file__).parents[2] / "fixtures" / "litmus"


def load(name: str) -> LitmusTest:
    return parse((LITMUS / f"{name}.litmus").read_text(encoding="utf-8"))


def texts(some: Iterable[Barrier]) -> list[str]:
    return [barrier.text for barrier in some]


def test_which_instructions_of_the_flush_cured_osv_1117() -> None:
    """The ISB and either DSB; the TLBI itself has no part in it."""
    found = ablate(load("own/cure.I2V+dsb.sy-vmalle1is-dsb.sy-isb"))
    assert found.outcome.result is Result.FORBIDDEN
    assert [(barrier.text, outcome.result) for barrier, outcome in found.without] == [
        ("DSB SY", "FORBIDDEN"),
        ("TLBI VMALLE1IS", "FORBIDDEN"),
        ("DSB SY", "FORBIDDEN"),
        ("ISB", "ALLOWED"),
    ]
    every = [barrier for barrier, _ in found.without]
    assert found.enough == ((every[0], every[3]), (every[2], every[3]))
    assert found.complete


def test_every_part_of_break_before_make_is_needed() -> None:
    found = ablate(load("S9.BBM.OA+bbm"))
    assert {outcome.result for _, outcome in found.without} == {Result.ALLOWED}
    assert found.enough == (tuple(barrier for barrier, _ in found.without),)


def test_with_ets2_no_barrier_is_needed() -> None:
    found = ablate(load("S1.I2V.LDR+dsb.ish-isb"), "ets2")
    assert {outcome.result for _, outcome in found.without} == {Result.FORBIDDEN}
    assert found.enough == ((),)


def test_what_can_happen_anyway_has_nothing_to_leave_out() -> None:
    found = ablate(load("S1.I2V.LDR+dsb.ish"))
    assert (found.outcome.result, found.without, found.enough) == (Result.ALLOWED, (), ())


def test_where_sets_were_not_tried_that_is_said() -> None:
    found = ablate(load("own/cure.I2V+dsb.sy-vmalle1is-dsb.sy-isb"), runs=8)
    assert (len(found.enough), found.complete) == (1, False)


@pytest.mark.parametrize("family", ["S1", "S5", "S7", "S8"])
def test_the_sets_found_are_enough_and_minimal(family: str) -> None:
    minimal = 0
    for path in sorted(LITMUS.glob(f"{family}.*.litmus")):
        test = load(path.stem)
        every = set(barriers(test.program))
        for kept in ablate(test).enough:
            minimal += 1
            assert simulate(without(test, every - set(kept))).result is Result.FORBIDDEN
            for one in kept:
                assert simulate(without(test, every - set(kept) | {one})).result is Result.ALLOWED, (path.stem, one)
    assert minimal >= 2


def test_labels_and_addresses_stay() -> None:
    test = load("S1.I2V.LDR+dsb.ish-isb")
    left = without(test, barriers(test.program)).program
    assert left.pes[0].labels == test.program.pes[0].labels
    assert texts(barriers(left)) == []
    assert texts(barriers(test.program)) == ["DSB ISH", "ISB"]
