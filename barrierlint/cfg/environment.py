"""What lowering one function must know of the translation unit around it: bodies, layouts, models, storage, who throws.

Of functions and records with the same USR the first is kept. What it does not model: other units, which `join` brings
together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from barrierlint.cfg import entries, exceptions
from barrierlint.cfg.callgraph import captures_this
from barrierlint.cfg.captures import Captures, captures
from barrierlint.cfg.constants import constants
from barrierlint.cfg.descriptors import Descriptors
from barrierlint.cfg.linkable import Behaviour, Facts
from barrierlint.cfg.nodes import Node, function_nodes
from barrierlint.cfg.pointers import Stores
from barrierlint.cfg.records import Layouts
from barrierlint.cfg.storage import Storage
from barrierlint.source import tree

if TYPE_CHECKING:
    from barrierlint.models import Models


@dataclass(frozen=True, slots=True)
class Environment:
    """The unit around a function. All keys are USRs or variable ids.

    `in_memory` are variables with an address; `throws` tells whether exceptions exist at all, `quiet` which functions
    none can leave; `destructors` maps a record to its destructor; `entries` maps methods called on entries of tables to
    the type these are known by, `own_types` methods of descriptor classes to that class; `this_captured` are lambdas
    that use the `this` of the function around them.
    """

    functions: dict[str, tree.Function]
    layouts: Layouts
    descriptors: Descriptors
    models: Models
    in_memory: frozenset[str]
    throws: bool
    quiet: frozenset[str]
    destructors: dict[str, str]
    this_captured: frozenset[str]
    entries: dict[str, tree.Type]
    own_types: dict[str, tree.Type]
    captures: Captures


def build(unit: tree.TranslationUnit, models: Models) -> tuple[Environment, Facts]:
    """Return the environment of the functions of `unit`, and what they tell about those of others."""
    functions: dict[str, tree.Function] = {}
    for function in unit.functions:
        functions.setdefault(function.usr, function)
    nodes = {usr: function_nodes(function) for usr, function in functions.items()}
    layouts = Layouts(unit.records)
    descriptors = Descriptors(models, layouts)
    captured = captures(functions)
    survey = Survey(unit, functions, nodes, descriptors)
    virtual = frozenset(usr for usr, function in functions.items() if function.virtual)
    environment = Environment(
        functions=functions,
        layouts=layouts,
        descriptors=descriptors,
        models=models,
        in_memory=Storage(functions, layouts, captured, models).collect(functions.values()),
        throws=unit.cxx,
        quiet=exceptions.quiet(survey.behaviours, virtual),
        destructors=dict(_destructors(functions.values(), nodes)),
        this_captured=captures_this(functions),
        entries=survey.entries,
        own_types=survey.own_types,
        captures=captured,
    )
    return environment, survey.facts


class Survey:
    """One walk over the functions of a unit for all that is to be known of them together."""

    def __init__(
        self,
        unit: tree.TranslationUnit,
        functions: Mapping[str, tree.Function],
        nodes: Mapping[str, list[Node]],
        descriptors: Descriptors,
    ) -> None:
        stores = Stores(functions, unit.assigned)
        on_entries: dict[str, tree.Type] = {}
        inside: dict[str, list[str]] = {}
        tried: dict[str, None] = {}
        self.behaviours: dict[str, Behaviour] = {}
        self.own_types: dict[str, tree.Type] = {}
        for usr, function in functions.items():
            stores.visit(function, nodes[usr])
            entries.visit(function, nodes[usr], lambda type: descriptors.evidence(type) is not None, on_entries, inside)
            if unit.cxx:
                self.behaviours[usr] = exceptions.behaviour(function, nodes[usr])
                tried.update(dict.fromkeys(exceptions.tried(nodes[usr])))
            own = _own_type(function, nodes[usr])
            if own is not None and descriptors.evidence(own) is not None:
                self.own_types[usr] = own
        self.entries = {usr: type for usr, type in entries.with_inner(on_entries, inside).items() if usr in functions}
        stored, copies, made = stores.facts()
        everywhere = (node for usr in functions for node in nodes[usr])
        named = dict.fromkeys(usr for found in nodes.values() for usr in _named(found))
        self.facts = Facts(
            overrides=tuple((usr, method) for usr, one in functions.items() for method in one.overrides),
            noreturn=tuple(usr for usr, one in functions.items() if one.noreturn),
            weak=tuple(usr for usr, one in functions.items() if one.weak and one.external),
            behaviours=tuple(self.behaviours.values()),
            tried=tuple(tried),
            stored=stored,
            copies=copies,
            made=made,
            constants=tuple(dict(reversed(tuple(constants(everywhere, unit)))).items()),
            on_entries=tuple(on_entries),
            inner=tuple(
                (usr, callee)
                for usr, callees in inside.items()
                if usr in self.entries or usr in self.own_types
                for callee in dict.fromkeys(callees)
            ),
            as_entries=tuple(self.entries),
            wanted=tuple(usr for usr in named if usr not in functions),
        )


def _named(nodes: Iterable[Node]) -> Iterator[str]:
    """The functions that `nodes` call, refer to, or have called on leaving a scope."""
    for node in nodes:
        match node:
            case tree.CallExpression(callee=usr) | tree.FunctionReference(usr=usr) if usr:
                yield usr
            case tree.Construct(callee=callee, destructor=destructor):
                yield from filter(None, (callee, destructor))
            case tree.Declaration(destructor=destructor, cleanup=cleanup):
                yield from filter(None, (destructor, cleanup))


def _own_type(function: tree.Function, nodes: Iterable[Node]) -> tree.Type | None:
    """The class of the object a method uses, None if it uses none."""
    if not function.record:
        return None
    return next((node.type.element for node in nodes if isinstance(node, tree.This)), None)


def _destructors(functions: Iterable[tree.Function], nodes: Mapping[str, list[Node]]) -> Iterator[tuple[str, str]]:
    """Each record with its destructor: those with a body here, and those that objects here name."""
    for found in nodes.values():
        for node in found:
            if isinstance(node, tree.Declaration) and node.destructor:
                yield node.variable.type.record, node.destructor
            elif isinstance(node, tree.Construct) and node.destructor:
                yield node.type.record, node.destructor
    yield from ((function.record, function.usr) for function in functions if function.kind == "destructor")
