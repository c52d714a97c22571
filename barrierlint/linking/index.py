"""A cheap look at many files: which functions each defines, and which names their bodies hold.

Only text is looked at, comments and strings taken out; nothing is preprocessed. So it is a guess, good enough to choose
which files are worth parsing: macros that make names hide calls, and a local variable may pass for a function.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from barrierlint.frozen import dataclass
from barrierlint.source.lines import SUFFIXES

_NOISE = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_]\w*")
_DEFINITION = re.compile(
    r"\b([A-Za-z_]\w*)\s*\((?:[^(){};]++|\([^(){};]*+\))*+\)\s*+"
    r"(?:(?:const|noexcept|override|final|volatile|__\w+(?:\([^(){};]*+\))?)\s*+)*+(?::(?!:)[^;{}]*+)?\{"
)
_USED = re.compile(r"([A-Za-z_]\w*)\s*\(|[=&]\s*([A-Za-z_]\w*)\s*[,;})]")
_KEYWORDS = frozenset(
    ("if", "for", "while", "switch", "catch", "return", "sizeof", "do", "else", "asm", "__asm__", "defined", "alignas")
)
_SYMBOL = re.compile(r"\.globa?l\s+([A-Za-z_]\w*)|\b\w*(?:ENTRY|FUNC|PROC|entry|func)\w*[ \t(]+([A-Za-z_]\w*)")
_BARRIER = re.compile(r"\b(?:dsb|isb|dmb|tlbi|msr|ttbr[01]_el[123])\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Definition:
    """A function as text: its name and file, the names in its body and of those what is called or has its address
    taken, and whether instructions that order may be there.
    """

    name: str
    file: str
    words: frozenset[str]
    uses: frozenset[str]
    orders: bool


def definitions(file: str, text: str) -> list[Definition]:
    """Return the functions that `text` of `file` defines; what stands between two belongs to the first, and all of an
    assembly file to each of its symbols.
    """
    plain = _NOISE.sub(" ", text)
    if file.endswith(tuple(SUFFIXES)):
        words = frozenset(_WORD.findall(plain))
        names = dict.fromkeys(one[1] or one[2] for one in _SYMBOL.finditer(plain))
        return [Definition(name, file, words, words, bool(_BARRIER.search(text))) for name in names]
    starts = [found for found in _DEFINITION.finditer(plain) if found[1] not in _KEYWORDS]
    ends = [found.start() for found in starts[1:]] + [len(plain)]
    orders = bool(_BARRIER.search(text))  # instructions are in strings
    found: list[Definition] = []
    for start, end in zip(starts, ends, strict=False):
        words = frozenset(_WORD.findall(plain, start.end(), end))
        uses = frozenset(one[1] or one[2] for one in _USED.finditer(plain, start.end(), end))
        found.append(Definition(start[1], file, words, uses, orders and _orders(words)))
    return found


def _orders(words: frozenset[str]) -> bool:
    """Whether a body may hold an instruction that orders: inline assembly, or a barrier by its name."""
    if not words.isdisjoint(("asm", "__asm__", "__asm")):
        return True
    return any(_BARRIER.fullmatch(word) for word in words)


def read(files: Iterable[str]) -> list[Definition]:
    """Return the functions of all `files` that can be read."""
    found: list[Definition] = []
    for file in files:
        try:
            text = Path(file).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        found += definitions(file, text)
    return found
