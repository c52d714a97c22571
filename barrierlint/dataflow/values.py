"""Symbolic values: folding, substitution, known bits and provenance of terms.

Leaves of a value are constants, `Unknown` symbols and loads (`Apply("load", (address,))`: what memory held at that
address when the function was entered). Known bits follow LLVM's KnownBits: a pair (ones, zeros) of disjoint 64-bit
masks. What it does not model: floating point; carries are tracked only up to the lowest unknown bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from barrierlint.terms import MASK64, AddressOf, Apply, Const, Element, Field, Name, Term, Unknown, const

Bits = tuple[int, int]
NO_BITS: Bits = (0, 0)
TRUE, FALSE = Const(1), Const(0)
COMPARISONS = {"==", "!=", "<", "<=", ">", ">=", "<s", "<=s", ">s", ">=s"}
NEGATED = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
DEPTH_LIMIT = 40


def load(address: Term) -> Term:
    """What memory held at `address` on entry to the function."""
    return Apply("load", (address,))


def signed(value: int, bits: int = 64) -> int:
    """Read the low `bits` of `value` as a two's complement number."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def fold(op: str, args: tuple[Term, ...]) -> Term:
    """Return `Apply(op, args)` in its simplest equivalent form."""
    if op != "load" and all(isinstance(arg, Const) for arg in args):
        value = _compute(op, tuple(arg.value for arg in args if isinstance(arg, Const)))
        if value is not None:
            return const(value)
    match op, args:
        case ("!", (Apply(inner, operands),)) if inner in NEGATED:
            return Apply(NEGATED[inner], operands)
        case ("!", (Apply("!", (operand,)),)):
            return operand if _is_boolean(operand) else fold("!=", (operand, FALSE))
        case ("!=", (operand, Const(0))) | ("==", (operand, Const(1))) if _is_boolean(operand):
            return operand
        case ("==", (operand, Const(0))) | ("!=", (operand, Const(1))) if _is_boolean(operand):
            return fold("!", (operand,))
        case (("==" | "!="), (Const(), right)) if not isinstance(right, Const):
            return fold(op, (right, args[0]))
        case (("==" | "<=" | ">="), (left, right)) if left == right:
            return TRUE
        case (("!=" | "<" | ">"), (left, right)) if left == right:
            return FALSE
        case (("+" | "-" | "|" | "^" | "<<" | ">>"), (left, Const(0))):
            return left
        case (("+" | "|" | "^"), (Const(0), right)):
            return right
        case (("&" | "*"), (_, Const(0))) | (("&" | "*"), (Const(0), _)):
            return FALSE
        case ("&", (left, right)) | ("|", (left, right)) if left == right:
            return left
        case ("&", (left, Const(value))) if value == MASK64:
            return left
        case ("+", (Apply("+", (base, Const(a))), Const(b))):
            return fold("+", (base, const(a + b)))
        case ("*", (left, Const(1))):
            return left
        case ("-", (left, right)) if left == right:
            return FALSE
        case ("&&", (left, right)):
            if FALSE in (left, right):
                return FALSE
            if isinstance(left, Const):
                return _truth(right)
            if isinstance(right, Const):
                return _truth(left)
        case ("||", (left, right)):
            if any(isinstance(arg, Const) and arg.value for arg in args):
                return TRUE
            if left == FALSE:
                return _truth(right)
            if right == FALSE:
                return _truth(left)
        case ("?:", (Const(value), yes, no)):
            return yes if value else no
        case ("?:", (_, yes, no)) if yes == no:
            return yes
        case ("?:", (condition, Const(1), Const(0))):
            return _truth(condition)
        case ("?:", (condition, Const(0), Const(1))):
            return fold("!", (condition,))
        case (cast, (operand,)) if cast in ("zext 64", "sext 64"):
            return operand
        case ("zext 1", (operand,)) if _is_boolean(operand):
            return operand
        case (cast, (operand,)) if cast.startswith(("zext", "sext")) and _is_boolean(operand):
            return operand
    return Apply(op, args)


def _truth(term: Term) -> Term:
    return term if _is_boolean(term) else fold("!=", (term, FALSE))


def _is_boolean(term: Term) -> bool:
    match term:
        case Apply(op, _):
            return op in COMPARISONS or op in ("!", "&&", "||", "zext 1")
        case Const(value):
            return value < 2
    return False


def _compute(op: str, v: tuple[int, ...]) -> int | None:
    match op, v:
        case "~", (a,):
            return ~a
        case "neg", (a,):
            return -a
        case "!", (a,):
            return int(not a)
        case "?:", (a, b, c):
            return b if a else c
        case _, (a,) if op.startswith("zext "):
            return a & ((1 << int(op[5:])) - 1)
        case _, (a,) if op.startswith("sext "):
            return signed(a, int(op[5:]))
        case _, (a, b):
            return _binary(op, a, b)
    return None


_ARITHMETIC: Mapping[str, Callable[[int, int], int]] = {
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


def _binary(op: str, a: int, b: int) -> int | None:
    if op in ("/", "%"):
        if b == 0:
            return None
        return a // b if op == "/" else a % b
    function = _ARITHMETIC.get(op)
    return function(a, b) if function else None


def rebuild(term: Term, leaf: Callable[[Term], Term]) -> Term:
    """Replace every leaf (name, symbol, object address, load) by `leaf(it)` and fold what becomes simpler."""
    match term:
        case Const():
            return term
        case Apply("load", _) | Name() | Unknown() | AddressOf():
            return leaf(term)
        case Apply(op, args):
            return fold(op, tuple(rebuild(arg, leaf) for arg in args))
        case Field(base, name):
            return Field(rebuild(base, leaf), name)
        case Element(base, index, size):
            return element(rebuild(base, leaf), rebuild(index, leaf), size)


def element(base: Term, index: Term, size: int) -> Term:
    """Return the address of an array element; element 0 is the base, so that `*p` and `p[0]` are one place."""
    if index == FALSE:
        return base
    match base, index:
        case Element(inner, Const(first), inner_size), Const(second) if inner_size == size:
            return element(inner, const(first + second), size)
    return Element(base, index, size)


def depth(term: Term) -> int:
    """Nesting depth; values deeper than DEPTH_LIMIT are forgotten by the analysis."""
    match term:
        case Apply(_, args):
            return 1 + max(map(depth, args), default=0)
        case Field(base, _):
            return 1 + depth(base)
        case Element(base, index, _):
            return 1 + max(depth(base), depth(index))
        case _:
            return 0


def leaves(term: Term) -> Iterator[Term]:
    """All symbols, loads and object addresses a value is computed from."""
    match term:
        case Const():
            return
        case Apply("load", _) | Name() | Unknown() | AddressOf():
            yield term
        case Apply(_, args):
            for arg in args:
                yield from leaves(arg)
        case Field(base, _):
            yield from leaves(base)
        case Element(base, index, _):
            yield from leaves(base)
            yield from leaves(index)


def bases(term: Term) -> Iterator[Term]:
    """The leaves an *address* points from: offsets (indices, products, shifts left) and constants are left out."""
    match term:
        case Const() | Apply("*" | "<<" | ">>" | ">>s" | "%" | "/", _):
            return
        case Apply("load", _) | Name() | Unknown() | AddressOf():
            yield term
        case Apply("-", (left, _)):
            yield from bases(left)
        case Apply("&", (left, right)):
            yield from bases(right if isinstance(left, Const) else left)
        case Apply("?:", (_, yes, no)):
            yield from bases(yes)
            yield from bases(no)
        case Apply(op, args):
            if op not in COMPARISONS and op not in ("!", "&&", "||"):
                for arg in args:
                    yield from bases(arg)
        case Field(base, _) | Element(base, _, _):
            yield from bases(base)


def walk_index(location: Term) -> Term | None:
    """The input address a descriptor's place is indexed by: `va` of `table[(va >> 12) & 511]`, if it has that shape."""
    match location:
        case Element(_, index, _):
            return _indexed_by(index)
        case Apply("+", (_, Apply("*" | "<<", (index, Const())))):
            return _indexed_by(index)
        case Field(base, _):
            return walk_index(base)
    return None


def _indexed_by(index: Term) -> Term | None:
    match index:
        case Apply("zext 32" | "sext 32" | "zext 16", (inner,)):
            return _indexed_by(inner)
        case Apply("&", (Apply(">>" | ">>s", (address, _)), mask)) if not isinstance(address, Const):
            return address if _is_index_mask(mask) else None
        case Apply("&", (mask, Apply(">>" | ">>s", (address, _)))) if not isinstance(address, Const):
            return address if _is_index_mask(mask) else None
        case Apply(">>" | ">>s", (Apply("&", (address, _)), _)):
            return address
        case Apply("&", (Apply("zext 32" | "sext 32", (inner,)), mask)):
            return _indexed_by(Apply("&", (inner, mask)))
        case Apply("%", (Apply(">>" | "/", (address, _)), _)):
            return address
    return None


def _is_index_mask(mask: Term) -> bool:
    """511, 2047, 8191 and the smaller top-level ones; an unknown mask may be any of them."""
    return not isinstance(mask, Const) or (mask.value & (mask.value + 1) == 0 and mask.value < 1 << 16)


def known_bits(term: Term, facts: Mapping[Term, Bits], budget: int = DEPTH_LIMIT) -> Bits:
    """Return the bits of `term` that are 1 and those that are 0 in every execution that satisfies `facts`."""
    ones, zeros = facts.get(term, NO_BITS)
    if budget <= 0:
        return ones, zeros
    more = _structural_bits(term, facts, budget - 1)
    return ones | more[0], zeros | more[1]


def _structural_bits(term: Term, facts: Mapping[Term, Bits], budget: int) -> Bits:
    match term:
        case Const(value):
            return value, ~value & MASK64
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
        case Element(_, _, size) if size and size & (size - 1) == 0:
            return NO_BITS
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
    if op in COMPARISONS or op in ("&&", "||"):
        return 0, MASK64 ^ 1
    return NO_BITS


def _sum_bits(op: str, a: Bits, b: Bits) -> Bits:
    """Low bits of a sum are known as far up as both operands' are; disjoint bits add without carry."""
    if op == "+" and (a[1] | b[1]) == MASK64:
        return a[0] | b[0], a[1] & b[1]
    unknown = ~((a[0] | a[1]) & (b[0] | b[1])) & MASK64
    low = (unknown & -unknown) - 1 if unknown else MASK64
    value = (a[0] + b[0] if op == "+" else a[0] - b[0]) & low
    return value, ~value & low
