"""The guess for one file of a tree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from barrierlint.source.guessing.diagnosis import Diagnosis
from barrierlint.source.guessing.guess import Guess
from barrierlint.source.guessing.search import search
from barrierlint.source.guessing.tree import Tree
from tests.guessing.trees import Files, write


@pytest.fixture
def guessing(tmp_path: Path) -> Callable[[Files, str], tuple[Guess, Diagnosis]]:
    """Write a tree, and return the guess for one file with what is wrong under it."""

    def run(files: Files, name: str) -> tuple[Guess, Diagnosis]:
        root = tmp_path / "tree"
        write(root, {".git/HEAD": "", **files})
        guess, _, after = search(Tree(str(root)), str(root / name), ())
        return guess, after

    return run
