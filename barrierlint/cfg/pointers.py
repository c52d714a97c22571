"""Which functions a pointer can hold: what is stored in each place, gathered a unit at a time, followed through copies
when units are joined.

A place is `record::member`, a variable's id, or `function#arg2`, a parameter of a function that another file defines.
Resolving by place is unsound for code outside the program, so such calls say why=`pointer`. What it does not model:
`dlsym`, casts between signatures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from barrierlint.cfg.graph import THIS, Cfg
from barrierlint.cfg.linkable import Facts, Pairs
from barrierlint.cfg.nodes import Node, peel
from barrierlint.source import tree

_CALLABLE = frozenset({"pointer", "reference", "record", "function", "other"})


class Stores:
    """The stores of function pointers in the functions of one unit."""

    def __init__(self, functions: Mapping[str, tree.Function], assigned: Iterable[tree.Assigned]) -> None:
        self._functions = functions
        self._stored: dict[tuple[str, str], None] = {(one.place, one.function): None for one in assigned}
        self._copies: dict[tuple[str, str], None] = {}
        self._made: dict[str, None] = {}

    def visit(self, owner: tree.Function, nodes: Iterable[Node]) -> None:
        """Note what `nodes` of function `owner` store."""
        for node in nodes:
            match node:
                case tree.CallExpression(callee=callee, args=args) | tree.Construct(callee=callee, args=args):
                    self._pass(callee, args)
                case tree.Declaration(variable=variable, value=value) if value is not None:
                    self._store(variable.id, variable.type, value)
                case tree.Assignment(op="=", target=target, value=value):
                    self._store(place_of(target), target.type, value)
                case tree.MemberInitializer(member=member, value=value) if member:
                    self._store(f"{owner.record}::{member}", value.type, value)

    def facts(self) -> tuple[Pairs, Pairs, tuple[str, ...]]:
        """What is stored where, what is copied where, and which places hold pointers made of numbers."""
        return tuple(self._stored), tuple(self._copies), tuple(self._made)

    def _pass(self, callee: str, args: Sequence[tree.Expression]) -> None:
        function = self._functions.get(callee)
        if function is not None:
            for param, arg in zip(function.params, args, strict=False):
                self._store(param.id, param.type, arg)
        elif callee:
            for number, arg in enumerate(args):
                if _may_be_code(arg.type):
                    self._store(f"{callee}#arg{number}", arg.type, arg)

    def _store(self, place: str, type: tree.Type, value: tree.Expression) -> None:
        if not place or value.type.kind not in _CALLABLE:
            return
        for function in named_functions(value):
            self._stored.setdefault((place, function))
        if is_made(value, type):
            self._made.setdefault(place)
        source = place_of(value)
        if source and source != place:
            self._copies.setdefault((place, source))


class Pointers:
    """The functions that can be stored in a variable, parameter or member of the program."""

    def __init__(self, facts: Iterable[Facts], functions: Iterable[Cfg]) -> None:
        self._places: dict[str, dict[str, None]] = {}
        self._made: dict[str, None] = {}
        self._copies: dict[str, list[str]] = {}  # from a place to those that receive what it holds
        for one in facts:
            for place, function in one.stored:
                self._places.setdefault(place, {})[function] = None
            self._made.update(dict.fromkeys(one.made))
            for place, source in one.copies:
                self._copies.setdefault(source, []).append(place)
        for cfg in functions:
            own = cfg.params[1:] if cfg.params[:1] == (THIS,) else cfg.params
            for number, param in enumerate(own):
                self._copies.setdefault(f"{cfg.usr}#arg{number}", []).append(param)
        self._propagate()

    def targets(self, place: str) -> tuple[str, ...]:
        """The functions seen to be stored in `place`, in order of appearance."""
        return tuple(self._places.get(place, ()))

    def is_made(self, place: str) -> bool:
        """Whether `place` holds a pointer made of an integer or a data pointer: code that was not linked with this."""
        return place in self._made

    def _propagate(self) -> None:
        """Follow copies of pointers until nothing new is learnt."""
        pending = [*self._places, *self._made]
        while pending:
            source = pending.pop()
            known = self._places.get(source, {})
            for target in self._copies.get(source, ()):
                place = self._places.setdefault(target, {}) if known else {}
                before = len(place)
                place.update(known)
                fresh = source in self._made and target not in self._made
                if fresh:
                    self._made[target] = None
                if fresh or len(place) > before:
                    pending.append(target)


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
    return _pointee(type).kind == "function"


def _may_be_code(type: tree.Type) -> bool:
    """Whether a value handed to another file may lead to code: of data pointers only `void *` may."""
    return _pointee(type).kind in ("function", "void", "other") or (
        type.kind == "record" and "(lambda" in type.spelling
    )


def _pointee(type: tree.Type) -> tree.Type:
    while type.kind in ("pointer", "reference") and type.element is not None:
        type = type.element
    return type


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
