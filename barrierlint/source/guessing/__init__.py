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

Asked = tuple[str, tuple[str, ...], tuple[str, Guess] | None]
"""A file: its path, the arguments known, and what a configuration says with the folder that its paths start from."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was guessed for one file: arguments in place of those it had, and files in memory, by absolute path.

    `fresh` is what of `guess` no configuration said.
    """

    path: str
    arguments: tuple[str, ...]
    unsaved: tuple[tuple[str, str], ...]
    guess: Guess
    fresh: Guess


def guess(files: Sequence[Asked]) -> tuple[list[Answer], tuple[Notification, ...]]:
    """Return an answer for each file, in order, and what there is to say about the guesses."""
    from barrierlint.source.guessing.telling import notifications

    answers = list(_answers(files))
    return answers, notifications([(one.path, one.fresh) for one in answers])


def _answers(files: Sequence[Asked]) -> Iterator[Answer]:
    from barrierlint.source.guessing import memory
    from barrierlint.source.guessing.search import search
    from barrierlint.source.guessing.tree import Tree, root_of

    trees: dict[str, Tree] = {}
    seeds: dict[tuple[str, str], Guess] = {}
    for path, base, written in files:
        root = root_of(path)
        tree = trees.setdefault(root, Tree(root))
        known = written[1].moved(os.path.relpath(os.path.realpath(written[0]), tree.root)) if written else None
        key = (root, os.path.splitext(path)[1])
        facts = (*base, known.dump()) if known else base
        found = memory.recall(tree, path, facts)
        if found is None:
            found, _, seen = search(tree, os.path.abspath(path), base, seeds.get(key), known)
            memory.remember(tree, path, facts, found, seen)
        if found and not known:
            seeds[key] = found
        words = (*base, *found.arguments(tree.root))
        fresh = found.without(known) if known else found
        yield Answer(path, words, tuple(found.unsaved(tree.root).items()), found, fresh)
