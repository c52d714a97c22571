"""`barrierlint check`: exit status, choices, formats."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import BAD, Run


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def test_findings_are_status_1(run: Run) -> None:
    ran = run("check", "bad.c", "--")
    assert ran.status == 1
    assert "[BL001 access-without-dsb]" in ran.out
    assert "bad.c:6:" in ran.out
    assert "in 1 function of 1 file" in lines(ran.out)[-1]
    assert ran.err == ""


def test_clean_is_status_0(run: Run) -> None:
    ran = run("check", "good.c", "--")
    assert (ran.status, ran.out, ran.err) == (0, "no findings in 1 function of 1 file\n", "")


def test_check_is_the_default_command(run: Run) -> None:
    assert run("bad.c", "--").out == run("check", "bad.c", "--").out
    assert run("--quiet", "bad.c", "--").status == 1


def test_exit_zero_forgives_findings_but_not_losses(run: Run) -> None:
    assert run("bad.c", "--exit-zero", "--").status == 0
    Path("binary.c").write_bytes(b"\x7fELF\0\0\0")
    assert run("bad.c", "binary.c", "--exit-zero", "--").status == 3


def test_statistics(run: Run) -> None:
    counted = lines(run("bad.c", "--statistics", "--").out)[-2]
    assert counted == "    1  BL001 access-without-dsb (1 confirmed)"


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_the_options(run: Run, shell: str) -> None:
    ran = run("completion", shell)
    assert ran.status == 0
    assert "--write-baseline" in ran.out or "write-baseline" in ran.out


def test_fail_on_a_level(run: Run) -> None:
    level = json.loads(run("bad.c", "--format", "json", "--").out)["findings"][0]["severity"]
    assert run("bad.c", "--fail-on", level, "--").status == 1
    assert run("bad.c", "--fail-on", "error", "--").status == (1 if level == "error" else 0)


@pytest.mark.parametrize("word", ["BL001", "bl001", "BL0", "all", "access-without-dsb", "BL002,BL001"])
def test_select_names_rules(run: Run, word: str) -> None:
    assert run("bad.c", "--select", word, "--").status == 1


@pytest.mark.parametrize("words", [["--select", "BL002"], ["--ignore", "BL001"], ["--ignore", "ALL"]])
def test_rules_not_chosen_are_silent(run: Run, words: list[str]) -> None:
    ran = run("bad.c", *words, "--")
    assert (ran.status, "BL001" in ran.out) == (0, False)


@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_an_unknown_rule_is_wrong_usage(run: Run, option: str) -> None:
    ran = run("bad.c", option, "BL9", "--")
    assert ran.status == 2
    assert lines(ran.err) == [ran.err.strip()]
    assert "unknown rule 'BL9'" in ran.err


def test_several_formats_into_files(run: Run) -> None:
    ran = run("bad.c", "--format", "sarif=a.sarif", "--format", "json=a.json", "--format", "github", "--")
    assert ran.status == 1
    assert ran.out.startswith("::")
    result = json.loads(Path("a.sarif").read_text())["runs"][0]["results"][0]
    assert (
        result["partialFingerprints"]["barrierlint/v1"]
        == json.loads(Path("a.json").read_text())["findings"][0]["fingerprint"]
    )
    assert json.loads(Path("a.sarif").read_text())["runs"][0]["invocations"][0]["exitCode"] == 1


def test_two_formats_cannot_share_standard_output(run: Run) -> None:
    ran = run("bad.c", "--format", "sarif", "--format", "json=-", "--")
    assert ran.status == 2
    assert "only one format can go to standard output" in ran.err


def test_a_format_nobody_knows(run: Run) -> None:
    ran = run("bad.c", "--format", "xml", "--")
    assert (ran.status, "unknown format 'xml'" in ran.err) == (2, True)


def test_a_report_that_cannot_be_written(run: Run) -> None:
    ran = run("bad.c", "--format", "sarif=no/such/a.sarif", "--")
    assert (ran.status, ran.err) == (2, "barrierlint: cannot write no/such/a.sarif: No such file or directory\n")


def test_verbose_and_quiet(run: Run) -> None:
    assert len(lines(run("bad.c", "-q", "--").out)) == 1
    assert "dropped-flag" in run("bad.c", "-v", "--", "-O2", "-mabi=lp64", "-fconserve-stack").out
    assert "warning[dropped-flag]" not in run("bad.c", "--", "-mabi=lp64").out


def test_colour_when_asked(run: Run) -> None:
    assert "\x1b[" in run("bad.c", "--color", "always", "--").out
    assert "\x1b[" not in run("bad.c", "--").out


def test_fingerprints_survive_moved_lines(run: Run) -> None:
    before = run("bad.c", "--format", "json", "--").out
    Path("bad.c").write_text("// one more line\n\n" + BAD)
    after = run("bad.c", "--format", "json", "--").out
    assert json.loads(before)["findings"][0]["fingerprint"] == json.loads(after)["findings"][0]["fingerprint"]
    assert json.loads(before)["findings"][0]["span"]["line"] + 2 == json.loads(after)["findings"][0]["span"]["line"]


def test_a_header_included_twice_is_reported_once(run: Run) -> None:
    Path("map.h").write_text(BAD.replace("int map", "static inline int map"))
    Path("one.c").write_text('#include "map.h"\nint one(pte_t *p, volatile int *v) { return map(p, 0x1000, v); }\n')
    Path("two.c").write_text('#include "map.h"\nint two(pte_t *p, volatile int *v) { return map(p, 0x1000, v); }\n')
    report = json.loads(run("one.c", "two.c", "--format", "json", "--").out)
    assert [finding["span"]["path"] for finding in report["findings"]] == ["map.h"]


def test_another_architecture_has_nothing_to_report_and_says_so(run: Run) -> None:
    ran = run("bad.c", "--", "--target=x86_64-linux-gnu")
    assert ran.status == 0
    assert "x86_64" in ran.out
    assert "nothing to report" in ran.out
    assert "BL001" not in ran.out


def test_target_option(run: Run) -> None:
    assert "nothing to report" in run("bad.c", "--target", "x86_64-linux-gnu").out
    assert "nothing to report" in run("bad.c", "--extra-arg=--target=x86_64-linux-gnu").out


def test_the_process_itself() -> None:
    """As users run it: status, output, and a reader that leaves early."""
    command = [sys.executable, "-m", "barrierlint", "check", "bad.c", "--"]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    assert (ran.returncode, ran.stderr) == (1, "")
    piped = subprocess.run(
        f"{' '.join(command)} | true; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert (piped.stdout, piped.stderr) == ("1\n", "")
    closed = subprocess.run(
        f"{' '.join(command)} >&- <&-; echo $?",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert closed.stderr == ""
    assert closed.stdout == "1\n"


def environment() -> dict[str, str]:
    root = Path(__file__).resolve().parents[2]
    return {"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "LC_ALL": "C"}


def test_version_and_help_are_quick() -> None:
    """None of the heavy modules is imported for them."""
    heavy = "clang networkx yaml sarif_om attr barrierlint.pipeline"
    code = (
        "import sys\nfrom barrierlint.cli import main\n"
        "try: main([sys.argv[1]])\nexcept SystemExit: pass\n"
        f"print([name for name in {heavy.split()!r} if name in sys.modules])"
    )
    for word in ("--version", "--help"):
        ran = subprocess.run(
            [sys.executable, "-c", code, word], capture_output=True, text=True, env=environment(), check=True
        )
        assert lines(ran.stdout)[-1] == "[]"


def test_an_instruction_nobody_knows_is_named_even_where_nothing_is_found(run: Run) -> None:
    text = 'void f(void)\n{\n\tasm volatile("dsb ish\\n\\tfrob x0" ::: "memory");\n\tasm volatile("frob x1");\n}\n'
    Path("unknown.c").write_text(text)
    assert "1 unknown-instruction" in run("unknown.c", "--").out
    ran = run("unknown.c", "-v", "--")
    assert (ran.status, ran.out.count("unknown-instruction")) == (0, 1)
    assert ran.out.startswith("unknown.c:3:2: note[unknown-instruction]: `frob`")
    assert "(2 places)" in ran.out
    assert "unknown-instruction" not in run("good.c", "-v", "--").out
