"""Files ruled out by their text: whatever gives a finding, or would tell of a mistake, never is."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from barrierlint import pipeline
from barrierlint.inputs import Input, Request
from barrierlint.linking.screening import Screening
from barrierlint.pipeline import Options, run
from tests import annotations
from tests.fixtures import harness

TARGET = "--target=aarch64-linux-gnu"
HARMLESS = """\
#include <stddef.h>
#include "list.h"
#define LIMIT 64
#define FLAG (1u << 3)
/* A comment may speak of page tables and of dsb ishst. */
struct node { struct node *next; unsigned flags; long weights[4]; };
static long sum(const struct node *list, int limit)
{
    long total = 0;
    for (const struct node *at = list; at != NULL; at = at->next) {
        switch (limit % LIMIT) {
        case 1: continue;
        default: break;
        }
        total += at->flags & 5u ? at->weights[at->flags & FLAG] : -1; // "quoted" tlb
        puts("desc_t & tlbi");
    }
    return twice(&total, (long *)&limit);
}
"""
LIST = "#ifndef LIST_H\n#define LIST_H\nlong twice(long *a, long *b);\nint puts(const char *);\n#endif\n"


def ruled_out(folder: Path, text: str, *flags: str, name: str = "a.c", known: bool = True) -> bool:
    path = folder / name
    path.write_text(text)
    (folder / "list.h").write_text(LIST)
    return Screening(()).rules_out([Input(str(path), (TARGET, *flags))], known)


def test_ordinary_code_is_ruled_out(tmp_path: Path) -> None:
    assert ruled_out(tmp_path, HARMLESS)
    assert ruled_out(tmp_path, HARMLESS, known=False)


@pytest.mark.parametrize(
    "line",
    [
        'void f(void) { __asm__ volatile("nop"); }',
        "typedef unsigned long pte_t;",
        "typedef unsigned long PtEntry;",
        "struct xlat_desc;",
        "void flush_tlb_all(void);",
        "void f(void) { __sync_synchronize(); }",
        "void f(void) { __dsb(11); }",
        "void f(void) { atomic_thread_fence(5); }",
        "void f(unsigned long *t, unsigned long a) { t[a >> 12] = 1; }",
        "void f(unsigned long *t, unsigned long a) { t[(a / 4096) % 512] = 1; }",
        "unsigned long f(unsigned long a) { return a & ~4095ul; }",
        "unsigned long f(unsigned long a) { return a & 0xfffffffff000; }",
        "#define MASK (~4095ul)\nunsigned long f(unsigned long a) { return a & MASK; }",
        "#define MASK 7\n#define MASK -4096\nunsigned long f(unsigned long a) { return a & MASK; }",
        "unsigned long f(unsigned long a, unsigned long m) { return a-- & m; }",
        "unsigned long f(unsigned long a, unsigned long m) { return a & m; }",
        "unsigned long f(unsigned long a) { return a & 1 << 12; }",
        "unsigned long f(unsigned long a) { return a & 4096; }",
        "unsigned long f(unsigned long a) { a &= ~4095; return a; }",
        "unsigned long f(unsigned long m) { return sizeof(char *) & m; }",
        "struct s { unsigned long a : 12, b : 36; };",
        "struct s { int x[1 ? 2 : 3], b : 12; };",
        "#define JOIN(a, b) a##b",
        "struct mm { int asid; };",
        '#include "absent.h"',
        "#include HEADER",
        "int f(void) { return 1;",
        'char c = \'"\'; const char *r = R"(" // )";',
        "// barrierlint: ignore",
        "%: define X",
    ],
)
def test_what_may_concern_tables_is_not(tmp_path: Path, line: str) -> None:
    assert not ruled_out(tmp_path, f"{HARMLESS}{line}\n")


@pytest.mark.parametrize(
    "line",
    [
        "#ifdef BOARD\nint x;\n#endif",
        "#if defined(WORD) && WORD > 2\nint y;\n#endif",
        "#ifndef T\n#define T int\n#endif",
    ],
)
def test_what_a_build_may_define_needs_known_arguments(tmp_path: Path, line: str) -> None:
    assert ruled_out(tmp_path, f"{HARMLESS}{line}\n")
    assert not ruled_out(tmp_path, f"{HARMLESS}{line}\n", known=False)


@pytest.mark.parametrize(
    "flags",
    [
        ("-Dword=pte_t",),
        ("-include", "absent.h"),
        ("-fplugin=x.so",),
        ("--target=x86_64-linux-gnu",),
        ("-x", "assembler"),
    ],
)
def test_options_count(tmp_path: Path, flags: tuple[str, ...]) -> None:
    assert not ruled_out(tmp_path, HARMLESS, *flags)


def test_headers_count(tmp_path: Path) -> None:
    text = HARMLESS + '#include "deep/one.h"\n'
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "one.h").write_text('#include "two.h"\n')
    (tmp_path / "inc").mkdir()
    (tmp_path / "inc" / "two.h").write_text("int harmless(void);\n")
    assert ruled_out(tmp_path, text, f"-I{tmp_path}/inc")
    (tmp_path / "inc" / "two.h").write_text("typedef unsigned long pmd_t;\n")
    assert not ruled_out(tmp_path, text, f"-I{tmp_path}/inc")
    (tmp_path / "deep" / "two.h").write_text("int harmless(void);\n")
    assert not ruled_out(tmp_path, text, f"-I{tmp_path}/inc"), "which of two is included is not decided here"


def test_paths_count(tmp_path: Path) -> None:
    """A type without a name is called by the place that declares it."""
    assert not ruled_out(tmp_path, HARMLESS, name="my_pte_t.c")


def test_models_count(tmp_path: Path) -> None:
    path = tmp_path / "a.c"
    path.write_text("void frob_entry_now(long *, long);\nvoid f(long *p) { frob_entry_now(p, 1); }\n")
    model = tmp_path / "m.yaml"
    model.write_text('name: m\ndescription: m\nfunctions:\n  - match: "frob_*_now"\n    does: dsb ishst; isb\n')
    files = [Input(str(path), (TARGET,))]
    assert Screening(()).rules_out(files, True)
    assert not Screening((str(model),)).rules_out(files, True)


def test_the_report_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.c"
    path.write_text("int f(int x) { return x + 1; }\n")
    report = run(Options(Request((str(path),), flags=())))
    assert [(note.kind, note.lost) for note in report.notifications] == [("screened", False)]
    assert (report.files, report.functions, report.findings) == (1, 0, ())


def test_one_file_that_is_not_keeps_all(tmp_path: Path) -> None:
    """What one file maps, another may access."""
    (tmp_path / "a.c").write_text("int f(int *x) { return *x; }\n")
    (tmp_path / "b.c").write_text(
        "typedef unsigned long pte_t; int f(int *); int g(pte_t *p, int *x) { *p = 3; return f(x); }\n"
    )
    report = run(Options(Request((str(tmp_path / "a.c"), str(tmp_path / "b.c")), flags=())))
    assert report.functions == 2
    assert "screened" not in {note.kind for note in report.notifications}


def test_rules_are_named_without_being_loaded() -> None:
    assert [(one.id, one.name) for one in pipeline.rule_names()] == [(one.id, one.name) for one in pipeline.all_rules()]


@pytest.mark.parametrize("path", harness.sources(), ids=lambda path: path.name)
def test_no_fixture_with_a_finding_is_ruled_out(path: Path) -> None:
    own = annotations.read(path)
    files = [Input(str(path), (TARGET, *own.words("flags")))]
    assert not Screening(own.words("model")).rules_out(files, True) or not own.expect


WORD = "typedef unsigned long word; word *make(void); word given(void);"
TABLES = ["make()", "p", "((word *)given())"]
INDICES = [
    "0",
    "(a >> 12)",
    "(a >> 12 & 511)",
    "((a & 0x1ff000) / 4096)",
    "(a / 4096 % 512)",
    "((int)(a >> 3) & 7)",
    "a",
]
VALUES = [
    "a | 3",
    "(word)make() | 3",
    "((word)make() & ~4095ul) | 3",
    "(given() & 0xfffffffff000) + 3",
    "given() & m | 1",
]


def test_what_gives_a_finding_by_use_alone_is_not_ruled_out(tmp_path: Path) -> None:
    """Tables that no name gives away: if the analysis finds anything, the text must not have ruled the file out."""
    found = 0
    for number, (table, index, value) in enumerate(itertools.product(TABLES, INDICES, VALUES)):
        path = tmp_path / f"f{number}.c"
        path.write_text(
            f"{WORD}\nint f(word *p, word a, word m, word *slot, int *va)\n"
            f"{{ word *t = {table}; t[{index}] = a; slot[{index}] = {value}; return *va; }}\n"
        )
        if not Screening(()).rules_out([Input(str(path), (TARGET,))], True):
            continue
        found += 1
        report = pipeline.run(Options(Request((str(path), *([str(telling(tmp_path))])), flags=())))
        assert not report.findings, path.read_text()
    assert found > 3


def telling(folder: Path) -> Path:
    """A file that no text rules out, and that has no finding."""
    path = folder / "telling.c"
    path.write_text("typedef unsigned long pte_t; int use(pte_t p); int use(pte_t p) { return p != 0; }\n")
    return path
