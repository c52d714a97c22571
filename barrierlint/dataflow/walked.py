"""Objects that the walker reads because the program says so: their address goes to a translation base register, or into
an entry of such a table.

A base register's value is followed back through names bound once and through parameters to the callers' arguments; from
a root at most `LEVELS` links are followed, so that what the last level maps is no table. What it does not model:
addresses that are computed in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from barrierlint.cfg.graph import Cfg, Program
from barrierlint.dataflow.liveness import bound_by
from barrierlint.dataflow.values import all_leaves
from barrierlint.events import Access, Assign, Call, DescriptorWrite, Kind, SysregWrite
from barrierlint.terms import AddressOf, Apply, Const, Element, Name, Term

LEVELS = 3
"""Links from the table of level 0 to that of level 3."""

BASE = re.compile(r"v?ttbr\d?_el\d+")
_DEPTH = 8


def walked_objects(program: Program) -> dict[str, str]:
    """The ids of objects that are tables, each with why."""
    bindings = {usr: _bindings(cfg) for usr, cfg in program.functions.items()}
    found: dict[str, str] = {}
    for usr, cfg in program.functions.items():
        for step in cfg.steps():
            match step.event:
                case SysregWrite(register, value) if BASE.fullmatch(register):
                    for id in _sources(program, bindings, usr, value):
                        found.setdefault(id, f"its table is written to {register.upper()}")
    return found and _linked(program, bindings, found)


def _bindings(cfg: Cfg) -> dict[str, Term | None]:
    """What each name is bound to, None where that is more than one thing or none that is known."""
    bound: dict[str, Term | None] = {}
    for step in cfg.steps():
        name = bound_by(step.event)
        if name is not None:
            value = step.event.value if isinstance(step.event, Assign) else None
            bound[name] = None if name in bound and bound[name] != value else value
    return bound


def _sources(
    program: Program, bindings: Mapping[str, Mapping[str, Term | None]], usr: str, value: Term
) -> Iterator[str]:
    """The objects whose address `value` is made of, looked for in callers too."""
    pending, seen = [(usr, value, 0)], set()
    while pending:
        function, term, depth = pending.pop()
        if (function, term) in seen or depth > _DEPTH:
            continue
        seen.add((function, term))
        params = program.functions[function].params
        for leaf in _bases(term):
            match leaf:
                case AddressOf(id, kind) if kind != "function":
                    yield id
                case Name(id) if id in bindings[function]:
                    if (known := bindings[function][id]) is not None:
                        pending.append((function, known, depth + 1))
                case Name(id) if id in params:
                    at = params.index(id)
                    for caller, call in _calls(program, function):
                        if at < len(call.args):
                            pending.append((caller, call.args[at], depth + 1))


def _bases(term: Term) -> Iterator[Term]:
    """The leaves of a value, without what was loaded through them."""
    return (leaf for leaf in all_leaves(term) if isinstance(leaf, AddressOf | Name))


def _calls(program: Program, callee: str) -> Iterator[tuple[str, Call]]:
    for usr, cfg in program.functions.items():
        for block in cfg.blocks:
            last = block.steps[-1].event if block.steps else None
            if isinstance(last, Call) and callee in last.targets:
                yield usr, last


def _linked(
    program: Program, bindings: Mapping[str, Mapping[str, Term | None]], roots: dict[str, str]
) -> dict[str, str]:
    """With the tables whose addresses are stored in entries of others."""
    stores = [(usr, *entry) for usr, cfg in program.functions.items() for entry in _entries(cfg)]
    found, level = dict(roots), set(roots)
    for _ in range(LEVELS):
        stored = ((place, usr, value) for usr, place, value in stores if place in level)
        level = {
            id
            for place, usr, value in stored
            for id in _sources(program, bindings, usr, value)
            if id not in found and id != place
        }
        found |= dict.fromkeys(level, "its table is reached from one whose address a base register holds")
    return found


def _entries(cfg: Cfg) -> Iterator[tuple[str, Term]]:
    """Stores of 8 bytes into named objects: (object, value)."""
    for step in cfg.steps():
        match step.event:
            case Access(Kind.WRITE, address, value, size=8) if value is not None and not isinstance(value, Const):
                if (object := named_object(address)) is not None:
                    yield object, value
            case DescriptorWrite(location, value):
                if (object := named_object(location)) is not None:
                    yield object, value


def named_object(address: Term) -> str | None:
    """The object an address lies in, where it names one."""
    while True:
        match address:
            case AddressOf(id, kind):
                return id if kind != "function" else None
            case Element(base, _, _):
                address = base
            case Apply("+", (base, _)):
                address = base
            case _:
                return None
