"""Macros that a file tests and that the tree's build sets: without them the code under its conditions is not read, and
no error tells of it.

What build files say is taken as text (`build`, `kconfig`), the nearest first. It does not know which board or
configuration is built.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator

from barrierlint.source.guessing import build, conditions
from barrierlint.source.guessing.guess import Macro
from barrierlint.source.guessing.ranking import aside
from barrierlint.source.guessing.tree import Tree

MOST = 60
"""Macros of one file that are looked up."""

_PLAIN = re.compile(r"(?:0[xX][0-9a-fA-F]+|\d+)[uUlL]*|[A-Za-z_]\w*")
_OFF = frozenset(("", "0", "n", "no", "false", "off"))
_ON = frozenset(("y", "yes", "true", "on"))


def settings(
    tree: Tree, path: str, included: Iterable[str], configured: Callable[[str], tuple[str, str]]
) -> Iterator[Macro]:
    """Yield a macro for each name that `path` tests, that none of the files `included` defines, and that is set.

    `configured` tells a name's value and where it is said. What only tests or tools set is left out. Of what included
    files test, with a value of their own or without, that counts which makefiles right above `path` set.
    """
    text = tree.text(path)
    texts = [text, *map(tree.text, included)]
    asked = conditions.tested(text)[:MOST]
    for name in asked:
        found, where = configured(name)
        defining = re.compile(rb"#[ \t]*(?:define|undef)[ \t]+" + name.encode() + rb"\b")
        if _counts(found, where, path) and not any(defining.search(one) for one in texts):
            yield _macro(name, found, where)
    near = build.values(tree, os.path.dirname(path))
    tested = {name for one in texts[1:] for name in conditions.tested(one)} if near else set()
    for name, (found, where) in near.items():
        if name in tested and name not in asked and _counts(found, where, path):
            yield _macro(name, found, where)


def _counts(found: str, where: str, path: str) -> bool:
    return found.lower() not in _OFF and _PLAIN.fullmatch(found) is not None and aside(where) <= aside(path)


def _macro(name: str, found: str, where: str) -> Macro:
    return Macro(name, "1" if found.lower() in _ON else found, None, where)
