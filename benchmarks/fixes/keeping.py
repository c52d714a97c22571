"""Keeps outcomes between runs, so that one that was interrupted can go on: JSON by commit, for one version of the tool.

What it does not do: notice changes that are not committed.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.fixes.running import Found, Outcome


def keep(folder: Path, sha: str, outcomes: list[Outcome], files: tuple[str, ...]) -> None:
    """Write down both outcomes of a fix."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {"files": files, "outcomes": [asdict(outcome) for outcome in outcomes]}
    (folder / f"{sha}.json").write_text(json.dumps(document, default=sorted), encoding="utf-8")


def kept(folder: Path, sha: str) -> tuple[list[Outcome], tuple[str, ...]] | None:
    """What `keep` wrote, None if there is nothing, or nothing usable."""
    try:
        document = json.loads((folder / f"{sha}.json").read_text(encoding="utf-8"))
        return [_outcome(one) for one in document["outcomes"]], tuple(document["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _outcome(values: dict[str, object]) -> Outcome:
    found = values.pop("findings")
    assert isinstance(found, list)
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    findings = tuple(
        Found(**{**one, "functions": frozenset(one["functions"]), "files": frozenset(one["files"])}) for one in found
    )
    return Outcome(**{**values, **lists, "findings": findings})  # type: ignore[arg-type]
