"""Which sources of a tree hold page-table code: by words that hardly stand anywhere else."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from barrierlint.inputs import SUFFIXES, sources_under
from barrierlint.source.guessing.ranking import apart, architecture

MOST = 40
"""Files that one configuration is made from."""

_TELLING = re.compile(
    rb"\b(?:TTBR[01]\w*|ttbr[01]\w*|TLBI|tlbi\w*|flush_tlb\w*|set_pte\w*|write_pte\w*|\w*pte_t|\w*pgd\w*|lpae\w*|\w*xlat_desc\w*|"
    rb"vmalle1\w*|dsb\w*|DSB\w*|isb|ISB|TCR_EL\d|tcr_el\d|MAIR\w*)\b"
)


def sources(root: str, paths: Sequence[str]) -> list[str]:
    """Return the files named, and of folders those with the most page-table code."""
    named = [path for path in paths if os.path.isfile(path)]
    weighed = []
    for folder in (path for path in paths if os.path.isdir(path)):
        for path in sources_under(folder):
            inside = os.path.relpath(os.path.realpath(path), root)
            weight = 0 if _elsewhere(inside) else _weight(path)
            if weight:
                weighed.append((architecture(os.path.dirname(inside)) != 0, -weight, path))
    return [*dict.fromkeys((*named, *(path for _, _, path in sorted(weighed)[:MOST])))]


def _elsewhere(inside: str) -> bool:
    folder = os.path.dirname(inside)
    return architecture(folder) == 3 or apart(folder) > 0 or os.path.splitext(inside)[1] not in SUFFIXES


def _weight(path: str) -> int:
    """How many different telling words a file holds, 0 for fewer than three."""
    try:
        with open(path, "rb") as file:
            words = set(_TELLING.findall(file.read(1 << 20)))
    except OSError:
        return 0
    return len(words) if len(words) > 2 else 0
