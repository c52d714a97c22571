"""Functions of the tree: heads, bodies, and all that is reached from the roots.

`read_all` reads what is pending until nothing new is named. It does not read patterns of templates.
"""

from __future__ import annotations

from barrierlint.finding import Severity, Span
from barrierlint.source import clang_c
from barrierlint.source.clang_c import Cursor, lib
from barrierlint.source.construction import initializers
from barrierlint.source.lifetimes import members
from barrierlint.source.names import FUNCTIONS, RECORDS
from barrierlint.source.overriders import find_overriders
from barrierlint.source.reading import COMPOUND, CXX_TRY, Current, Reading
from barrierlint.source.tree import Compound, Function, Lost

METHOD, CONSTRUCTOR, DESTRUCTOR, CONVERSION, PARAM = 21, 24, 25, 26, 10
_KINDS = {METHOD: "method", CONVERSION: "method", CONSTRUCTOR: "constructor", DESTRUCTOR: "destructor"}


def read_all(reading: Reading) -> None:
    """Read every function that is pending, and those they name, and possible targets of virtual calls."""
    asked_for: set[str] = set()
    while True:
        while reading.pending:
            if len(reading.made) >= reading.limit:
                left = len(reading.pending)
                reading.note("budget", f"more than {reading.limit} functions are reached: {left} were not read")
                reading.pending.clear()
                return
            read(reading, reading.pending.pop())
        fresh = [usr for usr in reading.dispatched if usr not in asked_for]
        if not fresh:
            return
        asked_for.update(fresh)
        for overrider in find_overriders(reading, set(fresh)):
            reading.need(overrider)


def read(reading: Reading, cursor: Cursor) -> None:
    """Read the function defined at `cursor`."""
    usr = reading.names.usr(cursor)
    if usr in reading.made:
        return
    body = _body(cursor)
    if body is None:
        return
    outer, reading.current = reading.current, Current(cursor, usr)
    try:
        reading.made[usr] = _function(reading, cursor, body, usr)
        reading.told.append(reading.current.handled)
    finally:
        reading.current = outer


def _body(cursor: Cursor) -> Cursor | None:
    for child in reversed(clang_c.children(cursor)):
        if child.kind in (COMPOUND, CXX_TRY):
            return child
    return None


def _function(reading: Reading, cursor: Cursor, body: Cursor, usr: str) -> Function:
    owner = lib.clang_getCursorSemanticParent(cursor)
    in_class = owner.kind in RECORDS
    name = clang_c.spelling(cursor)
    count = lib.clang_Cursor_getNumArguments(cursor)
    params = tuple(reading.names.variable(lib.clang_Cursor_getArgument(cursor, at)) for at in range(max(0, count)))
    kind = _KINDS.get(cursor.kind, "function")
    if name == "operator()" and clang_c.spelling(owner).startswith("(lambda"):
        kind = "lambda"
    written = initializers(reading, cursor) if cursor.kind == CONSTRUCTOR else ()
    statement = reading.statement(body)
    raw_owner = lib.clang_getCursorType(owner)
    pattern = lib.clang_getSpecializedCursorTemplate(cursor)
    virtual = in_class and bool(lib.clang_CXXMethod_isVirtual(cursor))
    return Function(
        usr=usr,
        name=name,
        qualified=reading.names.qualified(cursor),
        params=params,
        result=reading.types.convert(lib.clang_getCursorResultType(cursor)),
        body=_with_head_losses(reading, cursor, statement if isinstance(statement, Compound) else None) or statement,
        span=reading.span(cursor),
        record=reading.types.record(raw_owner) if in_class else "",
        is_static=in_class and bool(lib.clang_CXXMethod_isStatic(cursor)),
        external=kind != "lambda" and lib.clang_getCursorLinkage(cursor) >= 3,
        virtual=virtual,
        overrides=_overrides(reading, cursor) if virtual else (),
        noreturn=reading.is_noreturn(cursor),
        weak=reading.is_weak(cursor),
        initializers=written,
        members=members(reading, raw_owner) if kind == "destructor" else (),
        labels_taken=tuple(reading.current.labels_taken),
        kind=kind,
        pattern=reading.names.pattern(pattern) if pattern.kind in FUNCTIONS or pattern.kind == 30 else "",
    )


def _with_head_losses(reading: Reading, cursor: Cursor, body: Compound | None) -> Compound | None:
    """Note errors of this function, and say in its body that it is invalid as a whole where clang says so."""
    handled = [reading.mistakes[at] for at in sorted(reading.current.handled)]
    if not handled and not lib.clang_isInvalidDeclaration(cursor):
        return body
    name = reading.names.qualified(cursor)
    place = handled[0].span if handled else reading.span(cursor)
    why = f": {handled[0].message}" if handled else ""
    reading.note("lost-body", f"`{name}` could not be read completely{why}", place)
    if body is None or handled or body.body:
        return body
    return Compound(body.span, (Lost(reading.span(cursor), "declaration with errors"),), body.end)


def _overrides(reading: Reading, cursor: Cursor) -> tuple[str, ...]:
    """The USRs of all methods that `cursor` overrides, near ones first."""
    found: dict[str, None] = {}
    pending = clang_c.overridden(cursor)
    while pending:
        method = pending.pop(0)
        found.setdefault(reading.names.usr(method))
        pending += clang_c.overridden(method)
    return tuple(found)


def bodies_of(reading: Reading, patterns: dict[str, Cursor]) -> dict[str, tuple[str, Span]]:
    """Return name and place of those templates that have a body."""
    found = {usr: cursor for usr, cursor in patterns.items() if _body(cursor) is not None}
    return {usr: (reading.names.qualified(cursor), reading.span(cursor)) for usr, cursor in found.items()}


def note_patterns(reading: Reading, patterns: dict[str, tuple[str, Span]]) -> None:
    """Note the templates of the main file of which nothing was instantiated: their bodies were not analysed."""
    ends = {(one.pattern, one.span.end_line, one.span.end_column) for one in reading.made.values()}
    for usr, (name, place) in patterns.items():
        if (usr, place.end_line, place.end_column) not in ends:  # a specialisation has a body of its own
            reading.note(
                "template-not-instantiated",
                f"template `{name}` is not instantiated here: its body was not analysed",
                place,
                Severity.NOTE,
            )
