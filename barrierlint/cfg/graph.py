"""Control-flow graphs of events: blocks of steps, joined by edges that say when they are taken.

A `Cfg` is what one function does, in the alphabet of `barrierlint.events`, evaluation order made explicit: every
memory access, barrier and call is a step of its own, operands are pure terms, and results are bound to names. Scalars
and pointers held in locals whose address is never taken are `Name`s bound by `Assign`; all other objects live in
memory and are read and written by `Access` steps on `AddressOf`/`Field`/`Element` addresses. What it does not model:
instruction scheduling and the compiler's own reordering.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

from barrierlint.events import Event
from barrierlint.finding import Notification, Span
from barrierlint.frozen import dataclass
from barrierlint.terms import Term

RETURN = "%return"
"""The name bound to the result before the exit block is entered."""

THIS = "%this"
"""The name of the object pointer of a method. Parameters are `Name(variable.id)`, in `Cfg.params`, the object first."""


@dataclass(frozen=True, slots=True)
class Step:
    """An event and where it comes from. `note` is "" or a few words (`destructor of guard`, `from the model osv`)."""

    event: Event
    span: Span
    note: str = ""


@dataclass(frozen=True, slots=True)
class Guard:
    """When an edge is taken: `condition` is non-zero (`holds`) or zero."""

    condition: Term
    holds: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge to block `target`; `reason` is "", true, false, case, default, back, goto, break, continue, return, ….

    Out of a call, `throw` says that the call ended by an exception; `unwind` leads on from a cleanup that then ran.
    """

    target: int
    guards: tuple[Guard, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A straight line of steps. A call is the last step of its block, so that a summary applies between blocks."""

    id: int
    steps: tuple[Step, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class LooseAsm:
    """An asm statement with a barrier or TLB maintenance (`events`) that does not tell the compiler so.

    `lacks` is `memory` (no such clobber: accesses may be moved across it) or `volatile` (it has outputs, and may be
    dropped where nobody wants them), or both. `macro` names the macro it is written by, "" if none.
    """

    span: Span
    events: tuple[Event, ...]
    lacks: tuple[str, ...]
    macro: str = ""


@dataclass(frozen=True, slots=True)
class Cfg:
    """The graph of one function. Block ids are indices into `blocks`; `exit` is the normal return, `unwind` an
    exception leaving (-1 if none can). Blocks from which neither is reached (noreturn calls, endless loops) are
    kept.

    `aarch64` is False for code compiled for another architecture. `external`: unknown code may call it;
    `address_taken`: through a pointer too. `place` is the span of the name; `end` that of the closing brace.
    """

    usr: str
    name: str
    qualified: str
    params: tuple[str, ...]
    blocks: tuple[Block, ...]
    entry: int
    exit: int
    unwind: int
    place: Span
    end: Span
    external: bool = True
    pattern: str = ""
    returns: str = ""  # spelling of the result type
    param_types: tuple[str, ...] = ()
    virtual: bool = False
    overrides: tuple[str, ...] = ()
    loose: tuple[LooseAsm, ...] = ()

    def steps(self) -> Iterator[Step]:
        """All steps, in block order."""
        for block in self.blocks:
            yield from block.steps


@dataclass(frozen=True, slots=True)
class Program:
    """The graphs of all functions analysed together, by USR, and what was lost in making them.

    `tables` are constant objects by id: which function (by USR) each member holds. `roots` are functions no
    analysed function calls, in source order; those whose calls a model replaces are none. `includes` are the files
    that each unit includes, by its path. `traits` are what parts of the program say that are not here (see
    `dataflow.traits`).
    """

    functions: dict[str, Cfg]
    roots: tuple[str, ...]
    notifications: tuple[Notification, ...] = ()
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    includes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    traits: frozenset[str] = frozenset()
