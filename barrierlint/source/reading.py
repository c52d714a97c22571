"""The state of reading one translation unit: what is known, what is still to be read, what was lost.

Readers of node kinds are registered by number in `EXPRESSIONS` and `STATEMENTS`; `Reading` dispatches to them. It holds
no syntax of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from barrierlint.finding import Notification, Severity, Span
from barrierlint.source import clang_c
from barrierlint.source.clang_c import Cursor, Unit, lib
from barrierlint.source.names import FUNCTIONS, Names, is_standard_atomic
from barrierlint.source.places import Places
from barrierlint.source.printed import Printed, PrintedAsm
from barrierlint.source.tree import (
    Assigned,
    Compound,
    Evaluate,
    Expression,
    Function,
    Lost,
    Opaque,
    Statement,
    Type,
    Variable,
)
from barrierlint.source.types import Types

COMPOUND, CXX_TRY = 202, 224
DEEPEST = 200  # levels of nesting that are kept: all later stages are recursive
_PRAGMA_WEAK = re.compile(r"^[ \t]*#[ \t]*pragma[ \t]+weak[ \t]+(\w+)", re.MULTILINE)
_WEAK = re.compile(r"__attribute__\(\((?:__)?weak(?:__)?\)\)|\[\[(?:gnu|clang)::weak\]\]")
_BUILTIN = ("__builtin_", "__sync_", "__atomic_", "__c11_atomic_", "__scoped_atomic_")


@dataclass(slots=True)
class Alignment:
    """What the print of the current function says of its nodes, by the node's identity."""

    asms: dict[int, PrintedAsm] = field(default_factory=dict)
    loops: dict[int, tuple[bool, bool, bool]] = field(default_factory=dict)
    atomics: dict[int, str] = field(default_factory=dict)
    generics: dict[int, list[str]] = field(default_factory=dict)
    printed: Printed = field(default_factory=Printed)


@dataclass(slots=True)
class Current:
    """The function being read."""

    cursor: Cursor
    usr: str
    alignment: Alignment | None = None
    labels_taken: list[str] = field(default_factory=list)
    handled: set[int] = field(default_factory=set)  # errors that are shown as Lost statements


@dataclass(frozen=True, slots=True)
class Mistake:
    """An error of clang's: its place and message."""

    file: int
    offset: int
    span: Span
    message: str


class Reading:
    """One unit on its way from libclang's tree to ours."""

    def __init__(self, unit: Unit, places: Places, limit: int) -> None:
        self.unit = unit
        self._units: list[Unit] = []
        self.places = places
        self.types = Types()
        self.names = Names(self.types)
        self.probed: dict[str, Cursor] = {}
        self.limit = limit
        self.pending: list[Cursor] = []
        self.asked: set[str] = set()
        self.made: dict[str, Function] = {}
        self.assigned: dict[Assigned, None] = {}
        self.globals: dict[str, tuple[Variable, Expression | None]] = {}
        self.globals_met: dict[str, Cursor] = {}
        self.notes: dict[tuple[str, str], Notification] = {}
        self.mistakes: list[Mistake] = []
        self._by_file: dict[int, list[tuple[int, int]]] = {}
        self.to_probe: dict[str, str] = {}
        self.root_usrs: list[str] = []
        self.probed_roots: list[str] = []
        self.told: list[set[int]] = []
        self.depth = 0
        self.dispatched: dict[str, Cursor] = {}
        self.current: Current = Current(unit.cursor(), "")
        self.fallback: Span | None = None
        self._noreturn: dict[int, bool] = {}
        self._headings: dict[int, str] = {}
        self._weak: frozenset[str] | None = None
        self._named: dict[str, Cursor] | None = None
        self._sources: dict[int, bytes] = {}
        self.constructors: dict[str, str] = {}
        self.cxx = False
        self.destructors: dict[str, str] = {}

    def move(self, unit: Unit, places: Places) -> None:
        """Go on with another parse of the same file: what was made stays, what named nodes of the old unit is
        forgotten.

        The old unit stays alive, since records seen in it are laid out later.
        """
        self._units.append(self.unit)
        self.unit, self.places = unit, places
        self.types.forget()
        self.names.forget()
        self.globals_met, self.dispatched, self.mistakes = {}, {}, []
        self._by_file, self._sources, self._noreturn, self._headings, self._named = {}, {}, {}, {}, None

    # --- nodes ---------------------------------------------------------------------------------------------------

    def expression(self, cursor: Cursor) -> Expression:
        """Return the expression at `cursor`; what has no reader becomes Opaque with its parts."""
        if self.depth >= DEEPEST:
            self.note("too-deep", f"nesting deeper than {DEEPEST} levels is not read", self.span(cursor))
            return Opaque(self.span(cursor), self.type(cursor), "nested too deeply")
        self.depth += 1
        try:
            return EXPRESSIONS.get(cursor.kind, opaque)(self, cursor)
        finally:
            self.depth -= 1

    def statements(self, cursor: Cursor) -> list[Statement]:
        """Return the statements that `cursor` stands for: none for `;`, one for each variable declared."""
        if self.depth >= DEEPEST:
            self.note("too-deep", f"nesting deeper than {DEEPEST} levels is not read", self.span(cursor))
            return [Lost(self.span(cursor), "nested too deeply")]
        self.depth += 1
        try:
            return STATEMENTS.get(cursor.kind, evaluate)(self, cursor)
        finally:
            self.depth -= 1

    def statement(self, cursor: Cursor) -> Statement:
        """Return exactly one statement for `cursor`."""
        found = self.statements(cursor)
        return found[0] if len(found) == 1 else Compound(self.span(cursor), tuple(found))

    def span(self, cursor: Cursor) -> Span:
        """Return the place of `cursor`; for a default argument that of the call."""
        place = self.places.span(cursor)
        return self.fallback if place.line == 0 and self.fallback else place

    def type(self, cursor: Cursor) -> Type:
        """Return the type of `cursor`."""
        return self.types.of(cursor)

    def source(self, file: int) -> bytes:
        """Return the bytes of a file of the unit as clang read them, b"" if it has none."""
        known = self._sources.get(file)
        if known is None:
            known = self._sources[file] = self.unit.contents(file) if file else b""
        return known

    def main_source(self) -> str:
        """Return the text of the main file, bytes as characters."""
        for file in clang_c.inclusions(self.unit.handle):
            if self.places.path(file) == self.places.main:
                return self.source(file).decode("latin-1")
        return ""

    def source_text(self, cursor: Cursor) -> str:
        """Return the text of the source at `cursor`, macros not expanded."""
        file, first, last = self.places.offsets(cursor)
        return self.source(file)[first:last].decode("utf-8", "replace")

    def mistakes_in(self, cursor: Cursor) -> list[int]:
        """Return the numbers of the errors inside `cursor`."""
        if not self._by_file:
            for number, one in enumerate(self.mistakes):
                self._by_file.setdefault(one.file, []).append((one.offset, number))
        file, first, last = self.places.offsets(cursor)
        found = self._by_file.get(file)
        return [number for offset, number in found if first <= offset < last] if found else []

    # --- functions ---------------------------------------------------------------------------------------------------

    def need(self, cursor: Cursor) -> str:
        """Note that the function `cursor` is used; return its USR. Its body will be read if there is one."""
        usr = self.names.usr(cursor)
        if usr not in self.asked:
            self.asked.add(usr)
            definition = lib.clang_getCursorDefinition(cursor)
            if definition.kind in FUNCTIONS and not is_standard_atomic(self.names.qualified(cursor)):
                self.pending.append(definition)
        return usr

    def is_builtin(self, cursor: Cursor, name: str) -> bool:
        """Whether `cursor` is a function of the compiler's, which no file declares."""
        if name.startswith(_BUILTIN):
            return True
        return clang_c.expand(lib.clang_getCursorLocation(cursor))[0] == 0

    def is_noreturn(self, cursor: Cursor) -> bool:
        """Whether the declaration says that the function does not return."""
        identity = clang_c.identity(cursor)
        known = self._noreturn.get(identity)
        if known is None:
            known = "noreturn" in clang_c.text(lib.clang_getTypeSpelling(lib.clang_getCursorType(cursor)))
            if not known and lib.clang_Cursor_hasAttrs(cursor):
                heading = self._heading(cursor)
                known = "noreturn" in heading or "_Noreturn" in heading
            self._noreturn[identity] = known
        return known

    def is_weak(self, cursor: Cursor) -> bool:
        """Whether another file's definition of the function takes the place of this one: by attribute or pragma."""
        if self._weak is None:
            self._weak = frozenset(_PRAGMA_WEAK.findall(self.main_source()))
        if clang_c.spelling(cursor) in self._weak:
            return True
        return bool(lib.clang_Cursor_hasAttrs(cursor)) and _WEAK.search(self._heading(cursor)) is not None

    def _heading(self, cursor: Cursor) -> str:
        """The function as clang prints it, up to its body."""
        identity = clang_c.identity(cursor)
        if identity not in self._headings:
            self._headings[identity] = clang_c.pretty(cursor).split("{", 1)[0]
        return self._headings[identity]

    def function_named(self, name: str) -> Cursor | None:
        """Return a function of the outermost scope by its name."""
        if self._named is None:
            found = {}
            for child in clang_c.children(self.unit.cursor()):
                inner = clang_c.children(child) if child.kind in (1, 23) else [child]
                found.update({clang_c.spelling(one): one for one in inner if one.kind == 8})
            self._named = found
        return self._named.get(name)

    def assign(self, place: str, usr: str) -> None:
        """Record that the address of function `usr` is stored at `place`."""
        if place:
            self.assigned.setdefault(Assigned(place, usr))

    def met(self, variable: Variable, cursor: Cursor) -> None:
        """Record that a variable of static storage is used, so that its initialiser is read."""
        if variable.id not in self.globals and variable.id not in self.globals_met:
            self.globals_met[variable.id] = cursor

    # --- losses ------------------------------------------------------------------------------------------------------

    def note(
        self,
        kind: str,
        message: str,
        span: Span | None = None,
        severity: Severity = Severity.WARNING,
        lost: bool = False,
    ) -> None:
        """Record a notification once."""
        key = (kind, message if span is None else f"{span.path}:{span.line}:{message}")
        self.notes.setdefault(key, Notification(kind, message, span, lost, severity))


Reader = Callable[[Reading, Cursor], Expression]
StatementReader = Callable[[Reading, Cursor], list[Statement]]

EXPRESSIONS: dict[int, Reader] = {}
STATEMENTS: dict[int, StatementReader] = {}


def is_expression(cursor: Cursor) -> bool:
    """Whether `cursor` is an expression (of a kind known or not)."""
    return 100 <= cursor.kind < 200


def operands(cursor: Cursor) -> list[Cursor]:
    """Return the children of `cursor` that are expressions: no references to types or namespaces."""
    return [child for child in clang_c.children(cursor) if 100 <= child.kind < 200]


def opaque(reading: Reading, cursor: Cursor) -> Expression:
    """Read a node whose meaning is unknown: its parts are."""
    parts = tuple(reading.expression(child) for child in operands(cursor))
    return Opaque(reading.span(cursor), reading.type(cursor), f"kind {cursor.kind}", parts)


def evaluate(reading: Reading, cursor: Cursor) -> list[Statement]:
    """Read an expression statement."""
    if is_expression(cursor):
        return [Evaluate(reading.span(cursor), reading.expression(cursor))]
    parts = tuple(reading.expression(child) for child in operands(cursor))
    span = reading.span(cursor)
    reading.note("lost-statement", f"libclang does not say what this statement is (kind {cursor.kind})", span)
    return [Lost(span, f"statement of kind {cursor.kind}", parts)]
