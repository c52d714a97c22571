"""Leaf descriptors as 64-bit integers: the fields that decide whether an access faults, and how.

The encoding is the level 3 page descriptor of the 4 KiB granule (DDI 0487 D8.3): valid bit 0, AP[1] (EL0 access) bit 6,
AP[2] (read-only) bit 7, AF bit 10, output address bits 47:12, DBM bit 51, Contiguous bit 52, XN bit 54. What it does
not model: other granules (see `walker`), stage 2, and memory attributes, which are kept as opaque bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

PAGE = 1 << 12
OFFSET = PAGE - 1
OUTPUT = ((1 << 48) - 1) & ~OFFSET
_PAGE_TYPE = 1 << 1
_VALID = 1 << 0
_EL0 = 1 << 6
_READ_ONLY = 1 << 7
_ACCESS_FLAG = 1 << 10
_DBM = 1 << 51
CONTIGUOUS = 1 << 52
_XN = 1 << 54
_FINAL_LEVEL = 3
_ATTRIBUTES = 55  # bits 58:55 are for software, PBHA and others above: opaque attribute numbers live there


@dataclass(frozen=True, slots=True)
class Descriptor:
    """The fields of a leaf descriptor, named as herd7 names them: each flag is 0 or 1, `oa` a physical page address."""

    oa: int
    valid: int = 1
    af: int = 1
    db: int = 1
    dbm: int = 0
    el0: int = 1
    x: int = 1
    attributes: int = 0
    block: int = 0
    contig: int = 0

    def encode(self) -> int:
        """Return the 64-bit descriptor."""
        return (
            (self.oa & OUTPUT)
            | (0 if self.block else _PAGE_TYPE)
            | (_VALID if self.valid else 0)
            | (_EL0 if self.el0 else 0)
            | (0 if self.db else _READ_ONLY)
            | (_ACCESS_FLAG if self.af else 0)
            | (_DBM if self.dbm else 0)
            | (CONTIGUOUS if self.contig else 0)
            | (0 if self.x else _XN)
            | (self.attributes << _ATTRIBUTES)
        )


def decode(value: int) -> Descriptor:
    """Return the fields of descriptor `value`."""
    return Descriptor(
        oa=value & OUTPUT,
        valid=1 if value & _VALID else 0,
        af=1 if value & _ACCESS_FLAG else 0,
        db=0 if value & _READ_ONLY else 1,
        dbm=1 if value & _DBM else 0,
        el0=1 if value & _EL0 else 0,
        x=0 if value & _XN else 1,
        attributes=value >> _ATTRIBUTES,
        block=0 if value & _PAGE_TYPE else 1,
        contig=1 if value & CONTIGUOUS else 0,
    )


def table(page: int, valid: int = 1) -> int:
    """Return the table descriptor of the next level's table at physical `page`."""
    return (page & OUTPUT) | _PAGE_TYPE | (_VALID if valid else 0)


def is_link(value: int, level: int) -> bool:
    """Whether descriptor `value` at `level` links a table."""
    return level < _FINAL_LEVEL and value & (_VALID | _PAGE_TYPE) == _VALID | _PAGE_TYPE


def fault_of(value: int, write: bool, user: bool, fetch: bool = False) -> str:
    """Return the fault an access through descriptor `value` takes: "" if none, else translation, access-flag,
    permission.

    Priority is the architecture's (DDI 0487 D8.14.4): translation before access flag before permission. Without
    hardware management, a clear access flag faults and a store needs AP[2] clear. `user` is an access from EL0.
    """
    if not value & _VALID:
        return "translation"
    if not value & _ACCESS_FLAG:
        return "access-flag"
    if (write and value & _READ_ONLY) or (user and not value & _EL0) or (fetch and value & _XN):
        return "permission"
    return ""


def cacheable(value: int) -> bool:
    """Whether a TLB may hold the translation: never an invalid entry, never one whose access flag is clear (D8.16)."""
    return bool(value & _VALID and value & _ACCESS_FLAG)


_STATUS = {"address-size": 0x00, "translation": 0x04, "access-flag": 0x08, "permission": 0x0C}


def syndrome(kind: str, level: int = 3, write: bool = False, fetch: bool = False, lower_el: bool = False) -> int:
    """Return ESR_ELx of an abort: EC, IL and the ISS of DDI 0487 D24 (DFSC[1:0] is the level, WnR bit 6).

    A load through an invalid level 3 descriptor gives 0x96000007 from the same exception level.
    """
    exception_class = (0x20 if fetch else 0x24) + (0 if lower_el else 1)
    status = 0x21 if kind == "alignment" else _STATUS[kind] | (level & 3)
    return exception_class << 26 | 1 << 25 | (1 << 6 if write and not fetch else 0) | status


def show(value: int, name: Callable[[int], str] = hex, level: int = 3) -> str:
    """Return descriptor `value` of `level` in words: `invalid`, `valid, OA 0x40000000, read-only`, `table at …`; `name`
    writes an address.
    """
    fields = decode(value)
    if not fields.valid:
        return "invalid"
    if is_link(value, level):
        return f"table at {name(fields.oa)}"
    flags = [
        ", contiguous" if fields.contig else "",
        "" if fields.af else ", access flag clear",
        "" if fields.db else ", read-only",
        "" if fields.el0 else ", EL1 only",
    ]
    return f"valid, OA {name(fields.oa)}" + "".join(flags)
