"""What one descriptor says to a walk that stands at it: go on to the next table, end at a leaf, or fault.

`enter` computes the address of the first descriptor, `descend` takes a descriptor's value and moves on; neither reads
memory, so a caller may offer any value a walker could see (DDI 0487 D8.2 to D8.4; pseudocode AArch64.S1Walk,
S2Walk, DecodeDescriptorType, LeafBase, NextTableBase). What it does not model: the nT bit (FEAT_BBM), guarded pages,
NSTable and NS, 128-bit descriptors.
"""

from __future__ import annotations

from dataclasses import dataclass

from barrierlint.sim.translation import (
    DESCRIPTOR_BYTES_LOG2,
    FINAL_LEVEL,
    Extent,
    FaultKind,
    Geometry,
    Granule,
    Permissions,
    Rights,
    Wide,
)

_VALID, _TABLE_OR_PAGE, _ACCESS_FLAG, _CONTIGUOUS = 1, 2, 1 << 10, 1 << 52
_LOW_48 = (1 << 48) - 1
_PXN_TABLE, _UXN_TABLE, _NO_EL0, _NO_WRITE = 1, 2, 4, 8
_HIERARCHY_SHIFT, _HIERARCHY_MASK = 59, 0xF


@dataclass(frozen=True, slots=True)
class Cursor:
    """A walk of one stage about to read the descriptor at `address`.

    `input` is the address being translated, tag removed. `hierarchy` gathers PXNTable, UXNTable and APTable of the
    table descriptors passed (bits 0, 1, 2 and 3).
    """

    geometry: Geometry
    input: int
    level: int
    address: int
    hierarchy: int = 0


@dataclass(frozen=True, slots=True)
class Miss:
    """A walk of one stage that ended in a fault, as far as the stage can tell."""

    kind: FaultKind
    level: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A walk of one stage that ended at a valid leaf; permissions are not yet checked."""

    level: int
    descriptor: int
    extent: Extent
    hierarchy: int


def enter(geometry: Geometry, base: int, level: int, address: int) -> Cursor | Miss:
    """Return the walk at its start level, or the level 0 address size fault of a base beyond the output size.

    `base` is the raw TTBR or VTTBR value; the initial table may be a part of a granule or, in stage 2, up to 16 tables
    side by side (DDI 0487 D8.2, translation table base address; pseudocode S1TTBaseAddress, S1SLTTEntryAddress).
    """
    shift = geometry.granule.entry_bits(level)
    align = geometry.input_bits - shift + DESCRIPTOR_BYTES_LOG2
    if geometry.wide is Wide.LPA2 or (geometry.wide is Wide.LPA and geometry.output_bits == 52):
        align = max(align, 6)
        table = (base & _LOW_48) | (base >> 2 & 0xF) << 48
    else:
        table = base & _LOW_48
    index = (address & ((1 << geometry.input_bits) - 1)) >> shift
    where = (table >> align << align) | index << DESCRIPTOR_BYTES_LOG2
    if where >> geometry.output_bits:
        return Miss(FaultKind.ADDRESS_SIZE, 0)
    return Cursor(geometry, address, level, where)


def start_level(geometry: Geometry) -> int:
    """Return the level at which a stage 1 walk starts (pseudocode S1StartLevel)."""
    granule = geometry.granule
    return FINAL_LEVEL - (geometry.input_bits - 1 - granule) // granule.stride


def descend(cursor: Cursor, descriptor: int) -> Cursor | Hit | Miss:
    """Return where the walk stands once it has read `descriptor` at `cursor.address`."""
    geometry, level = cursor.geometry, cursor.level
    if not descriptor & _VALID:
        return Miss(FaultKind.TRANSLATION, level)
    if descriptor & _TABLE_OR_PAGE:
        return _follow(cursor, descriptor) if level < FINAL_LEVEL else _finish(cursor, descriptor)
    return _finish(cursor, descriptor) if block_allowed(geometry, level) else Miss(FaultKind.TRANSLATION, level)


def block_allowed(geometry: Geometry, level: int) -> bool:
    """Return whether a block descriptor is legal at `level` (pseudocode BlockDescSupported)."""
    match geometry.granule:
        case Granule.K4:
            return level in (1, 2) or (level == 0 and geometry.wide is Wide.LPA2)
        case Granule.K16:
            return level == 2 or (level == 1 and geometry.wide is Wide.LPA2)
        case Granule.K64:
            return level == 2 or (level == 1 and geometry.big_blocks)


def output_address(descriptor: int, low_bit: int, wide: Wide) -> int:
    """Return the output or next-table address: bits from `low_bit` up, bits [51:48] from where `wide` keeps them."""
    low = descriptor & _LOW_48 & -(1 << low_bit)
    match wide:
        case Wide.NONE:
            return low
        case Wide.LPA:
            return low | (descriptor >> 12 & 0xF) << 48
        case Wide.LPA2:
            return low | (descriptor >> 8 & 3) << 50 | (descriptor >> 48 & 3) << 48


def _follow(cursor: Cursor, descriptor: int) -> Cursor | Miss:
    """Go down one level through a table descriptor; a next table beyond the output size faults at this level."""
    geometry = cursor.geometry
    granule = geometry.granule
    level = cursor.level + 1
    table = output_address(descriptor, granule, geometry.wide)
    if table >> geometry.output_bits:
        return Miss(FaultKind.ADDRESS_SIZE, cursor.level)
    index = cursor.input >> granule.entry_bits(level) & ((1 << granule.stride) - 1)
    inherited = descriptor >> _HIERARCHY_SHIFT & _HIERARCHY_MASK if geometry.hierarchical else 0
    return Cursor(geometry, cursor.input, level, table | index << DESCRIPTOR_BYTES_LOG2, cursor.hierarchy | inherited)


def _finish(cursor: Cursor, descriptor: int) -> Hit | Miss:
    """Take a block or page descriptor: contiguous bit, then address size, then access flag (the order of S1Walk)."""
    geometry, level = cursor.geometry, cursor.level
    bits = geometry.granule.entry_bits(level)
    output = output_address(descriptor, bits, geometry.wide)
    if geometry.contiguous_faults and descriptor & _CONTIGUOUS:
        joined = bits + geometry.granule.contiguous_entries(level).bit_length() - 1
        if joined > geometry.input_bits:
            return Miss(FaultKind.TRANSLATION, level)
    if output >> geometry.output_bits:
        return Miss(FaultKind.ADDRESS_SIZE, level)
    if not descriptor & _ACCESS_FLAG:
        return Miss(FaultKind.ACCESS_FLAG, level)
    return Hit(level, descriptor, Extent(cursor.input >> bits << bits, output, 1 << bits), cursor.hierarchy)


def stage1_permissions(descriptor: int, hierarchy: int, wxn: bool) -> Permissions:
    """Return what AP, PXN, UXN and the tables above allow (DDI 0487 D8.4; pseudocode S1DirectBasePermissions)."""
    writable = not descriptor >> 7 & 1 and not hierarchy & _NO_WRITE
    el0_read = bool(descriptor >> 6 & 1) and not hierarchy & _NO_EL0
    el0_write = el0_read and writable
    el0_execute = not (descriptor >> 54 & 1 or hierarchy & _UXN_TABLE or (wxn and el0_write))
    # What EL0 can write, EL1 never executes.
    el1_execute = not (descriptor >> 53 & 1 or hierarchy & _PXN_TABLE or el0_write or (wxn and writable))
    return Permissions(Rights(True, writable, el1_execute), Rights(el0_read, el0_write, el0_execute))


def stage2_permissions(descriptor: int, xnx: bool) -> Permissions:
    """Return what S2AP and XN[1:0] allow; XN[0] counts only with FEAT_XNX (pseudocode S2DirectBasePermissions)."""
    read, write = bool(descriptor >> 6 & 1), bool(descriptor >> 7 & 1)
    never = bool(descriptor >> 54 & 1)
    differs = xnx and bool(descriptor >> 53 & 1)
    return Permissions(Rights(read, write, never == differs), Rights(read, write, not never))
