"""From an assembly file and its arguments to an AssemblyUnit: preprocessed by clang, with the flags C files get.

libclang has no preprocessor to offer, but shows string literals as they are after preprocessing: `wrapping` makes one
of each line. The file is read twice, since which headers it includes is known only then. `.s` files are not
preprocessed. `read_assembly` never fails on bad input. What it does not model: `__LINE__` of lines joined together.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from barrierlint.finding import Notification, Severity, Span
from barrierlint.source import clang_c, parsing
from barrierlint.source.clang_c import DETAILED_RECORD, KEEP_GOING, Cursor, Unit, lib
from barrierlint.source.flags import architecture
from barrierlint.source.language import complete
from barrierlint.source.lines import SUFFIXES, AssemblyUnit, Line
from barrierlint.source.losses import missing_header
from barrierlint.source.parsing import read_source
from barrierlint.source.places import Places
from barrierlint.source.stack import deeply
from barrierlint.source.tree import TranslationUnit
from barrierlint.source.wrapping import OPENING, PRELUDE, restored, wrapped

SAYS_ASSEMBLY = ("__ASSEMBLER__", "__ASSEMBLY__", "ASSEMBLY")
"""Macros by which headers know assembly: the compiler's, and those that build systems define."""

PREPROCESSED = ".s"
"""The suffix of files that no preprocessor sees."""

_LARGEST = 8 << 20
_MISSING = re.compile(r"'(.+)' file not found")
_PRELUDE_NAME = "barrierlint-prelude.h"
_STATIC_ASSERT = 602
_STRING = 109
_EXPANSION = 502
_ESCAPE = re.compile(r"\\([0-7]{1,3}|.)", re.DOTALL)
_NAMED = {"n": "\n", "t": "\t", "r": "\r", "v": "\v", "f": "\f", "a": "\a", "b": "\b"}


def read(
    file: Path, arguments: Sequence[str] | None = None, *, unsaved: dict[str, str] | None = None
) -> TranslationUnit | AssemblyUnit:
    """Return what `file` says: as assembly where its name says so, else as C or C++."""
    is_assembly = os.path.splitext(file)[1] in SUFFIXES
    if is_assembly:
        return read_assembly(file, arguments, unsaved=unsaved)
    return parsing.parse(file, arguments, unsaved=unsaved)


def read_assembly(
    file: Path,
    arguments: Sequence[str] | None = None,
    *,
    unsaved: dict[str, str] | None = None,
    extra_include: Sequence[str] = (),
) -> AssemblyUnit:
    """Return the lines of `file` and all it includes, under `arguments` as `clean_arguments` gives them."""
    contents = {os.fspath(name): text.encode("utf-8", "surrogatepass") for name, text in (unsaved or {}).items()}
    main = os.fspath(file)
    source, problem = read_source(main, contents)
    words = c_arguments(main, source, arguments, extra_include)
    target = architecture(words)
    if problem is not None:
        return AssemblyUnit(main, (), target, (problem,))
    if os.path.splitext(main)[1] == PREPROCESSED:
        return AssemblyUnit(main, tuple(_plain(main, source)), target)
    return deeply(lambda: _preprocessed(main, source, words, contents, target))


def c_arguments(main: str, source: bytes, arguments: Sequence[str] | None, extra: Sequence[str]) -> list[str]:
    """The arguments for a C parse that stands for one of the assembler's: its macros defined, its language not."""
    given = list(arguments or ())
    while "-x" in given:
        at = given.index("-x")
        del given[at : at + 2]
    given = [word for word in given if not word.startswith(("-x", "-std=", "--std=", "-Wa,"))]
    words, _ = complete(main, source, ["-x", "c", *given], extra)
    given_names = {word.removeprefix("-D").partition("=")[0] for word in words if word.startswith("-D")}
    return [*words, *(f"-D{name}=1" for name in SAYS_ASSEMBLY if name not in given_names)]


def _plain(main: str, source: bytes) -> list[Line]:
    """The lines of a file that is not preprocessed."""
    rows = source.decode("utf-8", "replace").split("\n")
    return [Line(row, _span(main, at, row)) for at, row in enumerate(rows, 1) if row.strip()]


def _preprocessed(main: str, source: bytes, words: list[str], contents: dict[str, bytes], target: str) -> AssemblyUnit:
    words, files = prepared(main, source, words, contents)
    raw: dict[str, bytes] = {main: source, **contents}
    first = Unit(main, words, files, KEEP_GOING)
    if not first.handle:
        lost = Notification("parse-error", f"{main}: clang could not preprocess this file; check its flags", None, True)
        return AssemblyUnit(main, (), target, (lost,))
    for handle in clang_c.inclusions(first.handle):
        name = clang_c.text(lib.clang_getFileName(handle))
        if (
            os.path.basename(name) != _PRELUDE_NAME
            and name != main
            and len(text := raw.get(name) or first.contents(handle)) <= _LARGEST
        ):
            raw[name], files[name] = text, _wrap(text)
    unit = Unit(main, words, files, KEEP_GOING | DETAILED_RECORD)
    places = Places(main, main)
    lines = _lines(unit, places, raw)
    included = [places.path(handle) for handle in clang_c.inclusions(unit.handle)]
    notes = tuple(_notes(unit, places))
    others = (path for path in dict.fromkeys(included) if path != main and os.path.basename(path) != _PRELUDE_NAME)
    return AssemblyUnit(main, lines, target, notes, tuple(others))


def prepared(
    main: str, source: bytes, words: list[str], contents: dict[str, bytes]
) -> tuple[list[str], dict[str, bytes]]:
    """The arguments and the files in memory with which clang's C parser preprocesses an assembly file."""
    prelude = os.path.join(os.path.dirname(os.path.abspath(main)), _PRELUDE_NAME)
    return ["-include", prelude, *words], {**contents, prelude: PRELUDE.encode(), main: _wrap(source)}


def _wrap(source: bytes) -> bytes:
    return wrapped(source.decode("utf-8", "replace")).encode("utf-8", "replace")


def _lines(unit: Unit, places: Places, raw: dict[str, bytes]) -> tuple[Line, ...]:
    """All wrapped lines in the order the preprocessor met them."""
    lines: list[Line] = []
    texts: dict[int, list[str]] = {}
    macros: dict[tuple[int, int], list[str]] = {}
    asserts: list[tuple[int, int, Cursor]] = []
    for cursor in clang_c.children(unit.cursor()):
        file, line, column, _ = clang_c.expand(lib.clang_getCursorLocation(cursor))
        if file not in texts:
            name = clang_c.text(lib.clang_getFileName(file)) if file else ""
            texts[file] = raw.get(name, b"").decode("utf-8", "replace").split("\n")
        if cursor.kind == _EXPANSION:
            before = _line(texts[file], line)[: max(0, column - 1 - len(OPENING))]
            if _BEGINS_STATEMENT.fullmatch(before) and not (name := clang_c.spelling(cursor)).startswith("__bl_"):
                macros.setdefault((file, line), []).append(name)
        elif cursor.kind == _STATIC_ASSERT:
            asserts.append((file, line, cursor))
    for file, line, cursor in asserts:
        literal = next((one for one in clang_c.children(cursor) if one.kind == _STRING), None)
        if literal is not None:
            text = restored(_unquoted(clang_c.spelling(literal)))
            span = _span(places.path(file), line, _line(texts[file], line))
            lines.append(Line(text, span, tuple(dict.fromkeys(macros.get((file, line), ())))))
    return tuple(lines)


_BEGINS_STATEMENT = re.compile(r"(?:[^;]*[;:])?\s*")
_CODE = re.compile(r"\s*(.*?)\s*(?://.*|/\*(?:(?!\*/).)*(?:\*/\s*)?)?")


def _line(text: list[str], number: int) -> str:
    return text[number - 1] if 0 < number <= len(text) else ""


def _span(path: str, number: int, text: str) -> Span:
    """The part of a line that is neither margin nor comment at its end; columns are bytes."""
    match = _CODE.fullmatch(text)
    begin, end = match.span(1) if match else (0, len(text))
    first, last = (len(text[:at].encode("utf-8", "surrogateescape")) + 1 for at in (begin, end))
    return Span(path, number, first, number, max(first, last))


def _unquoted(literal: str) -> str:
    """The characters that a C string literal stands for."""

    def plain(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code, 8)) if code[0].isdigit() else _NAMED.get(code, code)

    return _ESCAPE.sub(plain, literal[literal.find('"') + 1 : -1])


def _notes(unit: Unit, places: Places) -> list[Notification]:
    """What the preprocessor complained of; the parser's complaints mean nothing here."""
    notes: list[Notification] = []
    for severity, message, (file, line, column, _) in unit.diagnostics():
        span = Span(places.path(file), line, column, line, column) if file else None
        missing = _MISSING.search(message)
        if missing:
            notes.append(missing_header(missing[1], span))
        elif span is not None and severity >= 3 and (_PREPROCESSORS.search(message) or _is_error(unit, file, line)):
            notes.append(Notification("preprocessor", message, span, severity=Severity.WARNING))
    return list(dict.fromkeys(notes))


def _is_error(unit: Unit, file: int, number: int) -> bool:
    """Whether the line is an `#error`, whose words are the source's own."""
    rows = unit.contents(file).split(b"\n")
    return 0 < number <= len(rows) and re.match(rb"\s*#\s*error\b", rows[number - 1]) is not None


_PREPROCESSORS = re.compile(
    r"unterminated (?:conditional|function-like|argument|comment)|#(?:else|endif|elif)\S* without #if"
    r"|#include nested too deeply|macro name|macro '.*' (?:requires|passed)|too (?:many|few) arguments provided"
    r"|function-like macro|'defined'|preprocessor expression|#error|invalid token at start"
)
