"""`barrierlint init`: what it writes is what `check` then uses; nothing is overwritten unasked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from barrierlint import configuration
from barrierlint.cli import main
from barrierlint.initialization import MODEL
from barrierlint.models import load
from tests.fixtures.harness import FIXTURES

FILE = "mm/device.c"
HELPERS = """
#include <asm/pgtable.h>
#include <asm/barrier.h>
pte_t boot_table[512];
void sync_tables(void) { dsb(ishst); isb(); }
void flush_page(u64 operand) { asm volatile("tlbi vaae1is, %0" : : "r"(operand)); dsb(ish); }
void write_entry(pte_t *entry, pte_t value) { *(volatile u64 *)&entry->pte = value.pte; }
int is_mapped(u64 va) { u64 e = boot_table[va >> 12 & 511].pte; if (e & 1) return 1; return 0; }
void set_root(void) { asm volatile("msr ttbr0_el1, %0" : : "r"(boot_table)); }
int unrelated(int x) { return x + 1; }
"""


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The miniature kernel in a repository of its own, as the working directory."""
    root = tmp_path / "kernel"
    shutil.copytree(FIXTURES / "guessing", root)
    (root / ".git").mkdir()
    (root / "mm/helpers.c").write_text(HELPERS)
    monkeypatch.chdir(root)
    return root


def test_what_is_written_is_used(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", FILE]) == 0
    out = capsys.readouterr().out
    assert configuration.NAME in out
    assert MODEL in out
    text = (tree / configuration.NAME).read_text()
    assert "include/kernel/config.h  # Makefile:4" in text
    assert '"CONFIG_ARM64_4K_PAGES=1"  # arch/arm64/Kconfig:8' in text
    assert main(["check", FILE]) == 1
    out = capsys.readouterr().out
    assert "BL001" in out
    assert "guessed" not in out
    assert "no-compile-database" not in out


def test_what_is_still_missing_is_guessed_besides(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", FILE])
    (tree / "mm/other.c").write_text(
        "#include <asm/pgtable.h>\n#include <more.h>\nint f(void) { return PAGE_SHIFT; }\n"
    )
    capsys.readouterr()
    assert main(["check", "-v", "mm/other.c"]) == 0
    out = capsys.readouterr().out
    assert "stubbed 1 header" in out
    assert "guessed-include" not in out


def test_the_model_is_proposed_with_evidence(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "mm"]) == 0
    text = (tree / MODEL).read_text()
    model = load([MODEL])
    assert model.descriptor_type("pte_t", "pte_t")
    assert "mm/helpers.c: `boot_table` holds 512 of them, a page" in text
    assert "is_mapped() tests the valid bits" in text
    assert 'match: "sync_tables"\n    does: "dsb ishst; isb"' in text
    assert 'match: "flush_page"\n    does: "tlbi vaae1is, arg0; dsb ish"' in text
    assert 'match: "write_entry"' in text
    assert "set_root() writes the address of a table of them to a TTBR" in text
    assert 'dsb_ishst: "dsb(ishst);"  # arch/arm64/include/asm/barrier.h:3' in text
    assert 'isb: "isb();"  # arch/arm64/include/asm/barrier.h:4' in text
    assert "unrelated" not in text


def test_nothing_is_overwritten_unasked(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / configuration.NAME).write_text("model: osv\n")
    assert main(["init", FILE]) == 2
    assert "--force" in capsys.readouterr().err
    assert (tree / configuration.NAME).read_text() == "model: osv\n"
    assert not (tree / MODEL).exists()
    assert main(["init", "--force", FILE]) == 0
    assert "compile:" in (tree / configuration.NAME).read_text()


@pytest.mark.parametrize(
    ("words", "part"),
    [(["gone.c"], "no such file"), (["include"], "no C or C++ source"), (["/usr", FILE], "several trees")],
)
def test_bad_requests_are_one_line(words: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", *words]) == 2
    error = capsys.readouterr().err
    assert part in error
    assert error.count("\n") == 1


def test_a_wrong_configuration_stops_a_check(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / configuration.NAME).write_text("modle: osv\n")
    assert main(["check", FILE]) == 2
    assert "did you mean 'model'?" in capsys.readouterr().err
    assert main(["check", "--config", "gone.yaml", FILE]) == 2


def test_the_configurations_model_is_used(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / configuration.NAME).write_text("model: gone.yaml\n")
    assert main(["check", FILE]) == 2
    assert "gone.yaml" in capsys.readouterr().err
