"""The operand of a TLBI as the source computes it, on an address and an ASID of the scenario's.

What is shifted into bits 63:48 stands for the ASID, everything else for the page's address, with its top bits set as in
a kernel's. What it does not model: operands that are read from memory in their final form.
"""

from __future__ import annotations

from barrierlint.sim.evaluate import evaluate
from barrierlint.terms import MASK64, Apply, Const, Term, const

ASID = 5
TOP = 0xF << 60
"""Address bits that no TLBI takes: of a kernel's address they are 1."""


def operand(term: Term, address: int, by_asid: bool) -> int:
    """The value of an operand for the page at `address`; `by_asid` where the instruction takes nothing but an ASID."""
    stand = const(ASID) if by_asid else const(address | TOP)
    return evaluate(_replaced(term, stand), {})[0] & MASK64


def _replaced(term: Term, stand: Const) -> Term:
    match term:
        case Const():
            return term
        case Apply("<<", (inner, Const(shift))) if shift >= 48:
            return Apply("<<", (_replaced(inner, const(ASID)), Const(shift)))
        case Apply("load", _):
            return stand
        case Apply("?:", (_, yes, _)):
            return _replaced(yes, stand)
        case Apply(op, args):
            return Apply(op, tuple(_replaced(arg, stand) for arg in args))
    return stand
