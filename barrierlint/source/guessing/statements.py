"""Macros of the assembler that a file uses and that a condition hides: to the preprocessor nothing is wrong with it.

Only what files that are read define counts, and what none of them defines in a part that is read. It does not know
instructions, but for those that trees define for assemblers that lack them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from barrierlint.source import clang_c
from barrierlint.source.clang_c import Unit
from barrierlint.source.wrapping import OPENING

DEFINED = re.compile(rb"\.macro[ \t]+(\w+)")
_STATEMENT = re.compile(
    rb"^" + re.escape(OPENING.encode()) + rb"\s*(?:[\w.$]+\s*:\s*)*([A-Za-z_]\w*)(?!\w|\s*[:=])", re.MULTILINE
)
_INSTRUCTIONS = frozenset(
    b"bti csdb dfb dgh dmb dsb esb gcsb hint isb nop paciasp autiasp psb pssbb sb sev sevl ssbb tsb wfe wfet wfi wfit "
    b"ldp ldr mov mrs msr ret retaa stp str".split()
)


def hidden(unit: Unit, names: dict[int, str], own: str) -> Iterator[tuple[str, int]]:
    """Yield (name, line) of statements of the file `own` that only macros in passed-over parts of `names` define."""
    read: set[bytes] = set()
    passed: set[bytes] = set()
    used: dict[bytes, int] = {}
    for handle, name in names.items():
        text = unit.contents(handle)
        gaps = sorted(clang_c.skipped(unit.handle, handle))
        for found in DEFINED.finditer(text):
            (passed if _within(gaps, found.start()) else read).add(found[1])
        if name == own:
            for found in _STATEMENT.finditer(text):
                if not _within(gaps, found.start()):
                    used.setdefault(found[1], text.count(b"\n", 0, found.start()) + 1)
    for word, line in used.items():
        if word in passed and word not in read and word not in _INSTRUCTIONS:
            yield word.decode(), line


def _within(gaps: Sequence[tuple[int, int]], offset: int) -> bool:
    at = bisect_right(gaps, (offset, 1 << 62)) - 1
    return at >= 0 and gaps[at][0] <= offset < gaps[at][1]
