"""`.barrierlint.yaml` and `[tool.barrierlint]`: found, obeyed, overridden, and refused in one line."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml

from barrierlint import arguments
from barrierlint.configuration import KEYS, schema

from .conftest import Run

SHIPPED = json.loads(files("barrierlint").joinpath("barrierlint.schema.json").read_text())
VALIDATOR = jsonschema.Draft7Validator(SHIPPED)


def put(text: str, name: str = ".barrierlint.yaml") -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".barrierlint.yaml", "ignore: [BL0]\n"),
        (".barrierlint.yaml", "ignore: access-without-dsb\n"),
        (".barrierlint.yaml", "select:\n  - BL002\n"),
        ("pyproject.toml", '[tool.barrierlint]\nignore = ["BL001"]\n'),
    ],
)
def test_it_is_obeyed(run: Run, name: str, text: str) -> None:
    put(text, name)
    assert run("bad.c", "--").status == 0
    assert run("bad.c", "--no-config", "--").status == 1


def test_the_command_line_goes_before(run: Run) -> None:
    put("select: [BL002]\nfail-on: error\n")
    assert run("bad.c", "--select", "BL001", "--fail-on", "note", "--").status == 1


def test_the_nearest_counts_up_to_the_repository_s_root(run: Run) -> None:
    put("ignore: ALL\n")
    put("select: ALL\n", "near/.barrierlint.yaml")
    put(Path("bad.c").read_text(), "near/deep/bad.c")
    assert run("near/deep/bad.c", "--").status == 1
    put("ignore: ALL\n", "near/.barrierlint.yaml")
    assert run("near/deep/bad.c", "--").status == 0
    Path("near/deep/.git").mkdir()
    assert run("near/deep/bad.c", "--").status == 1


def test_a_pyproject_without_our_table_is_passed_over(run: Run) -> None:
    put("ignore: ALL\n")
    put("[tool.other]\n", "near/pyproject.toml")
    put(Path("bad.c").read_text(), "near/bad.c")
    assert run("near/bad.c", "--").status == 0


def test_paths_are_relative_to_the_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("bad.c", "--write-baseline", "known.json", "--")
    put("baseline: known.json\n")
    Path("deep").mkdir()
    monkeypatch.chdir("deep")
    assert run("../bad.c", "--").status == 0


def test_a_file_can_be_named(run: Run) -> None:
    put("ignore: ALL\n", "other.yaml")
    assert run("bad.c", "--config", "other.yaml", "--").status == 0
    ran = run("bad.c", "--config", "gone.yaml", "--")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == "barrierlint: gone.yaml:1:1: cannot be read (No such file or directory); check the path\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("selekt: [BL001]", ".barrierlint.yaml:1:1: unknown key 'selekt'; did you mean 'select'?"),
        ("select: [L001]", ".barrierlint.yaml:1:10: 'L001' names no rule; use ids such as BL001, or ALL"),
        ("select: {BL001: yes}", "expected text, found a mapping"),
        ("no-confirm: perhaps", ".barrierlint.yaml:1:13: expected true or false"),
        ("fail-on: panic", "'panic' is not one of error, warning, note"),
        ("fail-on: error\nfail-on: note", ".barrierlint.yaml:2:1: 'fail-on' is given twice"),
        ("select: [", "not YAML"),
        ("- select", "expected a mapping, found a list"),
        ("", "a configuration needs at least one 'key: value'"),
        ("model: !!python/object/apply:os.system ['touch x']", "expected text, found a os.system"),
        ("features: warp", "unknown feature 'warp'"),
        ("select: BL999", "unknown rule 'BL999'"),
    ],
)
def test_a_broken_one_is_one_line(run: Run, text: str, told: str) -> None:
    put(text)
    ran = run("bad.c", "--")
    assert (ran.status, ran.out) == (2, "")
    assert told in ran.err
    assert ran.err.count("\n") == 1 or "usage:" in ran.err
    assert not Path("x").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[tool.barrierlint]\nselekt = 1",
            "pyproject.toml: [tool.barrierlint]: unknown key 'selekt'; did you mean 'select'?",
        ),
        (
            "[tool.barrierlint]\nselect = 1",
            "pyproject.toml: [tool.barrierlint] select: expected a list of texts, found 1",
        ),
        ("[tool.barrierlint]\nfail-on = 'panic'", "'panic' is not one of error, warning, note"),
        ("[tool.barrierlint]\nselect = ['L1']", "'L1' names no rule"),
        ("[tool.barrierlint", "pyproject.toml: cannot be read"),
    ],
)
def test_a_broken_table_is_one_line(run: Run, text: str, told: str) -> None:
    put(text, "pyproject.toml")
    ran = run("bad.c", "--")
    assert (ran.status, ran.out) == (2, "")
    assert told in ran.err
    assert ran.err.count("\n") == 1


def test_every_key_is_an_option_of_check() -> None:
    options = {action.dest for action in arguments.subparser("check")._actions}
    assert {key.option for key in KEYS if key.kind != "compile"} <= options


def test_the_shipped_schema_is_the_code_s() -> None:
    assert schema() == SHIPPED
    jsonschema.Draft7Validator.check_schema(SHIPPED)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("select: [BL0, all, access-without-dsb]\nmodel: osv\n", True),
        ("extra-arg: [-DX, -Iinclude]\nno-confirm: true\nfail-on: warning\n", True),
        ("selekt: [BL001]", False),
        ("select: [L001]", False),
        ("no-confirm: perhaps", False),
        ("fail-on: panic", False),
        ("select: {BL001: yes}", False),
        ("compile: [{files: ['*.c'], include: [inc], define: [A=1], borrow: {x.h: y.h}, host-headers: yes}]", True),
        ("compile: [{includes: [inc]}]", False),
        ("compile: {include: [inc]}", False),
        ("compile: [{host-headers: perhaps}]", False),
    ],
)
def test_schema_and_code_agree(run: Run, text: str, good: bool) -> None:
    put(text)
    assert VALIDATOR.is_valid(yaml.safe_load(text)) is good
    assert (run("good.c", "--").status == 0) is good
