"""Every litmus test agrees with its verdict under base, ETS2 and ETS3; our own, beyond herd7, with the Arm ARM."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from barrierlint.sim.litmus import parse
from barrierlint.sim.machine import Setting
from barrierlint.sim.run import simulate

LITMUS = Path(__file__).parents[2] / "fixtures" / "litmus"
OWN = LITMUS / "own"


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


VERDICTS = table(LITMUS / "verdicts.tsv")
ROWS = table(OWN / "own.tsv")


def setting(text: str) -> Setting:
    name, _, value = text.partition("=")
    match name:
        case "two-inner-domains":
            return Setting(domains=((0, 0), (1, 0)))
        case "regime":
            return Setting(regime=value)
        case "asid":
            return Setting(asid=int(value))
        case "":
            return Setting()
        case _:
            raise ValueError(text)


def test_the_set_is_whole() -> None:
    assert len(VERDICTS) == 276
    assert {row["name"] for row in VERDICTS} == {path.stem for path in LITMUS.glob("*.litmus")}
    for column in ("base", "ets2", "ets3"):
        assert {row[column] for row in VERDICTS} == {"ALLOWED", "FORBIDDEN"}


@pytest.mark.parametrize("features", ["base", "ets2", "ets3"])
@pytest.mark.parametrize("family", sorted({row["name"].split(".")[0] for row in VERDICTS}))
def test_agrees_with_herd7(family: str, features: str) -> None:
    rows = [row for row in VERDICTS if row["name"].split(".")[0] == family]
    wrong = []
    for row in rows:
        test = parse((LITMUS / f"{row['name']}.litmus").read_text(encoding="utf-8"))
        outcome = simulate(test, features)
        assert outcome.name == row["name"]
        assert (outcome.trace is not None) == (outcome.result == "ALLOWED")
        if outcome.result != row[features]:
            wrong.append((row["name"], row[features], outcome.result))
    assert not wrong


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_agrees_with_the_arm_arm(row: dict[str, str]) -> None:
    test = parse((OWN / f"{row['name']}.litmus").read_text(encoding="utf-8"))
    assert simulate(test, setting=setting(row["setting"])).result == row["base"]
    assert row["source"].startswith("DDI 0487")


def test_every_row_has_its_twin() -> None:
    verdicts = {row["name"]: row["base"] for row in ROWS}
    assert {row["name"] for row in ROWS} == {path.stem for path in OWN.glob("*.litmus")}
    for row in ROWS:
        assert {row["base"], verdicts[row["twin"]]} == {"ALLOWED", "FORBIDDEN"}, row["name"]
