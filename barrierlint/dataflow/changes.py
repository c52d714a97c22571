"""How one descriptor differs from another, as far as that is known.

What it does not model: bits that two unrelated values happen to share.
"""

from __future__ import annotations

from collections.abc import Callable

from barrierlint.dataflow.bits import Bits, known_bits
from barrierlint.dataflow.values import SIZE_LIMIT
from barrierlint.terms import MASK64, Apply, Const, Term


def differing(old: Term, new: Term, old_bits: Bits, new_bits: Bits) -> int | None:
    """The bits in which `new` may differ from `old`; None where nothing ties them."""
    tied = kept(new, old)
    alike = (old_bits[0] & new_bits[0]) | (old_bits[1] & new_bits[1])
    if tied == 0 and alike == 0:
        return None
    return MASK64 & ~(tied | alike)


def kept(term: Term, old: Term) -> int:
    """The bits of `term` that are those of `old`, by how it is computed: all but 0x80 of `old | 0x80`."""
    return _traced(term, old, _kept_joined)


def surviving(term: Term, old: Term) -> int:
    """The bits of `old` that are set in `term` wherever they are set in `old`: all but 0x80 of `old & ~0x80 | x`."""
    return _traced(term, old, _surviving_joined)


Trace = Callable[[Term], int]


def _traced(term: Term, old: Term, joined: Callable[[Term, Trace], int], budget: int = SIZE_LIMIT) -> int:
    """The bits of `old` that reach `term` through masks and choices; `joined` says what does where bits are put in."""
    if term == old:
        return MASK64
    if budget <= 0:
        return 0

    def inner(part: Term) -> int:
        return _traced(part, old, joined, budget - 1)

    match term:
        case Apply("&", (left, Const(mask))) | Apply("&", (Const(mask), left)):
            return inner(left) & mask
        case Apply("?:", (_, yes, no)):
            return inner(yes) & inner(no)
    return joined(term, inner)


def _kept_joined(term: Term, inner: Trace) -> int:
    match term:
        case Apply("|" | "^", (left, Const(mask))) | Apply("|" | "^", (Const(mask), left)):
            return inner(left) & ~mask
        case Apply("|", (left, right)):  # those that one side keeps where the other has none
            none_left, none_right = known_bits(left, {})[1], known_bits(right, {})[1]
            return (inner(left) & none_right) | (inner(right) & none_left)
    return 0


def _surviving_joined(term: Term, inner: Trace) -> int:
    match term:
        case Apply("|", (left, right)):
            return inner(left) | inner(right)
    return 0
