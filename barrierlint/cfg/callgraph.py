"""Who can call whom: overriders of virtual methods, lambdas that use the `this` around them, and the program's roots.

What it does not model: callers that no unit shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from barrierlint.cfg.captures import maker_of
from barrierlint.cfg.graph import Cfg
from barrierlint.cfg.nodes import function_nodes
from barrierlint.events import Call
from barrierlint.source import tree


def overriders(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Map each overridden method to all that override it, directly or through others, in the order of `pairs`, which
    are (method, method it overrides).
    """
    direct: dict[str, dict[str, None]] = {}
    for method, overridden in pairs:
        direct.setdefault(overridden, {}).setdefault(method)
    result: dict[str, tuple[str, ...]] = {}
    for method in direct:
        found: dict[str, None] = {}
        stack = list(reversed(direct[method]))
        while stack:
            usr = stack.pop()
            if usr not in found:
                found[usr] = None
                stack += reversed(direct.get(usr, {}))
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
