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
