"""The key `compile` of a configuration: how files are compiled of which no compile database tells.

    compile:
      - files: [arch/arm64/*]        # globs relative to the configuration's folder; without it, all files
        include: [include]           # directories, searched in this order
        force-include: [include/config.h]
        define: [CONFIG_ARM64=1]
        stub: [generated/offsets.h]  # headers taken for empty
        borrow: {asm/x.h: include/asm-generic/x.h}
        declare: ["unsigned long f();"]
        flag: [-std=gnu11]           # which language: -std=, -fshort-wchar, -fms-extensions and the like
        host-headers: false          # whether the machine's library headers may be used

`barrierlint init` writes it. Whatever is wrong with it is a `CompilationError`: one line with place and remedy. What
it does not do: look at sources.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from barrierlint.frozen import dataclass
from barrierlint.models.document import Node, suggest
from barrierlint.source.guessing.guess import FLAG, Guess, Macro

if TYPE_CHECKING:
    import yaml

DEEPEST = 8
_DEFINE = re.compile(r"([A-Za-z_]\w*)(\([^()]*\))?(?:=(.*))?", re.DOTALL)


class CompilationError(ValueError):
    """An entry that cannot be used. The text is one line: `place: what is wrong; remedy`."""


@dataclass(frozen=True, slots=True)
class Compile:
    """How files that match `files` (none: all) below `folder` are compiled."""

    folder: str
    files: tuple[str, ...]
    guess: Guess

    def fits(self, file: str) -> bool:
        """Whether this speaks of `file`."""
        real, top = os.path.realpath(file), os.path.realpath(self.folder)
        if os.path.commonpath([real, top]) != top:
            return False
        inside = os.path.relpath(real, top).replace(os.sep, "/")
        return not self.files or any(fnmatchcase(inside, glob) for glob in self.files)


def for_file(entries: Sequence[Compile], file: str) -> tuple[str, Guess] | None:
    """Return how `file` is compiled, all entries that speak of it together, and the folder of the paths; None if none
    does.
    """
    fitting = [one for one in entries if one.fits(file)]
    return (fitting[0].folder, together([one.guess for one in fitting])) if fitting else None


def together(guesses: Sequence[Guess]) -> Guess:
    """Return all of several guesses, the first's paths searched first, the last's macros counting."""
    total = Guess(needs_host=False)
    for one in guesses:
        total = Guess(
            {**total.includes, **one.includes},
            {**total.forced, **one.forced},
            {**total.macros, **one.macros},
            {**total.stubs, **one.stubs},
            {**total.borrowed, **one.borrowed},
            {**total.declarations, **one.declarations},
            {**total.flags, **one.flags},
            total.needs_host or one.needs_host,
        )
    return total


def read(value: Value, folder: str) -> tuple[Compile, ...]:
    """Return the entries that `value` lists; paths are relative to `folder`. Raises CompilationError."""
    return tuple(_compile(one, folder) for one in value.items())


# --- values with places ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the document with its place: a mapping, a list, or a scalar."""

    data: dict[str, Value] | list[Value] | str | int | float | bool | None
    place: str

    def error(self, what: str, remedy: str) -> CompilationError:
        """The complaint to raise about this value."""
        return CompilationError(f"{self.place}: {what}; {remedy}")

    def mapping(self, known: Iterable[str] = ()) -> dict[str, Value]:
        """The entries of a mapping with known keys (none given: any)."""
        if not isinstance(self.data, dict):
            raise self.error(f"expected a mapping, found {self._kind}", "write 'key: value' lines")
        known = tuple(known)
        for key, value in self.data.items():
            if known and key not in known:
                raise value.error(f"unknown key '{key}'", suggest(key, known))
        return self.data

    def items(self) -> list[Value]:
        """The items of a list."""
        if not isinstance(self.data, list):
            raise self.error(f"expected a list, found {self._kind}", "start each item with '- ', or write [a, b]")
        return self.data

    def text(self) -> str:
        """A scalar as text, not empty."""
        if isinstance(self.data, bool) or not isinstance(self.data, (str, int)) or self.data == "":
            raise self.error(f"expected text, found {self._kind}", "put it in quotes")
        return str(self.data)

    def texts(self) -> tuple[str, ...]:
        """A list of text, or one text for a list of one."""
        return tuple(one.text() for one in self.items()) if isinstance(self.data, list) else (self.text(),)

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.data, bool):
            raise self.error(f"expected true or false, found {self._kind}", "write one of them")
        return self.data

    @property
    def _kind(self) -> str:
        names = {dict: "a mapping", list: "a list", bool: "true or false", type(None): "nothing"}
        return names.get(type(self.data), f"'{self.data}'" if self.data != "" else "empty text")


def from_plain(data: object, place: str) -> Value:
    """Return plain data, as of a TOML file, with places below `place`."""
    if isinstance(data, dict):
        return Value({str(key): from_plain(value, f"{place}.{key}") for key, value in data.items()}, place)
    if isinstance(data, list):
        return Value([from_plain(value, f"{place}[{at}]") for at, value in enumerate(data)], place)
    return Value(data if isinstance(data, (str, int, float, bool)) else str(data), place)


def from_node(node: Node) -> Value:
    """Return a value of a YAML document."""
    return _node(node.raw, node.file)


def _node(node: yaml.Node, shown: str, depth: int = 0) -> Value:
    import yaml

    place = f"{shown}:{node.start_mark.line + 1}"
    if depth > DEEPEST:
        raise CompilationError(f"{place}: nested too deeply; a configuration is flat")
    if isinstance(node, yaml.MappingNode):
        entries: dict[str, Value] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in entries:
                raise CompilationError(f"{shown}:{key.start_mark.line + 1}: '{name}' is given twice; keep one of them")
            entries[name] = replace(_node(value, shown, depth + 1), place=f"{shown}:{key.start_mark.line + 1}")
        return Value(entries, place)
    if isinstance(node, yaml.SequenceNode):
        return Value([_node(one, shown, depth + 1) for one in node.value], place)
    tag = node.tag.rpartition(":")[2]
    if tag == "bool":
        return Value(str(node.value).lower() in ("true", "yes", "on"), place)
    return Value(None if tag == "null" else str(node.value), place)


# --- keys -----------------------------------------------------------------------------------------------------------


def _compile(value: Value, folder: str) -> Compile:
    entries = value.mapping(("files", *_COMPILE))
    guess = Guess(needs_host=False)
    for name, read in _COMPILE.items():
        if name in entries:
            guess = read(guess, entries[name])
    return Compile(folder, entries["files"].texts() if "files" in entries else (), guess)


def _paths(value: Value) -> Iterator[tuple[str, str]]:
    for one in value.items():
        path = one.text()
        if os.path.isabs(path) or os.path.normpath(path).startswith(".."):
            raise one.error(f"'{path}' leads out of the project", "give a path below this file's folder")
        yield path, one.place


def _macro(value: Value) -> Macro:
    match = _DEFINE.fullmatch(value.text())
    if match is None:
        raise value.error(f"'{value.text()}' is no macro", "write NAME, NAME=value or 'NAME(a)=value'")
    return Macro(match[1], "1" if match[3] is None else match[3], match[2], value.place)


def _defines(guess: Guess, value: Value) -> Guess:
    macros = [_macro(one) for one in value.items()]
    return replace(guess, macros={one.name: one for one in macros})


def _flag(value: Value) -> tuple[str, str]:
    if not FLAG.fullmatch(value.text()):
        remedy = "write -std=…, -fshort-wchar, -fms-extensions and the like; others go to `extra-arg`"
        raise value.error(f"'{value.text()}' is no flag of the language", remedy)
    return value.text(), value.place


def _borrowed(guess: Guess, value: Value) -> Guess:
    found = {name: one.text() for name, one in value.mapping().items()}
    for name, one in value.mapping().items():
        if os.path.isabs(found[name]) or os.path.normpath(found[name]).startswith(".."):
            raise one.error(f"'{found[name]}' leads out of the project", "give a path below this file's folder")
    return replace(guess, borrowed=found)


_COMPILE: dict[str, Callable[[Guess, Value], Guess]] = {
    "include": lambda guess, value: replace(guess, includes=dict(_paths(value))),
    "force-include": lambda guess, value: replace(guess, forced=dict(_paths(value))),
    "define": _defines,
    "stub": lambda guess, value: replace(guess, stubs=dict(_paths(value))),
    "borrow": _borrowed,
    "declare": lambda guess, value: replace(guess, declarations={one.text(): one.place for one in value.items()}),
    "flag": lambda guess, value: replace(guess, flags=dict(map(_flag, value.items()))),
    "host-headers": lambda guess, value: replace(guess, needs_host=value.flag()),
}


def schema() -> dict[str, object]:
    """Return the JSON schema of the key."""
    texts = {"type": "array", "items": {"type": "string", "minLength": 1}}
    listed = dict.fromkeys(("include", "force-include", "define", "stub", "declare", "flag"), texts)
    entry = {
        "files": {"oneOf": [{"type": "string", "minLength": 1}, texts]},
        **listed,
        "borrow": {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}},
        "host-headers": {"type": "boolean"},
    }
    return {"type": "array", "items": {"type": "object", "additionalProperties": False, "properties": entry}}
