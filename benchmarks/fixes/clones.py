"""Clones that the user has, and work trees made of them.

A tree is a shared clone of its own (`git clone --shared`): the user's clone is read, never written. It holds sources
only, at one commit at a time, and stays for the next run. Hooks and filters of the clone do not run. What it does not
do: fetch what a shallow clone lacks.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SOURCES = ("c", "cc", "cpp", "cxx", "h", "hh", "hpp", "hxx", "inc", "inl", "def", "S", "s", "asm", "ld", "mk")
OTHERS = (
    *("Makefile*", "Kconfig*", "configure*", "*_defconfig", "CMakeLists.txt", "*.cmake", "*.config", "Jamfile*"),
    *("*.gn", "*.gni"),
)


MISSING = 32
"""How many files a clone may lack."""


class GitError(Exception):
    """A git command that failed, in one line."""


def git(folder: Path, *arguments: str) -> str:
    """Run git in `folder` without hooks, prompts or the user's configuration, and return what it says."""
    command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "safe.directory=*", "-C", str(folder), *arguments]
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
    environment = {**os.environ, **quiet, "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise GitError(f"git {arguments[0]}: {said[-1]}")
    return done.stdout.decode("utf-8", errors="surrogateescape")


def find(repos: Path, name: str) -> Path | None:
    """The clone of owner/name under `repos`: owner+name, owner/name or name, bare or not, or holding it as `repo`."""
    owner, _, short = name.partition("/")
    for place in (f"{owner}+{short}", name, f"{owner}_{short}", short):
        for folder in (repos / place, repos / f"{place}.git", repos / place / "repo"):
            if (folder / ".git").exists() or (folder / "HEAD").is_file():
                return folder
    return None


def resolve(clone: Path, sha: str) -> tuple[str, str] | None:
    """The commits of the parent and of the fix, None where the clone lacks one.

    A small repository that stands in for one too large to clone names its commit with a ref `fixes/SHA`.
    """
    for name in (sha, f"refs/tags/fixes/{sha}", f"refs/heads/fixes/{sha}"):
        try:
            fix = git(clone, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").strip()
            return git(clone, "rev-parse", "--verify", "--quiet", f"{fix}^1^{{commit}}").strip(), fix
        except GitError:
            continue
    return None


Lines = dict[str, list[tuple[int, int]]]
"""Ranges of lines by file."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A work tree of sources at `folder`."""

    folder: Path

    def at(self, commit: str) -> None:
        """Put the tree at `commit`; a blob that the clone lacks (some leave out the largest) is left out."""
        for _ in range(MISSING):
            try:
                git(self.folder, "checkout", "--quiet", "--force", "--detach", commit)
                return
            except GitError as error:
                lacking = re.search(r"(?:invalid|unable to read) .* for '(.+)'$", str(error))
                if lacking is None:
                    raise
                git(self.folder, "sparse-checkout", "add", f"!/{lacking[1]}")
        raise GitError(f"more than {MISSING} files of {commit[:12]} are missing from the clone")

    def touched(self, parent: str, fix: str) -> tuple[Lines, Lines]:
        """The files that differ, with the ranges of lines that do: of the parent's files, and of the fix's."""
        text = git(self.folder, "diff", "--unified=0", "--no-renames", "--no-ext-diff", "--no-color", parent, fix)
        sides: tuple[Lines, Lines] = ({}, {})
        path = ""
        for line in text.splitlines():
            if line.startswith("+++ "):
                path = line[6:].rstrip("\t") if line.startswith("+++ b/") else ""
            elif line.startswith("@@ ") and path:
                for side, hunk in zip(sides, line.split()[1:3], strict=True):
                    side.setdefault(path, []).append(_range(hunk))
        return sides

    def naming(self, words: list[str], patterns: tuple[str, ...]) -> list[tuple[str, str]]:
        """Lines of files that match `patterns` and hold one of `words` whole: (path, line)."""
        if not words:
            return []
        named = [option for word in words for option in ("-e", word)]
        try:
            text = git(self.folder, "grep", "-I", "-w", "-F", "-z", *named, "--", *patterns)
        except GitError:
            return []
        return [(path, line) for path, _, line in (row.partition("\0") for row in text.splitlines()) if line]


def _range(hunk: str) -> tuple[int, int]:
    """`-10,3` as lines 10 to 12; an insertion counts as its neighbour."""
    first, _, count = hunk[1:].partition(",")
    return int(first), int(first) + max(int(count or 1), 1) - 1


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other run uses the tree at `folder`; a tree stands at one commit at a time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def lay_out(clone: Path, folder: Path) -> Tree:
    """Make (or find again) the tree of `clone` at `folder`, nothing checked out yet."""
    if not (folder / ".git").is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        git(folder.parent, "clone", "--quiet", "--shared", "--no-checkout", str(clone.resolve()), str(folder))
        patterns = [f"*.{suffix}" for suffix in SOURCES] + list(OTHERS)
        git(folder, "sparse-checkout", "set", "--no-cone", *patterns)
    return Tree(folder)
