"""Assembly files through clang's preprocessor: what is expanded, where lines are, what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from barrierlint.source.assembly import read_assembly
from barrierlint.source.lines import AssemblyUnit
from barrierlint.source.wrapping import wrapped


def read(text: str, *arguments: str, suffix: str = ".S", **headers: str) -> AssemblyUnit:
    main = f"/nowhere/test{suffix}"
    files = {f"/nowhere/{name.replace('_', '.')}": content for name, content in headers.items()}
    return read_assembly(Path(main), arguments, unsaved={main: text, **files})


def texts(unit: AssemblyUnit) -> list[str]:
    return [line.text for line in unit.lines]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#define N 3\n mov x0, #N", ["mov x0, #3"]),
        ("#define MOVE(to, n) mov to, #1; add to, to, n\nMOVE(x1, x2)", ["mov x1, #1; add x1, x1, x2"]),
        ("#define STR(x) .ascii #x\nSTR(a b)", ['.ascii "a b"']),
        ("#define CAT(a, b) a##b\nCAT(d, sb) sy", ["dsb sy"]),
        (".macro one a, b=2\n ldr\\()b \\a, =\\b \\@\n.endm", [".macro one a, b=2", "ldr\\()b \\a, =\\b \\@", ".endm"]),
        ("#define BODY ldr \\r, [\\r]\n BODY", ["ldr \\r, [\\r]"]),
        ('.ascii "// no \\n /* comment */"', ['.ascii "// no \\n /* comment */"']),
        ("cmp w0, #'\"' // \"\n cmp w0, #';'", ["cmp w0, #'\"'", "cmp w0, #';'"]),
        ("/* one\n two */ nop /* three */ // four", ["nop"]),
        ("#define LONG dsb \\\n  sy; \\\n  isb\nLONG", ["dsb sy; isb"]),
        ("#define TWO(a, b) a; b\nTWO(dsb sy,\n    isb)\nnop", ["dsb sy; isb", "nop"]),
        ("#if defined(__ASSEMBLY__) && __ASSEMBLER__ && __aarch64__\nisb\n#else\nnop\n#endif", ["isb"]),
        ("# a comment\n#\n#! another\nnop", ["nop"]),
        ("mov x0, #(1", ["mov x0, #(1)"]),
        ("mov x0, #1)) ; nop", ["mov x0, #1\\\\ ; nop"]),
        ("b 1f\n1: b 1b; .quad 0x1f", ["b 1f", "1: b 1b; .quad 0x1f"]),
        ("x = s3_0_c1_c0_0 + 1b", ["x = s3_0_c1_c0_0 + 1b"]),
    ],
)
def test_lines(text: str, expected: list[str]) -> None:
    assert texts(read(text)) == expected


def test_lines_of_headers_come_in_order_and_know_their_place() -> None:
    header = "#define FLUSH(kind) tlbi kind\n#ifndef __ASSEMBLY__\nint c_code(void);\n#endif\n\n"
    header += ".macro wait\n dsb ish\n.endm\n"
    unit = read('\n#include "wait.h"\n  FLUSH(vmalle1)  // now\n\twait\n', wait_h=header)
    assert [(Path(line.span.path).name, line.span.line, line.text) for line in unit.lines] == [
        ("wait.h", 6, ".macro wait"),
        ("wait.h", 7, "dsb ish"),
        ("wait.h", 8, ".endm"),
        ("test.S", 3, "tlbi vmalle1"),
        ("test.S", 4, "wait"),
    ]
    assert [line.macros for line in unit.lines[-2:]] == [("FLUSH",), ()]
    assert (unit.lines[-2].span.column, unit.lines[-2].span.end_column) == (3, 17)
    assert [Path(path).name for path in unit.includes] == ["wait.h"]


def test_flags_are_those_of_c() -> None:
    unit = read("#ifdef ON\n mov x0, #VALUE\n#endif", "-DON", "-DVALUE=7", "-std=gnu++20", "-x", "assembler-with-cpp")
    assert texts(unit) == ["mov x0, #7"]


def test_a_file_that_is_not_preprocessed() -> None:
    unit = read("#define N 3\n mov x0, N\n", suffix=".s")
    assert texts(unit) == ["#define N 3", " mov x0, N"]
    assert unit.lines[1].span.line == 2


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ('nop\n#include "gone.h"\n', "missing-header", 2),
        ("nop\n#if 1\nnop\n", "preprocessor", 2),
        ("nop\n#endif\n", "preprocessor", 2),
        ("#define F(a) a\nnop\nF(1\n", None, 0),
        ("#error broken\n", "preprocessor", 1),
        ('nop\n#include "test.S"\n', "preprocessor", 2),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, kind: str | None, line: int) -> None:
    notes = read(text).notifications
    if kind is None:
        assert not notes
    else:
        assert [(note.kind, note.span.line if note.span else 0) for note in notes] == [(kind, line)]


def test_including_itself_twice_ends() -> None:
    unit = read('nop\n#include "test.S"\n#include "test.S"\n')
    assert any("nested too deeply" in note.message for note in unit.notifications)


@pytest.mark.parametrize(
    "text", ["", "\n\n", "a\\", "a\\\nb", '"', "'", "/*", "(((", ")))", "#define", "#define F(", "\0\1\2`"]
)
def test_wrapping_keeps_the_number_of_lines(text: str) -> None:
    assert wrapped(text).count("\n") == text.count("\n")
    read("nop\n" + text)
