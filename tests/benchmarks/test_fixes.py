"""The benchmark on real fixes, on a repository of two commits made here."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.fixes import results, table
from benchmarks.fixes.__main__ import files_of, main, measure
from benchmarks.fixes.clones import find, lay_out, resolve
from benchmarks.fixes.context import functions
from benchmarks.fixes.judging import Row, concerns, density, judge
from benchmarks.fixes.running import Found, Outcome, names, run
from benchmarks.fixes.table import Accepted, Fix, Opinion, TableError

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

HEADER = """
typedef unsigned long pte_t;
extern pte_t table[512];
void finish(void);
static inline void isb(void) { asm volatile("isb" ::: "memory"); }
"""
BAD = """#include "mmu.h"
int map_page(unsigned long va, unsigned long pa)
{
\ttable[va >> 12 & 511] = pa | 0x703;
\treturn *(volatile int *)va;
}
"""
GOOD = BAD.replace("\treturn", "\tfinish();\n\tisb();\n\treturn")
FINISH = '#include "mmu.h"\nvoid finish(void)\n{\n\tasm volatile("dsb ishst" ::: "memory");\n}\n'
CALLER = (
    '#include "mmu.h"\nint map_page(unsigned long, unsigned long);\nint boot(void)\n{\n\treturn map_page(0, 0);\n}\n'
)
FLUSH = 'void flush_all(void)\n{\n\tasm volatile("dsb ishst; tlbi vmalle1is; dsb ish; isb" ::: "memory");\n}\n'
FOREIGN = "int map_page(unsigned long, unsigned long);\nint pc(void)\n{\n\treturn map_page(1, 1);\n}\n"


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    command = ["git", *identity, "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def repos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of clones with one repository, owner+kernel: the first commit has the defect, the second cures it."""
    place = tmp_path_factory.mktemp("repos")
    repo = place / "owner+kernel"
    files = {
        "arch/arm64/mmu.h": HEADER,
        "arch/arm64/mmu.c": BAD,
        "arch/arm64/finish.c": FINISH,
        "arch/arm64/boot.c": CALLER,
        "arch/arm64/tlb.c": FLUSH,
        "arch/arm64/lib.c": FLUSH.replace("tlbi vmalle1is; ", ""),
        "arch/x86/pc.c": FOREIGN,
        "README": "not a source",
    }
    for name, text in files.items():
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(text)
    git(place, "init", "-q", str(repo))
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "bad")
    (repo / "arch/arm64/mmu.c").write_text(GOOD)
    git(repo, "commit", "-q", "-a", "-m", "good")
    git(repo, "tag", "fixes/elsewhere")
    return place


def fix(sha: str = "HEAD", classes: tuple[str, ...] = ("no-dsb",), wanted: tuple[str, ...] = ("map_page",)) -> Fix:
    return Fix("owner/kernel", sha, "2020-01-01", "A", "C", "1F", classes, wanted, "")


def found(rule: str = "BL001", function: str = "map_page", level: str = "error") -> Found:
    passed = frozenset({function})
    return Found(rule, level, "mmu.c", 5, "m", function, passed, frozenset({"a/mmu.c"}), "confirmed", "f")


ACCEPTED = {"no-dsb": Accepted(("BL001",), "why"), "no-isb": Accepted(("BL002",), "why")}


class TestClones:
    @pytest.mark.parametrize("place", ["owner+kernel", "owner/kernel", "kernel", "kernel.git", "owner+kernel/repo"])
    def test_found_in_each_layout(self, tmp_path: Path, place: str) -> None:
        (tmp_path / place / ".git").mkdir(parents=True)
        assert find(tmp_path, "owner/kernel") == tmp_path / place

    def test_bare_and_absent(self, tmp_path: Path) -> None:
        (tmp_path / "kernel").mkdir()
        assert find(tmp_path, "owner/kernel") is None
        (tmp_path / "kernel" / "HEAD").write_text("")
        assert find(tmp_path, "owner/kernel") == tmp_path / "kernel"

    def test_commits(self, repos: Path) -> None:
        clone = repos / "owner+kernel"
        both = git(clone, "rev-parse", "HEAD^"), git(clone, "rev-parse", "HEAD")
        assert resolve(clone, both[1]) == both
        assert resolve(clone, "elsewhere") == both, "a ref fixes/SHA stands in for a commit"
        assert resolve(clone, "0" * 40) is None
        assert resolve(clone, both[0]) is None, "its parent is not there"

    def test_the_clone_is_not_written(self, repos: Path, tmp_path: Path) -> None:
        clone = repos / "owner+kernel"
        before = git(clone, "status", "--porcelain"), git(clone, "worktree", "list"), git(clone, "rev-parse", "HEAD")
        tree = lay_out(clone, tmp_path / "tree")
        tree.at(git(clone, "rev-parse", "HEAD^"))
        assert (tree.folder / "arch/arm64/mmu.c").read_text() == BAD
        assert not (tree.folder / "README").exists()
        assert before == (
            git(clone, "status", "--porcelain"),
            git(clone, "worktree", "list"),
            git(clone, "rev-parse", "HEAD"),
        )


class TestContext:
    def test_callees_and_callers_but_no_foreign_files(self, repos: Path, tmp_path: Path) -> None:
        commits = resolve(repos / "owner+kernel", "elsewhere")
        assert commits
        tree = lay_out(repos / "owner+kernel", tmp_path / "tree")
        files = files_of(tree, commits)
        assert files.touched == ("arch/arm64/mmu.c",)
        assert set(files.context) == {"arch/arm64/finish.c", "arch/arm64/boot.c", "arch/arm64/tlb.c"}, (
            "the last since no other one maintains TLBs"
        )
        assert files.functions == ("map_page",)

    def test_functions_by_layout(self) -> None:
        text = "int one(void);\nstatic int\ntwo(int a,\n  int b)\n{\n}\nvoid\nC::three() const\n{\n}\n#define F(x) {\n"
        assert [name for name, *_ in functions(text, "a.cc")] == ["two", "three"]
        assert [name for name, *_ in functions("ENTRY(a)\n\tisb\n1:\n\tret\nb:\n\tret\n", "a.S")] == ["a", "b"]


class TestRun:
    def test_flagged_and_gone(self, repos: Path, tmp_path: Path) -> None:
        row = measure(fix(), repos, tmp_path, 60)
        assert not row.before.failure
        assert row.flagged
        assert row.gone
        assert not row.others_after
        assert len(row.files) == 4

    def test_a_run_that_takes_too_long_costs_itself(self, tmp_path: Path) -> None:
        (tmp_path / "a.c").write_text("int a;\n\nint b;\n")
        outcome = run(tmp_path, ("a.c",), 0.001)
        assert outcome.failure == "more than 0 s"
        assert outcome.lines == 2

    def test_a_run_that_refuses_says_why(self, tmp_path: Path) -> None:
        assert "no such file" in run(tmp_path, ("a.c",), 60).failure

    def test_outcomes_are_kept(self, repos: Path, tmp_path: Path) -> None:
        first = measure(fix(), repos, tmp_path, 60, store=tmp_path / "kept")
        again = measure(fix(), repos, tmp_path, 0, store=tmp_path / "kept")
        assert again == first
        (tmp_path / "kept" / "HEAD.json").write_text("{")
        assert measure(fix(), repos, tmp_path, 0.001, store=tmp_path / "kept").before.failure

    def test_what_is_not_there_is_named(self, repos: Path, tmp_path: Path) -> None:
        assert measure(fix("1" * 40), repos, tmp_path, 9).skipped.startswith("the clone lacks")
        assert measure(fix(), tmp_path, tmp_path, 9).skipped == "no clone"

    def test_command(self, repos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        rows = tmp_path / "rows.tsv"
        head = table.FIXES.read_text().splitlines()[0]
        rows.write_text(f"{head}\nowner/kernel\telsewhere\t2020\tA\tC\t1F\tno-dsb\tmap_page\twhat\n")
        words = ["--repos", str(repos), "--trees", str(tmp_path / "trees"), "--table", str(rows)]
        assert main([*words, "--only", "nothing"]) == 0
        assert "0 of 0" in capsys.readouterr().out
        assert main([*words, "--results", str(tmp_path / "R.md")]) == 0
        assert "1 of 1 core rows flagged before and gone after" in capsys.readouterr().out
        assert "| owner/kernel elsewhere | A | `map_page` | no-dsb |" in (tmp_path / "R.md").read_text()


class TestJudging:
    def test_right_rule_and_function(self) -> None:
        before = Outcome(findings=(found(), found("BL004"), found("BL001", "other"), found("BL401", level="note")))
        row = judge(fix(), before, Outcome(), ACCEPTED)
        assert row.met
        assert [one.rule for one in row.right_before] == ["BL001"]
        assert [(one.rule, one.last) for one in row.others_before] == [("BL004", "map_page"), ("BL001", "other")]

    def test_wrong_rule_is_not_flagged(self) -> None:
        assert not judge(fix(), Outcome(findings=(found("BL002"),)), Outcome(), ACCEPTED).flagged
        assert judge(fix(classes=("no-dsb", "no-isb")), Outcome((found("BL002"),)), Outcome(), ACCEPTED).flagged

    def test_not_gone(self) -> None:
        both = Outcome(findings=(found(),))
        assert not judge(fix(), both, both, ACCEPTED).gone
        assert not judge(fix(), both, Outcome(failure="more than 1 s"), ACCEPTED).gone, "a run that broke shows nothing"

    def test_another_defect_may_stay(self) -> None:
        other = replace(found(), message="of another place")
        before, after = Outcome(findings=(found(), other)), Outcome(findings=(other,))
        said = {(fix().repo, other.rule, other.last): Opinion("true", "fixed later")}
        assert judge(fix(), before, after, ACCEPTED, (), said).gone
        assert not judge(fix(), before, after, ACCEPTED).gone, "nobody judged it"
        assert not judge(fix(), after, after, ACCEPTED, (), said).gone, "nothing was reported besides"
        wrong = {key: Opinion("false", "a wrong alarm") for key in said}
        assert not judge(fix(), before, after, ACCEPTED, (), wrong).gone

    def test_names(self) -> None:
        assert names("mmu::hw_ptep<mmu::x<0>>::write(int)") == ["mmu", "hw_ptep", "write"]
        assert concerns(fix(wanted=("map_*",)), found(function="mmu::map_range<page_op>"))
        assert concerns(fix(wanted=("file:a/mmu.c",)), found())
        assert not concerns(fix(wanted=("file:b/mmu.c",)), found())
        assert not concerns(fix(wanted=("map",)), found())

    def test_density_counts_once(self) -> None:
        noisy = Outcome(findings=(found("BL004"), found("BL004")), lines=500)
        row = judge(fix(), noisy, noisy, ACCEPTED, ("mmu.c",))
        assert density([row, row]) == (1, 500, 2.0)
        assert density([]) == (0, 0, 0.0)


class TestTables:
    def test_those_that_are_carried(self) -> None:
        known = table.classes()
        rows = table.fixes()
        assert len(rows) == 56
        assert sum(row.core for row in rows) == 51
        assert {word for row in rows for word in row.classes} <= set(known)
        assert table.verdicts() is not None

    def test_mistakes_are_named(self, tmp_path: Path) -> None:
        path = tmp_path / "x.tsv"
        path.write_text("class\trules\twhy\na\tb\n")
        with pytest.raises(TableError, match=r"x\.tsv:2: 2 columns, expected 3"):
            table.classes(path)
        path.write_text("nonsense\n")
        with pytest.raises(TableError, match=r"x\.tsv:1: the header"):
            table.classes(path)

    def test_page(self) -> None:
        row = judge(fix(), Outcome(findings=(found(),)), Outcome(findings=(found("BL004"),), lines=10), ACCEPTED)
        skipped = Row(fix("abc"), Outcome(), Outcome(), skipped="no clone")
        page = results.markdown(
            [row, skipped], ACCEPTED, {("owner/kernel", "BL004", "map_page"): Opinion("true", "x")}, "v"
        )
        assert "1 of 1 core rows" in page
        assert "| BL001 | yes | 0/1 |" in page
        assert "| confirmed | true | x |" in page
        assert "owner/kernel abc (no-dsb): no clone" in page
