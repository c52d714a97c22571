"""What an assembly file says after preprocessing: its lines, each with its place and the macros used on it.

What it does not model: anything of what the lines mean; `cfg` reads them.
"""

from __future__ import annotations

from barrierlint.finding import Notification, Span
from barrierlint.frozen import dataclass

SUFFIXES = frozenset({".S", ".s", ".sx"})
"""How the names of assembly files end that are in GNU's syntax."""


@dataclass(frozen=True, slots=True)
class Line:
    """One logical line, C macros expanded. `macros` are those written on it, in order; `span` is the whole line."""

    text: str
    span: Span
    macros: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AssemblyUnit:
    """An assembly file with all it includes, in the assembler's order."""

    path: str
    lines: tuple[Line, ...]
    target: str
    notifications: tuple[Notification, ...] = ()
    includes: tuple[str, ...] = ()
