"""Globs over qualified names and types: `*` is any text, `?` one character, everything else itself.

A name is tried as written, with its template arguments left out (`mmu::hw_ptep::write`), and without parameters;
blanks do not matter. What it does not do: match a name by its last part only; write `*::write` for that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_BLANKS = re.compile(r"\s+")
_LOOSE = re.compile(r" ?([<>,*&():]) ?")
_ELABORATED = re.compile(r"\b(?:const|volatile|struct|class|union|enum|typename|_Atomic|__ptr64)\b ?")
_ATOMIC = re.compile(r"(?:std::(?:\w+::)?atomic(?:_ref)?<(.*)>|_Atomic\((.*)\))")
_PARAMETERS = re.compile(r"(.*\w|.*>|.*operator\(\))(\([^()]*(?:\([^()]*\)[^()]*)*\)(?: ?const)?)")
_INLINE = re.compile(r"\bstd::__\w+::")


@dataclass(frozen=True, slots=True)
class Glob:
    """A compiled pattern; `text` is as written."""

    text: str
    source: str = field(init=False, repr=False, compare=False)
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = re.split(r"([*?])", _tidy(self.text).removeprefix("::"))
        source = "".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in parts)
        object.__setattr__(self, "source", source)
        object.__setattr__(self, "_pattern", re.compile(source, re.DOTALL))

    def matches(self, names: tuple[str, ...]) -> bool:
        """Whether one of the spellings matches as a whole."""
        return any(self._pattern.fullmatch(name) for name in names)


def union(globs: Iterable[Glob]) -> re.Pattern[str]:
    """One pattern for many globs: tells at once that none matches."""
    return re.compile("|".join(f"(?:{glob.source})" for glob in globs) or r"(?!)", re.DOTALL)


def _tidy(name: str) -> str:
    return _LOOSE.sub(r"\1", _BLANKS.sub(" ", name.strip()))


def spellings(qualified: str) -> tuple[str, ...]:
    """The spellings of a function's name that globs are tried on, most exact first."""
    full = _tidy(qualified).removeprefix("::")
    names = [full, without_parameters(full)]
    names += [without_templates(name) for name in names]
    return tuple(dict.fromkeys(names))


def type_spellings(name: str) -> tuple[str, ...]:
    """The spellings of a type that globs are tried on: unqualified, inside `atomic`, without template arguments."""
    plain = _tidy(_INLINE.sub("std::", _ELABORATED.sub("", name))).removeprefix("::").strip()
    names = [plain]
    if inner := _ATOMIC.fullmatch(plain):
        names.append(_tidy(inner[1] or inner[2]))
    elif plain.startswith("(") and plain.endswith(")"):
        names.append(plain[1:-1])
    names += [without_templates(spelling) for spelling in names]
    return tuple(dict.fromkeys(spelling for spelling in names if spelling))


def without_templates(name: str) -> str:
    """Leave out template arguments: `mmu::hw_ptep<0>::write` becomes `mmu::hw_ptep::write`. Operators keep their
    names.
    """
    head, operator, tail = name.partition("operator")
    if operator and re.match(r"[<>\-=]", tail):
        return _strip(head) + operator + tail
    return _strip(name)


def _strip(name: str) -> str:
    result: list[str] = []
    depth = 0
    for char in name:
        if char == "<":
            depth += 1
        elif char == ">" and depth:
            depth -= 1
        elif not depth:
            result.append(char)
    return "".join(result) if not depth else name


def without_parameters(name: str) -> str:
    """Leave out the parameter list: `f(int) const` becomes `f`. `operator()` and `(anonymous namespace)` stay."""
    match = _PARAMETERS.fullmatch(name)
    return match[1] if match and not match[2].startswith("(anonymous") else name
