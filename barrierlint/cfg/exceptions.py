"""Which functions an exception can leave.

A function throws if it does so itself, or calls one that does, outside a `try` that catches all. A function nobody has
seen is taken to throw only where a `try` of the program would notice: in functions called from inside one. What one
unit tells is a `Behaviour` a function; `guarded` and `throwing` judge when units are joined. What it does not model:
`noexcept`, and which types a handler matches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

from barrierlint.cfg.linkable import Behaviour
from barrierlint.cfg.nodes import Node, parts, walk
from barrierlint.source import tree

Overriding = Mapping[str, tuple[str, ...]]
Behaviours = Mapping[str, Behaviour]


def behaviour(function: tree.Function, nodes: Sequence[Node]) -> Behaviour:
    """What `function`, whose nodes are `nodes`, does that matters to exceptions."""
    raises, unsure, escaping = _escaping(function)
    called = dict.fromkeys(callee for callee in _callees(nodes) if callee not in escaping)
    return Behaviour(
        function.usr, function.kind == "destructor", raises, unsure, tuple(sorted(escaping)), tuple(called)
    )


def tried(nodes: Iterable[Node]) -> list[str]:
    """The functions that `try` blocks among `nodes` call."""
    return [callee for node in nodes if isinstance(node, tree.Try) for callee in _callees(walk(node.body))]


def _callees(nodes: Iterable[Node]) -> list[str]:
    return [node.callee for node in nodes if isinstance(node, tree.CallExpression | tree.Construct) and node.callee]


def guarded(behaviours: Behaviours, called_in_try: Iterable[str], overriding: Overriding) -> frozenset[str]:
    """The functions that a `try` of the program calls, directly or through others."""
    stack = list(called_in_try)
    found: set[str] = set()
    while stack:
        callee = stack.pop()
        for usr in (callee, *overriding.get(callee, ())):
            if usr in behaviours and usr not in found:
                found.add(usr)
                stack += (*behaviours[usr].escaping, *behaviours[usr].called)
    return frozenset(found)


def throwing(behaviours: Behaviours, overriding: Overriding, within: frozenset[str]) -> frozenset[str]:
    """The functions an exception can leave; those in `within` also by way of functions without a body."""
    callers: dict[str, list[str]] = {}
    thrown: list[str] = []
    for one in behaviours.values():
        unknown = one.unsure
        for callee in one.escaping:
            targets = [target for target in (callee, *overriding.get(callee, ())) if target in behaviours]
            unknown = unknown or not targets
            for target in targets:
                callers.setdefault(target, []).append(one.usr)
        if not one.destructor and (one.raises or (unknown and one.usr in within)):
            thrown.append(one.usr)
    result: set[str] = set()
    while thrown:
        usr = thrown.pop()
        if usr not in result and not behaviours[usr].destructor:  # they are noexcept unless they say otherwise
            result.add(usr)
            thrown += callers.get(usr, [])
    return frozenset(result)


def quiet(behaviours: Behaviours, virtual: Set[str]) -> frozenset[str]:
    """The functions no exception can leave, whatever other units say: all that they call is here, not `virtual`, and is
    quiet.
    """
    settled = behaviours.keys() - virtual
    noisy = [one.usr for one in behaviours.values() if one.raises or one.unsure or not settled.issuperset(one.escaping)]
    callers: dict[str, list[str]] = {}
    for one in behaviours.values():
        for callee in one.escaping:
            callers.setdefault(callee, []).append(one.usr)
    loud: set[str] = set()
    while noisy:
        usr = noisy.pop()
        if usr not in loud and not behaviours[usr].destructor:
            loud.add(usr)
            noisy += callers.get(usr, [])
    return frozenset(set(behaviours) - loud)


def _escaping(function: tree.Function) -> tuple[bool, bool, set[str]]:
    """Whether `function` itself throws out, whether it calls through a pointer where an exception would leave it, and
    what it calls there.
    """
    raises, unsure, callees = False, False, set(function.members)
    stack: list[Node] = [*function.initializers, function.body]
    while stack:
        node = stack.pop()
        match node:
            case tree.Throw():
                raises = True
            case tree.CallExpression(callee="", target=target):
                unsure = unsure or target is not None
            case tree.CallExpression(callee=callee) | tree.Construct(callee=callee):
                callees.add(callee)
            case tree.Try(handlers=handlers) if any(handler.type is None for handler in handlers):
                stack += handlers
                continue
        stack += parts(node)
    return raises, unsure, callees - {""}
