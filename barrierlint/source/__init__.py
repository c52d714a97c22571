"""From C and C++ files to trees, and from assembly files to lines: libclang, compile databases, builtin headers;
nothing else imports clang.

`parse` gives a TranslationUnit (see `tree`), `read_assembly` an AssemblyUnit (see `lines`), `read` whichever a file's
name asks for; `find_database`, `load_database` and `clean_arguments` give them their arguments. libclang is loaded at
the first parse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from barrierlint.source.commands import CompileCommand, SourceError, find_database, load_database
from barrierlint.source.flags import architecture, clean_arguments

if TYPE_CHECKING:
    from barrierlint.source.assembly import read, read_assembly
    from barrierlint.source.parsing import parse

__all__ = [
    "CompileCommand",
    "SourceError",
    "architecture",
    "clean_arguments",
    "find_database",
    "load_database",
    "parse",
    "read",
    "read_assembly",
]


def __getattr__(name: str) -> Any:
    """Load libclang only when something is parsed."""
    if name == "parse":
        from barrierlint.source import parsing

        return parsing.parse
    if name in ("read", "read_assembly"):
        from barrierlint.source import assembly

        return getattr(assembly, name)
    raise AttributeError(name)
