"""The state of lowering one function: the graph so far, the scopes around the current point, and where jumps lead.

`Frame.value`, `Frame.statement` and `Frame.place` look a node's class up in tables that the modules `expressions`,
`statements`, … fill, so that each construct is a function of its own. Pending destructors form a linked list of
`Cleanup`s: what lies between two points of it is what a jump from one to the other must run. What it does not model:
coroutines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypedDict, Unpack

from barrierlint.cfg.builder import Builder
from barrierlint.cfg.environment import Environment
from barrierlint.cfg.graph import THIS, LooseAsm
from barrierlint.cfg.linkable import Site
from barrierlint.events import NOTHING, Call, Event
from barrierlint.finding import Span
from barrierlint.source import tree
from barrierlint.terms import AddressOf, Name, Term, Unknown


@dataclass(frozen=True, slots=True, eq=False)
class Cleanup:
    """What leaving a scope must do: call `function` with the object's address; or, with `handlers`, the bounds of a
    `try`.

    `outer` is what is pending around it, None at the function's own level. With a `condition` it runs only where that
    holds: the arm that made the object was taken.
    """

    outer: Cleanup | None
    function: str = ""
    address: Term = NOTHING
    span: Span | None = None
    note: str = ""
    handlers: tuple[int, ...] | None = None
    catches_all: bool = False
    depth: int = 0
    condition: Term | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where a `break`, `continue` or `goto` leads: a block, and what is still pending there."""

    block: int
    pending: Cleanup | None


@dataclass(slots=True)
class SwitchCases:
    """The labels met so far of one `switch`: (low, high, block), and the block of `default:`."""

    cases: list[tuple[int, int, int]] = field(default_factory=list)
    default: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A storage location, as an lvalue denotes it: a name (`register`), memory at `address`, or just a `value` (a
    temporary).

    `type` is the lvalue's type, `cell` the type of what is accessed as one (wider than `type` for `bits`, the (first,
    width) of a bit-field). `types` are the types the location can be known by, outermost transparent record first.
    """

    type: tree.Type
    cell: tree.Type
    register: str = ""
    address: Term | None = None
    value: Term | None = None
    bits: tuple[int, int] | None = None
    bits_signed: bool = False
    volatile: bool = False
    atomic: bool = False
    types: tuple[tree.Type, ...] = ()


VALUES: dict[type, Callable[..., Term]] = {}
PLACES: dict[type, Callable[..., Place]] = {}
EFFECTS: dict[type, Callable[..., None]] = {}
STATEMENTS: dict[type, Callable[..., None]] = {}


class About(TypedDict, total=False):
    """The parts of a `Site` that lowering tells."""

    named: tuple[str, ...]
    held: Term | None
    place: str
    made: bool
    object: bool
    tried: bool
    optional: bool


_PLAIN = Site(-1)


class Frame:
    """One function being lowered. Terms returned by `value` of a record that is not transparent are its address."""

    def __init__(self, environment: Environment, function: tree.Function) -> None:
        self.environment = environment
        self.function = function
        self.builder = Builder()
        self.pending: Cleanup | None = None
        self.breaks: list[Target] = []
        self.continues: list[Target] = []
        self.switches: list[SwitchCases] = []
        self.labels: dict[str, Target] = {}
        self.gotos: list[tuple[int, Cleanup | None, str | None, Span, str]] = []
        self.pads: dict[Cleanup, int] = {}
        self.bound: dict[str, Term] = {}  # parameters of a constructor read as a value
        self.sites: dict[int, Site] = {}  # by the identity of the call's event
        self.loose: list[LooseAsm] = []
        self._objects = 0
        self._identities = 0

    def value(self, expression: tree.Expression) -> Term:
        """Evaluate `expression` for its value; steps go to the current block."""
        return VALUES[type(expression)](self, expression)

    def place(self, expression: tree.Expression) -> Place:
        """Evaluate `expression` for the location it denotes; of an rvalue the place is just its value."""
        rule = PLACES.get(type(expression))
        if rule is not None:
            return rule(self, expression)
        return value_place(self, expression)

    def effect(self, expression: tree.Expression) -> None:
        """Evaluate `expression` for its effects; nobody wants the value."""
        rule = EFFECTS.get(type(expression))
        if rule is not None:
            rule(self, expression)
        else:
            self.value(expression)

    def statement(self, statement: tree.Statement) -> None:
        """Lower `statement`."""
        STATEMENTS[type(statement)](self, statement)

    def emit(self, event: Event, span: Span, note: str = "") -> None:
        """Append a step to the current block."""
        self.builder.emit(event, span, note)

    def call(self, event: Call, span: Span, note: str = "", **about: Unpack[About]) -> None:
        """Append a call, with what joining must know of it."""
        site = Site(-1, **about)
        if site != _PLAIN:
            self.sites[id(event)] = site
        self.emit(event, span, note)

    def object(self) -> AddressOf:
        """The address of a fresh temporary object `%tmpN`, unique in this function only."""
        self._objects += 1
        return AddressOf(f"%tmp{self._objects}")

    def unknown(self, what: str = "value") -> Unknown:
        """A fresh unknown value, unique in the program."""
        return Unknown(self.identity(what))

    def identity(self, what: str) -> str:
        """A fresh id, unique in the program, that shows as `what`."""
        self._identities += 1
        return f"{self.function.usr}#{what}#{self._identities}"

    def this(self) -> Name:
        """The object pointer."""
        return Name(THIS)


def value_place(frame: Frame, expression: tree.Expression) -> Place:
    """The place of an rvalue: of a record that is not transparent the object its value is the address of."""
    term = frame.value(expression)
    type = expression.type
    if type.kind in ("record", "array") and frame.environment.layouts.word(type) is None:
        return Place(type, type, address=term, types=(type,))
    return Place(type, type, value=term, types=(type,))
