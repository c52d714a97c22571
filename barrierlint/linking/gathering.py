"""All that is read for a run: the inputs asked for and their neighbours, each as a unit, under the models in use.

What it does not do: join them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from barrierlint import models as _models
from barrierlint.finding import Notification
from barrierlint.inputs import Inputs, Request, collect, more
from barrierlint.linking.neighbours import about, neighbours, quiet
from barrierlint.linking.processes import Failed, Forks, Limits
from barrierlint.linking.store import Store, folder_for
from barrierlint.linking.units import Loaded, Loader, Told
from barrierlint.models import Models
from barrierlint.source import guessing


@dataclass(frozen=True, slots=True)
class Means:
    """How inputs are read: in `jobs` processes with limits of `seconds` and `mebibytes` each (0: in this one, without
    limits), and a cache in folder `cache` ("": at the tree's root, None: none).
    """

    jobs: int = 0
    seconds: float = 300.0
    mebibytes: int = 4096
    cache: str | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """The units of all inputs, then those of their neighbours, and what they were made with."""

    inputs: Inputs
    models: Models
    loaded: tuple[Loaded, ...]
    store: Store
    notifications: tuple[Notification, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The files analysed."""
        return tuple(item.path for item in self.inputs.files)

    @property
    def said(self) -> tuple[Notification, ...]:
        """What there is to say about how files were found."""
        return (*self.inputs.notifications, *self.notifications)


def gather(request: Request, names: Sequence[str], means: Means, told: Told | None = None) -> Gathered:
    """Bring the units of the files of `request`, from the cache or by parsing, under the models with `names`; `told`
    hears of progress.
    """
    guesses = for_guesses(request, means)
    inputs = collect(request, guesses)
    paths = [item.path for item in inputs.files]
    models = load_models(names, paths)
    default = folder_for(paths) if means.cache == "" and paths else None
    store = Store(Path(means.cache) if means.cache else default)
    selection = neighbours(request, inputs, models, store)
    further = more(selection.files, request, inputs.commands, guesses)
    forks = Forks(means.jobs, Limits(means.seconds, means.mebibytes)) if means.jobs else nullcontext()
    with forks as executor:
        loaded = Loader(models, store, executor, told).load((*inputs.files, *further))
    quieter = (replace(one, unit=quiet(one.unit)) for one in loaded[len(paths) :])
    return Gathered(inputs, models, (*loaded[: len(paths)], *quieter), store, about(selection))


def for_guesses(request: Request, means: Means) -> guessing.Means:
    """Return how arguments are guessed: remembered in the cache, and searched for in a process of its own."""
    default = folder_for(list(request.paths)) if means.cache == "" and request.paths else None
    folder = means.cache or (str(default) if default else None)

    def run(task: Callable[[], bytes]) -> bytes | None:
        if not means.jobs:
            return task()
        with Forks(1, Limits(means.seconds, means.mebibytes)) as forks:
            try:
                data: bytes = forks.submit(task).result()
                return data
            except Failed:
                return None

    return guessing.Means(folder, run)


def load_models(given: Sequence[str], paths: Sequence[str]) -> Models:
    """Return the models given by name, or those shipped that fit the tree that holds `paths`."""
    names = given or (_models.detect(common_folder(paths)) if paths else ())
    return _models.load(names, check=instruction_problem)


def instruction_problem(text: str) -> str | None:
    """Return what is wrong with an instruction of a model's `does`, None if nothing is."""
    from barrierlint.cfg.asm import unknown_instruction

    unknown = unknown_instruction(text)
    return f"the assembler's decoder does not know {unknown}" if unknown else None


def common_folder(paths: Sequence[str]) -> Path:
    """Return the deepest folder that holds all `paths`."""
    real = [os.path.realpath(path) for path in paths]
    return Path(os.path.commonpath([path if os.path.isdir(path) else os.path.dirname(path) for path in real]))
