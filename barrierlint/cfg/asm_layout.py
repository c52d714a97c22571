"""The expanded statements of an assembly file in the order the processor meets them: sections joined, labels found,
functions begun.

A function begins at a label that is global, typed as a function, called with BL, or first in a section. Numeric labels
get names of their own. What it does not model: linker scripts, and code in a section that the linker puts elsewhere.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from barrierlint.cfg.asm_text import Statement

ALIGNING = frozenset([".align", ".balign", ".p2align", ".org"])
"""What an entry of a vector table stands behind."""

PASSIVE = frozenset(["", ".globl", ".global", ".weak", ".type", ".local"]) | ALIGNING
"""Statements that are no instructions."""

LOCAL = ".Llocal."
"""What the names given to numeric labels begin with."""

_LOCAL = re.compile(r"(?<![\w.$])(\d+)([bf])(?![\w.$])")
_BEGINS = re.compile(
    r"(\w*(?:ENTRY|FUNC|PROC|LABEL|GLOBAL|START|EXPORT|IMPORT|EXTERN)\w*)\s*\(\s*(?:\w+\s*\(\s*)?([A-Za-z_.$][\w.$]*)"
)
_DECLARES = re.compile(r"\w*(?:EXPORT|IMPORT|EXTERN|GLOBAL)\w*\s*\(")
_ENDS = re.compile(r"\w*(?:END|SIZE)\w*\s*\(|end\w*(?:\s|$)", re.IGNORECASE)
_FUNCTION_WORD = re.compile(r"(?:func|function|entry|proc)\s+([A-Za-z_.$][\w.$]*)(?:\s*,.*)?", re.IGNORECASE)
_ENTRY = re.compile(r"(.+?)\s*-\s*\.")


@dataclass(frozen=True, slots=True)
class Alternative:
    """Instructions that are patched over others where the processor has a `capability`."""

    start: int
    end: int
    instead: int
    instead_end: int
    capability: str


@dataclass(slots=True)
class Layout:
    """Statements by index; `follows[i]` is the index of what is executed after `i` (-1: nothing is there).

    `functions` maps the index of a label to the function that begins there.
    """

    statements: list[Statement] = field(default_factory=list)
    follows: list[int] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    globals: set[str] = field(default_factory=set)
    weak: set[str] = field(default_factory=set)
    functions: dict[int, str] = field(default_factory=dict)
    alternatives: list[Alternative] = field(default_factory=list)
    guessed: dict[str, int] = field(default_factory=dict)


def lay_out(expanded: Iterable[Statement], synonyms: Iterable[str] = ()) -> Layout:
    """Return the layout of an expanded file."""
    layout = Layout()
    taken = [one for statement in expanded for one in _begun(statement, layout)]
    named = _renamed(taken)
    entries = [one.operands[0] for one in named if one.mnemonic == ".alternative"]
    layout.statements = [one for one in named if one.mnemonic != ".alternative"]
    layout.follows = _order(layout.statements)
    for at, statement in enumerate(layout.statements):
        if statement.label:
            layout.labels.setdefault(symbol_of(statement.label), at)
            layout.labels.setdefault(statement.label, at)
    _find_functions(layout, frozenset(synonyms))
    layout.alternatives = list(_alternatives(entries, layout.labels))
    return layout


def symbol_of(label: str) -> str:
    """The symbol of a label that a macro nobody defined is wrapped around: `ASM_PFX(name)`."""
    return label[label.find("(") + 1 : -1] if label.endswith(")") else label


def _begun(statement: Statement, layout: Layout) -> Iterator[Statement]:
    """The statement, or the label it stands for where it is a use of a macro that was not found: `ENTRY(name)`."""
    text = statement.text
    match = _BEGINS.match(text) if "(" in statement.mnemonic or "(" in text[:40] else _FUNCTION_WORD.fullmatch(text)
    if statement.label or statement.mnemonic.startswith(".") or match is None:
        if _ENDS.match(text) and not statement.label and not statement.mnemonic.startswith("."):
            return
        yield statement
        return
    if _ENDS.match(text):
        return
    name = match[match.lastindex or 1]
    if _DECLARES.match(text):
        yield replace(statement, mnemonic=".globl", operands=(name,))
        return
    layout.guessed.setdefault(text.split("(")[0].split()[0], statement.line)
    yield replace(statement, mnemonic=".globl", operands=(name,))
    yield replace(statement, mnemonic="", operands=(), label=name)


def _renamed(statements: Sequence[Statement]) -> list[Statement]:
    """Statements with numeric labels, and what refers to them, renamed."""
    places: dict[str, list[int]] = {}
    for at, statement in enumerate(statements):
        if statement.label.isdigit():
            places.setdefault(statement.label, []).append(at)

    def name(match: re.Match[str], at: int) -> str:
        known = places.get(match[1], [])
        found = bisect_left(known, at) - 1 if match[2] == "b" else bisect_right(known, at)
        return local_name(match[1], known[found]) if 0 <= found < len(known) else match[0]

    result: list[Statement] = []
    for at, statement in enumerate(statements):
        if statement.label.isdigit():
            statement = replace(statement, label=local_name(statement.label, at))
        elif any(_LOCAL.search(operand) for operand in statement.operands):
            operands = (_LOCAL.sub(lambda match, at=at: name(match, at), text) for text in statement.operands)  # type: ignore[misc]
            statement = replace(statement, operands=tuple(operands))
        result.append(statement)
    return result


def local_name(number: str, at: int) -> str:
    """The name of a numeric label."""
    return f"{LOCAL}{number}.{at}"


def _order(statements: Sequence[Statement]) -> list[int]:
    """For each statement the next of its section, subsections in order."""
    sections: dict[str, dict[str, list[int]]] = {}
    for at, statement in enumerate(statements):
        name, _, part = statement.section.rpartition("|")
        sections.setdefault(name, {}).setdefault(part, []).append(at)
    follows = [-1] * len(statements)
    for parts in sections.values():
        order = [at for part in sorted(parts) for at in parts[part]]
        for at, after in pairwise(order):
            follows[at] = after
    return follows


def _find_functions(layout: Layout, synonyms: frozenset[str]) -> None:
    typed: dict[str, bool] = {}
    called: set[str] = set(synonyms)
    for statement in layout.statements:
        name = statement.operands[0] if statement.operands else ""
        match statement.mnemonic:
            case ".globl" | ".global" | ".weak":
                layout.globals.update(statement.operands)
                if statement.mnemonic == ".weak":
                    layout.weak.update(map(symbol_of, statement.operands))
            case ".type" if len(statement.operands) > 1:
                typed[name] = "func" in statement.operands[1].lower()
            case ".type" if name.strip():
                typed[name.split()[0]] = "func" in name.lower()
            case "bl":
                called.add(name)
    layout.globals = {symbol_of(name) for name in layout.globals}
    begins = {symbol_of(name) for name in called | layout.globals | {name for name, yes in typed.items() if yes}}
    begins -= {symbol_of(name) for name, yes in typed.items() if not yes and name not in called | layout.globals}
    for at, statement in enumerate(layout.statements):
        name = symbol_of(statement.label)
        if name in begins and layout.labels.get(name) == at and not (is_data(layout, at) and not typed.get(name)):
            layout.functions[at] = name
    for at in _first_labels(layout):
        layout.functions.setdefault(at, symbol_of(layout.statements[at].label))


def is_data(layout: Layout, at: int) -> bool:
    """Whether what stands behind a label is no instruction."""
    while at >= 0 and layout.statements[at].mnemonic in PASSIVE:
        at = layout.follows[at]
    return at >= 0 and layout.statements[at].mnemonic in (".data", ".unknown")


def _first_labels(layout: Layout) -> Iterator[int]:
    """The first label of each section where no function begins before it."""
    seen: set[str] = set()
    for at, statement in enumerate(layout.statements):
        section = statement.section
        if section in seen or (statement.mnemonic in PASSIVE and not statement.label):
            continue
        if statement.label.startswith(".L"):
            continue
        seen.add(section)
        first = layout.labels.get(symbol_of(statement.label)) == at
        if first and at not in layout.functions and not is_data(layout, at):
            yield at


def _alternatives(entries: Sequence[str], labels: dict[str, int]) -> Iterator[Alternative]:
    """Entries of the table that says what is patched over what: two addresses, a capability, two lengths."""
    at = 0
    while at + 4 < len(entries):
        first, second = _ENTRY.fullmatch(entries[at]), _ENTRY.fullmatch(entries[at + 1])
        lengths = [one.split("-") for one in entries[at + 3 : at + 5]]
        names = [first[1] if first else "", second[1] if second else "", *(one[0].strip() for one in lengths)]
        places = [labels.get(name.strip("() "), -1) for name in names]
        if first is None or second is None or min(places) < 0:
            at += 1
            continue
        start, instead, end, instead_end = places
        yield Alternative(start, end, instead, instead_end, entries[at + 2].strip("() "))
        at += 5
