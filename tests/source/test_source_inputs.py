"""Inputs that cannot be read, or not wholly: each says so, none raises, none is silently clean."""

from __future__ import annotations

from pathlib import Path

import pytest
from trees import calls, find, function, kinds, read

from barrierlint.source import parse
from barrierlint.source.tree import Declaration, Lost, TranslationUnit


def lost(unit: TranslationUnit) -> bool:
    """Whether the whole input was lost."""
    return any(one.lost for one in unit.notifications)


def test_missing_binary_and_empty_files(tmp_path: Path) -> None:
    assert kinds(parse(tmp_path / "no.c")) == ["no-such-file"]
    assert lost(parse(tmp_path / "no.c"))
    assert lost(parse(tmp_path))
    (tmp_path / "b.c").write_bytes(b"\x7fELF\0\0")
    assert kinds(parse(tmp_path / "b.c")) == ["binary-file"]
    assert lost(parse(tmp_path / "b.c"))
    (tmp_path / "e.c").write_text("\n")
    unit = parse(tmp_path / "e.c")
    assert kinds(unit) == ["empty-file"]
    assert not lost(unit)


def test_bytes_that_are_no_utf8_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_bytes(b"/* \xe9\xff */ int f(void) { return '\xe9'; }")
    assert function(parse(tmp_path / "a.c"), "f")


def test_garbage_is_lost_and_a_data_file_is_not() -> None:
    assert lost(read("lorem ipsum dolor {"))
    assert not lost(read("int x = 3; struct s { int y; };"))


def test_missing_header_is_told_once_each_and_the_rest_is_read() -> None:
    unit = read(
        '#include <linux/mm.h>\n#include "gone.h"\ntemplate<int N> int t() { return N; }\nint f() { return t<3>(); }',
        "case.cc",
    )
    assert kinds(unit) == ["missing-header"] * 2
    assert [one.span.line for one in unit.notifications if one.span] == [1, 2]
    assert "linux/mm.h" in unit.notifications[0].message
    assert function(unit, "t<3>")
    assert not lost(unit)


def test_an_error_in_a_function_names_it_and_marks_the_place() -> None:
    unit = read("int g(int);\nint f(int x)\n{\n\tint y = x +;\n\tg(y);\n\treturn g(1);\n}\nint h(void) { return 1; }")
    told = [one for one in unit.notifications if one.kind == "lost-body"]
    assert len(told) == 1
    assert "`f`" in told[0].message
    assert told[0].span is not None
    assert told[0].span.line == 4
    body = function(unit, "f").body
    assert [one.span.line for one in find(body, Lost)] == [4]
    assert calls(body) == ["g", "g"] or calls(body) == ["g"]
    assert find(function(unit, "h").body, Lost) == []


def test_statements_that_clang_drops_are_shown_as_lost() -> None:
    unit = read("void f(long *p) { long x = 1; undeclared->y = 3; *p = x; { other = 2; } }", "case.cc")
    assert len(find(function(unit, "f").body, Lost)) == 2
    assert len(find(function(unit, "f").body, Declaration)) == 1


def test_a_body_that_vanishes_is_told() -> None:
    unit = read("void g(void);\nint broken(struct s x, ( { g(); }\nint h(void) { return 1; }")
    assert any(
        one.kind in ("lost-body", "parse-error") and one.span and one.span.line == 2 for one in unit.notifications
    )


def test_errors_are_capped() -> None:
    unit = read("\n".join(f"unknown{n} v{n};" for n in range(100)) + "\nint f(void) { return 1; }")
    told = [one for one in unit.notifications if one.kind == "parse-error"]
    assert len(told) == 21
    assert "80 more" in told[-1].message


DEEP = {
    "blocks": "void f(void) {" + "{" * 10000 + "}" * 10000 + "}",
    "parentheses": "int f(int x) { return " + "(" * 10000 + "x" + ")" * 10000 + "; }",
    "sum": "int f(int x) { return " + "+".join(["x"] * 10000) + "; }",
    "ifs": "int f(int x) { " + "if (x) " * 2000 + "x++; return 0; }",
    "else": "int f(int x) { " + "else ".join(["if (x) x++; "] * 2000) + " return 0; }",
    "not": "int f(int x) { return " + "!" * 20000 + "x; }",
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_nesting_is_reported_and_does_not_crash(name: str) -> None:
    unit = read(DEEP[name] + "\nint h(void) { return 1; }")
    assert set(kinds(unit)) & {"too-deep", "lost-body", "parse-error"}
    repr(unit)  # what is kept is shallow enough for whoever comes after


def test_flags_that_libclang_refuses_are_left_out_and_noted() -> None:
    unit = read("int f(void) { return X; }", "case.c", "--target=aarch64-linux-gnu", "-mabi=nonsense", "-DX=3")
    assert [one.name for one in unit.functions] == ["f"]
    assert not lost(unit)
    assert any(one.kind == "unknown-flag" and "-mabi=nonsense" in one.message for one in unit.notifications)


def test_an_unknown_flag_is_noted_once() -> None:
    unit = read("int f(void) { return 1; }", "case.c", "--target=aarch64-linux-gnu", "-fno-such-thing-at-all")
    assert kinds(unit).count("unknown-flag") == 1
    assert function(unit, "f")


def test_unknown_standard_does_not_lose_the_file() -> None:
    unit = read("int f() { return 1; }", "case.cc", "-std=gnu++99")
    assert function(unit, "f")
    assert "unknown-flag" in kinds(unit)


LANGUAGES = [
    ("case.h", "class A { int x; }; inline int f() { A a; return 1; }", "f"),
    ("case.h", "namespace n { inline int f() { return 1; } }", "n::f"),
    ("case.h", "template<class T> T id(T x) { return x; } inline int f() { return id(1); }", "f"),
    (
        "case.h",
        (
            '#ifdef __cplusplus\nextern "C" {\n#endif\nstatic inline int f(int class) { return class; '
            "}\n#ifdef __cplusplus\n}\n#endif"
        ),
        "f",
    ),
    ("case.hh", "inline int f() { return 1; }", "f"),
    ("case.c", "int f(int new) { return new; }", "f"),
    ("case.cxx", "auto f() -> int { return 1; }", "f"),
]


@pytest.mark.parametrize(("name", "code", "expected"), LANGUAGES)
def test_languages(name: str, code: str, expected: str) -> None:
    unit = read(code, name)
    assert expected in {one.qualified for one in unit.functions}
    assert not lost(unit)
    assert not [one for one in unit.notifications if one.severity == "warning"]


def test_builtin_headers_need_no_compiler() -> None:
    names = [
        "stddef",
        "stdint",
        "stdbool",
        "stdarg",
        "limits",
        "float",
        "stdalign",
        "stdnoreturn",
        "iso646",
        "stdatomic",
        "arm_acle",
        "arm_neon",
    ]
    code = "\n".join(f"#include <{name}.h>" for name in names)
    code += '\n_Static_assert(sizeof(uintptr_t) == 8 && sizeof(size_t) == 8 && INT_MAX > 3 && CHAR_BIT == 8, "");\n'
    code += "#if UINT64_MAX != 18446744073709551615ULL || SIZE_MAX <= 1 || UINT32_C(1) != 1\n#error wrong\n#endif\n"
    code += (
        "bool f(int n, ...) { va_list l; va_start(l, n); size_t o = offsetof(struct { int a; int b; }, "
        "b); return o and NULL == 0; }"
    )
    assert kinds(read(code, "case.c", "-nostdinc", "-ffreestanding")) == []
    assert kinds(read(code, "case.c")) == []


def test_the_target_is_told() -> None:
    assert read("int f(void) { return 1; }").target == "aarch64"
    assert read("int f(void) { return 1; }", "case.c", "--target=x86_64-linux-gnu").target == "x86_64"


def test_paths_are_as_the_user_named_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mm").mkdir()
    (tmp_path / "mm" / "a.c").write_text('#include "a.h"\nint f(void) { return g(); }')
    (tmp_path / "mm" / "a.h").write_text("static inline int g(void) { return 1; }")
    monkeypatch.chdir(tmp_path)
    unit = parse(Path("mm/a.c"))
    assert {one.span.path for one in unit.functions} == {"mm/a.c", "mm/a.h"}
    assert unit.path == "mm/a.c"
    away = parse(tmp_path / "mm" / "a.c")
    assert away.path == str(tmp_path / "mm" / "a.c")
