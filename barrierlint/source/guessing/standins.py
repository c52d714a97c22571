"""Stand-ins for names that no header of the tree defines: the usual value, an unknown one, an attribute of no meaning.

A width or a size is never taken for 1: pages have 4 KB and addresses 48 bits where nothing says otherwise, and what
else is a number of unknown use stays a variable of unknown value.
"""

from __future__ import annotations

import re

from barrierlint.source.guessing import definitions
from barrierlint.source.guessing.changes import Change
from barrierlint.source.guessing.diagnosis import Ill
from barrierlint.source.guessing.guess import Macro

STANDARD = {
    **dict.fromkeys(("size_t", "ptrdiff_t", "NULL", "offsetof", "wchar_t"), "stddef.h"),
    **dict.fromkeys(("bool", "true", "false"), "stdbool.h"),
    **dict.fromkeys(("va_list", "va_start", "va_end", "va_arg"), "stdarg.h"),
    **{f"{sign}int{bits}_t": "stdint.h" for sign in ("u", "") for bits in (8, 16, 32, 64, "ptr", "max")},
    **dict.fromkeys(("CHAR_BIT", "INT_MAX", "UINT_MAX", "LONG_MAX", "ULONG_MAX", "INT_MIN"), "limits.h"),
}
"""Names of the language's own headers."""

_USUAL = (
    (re.compile(r"(?:PAGE|GRANULE)_?(?:SIZE_)?SHIFT$"), "12"),
    (re.compile(r"(?:PAGE|GRANULE)_?SIZE$"), "4096"),
    (re.compile(r"(?:VA|PA|VIRT|PHYS|VIRTUAL|PHYSICAL|ADDR)\w*_(?:BITS|WIDTH)$"), "48"),
    (re.compile(r"PG\w*_LEVELS$"), "4"),
)
_CONSTANT = re.compile(r"_*[A-Z][A-Z0-9_]*")
_NUMERIC = re.compile(r"SHIFT|BITS?(?:_|$)|WIDTH|SIZE|MASK|BASE|ADDR|OFFSET|START|END|LEVEL|ORDER|GRANULE|PFN|_VA|_PA")
_NAMES = {"u": "unsigned", "s": "signed"}
_INTEGERS = {8: "char", 16: "short", 32: "int", 64: "long"}
_TYPES = {
    **{f"{sign}{bits}": f"{word} {kind}" for sign, word in _NAMES.items() for bits, kind in _INTEGERS.items()},
    **{name: f"unsigned {name[1:]}" for name in ("uint", "ulong", "ushort", "uchar")},
    "bool_t": "_Bool",
}
_ATTRIBUTE = "no definition found: taken for an attribute"


def usual(name: str) -> str:
    """Return the usual value of what configures translation; "" for all else."""
    return next((value for pattern, value in _USUAL if pattern.search(name)), "")


def stand_in(name: str, ill: Ill, configured: tuple[str, str], cxx: bool) -> Change | None:
    """Return what to take `name` for; `configured` is a value that makefiles or Kconfig give it, and where."""
    if name in STANDARD:
        return Change(header=f"<{STANDARD[name]}>", why=f"defines {name}")
    if ill in (Ill.TYPE, Ill.SYNTAX) and name.startswith("__") and name.islower():
        return Change((Macro(name, "", None, _ATTRIBUTE),))
    if ill is Ill.TYPE:
        return Change(declaration=f"typedef {_TYPES.get(name, 'unsigned long')} {name};", why="no definition found")
    if ill is Ill.MACRO:
        return Change((Macro(name, "0", "(...)", "no definition found"),))
    if ill is Ill.CALL:
        line = f'extern "C" unsigned long {name}(...);' if cxx else f"unsigned long {name}();"
        return Change(declaration=line, why="no declaration found")
    return _value(name, *configured) if ill is Ill.NAME else None


def _value(name: str, value: str, where: str) -> Change:
    if definitions.number(value) is not None:
        return Change((Macro(name, value, None, where),))
    if usual(name):
        return Change((Macro(name, usual(name), None, "no value found: the usual one"),))
    if _CONSTANT.fullmatch(name) and not _NUMERIC.search(name):
        return Change((Macro(name, "1", None, "no value found"),))
    return Change(declaration=f"extern unsigned long {name};", why="no declaration found: of unknown value")
