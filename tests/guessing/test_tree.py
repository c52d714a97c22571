"""Where a tree begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from barrierlint.source.guessing import tree
from tests.guessing.trees import write

DEEP = "include/arch/arm/arch/64/mode/machine.h"


def test_a_repository_is_the_tree_however_deep_the_file_is(tmp_path: Path) -> None:
    write(tmp_path, {f"outer/kernel/{DEEP}": "", "outer/kernel/.git": "gitdir: elsewhere\n", "outer/README": ""})
    assert tree.root_of(str(tmp_path / "outer/kernel" / DEEP)) == str(tmp_path / "outer/kernel")


@pytest.fixture
def unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is not below any of those where the search ends."""
    monkeypatch.setattr(tree.Path, "home", lambda: tmp_path)
    return tmp_path


def test_without_one_a_folder_with_many_marks_is_however_far_up(unpacked: Path) -> None:
    write(unpacked, {f"kernel/{DEEP}": "", "kernel/README.md": "", "kernel/LICENSE": "", "kernel/CMakeLists.txt": ""})
    assert tree.root_of(str(unpacked / "kernel" / DEEP)) == str(unpacked / "kernel")


def test_a_lone_mark_far_up_does_not_make_a_tree(unpacked: Path) -> None:
    write(unpacked, {"work/README.md": "", "work/a/b/c/d/e/f/x.c": "", "work/a/b/c/d/e/Makefile": ""})
    assert tree.root_of(str(unpacked / "work/a/b/c/d/e/f/x.c")) == str(unpacked / "work/a/b/c/d/e")
