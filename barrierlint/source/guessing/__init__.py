"""How a file is compiled of which nothing is known: guessed from the tree that it is in, by looking and trying.

`guess` gives arguments and files in memory for libclang. Nothing of the tree is run, nothing outside of it is read.
`search` is the loop, `proposals` what it tries, `tree` where it looks, `memory` what it found before. A guess never
makes a file worse than no guess did; it does not claim to be how the file is built.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from barrierlint.finding import Notification
from barrierlint.source.guessing.guess import Guess


@dataclass(frozen=True, slots=True)
class Answer:
    """What was guessed for one file: arguments in place of those it had, and files in memory, by absolute path."""

    path: str
    arguments: tuple[str, ...]
    unsaved: tuple[tuple[str, str], ...]
    guess: Guess
    root: str


def guess(files: Sequence[tuple[str, tuple[str, ...]]]) -> tuple[list[Answer], tuple[Notification, ...]]:
    """Return an answer for each (path, arguments known), in order, and what there is to say about the guesses."""
    from barrierlint.source.guessing.telling import notifications

    answers = list(_answers(files))
    return answers, notifications([(one.path, one.guess) for one in answers])


def _answers(files: Sequence[tuple[str, tuple[str, ...]]]) -> Iterator[Answer]:
    from barrierlint.source.guessing import memory
    from barrierlint.source.guessing.search import search
    from barrierlint.source.guessing.tree import Tree, root_of

    trees: dict[str, Tree] = {}
    seeds: dict[tuple[str, str], Guess] = {}
    for path, base in files:
        root = root_of(path)
        tree = trees.setdefault(root, Tree(root))
        key = (root, os.path.splitext(path)[1])
        found = memory.recall(tree, path, base)
        if found is None:
            found, _, seen = search(tree, os.path.abspath(path), base, seeds.get(key))
            memory.remember(tree, path, base, found, seen)
        if found:
            seeds[key] = found
        yield Answer(
            path, (*base, *found.arguments(tree.root)), tuple(found.unsaved(tree.root).items()), found, tree.root
        )
