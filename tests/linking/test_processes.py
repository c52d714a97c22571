"""A task that crashes, hangs or eats memory costs itself only."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from barrierlint.linking.processes import Failed, Forks, Limits


def quick() -> bytes:
    return b"done"


def crash() -> bytes:
    os.kill(os.getpid(), signal.SIGSEGV)
    return b""


def hang() -> bytes:
    time.sleep(60)
    return b""


def spin() -> bytes:
    while True:
        pass


def devour() -> bytes:
    return bytes(len(bytearray(3 << 30)))


def raises() -> bytes:
    raise ValueError("not caught by the task")


@pytest.mark.parametrize(
    ("task", "what"),
    [(crash, "crashed"), (hang, "timeout"), (spin, "timeout"), (devour, "memory"), (raises, "crashed")],
)
@pytest.mark.parametrize("jobs", [1, 3])
def test_the_others_are_done(task: Callable[[], bytes], what: str, jobs: int) -> None:
    with Forks(jobs, Limits(seconds=0.5, mebibytes=256)) as executor:
        futures = [executor.submit(one) for one in (quick, task, quick)]
        assert futures[0].result() == futures[2].result() == b"done"
        with pytest.raises(Failed) as caught:
            futures[1].result()
    assert caught.value.what == what


def test_results_keep_their_order_and_size() -> None:
    with Forks(2) as executor:
        futures = [executor.submit(bytes, number * 300_000) for number in range(6)]
        assert [len(future.result()) for future in futures] == [number * 300_000 for number in range(6)]


def test_leaving_waits_for_all() -> None:
    with Forks(2) as executor:
        futures = [executor.submit(quick) for _ in range(5)]
    assert all(future.done() for future in futures)


def leave_early() -> None:
    with Forks(1) as executor:
        executor.submit(hang)
        raise KeyboardInterrupt


def test_an_exception_leaves_nothing_running() -> None:
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        leave_early()
    assert time.monotonic() - start < 30
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_processor_time_is_what_counts() -> None:
    with Forks(1, Limits(seconds=1)) as executor:
        assert executor.submit(naps).result() == b"done"
        with pytest.raises(Failed, match="took more than 1 s of processor time"):
            executor.submit(spin).result()


def naps() -> bytes:
    time.sleep(1.5)
    return b"done"
