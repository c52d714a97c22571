"""From a file and its arguments to a TranslationUnit: the whole of `source` on one page.

`parse` never fails on bad input: what could not be read is in the unit's notifications, `lost` where nothing could
be. Arguments that libclang refuses outright are found one by one and left out. It does not run any compiler.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from barrierlint.finding import Notification, Severity, Span
from barrierlint.source import arguments as _arguments  # noqa: F401
from barrierlint.source import calls as _calls  # noqa: F401
from barrierlint.source import clang_c
from barrierlint.source import loops as _loops  # noqa: F401
from barrierlint.source import objects as _objects  # noqa: F401
from barrierlint.source import statements as _statements  # noqa: F401
from barrierlint.source import unexposed as _unexposed  # noqa: F401
from barrierlint.source.clang_c import KEEP_GOING, Unit
from barrierlint.source.collection import uncollected
from barrierlint.source.flags import VALUED, architecture
from barrierlint.source.functions import bodies_of, note_patterns, read_all
from barrierlint.source.language import INCLUDE, complete
from barrierlint.source.losses import note_mistakes, sort_diagnostics
from barrierlint.source.places import Places
from barrierlint.source.probes import read_probed, want_instantiations
from barrierlint.source.reading import Reading
from barrierlint.source.records import read_records
from barrierlint.source.roots import Roots, find_roots, read_globals
from barrierlint.source.stack import deeply
from barrierlint.source.tree import TranslationUnit

LIMIT = 20_000
_RECURSION = 20_000
_TOWER = re.compile(rb"(?:[-!~+*&][ \t\r\n]*){2000}")


def parse(
    file: Path,
    arguments: Sequence[str] | None = None,
    *,
    unsaved: dict[str, str] | None = None,
    extra_include: Sequence[str] = (),
    limit: int = LIMIT,
) -> TranslationUnit:
    """Return what `file` and all it reaches says, under `arguments` as `clean_arguments` gives them (None: the
    defaults).

    `unsaved` are contents of files in memory by path; `extra_include` directories are searched last. At most `limit`
    functions are read. Unreadable input gives a unit without functions and a notification with `lost`.
    """
    contents = {os.fspath(name): text.encode("utf-8", "surrogatepass") for name, text in (unsaved or {}).items()}
    main = os.fspath(file)
    source, problem = read_source(main, contents)
    words, dropped = complete(main, source, arguments, extra_include)
    target = architecture(words)
    if problem is not None:
        return TranslationUnit(main, (), (), target, notifications=(problem,))
    rejected = _rejected(main, words)
    words = [word for group in _groups(words) if group not in rejected for word in group]
    notes = [_flag_note(word) for word in (*dropped, *(" ".join(group) for group in rejected))]
    deepest = sys.getrecursionlimit()
    sys.setrecursionlimit(max(deepest, _RECURSION))
    try:
        with uncollected():
            return deeply(lambda: _parse(main, words, contents, source, target, notes, limit))
    finally:
        sys.setrecursionlimit(deepest)


def _parse(
    main: str,
    words: list[str],
    contents: dict[str, bytes],
    source: bytes,
    target: str,
    notes: list[Notification],
    limit: int,
) -> TranslationUnit:
    """Parse and read, and where destructors of templates are wanted parse once more with probes for them."""
    unit = Unit(main, words, contents, KEEP_GOING)
    if not unit.handle:
        lost = Notification(
            "parse-error", f"{main}: clang could not parse this file at all; check its flags", Span(main, 1), True
        )
        return TranslationUnit(main, (), (), target, notifications=(*notes, lost))
    places = Places(main, main)
    mistakes, header_notes, failed = sort_diagnostics(unit, places, _own_libraries(words))
    reading = Reading(unit, places, limit)
    reading.cxx = _is_cxx(words)
    reading.mistakes = mistakes
    roots = _read_unit(reading)
    told = {at for current in reading.told for at in current}
    note_mistakes(reading, told, [*roots.functions, *roots.patterns.values()])
    patterns = bodies_of(reading, roots.patterns)
    read_probed(reading, main, words, contents, source)
    note_patterns(reading, patterns)
    return _finish(main, reading, roots, target, notes + header_notes, failed)


def _read_unit(reading: Reading) -> Roots:
    """Read everything that the roots reach."""
    roots = find_roots(reading)
    reading.root_usrs = [reading.need(cursor) for cursor in roots.functions]
    read_all(reading)
    read_globals(reading, roots)
    want_instantiations(reading, roots)
    return roots


def _finish(
    main: str, reading: Reading, roots: Roots, target: str, notes: list[Notification], failed: bool
) -> TranslationUnit:
    """The unit made of all that was read."""
    usrs = tuple(dict.fromkeys((*reading.root_usrs, *reading.probed_roots)))
    order = {usr: at for at, usr in enumerate(usrs)}
    functions = sorted(reading.made.values(), key=lambda one: order.get(one.usr, len(order)))
    records = read_records(reading)
    everything = [*notes, *reading.notes.values()]
    if failed and not functions and not roots.patterns:
        message = (
            f"{main}: nothing could be read because of errors; give include directories (-I) or a compile database (-p)"
        )
        everything.append(Notification("parse-error", message, Span(main, 1), True))
    included = [reading.places.path(handle) for handle in clang_c.inclusions(reading.unit.handle)]
    return TranslationUnit(
        main,
        tuple(functions),
        tuple(usr for usr in usrs if usr in reading.made),
        target,
        tuple(reading.assigned),
        records,
        tuple(everything),
        tuple(reading.globals.values()),
        tuple(dict.fromkeys(path for path in included if path != main)),
        reading.cxx,
    )


# --- input ----------------------------------------------------------------------------------------------------------


def read_source(main: str, contents: dict[str, bytes]) -> tuple[bytes, Notification | None]:
    """The bytes of the main file, or why they are of no use."""
    source = contents.get(main)
    if source is None:
        try:
            source = Path(main).read_bytes()
        except FileNotFoundError:
            return b"", Notification("no-such-file", f"{main}: no such file; check the path", None, True)
        except OSError as error:
            return b"", Notification("no-such-file", f"{main}: {error.strerror or error}; check the path", None, True)
    if b"\0" in source:
        return b"", Notification(
            "binary-file", f"{main}: not a source file: it holds NUL bytes; leave it out", Span(main, 1), True
        )
    if _TOWER.search(source):
        text = f"{main}: thousands of operators in a row: clang would overflow its stack; leave the file out"
        return b"", Notification("too-deep", text, Span(main, 1), True)
    if not source.strip():
        note = Notification(
            "empty-file", f"{main}: the file is empty: nothing to analyse", Span(main, 1), severity=Severity.NOTE
        )
        return b"", note
    return source, None


def _rejected(main: str, words: list[str]) -> list[list[str]]:
    """The arguments with which libclang returns nothing at all, found by trying them one by one on an empty file."""
    name = "barrierlint-empty" + os.path.splitext(main)[1]
    groups = [group for group in _groups(words) if group[0] not in ("-include", "-imacros", "-x")]

    def accepted(some: list[list[str]]) -> bool:
        return bool(Unit(name, [word for group in some for word in group], {name: b""}, 0).handle)

    if accepted(groups):
        return []
    base = [group for group in groups if group[0].startswith(("--target", "-target"))]
    if not accepted(base):
        base = []
    return [group for group in groups if not accepted([*base, group])]


def _groups(words: list[str]) -> list[list[str]]:
    """`words` with options that take the next word kept together with it."""
    groups: list[list[str]] = []
    rest = iter(words)
    for word in rest:
        groups.append([word, next(rest, "")] if word in VALUED else [word])
    return groups


def _flag_note(word: str) -> Notification:
    return Notification(
        "unknown-flag", f"flag `{word}` is not known to clang and was left out", None, severity=Severity.NOTE
    )


def _own_libraries(words: list[str]) -> tuple[str, ...]:
    """Directories of the machine's library headers where they serve another architecture than their own."""
    host = str(INCLUDE / "host")
    return (*words[words.index(host) + 1 :], "/usr/include/") if host in words else ()


def _is_cxx(words: list[str]) -> bool:
    at = words.index("-x") if "-x" in words else -1
    return at < 0 or "++" in words[at + 1]
