"""What a run has to say of its inputs: stages that broke, functions not read, each loss in one line.

What it does not do: decide what counts as clean.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from barrierlint.finding import Notification, Severity, Span

Result = TypeVar("Result")

PASSING = frozenset(("internal-error", "crashed", "timeout", "memory"))
"""Kinds of notification of what may go well the next time: nothing that has them is kept."""

UNREAD = frozenset({"lost-body", "too-deep"})
"""Kinds of notification that say that a function was not read, or not all of it."""


def attempts(tasks: Iterable[tuple[str, Callable[[], Result]]]) -> tuple[list[Result], tuple[Notification, ...]]:
    """Carry out each task, named by its files; one that fails is lost, and said to be, and costs no other."""
    results: list[Result] = []
    lost: list[Notification] = []
    for name, task in tasks:
        try:
            results.append(task())
        except Exception as error:
            lost.append(failure(name, error))
    return results, tuple(lost)


def failure(name: str, error: Exception) -> Notification:
    """Return what to say of `name`, whose analysis raised `error`."""
    from barrierlint.source import SourceError

    if isinstance(error, RecursionError):
        return Notification("too-deep", f"{name}: nested too deeply to be analysed", None, True, Severity.ERROR)
    if isinstance(error, SourceError):
        return Notification("parse-error", str(error), None, True, Severity.ERROR)
    text = f"{name}: internal error, please report it: {type(error).__name__}: {error} ({innermost(error)})"
    return Notification("internal-error", text, None, True, Severity.ERROR)


def innermost(error: BaseException) -> str:
    """Return the place that raised `error`, such as `transfer.py:88`."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else "unknown place"


def unknown_instructions(found: Iterable[tuple[str, Span]]) -> Iterator[Notification]:
    """Name each instruction that the decoder does not know, at the first of its places."""
    places: dict[str, set[Span]] = {}
    for name, span in found:
        places.setdefault(name, set()).add(span)
    for name, spans in sorted(places.items()):
        more = f" ({len(spans)} places)" if len(spans) > 1 else ""
        text = f"`{name}`: an instruction barrierlint does not know, taken to order nothing{more}"
        yield Notification("unknown-instruction", text, min(spans), severity=Severity.NOTE)


def incomplete(note: Notification, files: Sequence[str]) -> Notification:
    """Count a function in an input file that was not read, or not all of it, as lost: nothing can be said of it."""
    own = note.span is not None and note.span.path in files
    if note.lost or note.kind not in UNREAD or not own:
        return note
    return replace(note, lost=True, severity=Severity.ERROR)


def said_once(notes: Sequence[Notification]) -> tuple[Notification, ...]:
    """Leave one line a loss: of a file that clang gave up on the first error, of nesting the first that is too deep.

    What a loss already says becomes a note, which is there for those who ask.
    """
    given_up = {note.span.path for note in notes if note.span and note.lost and note.kind == "parse-error"}
    nested = {note.span.path for note in notes if note.span and note.lost and note.kind == "too-deep"}
    bodies = {(note.span, note.message.rpartition(": ")[2]) for note in notes if note.lost and note.kind == "lost-body"}
    first = {note.span.path: note for note in reversed(notes) if note.span and _is_cause(note)}
    kept: list[Notification] = []
    for note in notes:
        path = note.span.path if note.span else ""
        cause = first.get(path)
        if path in given_up and note.lost and note.kind == "parse-error" and cause:
            text = f"{note.message}; the first is: {cause.message}"
            kept.append(replace(note, message=text, span=cause.span))
            continue
        said = path in given_up and (note.kind == "lost-body" or _is_cause(note))
        said = said or (path in nested and note.kind == "lost-body" and "nesting level" in note.message)
        said = said or (_is_cause(note) and (note.span, note.message) in bodies)
        kept.append(replace(note, lost=False, severity=Severity.NOTE) if said else note)
    return tuple(kept)


def _is_cause(note: Notification) -> bool:
    """Whether `note` is one error of clang's, not the loss that came of it."""
    return note.kind == "parse-error" and not note.lost


def distinct(notes: Iterable[Notification]) -> tuple[Notification, ...]:
    """Return each notification once: headers are read by many files."""
    return tuple(dict.fromkeys(notes))


def listed(paths: Iterable[str]) -> str:
    """Return up to three paths, the rest counted."""
    every = list(paths)
    return ", ".join(every[:3]) + (f" and {len(every) - 3} more" if len(every) > 3 else "")
