"""The files that those named are read together with: chosen by their text, lowered like them, heard only as far as they
concern them.

A finding is told where its path touches a file that was named (or lies in headers of one alone); what could not be read
of a neighbour is a note, since nobody asked about it. What it does not do: follow what `selection` does not see.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from barrierlint.finding import Notification, Severity, Witness
from barrierlint.inputs import SOURCES, Inputs, Request, sources_under, suffix
from barrierlint.linking.indexing import Files
from barrierlint.linking.losses import listed
from barrierlint.linking.modelled import Modelled
from barrierlint.linking.selection import Selection, select
from barrierlint.linking.store import Store, digest
from barrierlint.source.guessing.tree import root_of

if TYPE_CHECKING:
    from barrierlint.cfg.linkable import Unit
    from barrierlint.models import Models

MOST = 8
"""How many neighbours are read where nothing else is asked for and a compile database tells how."""


def neighbours(request: Request, inputs: Inputs, modelled: Modelled, store: Store) -> Selection:
    """Return the files to read with those of `inputs`, that `request` named."""
    limit = request.neighbours if request.neighbours is not None else MOST if inputs.commands else 0
    if not limit or not request.paths or request.flags is not None:
        return Selection()
    named = [item.path for item in inputs.files]
    others = candidates(named, inputs)
    states = (part for path in (*named, *others) for part in _state(path))
    key = digest("neighbours", str(limit), modelled.digest(Files()), *states)
    known = _known(store.get(key))
    if known is None:
        known = select(named, others, hints(modelled.models), limit)
        store.put(key, json.dumps([known.files, known.left_out]).encode("utf-8", "surrogatepass"))
    return known


def candidates(named: Sequence[str], inputs: Inputs) -> list[str]:
    """Return the source files there are besides: those of the compile database, else of the tree."""
    real = {os.path.realpath(path) for path in named}
    if inputs.commands:
        found = [path for path in inputs.commands if suffix(path) in SOURCES and os.path.exists(path)]
    else:
        roots = dict.fromkeys(root_of(path) for path in named)
        found = [os.path.realpath(path) for root in roots for path in sources_under(root)]
    return sorted(os.path.relpath(path) for path in set(found) - real)


def _state(path: str) -> tuple[str, str]:
    try:
        one = os.stat(path)
    except OSError:
        return path, ""
    return path, f"{one.st_size} {one.st_mtime_ns}"


def _known(data: bytes | None) -> Selection | None:
    try:
        files, left_out = json.loads(data) if data is not None else (None, 0)
        return Selection(tuple(map(str, files)), int(left_out)) if isinstance(files, list) else None
    except (ValueError, TypeError):
        return None


def hints(models: Models) -> Callable[[str], bool]:
    """Return what judges whether a name speaks of page tables: by its form, or because a model knows it."""
    from barrierlint.cfg.descriptor_names import named_like_descriptor

    def is_hint(word: str) -> bool:
        if named_like_descriptor(word) or models.descriptor_type(word) is not None:
            return True
        model = models.function(word)
        return model is not None and bool(model.writes or model.access or model.does or model.maps)

    return is_hint


def quiet(notes: Sequence[Notification]) -> tuple[Notification, ...]:
    """Return what was said of a neighbour with nothing lost: what is not known of it is as unknown as if it were not
    there.
    """
    return tuple(replace(note, lost=False, severity=Severity.NOTE) for note in notes)


def about(selection: Selection) -> tuple[Notification, ...]:
    """Say which files were read besides."""
    if not selection.files:
        return ()
    text = f"read as well, since the files named call them or are called by them: {listed(selection.files)}"
    if selection.left_out:
        text += f"; {selection.left_out} more may matter (--neighbours N reads N)"
    return (Notification("neighbours", text, severity=Severity.NOTE),)


def concern(named: Sequence[Unit], others: Sequence[Unit]) -> Callable[[Witness], bool] | None:
    """Return what tells whether a path touches a file that was named, or lies in headers of such a file alone; None
    where all files were.
    """
    own = {unit.path for unit in named}
    headers = {path for unit in named for path in unit.includes}
    foreign = {unit.path for unit in others}

    def concerns(witness: Witness) -> bool:
        paths = {step.span.path for step in witness.steps}
        return bool(paths & own) or (bool(paths & headers) and not paths & foreign)

    return concerns if others else None
