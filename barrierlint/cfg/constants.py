"""The functions that members of constant objects hold: `static const struct ops fast = { .set = set_fast }`.

A call through such a member reaches what the object's own initialiser names, not what other objects of its type hold.
What it does not model: which element of an array an index picks (any), constants that constructors make, and casts
that take `const` away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from barrierlint.cfg.callgraph import named_functions
from barrierlint.cfg.nodes import function_nodes, peel
from barrierlint.source import tree

Constants = Mapping[str, tree.Expression]


def constants(functions: Iterable[tree.Function], units: Iterable[tree.TranslationUnit]) -> dict[str, tree.Expression]:
    """Map each constant variable of the program, by id, to its initialiser."""
    found: dict[str, tree.Expression] = {}
    for unit in units:
        for variable, value in unit.globals:
            if variable.const and value is not None:
                found.setdefault(variable.id, value)
    for function in functions:
        for node in function_nodes(function):
            if isinstance(node, tree.Declaration) and node.variable.const and node.value is not None:
                found.setdefault(node.variable.id, node.value)
    return found


def held(target: tree.Expression, known: Constants) -> tuple[str, ...]:
    """The USRs of the functions that `target`, part of a constant object, can be; () if any of it is not known."""
    values = _values(target, known)
    named = [named_functions(value) for value in values if not _is_null(value)]
    return tuple(dict.fromkeys(usr for usrs in named for usr in usrs)) if all(named) else ()


def tables(known: Constants) -> dict[str, dict[str, str]]:
    """For each constant object with functions in it, by id: which function each member holds."""
    found: dict[str, dict[str, str]] = {}
    for id, value in known.items():
        inner = peel(value)
        if isinstance(inner, tree.Initializer):
            named = {name: named_functions(item) for name, item in inner.items if name}
            members = {name: usrs[0] for name, usrs in named.items() if len(usrs) == 1}
            if members:
                found[id] = members
    return found


def _is_null(value: tree.Expression) -> bool:
    inner = peel(value)
    return isinstance(inner, tree.Integer) and inner.value == 0


def _values(expression: tree.Expression, known: Constants) -> list[tree.Expression]:
    """The initialisers that give `expression` its value, [] if they are not known."""
    match peel(expression):
        case tree.Reference(variable=variable) if variable.const and variable.id in known:
            return [peel(known[variable.id])]
        case tree.Unary(op="*", operand=operand) if operand.type.element and operand.type.element.kind == "function":
            return _values(operand, known)
        case tree.Unary(op="*", operand=operand):
            return _pointed(operand, known)
        case tree.Member(base=base, name=name, arrow=arrow):
            return _members(_pointed(base, known) if arrow else _values(base, known), name)
        case tree.Subscript(base=base):
            return _elements(_values(base, known))
    return []


def _pointed(pointer: tree.Expression, known: Constants) -> list[tree.Expression]:
    """The initialisers of what `pointer`, `&object` or a constant that is one, points to."""
    inner = peel(pointer)
    if isinstance(inner, tree.Unary) and inner.op == "&":
        return _values(inner.operand, known)
    found: list[tree.Expression] = []
    for one in _values(inner, known):
        values = _values(one.operand, known) if isinstance(one, tree.Unary) and one.op == "&" else []
        if not values:
            return []
        found += values
    return found


def _members(objects: list[tree.Expression], name: str) -> list[tree.Expression]:
    found: list[tree.Expression] = []
    for one in objects:
        items = dict(one.items) if isinstance(one, tree.Initializer) else {}
        if name not in items:
            return []
        found.append(peel(items[name]))
    return found


def _elements(arrays: list[tree.Expression]) -> list[tree.Expression]:
    if not all(isinstance(one, tree.Initializer) for one in arrays):
        return []
    return [peel(value) for one in arrays if isinstance(one, tree.Initializer) for _, value in one.items]
