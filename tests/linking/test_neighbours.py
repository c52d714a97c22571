"""Named files are read with what they call and who calls them, as far as page tables are concerned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from barrierlint.finding import Confidence, Report
from barrierlint.inputs import Request
from barrierlint.linking.gathering import Means
from barrierlint.linking.index import definitions
from barrierlint.linking.selection import select
from barrierlint.pipeline import Options, run

TABLE = """\
typedef unsigned long pte_t;
static pte_t table[512];
void set_entry(unsigned long va, unsigned long pa);
void set_entry(unsigned long va, unsigned long pa) { *(volatile pte_t *)&table[va >> 12 & 511] = pa | 0x713; }
"""
MAP = """\
void set_entry(unsigned long va, unsigned long pa);
volatile int *map_device(unsigned long va, unsigned long pa);
volatile int *map_device(unsigned long va, unsigned long pa) { set_entry(va, pa); return (volatile int *)va; }
"""
DRIVER = """\
volatile int *map_device(unsigned long va, unsigned long pa);
int read_register(volatile int *address);
int probe(unsigned long va, unsigned long pa);
int probe(unsigned long va, unsigned long pa) { return read_register(map_device(va, pa)); }
"""
IO = "int read_register(volatile int *address);\nint read_register(volatile int *address) { return *address; }\n"
OTHER = "int unrelated(int x);\nint unrelated(int x) { return x + 1; }\n"
FILES = {"table.c": TABLE, "map.c": MAP, "driver.c": DRIVER, "io.c": IO, "other.c": OTHER}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    commands = [{"directory": str(tmp_path), "file": name, "arguments": ["cc", "-c", name]} for name in FILES]
    (tmp_path / "compile_commands.json").write_text(json.dumps(commands))
    return tmp_path


def check(tree: Path, *names: str, neighbours: int | None = None, cache: str | None = None) -> Report:
    paths = tuple(str(tree / name) for name in names)
    return run(Options(Request(paths, str(tree), neighbours=neighbours), means=Means(cache=cache)))


@pytest.mark.parametrize("name", ["table.c", "map.c", "driver.c", "io.c"])
def test_one_file_named_brings_the_path_through_four(tree: Path, name: str) -> None:
    report = check(tree, name)
    if name == "io.c":  # an access says nothing of page tables: whoever maps has to be named
        assert report.findings == ()
        return
    (found,) = report.findings
    assert found.confidence is Confidence.EXACT
    assert found.span.path.endswith("io.c")
    assert {step.span.path.rpartition("/")[2] for step in found.witness.steps} == {*FILES} - {"other.c"}
    assert report.files == 1
    (note,) = [note for note in report.notifications if note.kind == "neighbours"]
    assert "other.c" not in note.message


def test_without_neighbours_the_file_is_alone(tree: Path) -> None:
    assert check(tree, "driver.c", neighbours=0).findings == ()
    (found,) = check(tree, "table.c", neighbours=0).findings
    assert found.confidence is Confidence.BOUNDARY


def test_what_is_left_out_is_counted(tree: Path) -> None:
    report = check(tree, "table.c", neighbours=1)
    (note,) = [note for note in report.notifications if note.kind == "neighbours"]
    assert "more may matter" in note.message


def test_only_what_touches_the_named_files_is_told(tree: Path) -> None:
    bad = "int bad(volatile int *va);\nint bad(volatile int *va) { map_device((unsigned long)va, 0); return *va; }\n"
    (tree / "map.c").write_text(MAP + bad)
    (found,) = check(tree, "driver.c").findings
    assert found.span.path.endswith("io.c")
    (found,) = check(tree, "map.c").findings  # one root cause, the nearer access is shown
    assert found.span.path.endswith("map.c")
    (tree / "table.c").write_text(TABLE + "int x;\n" + bad.replace("map_device", "set_entry").replace("bad", "worse"))
    assert {one.span.path.rpartition("/")[2] for one in check(tree, "other.c", "driver.c").findings} == {"io.c"}


def test_a_neighbour_that_cannot_be_read_loses_nothing(tree: Path) -> None:
    (tree / "map.c").write_text("#error broken\nint set_entry(\n" + MAP)
    assert not any(note.lost for note in check(tree, "driver.c").notifications)


def test_the_whole_database(tree: Path) -> None:
    report = run(Options(Request((), str(tree))))
    assert report.files == len(FILES)
    assert [found.confidence for found in report.findings] == [Confidence.EXACT]


def test_the_choice_is_remembered_until_a_file_changes(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = check(tree, "driver.c", cache=str(tree / "cache"))

    def breaks(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("barrierlint.linking.neighbours.select", breaks)
    assert check(tree, "driver.c", cache=str(tree / "cache")) == first
    (tree / "other.c").write_text(OTHER + "\n")
    with pytest.raises(ZeroDivisionError):
        check(tree, "driver.c", cache=str(tree / "cache"))


TEXTS = [
    ("int f(int x) { return g(x); }", ["f"]),
    ("int f(int x);", []),
    ("void A::f(int (*g)(int)) const noexcept { if (x) { h(); } while (y) { } }", ["f"]),
    ("A::A(int x) : b(x) { }\nint g() { /* h() { */ return 0; }", ["A", "g"]),
    ('const char *s = "f() {"; // g() {\nint h() { return 0; }', ["h"]),
    ("#define M(x) do { f(x); } while (0)\nint h() { return 0; }", ["h"]),
]


@pytest.mark.parametrize(("text", "names"), TEXTS)
def test_definitions_are_found_in_text(text: str, names: list[str]) -> None:
    assert [one.name for one in definitions("a.c", text)] == names


def test_an_assembly_file_defines_its_symbols() -> None:
    text = ".globl flush\nflush:\n\tdsb sy\n\tret\nENTRY(wait)\n\tisb\n\tret\nENDPROC(wait)\n"
    found = definitions("tlb.S", text)
    assert {"flush", "wait"} <= {one.name for one in found}
    assert all(one.orders for one in found)


def test_text_that_never_closes_does_not_take_forever(tmp_path: Path) -> None:
    path = tmp_path / "a.c"
    path.write_text("f(" * 5_000 + "a, " * 20_000 + "x(int y" * 2_000)
    assert select([str(path)], [], str.isupper, 5).files == ()
