"""Which files make a program: names of one file only stay apart, and what is defined twice does not link."""

from __future__ import annotations

from pathlib import Path

import pytest

from barrierlint.finding import Confidence, Report
from barrierlint.inputs import Request
from barrierlint.pipeline import Options, lower, run

STORE = """\
typedef unsigned long pte_t;
static void set(pte_t *ptep, unsigned long pa) { *(volatile pte_t *)ptep = pa | 0x713; }
void map(pte_t *ptep, unsigned long pa);
void map(pte_t *ptep, unsigned long pa) { set(ptep, pa); }
"""
HARMLESS = """\
typedef unsigned long pte_t;
static void set(pte_t *ptep, unsigned long pa) { (void)ptep; (void)pa; }
void other(pte_t *ptep);
void other(pte_t *ptep) { set(ptep, 0); }
"""
USE = """\
void map(unsigned long *ptep, unsigned long pa);
int {name}(unsigned long *ptep, unsigned long pa, volatile int *va) {{ map(ptep, pa); return *va; }}
"""


def check(tmp_path: Path, **files: str) -> Report:
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return run(Options(Request((str(tmp_path),), flags=())))


@pytest.mark.parametrize("first", ["a", "z"])
def test_static_functions_of_files_with_one_name_stay_apart(tmp_path: Path, first: str) -> None:
    report = check(tmp_path, **{f"{first}__mmu_c": HARMLESS, "m__mmu_c": STORE, "user_c": USE.format(name="user")})
    (found,) = report.findings
    assert found.confidence is not Confidence.BOUNDARY
    assert found.witness.write.span.path.endswith("m/mmu.c")


def test_files_with_a_main_each_share_the_rest(tmp_path: Path) -> None:
    mains = {f"{name}_c": USE.format(name="main") for name in ("one", "three", "two")}
    report = check(tmp_path, mmu_c=STORE, **mains)
    (found,) = report.findings  # one repair in mmu.c cures all three
    places = (found.span, *(step.span for step in found.also))
    assert sorted(span.path.rpartition("/")[2] for span in places) == ["one.c", "three.c", "two.c"]
    programs = lower(Options(Request((str(tmp_path),), flags=()))).programs
    assert [len(program.functions) for program in programs] == [3, 3, 3]


def test_variants_do_not_link_and_do_not_mix(tmp_path: Path) -> None:
    variant = STORE.replace("pa | 0x713", "0")
    report = check(tmp_path, fast_c=STORE, slow_c=variant, user_c=USE.format(name="user"))
    assert [found.witness.write.span.path.rpartition("/")[2] for found in report.findings] == ["fast.c"]


DEFAULT = """\
typedef unsigned long pte_t;
{0}void prepare(pte_t *ptep, unsigned long pa) {{ *(volatile pte_t *)ptep = pa | 0x713; }}
void ready(void);
void ready(void) {{ asm volatile("dsb ishst; isb" ::: "memory"); }}
int use(pte_t *ptep, unsigned long pa, volatile int *va);
int use(pte_t *ptep, unsigned long pa, volatile int *va) {{ prepare(ptep, pa); return *va; }}
"""
BOARD = """\
int use(unsigned long *ptep, unsigned long pa, volatile int *va);
void ready(void);
void prepare(unsigned long *ptep, unsigned long pa);
typedef unsigned long pte_t;
void prepare(pte_t *ptep, unsigned long pa) {{ *(volatile pte_t *)ptep = pa | 0x713; {0} }}
int board(unsigned long *ptep, unsigned long pa, volatile int *va);
int board(unsigned long *ptep, unsigned long pa, volatile int *va) {{ return use(ptep, pa, va); }}
"""
WEAK = ["__attribute__((weak)) ", "#define __WEAK __attribute__((__weak__))\n__WEAK ", "#pragma weak prepare\n"]


def prepared(tmp_path: Path, **files: str) -> list[dict[str, str]]:
    """Of each program the file of every function."""
    check(tmp_path, **files)
    programs = lower(Options(Request((str(tmp_path),), flags=()))).programs
    return [{cfg.name: cfg.place.path.rpartition("/")[2] for cfg in one.functions.values()} for one in programs]


@pytest.mark.parametrize("board", ["a_c", "z_c"])
@pytest.mark.parametrize("weak", WEAK)
def test_a_weak_function_makes_way_for_another_files(tmp_path: Path, weak: str, board: str) -> None:
    own, boards = prepared(tmp_path, m_c=DEFAULT.format(weak), **{board: BOARD.format("")})
    assert own == {"prepare": "m.c", "ready": "m.c", "use": "m.c"}
    assert boards == {**own, "prepare": board.replace("_", "."), "board": board.replace("_", ".")}


def test_what_takes_the_place_of_a_weak_function_is_followed(tmp_path: Path) -> None:
    (found,) = check(tmp_path, m_c=DEFAULT.format(WEAK[0]), z_c=BOARD.format("ready();")).findings
    assert found.witness.write.span.path.endswith("m.c")
    default = DEFAULT.format(WEAK[0]).replace("0x713; }", "0x713; ready(); }")
    (found,) = check(tmp_path, m_c="void ready(void);\n" + default, z_c=BOARD.format("")).findings
    assert found.witness.write.span.path.endswith("z.c")


def test_a_function_that_is_not_weak_makes_way_for_none(tmp_path: Path) -> None:
    _, boards = prepared(tmp_path, m_c=DEFAULT.format(""), z_c=BOARD.format(""))
    assert boards == {"prepare": "z.c", "board": "z.c"}


def test_a_weak_function_of_assembly_makes_way(tmp_path: Path) -> None:
    weak = ".weak prepare\nprepare:\n\tret\n.global use\nuse:\n\tb prepare\n"
    own, boards = prepared(tmp_path, a_S=weak, z_c=BOARD.format(""))
    assert own == {"prepare": "a.S", "use": "a.S"}
    assert boards == {"prepare": "z.c", "use": "a.S", "board": "z.c"}
