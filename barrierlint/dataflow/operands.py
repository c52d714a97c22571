"""What is wrong with the operand of a TLBI by address or ASID, by how it is computed (DDI 0487 C5.5).

Bits 55:12 of the address belong in bits 43:0, the ASID in bits 63:48. That one is missing is a mistake only where
there is one to give, which `mistake` does not know; nor that an address was cut before (`halves`). It names what is
wrong, or says that only callers can tell (`OPEN`): the operand is what the function was handed. What it does not model:
ranges, level hints that are put in on purpose, and physical addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from barrierlint.dataflow.bits import Bits, known_bits
from barrierlint.dataflow.invalidations import Operation
from barrierlint.dataflow.provenance import is_parameter
from barrierlint.terms import MASK64, Apply, Const, Field, Term, Unknown

OPEN = "open"
UNSHIFTED, UNMASKED, CUT = "unshifted", "unmasked", "cut"
LOW_ASID, TWICE = "asid-low", "asid-twice"
ABSENT, MISPLACED, HALVED = "asid-absent", "asid-misplaced", "asid-halved"
OFFSET = (1 << 12) - 1
ASID_SHIFT = 48
ASID = MASK64 & ~((1 << ASID_SHIFT) - 1)
SURELY_ASID = 0xFFF << 52
"""Bits of the ASID's field that no page number has, be the address masked or not."""
LOW_BITS = 0xFF << ASID_SHIFT
"""Those that every ASID has; where TCR_EL1.AS is 0, no others."""
PAGE_NUMBER = (1 << 44) - 1

_ADDRESS = re.compile(r"^_*(?:va|vaddr|vaddress|virt|virtual|virt_?addr|vma_?addr|addr|address|ipa|gva|far)_*$", re.I)
_ASID = re.compile(r"^_*(?:asid|ctx_?id|context_?id|vmid)_*$", re.I)
_NARROW = re.compile(
    r"(?:^|\b)(?:u?int(?:8|16|32)_t|u(?:8|16|32)|(?:unsigned )?(?:short|char|int)|unsigned)\b|asid_?t", re.I
)
_ADDRESS_TYPE = re.compile(r"\*|v_?addr|virt_?addr|virtualaddress|vm_offset|^_*addr(?:ess)?_t", re.I)


def mistake(operation: Operation, operand: Term, bits: Mapping[Term, Bits]) -> str:
    """What is wrong with `operand`; OPEN where it depends on what callers hand in; "" where nothing is known to be."""
    if operation.range or operation.by not in ("va", "asid"):
        return ""
    parts = list(_parts(operand))
    tags = [part for part in parts if _shift_left(part) is not None or _is_high(part, bits)]
    rest = [part for part in parts if part not in tags and part != Const(0)]
    if any(_is_twice(tag) for tag in tags):
        return TWICE
    if operation.tagged and any(_is_halved(tag) for tag in tags):
        return HALVED
    if operation.tagged and any(_is_misplaced(part) for part in rest):
        return MISPLACED
    if operation.by == "asid":
        return _asid(rest, tags, bits)
    numbers = [part for part in rest if not is_asid(part)]
    if len(numbers) < len(rest):
        return LOW_ASID if operation.tagged and len(numbers) == 1 else ""
    return _address(rest, bool(tags), bits) or (ABSENT if lacks_asid(operation, operand, bits) else "")


def lacks_asid(operation: Operation, operand: Term, bits: Mapping[Term, Bits]) -> bool:
    """Whether a TLBI by address and ASID is given a page number and nothing else: then it is the ASID 0."""
    if not operation.tagged or operation.by != "va" or operation.range or isinstance(operand, Const):
        return False
    zeros = known_bits(operand, bits)[1]
    return _shift_right(operand) == 12 and zeros & SURELY_ASID == SURELY_ASID


def with_tag(written: Term, operand: Term) -> Term:
    """`operand`, which is `written` evaluated, with the ASID 0 that the code puts there: folding leaves it out."""
    if isinstance(operand, Const) or not _has_tag(written) or _has_tag(operand):
        return operand
    return Apply("|", (operand, Apply("<<", (Const(0), Const(ASID_SHIFT)))))


def _has_tag(operand: Term) -> bool:
    return any(_shift_left(part) is not None for part in _parts(operand))


def tags(value: Term) -> Iterator[Term]:
    """What is put into the ASID's field, bits 63:48, of an operand or of a base register's value."""
    match value:
        case Apply("<<", (inner, Const(shift))) if shift == ASID_SHIFT:
            yield inner
        case Apply("|" | "+" | "&", args):
            for arg in args:
                yield from tags(arg)


def is_asid(term: Term) -> bool:
    """Whether a value is called an ASID: a parameter, or a member read; masks and widths aside."""
    match term:
        case Apply("&", (inner, Const())) | Apply("load", (Field() as inner,)):
            return is_asid(inner)
        case Apply(op, (inner,)) if op.startswith(("zext", "sext")):
            return is_asid(inner)
        case Field(_, name):
            return _ASID.match(name) is not None
        case Unknown(id):
            return _ASID.match(_called(id)) is not None
    return False


def takes_asid(names: Iterable[str], types: Iterable[str]) -> bool:
    """Whether one of a function's parameters is an ASID, by its name or type."""
    return any(_ASID.match(_called(name)) or re.search(r"asid_?t", t) for name, t in zip(names, types, strict=False))


def _called(id: str) -> str:
    """The name that a parameter has in the source."""
    words = id.split("#")
    return words[-2] if len(words) >= 3 else id


def _is_misplaced(part: Term) -> bool:
    match part:
        case Apply("&", (inner, Const())) | Apply("&", (Const(), inner)):
            return _is_misplaced(inner)
        case Apply("<<", (inner, Const(shift))):
            return shift != ASID_SHIFT and is_asid(inner)
    return False


def _is_halved(tag: Term) -> bool:
    """Whether a mask leaves of an ASID in its place bits 63:56 only."""
    match tag:
        case Apply("&", (_, Const(mask))) | Apply("&", (Const(mask), _)):
            return bool(mask) and not mask & ~(ASID & ~LOW_BITS)
    return False


def _asid(rest: list[Term], tags: list[Term], bits: Mapping[Term, Bits]) -> str:
    if tags or len(rest) != 1:
        return ""
    low = known_bits(rest[0], bits)[1] & ASID == ASID and not isinstance(rest[0], Const)
    return LOW_ASID if low else OPEN if is_parameter(rest[0]) else ""


def _address(rest: list[Term], tagged: bool, bits: Mapping[Term, Bits]) -> str:
    if len(rest) != 1:
        return ""
    number = rest[0]
    shift = _shift_right(number)
    if shift is None:
        low = known_bits(number, bits)[1] & OFFSET
        aligned = low == OFFSET and not isinstance(number, Const) and _is_aligned(number)
        return UNSHIFTED if aligned else OPEN if _is_handed(number) else ""
    if shift != 12:
        return ""
    wide = known_bits(number, bits)[1] & MASK64 & ~PAGE_NUMBER
    return UNMASKED if tagged and wide & ASID != ASID else ""


def _parts(operand: Term) -> Iterator[Term]:
    """What an operand is put together from."""
    match operand:
        case Apply("|" | "+", (left, right)):
            yield from _parts(left)
            yield from _parts(right)
        case _:
            yield operand


def _shift_left(part: Term) -> Term | None:
    """What is shifted into the ASID field."""
    match part:
        case Apply("<<", (inner, Const(48))):
            return inner
        case Apply("&", (inner, Const(mask))) if mask & ~ASID == 0:
            return _shift_left(inner)
    return None


def _is_high(part: Term, bits: Mapping[Term, Bits]) -> bool:
    """Whether only bits of the ASID field can be set."""
    return known_bits(part, bits)[1] & MASK64 & ~ASID == MASK64 & ~ASID


def _is_twice(tag: Term) -> bool:
    inner = _shift_left(tag)
    return inner is not None and any(_shift_left(part) is not None for part in _parts(inner))


def _shift_right(number: Term) -> int | None:
    """By how much the address in a page number is shifted, masks left aside; 0 where that is not constant."""
    match number:
        case Apply(">>" | ">>s", (_, Const(shift))):
            return shift
        case Apply(">>" | ">>s" | "/", _):
            return 0
        case Apply("&" | "+" | "-" | "*" | "<<", args):
            return next((found for arg in args if (found := _shift_right(arg)) is not None), None)
        case Apply(op, (inner,)) if op.startswith(("zext", "sext")):
            return _shift_right(inner)
        case Apply("?:", (_, yes, no)):
            return _shift_right(yes) if _shift_right(yes) is not None else _shift_right(no)
    return None


def _is_aligned(number: Term) -> bool:
    """Whether low bits are masked off: an address rounded down to its page."""
    match number:
        case Apply("&", (_, Const(mask))):
            return mask & OFFSET == 0 and mask >> 12 & PAGE_NUMBER == PAGE_NUMBER
        case Apply("+" | "-", (left, right)):
            return _is_aligned(left) or _is_aligned(right)
    return False


def _is_handed(number: Term) -> bool:
    """Whether an operand is a parameter, plus an offset at most."""
    match number:
        case Apply("+" | "-", (left, Const())):
            return _is_handed(left)
        case Apply("zext 64" | "sext 64", (inner,)):
            return _is_handed(inner)
    return is_parameter(number)


def handed(operation: Operation, term: Term, types: Mapping[str, str]) -> str:
    """What is wrong with an operand that is handed in as it is, by the parameter's type or name.

    `types` are spellings by parameter. A whole address, or a bare ASID, is no operand.
    """
    while isinstance(term, Apply):
        term = term.args[0]
    if not isinstance(term, Unknown) or term.id not in types:
        return ""
    name, spelling = _called(term.id), types[term.id]
    if operation.by == "asid":
        return LOW_ASID if _ASID.match(name) or _NARROW.search(spelling) else ""
    return UNSHIFTED if _ADDRESS.match(name) or _ADDRESS_TYPE.search(spelling) else ""
