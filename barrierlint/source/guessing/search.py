"""The search for a guess: parse, see what is missing, look for it in the tree, parse again, until nothing changes.

Headers that are missing are settled first, all at once. Then names that are unknown: a macro that hides them, a macro
or a header of the tree that defines them. A change that makes the file no better is taken back, in halves. At most
`PARSES` parses and `SECONDS` seconds of processor time are spent on a file, so that a busy machine finds the same, and
each name is looked for a few times only: the search ends whatever it finds.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from barrierlint.source.guessing import build, definitions, kconfig
from barrierlint.source.guessing.changes import Change
from barrierlint.source.guessing.diagnosis import Diagnosis, Problem, diagnose
from barrierlint.source.guessing.guess import PLACE, Guess, Macro
from barrierlint.source.guessing.language import Languages
from barrierlint.source.guessing.proposals import Proposer
from barrierlint.source.guessing.ranking import apart, architecture, narrow
from barrierlint.source.guessing.settings import settings
from barrierlint.source.guessing.templates import ENDINGS, is_template
from barrierlint.source.guessing.tree import Tree
from barrierlint.source.language import is_cxx, library_directories

PARSES = 90
SECONDS = 25.0
ROUNDS = 14
_OWN = 3
_LAYERS = 40
_READ = 2
_GENERATED = re.compile(r"(?:.*/)?_?(?:auto)?conf(?:ig)?\.h")


@dataclass
class Search:
    """The state of guessing for one file."""

    tree: Tree
    file: str
    base: tuple[str, ...]
    parses: int = 0
    until: float = field(default_factory=lambda: time.process_time() + SECONDS)
    hopeless: set[str] = field(default_factory=set)
    wanted: dict[str, set[str]] = field(default_factory=dict)
    narrow: bool = False
    told: set[str] = field(default_factory=set)

    @property
    def near(self) -> str:
        """The folder of the file, relative to the tree."""
        return os.path.dirname(self.tree.relative(self.file) or "")

    @cached_property
    def cxx(self) -> bool:
        """Whether the file is C++."""
        return is_cxx(self.file, self.tree.text(self.tree.relative(self.file) or ""))

    @property
    def spent(self) -> bool:
        """Whether the budget is used up."""
        return self.parses >= PARSES or time.process_time() > self.until

    def look(self, guess: Guess, bodies: bool = True) -> Diagnosis:
        """Parse the file under `guess`."""
        self.parses += 1
        words = [*self.base, *guess.arguments(self.tree.root)]
        return diagnose(self.file, words, guess.unsaved(self.tree.root), bodies)


def search(
    tree: Tree, file: str, base: Sequence[str], seed: Guess | None = None, known: Guess | None = None
) -> tuple[Guess, Diagnosis, Diagnosis]:
    """Return the best guess for `file`, and what is wrong with it before and after.

    `base` are the arguments that are known, `known` what a configuration says, `seed` what served another file of the
    tree. What is known is kept; without it, what makefiles and Kconfig say is the start.
    """
    state = Search(tree, file, tuple(base), narrow=narrow(tree.text(tree.relative(file) or "")))
    least = known or Guess()
    before = state.look(least)
    proposer = Proposer(tree, state.near, file, state.cxx)
    if not before.problems:
        return (least, before, before) if known else _with_settings(state, proposer, least, before)
    guess, now = settled(state, least if known else _start(state, seed))
    if not known:
        guess, now = _configured(state, guess, now)
        guess, now = _set(state, proposer, guess, now)
    languages = Languages(state.cxx)
    for stage in (languages.proposed, proposer.revealing, proposer.from_tree, proposer.from_nowhere):
        guess, now = _rounds(state, guess, now, stage)
    if _is_worse(now, before):
        return least, before, before
    if known:
        return guess, before, now
    guess, now = _without_harm(state, guess, now)
    guess, now = _without_idle(state, guess, now)
    return _pruned(tree, guess, now), before, now


def _with_settings(
    state: Search, proposer: Proposer, least: Guess, before: Diagnosis
) -> tuple[Guess, Diagnosis, Diagnosis]:
    """What a file that has no errors reads besides, if the macros it tests are set as the tree's build does."""
    guess, now = _set(state, proposer, least, before)
    if guess == least:
        return least, before, before
    for stage in (proposer.revealing, proposer.from_tree):
        guess, now = _rounds(state, guess, now, stage)
    guess, now = _without_harm(state, guess, now)
    return (least, before, before) if now.own > before.own else (_pruned(state.tree, guess, now), before, now)


def _set(state: Search, proposer: Proposer, guess: Guess, now: Diagnosis) -> tuple[Guess, Diagnosis]:
    """`guess` with the macros that the file tests as the tree's build sets them."""
    path = state.tree.relative(state.file)
    if path is None:
        return guess, now
    included = [one for one in map(state.tree.relative, now.included) if one]
    found = [one for one in settings(state.tree, path, included, proposer.configured) if one.name not in guess.macros]
    if not found:
        return guess, now
    state.told.update(one.name for one in found)
    return settled(state, replace(guess, macros={**guess.macros, **{one.name: one for one in found}}))


def _without_harm(state: Search, guess: Guess, now: Diagnosis) -> tuple[Guess, Diagnosis]:
    """`guess` without those settings that leave the file with errors it has not without them."""
    for name in [name for name in guess.macros if name in state.told]:
        if not now.own:
            break
        guess, now = _tried(state, guess, now, [Change(without=frozenset((name,)))])
    return guess, now


def _start(state: Search, seed: Guess | None) -> Guess:
    """What is known without a parse: what served another file, and what makefiles say."""
    guess = replace(seed, needs_host=False) if seed else Guess(needs_host=False)
    macros, forced, flags = dict(guess.macros), dict(guess.forced), dict(guess.flags)
    for one in build.said(state.tree, state.near):
        if one.name.startswith("-"):
            if _speaks_of(one.name, state.cxx):
                flags.setdefault(one.name, one.where)
        elif one.value is not None:
            macros.setdefault(one.name, Macro(one.name, one.value, None, one.where))
        elif found := state.tree.ending_in(one.name, state.near, narrow=state.narrow):
            forced.setdefault(found[0], one.where)
    standards = [flag for flag in flags if flag.startswith("-std")]
    flags = {flag: why for flag, why in flags.items() if flag not in standards[1:]}
    return replace(guess, macros=macros, forced=forced, flags=flags)


def _speaks_of(flag: str, cxx: bool) -> bool:
    """Whether a flag is for the language: standards of C++ are not for C, nor the other way round."""
    return not flag.startswith("-std") or ("++" in flag) == cxx


def _configured(state: Search, guess: Guess, now: Diagnosis) -> tuple[Guess, Diagnosis]:
    """Where the header of a Kconfig build is missing, what Kconfig would most likely have written into it."""
    if not any(_GENERATED.fullmatch(name) for name in (*guess.stubs, *guess.borrowed)):
        return guess, now
    found = kconfig.configured(state.tree, state.near)
    macros = {name: Macro(name, value, None, where) for name, (value, where) in found.items() if _plain(value)}
    if not macros:
        return guess, now
    after, seen = settled(state, replace(guess, macros={**macros, **guess.macros}))
    return (after, seen) if seen.own <= now.own or cost(seen) <= cost(now) else (guess, now)


def _plain(value: str) -> bool:
    return definitions.number(value) is not None


def settled(state: Search, guess: Guess) -> tuple[Guess, Diagnosis]:
    """Return `guess` with include directories and stubs for all headers that are missing, and the last diagnosis."""
    for _ in range(_LAYERS):
        seen = state.look(guess, bodies=False)
        missing = [one for one in seen.missing if one.name not in state.hopeless]
        if not missing or state.spent:
            break
        guess = _with_headers(state, guess, missing)
    return guess, state.look(guess)


def _with_headers(state: Search, guess: Guess, missing: Iterable[Problem]) -> Guess:
    """`guess` with a place for each missing header: a directory, else the file alone, the machine's, an empty one."""
    includes, stubs, borrowed = dict(guess.includes), dict(guess.stubs), dict(guess.borrowed)
    waiting = False
    for one in {problem.name: problem for problem in reversed(list(missing))}.values():
        path = _best(state, one)
        folder = _folder(path, one.name) if path else None
        shown = f"{one.name}, included by {_shown(state, one)}"
        if not guess.needs_host and _on_machine(one.name) and (not path or "." not in one.name):
            waiting = True
        elif folder is not None and folder not in guess.includes and _searched(state, folder, path, one.name, guess):
            includes.setdefault(folder, shown)
        elif path and one.name not in borrowed and one.name not in stubs:
            borrowed[one.name] = path
        elif one.name not in stubs and not one.name.startswith("/"):
            borrowed.pop(one.name, None)
            stubs[one.name] = f"included by {_shown(state, one)}, found nowhere in the tree"
        else:
            state.hopeless.add(one.name)
    # The machine's headers come last: they would be found in place of the tree's own.
    more = replace(guess, includes=includes, stubs=stubs, borrowed=borrowed)
    return replace(more, needs_host=True) if waiting and more == guess else more


def _searched(state: Search, folder: str, path: str, name: str, guess: Guess) -> bool:
    """Whether to search all of `folder` for the sake of one header.

    Not where it serves another architecture. Nor where it lies in a directory that is searched already, so that its
    headers go by longer names, unless several are asked for by their short one.
    """
    if architecture(os.path.dirname(path)) == 3:
        return False
    state.wanted.setdefault(folder, set()).add(name)
    near = state.near == folder or state.near.startswith(folder + "/")
    beneath = any(folder.startswith(one + "/") for one in guess.includes if one != ".")
    return near or not beneath or len(state.wanted[folder]) > 1


def _shown(state: Search, one: Problem) -> str:
    return f"{state.tree.relative(one.path) or one.path}:{one.line}"


def _best(state: Search, one: Problem) -> str:
    """The file that is meant by a header's name, "" if the tree has none; Kbuild's generic one before a foreign one."""
    inside = state.tree.relative(one.path) if one.path else None
    beside = os.path.dirname(inside) if inside and not inside.startswith(PLACE) else None
    found = state.tree.ending_in(one.name, state.near, beside, state.narrow)
    found = [path for path in found if apart(path) <= apart(state.near)]
    if not found or architecture(os.path.dirname(found[0])) == 3:
        found = [*_linked(state.tree, one.name, state.near), *found]
    return found[0] if found else _template(state, one.name)


def _template(state: Search, name: str) -> str:
    """What the build makes a header from, "" where the tree has nothing of that kind."""
    found = (path for ending in ENDINGS for path in state.tree.ending_in(name + ending, state.near))
    return next((path for path in found if is_template(state.tree.text(path).decode("utf-8", "replace"))), "")


def _linked(tree: Tree, name: str, near: str) -> list[str]:
    """Files that a name means where the build links folders: `asm/x.h` is `asm-arm64/x.h`, or else `asm-generic/x.h`;
    `arch/x.h` or `machine/x.h` one among the architecture's own headers.
    """
    folders = name.split("/")[:-1]
    if not folders or ".." in folders:
        return []
    found = tree.ending_in(name.rpartition("/")[2], near)
    found = [path for path in found if architecture(os.path.dirname(path)) != 3]
    alike = [path for path in found if _is_alike(path.split("/")[:-1], folders)]
    own = [path for path in found if architecture(os.path.dirname(path)) == 0 and "include" in path.split("/")]
    return alike or (own if len(folders) == 1 else [])


def _is_alike(folders: list[str], wanted: list[str]) -> bool:
    """Whether the last folders of a path are those wanted, or those with `-something` behind."""
    last = folders[len(folders) - len(wanted) :]
    return len(last) == len(wanted) and all(
        one == other or one.startswith(f"{other}-") for one, other in zip(last, wanted, strict=True)
    )


def _folder(path: str, name: str) -> str | None:
    """The directory from which `name` leads to `path`; None if none does."""
    parts = [part for part in name.split("/") if part not in (".", "")]
    rest = [part for part in parts if part != ".."]
    climbs = len(parts) - len(rest)
    if not path.endswith("/".join(rest)):
        return None
    folder = "/".join(path.split("/")[: -len(rest)])
    if climbs:
        if climbs > 1 or len(rest) < 2:
            return None
        folder = f"{folder}/{rest[0]}" if folder else rest[0]
    return folder or "."


def _on_machine(name: str) -> bool:
    folders = [*library_directories(True), *library_directories(False)]
    return any(os.path.isfile(os.path.join(folder, name)) for folder in folders if folder != "-isystem")


def _is_worse(now: Diagnosis, before: Diagnosis) -> bool:
    """Whether a guess did the file more harm than good. With headers found more of it is read, and so are more of its
    errors: what needs a header that is missing is dropped as a whole, with one error.
    """
    return now.own > before.own * (_READ if len(now.missing) < len(before.missing) else 1)


def cost(seen: Diagnosis) -> int:
    """Return how bad a diagnosis is: lines with errors, those of the file itself above all."""
    return seen.own * _OWN + (seen.total - seen.own)


def _pruned(tree: Tree, guess: Guess, seen: Diagnosis) -> Guess:
    """`guess` without macros that no file read mentions."""
    texts = [tree.text(path) for path in map(tree.relative, seen.included) if path]
    bodies = " ".join(one.value for one in guess.macros.values())
    kept = {
        name: one
        for name, one in guess.macros.items()
        if name in bodies or any(name.encode() in text for text in texts)
    }
    return replace(guess, macros=kept)


def _without_idle(state: Search, guess: Guess, now: Diagnosis) -> tuple[Guess, Diagnosis]:
    """Drop forced headers that are not needed, after all: what they brought came by other changes."""
    for path in [path for path, why in reversed(guess.forced.items()) if not build.is_told(why)]:
        if state.spent:
            break
        less = replace(guess, forced={one: why for one, why in guess.forced.items() if one != path})
        seen = state.look(less)
        if cost(seen) <= cost(now) and len(seen.missing) <= len(now.missing):
            guess, now = less, seen
    return guess, now


def _rounds(
    state: Search, guess: Guess, now: Diagnosis, stage: Callable[[Diagnosis, Guess], list[Change]]
) -> tuple[Guess, Diagnosis]:
    """Make the changes that a stage proposes, and those that it proposes then, while they help."""
    for _ in range(ROUNDS):
        if state.spent or not now.problems:
            break
        changes = stage(now, guess)
        if not changes:
            break
        guess, now = _tried(state, guess, now, changes)
    return guess, now


def _tried(state: Search, guess: Guess, now: Diagnosis, changes: list[Change]) -> tuple[Guess, Diagnosis]:
    """Make those of `changes` that do not make it worse: all of them, else each half by itself."""
    changed = guess
    for change in changes:
        changed = change.made(changed)
    if state.spent or changed == guess:
        return guess, now
    after, seen = settled(state, changed)
    if cost(seen) < cost(now):
        return after, seen
    if len(changes) == 1:
        return guess, now
    half = len(changes) // 2
    for part in (changes[:half], changes[half:]):
        guess, now = _tried(state, guess, now, part)
    return guess, now
