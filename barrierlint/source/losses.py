"""What clang could not read: its errors as notifications, and functions that vanished because of them.

Every error of clang's is told once: as a missing header, an unknown flag, an incomplete function, or a parse error;
beyond a number only how many more there are. It does not judge warnings.
"""

from __future__ import annotations

import re

from barrierlint.finding import Notification, Severity, Span
from barrierlint.source.clang_c import Cursor, Unit
from barrierlint.source.places import Places
from barrierlint.source.reading import Mistake, Reading

ERROR = 3
CAP = 20
_MISSING = re.compile(r"'(.+)' file not found")
_FLAG = re.compile(
    r"unknown argument|unsupported (?:argument|option)|argument unused|invalid (?:value|argument)|unknown target|"
    r"unable to execute|no such file or directory: '|invalid integral value|unrecognized|not supported|"
    r"the clang compiler does not support"
)
HARMLESS = ("arithmetic on a pointer to void", "arithmetic on pointers to void")  # gcc's extension is read as gcc does
_WORDS = frozenset(("if", "for", "while", "switch", "catch", "operator", "__attribute__", "alignas", "asm", "defined"))
_WORDS |= frozenset(("int", "void", "long", "char", "short", "unsigned", "signed", "bool", "return", "sizeof"))
_HEAD = re.compile(rb"([A-Za-z_~]\w*)\s*\(")


def sort_diagnostics(
    unit: Unit, places: Places, libraries: tuple[str, ...]
) -> tuple[list[Mistake], list[Notification], bool]:
    """Return the errors in the source, notifications of missing headers and flags, and whether there is any error."""
    mistakes: list[Mistake] = []
    notes: list[Notification] = []
    failed = False
    foreign = 0
    for severity, message, (file, line, column, offset) in unit.diagnostics():
        if severity < ERROR:
            continue
        path = places.path(file)
        span = Span(path, line, column, line, column) if file else None
        if message.startswith(HARMLESS):
            continue
        missing = _MISSING.search(message)
        if missing:
            failed = True
            notes.append(missing_header(missing.group(1), span))
        elif span is None:
            text = f"clang does not know a flag of the compile command: {message}"
            kind = "unknown-flag" if _FLAG.search(message) else "parse-error"
            notes.append(Notification(kind, text, None, severity=Severity.NOTE))
        elif path.startswith(libraries):
            foreign += 1
        else:
            failed = True
            mistakes.append(Mistake(file, offset, span, message))
    if foreign:
        text = f"{foreign} errors in the machine's own library headers, which are not made for this target"
        notes.append(Notification("library-errors", text, None, severity=Severity.NOTE))
    return mistakes, notes, failed


def missing_header(name: str, span: Span | None) -> Notification:
    """Say that a header was not found, and what to do."""
    message = f"header `{name}` was not found: what it declares is unknown; add its directory with -I"
    return Notification("missing-header", message, span)


def note_mistakes(reading: Reading, told: set[int], bodies: list[Cursor]) -> None:
    """Note the errors that no function's body has shown, and bodies that clang dropped whole."""
    left = [(at, one) for at, one in enumerate(reading.mistakes) if at not in told]
    seen: set[tuple[str, int, str]] = set()
    count = 0
    spans = [reading.places.offsets(cursor) for cursor in bodies]
    for _, mistake in left:
        key = (mistake.span.path, mistake.span.line, mistake.message)
        if key in seen:
            continue
        seen.add(key)
        name = _vanished(reading, mistake, spans)
        if name:
            text = f"the body of `{name}` was dropped by clang: {mistake.message}"
            reading.note("lost-body", text, mistake.span)
        count += 1
        if count <= CAP:
            reading.note("parse-error", mistake.message, mistake.span)
    if count > CAP:
        reading.note("parse-error", f"{count - CAP} more errors of clang's are not shown")


def _vanished(reading: Reading, mistake: Mistake, spans: list[tuple[int, int, int]]) -> str:
    """The name before the first block that starts after the error at file level and that no function owns."""
    if mistake.span.path != reading.places.main:
        return ""
    source = reading.source(mistake.file)
    start = max(source.rfind(b";", 0, mistake.offset), source.rfind(b"}", 0, mistake.offset)) + 1
    brace = source.find(b"{", start)
    if brace < 0 or any(stop in source[mistake.offset : brace] for stop in (b";", b"}")):
        return ""
    if any(file == mistake.file and first <= brace < last for file, first, last in spans):
        return ""
    heads = [one.decode("ascii", "replace") for one in _HEAD.findall(source[start:brace])]
    return heads[0] if heads and heads[0] not in _WORDS else ""
