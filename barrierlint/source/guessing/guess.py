"""What was guessed of how a file is compiled, each with where it comes from; as arguments, as text, as JSON.

A `Guess` is a value: two equal ones compile a file alike. Paths in it are relative to the tree. It does not hold how it
was found.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import field, replace
from pathlib import Path

from barrierlint.frozen import dataclass
from barrierlint.source.guessing.templates import ENDINGS, expanded

PLACE = ".barrierlint-cache/guessed"
"""The folder in the tree, which need not exist, that stubs and the prelude pretend to lie in."""

PRELUDE = "prelude.h"
VERSION = 4
FLAG = re.compile(
    r"-std=[\w+:]+|-f(?:no-)?(?:short-wchar|short-enums|ms-extensions|plan9-extensions|(?:un)?signed-char)"
)
"""Flags that say which language a file is written in; no others are guessed."""


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro with its parameters (None: object-like), its value, and where the value was found."""

    name: str
    value: str
    parameters: str | None = None
    where: str = ""

    @property
    def flag(self) -> str:
        """The macro as a compiler's -D takes it."""
        return f"{self.name}{self.parameters or ''}={self.value}"

    @property
    def text(self) -> str:
        """The macro as a preprocessor directive, kept from redefining what is defined."""
        head = f"{self.name}{self.parameters or ''}"
        return f"#ifndef {self.name}\n#define {head} {self.value}\n#endif\n"


@dataclass(frozen=True, slots=True)
class Guess:
    """Include directories, forced includes, macros, headers taken for empty, declarations put before the file, and
    flags of the language.

    `borrowed` are headers read from where no directory of the search path leads, or made from templates, by the name
    they are included by. A forced include in angle brackets is the compiler's. `needs_host` where headers of the
    machine's libraries are used. Values of the mappings say where each comes from.
    """

    includes: dict[str, str] = field(default_factory=dict)
    forced: dict[str, str] = field(default_factory=dict)
    macros: dict[str, Macro] = field(default_factory=dict)
    stubs: dict[str, str] = field(default_factory=dict)
    borrowed: dict[str, str] = field(default_factory=dict)
    declarations: dict[str, str] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    needs_host: bool = True

    def __bool__(self) -> bool:
        """Whether anything was guessed."""
        parts = (self.includes, self.forced, self.macros, self.stubs, self.borrowed, self.declarations, self.flags)
        return any(parts)

    def arguments(self, root: str) -> list[str]:
        """Return compiler arguments that carry this out; they need the files of `unsaved` in memory."""
        words = [*self.flags, *([] if self.needs_host else ["-nostdinc"])]
        words += [f"-I{os.path.join(root, folder)}" for folder in self.includes]
        if self.stubs or self.borrowed:
            words.append(f"-idirafter{os.path.join(root, PLACE)}")
        if self.macros:
            words += ["-include", os.path.join(root, PLACE, PRELUDE)]
        for path in self.forced:
            words += ["-include", path[1:-1] if path.startswith("<") else os.path.join(root, path)]
        if self.declarations:
            words += ["-include", os.path.join(root, PLACE, "declarations.h")]
        return words

    def unsaved(self, root: str) -> dict[str, str]:
        """Return the files that exist in memory only, by absolute path."""
        place = os.path.join(root, PLACE)
        files = {os.path.normpath(os.path.join(place, name)): "" for name in self.stubs}
        for name, path in self.borrowed.items():
            files[os.path.normpath(os.path.join(place, name))] = _borrowed(name, os.path.join(root, path))
        if self.macros:
            files[os.path.join(place, PRELUDE)] = "".join(one.text for one in self.macros.values())
        if self.declarations:
            files[os.path.join(place, "declarations.h")] = "".join(f"{one}\n" for one in self.declarations)
        return files

    def moved(self, prefix: str) -> Guess:
        """Return this with paths that start from the folder above `prefix`."""
        if prefix in ("", "."):
            return self

        def path(old: str) -> str:
            return old if old.startswith("<") else os.path.normpath(os.path.join(prefix, old))

        return replace(
            self,
            includes={path(name): why for name, why in self.includes.items()},
            forced={path(name): why for name, why in self.forced.items()},
            borrowed={name: path(old) for name, old in self.borrowed.items()},
        )

    def without(self, known: Guess) -> Guess:
        """Return what this has and `known` has not."""
        return Guess(
            {name: why for name, why in self.includes.items() if name not in known.includes},
            {name: why for name, why in self.forced.items() if name not in known.forced},
            {name: one for name, one in self.macros.items() if known.macros.get(name) != one},
            {name: why for name, why in self.stubs.items() if name not in known.stubs},
            {name: path for name, path in self.borrowed.items() if known.borrowed.get(name) != path},
            {line: why for line, why in self.declarations.items() if line not in known.declarations},
            {flag: why for flag, why in self.flags.items() if flag not in known.flags},
            self.needs_host and not known.needs_host,
        )

    def dump(self) -> str:
        """Return this as JSON."""
        parts = {
            "version": VERSION,
            "includes": self.includes,
            "forced": self.forced,
            "macros": [[one.name, one.value, one.parameters, one.where] for one in self.macros.values()],
            "stubs": self.stubs,
            "borrowed": self.borrowed,
            "declarations": self.declarations,
            "flags": self.flags,
            "needs_host": self.needs_host,
        }
        return json.dumps(parts)


def _borrowed(name: str, path: str) -> str:
    """What stands in a header that is read from elsewhere: made of its template, if that is what there is."""
    if not path.endswith(tuple(os.path.basename(name) + ending for ending in ENDINGS)):
        return f'#include "{path}"\n'
    try:
        return expanded(Path(path).read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ""


def loaded(text: str | bytes) -> Guess:
    """Return the guess that `dump` wrote. Raises ValueError, KeyError or TypeError for anything else."""
    parts = json.loads(text)
    if parts["version"] != VERSION:
        raise ValueError("another version")
    names = ("includes", "forced", "stubs", "borrowed", "declarations", "flags")
    maps = {name: _strings(parts[name]) for name in names}
    if not all(FLAG.fullmatch(flag) for flag in maps["flags"]):
        raise ValueError("not a flag of the language")
    macros = [Macro(*one) for one in parts["macros"]]
    return Guess(**maps, macros={one.name: one for one in macros}, needs_host=bool(parts["needs_host"]))


def _strings(found: object) -> dict[str, str]:
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError("not a mapping of text")
    return found
