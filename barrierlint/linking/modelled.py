"""The models in use, by name; read when they are first asked for.

A run in which nothing changed needs to know only which they are. What it does not do: choose by content.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from barrierlint import models as _models
from barrierlint.linking.store import digest
from barrierlint.models.shipping import locate

if TYPE_CHECKING:
    from barrierlint.linking.indexing import Files
    from barrierlint.models import Models


class Modelled:
    """The models given by name, or those shipped that fit the tree that holds `paths`."""

    def __init__(self, given: Sequence[str], paths: Sequence[str]) -> None:
        self.names = tuple(given) or (_models.detect(common_folder(paths)) if paths else ())

    @cached_property
    def models(self) -> Models:
        """The models; raises ModelError."""
        return _models.load(self.names, check=instruction_problem)

    def digest(self, files: Files) -> str:
        """Return a digest of all that the models say; raises ModelError for a name that none has."""
        return digest(*(part for name in self.names for part in (name, files.digest(str(locate(name)[0])))))


def instruction_problem(text: str) -> str | None:
    """Return what is wrong with an instruction of a model's `does`, None if nothing is."""
    from barrierlint.cfg.asm import unknown_instruction

    unknown = unknown_instruction(text)
    return f"the assembler's decoder does not know {unknown}" if unknown else None


def common_folder(paths: Sequence[str]) -> Path:
    """Return the deepest folder that holds all `paths`."""
    real = [os.path.realpath(path) for path in paths]
    return Path(os.path.commonpath([path if os.path.isdir(path) else os.path.dirname(path) for path in real]))
