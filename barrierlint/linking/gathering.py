"""All that is read for a run: the inputs asked for and their neighbours, each as a unit, under the models in use.

What it does not do: join them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from barrierlint.drivers import Drivers
from barrierlint.finding import Notification
from barrierlint.frozen import dataclass
from barrierlint.inputs import Inputs, Request, collect, more
from barrierlint.linking import screening
from barrierlint.linking.modelled import Modelled
from barrierlint.linking.neighbours import about, neighbours, quiet
from barrierlint.linking.screening import Screening
from barrierlint.linking.selection import Selection
from barrierlint.linking.store import Store, folder_for
from barrierlint.linking.units import Gone, Kept, Loaded, Loader, Told, loaded
from barrierlint.source import guessing

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from barrierlint.linking.outline import Outline
    from barrierlint.models import Models


@dataclass(frozen=True, slots=True)
class Means:
    """How inputs are read: in `jobs` processes with limits of `seconds` and `mebibytes` each (0: in this one, without
    limits), or on the cluster at `executor`, and a cache in folder `cache` ("": at the tree's root, None: none).
    """

    jobs: int = 0
    seconds: float = 300.0
    mebibytes: int = 4096
    cache: str | None = None
    executor: str = ""


class Gathered:
    """What a run reads: its inputs, then their neighbours; their units are brought when they are first asked for."""

    def __init__(
        self, inputs: Inputs, modelled: Modelled, loader: Loader, store: Store, selection: Selection, reading: Reading
    ) -> None:
        self.inputs = inputs
        self.store = store
        self.selection = selection
        self._modelled = modelled
        self._loader = loader
        self._reading = reading

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The files analysed."""
        return tuple(item.path for item in self.inputs.files)

    @property
    def models(self) -> Models:
        """The models in use."""
        return self._modelled.models

    @property
    def screened(self) -> bool:
        """Whether all was ruled out by its text."""
        return self.inputs.screened

    @property
    def keys(self) -> tuple[str, ...] | None:
        """The digest of each unit, None if one is not known to be in the cache."""
        return self._loader.keys

    @cached_property
    def outlines(self) -> tuple[Outline, ...]:
        """The outlines of the units of all inputs, then of those of their neighbours; what no cache has is read."""
        found = self._loader.outlines(self._reading.workers, self._reading.told)
        own = len(self.inputs.files)
        return (*found[:own], *(replace(one, notifications=quiet(one.notifications)) for one in found[own:]))

    @property
    def loaded(self) -> tuple[Loaded, ...]:
        """The units of all inputs, then those of their neighbours."""
        every = range(len(self.outlines))
        try:
            found = loaded(self.kept(every))
        except Gone:
            self.read_again(every)
            found = loaded(self.kept(every))
        own = len(self.inputs.files)
        quieted = (
            replace(one, unit=replace(one.unit, notifications=quiet(one.unit.notifications))) for one in found[own:]
        )
        return (*found[:own], *quieted)

    def kept(self, numbers: Sequence[int]) -> tuple[Kept, ...]:
        """Where units are, by their numbers."""
        return tuple(self._loader.kept(numbers))

    def read_again(self, numbers: Sequence[int]) -> None:
        """Read units again of which the cache has lost something."""
        self._loader.again(numbers, self._reading.workers)

    @property
    def jobs(self) -> int:
        """How many tasks run at once, at least."""
        return max(1, self._reading.means.jobs)

    def workers(self, files: int) -> AbstractContextManager[Executor | None]:
        """An executor for tasks that are about as many files at most."""
        return self._reading.workers(files)

    @property
    def said(self) -> tuple[Notification, ...]:
        """What there is to say about how files were found."""
        ruled_out = (screening.about(self.paths),) if self.screened else ()
        return (*self.inputs.notifications, *about(self.selection), *ruled_out)


@dataclass(frozen=True, slots=True)
class Reading:
    """How units are read: by `means`; `told` hears of progress."""

    means: Means
    told: Told | None
    cache: Path | None

    def workers(self, files: int = 1) -> AbstractContextManager[Executor | None]:
        """Return the executor to work with, None where all is done here; each task may be about some files."""
        if not self.means.jobs:
            return nullcontext()
        from barrierlint.linking.processes import Forks, Limits

        limits = Limits(self.means.seconds * files, self.means.mebibytes)
        if not self.means.executor:
            return Forks(self.means.jobs, limits)
        from barrierlint.linking.remote import Cluster

        return Cluster(self.means.executor, limits, self.cache)


def gather(
    request: Request, names: Sequence[str], means: Means, told: Told | None = None, screen: bool = False
) -> Gathered:
    """Return what is read for `request`, under the models with `names`; `told` hears of progress.

    With `screen`, files may be ruled out by their text, all of them or none.
    """
    guesses = for_guesses(request, means)
    drivers = Drivers(request.query_driver, Store(kept_in(means, request.paths)))
    screened = Screening(names).rules_out if screen else None
    inputs = collect(request, guesses, drivers, screened)
    paths = [item.path for item in inputs.files]
    modelled = Modelled(names, paths)
    store = Store(kept_in(means, paths))
    selection = neighbours(request, inputs, modelled, store)
    further = more(selection.files, request, inputs.commands, guesses, drivers)
    if inputs.screened and screened is not None and further and not screened(further, True):
        inputs = collect(request, guesses, drivers)
    loader = Loader(modelled, store, (*inputs.files, *further))
    return Gathered(inputs, modelled, loader, store, selection, Reading(means, told, store.folder))


def for_guesses(request: Request, means: Means) -> guessing.Means:
    """Return how arguments are guessed: remembered in the cache, and searched for in a process of its own."""
    folder = kept_in(means, request.paths)

    def run(task: Callable[[], bytes]) -> bytes | None:
        if not means.jobs:
            return task()
        from barrierlint.linking.processes import Failed, Forks, Limits

        with Forks(1, Limits(means.seconds, means.mebibytes)) as forks:
            try:
                data: bytes = forks.submit(task).result()
                return data
            except Failed:
                return None

    return guessing.Means(str(folder) if folder else None, run)


def kept_in(means: Means, paths: Sequence[str]) -> Path | None:
    """Return the folder of the cache for a run over `paths`, None for none."""
    if means.cache:
        return Path(means.cache)
    return folder_for(list(paths)) if means.cache == "" and paths else None
