"""Names of library functions brought to one form: standard libraries' inner namespaces and classes, template arguments.

`canonical` maps `std::__1::atomic<unsigned long>::store`, `std::__atomic_base<unsigned long>::store` and the like to
`std::atomic::store`. What it does not know: names outside of `std` keep their template arguments.
"""

from __future__ import annotations

import re
from functools import lru_cache

_INNER = re.compile(r"\bstd::(?:__\d+|__cxx11|__ndk1|__detail|__gnu_cxx|_V2)::")
_CLASSES = re.compile(
    r"std::(?:__atomic_base|__atomic_base_impl|__atomic_float|atomic_bool|atomic_flag|_Atomic_\w+|__atomic_flag_base|"
    r"atomic_(?:u?int(?:_(?:least|fast))?\d+_t|u?intptr_t|size_t|ptrdiff_t|u?char|u?short|u?int|u?long|u?llong))(?=::)"
)
_REFERENCES = re.compile(r"std::(?:__atomic_ref|__atomic_ref_base)(?=::)")


@lru_cache(maxsize=65_536)
def canonical(name: str) -> str:
    """Return the name in one form; unknown names come back as they are, apart from blanks and a leading `::`."""
    name = re.sub(r"\s+", " ", name.strip()).removeprefix("::")
    if not name.startswith("std::"):
        return name
    name = _without_arguments(_INNER.sub("std::", name))
    if name.startswith("std::atomic_flag::"):
        return name
    return _REFERENCES.sub("std::atomic_ref", _CLASSES.sub("std::atomic", name))


def _without_arguments(name: str) -> str:
    """Leave out template arguments, but not operators."""
    head, operator, tail = name.partition("::operator")
    result: list[str] = []
    depth = 0
    for char in head:
        depth += char == "<"
        if not depth:
            result.append(char)
        depth -= char == ">" and depth > 0
    return "".join(result) + operator + tail
