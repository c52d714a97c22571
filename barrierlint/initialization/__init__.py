"""`barrierlint init`: writes down how the files of a tree are compiled, and what its model would say, each with why.

Flags go to `.barrierlint.yaml` at the root of the tree, the model beside it. What stands there already is left alone
unless asked. What it does not do: decide; everything it writes is a proposal for people to correct.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

MODEL = ".barrierlint-model.yaml"


class InitError(Exception):
    """A request that cannot be met: one line that says what is wrong and what to do."""


def initialize(paths: Sequence[str], force: bool = False) -> list[tuple[str, str]]:
    """Write configuration and model for the sources in `paths`; return the files with a line about each.

    Raises InitError, and writes nothing then.
    """
    from barrierlint import configuration, models
    from barrierlint.initialization import choosing, compiling, modelling
    from barrierlint.source import guessing
    from barrierlint.source.guessing.tree import root_of

    absent = [path for path in paths if not os.path.exists(path)]
    if absent:
        raise InitError(f"no such file or directory: {', '.join(absent)}")
    roots = {root_of(path) for path in paths}
    if len(roots) > 1:
        raise InitError(f"the paths are of several trees ({', '.join(sorted(roots))}): initialize each by itself")
    (root,) = roots
    targets = [os.path.join(root, name) for name in (configuration.NAME, MODEL)]
    present = [os.path.relpath(path) for path in targets if os.path.lexists(path)]
    if present and not force:
        raise InitError(f"{', '.join(present)} exists already: --force writes it anew")
    files = choosing.sources(root, paths)
    if not files:
        raise InitError(f"no C or C++ source with page-table code in {', '.join(paths)}: name files")
    answers, _ = guessing.guess([guessing.Asked(path) for path in files])
    observed = modelling.observe(answers)
    names = [*models.detect(Path(root)), MODEL]
    text = compiling.render([(os.path.relpath(os.path.realpath(one.path), root), one.guess) for one in answers], names)
    _save(targets[1], modelling.render(os.path.basename(root) or "kernel", observed))
    _save(targets[0], text)
    return [
        (os.path.relpath(targets[0]), f"how {len(files)} file(s) are compiled: {compiling.counted(answers)}"),
        (os.path.relpath(targets[1]), f"a model to correct: {modelling.counted(observed)}"),
    ]


def _save(path: str, text: str) -> None:
    from barrierlint.report.file import replace

    try:
        replace(path, text)
    except OSError as error:
        raise InitError(f"cannot write {path}: {error.strerror}") from error
