"""What is said of guesses: one line for all, and each of them as a note with where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from barrierlint.finding import Notification, Severity
from barrierlint.source.guessing.guess import Guess

Guessed = Sequence[tuple[str, Guess]]
"""Files as the user named them, with what was guessed for each."""


def notifications(guessed: Guessed) -> tuple[Notification, ...]:
    """Return one line that sums up what was guessed, and a note for each thing; nothing where nothing was guessed."""
    found = [(file, guess) for file, guess in guessed if guess]
    if not found:
        return ()
    return (Notification("no-compile-database", summary([guess for _, guess in found])), *_notes(found))


def failure(file: str) -> Notification:
    """Return what is said where a search took its process along."""
    text = f"{file}: guessing how it is compiled crashed or took too long; give flags after `--`, or a compile database"
    return Notification("guess-failed", text)


def summary(guesses: Sequence[Guess]) -> str:
    """Return how much was guessed, in a sentence."""
    counts = [
        (_union(guess.includes for guess in guesses), "include directory", "include directories"),
        (_union(guess.forced for guess in guesses), "forced include", "forced includes"),
        (_union(guess.borrowed for guess in guesses), "single header", "single headers"),
        (_union(guess.macros for guess in guesses), "macro", "macros"),
        (_union(guess.declarations for guess in guesses), "declaration", "declarations"),
        (_union(guess.flags for guess in guesses), "flag", "flags"),
    ]
    words = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    text = f"guessed {', '.join(words)}" if words else ""
    stubs = _union(guess.stubs for guess in guesses)
    if stubs:
        text += (
            f"{', ' if text else ''}stubbed {stubs} {'header' if stubs == 1 else 'headers'} that the tree does not have"
        )
    return f"no compile database: {text} (-v lists them, `barrierlint init` writes them down)"


def _union(parts: Iterable[Iterable[str]]) -> int:
    return len({name for part in parts for name in part})


def _notes(guessed: Guessed) -> Iterator[Notification]:
    said: dict[tuple[str, str], list[str]] = {}
    for file, guess in guessed:
        for kind, text in _each(guess):
            said.setdefault((kind, text), []).append(file)
    for (kind, text), files in said.items():
        more = f" and {len(files) - 1} more" if files[1:] else ""
        yield Notification(kind, f"{text} (for {files[0]}{more})", severity=Severity.NOTE)


def _each(guess: Guess) -> Iterator[tuple[str, str]]:
    for folder, why in guess.includes.items():
        yield "guessed-include", f"searches `{folder}`: {why}"
    for path, why in guess.forced.items():
        yield "guessed-include", f"includes `{path}` first: {why}"
    for name, path in guess.borrowed.items():
        yield "guessed-include", f"reads `{path}` for `{name}`"
    for macro in guess.macros.values():
        yield "guessed-macro", f"defines `{macro.flag}`: {macro.where}"
    for line, why in guess.declarations.items():
        yield "guessed-declaration", f"declares `{line}`: {why}"
    for flag, why in guess.flags.items():
        yield "guessed-flag", f"compiles with `{flag}`: {why}"
    for name, why in guess.stubs.items():
        yield "stubbed-header", f"takes `{name}` for empty: {why}"
