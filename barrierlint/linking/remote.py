"""Units read on a Dask cluster: an executor whose tasks run on the cluster's workers, and whose results come through
the cache.

Workers must see the sources and the cache's folder where this process does (a shared file system), and have the same
barrierlint; both are checked before anything is sent. On a worker each task runs in a process of its own with the same
limits as here: a `Helper` process forks one a task, since a Dask worker has threads and must not fork. A worker that
dies costs nothing, its tasks are done by another. What it does not do: bring sources to workers.
"""

from __future__ import annotations

import logging
import os
import pickle
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from barrierlint import __version__
from barrierlint.inputs import InputError
from barrierlint.linking.processes import Failed, Forks, Limits
from barrierlint.linking.store import Store, digest

if TYPE_CHECKING:
    from distributed import Client

ADDRESS = re.compile(r"dask://([\w.-]+|\[[0-9A-Fa-f:]+\]):(\d{1,5})")
SECONDS = 10.0
"""How long a cluster may take to answer, and to have a worker."""


class ClusterError(InputError):
    """A cluster that cannot be used: one line with the remedy."""


class Cluster(Executor):
    """The workers of the cluster at `address` (`dask://HOST:PORT`); `folder` is the cache that results come through."""

    def __init__(self, address: str, limits: Limits, folder: Path | None) -> None:
        if folder is None:
            raise ClusterError(f"{address}: results come through the cache: leave out --no-cache")
        self.address = address
        self._limits = limits
        self._store = Store(folder)
        self._client = _client(address)
        try:
            self._check(os.path.abspath(folder))
        except BaseException:
            self.shutdown(cancel_futures=True)
            raise
        self._executor = self._client.get_executor(pure=False)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Queue `fn(*args, **kwargs)`, which returns bytes, on the cluster."""
        task = pickle.dumps(partial(fn, *args, **kwargs))
        folder = os.path.abspath(self._store.folder or "")
        return Fetched(self, self._executor.submit(carried_out, task, os.getcwd(), folder, self._limits))

    def fetch(self, answer: tuple[str, str]) -> bytes:
        """Return what a worker left in the cache."""
        what, text = answer
        if what:
            raise Failed(what, text)
        data = self._store.get(text)
        if data is None:
            raise ClusterError(f"{self.address}: a result is not in the cache {self._store.folder}: is it shared?")
        self._store.drop(text)
        return data

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; tasks that are not done are dropped."""
        self._client.close(timeout=2)

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        """Leave nothing queued behind an exception."""
        self.shutdown(cancel_futures=kind is not None)

    def _check(self, folder: str) -> None:
        """Raise ClusterError unless every worker is like this process and sees what it sees."""
        name = digest("probe", os.urandom(16))
        self._store.put(name, name.encode())
        if self._store.problem is not None:
            raise ClusterError(f"{self.address}: {self._store.problem.message}")
        try:
            seen = self._client.run(about, os.getcwd(), folder, name)
        except Exception as error:
            why = f"{type(error).__name__}: {_first_line(error)}"
            raise ClusterError(
                f"{self.address}: a worker cannot run barrierlint {__version__} ({why}); install the same there"
            ) from None
        finally:
            self._store.drop(name)
        for worker, (version, content, problem) in sorted(seen.items()):
            if (version, content) != (__version__, contents()):
                other = f"barrierlint {version}" + (" in another state" if version == __version__ else "")
                raise ClusterError(
                    f"{self.address}: worker {worker} has {other}, this is {__version__}: install the same"
                )
            if problem:
                raise ClusterError(f"{self.address}: worker {worker} {problem}: share the file system at the same path")


class Fetched(Future[bytes]):
    """What a task on the cluster left in the cache."""

    def __init__(self, cluster: Cluster, future: Future[Any]) -> None:
        super().__init__()
        self._cluster = cluster
        self._future = future

    def result(self, timeout: float | None = None) -> bytes:
        """Wait for the result. Raises Failed where the task came to nothing, ClusterError where the cluster did."""
        from distributed.scheduler import KilledWorker

        try:
            answer = self._future.result(timeout)
        except KilledWorker:
            raise Failed("crashed", "took its workers along") from None
        except Exception as error:
            if isinstance(error, (Failed, ClusterError)):
                raise
            text = f"{type(error).__name__} {_first_line(error)}".strip()
            raise ClusterError(f"{self._cluster.address}: the cluster was lost ({text}); start it again") from None
        return self._cluster.fetch(answer)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0]


def _client(address: str) -> Client:
    """A connection to the scheduler, which has at least one worker."""
    found = ADDRESS.fullmatch(address)
    if found is None:
        raise ClusterError(f"{address}: no address of a cluster; write dask://HOST:PORT")
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise ClusterError(f"--executor dask:// needs {error.name}: pip install 'barrierlint[dask]'") from None
    for name in ("distributed", "distributed.client", "distributed.core", "distributed.comm", "tornado", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = distributed.Client(f"tcp://{found[1]}:{found[2]}", timeout=SECONDS, set_as_default=False)
    except Exception as error:
        raise ClusterError(
            f"{address}: no Dask scheduler answers ({type(error).__name__}): start one with `dask scheduler`"
        ) from None
    try:
        client.wait_for_workers(1, timeout=SECONDS)
    except Exception:
        client.close(timeout=2)
        raise ClusterError(f"{address}: the cluster has no worker: start one with `dask worker HOST:PORT`") from None
    return client


@cache
def contents() -> str:
    """Return a digest of barrierlint's code, the same wherever the same is installed."""
    root = Path(__file__).parents[1]
    files = sorted((*root.rglob("*.py"), *root.rglob("*.yaml"), *root.rglob("*.h")))
    return digest(*(part for path in files for part in (path.relative_to(root).as_posix(), path.read_bytes())))


# --- on a worker -----------------------------------------------------------------------------------------------------


def about(cwd: str, folder: str, name: str) -> tuple[str, str, str]:
    """Return this worker's version, the digest of its code, and what it does not see ("": it sees all)."""
    if not os.path.isdir(cwd):
        return __version__, contents(), f"does not see {cwd}"
    if Store(Path(folder)).get(name) is None:
        return __version__, contents(), f"does not see the cache {folder}"
    return __version__, contents(), ""


def carried_out(task: bytes, cwd: str, folder: str, limits: Limits) -> tuple[str, str]:
    """Carry a task out; return ("", where its result is in the cache), or how it failed and why."""
    return _helper().ask((task, cwd, folder, limits))


_helpers = threading.local()


def _helper() -> Helper:
    """The helper of this thread, started where there is none that lives."""
    known: Helper | None = getattr(_helpers, "own", None)
    if known is None or known.process.poll() is not None:
        known = _helpers.own = Helper()
    return known


class Helper:
    """A process without threads that forks for each task; it ends with its worker."""

    def __init__(self) -> None:
        words = [sys.executable, "-m", "barrierlint.linking.remote"]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, question: object) -> tuple[str, str]:
        """Send a question, return the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            pickle.dump(question, self.process.stdin)
            self.process.stdin.flush()
            answer: tuple[str, str] = pickle.load(self.process.stdout)
        except (EOFError, OSError):
            return "crashed", "took its process along"
        return answer


def help_out() -> None:
    """The helper's whole life: questions in, answers out, until nobody asks."""
    questions = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            task, cwd, folder, limits = pickle.load(questions)
        except EOFError:
            return
        pickle.dump(_answer(task, cwd, folder, limits), answers)
        answers.flush()


def _answer(task: bytes, cwd: str, folder: str, limits: Limits) -> tuple[str, str]:
    try:
        os.chdir(cwd)
        wanted = pickle.loads(task)
        sys.modules[wanted.func.__module__].prepare()  # what it needs is loaded once, and before forking
        with Forks(1, limits) as forks:
            data = forks.submit(wanted).result()
    except Failed as failure:
        return failure.what, failure.why
    except OSError as error:
        return "crashed", f"could not start ({error.strerror})"
    store = Store(Path(folder))
    name = digest("result", data)
    store.put(name, data)
    return ("", name) if store.problem is None else ("crashed", store.problem.message)


if __name__ == "__main__":
    from barrierlint.linking import remote

    remote.help_out()
