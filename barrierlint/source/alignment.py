"""Which printed asm statement, loop header or atomic builtin belongs to which node: both are in the same order.

`align` walks a function as it is printed (preorder) and pairs the n-th node of a kind with the n-th printed item. Where
the counts differ nothing is paired for that kind, and whoever asks must fall back and say so.
"""

from __future__ import annotations

from barrierlint.source import clang_c
from barrierlint.source.clang_c import Cursor, lib, statement_identity
from barrierlint.source.printed import scan
from barrierlint.source.reading import Alignment, Reading, operands

FOR, ASM, UNEXPOSED, GENERIC = 209, 215, 100, 122
DEPENDENT = 26  # the type of what clang could not make sense of
_RECORDS = frozenset((2, 3, 4))


def alignment(reading: Reading) -> Alignment:
    """Return the alignment of the function being read, made at the first question."""
    if reading.current.alignment is None:
        reading.current.alignment = align(reading.current.cursor)
    return reading.current.alignment


def align(cursor: Cursor) -> Alignment:
    """Return what the print of the declaration `cursor` says of its nodes."""
    result = Alignment(printed=scan(clang_c.pretty(cursor)))
    found: dict[int, list[int]] = {FOR: [], ASM: [], UNEXPOSED: [], GENERIC: []}
    _walk(cursor, found)
    printed = result.printed
    if len(found[FOR]) == len(printed.loops):
        result.loops = dict(zip(found[FOR], printed.loops, strict=True))
    if len(found[ASM]) == len(printed.asms):
        result.asms = dict(zip(found[ASM], printed.asms, strict=True))
    if len(found[UNEXPOSED]) == len(printed.atomics):
        result.atomics = dict(zip(found[UNEXPOSED], printed.atomics, strict=True))
    if len(found[GENERIC]) == len(printed.generics):
        result.generics = dict(zip(found[GENERIC], printed.generics, strict=True))
    return result


def _walk(root: Cursor, found: dict[int, list[int]]) -> None:
    """Collect nodes in order of print; iterative, since sources nest without bound."""
    stack = [root]
    while stack:
        cursor = stack.pop()
        kind = cursor.kind
        parts = clang_c.children(cursor)
        if kind == UNEXPOSED and is_atomic(cursor, parts):
            found[UNEXPOSED].append(statement_identity(cursor))
            parts = source_order(parts)
        elif kind in (FOR, ASM, GENERIC):
            found[kind].append(statement_identity(cursor))
        elif kind == 9:  # `struct S { … } v;` shows the record under the variable once more
            parts = [part for part in parts if part.kind not in _RECORDS]
        stack.extend(reversed(parts))


def is_atomic(cursor: Cursor, parts: list[Cursor]) -> bool:
    """Whether an unnamed node is an atomic builtin: a pointer, then (out of order) its memory order and values."""
    if not 2 <= len(parts) <= 7 or any(not 100 <= part.kind < 200 for part in parts):
        return False
    if statement_identity(parts[0]) == statement_identity(parts[1]):
        return False  # GNU `a ?: b`
    first, second = (lib.clang_getCanonicalType(lib.clang_getCursorType(part)) for part in parts[:2])
    if first.kind != 101 or lib.clang_getCursorType(cursor).kind == DEPENDENT:
        return False
    return len(parts) == 2 or 3 <= second.kind <= 20 or second.kind == 106


def source_order(parts: list[Cursor]) -> list[Cursor]:
    """Return the operands of an atomic builtin in the order they are written.

    libclang gives clang's own order (AtomicExpr's sub-expressions): pointer, order, value 1, failure order, value 2,
    weak.
    """
    order = {2: (0, 1), 3: (0, 2, 1), 4: (0, 2, 3, 1), 5: (0, 2, 4, 1, 3), 6: (0, 2, 4, 5, 1, 3)}.get(len(parts))
    return [parts[at] for at in order] if order else parts


def generic_choice(reading: Reading, cursor: Cursor) -> Cursor | None:
    """Return the association of a `_Generic` that clang selected, None if it cannot be told."""
    parts = operands(cursor)
    if len(parts) < 2:
        return None
    control, choices = parts[0], parts[1:]
    if len(choices) == 1:
        return choices[0]
    labels = alignment(reading).generics.get(statement_identity(cursor), [])
    if len(labels) == len(choices):
        type = reading.type(control)
        names = {_plain(type.spelling), _plain(type.name)}
        exact = [choice for label, choice in zip(labels, choices, strict=True) if _plain(label) in names]
        exact += [choice for label, choice in zip(labels, choices, strict=True) if label == "default"]
        if exact:
            return exact[0]
    wanted = reading.type(cursor)
    fitting = [choice for choice in choices if reading.type(choice) == wanted]
    return fitting[0] if len(fitting) == 1 else None


def _plain(name: str) -> str:
    return name.replace("const ", "").replace(" ", "")
