"""Which names are those of translation table descriptors, by the words they are made of.

Little is imported: files are screened by names before anything is parsed. What it does not model: what a name stands
for.
"""

from __future__ import annotations

import re

NAMES = frozenset(
    [
        "pte",
        "pmd",
        "pud",
        "pgd",
        "p4d",
        "pde",
        "ptent",
        "ptentry",
        "pteval",
        "pmdval",
        "pudval",
        "pgdval",
        "p4dval",
        "lpae",
        "ttb",
        "tte",
        "ttbl",
    ]
)
ENTRIES = frozenset(["entry", "desc", "descriptor", "element", "ent"])
TABLES = frozenset(
    [
        "pt",
        "page",
        "pages",
        "table",
        "xlat",
        "translation",
        "tt",
        "ttb",
        "mmu",
        "pagetable",
        "pgtable",
        "pgtbl",
        "pgt",
        "lpae",
        "vmsa",
        "vmsav8",
        "stage1",
        "stage2",
        "s1",
        "s2",
    ]
)
BESIDE = frozenset(
    [
        "info",
        "flags",
        "flag",
        "prot",
        "attr",
        "attrs",
        "attribute",
        "mask",
        "index",
        "idx",
        "count",
        "offset",
        "cache",
        "list",
        "walk",
        "ops",
        "fn",
        "state",
        "lock",
        "batch",
        "range",
        "size",
        "shift",
        "level",
        "type",
        "kind",
        "ptr",
        "handle",
        "id",
    ]
)


def named_like_descriptor(name: str) -> bool:
    """True for names such as `pte_t`, `lpae_t`, `pt_entry_t`, `mmu::pt_element<0>`, `xlat_desc`; false for
    `pte_flags_t`.
    """
    words = words_of(name)
    if not words or words & BESIDE:
        return False
    if words & NAMES or words <= {"descriptor", "desc", "t"}:
        return bool(words - {"t"})
    return bool(words & ENTRIES and words & TABLES)


def words_of(name: str) -> frozenset[str]:
    """The words of the last part of a name, in lower case: `mmu::PtEntry<0>` is made of `pt` and `entry`."""
    last = name.split("<")[0].split("::")[-1]
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last)
    return frozenset(word for word in spaced.lower().split("_") if word)
