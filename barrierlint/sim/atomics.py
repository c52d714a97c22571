"""The arithmetic of read-modify-write instructions (DDI 0487 C6.2, LD<op>, SWP).

What it does not model: their ordering (see `ordering`) and whether a compare-and-swap succeeds (see `model`).
"""

from __future__ import annotations

from barrierlint.sim.evaluate import signed
from barrierlint.terms import MASK64

OPERATIONS = ("swap", "cas", "add", "andnot", "xor", "or", "smax", "smin", "umax", "umin", "and", "sub")


def combine(op: str, old: int, operand: int, width: int = 64) -> int:
    """Return what atomic `op` of `width` bits writes over `old`. Raises ValueError for an unknown operation."""
    match op:
        case "swap" | "cas" | "exchange" | "compare-exchange":
            return operand
        case "add":
            return (old + operand) & MASK64
        case "sub":
            return (old - operand) & MASK64
        case "andnot" | "clr":
            return old & ~operand & MASK64
        case "and":
            return old & operand
        case "xor" | "eor":
            return old ^ operand
        case "or" | "set":
            return old | operand
        case "smax":
            return max(old, operand, key=lambda value: signed(value, width))
        case "smin":
            return min(old, operand, key=lambda value: signed(value, width))
        case "umax":
            return max(old, operand)
        case "umin":
            return min(old, operand)
        case _:
            raise ValueError(f"atomic operation {op!r}")
