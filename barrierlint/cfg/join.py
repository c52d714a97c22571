"""Units to a program: calls get their targets from all files together, and what no target can do is taken out.

Targets of a direct call are the function's body, of a virtual one its overriders too, of a pointer what is stored where
it is kept; a model's word stands where no unit has a body. Ways out by an exception stay where one can come, and
nothing follows a call that never returns. Of functions with the same USR the first is kept, a weak one where there is
no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from barrierlint.cfg import callgraph, constants, exceptions
from barrierlint.cfg.builder import tidied
from barrierlint.cfg.entries import with_inner
from barrierlint.cfg.graph import THIS, Block, Cfg, Edge, Program, Step
from barrierlint.cfg.linkable import Facts, Lowered, Site, Unit
from barrierlint.cfg.pointers import Pointers
from barrierlint.events import Access, Assign, Call, Event, Kind
from barrierlint.source.collection import uncollected
from barrierlint.terms import Term, Unknown

if TYPE_CHECKING:
    from barrierlint.models import FunctionModel, Models

_NO_SITE = Site(-1)
_CLOSURE = Unknown("closure")


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What all units together tell of calls and their targets; `methods` tells how many parameters each has."""

    defined: Set[str]
    overriders: Mapping[str, tuple[str, ...]]
    pointers: Pointers
    constants: Mapping[str, Term]
    guarded: Set[str]
    throwing: Set[str]
    noreturn: Set[str]
    methods: Mapping[str, int]
    models: Models


def join(units: Sequence[Unit], models: Models) -> Program:
    """Return the program that `units` make together."""
    with uncollected():
        return _join(units, models)


def _join(units: Sequence[Unit], models: Models) -> Program:
    facts = [unit.facts for unit in units]
    lowered = _chosen(units, _entries(facts))
    known = _knowledge(facts, lowered, models)
    functions = {usr: _linked(one, known) for usr, one in lowered.items()}
    replaced = {usr for usr, cfg in functions.items() if _is_replaced(models, cfg.qualified)}
    roots = callgraph.roots(functions, (usr for unit in units for usr in unit.roots), replaced)
    notifications = tuple(note for unit in units for note in unit.notifications)
    includes = {unit.path: unit.includes for unit in units}
    return Program(functions, roots, notifications, constants.tables(known.constants), includes)


def _entries(facts: Sequence[Facts]) -> dict[str, None]:
    """The methods that some unit calls on an entry of a table."""
    inner: dict[str, list[str]] = {}
    for one in facts:
        for method, callee in one.inner:
            inner.setdefault(method, []).append(callee)
    return with_inner(dict.fromkeys(usr for one in facts for usr in one.on_entries), inner)


def _chosen(units: Sequence[Unit], entries: Mapping[str, None]) -> dict[str, Lowered]:
    """The graph of each function: the first unit's, a weak one last; of methods called on entries one that knows it."""
    chosen: dict[str, Mapping[str, Lowered]] = {}
    for weak in (False, True):
        for unit in units:
            for usr in unit.functions:
                if (usr in unit.facts.weak) is weak:
                    chosen.setdefault(usr, unit.functions)
    for unit in reversed(units):
        chosen.update({usr: unit.variants for usr in unit.variants if usr in entries})
        chosen.update({usr: unit.functions for usr in unit.facts.as_entries if usr in unit.functions})
    return {usr: graphs[usr] for usr, graphs in chosen.items()}


def _knowledge(facts: Sequence[Facts], lowered: Mapping[str, Lowered], models: Models) -> Knowledge:
    overriding = callgraph.overriders(pair for one in facts for pair in one.overrides)
    behaviours = {one.usr: one for unit in reversed(facts) for one in reversed(unit.behaviours)}
    behaviours = {usr: behaviours[usr] for usr in lowered if usr in behaviours}
    guarded = exceptions.guarded(behaviours, (usr for one in facts for usr in one.tried), overriding)
    return Knowledge(
        lowered.keys(),
        overriding,
        Pointers(facts, [one.cfg for one in lowered.values()]),
        {id: value for one in reversed(facts) for id, value in reversed(one.constants)},
        guarded,
        exceptions.throwing(behaviours, overriding, guarded),
        frozenset(usr for one in facts for usr in one.noreturn),
        {usr: len(one.cfg.params) for usr, one in lowered.items() if one.cfg.params[:1] == (THIS,)},
        models,
    )


def _is_replaced(models: Models, qualified: str) -> bool:
    model = models.function(qualified)
    return model is not None and model.replaces(has_body=True)


def _linked(lowered: Lowered, known: Knowledge) -> Cfg:
    """The graph with its calls resolved."""
    cfg = lowered.cfg
    sites = {site.block: site for site in lowered.sites}
    blocks: list[Block] = []
    loosened = False
    for block in cfg.blocks:
        last = block.steps[-1] if block.steps else None
        if last is None or not isinstance(last.event, Call):
            blocks.append(block)
            continue
        resolved = _resolved(cfg, block, last, last.event, sites.get(block.id, _NO_SITE), known)
        loosened = loosened or resolved.edges != block.edges or not _ends_in_call(resolved)
        blocks.append(resolved)
    changed = replace(cfg, blocks=tuple(blocks))
    return tidied(changed) if loosened else changed


def _ends_in_call(block: Block) -> bool:
    return bool(block.steps) and isinstance(block.steps[-1].event, Call)


def _resolved(cfg: Cfg, block: Block, step: Step, call: Call, site: Site, known: Knowledge) -> Block:
    """`block` with the call that ends it resolved, or replaced by what stands in its place."""
    targets, why = _targets(call, site, known)
    if not targets:
        model = known.models.function(call.qualified)
        if model is not None and model.replaces(has_body=False) and call.callee:
            return _modelled(cfg, block, step, call, site, model)
        if site.optional:
            return Block(block.id, block.steps[:-1], _without(block, "throw"))
    steps = block.steps[:-1]
    if not targets and call.pointer is not None and (site.made or known.pointers.is_made(site.place)):
        steps = (*steps, replace(step, event=Access(Kind.FETCH, call.pointer, size=4), note=""))
    edges = block.edges
    if not _can_throw(cfg, targets, site, known):
        edges = _without(block, "throw")
    if targets and all(target in known.noreturn for target in targets):
        edges = tuple(edge for edge in edges if edge.reason == "throw")
    event = replace(call, targets=targets, why=why)
    if not call.callee and targets and all(known.methods.get(one) == len(call.args) + 1 for one in targets):
        event = replace(
            event, args=(_CLOSURE, *call.args), types=("void *", *call.types), entries=()
        )  # of a lambda, not passed
    return Block(block.id, (*steps, replace(step, event=event)), edges)


def _without(block: Block, reason: str) -> tuple[Edge, ...]:
    return tuple(edge for edge in block.edges if edge.reason != reason)


def _can_throw(cfg: Cfg, targets: Sequence[str], site: Site, known: Knowledge) -> bool:
    if targets:
        return any(target in known.throwing for target in targets)
    return site.tried or cfg.usr in known.guarded


def _targets(call: Call, site: Site, known: Knowledge) -> tuple[tuple[str, ...], str]:
    """The functions with bodies the call can reach, and how that was found."""
    defined = known.defined
    if call.callee:
        direct = (call.callee,) if call.callee in defined else ()
        if call.why != "virtual":
            return direct, "direct"
        overriding = known.overriders.get(call.callee, ())
        return (*direct, *(usr for usr in overriding if usr in defined)), "virtual"
    named = tuple(usr for usr in site.named if usr in defined)
    if named:
        return named, "direct" if len(named) == 1 else "pointer"
    if site.held is not None:
        own = constants.held(site.held, known.constants)
        if own:
            return tuple(usr for usr in own if usr in defined), "direct" if len(own) == 1 else "pointer"
        found = tuple(usr for usr in known.pointers.targets(site.place) if usr in defined)
        return found, "pointer" if found else "unknown"
    return (), call.why


def _modelled(cfg: Cfg, block: Block, step: Step, call: Call, site: Site, model: FunctionModel) -> Block:
    """`block` with what a model says in place of a call of a function that no unit has a body of."""
    events = [*_said(cfg, block, call, site, model)]
    steps = tuple(Step(event, step.span, f"from the model {model.name}") for event in events)
    return Block(block.id, (*block.steps[:-1], *steps), () if model.noreturn else _without(block, "throw"))


def _said(cfg: Cfg, block: Block, call: Call, site: Site, model: FunctionModel) -> Iterator[Event]:
    from barrierlint.cfg.modelled import said

    def identity(what: str) -> str:
        return f"{cfg.usr}#{what}#{block.id}"

    yield from said(model, call.args[site.object :], identity)
    if call.into:
        yield Assign(call.into, Unknown(identity("result")))
