"""What tests of `source` share: parsing inline code and walking trees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from barrierlint.source import parse
from barrierlint.source.tree import CallExpression, Function, TranslationUnit

Node = TypeVar("Node")


def read(code: str, name: str = "case.c", *flags: str) -> TranslationUnit:
    """Parse `code` as the file `name` in memory."""
    return parse(Path(name), flags or None, unsaved={name: code})


def function(unit: TranslationUnit, name: str) -> Function:
    """The only function called `name`."""
    found = [one for one in unit.functions if name in (one.name, one.qualified)]
    assert len(found) == 1, [one.qualified for one in unit.functions]
    return found[0]


def walk(node: Any) -> Iterator[Any]:
    """All nodes under `node`, outer first, in order."""
    if isinstance(node, tuple):
        for item in node:
            yield from walk(item)
    elif is_dataclass(node):
        yield node
        for one in fields(node):
            yield from walk(getattr(node, one.name))


def find(node: Any, kind: type[Node]) -> list[Node]:
    """All nodes of `kind` under `node`."""
    return [one for one in walk(node) if isinstance(one, kind)]


def calls(node: Any) -> list[str]:
    """Qualified names of all calls under `node`, outer first."""
    return [one.qualified for one in find(node, CallExpression)]


def kinds(unit: TranslationUnit) -> list[str]:
    """Kinds of all notifications."""
    return [one.kind for one in unit.notifications]
