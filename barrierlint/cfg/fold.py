"""Terms built small: constant folding, and the conversions C makes between integer types.

Every term of an integer type narrower than 64 bits is kept *extended*: it holds the value, sign- or zero-extended to
64 bits as its type says, so that widening is free and only narrowing and sign changes need an operator (C17 6.3.1.3).
Unsigned `+`, `-` and `*` below 64 bits are wrapped only where both sides are known. What it does not model: floating
point, which is Unknown.
"""

from __future__ import annotations

from collections.abc import Callable

from barrierlint.source.tree import Type
from barrierlint.terms import MASK64, AddressOf, Apply, Const, Element, Term, const

SCALARS = frozenset({"bool", "integer", "enum", "pointer", "reference"})
ZERO, ONE = Const(0), Const(1)


def signed(value: int) -> int:
    """Return the two's complement reading of the unsigned 64-bit `value`."""
    return value - (1 << 64) if value >> 63 else value


_BINARY: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "<<": lambda a, b: a << b if b < 64 else 0,
    ">>": lambda a, b: a >> b if b < 64 else 0,
    ">>s": lambda a, b: signed(a) >> min(b, 63),
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b),
    "<=": lambda a, b: int(a <= b),
    ">": lambda a, b: int(a > b),
    ">=": lambda a, b: int(a >= b),
    "<s": lambda a, b: int(signed(a) < signed(b)),
    "<=s": lambda a, b: int(signed(a) <= signed(b)),
    ">s": lambda a, b: int(signed(a) > signed(b)),
    ">=s": lambda a, b: int(signed(a) >= signed(b)),
    "&&": lambda a, b: int(bool(a) and bool(b)),
    "||": lambda a, b: int(bool(a) or bool(b)),
}
_UNARY: dict[str, Callable[[int], int]] = {"~": lambda a: ~a, "neg": lambda a: -a, "!": lambda a: int(not a)}
_NEUTRAL = {("+", 0), ("-", 0), ("|", 0), ("^", 0), ("<<", 0), (">>", 0), (">>s", 0), ("*", 1), ("/", 1), ("&", MASK64)}
_FLIPPED = {
    "==": "!=",
    "!=": "==",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
    "<s": ">=s",
    ">=s": "<s",
    ">s": "<=s",
    "<=s": ">s",
}
TRUTHS = frozenset(_FLIPPED) | {"!", "&&", "||"}


def compute(op: str, *values: int) -> int | None:
    """Return the value of a one- or two-operand operator of `terms.Apply`, None for any other and for division by 0."""
    match values:
        case (a, b) if op in _BINARY:
            return _BINARY[op](a, b)
        case (a, b) if op in ("/", "%") and b:
            return a // b if op == "/" else a % b
        case (a,) if op in _UNARY:
            return _UNARY[op](a)
    return None


def apply(op: str, *args: Term) -> Term:
    """Return `op` applied to `args` (operators of `terms.Apply`), folded where the operands are known."""
    known = [arg.value for arg in args if isinstance(arg, Const)]
    value = compute(op, *known) if len(known) == len(args) else None
    if value is not None:
        return const(value)
    match args:
        case (left, Const(b)) if (op, b) in _NEUTRAL:
            return left
        case (Const(0), right) if op in ("+", "|", "^"):
            return right
        case (Const(value), yes, no) if op == "?:":
            return yes if value else no
        case (Apply(inner, (a, b)),) if op == "!" and inner in _FLIPPED:
            return Apply(_FLIPPED[inner], (a, b))
    return Apply(op, args)


def extend(term: Term, bits: int, is_signed: bool) -> Term:
    """Return `term` cut to `bits` bits and extended to 64 (DDI 0487 C6: UXTB, SXTW, …); 64 bits change nothing."""
    if bits >= 64 or bits <= 0:
        return term
    mask = (1 << bits) - 1
    if isinstance(term, Const):
        low = term.value & mask
        return const(low - (1 << bits) if is_signed and low >> (bits - 1) else low)
    if isinstance(term, AddressOf) or (isinstance(term, Apply) and _fits(term, bits, is_signed)):
        return term
    return Apply(f"{'sext' if is_signed else 'zext'} {bits}", (term,))


def _fits(term: Apply, bits: int, is_signed: bool) -> bool:
    """True where `term` is already below 2**bits (below 2**(bits-1) if signed), so that extending changes nothing."""
    room = 1 << (bits - is_signed)
    if term.op in TRUTHS:
        return True
    if term.op == "&":
        return any(isinstance(arg, Const) and arg.value < room for arg in term.args)
    if term.op.startswith("zext "):
        return 1 << int(term.op[5:]) <= room
    return is_signed and term.op.startswith("sext ") and int(term.op[5:]) <= bits


def convert(term: Term, source: Type, target: Type) -> Term:
    """Return `term` of type `source` as a value of scalar type `target` (C17 6.3.1): pointers and integers convert
    freely.
    """
    if target.kind == "bool":
        return truth(term) if source.kind != "bool" else term
    if target.kind not in SCALARS or target.size >= 8 or not target.size or source.kind == "bool":
        return term
    if source.kind in SCALARS and source.size:
        if source.size < target.size and (not source.signed or target.signed):
            return term
        if source.size == target.size and source.signed == target.signed:
            return term
    return extend(term, 8 * target.size, target.signed)


def truth(term: Term) -> Term:
    """Return `term` as 0 or 1."""
    if isinstance(term, Const):
        return ONE if term.value else ZERO
    if isinstance(term, AddressOf):
        return ONE
    return term if isinstance(term, Apply) and term.op in TRUTHS else Apply("!=", (term, ZERO))


def element(base: Term, index: Term, size: int) -> Term:
    """Return the address of element `index` of `size` bytes from `base`; constant steps are added up."""
    if index == ZERO:
        return base
    if isinstance(base, Element) and base.size == size and isinstance(base.index, Const) and isinstance(index, Const):
        return element(base.base, const(base.index.value + index.value), size)
    if size == 1:
        return apply("+", base, index)
    return Element(base, index, size)


def divide(op: str, left: Term, right: Term, is_signed: bool) -> Term | None:
    """Return `left / right` or `left % right` (C17 6.5.5, toward zero), None where no term says it."""
    if not is_signed:
        return apply(op, left, right)
    if not isinstance(right, Const) or signed(right.value) <= 0:
        return None
    if isinstance(left, Const):
        magnitude = abs(signed(left.value))
        result = magnitude // right.value if op == "/" else magnitude % right.value
        return const(-result if signed(left.value) < 0 else result)
    negative = apply("neg", apply(op, apply("neg", left), right))
    return apply("?:", apply("<s", left, ZERO), negative, apply(op, left, right))


def insert_bits(container: Term, value: Term, first: int, width: int) -> Term:
    """Return `container` with `width` bits from `first` on replaced by `value` (as BFI does)."""
    mask = (1 << width) - 1
    kept = apply("&", container, const(~(mask << first)))
    return apply("|", kept, apply("<<", apply("&", value, const(mask)), const(first)))


def extract_bits(container: Term, first: int, width: int, is_signed: bool) -> Term:
    """Return `width` bits from `first` on of `container` (as UBFX or SBFX does)."""
    shifted = apply(">>", container, const(first))
    if is_signed:
        return extend(shifted, width, True)
    return apply("&", shifted, const((1 << width) - 1))


def as_element(address: Term, size: int) -> Term:
    """`base + (index << 3)` as an element of an array of 8-byte entries: how assembly computes it."""
    match address:
        case Apply("+", (base, Apply("<<", (index, Const(shift))))) if 1 << shift == size:
            return Element(base, index, size)
        case Apply("+", (Apply("<<", (index, Const(shift))), base)) if 1 << shift == size:
            return Element(base, index, size)
    return address
