"""Known bits of values: which bits of a term are 1 and which are 0 in every execution, as in LLVM's KnownBits.

A pair (ones, zeros) of disjoint 64-bit masks. What it does not model: carries above the lowest unknown bit.
"""

from __future__ import annotations

from collections.abc import Mapping

from barrierlint.dataflow.values import COMPARISONS, SIZE_LIMIT
from barrierlint.terms import MASK64, Apply, Const, Term

Bits = tuple[int, int]
NO_BITS: Bits = (0, 0)
VALID, KIND_BITS = 1, 3
"""Bits that say what a descriptor is: bit 0 whether it is valid, at every level; bit 1 whether a table or page, or a
block (DDI 0487 D8.3).
"""


def known_bits(term: Term, facts: Mapping[Term, Bits], budget: int = SIZE_LIMIT) -> Bits:
    """Return the bits of `term` that are 1 and those that are 0 in every execution that satisfies `facts`."""
    if isinstance(term, Const):
        return term.value, ~term.value & MASK64
    ones, zeros = facts.get(term, NO_BITS)
    if budget <= 0 or not isinstance(term, Apply):
        return ones, zeros
    more = _structural_bits(term, facts, budget - 1)
    return ones | more[0], zeros | more[1]


def _structural_bits(term: Term, facts: Mapping[Term, Bits], budget: int) -> Bits:
    match term:
        case Apply("load", _):
            return NO_BITS
        case Apply("~", (arg,)):
            ones, zeros = known_bits(arg, facts, budget)
            return zeros, ones
        case Apply("?:", (_, yes, no)):
            a, b = known_bits(yes, facts, budget), known_bits(no, facts, budget)
            return a[0] & b[0], a[1] & b[1]
        case Apply(op, (arg,)) if op.startswith("zext "):
            mask = (1 << int(op[5:])) - 1
            ones, zeros = known_bits(arg, facts, budget)
            return ones & mask, zeros | (~mask & MASK64)
        case Apply(op, (arg,)) if op.startswith("sext "):
            mask = (1 << (int(op[5:]) - 1)) - 1
            ones, zeros = known_bits(arg, facts, budget)
            return ones & mask, zeros & mask
        case Apply(op, (left, right)):
            return _binary_bits(op, known_bits(left, facts, budget), known_bits(right, facts, budget), right)
        case Apply(op, _) if op == "!" or op in COMPARISONS:
            return 0, MASK64 ^ 1
    return NO_BITS


def _binary_bits(op: str, a: Bits, b: Bits, right: Term) -> Bits:
    match op, right:
        case "&", _:
            return a[0] & b[0], a[1] | b[1]
        case "|", _:
            return a[0] | b[0], a[1] & b[1]
        case "^", _:
            return (a[0] & b[1]) | (a[1] & b[0]), (a[0] & b[0]) | (a[1] & b[1])
        case "<<", Const(n) if n < 64:
            return (a[0] << n) & MASK64, ((a[1] << n) | ((1 << n) - 1)) & MASK64
        case ">>", Const(n) if n < 64:
            return a[0] >> n, (a[1] >> n) | (MASK64 ^ (MASK64 >> n))
        case (("+" | "-"), _):
            return _sum_bits(op, a, b)
        case (("==" | "!="), _) if (equal := are_equal(a, b)) is not None:
            return known_bits(Const(int(equal == (op == "=="))), {})
    if op in COMPARISONS or op in ("&&", "||"):
        return 0, MASK64 ^ 1
    return NO_BITS


def are_equal(a: Bits, b: Bits) -> bool | None:
    """Whether two values of which bits are known are equal, None if that is open."""
    if a[0] & b[1] or a[1] & b[0]:
        return False
    return True if a[0] | a[1] == MASK64 and b[0] | b[1] == MASK64 else None


def _sum_bits(op: str, a: Bits, b: Bits) -> Bits:
    """Low bits of a sum are known as far up as both operands' are; disjoint bits add without carry."""
    if op == "+" and (a[1] | b[1]) == MASK64:
        return a[0] | b[0], a[1] & b[1]
    unknown = ~((a[0] | a[1]) & (b[0] | b[1])) & MASK64
    low = (unknown & -unknown) - 1 if unknown else MASK64
    value = (a[0] + b[0] if op == "+" else a[0] - b[0]) & low
    return value, ~value & low
