"""Guesses in a whole run: what is said of them, and that they are remembered."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from barrierlint.finding import Notification, Severity
from barrierlint.inputs import Inputs, Request, collect
from barrierlint.pipeline import Means as RunMeans
from barrierlint.pipeline import Options, run
from barrierlint.source.guessing import Means, memory, search
from tests.guessing.trees import write

FILES = {
    ".git/HEAD": "",
    "arch/arm64/mm/mmu.c": "#include <asm/pgtable.h>\n#include <gone.h>\nint f(void) { return PAGE_SHIFT + ONE; }\n",
    "arch/arm64/mm/other.c": "#include <asm/pgtable.h>\nint g(void) { return PAGE_SHIFT; }\n",
    "arch/arm64/include/asm/pgtable.h": "#define PAGE_SHIFT 12\n",
}
FILE = "arch/arm64/mm/mmu.c"


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files above in a fresh working directory."""
    write(tmp_path, FILES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def gathered(request: Request) -> Inputs:
    return collect(request, Means(".barrierlint-cache"))


def kinds(inputs: Inputs) -> set[str]:
    return {note.kind for note in inputs.notifications}


def with_part(entry: dict[str, str], name: str, value: object) -> str:
    """A stored entry with one part of its guess replaced."""
    return json.dumps({**entry, "guess": json.dumps({**json.loads(entry["guess"]), name: value})})


def line(inputs: Inputs) -> Notification:
    return next(note for note in inputs.notifications if note.kind == "no-compile-database")


def test_guesses_are_summed_up_in_a_line_and_listed_as_notes(tree: Path) -> None:
    inputs = gathered(Request((FILE,)))
    assert "guessed 1 include directory, 1 macro, stubbed 1 header that" in line(inputs).message
    assert line(inputs).severity is Severity.WARNING
    assert "barrierlint init" in line(inputs).message
    notes = [note for note in inputs.notifications if note.severity is Severity.NOTE]
    assert {note.kind for note in notes} == {"guessed-include", "guessed-macro", "stubbed-header"}
    assert any("`ONE=1`: no value found" in note.message for note in notes)
    assert f"-I{tree}/arch/arm64/include" in inputs.files[0].arguments


def test_files_share_a_line(tree: Path) -> None:
    inputs = gathered(Request(("arch",)))
    assert len(inputs.files) == 2
    assert sum(note.kind == "no-compile-database" for note in inputs.notifications) == 1
    assert any(note.message.endswith(f"(for {FILE} and 1 more)") for note in inputs.notifications)


@pytest.mark.parametrize("request_", [Request((FILE,), flags=()), Request((FILE,), flags=("-DX",))])
def test_flags_leave_nothing_to_guess(request_: Request) -> None:
    inputs = collect(request_)
    assert kinds(inputs) == set()
    assert not inputs.files[0].unsaved


def test_a_database_leaves_nothing_to_guess(tree: Path) -> None:
    entry = {"file": FILE, "directory": str(tree), "arguments": ["cc", "-c", FILE]}
    (tree / "compile_commands.json").write_text(json.dumps([entry]))
    inputs = gathered(Request((FILE,)))
    assert not inputs.files[0].guessed


def test_without_anything_missing_the_old_words_are_said(tree: Path) -> None:
    write(tree, {"plain.c": "int f(void) { return 1; }\n"})
    assert "no compile_commands.json found" in line(gathered(Request(("plain.c",)))).message


def test_extra_arguments_count_for_the_search(tree: Path) -> None:
    inputs = gathered(Request((FILE,), extra=("-DONE=2",)))
    assert "guessed-macro" not in kinds(inputs)


def test_a_second_run_does_not_search(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = gathered(Request((FILE,)))

    def never(*_: object) -> None:
        raise AssertionError("searched again")

    monkeypatch.setattr(search, "search", never)
    assert gathered(Request((FILE,))) == first


@pytest.mark.parametrize("path", [FILE, "arch/arm64/include/asm/pgtable.h"])
def test_a_changed_file_is_searched_for_anew(tree: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gathered(Request((FILE,)))
    with open(path, "a") as file:
        file.write("\n#include <more.h>\n")
    assert any("more.h" in note.message for note in gathered(Request((FILE,))).notifications)


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: "not json",
        lambda entry: "[]",
        lambda entry: json.dumps({**entry, "rests_on": "else"}),
        lambda entry: with_part(entry, "version", 0),
        lambda entry: with_part(entry, "includes", {"../../etc": "hostile"}),
        lambda entry: with_part(entry, "borrowed", {"x.h": "/etc/passwd"}),
        lambda entry: with_part(entry, "flags", {"-fplugin=x.so": "hostile"}),
        lambda entry: with_part(entry, "macros", [[]]),
    ],
)
def test_a_damaged_or_hostile_memory_counts_for_nothing(tree: Path, damage: object) -> None:
    first = gathered(Request((FILE,)))
    (stored,) = Path(".barrierlint-cache", memory.FOLDER).glob("*.json")
    stored.write_text(damage(json.loads(stored.read_text())))  # type: ignore[operator]
    assert gathered(Request((FILE,))) == first


def test_a_folder_that_cannot_be_written_costs_the_memory_only(tree: Path) -> None:
    Path(".barrierlint-cache").write_text("in the way")
    assert line(gathered(Request((FILE,))))


def test_a_search_that_takes_its_process_along_costs_its_file_only(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = search.search

    def deadly(tree: object, file: str, *rest: object) -> object:
        if file.endswith("other.c"):
            os.abort()
        return honest(tree, file, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(search, "search", deadly)
    report = run(Options(Request(("arch",)), means=RunMeans(jobs=1)))
    failed = [note for note in report.notifications if note.kind == "guess-failed"]
    assert ["other.c" in note.message for note in failed] == [True]
    assert any("stubbed 1 header" in note.message for note in report.notifications)
