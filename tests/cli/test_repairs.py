"""`check --diff` and `check --fix`: what is printed, what is changed, and what is left alone."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from barrierlint import pipeline, repairing
from barrierlint.report import patch

from .conftest import BAD, Run

INSERTED = '\tasm volatile("dsb ishst" ::: "memory");\n\tasm volatile("isb" ::: "memory");\n'
REPAIRED = BAD.replace("0x713;\n", "0x713;\n" + INSERTED)


def applied(text: str, *words: str) -> None:
    subprocess.run(["git", "apply", *words, "-"], input=text.encode("utf-8", "surrogateescape"), check=True)


def test_a_patch_is_all_that_is_printed_and_git_takes_it(run: Run) -> None:
    ran = run("bad.c", "--diff", "--")
    assert ran.status == 1
    assert ran.out.startswith("--- a/bad.c\n+++ b/bad.c\n@@ ")
    assert Path("bad.c").read_text() == BAD
    applied(ran.out)
    assert Path("bad.c").read_text() == REPAIRED
    assert run("bad.c", "--diff", "--").out == ""


def test_a_patch_is_relative_to_the_root_of_the_repository(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    Path("mm").mkdir()
    Path("bad.c").rename("mm/bad.c")
    monkeypatch.chdir("mm")
    ran = run("bad.c", "--diff", "--")
    assert "--- a/mm/bad.c\n" in ran.out
    monkeypatch.chdir("..")
    applied(ran.out)
    assert Path("mm/bad.c").read_text() == REPAIRED


@pytest.mark.parametrize("name", ["with blank.c", 'quo"te.c', "tab\there.c", "é.c"])
def test_hostile_names_in_a_patch(run: Run, name: str) -> None:
    Path(name).write_text(BAD)
    applied(run(name, "--diff", "--").out)
    assert Path(name).read_text() == REPAIRED


@pytest.mark.parametrize("source", [BAD.replace("\n", "\r\n"), BAD.rstrip("\n"), "/* \xe9 */" + BAD])
def test_line_ends_and_bytes_stay_as_they_are(run: Run, source: str) -> None:
    raw = source.encode("latin-1")
    Path("bad.c").write_bytes(raw)
    ran = run("bad.c", "--fix", "--")
    assert ran.status == 0, ran.err
    end = b"\r\n" if b"\r\n" in raw else b"\n"
    added = INSERTED.encode().replace(b"\n", end)
    assert Path("bad.c").read_bytes() == raw.replace(b"0x713;" + end, b"0x713;" + end + added)


def test_the_patch_has_standard_output_for_itself(run: Run) -> None:
    ran = run("bad.c", "--diff", "--format", "sarif", "--")
    assert ran.status == 2
    assert "give the other formats a file" in ran.err
    assert run("bad.c", "--diff", "--format", "sarif=out.sarif", "--").out.startswith("--- a/bad.c")
    assert Path("out.sarif").exists()
    assert run("bad.c", "--diff", "--fix", "--").status == 2


def test_a_repair_is_made_told_and_clean(run: Run) -> None:
    mode = 0o640
    os.chmod("bad.c", mode)
    ran = run("bad.c", "--fix", "--")
    assert ran.status == 0
    assert "repaired bad.c: 1 finding (" in ran.err
    assert "no findings" in ran.out
    assert Path("bad.c").read_text() == REPAIRED
    assert os.stat("bad.c").st_mode & 0o777 == mode
    assert not [entry for entry in Path().glob(".barrierlint-*") if entry.is_file()]


def test_files_outside_of_the_tree_are_left_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("inner").mkdir()
    subprocess.run(["git", "init", "-q", "inner"], check=True)
    monkeypatch.chdir("inner")
    for option in ("--fix", "--diff"):
        ran = run("../bad.c", option, "--")
        assert ran.status == 1
        assert "it lies outside of" in ran.err
    assert Path("../bad.c").read_text() == BAD


def test_a_file_that_changed_meanwhile_is_left_alone(run: Run) -> None:
    later = time.time() + 60
    os.utime("bad.c", (later, later))
    ran = run("bad.c", "--fix", "--")
    assert ran.status == 1
    assert "changed while it was analysed" in ran.err
    assert Path("bad.c").read_text() == BAD


def test_repairs_that_do_not_hold_are_taken_back(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    report = []
    once = pipeline.run

    def stale(options: pipeline.Options) -> object:
        report.append(once(options) if not report else report[0])
        return report[0]

    monkeypatch.setattr(pipeline, "run", stale)
    ran = run("bad.c", "--fix", "--")
    assert ran.status == 2
    assert "the repairs were taken back: with them bad.c:6 is reported" in ran.err
    assert Path("bad.c").read_text() == BAD


def test_an_analysis_that_breaks_takes_repairs_back(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(options: pipeline.Options) -> object:
        assert Path("bad.c").read_text() == REPAIRED
        raise KeyboardInterrupt

    monkeypatch.setattr(repairing, "_again", broken)
    assert run("bad.c", "--fix", "--").status == 130
    assert Path("bad.c").read_text() == BAD


def test_one_line_wanted_twice_is_written_once(run: Run) -> None:
    Path("two.c").write_text(BAD.replace("return *va;", "return *va + va[1];"))
    report = pipeline.run(pipeline.Options(pipeline.Request(("two.c",), flags=())))
    twice = patch.changes((*report.findings, *report.findings))
    assert twice.files[0].after.count(b"dsb ishst") == 1


def test_explain_shows_the_patch(run: Run) -> None:
    ran = run("explain", "", "bad.c", "--")
    assert '+ |     asm volatile("dsb ishst" ::: "memory");' in ran.out
