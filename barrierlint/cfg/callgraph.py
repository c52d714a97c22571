"""Who can call whom: overriders of virtual methods, functions stored in places, exceptions that leave, and the
program's roots.

Function pointers are resolved by place (a member of a record, a variable) and by argument where every caller is known;
both are unsound for code outside the program, so such calls say why=`pointer`. What it does not model: `dlsym`, casts
between signatures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from barrierlint.cfg.captures import maker_of
from barrierlint.cfg.graph import Cfg
from barrierlint.cfg.nodes import Node, function_nodes, peel
from barrierlint.events import Call
from barrierlint.source import tree

_CALLABLE = frozenset({"pointer", "reference", "record", "function", "other"})


class Pointers:
    """The functions that can be stored in a variable, parameter or member."""

    def __init__(self, functions: Mapping[str, tree.Function], assigned: Iterable[tree.Assigned]) -> None:
        self._places: dict[str, dict[str, None]] = {}
        for stored in assigned:
            self._places.setdefault(stored.place, {})[stored.function] = None
        self._computed: set[str] = set()
        self._pending: list[tuple[str, str]] = []  # (to, from): what the second holds, the first may hold
        for function in functions.values():
            for node in function_nodes(function):
                self._visit(node, function, functions)
        self._propagate()

    def targets(self, place: str) -> tuple[str, ...]:
        """The functions seen to be stored in `place` (`record::member` or a variable id), in order of appearance."""
        return tuple(self._places.get(place, ()))

    def is_computed(self, target: tree.Expression | None) -> bool:
        """Whether a call's `target` is made of an integer or a data pointer: code that was not linked with this."""
        return target is not None and (is_made(target, target.type) or place_of(target) in self._computed)

    def _visit(self, node: Node, owner: tree.Function, functions: Mapping[str, tree.Function]) -> None:
        match node:
            case tree.CallExpression(callee=callee, args=args) | tree.Construct(callee=callee, args=args):
                function = functions.get(callee)
                for param, arg in zip(function.params if function else (), args, strict=False):
                    self._store(param.id, param.type, arg)
            case tree.Declaration(variable=variable, value=value) if value is not None:
                self._store(variable.id, variable.type, value)
            case tree.Assignment(op="=", target=target, value=value):
                self._store(place_of(target), target.type, value)
            case tree.MemberInitializer(member=member, value=value) if member:
                self._store(f"{owner.record}::{member}", value.type, value)

    def _store(self, place: str, type: tree.Type, value: tree.Expression) -> None:
        if not place or value.type.kind not in _CALLABLE:
            return
        for function in named_functions(value):
            self._places.setdefault(place, {})[function] = None
        if is_made(value, type):
            self._computed.add(place)
        source = place_of(value)
        if source and source != place:
            self._pending.append((place, source))

    def _propagate(self) -> None:
        """Follow copies of pointers until nothing new is learnt."""
        changed = True
        while changed:
            changed = False
            for target, source in self._pending:
                if source in self._computed and target not in self._computed:
                    self._computed.add(target)
                    changed = True
                known = self._places.get(source)
                if not known:
                    continue
                place = self._places.setdefault(target, {})
                before = len(place)
                place.update(known)
                changed = changed or len(place) > before


def is_made(expression: tree.Expression, type: tree.Type) -> bool:
    """Whether a pointer to a function, of `type`, is converted from an integer (not 0) or from a pointer to data."""
    if not _points_to_code(type):
        return False
    while isinstance(expression, tree.Cast | tree.Unary):
        inner = expression.operand
        if isinstance(expression, tree.Unary) and (expression.op != "*" or inner.type.element != expression.type):
            return False
        if isinstance(expression, tree.Unary) and expression.type.kind != "function":
            return False
        expression = inner
    if isinstance(expression, tree.Integer):
        return expression.value != 0
    source = expression.type
    return source.kind in ("integer", "enum") or (source.kind == "pointer" and not _points_to_code(source))


def _points_to_code(type: tree.Type) -> bool:
    while type.kind in ("pointer", "reference") and type.element is not None:
        type = type.element
    return type.kind == "function"


def named_functions(expression: tree.Expression) -> list[str]:
    """The functions `expression` names as its value: itself, `&f`, either side of `?:`, a lambda."""
    result: list[str] = []
    stack = [expression]
    while stack:
        match peel(stack.pop()):
            case tree.FunctionReference(usr=usr) | tree.Lambda(function=usr):
                result.append(usr)
            case tree.Unary(op="&" | "*" | "+", operand=operand):
                stack.append(operand)
            case tree.Conditional(yes=yes, no=no):
                stack += [no] if yes is None else [no, yes]
    return result


def place_of(expression: tree.Expression) -> str:
    """The place a pointer is kept in: a variable's id, `record::member`, "" for anything else; an array stands for its
    elements.
    """
    while True:
        match expression:
            case tree.Cast(operand=inner) | tree.Unary(op="*" | "&" | "+", operand=inner) | tree.Subscript(base=inner):
                expression = inner
            case tree.Reference(variable=variable):
                return variable.id
            case tree.Member(record=record, name=name):
                return f"{record}::{name}"
            case _:
                return ""


def overriders(functions: Iterable[tree.Function]) -> dict[str, tuple[str, ...]]:
    """Map each overridden method to all that override it, directly or through others, in source order."""
    direct: dict[str, list[str]] = {}
    for function in functions:
        for overridden in function.overrides:
            direct.setdefault(overridden, []).append(function.usr)
    result: dict[str, tuple[str, ...]] = {}
    for method in direct:
        found: dict[str, None] = {}
        stack = list(reversed(direct[method]))
        while stack:
            usr = stack.pop()
            if usr not in found:
                found[usr] = None
                stack += reversed(direct.get(usr, []))
        result[method] = tuple(found)
    return result


def captures_this(functions: Mapping[str, tree.Function]) -> frozenset[str]:
    """The call operators of lambdas using the `this` of the function around them, themselves or in a lambda inside."""
    uses: set[str] = set()
    inside: dict[str, list[str]] = {}
    for function in functions.values():
        if function.kind != "lambda":
            continue
        for node in function_nodes(function):
            if isinstance(node, tree.This):
                uses.update(maker_of(function))
            elif isinstance(node, tree.Lambda):
                inside.setdefault(node.function, []).extend(maker_of(function))
    stack = list(uses)
    while stack:
        for outer in inside.get(stack.pop(), []):
            if outer not in uses:
                uses.add(outer)
                stack.append(outer)
    return frozenset(uses - {""})


def roots(functions: Mapping[str, Cfg], candidates: Iterable[str], replaced: Set[str] = frozenset()) -> tuple[str, ...]:
    """The functions among `candidates` (in source order) that no other function calls; of a cycle nobody enters, its
    first.

    `replaced` are functions in whose place a model's word stands wherever they are called: neither they nor what only
    they call is a root.
    """
    callees = {usr: _callees(cfg, functions) for usr, cfg in functions.items()}
    called = {target for usr, targets in callees.items() for target in targets if target != usr}
    wanted = [usr for usr in dict.fromkeys(candidates) if usr in functions and usr not in replaced]
    chosen = [usr for usr in wanted if usr not in called]
    reached: set[str] = set()
    for usr in (*chosen, *replaced):
        _reach(usr, callees, reached)
    for usr in wanted:
        if usr not in reached:
            chosen.append(usr)
            _reach(usr, callees, reached)
    order = {usr: index for index, usr in enumerate(wanted)}
    return tuple(sorted(chosen, key=order.__getitem__))


def _callees(cfg: Cfg, functions: Mapping[str, Cfg]) -> list[str]:
    events = (block.steps[-1].event for block in cfg.blocks if block.steps)
    return [target for event in events if isinstance(event, Call) for target in event.targets if target in functions]


def _reach(usr: str, callees: Mapping[str, list[str]], reached: set[str]) -> None:
    stack = [usr]
    while stack:
        function = stack.pop()
        if function not in reached:
            reached.add(function)
            stack += callees[function]
