"""Decides which variables live in memory: those whose address is taken, bound to a reference, or seen by another
function.

All others that hold a scalar, or a transparent record, are names. The decision is made once for the program, since a
lambda and the function around it must agree about a captured variable. What it does not model: registers, liveness.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from barrierlint.cfg.captures import Captures
from barrierlint.cfg.nodes import Node, function_nodes, named, peel, walk
from barrierlint.cfg.records import Layouts
from barrierlint.source import tree

if TYPE_CHECKING:
    from barrierlint.models import Models

_MEMORY_CONSTRAINTS = frozenset("mQoV")


def in_memory_only(constraint: str) -> bool:
    """True where an asm operand with `constraint` is memory: `m`, `Q`, `Ump`, … and no register or constant."""
    letters = constraint.replace("Ump", "m").replace("Utv", "m")
    return bool(_MEMORY_CONSTRAINTS & set(letters)) and not set("rinwxg") & set(letters)


class Storage:
    """Collects the ids of variables in memory from functions with bodies."""

    def __init__(
        self, functions: dict[str, tree.Function], layouts: Layouts, captures: Captures, models: Models
    ) -> None:
        self._functions = functions
        self._models = models
        self._layouts = layouts
        self._captures = captures
        self._ids: set[str] = set()
        self._own: set[str] = set()
        self._indexed: set[int] = set()  # array members seen under a constant index
        self._returns_reference = False

    def collect(self, functions: Iterable[tree.Function]) -> frozenset[str]:
        """The ids of variables and parameters whose address is needed somewhere in `functions`."""
        for function in functions:
            self._collect_function(function)
        return frozenset(self._ids)

    def _collect_function(self, function: tree.Function) -> None:
        nodes = function_nodes(function)
        self._own = {param.id for param in function.params}
        self._own |= self._captures.names.get(function.usr, {}).keys()
        self._own |= {node.variable.id for node in nodes if isinstance(node, tree.Declaration)}
        self._own |= {node.variable.id for node in nodes if isinstance(node, tree.Handler) and node.variable}
        self._returns_reference = function.result.kind == "reference"
        for node in nodes:
            self._visit(node)

    def _visit(self, node: Node) -> None:
        match node:
            case tree.Reference(variable=variable) if variable.id not in self._own:
                self._ids.add(variable.id)
            case tree.Subscript(base=base, index=tree.Integer()):
                self._indexed.add(id(peel(base)))
            case tree.Member(type=type) if type.kind == "array" and id(node) not in self._indexed:
                self._take(node)  # it decays to its address, or its index is not known
            case tree.Unary(op="&", operand=operand):
                self._take(operand)
            case tree.CallExpression():
                self._call(node)
            case tree.Construct():
                self._arguments(node)
            case tree.Declaration():
                self._declare(node)
            case tree.Cast(type=type, operand=operand) if type.kind == "reference":
                self._take(operand)
            case tree.Return(value=value) if value is not None and self._returns_reference:
                self._take(value)
            case tree.RangeFor(range=range):
                self._take(range)
            case tree.Lambda(captures=captures):
                self._ids.update(variable.id for variable, by_reference in captures if by_reference)
            case tree.AsmOperand(constraint=constraint, expression=expression):
                if in_memory_only(constraint):
                    self._take(expression)
            case tree.MemberInitializer(value=value) | tree.Throw(operand=tree.Reference() as value):
                self._take_if_lvalue(value)
            case tree.Initializer(type=type, items=items):
                for name, item in items:
                    field = self._layouts.field(type.record, name)
                    if field is not None and field.type.kind == "reference":
                        self._take(item)

    def _take(self, expression: tree.Expression) -> None:
        self._ids.update(variable.id for variable in named(expression) if variable.type.kind != "reference")

    def _take_if_lvalue(self, expression: tree.Expression) -> None:
        if not isinstance(expression, tree.Cast) and expression.type.kind == "reference":
            self._take(expression)

    def _call(self, call: tree.CallExpression) -> None:
        if call.object is not None and not call.arrow:
            self._take(call.object)
        self._arguments(call)

    def _arguments(self, call: tree.CallExpression | tree.Construct) -> None:
        for index, arg in enumerate(call.args):
            type = parameter_type(self._functions, call, index, self._models) or arg.type
            if type.kind == "reference":
                self._take(arg)

    def _declare(self, declaration: tree.Declaration) -> None:
        value = declaration.value
        if declaration.destructor or declaration.cleanup:
            self._ids.add(declaration.variable.id)
        if value is not None and declaration.variable.type.kind == "reference":
            self._take(value)
        made = peel(value) if value is not None else None
        if not isinstance(made, tree.Construct) or made.callee not in self._functions:
            return
        if forwarded(self._functions, made.callee) is None:
            self._ids.add(declaration.variable.id)


def parameter_type(
    functions: dict[str, tree.Function], call: tree.CallExpression | tree.Construct, index: int, models: Models
) -> tree.Type | None:
    """The type of the parameter that argument `index` of `call` initialises, None if it is not known.

    Of functions without a body here that the standard library or a model describes, operands are values, but for the
    expected one of a compare-exchange, which receives the old value.
    """
    function = functions.get(call.callee)
    if function is not None:
        return function.params[index].type if index < len(function.params) else None
    if call.qualified.startswith("std::") or not call.callee or models.function(call.qualified) is not None:
        if not (index == 0 and call.qualified.startswith("std::") and "::compare_exchange_" in call.qualified):
            return None
        type = call.args[0].type
        return tree.Type(f"{type.spelling} &", "", "reference", 8, element=type)
    return call.parameters[index] if index < len(call.parameters) else None


def has_object(function: tree.Function) -> bool:
    """True where the first parameter is the object (or the closure) the function is called on."""
    if function.kind == "lambda":
        return True
    return bool(function.record) and not function.is_static


def parameter_spellings(function: tree.Function) -> tuple[str, ...]:
    """The spellings of the types of a function's parameters, the object first."""
    return (("void *",) if has_object(function) else ()) + tuple(param.type.spelling for param in function.params)


def forwarded(functions: dict[str, tree.Function], callee: str) -> tree.MemberInitializer | None:
    """The one initialiser of a constructor that only gives its one member (or base) a value, None for any other."""
    function = functions.get(callee)
    if function is None or function.kind != "constructor":
        return None
    if not isinstance(function.body, tree.Compound) or function.body.body:
        return None
    initializers = [one for one in function.initializers if initializes(one)]
    if len(initializers) != 1:
        return None
    only = initializers[0]
    inner = peel(only.value)
    if isinstance(inner, tree.Construct) and inner.callee in functions:
        return only if inner.callee != callee and forwarded(functions, inner.callee) is not None else None
    return None if any(isinstance(node, tree.This) for node in walk(only.value)) else only


def initializes(initializer: tree.MemberInitializer) -> bool:
    """False for what stands for a base but is no object: libclang shows a template argument of its name so."""
    return bool(initializer.member) or initializer.value.type.kind == "record"
