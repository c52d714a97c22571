"""What a function can do, transitively: bear debts (`writes`), order memory, access memory through its arguments.

A least fixed point over the call graph; a function of which none holds need not be entered. What it does not model:
calls whose target is unknown (they do none of these, which the report says).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

import networkx as nx

from barrierlint.cfg.graph import RETURN, Cfg, Program
from barrierlint.dataflow.memory import place_of
from barrierlint.dataflow.values import leaves
from barrierlint.events import (
    Access,
    Assign,
    At,
    Call,
    ContextSync,
    DescriptorWrite,
    Dmb,
    Drain,
    Dsb,
    Event,
    ExceptionCall,
    ExceptionReturn,
    Kind,
    SysregRead,
    SysregWrite,
    Tlbi,
)
from barrierlint.terms import AddressOf, Apply, Element, Field, Name, Term, Unknown

SIZE_LIMIT = 60
"""Steps, callees counted, up to which a function that acts on no debt is entered for its result."""

ORDERING = (Dsb, Dmb, ContextSync, Drain, ExceptionCall, ExceptionReturn, Tlbi, SysregWrite)
BEARING = (DescriptorWrite, Tlbi, SysregWrite, At)
_RELYING = re.compile(r"par_el1|icc_\w+|\w+_el[023]2?|fpcr|fpsr")
"""Registers whose reads depend on what was written to others, or translated."""

_IDLE = re.compile(r"daif\w*|nzcv|spsel|sp_el\d|tco|dit|ssbs|allint|tpidr\w*|tpidrro\w*")
"""Registers that bear on no translation: PSTATE's masks and flags, stack pointers, software's own."""

SWITCHES = re.compile(r"sctlr_el[123]|gpccr_el3")
"""Registers that switch translation, or the granule protection check, on and off."""
TLB_PLACES = ("<tlb:1>", "<tlb:2>", "<tlb:3>", "<tlb:granules>")
REGIME_PLACES = ("<regime:1>", "<regime:2>", "<regime:3>")
"""Places that are none of the program's: what is known of TLBs, and of the registers that translation goes by (see
`obligations.enabling`).
"""

BASES = re.compile(r"ttbr[01]_el[123]|vttbr_el2")
"""Registers that hold the base of a translation."""
OWN_BASES = re.compile(r"ttbr[01]_el(?P<level>[12])")
"""Those whose translation may be that of the code that writes them."""


def base_place(register: str) -> str:
    """A place that is none of the program's: what is known of the use of a base (see `obligations.spaces`)."""
    return f"<base:{register}>"


class Reach:
    """`writes`, `orders`, `accesses`, `rank` (callees first) and `large`, by USR."""

    def __init__(self, program: Program) -> None:
        functions = program.functions
        self.callers: dict[str, set[str]] = {usr: set() for usr in functions}
        self.writes = dict.fromkeys(functions, False)
        self.completes = dict.fromkeys(functions, False)
        self.orders = dict.fromkeys(functions, False)
        self.accesses = dict.fromkeys(functions, False)
        self.invalidates = dict.fromkeys(functions, False)
        for usr, cfg in functions.items():
            for step in cfg.steps():
                if isinstance(step.event, SysregWrite) and _IDLE.fullmatch(step.event.register):
                    continue
                self.writes[usr] |= isinstance(step.event, BEARING)
                match step.event:
                    case Access(kind=kind) as access:
                        self.writes[usr] |= kind is not Kind.READ and access.size == 8 and _may_be_entry(access)
                        self.accesses[usr] |= not _is_local(access)
                    case Call(targets=targets) as call:
                        self.accesses[usr] |= bool(call.args) and not any(t in functions for t in targets)
                        for target in targets:
                            if target in functions:
                                self.callers[target].add(usr)
                    case At() | SysregRead() as event:
                        self.completes[usr] |= isinstance(event, At) or _RELYING.fullmatch(event.register) is not None
                    case event if isinstance(event, ORDERING):
                        self.invalidates[usr] |= isinstance(event, Tlbi)
                        self.orders[usr] = True
                        self.completes[usr] |= not isinstance(event, Dmb)
        for table in (self.writes, self.orders, self.completes, self.accesses, self.invalidates):
            self._close(table)
        self.flags = frozenset(place for cfg in functions.values() for place in _tested_places(cfg))
        self.flags |= frozenset((*TLB_PLACES, *REGIME_PLACES) if enables(program) else ())
        written = (step.event for cfg in functions.values() for step in cfg.steps())
        bases = (event.register for event in written if isinstance(event, SysregWrite))
        places = {base_place(register) for register in bases if BASES.fullmatch(register)}
        self.flags |= places.union(REGIME_PLACES if places else ())
        self.reads = {usr: {p for p in _read_places(cfg) if p in self.flags} for usr, cfg in functions.items()}
        self.rank: dict[str, int] = {}
        self.size: dict[str, int] = {}
        self.large: dict[str, bool] = {}
        self._measure(program)

    def acts(self, usr: str) -> bool:
        """Whether the function changes the progress of a debt handed in, itself or in what it calls.

        A DMB changes only what a report says; in a large function it is left out.
        """
        return self.completes[usr] or (self.orders[usr] and self.size[usr] < SIZE_LIMIT)

    def invalidating_loops(self, cfg: Cfg, places: dict[int, int]) -> tuple[frozenset[int], ...]:
        """The loops of a function in which a TLBI is issued, there or in a callee: the blocks of each."""
        if not self.invalidates[cfg.usr]:
            return ()
        issuing = {block.id for block in cfg.blocks if any(self._invalidates(step.event) for step in block.steps)}
        return tuple(loop for loop in _natural_loops(cfg, places) if loop & issuing)

    def _invalidates(self, event: Event) -> bool:
        match event:
            case Call(targets=targets):
                return any(self.invalidates.get(target, False) for target in targets)
        return isinstance(event, Tlbi)

    def _measure(self, program: Program) -> None:
        """Rank functions callees first, and tell those too large to be worth entering for their result alone."""
        graph = nx.DiGraph()
        graph.add_nodes_from(program.functions)
        graph.add_edges_from((caller, callee) for callee, callers in self.callers.items() for caller in sorted(callers))
        for number, component in enumerate(nx.strongly_connected_components(graph)):
            recursive = len(component) > 1
            shared = {place for usr in component for place in self.reads[usr]}
            for usr in component:
                self.rank[usr] = number
                self.reads[usr] |= shared
                own = sum(len(block.steps) for block in program.functions[usr].blocks)
                called = sum(self.size.get(callee, SIZE_LIMIT) for callee in graph.successors(usr) if callee != usr)
                self.size[usr] = SIZE_LIMIT if recursive else min(SIZE_LIMIT, own + called)
                for callee in graph.successors(usr):
                    self.reads[usr] |= self.reads[callee]
                self.large[usr] = self.size[usr] >= SIZE_LIMIT and not (self.writes[usr] or self.completes[usr])

    def _close(self, table: dict[str, bool]) -> None:
        pending = [usr for usr, holds in table.items() if holds]
        while pending:
            for caller in self.callers[pending.pop()]:
                if not table[caller]:
                    table[caller] = True
                    pending.append(caller)


def enables(program: Program) -> bool:
    """Whether the program switches translation on or off anywhere."""
    return any(
        isinstance(step.event, SysregWrite) and SWITCHES.fullmatch(step.event.register) is not None
        for cfg in program.functions.values()
        for step in cfg.steps()
    )


def _may_be_entry(access: Access) -> bool:
    """Whether the place written has, or may be computed to have, the shape of an entry of a table; assembly names no
    types, and computes addresses in steps. What is stored tells as well: an address with bits set in it.
    """
    if isinstance(access.value, Apply) and access.value.op == "|":
        return True
    return isinstance(access.address, Element) or (
        access.type == "" and isinstance(access.address, Name | Apply | AddressOf)
    )


def _is_local(access: Access) -> bool:
    base = access.address
    while isinstance(base, Field | Element):
        base = base.base
    return isinstance(base, AddressOf)


def _read_places(cfg: Cfg) -> Iterator[str]:
    for step in cfg.steps():
        if isinstance(step.event, SysregWrite) and SWITCHES.fullmatch(step.event.register):
            yield from (*TLB_PLACES, *REGIME_PLACES)
        if isinstance(step.event, SysregWrite) and BASES.fullmatch(step.event.register):
            yield from (base_place(step.event.register), *REGIME_PLACES)
        if isinstance(step.event, Access) and step.event.into is not None and (place := place_of(step.event.address)):
            yield place


def _tested_places(cfg: Cfg) -> Iterator[str]:
    """Places whose value decides a branch of the function, through temporaries."""
    deciding = {leaf.id for leaf in _guard_leaves(cfg) if isinstance(leaf, Name)}
    for step in reversed(list(cfg.steps())):
        match step.event:
            case Assign(name, value) if name in deciding:
                deciding.update(leaf.id for leaf in leaves(value) if isinstance(leaf, Name))
            case Access(address=address, into=into) if into in deciding and (place := place_of(address)):
                yield place


def _guard_leaves(cfg: Cfg) -> Iterator[Term]:
    for block in cfg.blocks:
        for edge in block.edges:
            for guard in edge.guards:
                yield from leaves(guard.condition)


def tested(cfg: Cfg) -> frozenset[str]:
    """Variables that decide a branch and are not temporaries: their constants keep states apart."""
    names = {leaf.id for leaf in _guard_leaves(cfg) if isinstance(leaf, Name) and not leaf.id.startswith("%")}
    return frozenset({RETURN, *names})


def reverse_postorder(cfg: Cfg) -> dict[int, int]:
    """The place of each reachable block in reverse postorder."""
    seen = {cfg.entry}
    stack = [(cfg.entry, iter(cfg.blocks[cfg.entry].edges))]
    finished: list[int] = []
    while stack:
        block, edges = stack[-1]
        edge = next(edges, None)
        if edge is None:
            stack.pop()
            finished.append(block)
        elif edge.target not in seen:
            seen.add(edge.target)
            stack.append((edge.target, iter(cfg.blocks[edge.target].edges)))
    return {block: place for place, block in enumerate(reversed(finished))}


def _natural_loops(cfg: Cfg, places: dict[int, int]) -> Iterator[frozenset[int]]:
    """The blocks of each loop: those from which a back edge is reached without passing its head."""
    sources: dict[int, list[int]] = {}
    for block in places:
        for edge in cfg.blocks[block].edges:
            sources.setdefault(edge.target, []).append(block)
    for head, before in sources.items():
        pending = [block for block in before if places.get(head, -1) <= places[block]]
        if not pending:
            continue
        found = {head}
        while pending:
            block = pending.pop()
            if block not in found:
                found.add(block)
                pending += sources.get(block, ())
        yield frozenset(found)


def bound_from(places: dict[int, int], head: int) -> Callable[[Term], bool]:
    """Whether a symbol is one that a turn of the loop at `head` binds anew: made at or after it in reverse
    postorder.
    """
    first = places[head]

    @cache
    def changes(term: Term) -> bool:
        if not isinstance(term, Unknown):
            return False
        made = re.match(r"[@φ](\d+)", term.id)
        return term.id.startswith("large:") or (made is not None and places.get(int(made[1]), 0) >= first)

    return changes
