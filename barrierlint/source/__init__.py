"""From C and C++ files to trees: libclang, compile databases, builtin headers; nothing else imports clang.

`parse` gives a TranslationUnit (see `tree`); `find_database`, `load_database` and `clean_arguments` give it its
arguments. libclang is loaded at the first parse. It does not model assembly files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from barrierlint.source.commands import CompileCommand, SourceError, find_database, load_database
from barrierlint.source.flags import architecture, clean_arguments

if TYPE_CHECKING:
    from barrierlint.source.parsing import parse

__all__ = [
    "CompileCommand",
    "SourceError",
    "architecture",
    "clean_arguments",
    "find_database",
    "load_database",
    "parse",
]


def __getattr__(name: str) -> Any:
    """Load libclang only when something is parsed."""
    if name == "parse":
        from barrierlint.source import parsing

        return parsing.parse
    raise AttributeError(name)
