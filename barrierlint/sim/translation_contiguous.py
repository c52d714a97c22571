"""The Contiguous bit: which descriptors it joins, whether software set them up legally, and what a TLB may then hold.

A TLB may keep one entry for the whole aligned range after reading any one of the joined descriptors, or an entry for
that descriptor alone (DDI 0487 D8.7, the Contiguous bit; extents from pseudocode ContiguousSize). What it does not
model: which of the two a PE chooses, and what it does where the set is misprogrammed beyond that choice.
"""

from __future__ import annotations

from collections.abc import Sequence

from barrierlint.sim.translation import DESCRIPTOR_BYTES_LOG2, FINAL_LEVEL, Extent, Geometry, Leaf, Wide
from barrierlint.sim.translation_descriptor import block_allowed, output_address

_CONTIGUOUS = 1 << 52
# Fields that may differ inside a set: the access flag, dirty state (DBM with AP[2]), and software's bits [58:55].
_MAY_DIFFER = 1 << 10 | 1 << 51 | 1 << 7 | 0xF << 55
_DBM = 1 << 51


def tlb_extents(leaf: Leaf) -> tuple[Extent, ...]:
    """Return the entries a TLB may hold after this walk, the leaf's own first, then the contiguous range's."""
    if leaf.contiguous == 1:
        return (leaf.extent,)
    own, size = leaf.extent, leaf.extent.size * leaf.contiguous
    return own, Extent(own.input & -size, own.output & -size, size)


def joined_addresses(leaf: Leaf, address: int) -> range:
    """Return the addresses of the descriptors joined with the one at `address`, itself included, in order."""
    size = leaf.contiguous << DESCRIPTOR_BYTES_LOG2
    first = address & -size
    return range(first, first + size, 1 << DESCRIPTOR_BYTES_LOG2)


def misprogrammed(geometry: Geometry, level: int, descriptors: Sequence[int]) -> str:
    """Return why an aligned set of descriptors is no legal contiguous range, "" where it is legal.

    `descriptors` are all the values of the set, in table order. Misprogramming is CONSTRAINED UNPREDICTABLE: a TLB
    conflict, or a translation through any of them.
    """
    count = geometry.granule.contiguous_entries(level)
    bits = geometry.granule.entry_bits(level)
    if count == 1 or (level < FINAL_LEVEL and not block_allowed(geometry, level)):
        return f"the Contiguous bit has no meaning at level {level} of this granule"
    if len(descriptors) != count:
        return f"a contiguous range at level {level} has {count} descriptors, not {len(descriptors)}"
    if bits + count.bit_length() - 1 > geometry.input_bits:
        return f"the contiguous range is wider than the {geometry.input_bits}-bit input addresses"
    first = output_address(descriptors[0], bits, geometry.wide)
    if first % (count << bits):
        return f"the first output address {first:#x} is not aligned to {count << bits:#x}"
    return _first_odd_one(geometry, level, descriptors)


def _first_odd_one(geometry: Geometry, level: int, descriptors: Sequence[int]) -> str:
    """Return what is wrong with the first descriptor that does not continue descriptor 0."""
    bits = geometry.granule.entry_bits(level)
    first = output_address(descriptors[0], bits, geometry.wide)
    for index, descriptor in enumerate(descriptors):
        if descriptor & 3 != (3 if level == FINAL_LEVEL else 1):
            return f"descriptor {index} is not a valid block or page"
        if not descriptor & _CONTIGUOUS:
            return f"descriptor {index} lacks the Contiguous bit"
        if output_address(descriptor, bits, geometry.wide) != first + (index << bits):
            return f"descriptor {index} does not continue the output range"
        if _attributes(descriptor, geometry, bits) != _attributes(descriptors[0], geometry, bits):
            return f"descriptor {index} has other attributes than descriptor 0"
    return ""


def _attributes(descriptor: int, geometry: Geometry, bits: int) -> int:
    """Return what must be equal across a set: all but the output address and the fields that may differ."""
    address = ((1 << 48) - 1) & -(1 << bits)
    if geometry.wide is Wide.LPA:
        address |= 0xF << 12
    elif geometry.wide is Wide.LPA2:
        address |= 3 << 8 | 3 << 48
    # AP[2] is dirty state only where DBM is set; otherwise it is a permission and must match.
    differ = _MAY_DIFFER if descriptor & _DBM else _MAY_DIFFER & ~(1 << 7)
    return descriptor & ~address & ~differ
