"""How one descriptor differs from another, as far as that is known.

What it does not model: bits that two unrelated values happen to share.
"""

from __future__ import annotations

from barrierlint.dataflow.bits import Bits
from barrierlint.dataflow.values import SIZE_LIMIT
from barrierlint.terms import MASK64, Apply, Const, Term


def differing(old: Term, new: Term, old_bits: Bits, new_bits: Bits) -> int | None:
    """The bits in which `new` may differ from `old`; None where nothing ties them."""
    tied = kept(new, old)
    alike = (old_bits[0] & new_bits[0]) | (old_bits[1] & new_bits[1])
    if tied == 0 and alike == 0:
        return None
    return MASK64 & ~(tied | alike)


def kept(term: Term, old: Term, budget: int = SIZE_LIMIT) -> int:
    """The bits of `term` that are those of `old`, by how it is computed: all but 0x80 of `old | 0x80`."""
    if term == old:
        return MASK64
    if budget <= 0:
        return 0
    match term:
        case Apply("&", (left, Const(mask))) | Apply("&", (Const(mask), left)):
            return kept(left, old, budget - 1) & mask
        case Apply("|" | "^", (left, Const(mask))) | Apply("|" | "^", (Const(mask), left)):
            return kept(left, old, budget - 1) & ~mask
        case Apply("|", (left, right)):
            return _either(left, right, old, budget - 1)
        case Apply("?:", (_, yes, no)):
            return kept(yes, old, budget - 1) & kept(no, old, budget - 1)
    return 0


def surviving(term: Term, old: Term, budget: int = SIZE_LIMIT) -> int:
    """The bits of `old` that are set in `term` wherever they are set in `old`: all but 0x80 of `old & ~0x80 | x`."""
    if term == old:
        return MASK64
    if budget <= 0:
        return 0
    match term:
        case Apply("&", (left, Const(mask))) | Apply("&", (Const(mask), left)):
            return surviving(left, old, budget - 1) & mask
        case Apply("|", (left, right)):
            return surviving(left, old, budget - 1) | surviving(right, old, budget - 1)
        case Apply("?:", (_, yes, no)):
            return surviving(yes, old, budget - 1) & surviving(no, old, budget - 1)
    return 0


def _either(left: Term, right: Term, old: Term, budget: int) -> int:
    """Bits of a union: those that one side keeps where the other has none."""
    from barrierlint.dataflow.bits import known_bits

    none_left, none_right = known_bits(left, {})[1], known_bits(right, {})[1]
    return (kept(left, old, budget) & none_right) | (kept(right, old, budget) & none_left)
