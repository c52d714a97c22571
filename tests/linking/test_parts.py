"""A run is analysed part by part: whatever changes, the answer is that of a run without a cache, and only parts that
changed are analysed again; whoever carries them out, reports are the same bytes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from barrierlint import checking
from barrierlint.finding import Report
from barrierlint.inputs import Request
from barrierlint.linking import outline
from barrierlint.linking.gathering import Means
from barrierlint.linking.outline import Outline
from barrierlint.linking.parts import parts
from barrierlint.pipeline import Options, run

HEADER = """\
typedef unsigned long pte_t;
struct ops { void (*map)(pte_t *, unsigned long); };
extern const struct ops *chosen;
extern const struct ops fixed;
void set_a(pte_t *p, unsigned long v);
void set_b(pte_t *p, unsigned long v);
void set_c(pte_t *p, unsigned long v);
unsigned long twice(unsigned long v);
static inline void table_sync(void) { __asm__ volatile("dsb ishst\\n\\tisb" ::: "memory"); }
"""
INCLUDE = '#include "table.h"\n'
FILES = {
    "table.h": HEADER,
    "set_a.c": f"{INCLUDE}void set_a(pte_t *p, unsigned long v) {{ *(volatile pte_t *)p = twice(v) | 0x713; }}\n",
    "set_b.c": f"{INCLUDE}void set_b(pte_t *p, unsigned long v) {{ *(volatile pte_t *)p = twice(v) | 0x713;\n"
    "table_sync(); }\n",
    "set_c.c": f"{INCLUDE}void set_c(pte_t *p, unsigned long v) {{ *(volatile pte_t *)p = v | 0x713; }}\n"
    "const struct ops fixed = {set_c};\nvoid choose(void) { chosen = &fixed; }\n",
    "use_a.c": f"{INCLUDE}int use_a(pte_t *p, volatile int *va) {{ set_a(p, 4096); return *va; }}\n",
    "use_b.c": f"{INCLUDE}int use_b(pte_t *p, volatile int *va) {{ set_b(p, 4096); return *va; }}\n",
    "use_c.c": f"{INCLUDE}int use_c(pte_t *p, volatile int *va) {{ chosen->map(p, 4096); return *va; }}\n",
    "twice.c": "unsigned long twice(unsigned long v) { return v + v; }\n",
    "other.c": "int other(int x) { return x + 1; }\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    listed(tmp_path)
    return tmp_path


def listed(tree: Path, *flags: str) -> None:
    commands = [
        {"directory": str(tree), "file": path.name, "arguments": ["cc", *flags, "-c", path.name]}
        for path in sorted(tree.glob("*.c"))
    ]
    (tree / "compile_commands.json").write_text(json.dumps(commands))


def options(tree: Path, cache: str | None = "cache", jobs: int = 0, models: Sequence[str] = ()) -> Options:
    kept = str(tree / cache) if cache else None
    return Options(Request((str(tree),), str(tree)), models=tuple(models), means=Means(jobs, cache=kept))


def same(tree: Path, **more: object) -> Report:
    """The report, which must not depend on a cache."""
    warm = run(options(tree, **more))  # type: ignore[arg-type]
    assert warm == run(options(tree, cache=None, **more))  # type: ignore[arg-type]
    return warm


@pytest.fixture
def analysed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The files of each part analysed in this process."""
    seen: list[tuple[str, ...]] = []
    original = checking.found

    def found(loaded: Sequence[object], *rest: object) -> object:
        seen.append(tuple(sorted(Path(one.unit.path).name for one in loaded)))  # type: ignore[attr-defined]
        return original(loaded, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(checking, "found", found)
    return seen


A, B, C = ("set_a.c", "twice.c", "use_a.c"), ("set_b.c", "twice.c", "use_b.c"), ("set_c.c", "use_c.c")


def test_what_bears_nothing_is_in_no_part_but_supports_those_that_take_it(
    tree: Path, analysed: list[tuple[str, ...]]
) -> None:
    report = run(options(tree))
    assert sorted(analysed) == [A, B, C]
    assert sorted(Path(one.span.path).name for one in report.findings) == ["use_a.c", "use_c.c"]
    assert (report.files, report.functions) == (8, 10)


def edit(name: str, old: str, new: str) -> Callable[[Path], object]:
    return lambda tree: (tree / name).write_text((tree / name).read_text().replace(old, new))


def added(tree: Path) -> None:
    (tree / "new.c").write_text(f"{INCLUDE}int use_new(pte_t *p, volatile int *va) {{ set_a(p, 0); return *va; }}\n")
    listed(tree)


def deleted(tree: Path) -> None:
    (tree / "set_a.c").unlink()
    listed(tree)


Change = Callable[[Path], object]
CHANGES: list[tuple[str, Change, list[tuple[str, ...]], int]] = [
    ("nothing", lambda _: None, [], 2),
    ("a file of one part", edit("use_a.c", "4096", "8192"), [A], 2),
    ("a barrier comes", edit("use_a.c", "4096);", "4096); table_sync();"), [A], 1),
    ("a barrier goes", edit("use_b.c", "set_b", "set_a"), [(*A, "use_b.c"), ("set_b.c", "twice.c")], 2),
    ("what supports two", edit("twice.c", "v + v", "v + v + v"), [A, B], 2),
    ("what nobody takes", edit("other.c", "x + 1", "x + 2"), [], 2),
    (
        "what nobody takes bears",
        edit("other.c", "int other", 'void f(void) { asm("isb"); } int other'),
        [("other.c",)],
        3,
    ),
    ("the header", edit("table.h", "ishst", "ish"), [A, B, C], 2),
    ("parts become one", edit("use_a.c", "return", "set_b(p, 0); return"), [(*A[:1], *B[:1], *A[1:], "use_b.c")], 1),
    ("a constant", edit("set_c.c", "{set_c}", "{0}"), [C], 2),
    ("a new file", added, [("new.c", *A)], 2),
    ("a deleted file", deleted, [], 1),
    ("flags", lambda tree: listed(tree, "-DX"), [A, B, C], 2),
    ("times", lambda tree: [path.touch() for path in tree.glob("*.[ch]")], [], 2),
]


@pytest.mark.parametrize(("what", "change", "again", "findings"), CHANGES, ids=[what for what, *_ in CHANGES])
def test_only_what_changed_is_analysed_again(
    tree: Path,
    analysed: list[tuple[str, ...]],
    what: str,
    change: Change,
    again: list[tuple[str, ...]],
    findings: int,
) -> None:
    run(options(tree))
    analysed.clear()
    change(tree)
    warm = run(options(tree))
    assert [tuple(sorted(some)) for some in sorted(analysed)] == [tuple(sorted(some)) for some in sorted(again)]
    assert len(same(tree).findings) == findings
    assert warm == run(options(tree))


def test_a_model_changes_what_it_speaks_of(tree: Path) -> None:
    model = tree / "m.yaml"
    model.write_text('name: m\ndescription: m\nfunctions:\n  - match: "twice"\n    noreturn: false\n')
    assert len(same(tree, models=[str(model)]).findings) == 2
    model.write_text('name: m\ndescription: m\nexempt:\n  - function: "set_a"\n    reason: "said so"\n')
    assert len(same(tree, models=[str(model)]).findings) == 1


@pytest.mark.parametrize("lost", ["units", "all but units", "everything"])
def test_what_the_cache_lost_is_read_again(tree: Path, lost: str, analysed: list[tuple[str, ...]]) -> None:
    first = run(options(tree))
    edit("use_a.c", "4096", "8192")(tree)
    for path in (tree / "cache").glob("??/*"):
        is_unit = path.stat().st_size > 1000
        if lost == "everything" or is_unit is (lost == "units"):
            path.write_bytes(path.read_bytes()[:-9] + b"not whole")
    assert len(same(tree).findings) == len(first.findings)


def test_traits_of_other_parts_count(tree: Path) -> None:
    """What is invalidated for other PEs anywhere says that they walk these tables."""
    (tree / "local.c").write_text(
        f"{INCLUDE}void drop(pte_t *p)\n{{\n*(volatile pte_t *)p = 0;\n"
        'asm("dsb nsh; tlbi vmalle1; dsb nsh; isb" ::: "memory"); }\n'
    )
    for path in ("set_a.c", "set_b.c", "set_c.c", "use_a.c", "use_b.c", "use_c.c", "twice.c"):
        (tree / path).unlink()
    (tree / "table.h").write_text("typedef unsigned long pte_t;\n")
    listed(tree)
    alone = same(tree)
    (tree / "wide.c").write_text('void wide(void) { asm("dsb ish; tlbi vmalle1is; dsb ish; isb" ::: "memory"); }\n')
    listed(tree)
    assert len(same(tree).findings) > len(alone.findings)


def test_flushes_of_other_parts_that_wait_count(tree: Path) -> None:
    """A flush that does not wait for what was written is a mistake where others of the program do, whichever part."""
    for path in ("set_a.c", "set_b.c", "set_c.c", "use_a.c", "use_b.c", "use_c.c", "twice.c"):
        (tree / path).unlink()
    (tree / "early.c").write_text('void flush_page(void) { asm("tlbi vmalle1is; dsb ish; isb" ::: "memory"); }\n')
    listed(tree)
    assert same(tree).findings == ()
    (tree / "waits.c").write_text(
        'void flush_all(void) { asm("dsb ishst; tlbi vmalle1is; dsb ish; isb" ::: "memory"); }\n'
    )
    listed(tree)
    assert [one.rule for one in same(tree).findings] == ["BL102"]


@pytest.mark.parametrize("barrier", ["", 'asm("dsb ish" ::: "memory");'])
def test_context_switches_of_other_parts_count(tree: Path, barrier: str) -> None:
    """What one part leaves incomplete another one's context switch leaves behind, unless who calls it waits."""
    for path in ("set_a.c", "set_b.c", "set_c.c", "use_a.c", "use_b.c", "use_c.c", "twice.c"):
        (tree / path).unlink()
    (tree / "flush.c").write_text('void flush(void) { asm("dsb ishst; tlbi vmalle1is; dsb ish; isb" ::: "memory"); }\n')
    (tree / "switch.c").write_text(
        "void cpu_switch(unsigned long *from, unsigned long to)\n{\n"
        'asm volatile("mov x9, sp; str x9, [%0]; mov sp, %1" : : "r"(from), "r"(to) : "x9", "memory"); }\n'
    )
    (tree / "thread.c").write_text(
        f"void cpu_switch(unsigned long *, unsigned long);\n"
        f"void go_on(unsigned long *from, unsigned long to) {{ {barrier} cpu_switch(from, to); }}\n"
    )
    listed(tree)
    found = [one.rule for one in same(tree).findings]
    assert ("BL405" in found) is (not barrier), found


def test_repairs_call_what_headers_lend(tree: Path) -> None:
    """`table_sync` is lowered for another part only."""
    (found,) = [one for one in run(options(tree)).findings if one.span.path.endswith("use_a.c")]
    assert found.repair is not None
    assert "table_sync();" in {edit.text.strip() for place in found.repair.places for edit in place.edits}


def test_a_part_that_ends_its_process_costs_itself(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    original = checking.found

    def found(loaded: Sequence[object], *rest: object) -> object:
        if any(one.unit.path.endswith("use_a.c") for one in loaded):  # type: ignore[attr-defined]
            os.abort()
        return original(loaded, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(checking, "found", found)
    report = run(options(tree, jobs=2))
    assert [Path(one.span.path).name for one in report.findings] == ["use_c.c"]
    (note,) = [note for note in report.notifications if note.lost]
    assert note.kind == "crashed"
    assert "use_a.c" in note.message
    monkeypatch.undo()
    assert len(run(options(tree)).findings) == 2


def words(tree: Path, jobs: str, form: str, *more: str) -> bytes:
    command = [sys.executable, "-m", "barrierlint", "check", "--no-config", "-p", ".", "--exit-zero", "--format", form]
    return subprocess.run([*command, "--jobs", jobs, *more, "."], cwd=tree, capture_output=True, check=True).stdout


@pytest.mark.parametrize("form", ["json", "sarif", "html"])
def test_any_number_of_jobs_gives_the_same_bytes(tree: Path, form: str) -> None:
    one = words(tree, "1", form, "--no-cache")
    assert b"use_c.c" in one
    assert words(tree, "2", form, "--no-cache") == one
    assert words(tree, "3", form, "--cache-dir", "cold") == one
    assert words(tree, "2", form, "--cache-dir", "cold") == one


def made(gives: str = "", takes: str = "", bears: bool = False) -> Outline:
    hashes = (frozenset(map(outline.hashed, text.split())) for text in (gives, takes))
    return Outline(*hashes, bears, 1, frozenset())


def test_parts_are_what_acts_and_is_connected() -> None:
    units = [
        made("memcpy"),
        made("map", "memcpy", bears=True),
        made("user", "map memcpy"),
        made("user_of_user", "user"),
        made("apart", "memcpy", bears=True),
        made("nothing", "memcpy absent"),
        made("late", "apart"),
    ]
    found = parts(units)
    assert [part.acting for part in found] == [(1, 2, 3), (4, 6)]
    assert [part.units for part in found] == [(0, 1, 2, 3), (0, 4, 6)]
    assert parts([replace(one, bears=False) for one in units]) == ()


def test_outlines_come_back_as_they_were() -> None:
    one = Outline(
        frozenset((1, 2**64 - 1)), frozenset(), True, 3, frozenset((7,)), traits=frozenset(("wide",)), lends=("x",)
    )
    assert outline.load(outline.dump(one)) == one
    for wrong in ("", "[]", '["!", "", "", 0, 0, "", [], []]', "{}", "[1,2,3,4,5,6,7,8]"):
        with pytest.raises(ValueError, match=r"\S"):
            outline.load(wrong)
