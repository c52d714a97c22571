"""What is left out of a report: suppressed in the source, known from a baseline, outside of a change."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from .conftest import BAD, Run

SECOND = BAD.replace("map(", "map_again(").replace("0x713", "0x703").replace("typedef unsigned long pte_t;\n", "")


def put(text: str) -> None:
    Path("bad.c").write_text(text)


def marked(comment: str, line: int, *, alone: bool = False) -> None:
    """BAD with a comment behind line `line`, or alone above it."""
    lines = BAD.splitlines()
    lines[line - 1 : line] = [comment, lines[line - 1]] if alone else [f"{lines[line - 1]} {comment}"]
    put("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("comment", "line", "alone"),
    [
        ("// barrierlint: ignore[BL001] walked later", 6, False),
        ("/* barrierlint: ignore[BL001] walked later */", 6, True),
        ("// barrierlint: ignore[access-without-dsb] by name", 6, False),
        ("// barrierlint: ignore[bl0] the family", 5, False),
        ("// barrierlint: ignore-next-line[BL001] walked later", 4, False),
        ("// barrierlint: ignore-function[BL001] walked later", 3, True),
        ("// barrierlint: ignore-function[BL001] walked later", 4, False),
        ("// barrierlint: ignore-file[ALL] not ours", 1, True),
    ],
)
def test_a_comment_hides_a_finding(run: Run, comment: str, line: int, alone: bool) -> None:
    marked(comment, line, alone=alone)
    ran = run("bad.c", "--")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == "no findings in 1 function of 1 file; 1 finding suppressed in the source\n"


@pytest.mark.parametrize(
    ("comment", "line", "alone", "told"),
    [
        ("// barrierlint: ignore[BL002] another rule", 6, False, "bad.c:6:17: warning[suppression]: hides nothing"),
        ("// barrierlint: ignore[BL001] another line", 3, False, "hides nothing: no finding of BL001 here; remove it"),
        ("// barrierlint: ignore-function[BL001] behind it", 7, False, ""),
        ("// barrierlint: ignore[BL0011] mistyped", 6, False, "unknown rule 'BL0011': did you mean BL001?"),
        ("// barrierlint: ignor[BL001] mistyped", 6, False, "unknown word 'ignor'"),
        ("// barrierlint: ignore BL001", 6, False, "name the rules: ignore[BL001] reason"),
    ],
)
def test_a_comment_that_hides_nothing_says_so(run: Run, comment: str, line: int, alone: bool, told: str) -> None:
    marked(comment, line, alone=alone)
    ran = run("bad.c", "--")
    assert (ran.status, "suppressed" in ran.out) == ((1, False) if told else (0, True))
    assert told in ran.out


def test_a_reason_is_asked_for(run: Run) -> None:
    marked("// barrierlint: ignore[BL001]", 6)
    assert run("bad.c", "--").status == 0
    assert "bad.c:6:17: note[suppression]: give a reason" in run("bad.c", "-v", "--").out


def test_a_comment_inside_a_string_is_none(run: Run) -> None:
    put(BAD + 'const char *text = "// barrierlint: ignore-file[ALL] not a comment";\n')
    assert run("bad.c", "--").status == 1


def test_a_rule_not_asked_for_is_not_unused(run: Run) -> None:
    marked("// barrierlint: ignore[BL001] walked later", 6)
    assert "hides nothing" not in run("bad.c", "--select", "BL002", "--").out


def test_suppressed_findings_are_in_json_and_not_in_sarif(run: Run) -> None:
    marked("// barrierlint: ignore[BL001] walked later", 6)
    assert [f["rule"] for f in json.loads(run("bad.c", "--format", "json", "--").out)["suppressed"]] == ["BL001"]
    assert json.loads(run("bad.c", "--format", "sarif", "--").out)["runs"][0]["results"] == []


def test_a_baseline_survives_edits_around(run: Run) -> None:
    written = run("bad.c", "--write-baseline", "known.json", "--")
    assert (written.status, written.out) == (0, "")
    assert "wrote known.json: 1 finding known from now on" in written.err
    for text in ("// new\n\n" + BAD, BAD.replace("\t", "        "), SECOND_FIRST()):
        put(text)
        ran = run("bad.c", "--baseline", "known.json", "--")
        assert "1 finding known from the baseline" in ran.out
        assert ran.status == ("map_again" in text)
    Path("bad.c").rename("renamed.c")
    put("")
    assert "1 finding known" in run("renamed.c", "--baseline", "known.json", "--").out


def SECOND_FIRST() -> str:
    """A new defect above the known one."""
    head, _, rest = BAD.partition("\n")
    return f"{head}\n{SECOND}{rest}"


def test_equal_findings_are_counted(run: Run) -> None:
    twice = BAD.replace("return *va;", "int first = *va;\n\treturn first;")
    put(twice)
    run("bad.c", "--write-baseline", "known.json", "--")
    entries = json.loads(Path("known.json").read_text())["findings"]
    assert [entry["rule"] for entry in entries] == ["BL001"]
    assert run("bad.c", "--baseline", "known.json", "--").status == 0


def test_a_stale_baseline_says_so(run: Run) -> None:
    run("bad.c", "--write-baseline", "known.json", "--")
    ran = run("good.c", "--baseline", "known.json", "--")
    assert ran.status == 0
    assert "warning[stale-baseline]: known.json knows 1 finding that no longer occurs" in ran.out
    told = run("good.c", "--baseline", "known.json", "-v", "--").out
    assert "gone since known.json was written: bad.c: BL001" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "known.json:1:2: not a baseline: it is no JSON"),
        ("[]", "known.json: not a baseline of barrierlint"),
        ('{"tool": "barrierlint", "version": 1}', "'findings' is to be a list"),
        ('{"tool": "barrierlint", "version": 1, "findings": [{}]}', "entry 1 of 'findings' has no fingerprint"),
        ("[" * 100_000, "not a baseline"),
    ],
)
def test_a_broken_baseline_is_one_line(run: Run, text: str, told: str) -> None:
    Path("known.json").write_text(text)
    ran = run("bad.c", "--baseline", "known.json", "--")
    assert (ran.status, ran.out) == (2, "")
    assert told in ran.err
    assert ran.err.count("\n") == 1


def test_a_missing_baseline_and_an_unwritable_one(run: Run) -> None:
    assert "cannot read the baseline gone.json" in run("bad.c", "--baseline", "gone.json", "--").err
    assert "cannot write nowhere/known.json" in run("bad.c", "--write-baseline", "nowhere/known.json", "--").err
    assert not Path("nowhere").exists()


def git(*words: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *words], check=True, capture_output=True)


@pytest.fixture
def repository(tree: Path) -> Path:
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    return tree


def test_only_findings_of_the_change(run: Run, repository: Path) -> None:
    assert run("bad.c", "--diff-base", "HEAD", "--").status == 0
    put(BAD.replace("return *va;", "return va[0];"))
    assert run("bad.c", "--diff-base", "HEAD", "--").status == 1
    put(BAD + "\n" + "int unrelated;\n")
    assert run("bad.c", "--diff-base", "HEAD", "--").status == 0
    Path("new file.c").write_text(BAD)
    assert run("new file.c", "--diff-base", "HEAD", "--").status == 1


def test_a_deleted_barrier_is_a_change_of_its_function(run: Run, repository: Path) -> None:
    good = Path("good.c").read_text()
    Path("good.c").write_text("\n".join(line for line in good.splitlines() if "dsb" not in line) + "\n")
    assert run("good.c", "--diff-base", "HEAD", "--").status == 1


def test_git_is_asked_without_running_what_a_repository_names(run: Run, repository: Path) -> None:
    Path("run.sh").write_text("#!/bin/sh\ntouch was-run\n")
    Path("run.sh").chmod(0o755)
    Path(".gitattributes").write_text("*.c diff=evil\n")
    for setting in ("diff.external", "diff.evil.command", "diff.evil.textconv", "core.fsmonitor"):
        git("config", setting, str(Path("run.sh").resolve()))
    put(BAD.replace("return *va;", "return va[0];"))
    assert run("bad.c", "--diff-base", "HEAD", "--").status == 1
    assert not Path("was-run").exists()


def test_a_revision_that_is_not_there(run: Run, repository: Path) -> None:
    ran = run("bad.c", "--diff-base", "nowhere", "--")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("barrierlint: --diff-base nowhere: ")
    assert run("bad.c", "--diff-base", "--output=x", "--").status == 2
    assert not Path("x").exists()
    assert "not with --diff-base" in run("bad.c", "--diff-base", "HEAD", "--write-baseline", "k.json", "--").err


def test_no_repository(run: Run) -> None:
    assert "--diff-base HEAD" in run("bad.c", "--diff-base", "HEAD", "--").err
