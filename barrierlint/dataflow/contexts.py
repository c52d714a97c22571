"""Contexts: one function in one entry state, with all that the tabulation learns of it.

The states at its blocks are nodes; how nodes were reached is kept, so that witnesses can be rebuilt. What it does not
model: an order among contexts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from barrierlint.cfg.graph import Cfg
from barrierlint.dataflow.calls import EntryKey
from barrierlint.dataflow.debts import Debt
from barrierlint.dataflow.phis import Phis
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.returns import Exported, Leave, exported
from barrierlint.dataflow.state import State

Signature = int
"""The number of what keeps states at one block apart: see `Signatures`."""
Node = tuple[int, Signature]


class Signatures:
    """Numbers for what keeps states apart: the identity of the debt, and flags (None: whatever they are)."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, object], int] = {}
        self._identities: dict[object, int] = {}
        self.identities: list[int] = []

    def number(self, identity: object, flags: object) -> Signature:
        """The number of a signature; `identities[number]` is that of its debt's identity."""
        found = self._numbers.get((identity, flags))
        if found is None:
            found = self._numbers[identity, flags] = len(self.identities)
            self.identities.append(self._identities.setdefault(identity, len(self._identities)))
        return found


class Arrival(NamedTuple):
    """How a node was reached: from node `source`, by a debt born in it (`birth`: its step) or not (None).

    `via` is the callee's context and exit node where the source block ends with a call whose body was entered.
    """

    source: Node
    birth: int | None
    via: tuple[EntryKey, Node] | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """An access that depends on the debt: in `node`, at step `step`; `birth` is the debt's birth step if born in
    that block.
    """

    node: Node
    birth: int | None
    step: int
    debt: Debt
    relation: Relation


@dataclass(frozen=True, slots=True)
class Passage:
    """A debt carried into a callee's context from the call that ends block `node[0]`."""

    node: Node
    birth: int | None
    debt: Debt
    callee: EntryKey


@dataclass(frozen=True, slots=True)
class Payment:
    """A barrier (block, step) that a debt met: the debt before, and after (None: paid)."""

    block: int
    step: int
    before: Debt
    after: Debt | None


@dataclass(slots=True)
class Entered:
    """A callee's context entered from a caller's state, and in which state each of its exits was last taken over,
    together with how much was known of its merged values (`Phis.grown`).
    """

    key: EntryKey
    context: Context
    leave: Leave
    taken: dict[Node, tuple[State, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Visit:
    """What was worked out of a block that ends in a call, good for the very `state` (and as much as was known of merged
    values then, `grown`): the states before the call with the births of their debts, and what each of them entered.
    """

    state: State
    grown: int
    before: list[tuple[State, int | None]]
    entered: dict[tuple[int, str], Entered] = field(default_factory=dict)


@dataclass(slots=True)
class Context:
    """One function in one entry state: the states at its blocks, how they were reached, and who waits for its exits.

    `crowd` counts the states of each block and identity of a debt (`Signatures.identities`).
    """

    key: EntryKey
    cfg: Cfg
    phis: Phis = field(default_factory=Phis)
    nodes: dict[int, dict[Signature, State]] = field(default_factory=dict)
    crowd: Counter[tuple[int, int]] = field(default_factory=Counter)
    arrivals: dict[Node, dict[Arrival, None]] = field(default_factory=dict)
    callers: dict[tuple[EntryKey, Node], None] = field(default_factory=dict)
    visits: dict[Node, Visit] = field(default_factory=dict)
    outs: dict[Node, tuple[State, Exported]] = field(default_factory=dict)
    hits: list[Hit] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)

    def out(self, node: Node, exit: State) -> Exported:
        """What callers can name of an exit state, worked out once."""
        known = self.outs.get(node)
        if known is None or known[0] is not exit:
            known = self.outs[node] = (exit, exported(exit, self.cfg))
        return known[1]

    def exits(self) -> Iterable[tuple[Node, State, bool]]:
        """(node, state, whether by an exception) at the function's ends."""
        for block, unwinds in ((self.cfg.exit, False), (self.cfg.unwind, True)):
            for signature, state in self.nodes.get(block, {}).items():
                yield (block, signature), state, unwinds
