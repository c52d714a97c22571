"""The `compile` part of a configuration as YAML: what all files share first, then what each needs besides."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from barrierlint.source.guessing import Answer
from barrierlint.source.guessing.guess import Guess

T = TypeVar("T")
Guessed = Sequence[tuple[str, Guess]]
"""Files by their path from the root of the tree, with what was guessed for each."""

_HEAD = """\
# How barrierlint compiles files that no compile database lists: written by `barrierlint init` from guesses, each with
# the place that it was made from. Correct what is wrong; what is missing still is guessed besides.
"""


def render(guessed: Guessed, models: Sequence[str]) -> str:
    """Return the text of `.barrierlint.yaml`."""
    shared = _shared([guess for _, guess in guessed])
    rest = [(name, _without(guess, shared)) for name, guess in guessed]
    lines = [_HEAD + f"\nmodel: [{', '.join(map(_quoted, models))}]\n\ncompile:"]
    lines += _entry(_folders(guessed), shared)
    for names, guess in _alike(rest):
        lines += ["", *_entry(names, guess)]
    return "\n".join(lines) + "\n"


def counted(answers: Sequence[Answer]) -> str:
    """Return how much was guessed, in words."""
    guesses = [one.guess for one in answers]
    parts = (
        (len({name for one in guesses for name in one.includes}), "include directories"),
        (len({name for one in guesses for name in one.forced}), "forced includes"),
        (len({name for one in guesses for name in one.macros}), "macros"),
        (len({name for one in guesses for name in one.stubs}), "stubbed headers"),
    )
    return ", ".join(f"{count} {what}" for count, what in parts if count) or "nothing had to be guessed"


def _folders(guessed: Guessed) -> list[str]:
    """Globs for the folders of all files: others in them are compiled alike."""
    folders = dict.fromkeys(os.path.dirname(name) for name, _ in guessed)
    return sorted(f"{folder}/*" if folder else "*" for folder in folders)


def _shared(guesses: Sequence[Guess]) -> Guess:
    """What is the same in all guesses, in the order of the first; all directories, since an idle one does no harm."""
    first = guesses[0]
    includes = {name: why for guess in guesses for name, why in guess.includes.items()}
    return Guess(
        includes,
        _common(first.forced, [one.forced for one in guesses], keys_only=True),
        _common(first.macros, [one.macros for one in guesses]),
        _common(first.stubs, [one.stubs for one in guesses], keys_only=True),
        _common(first.borrowed, [one.borrowed for one in guesses]),
        _common(first.declarations, [one.declarations for one in guesses], keys_only=True),
        _common(first.flags, [one.flags for one in guesses], keys_only=True),
        any(one.needs_host for one in guesses),
    )


def _common(first: Mapping[str, T], others: Sequence[Mapping[str, T]], keys_only: bool = False) -> dict[str, T]:
    return {
        name: value
        for name, value in first.items()
        if all(name in one and (keys_only or one[name] == value) for one in others)
    }


def _without(guess: Guess, shared: Guess) -> Guess:
    return Guess(
        {},
        {name: why for name, why in guess.forced.items() if name not in shared.forced},
        {name: one for name, one in guess.macros.items() if name not in shared.macros},
        {name: why for name, why in guess.stubs.items() if name not in shared.stubs},
        {name: path for name, path in guess.borrowed.items() if name not in shared.borrowed},
        {line: why for line, why in guess.declarations.items() if line not in shared.declarations},
        {flag: why for flag, why in guess.flags.items() if flag not in shared.flags},
        False,
    )


def _alike(rest: Guessed) -> Iterator[tuple[list[str], Guess]]:
    """Files that need the same besides, together."""
    groups: dict[str, tuple[list[str], Guess]] = {}
    for name, guess in rest:
        if guess:
            groups.setdefault(guess.dump(), ([], guess))[0].append(name)
    yield from groups.values()


def _entry(files: Sequence[str], guess: Guess) -> list[str]:
    lines = [f"  - files: [{', '.join(map(_quoted, files))}]"]
    lines += _list("include", guess.includes)
    lines += _list("force-include", guess.forced)
    lines += _list("define", {one.flag: one.where for one in guess.macros.values()})
    lines += _list("stub", guess.stubs)
    if guess.borrowed:
        lines.append("    borrow:")
        lines += [f"      {_quoted(name)}: {_quoted(path)}" for name, path in guess.borrowed.items()]
    lines += _list("declare", guess.declarations)
    lines += _list("flag", guess.flags)
    if guess.needs_host:
        lines.append("    host-headers: true")
    return lines


def _list(key: str, parts: Mapping[str, str]) -> Iterator[str]:
    if parts:
        yield f"    {key}:"
    for name, why in parts.items():
        yield f"      - {_quoted(name)}  # {' '.join(why.split())}"


def _quoted(text: str) -> str:
    """`text` as a YAML scalar: JSON's strings are YAML's."""
    plain = text.replace("_", "").replace("/", "").replace(".", "").replace("-", "")
    return text if plain.isalnum() and not plain.isdigit() and text[0] not in "-." else json.dumps(text)
