"""The tables the benchmark carries: fixes, which rules answer which class, verdicts of readers.

All are tab-separated with a header line. What is wrong in one is a `TableError` that names file and line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

HERE = Path(__file__).parent
FIXES = HERE / "fixes.tsv"
CLASSES = HERE / "classes.tsv"
VERDICTS = HERE / "verdicts.tsv"


class TableError(Exception):
    """A table that cannot be used, in one line."""


@dataclass(frozen=True, slots=True)
class Fix:
    """One fix: `repo` is owner/name, `functions` are globs (or `file:` and the end of a path), `classes` from
    classes.tsv, the first of them what the fix is about.
    """

    repo: str
    sha: str
    date: str
    tier: str
    lang: str
    visibility: str
    classes: tuple[str, ...]
    functions: tuple[str, ...]
    what: str

    @property
    def short(self) -> str:
        """The commit as people write it."""
        return self.sha[:12]

    @property
    def core(self) -> bool:
        """Whether the row counts among those the benchmark is about."""
        return self.tier in ("A", "B")

    def matches(self, pattern: str) -> bool:
        """Whether `--only` means this row: text in repository, commit, class or function, or a glob."""
        fields = (self.repo, self.sha, *self.classes, *self.functions)
        return any(pattern in text or fnmatchcase(text, pattern) for text in fields)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The rules that answer a class, and why."""

    rules: tuple[str, ...]
    why: str


def read(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a table whose header is `columns`."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not lines or tuple(lines[0].split("\t")) != columns:
        raise TableError(f"{path.name}:1: the header must be {', '.join(columns)}, separated by tabs")
    rows = []
    for number, line in enumerate(lines[1:], 2):
        cells = line.split("\t")
        if len(cells) != len(columns):
            raise TableError(f"{path.name}:{number}: {len(cells)} columns, expected {len(columns)}")
        rows.append(dict(zip(columns, cells, strict=True)))
    return rows


def fixes(path: Path = FIXES, known: Mapping[str, Accepted] | None = None) -> list[Fix]:
    """The fixes, each with classes that classes.tsv knows."""
    columns = ("repo", "sha", "date", "tier", "lang", "visibility", "class", "function", "what")
    known = classes() if known is None else known
    found = []
    for number, row in enumerate(read(path, columns), 2):
        words = tuple(row.pop("class").split())
        functions = tuple(row.pop("function").split())
        if not words or not functions or not set(words) <= set(known):
            raise TableError(f"{path.name}:{number}: classes and functions are needed, and classes that are known")
        found.append(Fix(classes=words, functions=functions, **row))
    return found


def classes(path: Path = CLASSES) -> dict[str, Accepted]:
    """Which rules answer which class."""
    rows = read(path, ("class", "rules", "why"))
    return {row["class"]: Accepted(tuple(row["rules"].split()), row["why"]) for row in rows}


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a reader of the code says of a finding: `true`, `false` or `advice`, and why."""

    verdict: str
    why: str


Opinions = Mapping[tuple[str, str, str], Opinion]
"""By repository, rule and function."""


def verdicts(path: Path = VERDICTS) -> dict[tuple[str, str, str], Opinion]:
    """Opinions by repository, rule and function (its last name)."""
    if not path.is_file():
        return {}
    rows = read(path, ("repo", "rule", "function", "verdict", "why"))
    return {(row["repo"], row["rule"], row["function"]): Opinion(row["verdict"], row["why"]) for row in rows}
