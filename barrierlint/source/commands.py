"""Compile databases: finding and reading `compile_commands.json`.

Whatever is wrong with one is told in one line with place and remedy. It does not model which command a header needs.
"""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

from barrierlint.frozen import dataclass

DATABASE = "compile_commands.json"
_PLACES = ("", "build", "out", "_build", "builddir", "cmake-build-debug", "cmake-build-release", "obj", ".build")


class SourceError(Exception):
    """What the user gave cannot be used: one line with place and remedy."""


@dataclass(frozen=True, slots=True)
class CompileCommand:
    """One entry of a database: absolute `file` and `directory`, `arguments` with the compiler's name first."""

    file: str
    directory: str
    arguments: tuple[str, ...]


def find_database(start: Path) -> Path | None:
    """Return the compile database nearest to `start`: in it, in its build directories, or in those of a parent."""
    here = Path(os.path.abspath(start))
    for directory in (here, *here.parents) if here.is_dir() else here.parents:
        for place in _PLACES:
            candidate = directory / place / DATABASE if place else directory / DATABASE
            if candidate.is_file():
                return candidate
    return None


def load_database(path: Path) -> tuple[CompileCommand, ...]:
    """Return the entries of the database at `path` (a file, or a directory that holds one), the first of equal ones
    only.

    Raises SourceError with place and remedy where the file is missing, no JSON, or of another shape.
    """
    path = path / DATABASE if path.is_dir() else path
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SourceError(
            f"{path}: no such compile database; make one with cmake -DCMAKE_EXPORT_COMPILE_COMMANDS=ON or bear"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot read the compile database: {error}; check the file") from None
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        raise SourceError(
            f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}; generate the database anew"
        ) from None
    except ValueError as error:  # a number of thousands of digits
        raise SourceError(f"{path}: not JSON: {error}; generate the database anew") from None
    except RecursionError:
        raise SourceError(f"{path}: nested too deeply for a compile database; generate it anew") from None
    if not isinstance(entries, list):
        raise SourceError(
            f"{path}: a compile database is a list of commands, this is {type(entries).__name__}; generate it anew"
        )
    base = path.absolute().parent
    found = (_entry(path, base, number, entry) for number, entry in enumerate(entries))
    return tuple(dict.fromkeys(found))


def _entry(path: Path, base: Path, number: int, entry: object) -> CompileCommand:
    """The command of entry `number`."""
    place = f"{path}: entry {number}"
    if not isinstance(entry, dict):
        raise SourceError(f"{place} is no object; each entry needs file, directory and arguments or command")
    file, directory = entry.get("file"), entry.get("directory", "")
    if not isinstance(file, str) or not file or not isinstance(directory, str):
        raise SourceError(f"{place}: `file` and `directory` must be strings; generate the database anew")
    arguments = entry.get("arguments")
    if arguments is None:
        command = entry.get("command")
        if not isinstance(command, str):
            raise SourceError(f"{place}: neither `arguments` nor `command`; generate the database anew")
        try:
            arguments = shlex.split(command)
        except ValueError as error:
            raise SourceError(
                f"{place}: `command` has unbalanced quotes ({error}); generate the database anew"
            ) from None
    if not isinstance(arguments, list) or not all(isinstance(word, str) for word in arguments):
        raise SourceError(f"{place}: `arguments` must be a list of strings; generate the database anew")
    folder = os.path.normpath(os.path.join(base, directory))
    return CompileCommand(os.path.normpath(os.path.join(folder, file)), folder, tuple(arguments))
