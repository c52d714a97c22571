"""Finds the methods of descriptor classes that are called on entries of tables, not only on values in the making.

`e.set_valid(true)` on a local is no descriptor write, `table[i].set_valid(true)` is one; the method's body cannot
tell. So a method counts as writing entries where some call has an object reached through a pointer, an index or a
reference whose type there is a descriptor's. What it does not model: a method called on both (the data flow tells such
calls apart).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from barrierlint.cfg.nodes import Node
from barrierlint.source import tree

T = TypeVar("T")


def visit(
    function: tree.Function,
    nodes: Iterable[Node],
    is_descriptor: Callable[[tree.Type], bool],
    found: dict[str, tree.Type],
    inside: dict[str, list[str]],
) -> None:
    """Add to `found` the methods that `nodes` of a function call on entries, with the entry's type, and to `inside`
    those it calls on its own object.
    """
    for node in nodes:
        if not isinstance(node, tree.CallExpression) or node.object is None or not node.callee:
            continue
        if isinstance(node.object, tree.This):
            inside.setdefault(function.usr, []).append(node.callee)
        type = _entry_type(node.object, node.arrow)
        if type is not None and node.callee not in found and is_descriptor(type):
            found[node.callee] = type


def with_inner(known: Mapping[str, T], inside: Mapping[str, Iterable[str]]) -> dict[str, T]:
    """`known` with all that methods in it call on their own object, directly or through others."""
    found = dict(known)
    stack = list(found)
    while stack:
        caller = stack.pop()
        for callee in inside.get(caller, ()):
            if callee not in found:
                found[callee] = found[caller]
                stack.append(callee)
    return found


def _entry_type(object: tree.Expression, arrow: bool) -> tree.Type | None:
    """The type of an object that is reached through a pointer, an index or a reference, None for any other."""
    if arrow:
        return None if isinstance(object, tree.This) else object.type.element
    type = object.type
    while True:
        match object:
            case tree.Cast(operand=operand):
                object = operand
            case tree.Subscript() | tree.Unary(op="*"):
                return type
            case tree.Reference(variable=variable):
                shared = variable.type.kind == "reference" or variable.kind in ("global", "static")
                return type if shared else None
            case tree.Member(arrow=True, base=base):
                return None if isinstance(base, tree.This) else type
            case tree.Member(base=base):
                object = base
            case tree.CallExpression(type=returned) if returned.kind == "reference":
                return returned.element
            case _:
                return None
