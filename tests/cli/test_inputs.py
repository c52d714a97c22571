"""Which files are read, with which arguments; and every kind of bad input: one line, the right status, no traceback."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from .conftest import BAD, GOOD, Run


def one_line(text: str) -> str:
    (line,) = [line for line in text.splitlines() if line]
    return line


def database(folder: Path, *entries: dict[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "compile_commands.json").write_text(json.dumps(entries))


# --- wrong usage: status 2, one line on standard error, nothing on standard output ------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing to analyse"),
        (("no/such.c",), "no such file or directory: no/such.c"),
        (("bad.c", "gone.c"), "no such file or directory: gone.c"),
        (("empty",), "no C or C++ source in directory empty"),
        (("bad.c", "-p", "gone"), "gone"),
        (("bad.c", "--model", "no-such-model"), "no-such-model"),
        (("bad.c", "--model", "gone.yaml"), "gone.yaml"),
    ],
)
def test_requests_that_make_no_sense(run: Run, words: tuple[str, ...], said: str) -> None:
    Path("empty").mkdir()
    Path("empty/notes.txt").write_text("x")
    ran = run("check", *words)
    assert (ran.status, ran.out) == (2, "")
    assert said in one_line(ran.err)


@pytest.mark.parametrize(
    "text",
    ["", "{", "{}", "[1]", '[{"file": "bad.c"}]', '[{"file": 1, "directory": ".", "command": "cc"}]', "[" * 100_000],
)
def test_broken_compile_databases(run: Run, text: str) -> None:
    Path("compile_commands.json").write_text(text)
    ran = run("bad.c")
    assert (ran.status, ran.out) == (2, "")
    assert "compile_commands.json" in one_line(ran.err)


@pytest.mark.parametrize("text", ["", "name: [", "name: x\nfunctions: 3\n", "- a\n", "name: x\nsurprise: 1\n", "\x00"])
def test_broken_models(run: Run, text: str) -> None:
    Path("m.yaml").write_text(text)
    ran = run("bad.c", "--model", "m.yaml", "--")
    assert (ran.status, ran.out) == (2, "")
    assert "m.yaml:" in one_line(ran.err)


def test_a_model_with_an_instruction_nobody_knows(run: Run) -> None:
    Path("m.yaml").write_text("name: m\nfunctions:\n  - match: sync\n    does: dsb ishst; frobnicate x0\n")
    ran = run("bad.c", "--model", "m.yaml", "--")
    assert ran.status == 2
    assert one_line(ran.err).startswith("barrierlint: m.yaml:4:")
    assert "frobnicate" in ran.err


# --- inputs that cannot be analysed: status 3, and the report names them ----------------------------------------------


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("binary.c", b"\x7fELF\x02\x01\x01\x00\x00\x00"),
        ("words.txt", b"not a program\n"),
        ("start.asm", b"dsb ish\n"),
    ],
)
def test_what_is_no_c_or_cxx(run: Run, name: str, data: bytes) -> None:
    Path(name).write_bytes(data)
    ran = run(name, "--")
    assert ran.status == 3
    assert f"{name}: " in ran.out.splitlines()[0]
    assert "1 part of the input not analysed" in ran.out


def test_a_syntax_error_is_said_with_its_place(run: Run) -> None:
    Path("broken.c").write_text("int f(void)\n{\n\treturn 1 +;\n}\n")
    ran = run("broken.c", "--")
    assert ran.status == 3
    assert "broken.c:3:" in ran.out
    assert "Traceback" not in ran.out + ran.err


def test_the_rest_is_analysed_all_the_same(run: Run) -> None:
    Path("binary.c").write_bytes(b"\0")
    ran = run("binary.c", "bad.c", "--")
    assert ran.status == 1
    assert "BL001" in ran.out
    assert "1 part of the input not analysed" in ran.out


def test_an_empty_file_is_clean(run: Run) -> None:
    Path("empty.c").write_text("")
    ran = run("empty.c", "--")
    assert ran.status == 0
    assert "the file is empty" in ran.out.splitlines()[0]
    assert ran.out.endswith("no findings in 0 functions of 1 file\n")


@pytest.mark.parametrize("opening", ["{", "if (x) {", "while (x) {", "if (x) ", "if (x) return; else "])
def test_ten_thousand_nested_blocks(run: Run, opening: str) -> None:
    closing = "}" * (10_000 * opening.count("{"))
    Path("deep.c").write_text("void f(int x) {" + opening * 10_000 + ";" + closing + "}\n")
    ran = run("deep.c", "-q", "--")
    assert (ran.status, ran.err) == (3, "")
    assert one_line(ran.out).startswith("deep.c:1:")
    assert "nest" in ran.out


def test_a_file_that_clang_gives_up_on_is_one_line(run: Run) -> None:
    Path("broken.c").write_text("int f( { return }\n")
    ran = run("broken.c", "--")
    assert ran.status == 3
    first, *others = ran.out.splitlines()
    assert first.startswith("broken.c:1:8: error[parse-error]")
    assert "the first is: expected parameter declarator" in first
    assert not [line for line in others if "error[" in line or "warning[" in line]
    assert "1 part of the input not analysed" in others[-1]
    assert run("broken.c", "-v", "--").out.count("broken.c:1:") > 1


def test_a_pipe_is_not_waited_for(run: Run) -> None:
    os.mkfifo("pipe.c")
    ran = run("pipe.c", "-q", "--")
    assert (ran.status, one_line(ran.out)) == (3, "error[unreadable-input]: pipe.c: not a regular file")


def test_assembly_of_a_folder_and_of_the_database_is_analysed(run: Run, tree: Path) -> None:
    Path("sub").mkdir(exist_ok=True)
    Path("sub/start.S").write_text(".globl one\none:\n\tisb\n\tret\n")
    before = run("good.c", "-v", "--").out.splitlines()[-1]
    after = run("good.c", "sub/start.S", "-v", "--").out.splitlines()[-1]
    assert "1 file" in before
    assert "2 files" in after
    database(
        Path(), *({"directory": str(tree), "file": name, "command": "cc -c"} for name in ("good.c", "sub/start.S"))
    )
    for words in ((".",), ("-p", ".")):
        ran = run("check", *words)
        assert ran.status == 0
        assert "2 files" in ran.out.splitlines()[-1]


def test_assembly_in_another_syntax_is_passed_over_with_a_word(run: Run, tree: Path) -> None:
    for name in ("sub/start.asm", "sub/entry.asm"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("one proc\n")
    (line,) = [line for line in run(".", "--").out.splitlines() if "assembly" in line]
    assert line.endswith("passed over sub/entry.asm and 1 more")
    assert run("sub/start.asm", "-q", "--").status == 3
    assert "assembly" not in run("good.c", "--").out


def test_a_missing_header_is_said(run: Run) -> None:
    Path("inc.c").write_text('#include "gone.h"\n' + BAD)
    ran = run("inc.c", "--")
    assert "gone.h" in ran.out
    assert "BL001" in ran.out


# --- where arguments come from ----------------------------------------------------------------------------------------

GUARDED = "#ifdef SYNC\n" + GOOD + "#else\n" + BAD + "#endif\n"


def test_without_a_database_one_line_says_so(run: Run) -> None:
    ran = run("good.c")
    assert ran.status == 0
    (line,) = [line for line in ran.out.splitlines() if "compile_commands.json" in line]
    assert "--target=aarch64-linux-gnu" in line
    assert "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON" in line
    assert "compile_commands.json" not in run("good.c", "--").out


@pytest.mark.parametrize("folder", [".", "build", "out"])
def test_a_database_is_found(run: Run, tree: Path, folder: str) -> None:
    Path("src").mkdir()
    Path("src/m.c").write_text(GUARDED)
    assert run("src/m.c").status == 1
    database(Path(folder), {"directory": str(tree / "src"), "file": "m.c", "command": "cc -DSYNC -c m.c"})
    assert run("src/m.c").status == 0
    assert run("src").status == 0
    assert run("src/m.c", "--").status == 1
    assert run("src/m.c", "--remove-arg=-DSY*").status == 1


def test_a_database_alone_means_all_it_lists(run: Run, tree: Path) -> None:
    names = ("bad.c", "gone.c", "x.S")
    entries = [{"directory": str(tree), "file": name, "command": f"cc -c {name}"} for name in names]
    database(Path("build"), *entries)
    ran = run("check", "-p", "build", "-q")
    assert (ran.status, ran.out.split(":")[0], len(ran.out.splitlines())) == (1, "bad.c", 1)
    assert "lists 2 file(s) that do not exist, such as gone.c" in run("check", "-p", "build").out
    database(Path("build"), *entries[1:])
    ran = run("check", "-p", "build")
    assert (ran.status, one_line(ran.err).endswith("generate it anew, or name files")) == (2, True)


def test_a_database_by_name(run: Run, tree: Path) -> None:
    Path("m.c").write_text(GUARDED)
    database(Path("elsewhere"), {"directory": str(tree), "file": "m.c", "arguments": ["cc", "-DSYNC", "-c", "m.c"]})
    assert run("m.c").status == 1
    assert run("m.c", "-p", "elsewhere").status == 0
    assert run("m.c", "-p", "elsewhere/compile_commands.json").status == 0
    assert run("m.c", "--extra-arg=-DSYNC").status == 0


def test_a_folder_means_what_the_database_lists_below_it(run: Run, tree: Path) -> None:
    database(Path(), {"directory": str(tree), "file": "good.c", "command": "cc -c good.c"})
    ran = run(".")
    assert (ran.status, ran.out) == (0, "no findings in 1 function of 1 file\n")


def test_a_folder_without_a_database_means_all_sources(run: Run) -> None:
    Path("sub/.hidden").mkdir(parents=True)
    Path("sub/worse.cc").write_text('extern "C" {\n' + BAD + "}\n")
    Path("sub/.hidden/x.c").write_text(BAD)
    Path("sub/notes.txt").write_text(BAD)
    ran = run(".", "-q", "--")
    assert {line.split(":")[0] for line in ran.out.splitlines()} == {"bad.c", "sub/worse.cc"}


def test_a_file_the_database_does_not_list_gets_its_neighbours_arguments(run: Run, tree: Path) -> None:
    Path("m.c").write_text(GUARDED)
    Path("m.h").write_text(GUARDED.replace("int map", "static inline int map"))
    database(Path(), {"directory": str(tree), "file": "m.c", "command": "cc -DSYNC -c m.c"})
    ran = run("m.h")
    assert ran.status == 0
    assert "does not list m.h: the nearest listed file's arguments were used" in ran.out


def test_a_cross_compilers_name_tells_the_architecture(run: Run, tree: Path) -> None:
    database(Path(), {"directory": str(tree), "file": "bad.c", "command": "x86_64-linux-gnu-gcc -c bad.c"})
    assert "nothing to report" in run("bad.c").out
    database(Path(), {"directory": str(tree), "file": "bad.c", "command": "aarch64-linux-gnu-gcc-13 -c bad.c"})
    assert run("bad.c").status == 1


def test_a_file_compiled_for_several_architectures_is_analysed_for_this_one(run: Run, tree: Path) -> None:
    entries = [
        {"directory": str(tree), "file": "bad.c", "command": f"{name}-linux-gnu-gcc -c bad.c"}
        for name in ("x86_64", "aarch64", "riscv64")
    ]
    database(Path(), *entries)
    assert run("bad.c").status == 1
    database(Path(), *entries[::2])
    ran = run("bad.c")
    assert (ran.status, "compiled for x86_64: nothing to report" in ran.out) == (0, True)


def test_files_that_do_not_link_are_analysed_apart(run: Run) -> None:
    """Both define `map`: neither definition may hide the other."""
    for paths in (("bad.c", "good.c"), ("good.c", "bad.c")):
        ran = run(*paths, "-q", "--")
        assert (ran.status, ran.out.startswith("bad.c:6:")) == (1, True)
    assert "in 2 functions of 2 files" in run("bad.c", "good.c", "--").out


def test_a_path_named_twice_is_one_file(run: Run) -> None:
    Path("again.c").symlink_to("good.c")
    assert "of 1 file" in run("good.c", "./good.c", "again.c", "--").out


def test_names_that_steer_a_terminal(run: Run) -> None:
    name = "x\x1b[31m\n.c"
    Path(name).write_text(BAD)
    ran = run(name, "-q", "--")
    assert "\x1b" not in ran.out
    assert len(ran.out.splitlines()) == 1
    assert "\x1b" not in run(name + "?").err
