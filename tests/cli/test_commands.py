"""The other commands: explain, rule, rules, models, cfg, simulate."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from barrierlint import arguments

from .conftest import Run


def fingerprint_of(run: Run, path: str) -> str:
    found: str = json.loads(run(path, "--format", "json", "--").out)["findings"][0]["fingerprint"]
    return found


def test_explain_shows_one_finding_in_full(run: Run) -> None:
    fingerprint = fingerprint_of(run, "bad.c")
    ran = run("explain", fingerprint[:6], "bad.c", "good.c", "--")
    assert (ran.status, ran.err) == (0, "")
    assert "[BL001 access-without-dsb]" in ran.out
    assert fingerprint in ran.out


def test_explain_a_finding_that_is_not_there(run: Run) -> None:
    ran = run("explain", "ffff0000", "bad.c", "--")
    assert (ran.status, ran.out) == (2, "")
    assert "no finding has the fingerprint ffff0000" in ran.err
    assert fingerprint_of(run, "bad.c") in ran.err


def test_explain_without_paths(run: Run) -> None:
    ran = run("explain", "ffff0000")
    assert (ran.status, "nothing to analyse" in ran.err) == (2, True)


def test_litmus_of_a_finding_runs_in_our_own_simulator(run: Run) -> None:
    ran = run("explain", "--litmus", fingerprint_of(run, "bad.c"), "bad.c", "--")
    assert ran.status == 0
    assert ran.out.startswith("AArch64 ")
    Path("found.litmus").write_text(ran.out)
    assert ": ALLOWED" in run("simulate", "found.litmus").out


def test_litmus_of_a_finding_that_was_not_simulated(run: Run) -> None:
    ran = run("explain", "--litmus", "--no-confirm", fingerprint_of(run, "bad.c"), "bad.c", "--")
    assert (ran.status, "has no litmus test: it was not simulated" in ran.err) == (2, True)


@pytest.mark.parametrize("word", ["BL001", "bl001", "access-without-dsb"])
def test_rule_shows_its_page(run: Run, word: str) -> None:
    ran = run("rule", word)
    assert ran.status == 0
    assert ran.out.startswith("# BL001 access-without-dsb (error)\n")
    assert "**Why.**" in ran.out


def test_rule_nobody_knows(run: Run) -> None:
    ran = run("rule", "BL999")
    assert (ran.status, "unknown rule 'BL999'" in ran.err) == (2, True)


def test_rules_lists_all(run: Run) -> None:
    listed = [line.split()[0] for line in run("rules").out.splitlines()]
    assert listed == sorted(listed)
    assert {"BL001", "BL002", "BL003", "BL004", "BL005"} <= set(listed)


def test_models_lists_what_ships(run: Run) -> None:
    assert "osv" in run("models").out.split()


def test_cfg_as_text_and_dot(run: Run) -> None:
    text = run("cfg", "good.c", "--function", "map", "--")
    assert text.status == 0
    assert [
        word for word in ("DescriptorWrite", "Dsb ishst", "ContextSync isb", "Access read") if word in text.out
    ] == [
        "DescriptorWrite",
        "Dsb ishst",
        "ContextSync isb",
        "Access read",
    ]
    dot = run("cfg", "good.c", "--function", "map", "--format", "dot", "--")
    assert dot.out.startswith("digraph")
    assert "Dsb ishst" in dot.out


def test_cfg_of_assembly(run: Run) -> None:
    Path("start.S").write_text(
        "#define FLUSH tlbi vmalle1\n\t.globl start\nstart:\n\tFLUSH\n\tcbz x0, 1f\n\tdsb nsh\n1:\tret\n"
    )
    ran = run("cfg", "start.S", "--function", "start", "--")
    assert ran.status == 0
    assert "4: Tlbi vmalle1  ; macro FLUSH" in ran.out
    assert "-> B1  false: (x0 != 0)" in ran.out


def test_cfg_of_a_function_that_is_not_there(run: Run) -> None:
    ran = run("cfg", "good.c", "--function", "unmap", "--")
    assert (ran.status, ran.out) == (2, "")
    assert "no function 'unmap' in good.c (there: map)" in ran.err


def test_cfg_of_what_cannot_be_read(run: Run) -> None:
    Path("binary.c").write_bytes(b"\0")
    ran = run("cfg", "binary.c", "--")
    assert (ran.status, "binary file" in ran.err) == (3, True)


LITMUS = """\
AArch64 make+{name}
Variant=vmsa
{{
 PTE(x)=(valid:0);
 0:X1=(oa:PA(x)); 0:X2=PTE(x); 0:X3=x;
}}
 P0;
 STR X1,[X2];
 {barriers}
 L0: LDR W4,[X3];
exists (fault(P0:L0,x,MMU:Translation))
"""


@pytest.fixture
def litmus() -> Path:
    Path("tests").mkdir()
    Path("tests/bare.litmus").write_text(LITMUS.format(name="none", barriers="NOP;"))
    Path("tests/done.litmus").write_text(LITMUS.format(name="dsb-isb", barriers="DSB SY;\n ISB;"))
    return Path("tests")


def test_simulate(run: Run, litmus: Path) -> None:
    ran = run("simulate", "tests/bare.litmus", "tests/done.litmus")
    assert (ran.status, ran.err) == (0, "")
    first, second = ran.out.splitlines()
    assert first.startswith("make+none: ALLOWED (")
    assert second.startswith("make+dsb-isb: FORBIDDEN (")


def test_simulate_a_folder_as_tsv(run: Run, litmus: Path) -> None:
    rows = [line.split("\t") for line in run("simulate", "tests", "--format", "tsv").out.splitlines()]
    assert [row[:2] for row in rows] == [["make+none", "ALLOWED"], ["make+dsb-isb", "FORBIDDEN"]]
    assert all(int(row[2]) > 0 and float(row[3]) >= 0 for row in rows)


def test_simulate_with_features(run: Run, litmus: Path) -> None:
    assert "FORBIDDEN" in run("simulate", "tests/bare.litmus", "--features", "ets2").out
    assert run("simulate", "tests/bare.litmus", "--features", "ets9").status == 2


def test_a_test_may_name_its_own_features(run: Run, litmus: Path) -> None:
    Path("own.litmus").write_text(LITMUS.format(name="own", barriers="NOP;").replace("=vmsa", "=vmsa,ETS2"))
    assert "own: FORBIDDEN" in run("simulate", "own.litmus").out
    assert "own: ALLOWED" in run("simulate", "own.litmus", "--features", "base").out
    assert "own: FORBIDDEN" in run("simulate", "own.litmus", "--ablate").out


def test_simulate_shows_the_execution(run: Run, litmus: Path) -> None:
    out = run("simulate", "--trace", "tests/bare.litmus").out
    assert "walker" in out
    assert "ESR_EL1" in out


def test_simulate_what_it_cannot_read(run: Run, litmus: Path) -> None:
    Path("x86.litmus").write_text("X86 test\n{}\n P0;\n NOP;\nexists (true)\n")
    ran = run("simulate", "gone.litmus", "x86.litmus", "tests/done.litmus")
    assert ran.status == 2
    assert len(ran.err.splitlines()) == 2
    assert "gone.litmus" in ran.err.splitlines()[0]
    assert "x86.litmus" in ran.err.splitlines()[1]
    assert "FORBIDDEN" in ran.out
    Path("none").mkdir()
    assert "no litmus test" in run("simulate", "none").err


def test_every_command_has_help(run: Run) -> None:
    for command in arguments.COMMANDS:
        ran = run(command, "--help")
        assert (ran.status, ran.out.startswith(f"usage: barrierlint {command}")) == (0, True)


def test_no_words_at_all(run: Run) -> None:
    ran = run()
    assert ran.status == 2
    assert ran.err


def test_explain_a_refuted_suspicion_says_so(run: Run) -> None:
    ran = run("explain", fingerprint_of(run, "bad.c"), "bad.c", "--features", "ets2", "--")
    assert ran.status == 0
    assert ran.out.startswith("refuted[BL001 access-without-dsb]")
    assert "= simulation: refuted" in ran.out


def test_simulate_without_each_barrier(run: Run, litmus: Path) -> None:
    lines = run("simulate", "--ablate", "tests/done.litmus", "tests/bare.litmus").out.splitlines()
    assert lines[0].startswith("make+dsb-isb: FORBIDDEN (")
    assert lines[2].split() == ["P0", "DSB", "SY", "(line", "9)", "ALLOWED", "needed"]
    assert lines[3].split() == ["P0", "ISB", "(line", "10)", "ALLOWED", "needed"]
    assert lines[4] == "  enough: P0 DSB SY (line 9) + P0 ISB (line 10)"
    assert lines[5].startswith("make+none: ALLOWED (")
    assert "nothing to leave out" in lines[6]
    rows = run("simulate", "--ablate", "tests/done.litmus", "--format", "tsv").out.splitlines()
    assert [row.split("\t")[:2] for row in rows] == [
        ["make+dsb-isb", "FORBIDDEN"],
        ["make+dsb-isb without P0 DSB SY (line 9)", "ALLOWED"],
        ["make+dsb-isb without P0 ISB (line 10)", "ALLOWED"],
    ]


def test_a_trace_never_gets_among_the_rows_of_tsv(run: Run, litmus: Path) -> None:
    ran = run("simulate", "--trace", "--format", "tsv", "tests/bare.litmus")
    (row,) = ran.out.splitlines()
    assert row.startswith("make+none\tALLOWED\t")
    assert "walker" in ran.err


def test_one_bad_litmus_file_keeps_no_other_from_its_answer(run: Run, litmus: Path) -> None:
    Path("none").mkdir()
    Path("bad.litmus").write_text(LITMUS.format(name="bad", barriers="FROB X1,[X2];"))
    Path("deep.litmus").write_text(LITMUS.format(name="deep", barriers="NOP;") + "/\\ " + "(" * 50_000)
    Path("words.litmus").write_bytes(b"\xff\xfe\x00")
    os.mkfifo("pipe.litmus")
    names = ("none", "bad.litmus", "deep.litmus", "words.litmus", "pipe.litmus")
    ran = run("simulate", "--format", "tsv", *names, "tests")
    assert ran.status == 2
    assert [row.split("\t")[0] for row in ran.out.splitlines()] == ["make+none", "make+dsb-isb"]
    assert len(ran.err.splitlines()) == len(names)
    assert "'FROB X1,[X2]' is not supported" in ran.err
    assert "Traceback" not in ran.err
    assert "internal error" not in ran.err
