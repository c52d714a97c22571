"""Links do not lead out of the tree: what is outside is neither read nor written, unless it was named."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import BAD, GOOD, Run

OUTSIDE = BAD.replace("map", "secret")
CALLER = "int secret(unsigned long *, unsigned long, volatile int *);\n" + GOOD.replace(
    "return *va", "return secret(0, 0, va)"
)


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source that is not in the tree, and one in the tree that calls it."""
    path = tmp_path_factory.mktemp("outside") / "secret.c"
    path.write_text(OUTSIDE)
    Path(".git").mkdir()
    Path("bad.c").unlink()
    Path("good.c").write_text(CALLER)
    return path


def test_a_folder_does_not_lead_out(run: Run, outside: Path) -> None:
    Path("sub").mkdir()
    Path("sub/link.c").symlink_to(outside)
    Path("folder").symlink_to(outside.parent)
    Path("sub/inside.c").symlink_to(Path("good.c").resolve())
    ran = run(".", "--")
    assert "secret.c" not in ran.out
    assert "passed over sub/link.c" in ran.out
    assert "of 1 file" in ran.out
    assert ran.status == 0


def test_what_is_named_is_read(run: Run, outside: Path) -> None:
    Path("link.c").symlink_to(outside)
    ran = run("link.c", "--")
    assert ran.status == 1
    assert "link.c:6:" in ran.out


def test_neighbours_do_not_lead_out(run: Run, outside: Path) -> None:
    Path("link.c").symlink_to(outside)
    ran = run("good.c", "--neighbours", "9", "-v")
    assert "read as well" not in ran.out
    Path("inside.c").write_text(OUTSIDE)
    assert "read as well" in run("good.c", "--neighbours", "9", "-v").out


def test_repairs_are_not_written_outside(run: Run, outside: Path) -> None:
    Path("link.c").symlink_to(outside)
    ran = run("link.c", "--fix", "--")
    assert "it lies outside of" in ran.err
    assert outside.read_text() == OUTSIDE
    assert Path("link.c").is_symlink()


def test_a_cache_that_is_a_link_is_used_as_it_is(run: Run, outside: Path) -> None:
    """The folder is the user's to choose; entries that are links are never written through."""
    kept = outside.parent / "kept"
    kept.mkdir()
    Path(".barrierlint-cache").symlink_to(kept)
    assert run("good.c", "--").status == run("good.c", "--").status
    entry = next(path for path in kept.glob("??/*") if path.is_file())
    target = outside.parent / "target"
    target.write_bytes(b"mine")
    entry.unlink()
    entry.symlink_to(target)
    Path("good.c").write_text(CALLER + "\n")
    run("good.c", "--")
    assert target.read_bytes() == b"mine"
