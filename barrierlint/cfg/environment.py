"""What lowering one function must know of the whole program: bodies, layouts, models, call targets, storage, who
throws.

Built once from all translation units; of functions and records with the same USR the first is kept. What it does not
model: code that no translation unit shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from barrierlint.cfg.callgraph import Pointers, captures_this, overriders
from barrierlint.cfg.captures import Captures, captures
from barrierlint.cfg.constants import constants
from barrierlint.cfg.descriptors import Descriptors
from barrierlint.cfg.entries import entries
from barrierlint.cfg.exceptions import guarded, throwing
from barrierlint.cfg.records import Layouts
from barrierlint.cfg.storage import Storage
from barrierlint.source import tree

if TYPE_CHECKING:
    from barrierlint.models import Models


@dataclass(frozen=True, slots=True)
class Environment:
    """The program around a function. All keys are USRs or variable ids.

    `overriders` maps a virtual method to the methods that override it, directly or not; `pointers` finds the
    functions that can be stored in a place; `constants` maps a constant object to its initialiser; `in_memory` are
    variables with an address; `throwing` functions an exception can leave; `destructors` maps a record to its
    destructor; `entries` maps methods called on entries of tables to the type these are known by; `this_captured` are
    lambdas that use the `this` of the function around them.
    """

    functions: dict[str, tree.Function]
    layouts: Layouts
    descriptors: Descriptors
    models: Models
    overriders: dict[str, tuple[str, ...]]
    pointers: Pointers
    in_memory: frozenset[str]
    throwing: frozenset[str]
    guarded: frozenset[str]
    destructors: dict[str, str]
    this_captured: frozenset[str]
    entries: dict[str, tree.Type]
    constants: dict[str, tree.Expression]
    captures: Captures


def build(units: Sequence[tree.TranslationUnit], models: Models) -> Environment:
    """Return the environment of all functions of `units` together."""
    functions: dict[str, tree.Function] = {}
    for unit in units:
        for function in unit.functions:
            functions.setdefault(function.usr, function)
    layouts = Layouts(record for unit in units for record in unit.records)
    overriding = overriders(functions.values())
    descriptors = Descriptors(models, layouts)
    captured = captures(functions)
    within_try = guarded(functions, overriding)
    return Environment(
        functions=functions,
        layouts=layouts,
        descriptors=descriptors,
        models=models,
        overriders=overriding,
        pointers=Pointers(functions, (stored for unit in units for stored in unit.assigned)),
        in_memory=Storage(functions, layouts, captured).collect(functions.values()),
        throwing=throwing(functions, overriding, within_try),
        guarded=within_try,
        destructors=_destructors(functions.values()),
        this_captured=captures_this(functions),
        entries=entries(functions, lambda type: descriptors.evidence(type) is not None),
        constants=constants(functions.values(), units),
        captures=captured,
    )


def _destructors(functions: Iterable[tree.Function]) -> dict[str, str]:
    return {function.record: function.usr for function in functions if function.kind == "destructor"}
