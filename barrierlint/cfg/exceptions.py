"""Which functions an exception can leave.

A function throws if it does so itself, or calls one that does, outside a `try` that catches all. A function nobody has
seen is taken to throw only where a `try` of the program would notice: in functions called from inside one. What it
does not model: `noexcept`, and which types a handler matches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from barrierlint.cfg.nodes import Node, function_nodes, parts, walk
from barrierlint.source import tree

Functions = Mapping[str, tree.Function]
Overriding = Mapping[str, tuple[str, ...]]


def guarded(functions: Functions, overriding: Overriding) -> frozenset[str]:
    """The functions that a `try` of the program calls, directly or through others."""
    stack: list[str] = []
    for function in functions.values():
        for node in function_nodes(function):
            if isinstance(node, tree.Try):
                stack += _callees(walk(node.body), overriding)
    found: set[str] = set()
    while stack:
        usr = stack.pop()
        if usr in functions and usr not in found:
            found.add(usr)
            stack += _callees(function_nodes(functions[usr]), overriding)
    return frozenset(found)


def _callees(nodes: Iterable[Node], overriding: Overriding) -> list[str]:
    called = [node.callee for node in nodes if isinstance(node, tree.CallExpression | tree.Construct)]
    return [target for callee in called for target in (callee, *overriding.get(callee, ()))]


def throwing(functions: Functions, overriding: Overriding, within: frozenset[str]) -> frozenset[str]:
    """The functions an exception can leave; those in `within` also by way of functions without a body."""
    callers: dict[str, list[str]] = {}
    thrown: list[str] = []
    for function in functions.values():
        throws, callees, unknown = _escaping(function)
        for callee in callees:
            targets = [target for target in (callee, *overriding.get(callee, ())) if target in functions]
            unknown = unknown or not targets
            for target in targets:
                callers.setdefault(target, []).append(function.usr)
        if function.kind != "destructor" and (throws or (unknown and function.usr in within)):
            thrown.append(function.usr)
    result: set[str] = set()
    while thrown:
        usr = thrown.pop()
        if usr not in result and functions[usr].kind != "destructor":  # they are noexcept unless they say otherwise
            result.add(usr)
            thrown += callers.get(usr, [])
    return frozenset(result)


def _escaping(function: tree.Function) -> tuple[bool, set[str], bool]:
    """Whether `function` itself throws out, what it calls where an exception would leave it, and whether through a
    pointer.
    """
    throws, unknown, callees = False, False, set(function.members)
    stack: list[Node] = [*function.initializers, function.body]
    while stack:
        node = stack.pop()
        match node:
            case tree.Throw():
                throws = True
            case tree.CallExpression(callee="", target=target):
                unknown = unknown or target is not None
            case tree.CallExpression(callee=callee) | tree.Construct(callee=callee):
                callees.add(callee)
            case tree.Try(handlers=handlers) if any(handler.type is None for handler in handlers):
                stack += handlers
                continue
        stack += parts(node)
    return throws, callees - {""}, unknown
