"""What is wrong with a file as clang sees it under some arguments: its errors, sorted by what could cure them.

One parse, diagnostics only; the tree is not read. It does not repair anything.
"""

from __future__ import annotations

import os
import re
from enum import StrEnum

from barrierlint.frozen import dataclass
from barrierlint.source import clang_c
from barrierlint.source.assembly import PREPROCESSED, c_arguments, prepared
from barrierlint.source.clang_c import DETAILED_RECORD, KEEP_GOING, Unit
from barrierlint.source.guessing.statements import hidden
from barrierlint.source.language import complete
from barrierlint.source.lines import SUFFIXES
from barrierlint.source.losses import ERROR, HARMLESS
from barrierlint.source.stack import deeply

SKIP_BODIES = 0x40


class Ill(StrEnum):
    """What an error is about."""

    HEADER = "a header is missing"
    NAME = "a name is unknown"
    CALL = "a function is unknown"
    MACRO = "a macro with parameters is unknown"
    TYPE = "a type is unknown"
    TAG = "a type is incomplete"
    MEMBER = "a member is unknown"
    STATEMENT = "a macro of the assembler is unknown"
    STATED = "the file itself says that it cannot be compiled so"
    TWICE = "a function is defined that a header stands in for"
    SYNTAX = "the text makes no sense"


@dataclass(frozen=True, slots=True)
class Problem:
    """One error: what it is about, the name it is about, and where it is."""

    ill: Ill
    name: str
    path: str
    line: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All errors of one parse; `own` counts those in the file itself, `included` are the files that were read."""

    problems: tuple[Problem, ...]
    own: int
    total: int
    included: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    @property
    def missing(self) -> list[Problem]:
        """The headers that were not found."""
        return [one for one in self.problems if one.ill is Ill.HEADER]


_SHAPES = (
    (Ill.HEADER, r"'(.+)' file not found"),
    (Ill.CALL, r"call to undeclared (?:library )?function '(\w+)'"),
    (Ill.MACRO, r"function-like macro '(\w+)' is not defined"),
    (Ill.TYPE, r"unknown (?:type|class) name '(\w+)'"),
    (Ill.TYPE, r"must use '\w+' tag to refer to type '(\w+)'"),
    (Ill.TYPE, r"no (?:type|template) named '(\w+)'"),
    (Ill.NAME, r"use of undeclared identifier '(\w+)'"),
    (Ill.NAME, r"no member named '(\w+)' in namespace"),
    (Ill.MEMBER, r"no member named '(\w+)' in"),
    (Ill.TAG, r"(?:incomplete|undefined)(?: \w+)* type '(?:const |volatile )*(?:struct |union |enum |class )?(\w+)"),
    (
        Ill.TAG,
        r"incomplete (?:definition of )?(?:\w+ )*type '(?:const |volatile )*(?:struct |union |enum |class )?(\w+)",
    ),
    (Ill.NAME, r"(\w+) was not declared"),
    (Ill.TWICE, r"^redefinition of '((?!__)\w+)'$"),
)
_COMPILED = tuple((ill, re.compile(pattern)) for ill, pattern in _SHAPES)
_SYNTAX = re.compile(
    r"^expected |^type specifier missing|^a type specifier is required|without a type|^extraneous|^unexpected|^missing|"
    r"^unknown type|^invalid token|^redefinition of '__"
)


def diagnose(file: str, arguments: list[str], unsaved: dict[str, str], bodies: bool = True) -> Diagnosis:
    """Parse `file` under `arguments` and return what is wrong; without `bodies` those of functions are passed over."""
    with open(file, "rb") as source:
        text = source.read()
    contents = {name: one.encode() for name, one in unsaved.items()}
    if os.path.splitext(file)[1] in SUFFIXES:
        return _diagnose_assembly(file, text, arguments, contents)
    words, _ = complete(file, text, arguments, ())
    return deeply(lambda: _diagnose(file, words, contents, KEEP_GOING if bodies else KEEP_GOING | SKIP_BODIES))


def _diagnose_assembly(file: str, text: bytes, arguments: list[str], contents: dict[str, bytes]) -> Diagnosis:
    """What the preprocessor lacks for an assembly file; what the parser says of its headers means nothing."""
    if os.path.splitext(file)[1] == PREPROCESSED:
        return Diagnosis((), 0, 0)
    words, files = prepared(file, text, c_arguments(file, text, arguments, ()), contents)
    found = deeply(lambda: _diagnose(file, words, files, KEEP_GOING | DETAILED_RECORD))
    kept = tuple(one for one in found.problems if one.ill in (Ill.HEADER, Ill.MACRO, Ill.STATED, Ill.STATEMENT))
    own = sum(os.path.abspath(one.path) == os.path.abspath(file) for one in kept)
    return Diagnosis(kept, own, len(kept), found.included)


def _diagnose(file: str, words: list[str], contents: dict[str, bytes], options: int) -> Diagnosis:
    unit = Unit(file, words, contents, options)
    if not unit.handle:
        return Diagnosis((), 1 << 30, 1 << 30)
    names = {handle: os.path.abspath(_name(handle)) for handle in clang_c.inclusions(unit.handle)}
    own = os.path.abspath(file)
    problems: dict[tuple[str, str, str, int], Problem] = {}
    places: dict[tuple[str, int], None] = {}
    texts: list[str] = []
    for severity, message, (handle, line, _column, offset) in unit.diagnostics():
        if severity < ERROR or message.startswith(HARMLESS):
            continue
        path = names.get(handle, "") if handle else ""
        places.setdefault((path, line))
        one = _problem(message, path, line, offset, unit, handle)
        texts.append(f"{path}:{line}: {message}")
        if one is not None:
            problems.setdefault((one.ill, one.name, path, line if one.ill in (Ill.SYNTAX, Ill.STATED) else 0), one)
    if options & DETAILED_RECORD:
        for name, line in hidden(unit, names, own):
            problems[Ill.STATEMENT, name, own, 0] = Problem(Ill.STATEMENT, name, own, line)
    count = sum(path == own for path, _ in places)
    return Diagnosis(tuple(problems.values()), count, len(places), tuple(names.values()), tuple(texts))


def _name(handle: int) -> str:
    return clang_c.text(clang_c.lib.clang_getFileName(handle))


def _problem(message: str, path: str, line: int, offset: int, unit: Unit, handle: int) -> Problem | None:
    for ill, pattern in _COMPILED:
        if found := pattern.search(message):
            return Problem(ill, found[1], path, line, offset)
    if handle and not _SYNTAX.match(message):
        text = unit.contents(handle)
        start = text.rfind(b"\n", 0, offset) + 1
        if re.match(rb"\s*#\s*error\b", text[start : offset + 40]):
            return Problem(Ill.STATED, message, path, line, offset)
    return Problem(Ill.SYNTAX, message, path, line, offset)
