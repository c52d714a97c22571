"""The configuration of a code base: `.barrierlint.yaml`, or `[tool.barrierlint]` in pyproject.toml, searched upwards.

Keys are the long options of `check` without their dashes, and `compile` (see `compilation`); what is said on the
command line goes before. Paths are relative to the file's folder. `schema` is the JSON schema (draft-07) of it all,
which ships as barrierlint.schema.json. What it does not do: merge several files; the nearest one counts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

from barrierlint.frozen import dataclass
from barrierlint.models.document import ModelError, Node, read, suggest

NAME = ".barrierlint.yaml"
PROJECT = "pyproject.toml"
RULES_PATTERN = "^([Bb][Ll][0-9]{1,3}|[Aa][Ll][Ll]|[a-z][a-z0-9-]+)$"


_NOT_HERE = {
    "query-driver": "it lets programs run, which is not for a repository to allow: give it on the command line",
    "executor": "it sends the sources elsewhere, which is not for a repository to choose: give it on the command line",
}


class ConfigurationError(Exception):
    """A configuration that cannot be used: one line with the place and the remedy."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key: what it is for, the kind of its value (words, paths, text, path, flag, compile), the option it stands for.

    `choices` are the values a text may have, `pattern` what each word must look like.
    """

    name: str
    kind: str
    about: str
    choices: tuple[str, ...] = ()
    pattern: str = ""

    @property
    def option(self) -> str:
        """The name under which the command line keeps the option."""
        return {"p": "database"}.get(self.name, self.name.replace("-", "_"))


KEYS = (
    Key("select", "words", "rules to run: ids, families (BL0), names or ALL", pattern=RULES_PATTERN),
    Key("ignore", "words", "rules to leave out: ids, families, names or ALL", pattern=RULES_PATTERN),
    Key("model", "models", "models of the code base: names of shipped ones, or YAML files"),
    Key("p", "path", "compile_commands.json or its folder"),
    Key("extra-arg", "words", "compiler arguments to add"),
    Key("remove-arg", "words", "compiler arguments to drop, as globs"),
    Key("target", "text", "the machine for commands that name none"),
    Key("features", "text", "hardware: base, ets2, ets3, exs, or several joined by +"),
    Key("compile", "compile", "how files are compiled that no compile database lists; `barrierlint init` writes it"),
    Key("no-confirm", "flag", "do not simulate the findings"),
    Key("baseline", "path", "a baseline: findings it knows are left out"),
    Key("fail-on", "text", "exit with 1 only for this level or worse", choices=("error", "warning", "note")),
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a file says, by the command line's names of options; `path` is the file, "" if there is none."""

    path: str = ""
    values: Mapping[str, object] = field(default_factory=dict)


def find(start: Path) -> Path | None:
    """The nearest configuration at or above `start`, not above a repository's root."""
    folder = start if start.is_dir() else start.parent
    for place in (folder, *folder.parents):
        if (place / NAME).is_file():
            return place / NAME
        if (place / PROJECT).is_file() and _table(place / PROJECT) is not None:
            return place / PROJECT
        if (place / ".git").exists():
            return None
    return None


def load(path: Path) -> Configuration:
    """Read a configuration. Raises ConfigurationError."""
    from barrierlint.compilation import CompilationError

    shown = os.path.relpath(path)
    try:
        if path.suffix == ".toml":
            table = _table(path)
            if table is None:
                raise ConfigurationError(f"{shown}: has no [tool.barrierlint]; add it, or name a YAML file")
            return Configuration(shown, _from_table(table, shown, path.parent))
        return Configuration(shown, _from_yaml(read(path, shown, "a configuration"), path.parent))
    except (ModelError, CompilationError) as error:
        raise ConfigurationError(str(error)) from error


def _from_yaml(root: Node, folder: Path) -> dict[str, object]:
    keys = {key.name: key for key in KEYS}
    values: dict[str, object] = {}
    for node, value in root.pairs():
        if node.text() in _NOT_HERE:
            raise value.error(f"'{node.text()}' has no place in a configuration", _NOT_HERE[node.text()])
    for name, node in root.mapping(keys).items():
        key = keys[name]
        values[key.option] = _value(key, node, folder)
    return values


def _value(key: Key, node: Node, folder: Path) -> object:
    match key.kind:
        case "compile":
            from barrierlint import compilation

            return compilation.read(compilation.from_node(node), str(folder))
        case "flag":
            return node.flag()
        case "text" | "path":
            text = node.choice(key.choices) if key.choices else node.text()
            return _below(folder, text) if key.kind == "path" else text
    items = node.items() if node.kind == "a list" else [node]
    for item in items:
        if not _is_well_formed(key, item.text()):
            raise item.error(f"'{item.text()}' names no rule", "use ids such as BL001, or ALL")
    return _words(key, [item.text() for item in items], folder)


def _is_well_formed(key: Key, word: str) -> bool:
    return not key.pattern or re.fullmatch(key.pattern, word) is not None


def _words(key: Key, words: Sequence[str], folder: Path) -> list[str]:
    return [_model(folder, word) for word in words] if key.kind == "models" else list(words)


def _model(folder: Path, word: str) -> str:
    """A model's name, or its file below the configuration's folder."""
    return _below(folder, word) if word.endswith((".yaml", ".yml")) else word


def _below(folder: Path, path: str) -> str:
    return os.path.relpath(folder / path)


def _table(path: Path) -> Mapping[str, object] | None:
    """`[tool.barrierlint]` of a pyproject.toml, None if it has none."""
    import tomllib

    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{os.path.relpath(path)}: cannot be read ({error}); correct it") from error
    tool = document.get("tool")
    table = tool.get("barrierlint") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None


def _from_table(table: Mapping[str, object], shown: str, folder: Path) -> dict[str, object]:
    keys = {key.name: key for key in KEYS}
    values: dict[str, object] = {}
    for name, value in table.items():
        if name in _NOT_HERE:
            raise ConfigurationError(f"{shown}: [tool.barrierlint]: '{name}' has no place here; {_NOT_HERE[name]}")
        if name not in keys:
            raise ConfigurationError(f"{shown}: [tool.barrierlint]: unknown key '{name}'; {suggest(name, keys)}")
        values[keys[name].option] = _typed(keys[name], value, f"{shown}: [tool.barrierlint] {name}", folder)
    return values


def _typed(key: Key, value: object, where: str, folder: Path) -> object:
    if key.kind == "compile":
        from barrierlint import compilation

        return compilation.read(compilation.from_plain(value, where), str(folder))
    match key.kind, value:
        case "flag", bool():
            return value
        case (("text" | "path"), str()):
            if key.choices and value not in key.choices:
                raise ConfigurationError(f"{where}: '{value}' is not one of {', '.join(key.choices)}")
            return _below(folder, value) if key.kind == "path" else value
        case (("words" | "models"), (str() | list())):
            words = [value] if isinstance(value, str) else value
            if all(isinstance(word, str) for word in words):
                for word in words:
                    if not _is_well_formed(key, word):
                        raise ConfigurationError(f"{where}: '{word}' names no rule; use ids such as BL001, or ALL")
                return _words(key, words, folder)
    wanted = {"flag": "true or false", "text": "text", "path": "a path"}.get(key.kind, "a list of texts")
    raise ConfigurationError(f"{where}: expected {wanted}, found {value!r}")


def schema() -> dict[str, object]:
    """The JSON schema of a configuration, for editors."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "barrierlint's configuration",
        "description": f"{NAME}, or [tool.barrierlint] in {PROJECT}",
        "type": "object",
        "additionalProperties": False,
        "properties": {key.name: _property(key) for key in KEYS},
    }


def _property(key: Key) -> dict[str, object]:
    text: dict[str, object] = {"type": "string", "minLength": 1}
    if key.choices:
        text = {"enum": list(key.choices)}
    if key.pattern:
        text["pattern"] = key.pattern
    match key.kind:
        case "compile":
            from barrierlint import compilation

            return {"description": key.about, **compilation.schema()}
        case "flag":
            return {"description": key.about, "type": "boolean"}
        case "text" | "path":
            return {"description": key.about, **text}
    return {"description": key.about, "oneOf": [text, {"type": "array", "items": text}]}
