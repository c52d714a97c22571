"""Places in memory: what a cell is called, which cells are followed, and which addresses may be one place.

What it does not model: overlap of places of different sizes.
"""

from __future__ import annotations

from functools import lru_cache

from barrierlint.terms import AddressOf, Apply, Const, Element, Field, Term

MAX_LOADS, MAX_NODES = 2, 12
"""How remote a followed cell may be: loads and nodes of its address."""


@lru_cache(maxsize=1 << 16)
def tag(cell: Term) -> str:
    """A name for a cell that is the same in every run."""
    return repr(cell)


def place_of(address: Term) -> str:
    """What a cell is called apart from its object: a member's name, or a variable's id."""
    match address:
        case Field(_, name):
            return name
        case AddressOf(id, _):
            return id
    return ""


@lru_cache(maxsize=1 << 16)
def array_of(cell: Term) -> str:
    """A name for the object whose element, at an index that is no constant, a cell lies in; "" for other cells."""
    variable = False
    while isinstance(cell, Field | Element):
        variable |= isinstance(cell, Element) and not isinstance(cell.index, Const)
        cell = cell.base
    return f"[]{cell!r}" if variable else ""


@lru_cache(maxsize=1 << 16)
def is_near(address: Term) -> bool:
    """Whether a cell is followed: an object named, handed in or reached from one by a load or two."""
    loads, nodes, pending = 0, 0, [address]
    while pending:
        nodes += 1
        match pending.pop():
            case Apply(op, args):
                loads += op == "load"
                pending.extend(args)
            case Field(base, _):
                pending.append(base)
            case Element(base, index, _):
                pending += (base, index)
    return loads <= MAX_LOADS and nodes <= MAX_NODES


def root(address: Term) -> Term:
    """The object an address lies in, as far as its shape says."""
    while isinstance(address, Field | Element):
        address = address.base
    return address


def may_alias(left: Term, right: Term) -> bool:
    """Whether two different address terms may name one place (types and named objects tell apart, as in C's
    aliasing rules).
    """
    match left, right:
        case (Field(a, m), Field(b, n)):
            return m == n and may_be_same(a, b)
        case (Field(), _) | (_, Field()):
            return False
        case (Element(a, i, _), Element(b, j, _)):
            return not (a == b and isinstance(i, Const) and isinstance(j, Const)) and may_be_same(a, b)
        case (Element(base, i, _), other) | (other, Element(base, i, _)):
            return not (base == other and isinstance(i, Const)) and may_be_same(base, other)
    return may_be_same(left, right)


def may_be_same(left: Term, right: Term) -> bool:
    """Whether two base addresses may be equal: distinct named objects are not, nor is a local one a caller's
    pointer.
    """
    if left == right:
        return True
    a, b = root(left), root(right)
    if isinstance(a, AddressOf) and isinstance(b, AddressOf):
        return a == b
    if isinstance(a, AddressOf) or isinstance(b, AddressOf):
        named = a if isinstance(a, AddressOf) else b
        return isinstance(named, AddressOf) and named.kind == "global"
    return True
