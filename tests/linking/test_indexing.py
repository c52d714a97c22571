"""A run remembers its files by size and times: none that did not change is read again, and none that did is missed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from barrierlint.linking import indexing
from barrierlint.linking.indexing import Files, read, write
from barrierlint.linking.store import Store, digest

OLD = 1_000_000_000


@pytest.fixture
def aged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that counts as settled."""
    file = tmp_path / "a.h"
    file.write_text("one")
    monkeypatch.setattr(indexing, "_RACY", 0)
    return file


def remembered(store: Store, file: Path) -> None:
    files = Files()
    files.digest(str(file))
    write(store, {"request": ("key", (str(file),))}, files)


def test_what_did_not_change_is_not_read(aged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(aged.parent / "cache")
    remembered(store, aged)
    index = read(store, ["request"])
    assert index.keys == {"request": ("key", (str(aged),))}
    monkeypatch.setattr(indexing, "_digest", lambda _: pytest.fail("the file was read"))
    files = Files()
    files.learn(index.states)
    assert files.digest(str(aged)) == digest(b"one")


@pytest.mark.parametrize("after", ["two", "longer", ""])
def test_what_changed_is_read(aged: Path, after: str) -> None:
    store = Store(aged.parent / "cache")
    remembered(store, aged)
    before = os.stat(aged)
    aged.write_text(after)
    os.utime(aged, ns=(before.st_atime_ns, before.st_mtime_ns))  # as `touch -r`, or a checkout, does
    files = Files()
    files.learn(read(store, ["request"]).states)
    assert files.digest(str(aged)) == digest(after.encode())


def test_what_was_written_just_now_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "a.h").write_text("one")
    store = Store(tmp_path / "cache")
    remembered(store, tmp_path / "a.h")
    files = Files()
    files.learn(read(store, ["request"]).states)
    assert files.states == {}


def test_a_file_that_came_or_went_is_noticed(aged: Path) -> None:
    store = Store(aged.parent / "cache")
    gone = aged.parent / "gone.h"
    files = Files()
    write(store, {"request": ("key", (str(aged), str(gone)))}, files)
    gone.write_text("here")
    aged.unlink()
    files = Files()
    files.learn(read(store, ["request"]).states)
    assert (files.digest(str(aged)), files.digest(str(gone))) == ("", digest(b"here"))


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"files": 1, "units": 2}', b'{"files": [["a"]], "units": {}}', b"[" * 100_000]
    + [json.dumps({"files": [], "units": {"r": ["key", [number]]}}).encode() for number in (7, "x")],
)
def test_an_index_that_says_nothing_is_an_empty_one(tmp_path: Path, body: bytes) -> None:
    store = Store(tmp_path)
    store.put(indexing._name(["r"]), body)
    assert read(store, ["r"]) == indexing.Index()
