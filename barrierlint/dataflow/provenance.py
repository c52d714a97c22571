"""Provenance of addresses: which symbols an address points from, and which input address indexes a descriptor's place.

What it does not model: addresses put together from the bits of two others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from barrierlint.dataflow.memory import root
from barrierlint.dataflow.values import COMPARISONS
from barrierlint.terms import AddressOf, Apply, Const, Element, Field, Name, Term, Unknown

PAGE_SHIFTS = (12, 14, 16)
"""Of the 4, 16 and 64 KiB granules (DDI 0487 D8.2)."""
_TOP = 18
"""The lowest shift of a level with fewer entries than fill a page: 30 - 12, of a page's number."""
_PAGE_SIZES = tuple(1 << shift for shift in PAGE_SHIFTS)


@lru_cache(maxsize=1 << 16)
def bases(term: Term) -> tuple[Term, ...]:
    """The leaves an *address* points from: offsets (indices, products, shifts left) and constants are left out."""
    return tuple(_bases(term))


def _bases(term: Term) -> Iterator[Term]:
    match term:
        case Const() | Apply("*" | "<<" | ">>" | ">>s" | "%" | "/", _):
            return
        case Apply("load", _) | Name() | Unknown() | AddressOf():
            yield term
        case Apply("-", (left, _)):
            yield from _bases(left)
        case Apply("&", (left, right)):
            yield from _bases(right if isinstance(left, Const) else left)
        case Apply("?:", (_, yes, no)):
            yield from _bases(yes)
            yield from _bases(no)
        case Apply(op, args):
            if op not in COMPARISONS and op not in ("!", "&&", "||"):
                for arg in args:
                    yield from _bases(arg)
        case Field(base, _) | Element(base, _, _):
            yield from _bases(base)


def walk_index(location: Term) -> Term | None:
    """The input address a descriptor's place is indexed by: `va` of `table[(va >> 12) & 511]`, if it has that shape."""
    match location:
        case Element(_, index, _):
            return indexed_by(index)
        case Apply("+", (_, Apply("*" | "<<", (index, Const())))):
            return indexed_by(index)
        case Field(base, _):
            return walk_index(base)
    return None


def walk_shift(location: Term) -> int | None:
    """The shift of the address bits that index a descriptor's place: 12, 21, 30, 39 with 4 KiB granules."""
    if walk_index(location) is None:
        return None
    pending = [location]
    while pending:
        match pending.pop():
            case Apply(">>" | ">>s", (_, Const(shift))):
                return shift
            case Element(_, index, _):
                pending.append(index)
            case Field(base, _):
                pending.append(base)
            case Apply(_, args):
                pending.extend(reversed(args))
    return None


def indexed_by(index: Term) -> Term | None:
    """The address whose bits an index is made of, if it has that shape."""
    match index:
        case Apply("zext 32" | "sext 32" | "zext 16", (inner,)):
            return indexed_by(inner)
        case Apply("&", (Apply(">>" | ">>s", (address, shift)), mask)) if not isinstance(address, Const):
            return address if _is_index_mask(mask, shift) else None
        case Apply("&", (mask, Apply(">>" | ">>s", (address, shift)))) if not isinstance(address, Const):
            return address if _is_index_mask(mask, shift) else None
        case Apply(">>" | ">>s", (Apply("&", (address, Const(mask))), Const(shift))):
            return address if _is_index_mask(Const(mask >> shift), Const(shift)) else None
        case Apply(">>" | ">>s", (Apply("&", (address, _)), _)):
            return address
        case Apply("&", (Apply("zext 32" | "sext 32", (inner,)), mask)):
            return indexed_by(Apply("&", (inner, mask)))
        case Apply("%", (Apply(">>" | "/", (address, _)), _)):
            return address
    return None


def maps_by_number(place: Term, address: Term) -> bool:
    """Whether a descriptor lies in its table where a page lies in a window whose address is known when the program is
    built: `table[n]`, and `0x8000_0000 + n * 4096`. Differences of constants are not looked at.
    """
    if not isinstance(place, Element) or (number := _symbolic(place.index)) is None:
        return False
    return number == _page_number(root(address))


def _page_number(address: Term) -> Term | None:
    match address:
        case Apply("+", (Const(), inner)) | Apply("+" | "-", (inner, Const())):
            return _page_number(inner)
        case Apply("-", (Const(), inner)):
            return _page_number(inner)
        case Apply("<<", (number, Const(shift))) if shift in PAGE_SHIFTS:
            return _symbolic(number)
        case Apply("*", (number, Const(size)) | (Const(size), number)) if size in _PAGE_SIZES:
            return _symbolic(number)
    return None


def _symbolic(number: Term) -> Term | None:
    """A number without the constants added to it, and without conversions; None if nothing else is left."""
    match number:
        case Apply("+", (Const(), inner)) | Apply("+" | "-", (inner, Const())):
            return _symbolic(inner)
        case Apply(op, (inner,)) if op.startswith(("zext", "sext")):
            return _symbolic(inner)
    return None if isinstance(number, Const) else number


def common_index(values: Iterable[Term], symbol: Term) -> Term | None:
    """What indices of one address have in common, `symbol` for the bits they take: of `va >> 39 & 511` and
    `va >> 30 & 511` the index by some bits of `va`. None if they are not all indices of one address.
    """
    addresses = {indexed_by(value) for value in values}
    address = addresses.pop() if len(addresses) == 1 else None
    return None if address is None else Apply("&", (Apply(">>", (address, symbol)), symbol))


def _is_index_mask(mask: Term, shift: Term) -> bool:
    """511, 2047, 8191, the smaller ones of top levels, and 255 of AArch32's; an unknown mask may be any of them."""
    if not isinstance(mask, Const):
        return True
    if mask.value < 511 and isinstance(shift, Const) and shift.value < _TOP:
        return (mask.value, shift.value) == (255, 12)
    return mask.value & (mask.value + 1) == 0 and mask.value < 1 << 16


def is_parameter(base: Term) -> bool:
    """Whether a symbol is what a function was handed: not its object, nor a value it loaded, called for or merged."""
    return isinstance(base, Unknown) and not base.id.startswith(("%", "@", "φ", "large:", "sysreg:", "elsewhere"))


_RESULT = re.compile(r"(?:@\d+\.\d+/)*@\d+\.\d+(?:/zeroed)?(?:/table|/mmu-on)?~*")


def is_result(base: Term) -> bool:
    """Whether a symbol is what a call gave."""
    return isinstance(base, Unknown) and _RESULT.fullmatch(base.id) is not None
