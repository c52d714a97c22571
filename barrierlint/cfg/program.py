"""Translation units to graphs: `lower_unit` makes one unit's, by itself; `lower` the program of several at once.

Units for another architecture are not lowered and say so. Lowering runs in a thread with a large stack, so that deep
nesting does not end it; what is too deep even for that is reported as lost. What it does not model: linking, which is
`join`'s.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from barrierlint.cfg.environment import Environment, build
from barrierlint.cfg.functions import lower_function
from barrierlint.cfg.graph import Program
from barrierlint.cfg.join import join
from barrierlint.cfg.linkable import Facts, Lowered, Unit
from barrierlint.events import Call
from barrierlint.finding import Notification, Severity
from barrierlint.source import tree
from barrierlint.source.collection import uncollected
from barrierlint.source.lines import AssemblyUnit

if TYPE_CHECKING:
    from barrierlint.models import Models

T = TypeVar("T")
TARGET = "aarch64"
_STACK = 512 << 20
_DEPTH = 1_000_000


Source = tree.TranslationUnit | AssemblyUnit
"""What one file says: the trees of its functions, or its lines."""


def lower(units: Sequence[Source], models: Models) -> Program:
    """Return the graphs of all functions of `units`; never raises for deep input."""
    return join([lower_unit(unit, models) for unit in units], models)


def lower_unit(unit: Source, models: Models) -> Unit:
    """Return the graphs of the functions of one unit, their calls unresolved; never raises for deep input."""
    with uncollected():
        return deep(lambda: _lower(unit, models))


def _lower(unit: Source, models: Models) -> Unit:
    if unit.target != TARGET:
        notifications = (*unit.notifications, _foreign(unit))
        return Unit(unit.path, unit.target, {}, notifications=notifications, includes=unit.includes)
    if isinstance(unit, AssemblyUnit):
        return _assembled(unit)
    environment, facts = build(unit, models)
    functions: dict[str, Lowered] = {}
    variants: dict[str, Lowered] = {}
    lost: list[Notification] = []
    for usr, function in environment.functions.items():
        try:
            functions[usr] = lower_function(environment, function)
            variant = _variant(environment, function)
        except RecursionError:
            lost.append(_too_deep(function))
            continue
        if variant is not None and variant != functions[usr]:
            variants[usr] = variant
    notifications = (*unit.notifications, *lost)
    places = {usr: one.cfg.place for usr, one in functions.items()}
    return Unit(unit.path, unit.target, functions, unit.roots, variants, facts, notifications, unit.includes, places)


def _assembled(unit: AssemblyUnit) -> Unit:
    from barrierlint.cfg.assembly import assemble  # a third of what lowering loads, which C has no use for

    assembled = assemble(unit)
    functions = {cfg.usr: Lowered(cfg) for cfg in assembled.functions}
    places = {cfg.usr: cfg.place for cfg in assembled.functions}
    called = (step.event for cfg in assembled.functions for step in cfg.steps())
    wanted = dict.fromkeys(event.callee for event in called if isinstance(event, Call) and event.callee)
    facts = Facts(wanted=tuple(usr for usr in wanted if usr not in functions), weak=assembled.weak)
    return Unit(
        unit.path, unit.target, functions, tuple(functions), {}, facts, assembled.notifications, unit.includes, places
    )


def _variant(environment: Environment, function: tree.Function) -> Lowered | None:
    """The graph of a descriptor class's method as called on an entry of a table, where no call here is."""
    own = environment.own_types.get(function.usr)
    if own is None or function.usr in environment.entries:
        return None
    return lower_function(replace(environment, entries={**environment.entries, function.usr: own}), function)


def _foreign(unit: Source) -> Notification:
    message = f"{unit.path}: compiled for {unit.target}: nothing to report"
    return Notification("other-architecture", message, severity=Severity.NOTE)


def _too_deep(function: tree.Function) -> Notification:
    message = f"{function.qualified}: nested too deeply to be analysed; split the function"
    return Notification("nesting", message, function.span, lost=True)


def deep(work: Callable[[], T]) -> T:
    """Run `work` where recursion can go deep and return its result; what it raises is raised here."""
    results: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as failure:  # handed to the caller's thread
            failures.append(failure)

    limit, stack = sys.getrecursionlimit(), threading.stack_size(_STACK)
    try:
        sys.setrecursionlimit(max(limit, _DEPTH))
        thread = threading.Thread(target=run, name="lowering", daemon=True)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(stack)
        sys.setrecursionlimit(limit)
    if failures:
        raise failures[0]
    return results[0]
