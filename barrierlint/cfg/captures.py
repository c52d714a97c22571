"""What lambdas capture by copy: variables, and `*this`, whose copies in the closure are places of their own.

A copy belongs to the function that makes the closure, which writes it there; in the lambda's body the variable's name
means the copy. Variables captured by reference keep their ids. What it does not model: two closures of one lambda
expression that live at the same time, copies of closures, and what destroying a closure does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from barrierlint.cfg.nodes import function_nodes
from barrierlint.source import tree

Copied = tuple[tuple[tree.Variable, str], ...]


@dataclass(frozen=True, slots=True)
class Captures:
    """`names` maps a lambda (by USR) to the ids of the copies that variables mean in it; `copies` maps it to what is
    copied where its closure is made, as (variable, id of the copy).
    """

    names: dict[str, dict[str, str]] = field(default_factory=dict)
    copies: dict[str, Copied] = field(default_factory=dict)

    def name(self, function: str, variable: str) -> str:
        """The id of the copy that `variable` means in `function`, "" if it means itself."""
        return self.names[function].get(variable, "") if function in self.names else ""


def captures(functions: Mapping[str, tree.Function]) -> Captures:
    """What the lambdas of the program capture by copy."""
    made: dict[str, tuple[tree.Lambda, str]] = {}
    free: dict[str, dict[str, tree.Variable]] = {}
    for function in functions.values():
        own: set[str] = {param.id for param in function.params}
        used: dict[str, tree.Variable] = {}
        for node in function_nodes(function):
            match node:
                case tree.Lambda(function=usr) if usr:
                    made.setdefault(usr, (node, function.usr))
                case tree.Declaration(variable=variable) | tree.Handler(variable=tree.Variable() as variable):
                    own.add(variable.id)
                case tree.Reference(variable=variable) if variable.kind in ("param", "local"):
                    used[variable.id] = variable
        free[function.usr] = {id: variable for id, variable in used.items() if id not in own}
    return _resolved(functions, made, free)


def maker_of(function: tree.Function) -> tuple[str, str]:
    """The USRs under which the lambda expression that makes `function` may be known: its own, its template's."""
    return function.usr, function.pattern


def _resolved(
    functions: Mapping[str, tree.Function],
    made: Mapping[str, tuple[tree.Lambda, str]],
    free: dict[str, dict[str, tree.Variable]],
) -> Captures:
    known = {
        function.usr: usr
        for function in functions.values()
        if function.kind == "lambda"
        for usr in maker_of(function)
        if usr in made
    }
    order = sorted(known, key=lambda usr: -_depth(usr, known, made))
    for usr in order:  # what a lambda inside uses, the one around it captures as well
        expression, maker = made[known[usr]]
        if maker in known:
            initialized = {one.variable.id for one in expression.made}
            free[maker].update({id: one for id, one in free[usr].items() if id not in initialized})
    found = Captures()
    for usr in reversed(order):
        expression, maker = made[known[usr]]
        copies = {variable.id: variable for variable in _copied(expression, free[usr])}
        ids = {id: f"{maker}#{variable.name}#copy{len(found.copies)}" for id, variable in copies.items()}
        outer = found.names.get(maker, {})
        found.names[usr] = {id: outer[id] for id in free[usr] if id in outer} | ids
        before = found.copies.get(known[usr], ())
        found.copies[known[usr]] = before or tuple((copies[id], ids[id]) for id in ids)
        if before:  # another instantiation of a generic lambda: its copies are those of the first
            found.names[usr] |= {variable.id: id for variable, id in before}
    return found


def _depth(usr: str, known: Mapping[str, str], made: Mapping[str, tuple[tree.Lambda, str]]) -> int:
    """How many lambdas are around the lambda `usr`."""
    depth = 0
    while usr in known and depth < len(known):
        usr = made[known[usr]][1]
        depth += 1
    return depth


def _copied(expression: tree.Lambda, free: Mapping[str, tree.Variable]) -> list[tree.Variable]:
    """The variables among `free` that the closure holds copies of."""
    named = {variable.id: by_reference for variable, by_reference in expression.captures}
    initialized = {one.variable.id for one in expression.made}
    by_copy = expression.default == "="
    return [variable for id, variable in free.items() if id not in initialized and not named.get(id, not by_copy)]
