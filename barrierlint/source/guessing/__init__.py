"""How a file is compiled of which nothing is known: guessed from the tree that it is in, by looking and trying.

`guess` gives arguments and files in memory for libclang. Nothing of the tree is run, nothing outside of it is read.
`search` is the loop, `proposals` what it tries, `tree` where it looks, `memory` what it found before. A guess never
makes a file worse than no guess did; it does not claim to be how the file is built.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from barrierlint.finding import Notification
from barrierlint.frozen import dataclass
from barrierlint.source.guessing.guess import Guess
from barrierlint.source.guessing.tree import root_of

TOGETHER = 8
"""Files that one process searches for: they share the tree's index."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A file: its path, the arguments known, and what a configuration says with the folder its paths start from."""

    path: str
    arguments: tuple[str, ...] = ()
    written: tuple[str, Guess] | None = None

    def __hash__(self) -> int:
        return hash((self.path, self.arguments))

    @property
    def known(self) -> Guess | None:
        """What the configuration says, with paths from the tree's root."""
        if self.written is None:
            return None
        folder, guess = self.written
        return guess.moved(os.path.relpath(os.path.realpath(folder), root_of(self.path)))

    @property
    def facts(self) -> tuple[str, ...]:
        """All that a search starts from besides the tree."""
        known = self.known
        return (*self.arguments, known.dump()) if known else self.arguments


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


Run = Callable[[Callable[[], bytes]], bytes | None]
"""Carries a task out, where it can do no harm; None if it came to nothing."""


def at_once(task: Callable[[], bytes]) -> bytes:
    """Carry `task` out in this process."""
    return task()


@dataclass(frozen=True, slots=True)
class Means:
    """How to search: by which `run`, and with the memory of earlier searches in `folder` (None: without)."""

    folder: str | None = None
    run: Run = at_once


def guess(files: Sequence[Asked], means: Means | None = None) -> tuple[list[Answer], tuple[Notification, ...]]:
    """Return an answer for each file, in order, and what there is to say about the guesses."""
    from barrierlint.source.guessing.telling import failure, notifications

    means = means or Means()
    found = {one: guess for one in files if (guess := _recalled(one, means)) is not None}
    missing = [one for one in files if one not in found]
    found.update(_searched(missing, means) if missing else {})
    answers = [_answer(one, found.get(one)) for one in files]
    failed = tuple(failure(one.path) for one in missing if one not in found)
    return answers, (*notifications([(one.path, one.fresh) for one in answers]), *failed)


def _recalled(asked: Asked, means: Means) -> Guess | None:
    from barrierlint.source.guessing import memory

    return memory.recall(means.folder, root_of(asked.path), asked.path, asked.facts) if means.folder else None


def _searched(missing: Sequence[Asked], means: Means) -> dict[Asked, Guess]:
    """What is found for files of which nothing is known: several in one go, else each by itself, so that one that takes
    its process along costs no other.
    """
    found: dict[Asked, Guess] = {}
    for first in range(0, len(missing), TOGETHER):
        some = missing[first : first + TOGETHER]
        answered = _in_one_go(some, means, found)
        found.update(answered or {})
        for one in some if answered is None and len(some) > 1 else ():
            found.update(_in_one_go([one], means, found) or {})
    return found


def _in_one_go(some: Sequence[Asked], means: Means, before: Mapping[Asked, Guess]) -> dict[Asked, Guess] | None:
    from barrierlint.source.guessing.guess import loaded

    seeds = {_kind(one): guess for one, guess in before.items() if guess and one.known is None}
    data = means.run(partial(_search, some, means.folder, seeds))
    if data is None:
        return None
    return {one: loaded(text) for one, text in zip(some, data.split(b"\n"), strict=True)}


def _kind(asked: Asked) -> tuple[str, str]:
    """Files of one kind are compiled alike: those of one tree and language."""
    return root_of(asked.path), os.path.splitext(asked.path)[1]


def _search(missing: Sequence[Asked], folder: str | None, seeds: dict[tuple[str, str], Guess]) -> bytes:
    """Search for each file, remember what is found, and return it: a line each."""
    from barrierlint.source.guessing import memory
    from barrierlint.source.guessing.search import search
    from barrierlint.source.guessing.tree import Tree

    trees: dict[str, Tree] = {}
    lines: list[bytes] = []
    for one in missing:
        root = root_of(one.path)
        tree = trees.setdefault(root, Tree(root))
        kind = _kind(one)
        found, _, seen = search(tree, os.path.abspath(one.path), one.arguments, seeds.get(kind), one.known)
        if folder:
            memory.remember(folder, tree, one.path, one.facts, found, seen)
        if found and one.known is None:
            seeds[kind] = found
        lines.append(found.dump().encode())
    return b"\n".join(lines)


def _answer(asked: Asked, found: Guess | None) -> Answer:
    root = root_of(asked.path)
    known = asked.known
    found = found if found is not None else known or Guess()
    words = (*asked.arguments, *found.arguments(root))
    fresh = found.without(known) if known else found
    return Answer(asked.path, words, tuple(found.unsaved(root).items()), found, fresh)
