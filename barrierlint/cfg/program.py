"""Translation units to the program's graphs: one environment, one `Cfg` a function, and the functions nobody calls.

Units for another architecture are not lowered and say so. Lowering runs in a thread with a large stack, so that deep
nesting does not end it; what is too deep even for that is reported as lost. What it does not model: linking (the same
USR is the same function).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from barrierlint.cfg import callgraph
from barrierlint.cfg.constants import tables
from barrierlint.cfg.environment import Environment, build
from barrierlint.cfg.functions import lower_function
from barrierlint.cfg.graph import Cfg, Program
from barrierlint.finding import Notification, Severity
from barrierlint.source import tree
from barrierlint.source.collection import uncollected

if TYPE_CHECKING:
    from barrierlint.models import Models

T = TypeVar("T")
TARGET = "aarch64"
_STACK = 512 << 20
_DEPTH = 1_000_000


def lower(units: Sequence[tree.TranslationUnit], models: Models) -> Program:
    """Return the graphs of all functions of `units`; never raises for deep input."""
    with uncollected():
        return deep(lambda: _lower(units, models))


def _lower(units: Sequence[tree.TranslationUnit], models: Models) -> Program:
    notifications = [note for unit in units for note in unit.notifications]
    notifications += [_foreign(unit) for unit in units if unit.target != TARGET]
    analysed = [unit for unit in units if unit.target == TARGET]
    environment = build(analysed, models)
    functions: dict[str, Cfg] = {}
    for usr, function in environment.functions.items():
        try:
            functions[usr] = lower_function(environment, function)
        except RecursionError:
            notifications.append(_too_deep(function))
    candidates = [usr for unit in analysed for usr in unit.roots]
    replaced = {usr for usr, cfg in functions.items() if _is_replaced(models, cfg.qualified)}
    roots = callgraph.roots(functions, candidates, replaced)
    return Program(functions, roots, tuple(notifications), tables(environment.constants))


def _is_replaced(models: Models, qualified: str) -> bool:
    model = models.function(qualified)
    return model is not None and model.replaces(has_body=True)


def lower_one(environment: Environment, function: tree.Function) -> Cfg:
    """Return the graph of one function, however deeply nested."""
    return deep(lambda: lower_function(environment, function))


def _foreign(unit: tree.TranslationUnit) -> Notification:
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
        thread = threading.Thread(target=run, name="lowering")
        thread.start()
        thread.join()
    finally:
        threading.stack_size(stack)
        sys.setrecursionlimit(limit)
    if failures:
        raise failures[0]
    return results[0]
