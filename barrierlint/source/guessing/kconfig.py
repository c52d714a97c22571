"""Kconfig, read far enough to know what an AArch64 build of the tree would most likely be configured as.

Symbols are worked out from defaults, selections, dependencies and choices, starting from the symbols that stand for
AArch64 and from the defconfig that fits best, to a fixed point. Nothing is executed: what `$(shell …)` would give
counts as no. It does not model tristates (m counts as y), ranges, or visibility by prompts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import field
from functools import lru_cache

from barrierlint.frozen import dataclass
from barrierlint.source.guessing.ranking import AARCH64, architecture, rank
from barrierlint.source.guessing.tree import Tree

ROUNDS = 12
MOST_FILES = 6000
_ROOT = re.compile(r"Kconfig(?:\.(?:zephyr|main|top))?|Config\.(?:uk|in)")
_NUMERIC = re.compile(r"-?\d+|0[xX][0-9a-fA-F]+")
_STANDS = re.compile(r"(?:ARCH_|CPU_|TARGET_|HOST_)?(?:ARM_?64|AARCH64|ARM64_CPU|ARMV8_?A?|ARM_64)(?:_?A)?")
_TOKEN = re.compile(r'\s*(&&|\|\||!=|<=|>=|[=!<>()]|"[^"]*"|\'[^\']*\'|\$\([^)]*\)+|[\w.\-/$]+)')
_BOOLEAN = ("bool", "boolean", "tristate", "def_bool", "def_tristate")


@dataclass(slots=True)
class Symbol:
    """A symbol: its kind, what it defaults to and selects under which conditions, and what it depends on."""

    name: str
    kind: str = "bool"
    where: str = ""
    defaults: list[tuple[str, str]] = field(default_factory=list)
    depends: list[list[str]] = field(default_factory=list)
    selects: list[tuple[str, str]] = field(default_factory=list)
    choice: int = 0


@dataclass(slots=True)
class Menu:
    """All symbols of a tree, and its choices: number to (default under condition, members)."""

    symbols: dict[str, Symbol] = field(default_factory=dict)
    choices: dict[int, tuple[list[tuple[str, str]], list[str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Solved:
    """A tree's symbols with their values."""

    values: dict[str, str]
    menu: Menu


def value(tree: Tree, near: str, name: str) -> tuple[str, str]:
    """Return what `name`, such as CONFIG_ARM64, is configured as and where that is said; ("", "") if nothing is."""
    root = _root(tree, near)
    if root is None:
        return "", ""
    values, menu = _solved(tree, root, near)
    short = name.removeprefix("CONFIG_")
    found = values.get(short, "")
    if found in ("", "n") or short not in menu.symbols:
        return "", ""
    return found, menu.symbols[short].where


def configured(tree: Tree, near: str) -> dict[str, tuple[str, str]]:
    """Return all symbols that are set: value and place by the macro's name, `CONFIG_…`."""
    root = _root(tree, near)
    if root is None:
        return {}
    values, menu = _solved(tree, root, near)
    return {
        f"CONFIG_{name}": ("1" if found == "y" else found, menu.symbols[name].where)
        for name, found in values.items()
        if found not in ("", "n")
    }


def _root(tree: Tree, near: str) -> str | None:
    """The outermost Kconfig file above a folder."""
    return next(iter(reversed(list(tree.ascending(near, _ROOT)))), None)


def _solved(tree: Tree, root: str, near: str) -> tuple[dict[str, str], Menu]:
    known = tree.remembered.get(root)
    if not isinstance(known, _Solved):
        menu = read(tree, root)
        known = tree.remembered[root] = _Solved(solve(menu, _given(tree, menu, root, near)), menu)
    return known.values, known.menu


# --- reading ---------------------------------------------------------------------------------------------------------


def read(tree: Tree, root: str) -> Menu:
    """Return the symbols of the Kconfig file `root` and all it sources."""
    reader = _Reader(tree, os.path.dirname(root))
    reader.file(root, [])
    return reader.menu


class _Reader:
    """Reads Kconfig files line by line: blocks are entries, `if`, `menu` and `choice` enclose them."""

    def __init__(self, tree: Tree, base: str) -> None:
        self.tree, self.base, self.menu = tree, base, Menu()
        self.seen: set[str] = set()

    def file(self, path: str, outer: list[str]) -> None:
        """Read one file; `outer` are the conditions that hold for all of it."""
        if path in self.seen or len(self.seen) > MOST_FILES:
            return
        self.seen.add(path)
        held: list[tuple[str, list[str], int]] = [("file", list(outer), 0)]
        symbol: Symbol | None = None
        for number, line in _lines(self.tree.text(path).decode("utf-8", "replace")):
            words = line.split(None, 1)
            word, rest = words[0], words[1].strip() if len(words) > 1 else ""
            if word in ("config", "menuconfig"):
                symbol = self._symbol(rest.split()[0] if rest else "", f"{path}:{number}", held)
            elif word in ("if", "menu", "choice", "comment", "mainmenu", "endif", "endmenu", "endchoice"):
                symbol = None
                self._block(word, rest, held)
            elif word in ("source", "rsource", "osource", "orsource", "gsource"):
                symbol = None
                conditions = [one for _, some, _ in held for one in some]
                for found in self._sources(rest.strip("\"'"), word, path):
                    self.file(found, conditions)
            elif word == "depends" and symbol is None and held[-1][0] in ("menu", "choice"):
                held[-1][1].append(rest.removeprefix("on").strip())
            elif word == "default" and symbol is None and held[-1][0] == "choice":
                chosen, _, condition = rest.partition(" if ")
                self.menu.choices[held[-1][2]][0].append((chosen.strip(), condition.strip()))
            elif symbol is not None:
                _attribute(symbol, word, rest)

    def _symbol(self, name: str, where: str, held: list[tuple[str, list[str], int]]) -> Symbol:
        found = self.menu.symbols.setdefault(name, Symbol(name, where=where))
        found.depends.append([one for _, some, _ in held for one in some])
        number = next((number for word, _, number in reversed(held) if word == "choice"), 0)
        if number and name not in self.menu.choices[number][1]:
            found.choice = number
            self.menu.choices[number][1].append(name)
        return found

    def _block(self, word: str, rest: str, held: list[tuple[str, list[str], int]]) -> None:
        if word.startswith("end"):
            if len(held) > 1:
                held.pop()
        elif word == "if":
            held.append(("if", [rest], 0))
        elif word == "choice":
            number = len(self.menu.choices) + 1
            self.menu.choices[number] = ([], [])
            held.append(("choice", [], number))
        elif word == "menu":
            held.append(("menu", [], 0))

    def _sources(self, name: str, word: str, path: str) -> Iterator[str]:
        """The files that a `source` names, with a variable taken for whatever leads to a file, AArch64's first."""
        base = os.path.dirname(path) if word in ("rsource", "orsource") else self.base
        pattern = re.sub(r"\$[({]\w+[)}]|\$\w+|\*", "*", name)
        joined = os.path.normpath(os.path.join(base, pattern.removeprefix("*/")))
        if "*" not in joined:
            if self.tree.text(joined):
                yield joined
            return
        shape = re.compile("[^/]*".join(re.escape(part) for part in joined.split("*")))
        same = self.tree.names.get(os.path.basename(joined), []) if "*" not in os.path.basename(joined) else []
        found = [one for one in same if shape.fullmatch(one) and architecture(os.path.dirname(one)) != 3]
        found.sort(key=lambda one: (architecture(os.path.dirname(one)), rank(one, base)))
        yield from found if "*" in name else found[:1]


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that say something: help texts and comments left out, continued lines joined."""
    help_indent = -1
    started, joined = 0, ""
    for number, raw in enumerate(text.expandtabs(8).split("\n"), 1):
        line = joined + raw
        indent = len(raw) - len(raw.lstrip())
        if help_indent >= 0 and raw.strip() and not joined:
            if help_indent == 0:
                help_indent = indent or -1
            if help_indent > 0 and indent >= help_indent:
                continue
            help_indent = -1
        if help_indent >= 0 or not line.strip() or line.lstrip().startswith("#"):
            continue
        if raw.endswith("\\"):
            started, joined = started or number, line[:-1] + " "
            continue
        joined = ""
        if line.strip() in ("help", "---help---"):
            help_indent = 0
        else:
            yield started or number, line.strip()
        started = 0


def _attribute(symbol: Symbol, word: str, rest: str) -> None:
    """Take in one line of a symbol's block."""
    if word in ("bool", "boolean", "tristate", "int", "hex", "string"):
        symbol.kind = word
    elif word in ("def_bool", "def_tristate", "def_int", "def_hex", "def_string"):
        symbol.kind = word.removeprefix("def_")
        symbol.defaults.append(_under(rest))
    elif word == "default":
        symbol.defaults.append(_under(rest))
    elif word == "depends" and symbol.depends:
        symbol.depends[-1].append(rest.removeprefix("on").strip())
    elif word in ("select", "imply"):
        symbol.selects.append(_under(rest))


def _under(rest: str) -> tuple[str, str]:
    chosen, _, condition = rest.partition(" if ")
    return chosen.strip().strip("\"'"), condition.strip()


# --- solving ---------------------------------------------------------------------------------------------------------


def _given(tree: Tree, menu: Menu, root: str, near: str) -> dict[str, str]:
    """What is set from the start: the symbols that stand for AArch64, and the defconfig that fits best."""
    given = {name: "y" for name, one in menu.symbols.items() if _STANDS.fullmatch(name) and one.kind in _BOOLEAN}
    for path in _defconfigs(tree, os.path.dirname(root), near)[:1]:
        for name, found in _lines_of(tree, path, 0):
            if name in menu.symbols:
                given[name] = found
    return given


def _lines_of(tree: Tree, path: str, depth: int) -> Iterator[tuple[str, str]]:
    """What a defconfig sets, those that it includes first."""
    text = tree.text(path).decode("utf-8", "replace")
    for included in re.findall(r"^#include <(.+)>", text, re.MULTILINE) if depth < 8 else ():
        yield from _lines_of(tree, os.path.normpath(included), depth + 1)
    for name, found in re.findall(r"^CONFIG_(\w+)=(.*)$", text, re.MULTILINE):
        yield name, found.strip().strip('"')


def _defconfigs(tree: Tree, base: str, near: str) -> list[str]:
    paths = [one for name, some in tree.names.items() if name.endswith("defconfig") for one in some]
    paths = [one for one in paths if one.startswith(base) and any(word in one.lower() for word in AARCH64)]
    return sorted(
        paths,
        key=lambda one: (
            architecture(one) != 0,
            "qemu" not in one and "/configs/defconfig" not in one,
            len(os.path.basename(one)),
            rank(one, near),
        ),
    )


def solve(menu: Menu, given: dict[str, str]) -> dict[str, str]:
    """Return the value of each symbol: `y`, `n`, a number or text."""
    values: dict[str, str] = {}
    for _ in range(ROUNDS):
        selected = {
            target
            for one in menu.symbols.values()
            if values.get(one.name, "n") not in ("n", "")
            for target, condition in one.selects
            if holds(condition, values)
        }
        fresh = {name: _settled(one, values, given, selected) for name, one in menu.symbols.items()}
        _choose(menu, fresh, given)
        if fresh == values:
            break
        values = fresh
    return values


def _settled(one: Symbol, values: dict[str, str], given: dict[str, str], selected: set[str]) -> str:
    if one.name in selected and one.kind in _BOOLEAN:
        return "y"
    met = any(all(holds(condition, values) for condition in some) for some in one.depends) if one.depends else True
    if not met:
        return "n" if one.kind in _BOOLEAN else ""
    if one.name in given:
        return "y" if given[one.name] == "m" else given[one.name]
    for chosen, condition in one.defaults:
        if holds(condition, values):
            if one.kind in _BOOLEAN:
                return "y" if holds(chosen, values) else "n"
            return values.get(chosen, chosen) if not _NUMERIC.fullmatch(chosen) else chosen
    return "n" if one.kind in _BOOLEAN else ""


def _choose(menu: Menu, values: dict[str, str], given: dict[str, str]) -> None:
    """Leave one member of each choice set: a given one, else the default, else the first that may be."""
    for number, (defaults, members) in menu.choices.items():
        possible = [
            name
            for name in members
            if menu.symbols[name].choice == number
            and any(all(holds(one, values) for one in some) for some in menu.symbols[name].depends)
        ]
        wanted = [name for name in possible if given.get(name) == "y"]
        wanted += [name for name, condition in defaults if name in possible and holds(condition, values)]
        chosen = next(iter([*wanted, *possible]), "")
        for name in members:
            values[name] = "y" if name == chosen else "n"


def holds(condition: str, values: dict[str, str]) -> bool:
    """Return whether a Kconfig expression is true; what cannot be understood is not."""
    if not condition:
        return True
    words = _split(condition)
    try:
        truth, rest = _either(words, values)
    except (IndexError, ValueError):
        return False
    return truth and not rest


@lru_cache(maxsize=50_000)
def _split(condition: str) -> list[str]:
    return _TOKEN.findall(condition)


def _either(words: list[str], values: dict[str, str]) -> tuple[bool, list[str]]:
    truth, rest = _both(words, values)
    while rest and rest[0] == "||":
        other, rest = _both(rest[1:], values)
        truth = truth or other
    return truth, rest


def _both(words: list[str], values: dict[str, str]) -> tuple[bool, list[str]]:
    truth, rest = _single(words, values)
    while rest and rest[0] == "&&":
        other, rest = _single(rest[1:], values)
        truth = truth and other
    return truth, rest


def _single(words: list[str], values: dict[str, str]) -> tuple[bool, list[str]]:
    word, rest = words[0], words[1:]
    if word == "!":
        truth, rest = _single(rest, values)
        return not truth, rest
    if word == "(":
        truth, rest = _either(rest, values)
        if rest[:1] != [")"]:
            raise ValueError(word)
        return truth, rest[1:]
    if len(rest) > 1 and rest[0] in ("=", "!=", "<", ">", "<=", ">="):
        return _compared(_meaning(word, values), rest[0], _meaning(rest[1], values)), rest[2:]
    return _meaning(word, values) in ("y", "m"), rest


def _meaning(word: str, values: dict[str, str]) -> str:
    if word[0] in "\"'":
        return word[1:-1]
    if word.startswith("$"):
        return "n"
    if word in ("y", "n", "m") or _NUMERIC.fullmatch(word):
        return word
    return values.get(word, "n")


def _compared(left: str, operator: str, right: str) -> bool:
    if operator in ("=", "!="):
        return (left == right) == (operator == "=")
    if not (_NUMERIC.fullmatch(left) and _NUMERIC.fullmatch(right)):
        return False
    one, other = int(left, 0), int(right, 0)
    return {"<": one < other, ">": one > other, "<=": one <= other, ">=": one >= other}[operator]
