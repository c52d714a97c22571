"""Walks over syntax trees: the parts of a node in evaluation order, all nodes of a function, the variables an lvalue
names.

Nothing here recurses, so that depth of nesting costs memory only. What it does not model: which parts are conditional.
"""

from __future__ import annotations

import dataclasses
import typing

from barrierlint.source import tree

Node = tree.Expression | tree.Statement | tree.AsmOperand | tree.Handler | tree.MemberInitializer

_CLASSES: tuple[type, ...] = (
    *typing.get_args(tree.Expression),
    *typing.get_args(tree.Statement),
    tree.AsmOperand,
    tree.Handler,
    tree.MemberInitializer,
)
_HOLDERS = ("Expression", "Statement", "Compound", "Declaration", "AsmOperand", "Handler")


def _holds_nodes(field: dataclasses.Field[object]) -> bool:
    return any(word in str(field.type) for word in _HOLDERS)


_PARTS: dict[type, tuple[str, ...]] = {
    cls: tuple(field.name for field in dataclasses.fields(cls) if _holds_nodes(field)) for cls in _CLASSES
}


def parts(node: Node) -> list[Node]:
    """The expressions and statements directly inside `node`."""
    result: list[Node] = []
    for name in _PARTS[type(node)]:
        value = getattr(node, name)
        if value is None:
            continue
        if type(value) is not tuple:
            result.append(value)
        elif value:
            result += [item[1] if type(item) is tuple else item for item in value]
    return result


def walk(*roots: Node) -> list[Node]:
    """All nodes at and below `roots`, parents first."""
    found: list[Node] = []
    stack: list[Node] = list(reversed(roots))
    while stack:
        node = stack.pop()
        found.append(node)
        if _PARTS[type(node)]:
            inner = parts(node)
            inner.reverse()
            stack += inner
    return found


def function_nodes(function: tree.Function) -> list[Node]:
    """All nodes of a function, its member initialisers included."""
    return walk(*function.initializers, function.body)


def peel(expression: tree.Expression) -> tree.Expression:
    """`expression` without the conversions around it."""
    while isinstance(expression, tree.Cast):
        expression = expression.operand
    return expression


def named(expression: tree.Expression) -> list[tree.Variable]:
    """The variables whose storage the lvalue `expression` can be (part of)."""
    result: list[tree.Variable] = []
    stack: list[tree.Expression] = [expression]
    while stack:
        match stack.pop():
            case tree.Reference(variable=variable):
                result.append(variable)
            case tree.Member(base=base, arrow=False):
                stack.append(base)
            case tree.Cast(operand=inner) | tree.Unary(op="++x" | "--x" | "__extension__", operand=inner):
                stack.append(inner)
            case tree.Assignment(target=inner) | tree.Binary(op=",", right=inner):
                stack.append(inner)
            case tree.Conditional(yes=yes, no=no):
                stack += [no] if yes is None else [yes, no]
    return result
