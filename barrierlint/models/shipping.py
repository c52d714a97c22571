"""Which models ship, which of them fit a tree, and where a model is that is given by name or path.

Nothing is parsed: this runs on every start. What it does not do: read models, which is `loading`'s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from barrierlint.models.document import ModelError, suggest

HOME = Path(__file__).parent


def shipped() -> tuple[str, ...]:
    """The names of the models that come with barrierlint, sorted."""
    return tuple(sorted(path.stem for path in HOME.glob("*.yaml")))


def detect(tree_root: Path) -> tuple[str, ...]:
    """The shipped models whose `files` are all found under `tree_root` or, up to the repository's root, above it."""
    root = tree_root if tree_root.is_dir() else tree_root.parent
    roots = _upwards(root.resolve())
    return tuple(name for name in shipped() if _fits(_files_of(HOME / f"{name}.yaml"), roots))


def _upwards(root: Path) -> list[Path]:
    roots: list[Path] = []
    for place in (root, *root.parents):
        roots.append(place)
        if (place / ".git").exists():
            break
    return roots[:16]


def _fits(files: Sequence[str], roots: Sequence[Path]) -> bool:
    return bool(files) and any(all(_exists(root, pattern) for pattern in files) for root in roots)


def _exists(root: Path, pattern: str) -> bool:
    if not re.search(r"[*?\[]", pattern):
        return (root / pattern).exists()
    return next(root.glob(pattern), None) is not None


def _files_of(path: Path) -> tuple[str, ...]:
    """The `files` of a shipped model, read without a YAML parser: detection runs on every start."""
    match = re.search(r"^files:\n((?:[ ]*- .*\n)+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return tuple(line.strip()[2:].strip().strip("\"'") for line in match[1].splitlines()) if match else ()


def locate(name: str) -> tuple[Path, str]:
    """Return the file of a model given by shipped name or by path, and how it is called in complaints.

    Raises ModelError for a name that none has.
    """
    path = Path(name)
    if name in shipped():
        return HOME / f"{name}.yaml", f"{name}.yaml"
    if path.suffix in (".yaml", ".yml") or "/" in name or path.is_file():
        return path, name
    raise ModelError(f"{name}:1:1: no such model; {suggest(name, shipped())} A file is given with its path")
