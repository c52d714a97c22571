"""Symbolic values: folding and substitution of terms.

Leaves of a value are constants, `Unknown` symbols and loads (`Apply("load", (address,))`: what memory held at that
address when the function was entered). What it does not model: floating point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from barrierlint.cfg.fold import compute
from barrierlint.terms import MASK64, AddressOf, Apply, Const, Element, Field, Name, Term, Unknown, const

TRUE, FALSE = Const(1), Const(0)
COMPARISONS = {"==", "!=", "<", "<=", ">", ">=", "<s", "<=s", ">s", ">=s"}
NEGATED = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
SIZE_LIMIT = 48


def load(address: Term) -> Term:
    """What memory held at `address` on entry to the function."""
    return Apply("load", (address,))


def signed(value: int, bits: int = 64) -> int:
    """Read the low `bits` of `value` as a two's complement number."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


@lru_cache(maxsize=1 << 17)
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
        case "?:", (a, b, c):
            return b if a else c
        case _, (a,) if op.startswith("zext "):
            return a & ((1 << int(op[5:])) - 1)
        case _, (a,) if op.startswith("sext "):
            return signed(a, int(op[5:]))
    return compute(op, *v)


def rebuild(term: Term, leaf: Callable[[Term], Term]) -> Term:
    """Replace every leaf (name, symbol, object address, load) by `leaf(it)` and fold what becomes simpler."""
    if isinstance(term, Const):
        return term
    if isinstance(term, Unknown | Name | AddressOf):
        return leaf(term)
    match term:
        case Apply("load", _):
            return leaf(term)
        case Apply(op, args):
            return fold(op, tuple([rebuild(arg, leaf) for arg in args]))
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


def is_large(term: Term, limit: int = SIZE_LIMIT) -> bool:
    """Whether a term has more than `limit` nodes, counted as a tree; values that large are forgotten by the
    analysis.
    """
    return isinstance(term, Apply | Field | Element) and _nodes(term) > limit


@lru_cache(maxsize=1 << 17)
def _nodes(term: Term) -> int:
    """The nodes of a term, up to one more than `SIZE_LIMIT`."""
    count = 0
    pending = [term]
    while pending and count <= SIZE_LIMIT:
        count += 1
        match pending.pop():
            case Apply(_, args):
                pending.extend(args)
            case Field(base, _):
                pending.append(base)
            case Element(base, index, _):
                pending += (base, index)
    return count


@lru_cache(maxsize=1 << 17)
def leaves(term: Term) -> tuple[Term, ...]:
    """All symbols, loads and object addresses a value is computed from."""
    return tuple(_leaves(term))


def _leaves(term: Term) -> Iterator[Term]:
    match term:
        case Const():
            return
        case Apply("load", _) | Name() | Unknown() | AddressOf():
            yield term
        case Apply(_, args):
            for arg in args:
                yield from _leaves(arg)
        case Field(base, _):
            yield from _leaves(base)
        case Element(base, index, _):
            yield from _leaves(base)
            yield from _leaves(index)


@lru_cache(maxsize=1 << 17)
def all_leaves(term: Term) -> tuple[Term, ...]:
    """As `leaves`, and the leaves of loads' addresses as well."""
    return tuple(_all_leaves(term))


def _all_leaves(term: Term) -> Iterator[Term]:
    for leaf in leaves(term):
        yield leaf
        if isinstance(leaf, Apply):
            yield from all_leaves(leaf.args[0])
