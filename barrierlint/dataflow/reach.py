"""What a function can do, transitively: write descriptors, order memory, access memory through its arguments.

A least fixed point over the call graph; a function of which none holds need not be entered. What it does not model:
calls whose target is unknown (they do none of these, which the report says).
"""

from __future__ import annotations

from barrierlint.cfg.graph import RETURN, Cfg, Program
from barrierlint.dataflow.values import leaves
from barrierlint.events import (
    Access,
    Call,
    ContextSync,
    DescriptorWrite,
    Dmb,
    Drain,
    Dsb,
    ExceptionCall,
    ExceptionReturn,
    Kind,
)
from barrierlint.terms import AddressOf, Element, Field, Name

ORDERING = (Dsb, Dmb, ContextSync, Drain, ExceptionCall, ExceptionReturn)


class Reach:
    """`writes`, `orders` and `accesses` by USR."""

    def __init__(self, program: Program) -> None:
        functions = program.functions
        self.callers: dict[str, set[str]] = {usr: set() for usr in functions}
        self.writes = dict.fromkeys(functions, False)
        self.orders = dict.fromkeys(functions, False)
        self.accesses = dict.fromkeys(functions, False)
        for usr, cfg in functions.items():
            for step in cfg.steps():
                match step.event:
                    case DescriptorWrite():
                        self.writes[usr] = True
                    case Access(kind=kind) as access:
                        self.writes[usr] |= (
                            kind is not Kind.READ and access.size == 8 and isinstance(access.address, Element)
                        )
                        self.accesses[usr] |= not _is_local(access)
                    case Call(targets=targets) as call:
                        self.accesses[usr] |= bool(call.args) and not any(t in functions for t in targets)
                        for target in targets:
                            if target in functions:
                                self.callers[target].add(usr)
                    case event if isinstance(event, ORDERING):
                        self.orders[usr] = True
        for table in (self.writes, self.orders, self.accesses):
            self._close(table)

    def _close(self, table: dict[str, bool]) -> None:
        pending = [usr for usr, holds in table.items() if holds]
        while pending:
            for caller in self.callers[pending.pop()]:
                if not table[caller]:
                    table[caller] = True
                    pending.append(caller)


def _is_local(access: Access) -> bool:
    base = access.address
    while isinstance(base, Field | Element):
        base = base.base
    return isinstance(base, AddressOf)


def tested(cfg: Cfg) -> frozenset[str]:
    """Variables that decide a branch and are not temporaries: their constants keep states apart."""
    names: set[str] = {RETURN}
    for block in cfg.blocks:
        for edge in block.edges:
            for guard in edge.guards:
                names.update(leaf.id for leaf in leaves(guard.condition) if isinstance(leaf, Name))
    return frozenset(name for name in names if name == RETURN or not name.startswith("%"))
