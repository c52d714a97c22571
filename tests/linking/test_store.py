"""The cache: whole entries or none, and a run never fails for its sake."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from barrierlint.linking.store import FOLDER, Store, digest, folder_for


def entry(store: Store, name: str) -> Path:
    assert store.folder is not None
    return store.folder / name[:2] / name[2:]


def test_what_is_put_is_got(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    assert store.get("abcdef") is None
    store.put("abcdef", b"data")
    assert Store(tmp_path / "cache").get("abcdef") == b"data"
    assert (tmp_path / "cache/.gitignore").read_text() == "*\n"
    assert [path.name for path in (tmp_path / "cache/ab").iterdir()] == ["cdef"]


@pytest.mark.parametrize("damage", [b"", b"\n", b"x" * 10, b"\x00" * 100])
def test_a_damaged_entry_is_none(tmp_path: Path, damage: bytes) -> None:
    store = Store(tmp_path)
    store.put("abcdef", b"data")
    entry(store, "abcdef").write_bytes(damage)
    assert store.get("abcdef") is None


def test_every_flipped_byte_is_noticed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("abcdef", b"some data to keep")
    whole = entry(store, "abcdef").read_bytes()
    for at in range(len(whole)):
        entry(store, "abcdef").write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        assert store.get("abcdef") in (None, b"some data to keep")


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in its place")
    store = Store(tmp_path / "cache")
    store.put("abcdef", b"data")
    store.put("abcdef", b"data")
    assert store.get("abcdef") is None
    assert store.problem is not None
    assert not store.problem.lost
    assert "--cache-dir" in store.problem.message


def test_what_is_a_month_old_goes(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("abcdef", b"old")
    store.put("abxxxx", b"new")
    os.utime(entry(store, "abcdef"), (1, 1))
    store.tidy()
    assert (store.get("abcdef"), store.get("abxxxx")) == (None, b"new")


def test_no_folder_keeps_nothing() -> None:
    store = Store(None)
    store.put("abcdef", b"data")
    assert store.get("abcdef") is None
    assert store.problem is None


def test_parts_of_a_digest_do_not_run_together() -> None:
    assert digest("ab", "c") != digest("a", "bc")


def test_it_is_at_the_root_of_the_tree(tmp_path: Path) -> None:
    (tmp_path / "tree/.git").mkdir(parents=True)
    (tmp_path / "tree/a/b").mkdir(parents=True)
    (tmp_path / "loose/a").mkdir(parents=True)
    assert folder_for([str(tmp_path / "tree/a/b/x.c")]) == tmp_path / "tree" / FOLDER
    both = [str(tmp_path / "loose/a/x.c"), str(tmp_path / "loose/y.c")]
    assert folder_for(both) == tmp_path / "loose" / FOLDER


def fill(folder: Path, number: int) -> None:
    store = Store(folder)
    for round in range(50):
        store.put("abcdef", b"%d" % number * 10_000)
        found = store.get("abcdef")
        assert found is not None, round
        assert len(set(found)) == 1


def test_many_may_write_one_entry_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=fill, args=(tmp_path, number)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert list(tmp_path.rglob(".new-*")) == []
