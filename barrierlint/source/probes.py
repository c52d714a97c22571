"""Probes: a second parse with functions that name what libclang shows only where it is used.

It shows no members of an instantiated class template. A probe appended to the main file destroys an object of the
class, or takes the address of a method or of a function's instantiation; what its nodes refer to is the instantiation
with its body. Access control is off for it. It does not reach overloaded methods, nor classes that cannot be named
outside a function.
"""

from __future__ import annotations

import re

from barrierlint.source import clang_c
from barrierlint.source.clang_c import KEEP_GOING, Cursor, CXType, Unit, lib
from barrierlint.source.functions import read_all
from barrierlint.source.names import FUNCTIONS, RECORDS
from barrierlint.source.places import Places
from barrierlint.source.reading import Reading
from barrierlint.source.roots import Roots, read_globals

_ROUNDS = 4
_NAME = "barrierlint_probe_"
_METHOD, _DESTRUCTOR, _FUNCTION_TEMPLATE, _CALL, _REFERENCE = 21, 25, 30, 103, 101
_ANONYMOUS = re.compile(r"\(anonymous namespace\)::|\(anonymous\)::")


def want_instantiations(reading: Reading, roots: Roots) -> None:
    """Ask for what is instantiated explicitly in the main file, and for possible targets of virtual calls."""
    for raw in roots.instantiations:
        _want_methods(reading, raw, None)
    source = reading.main_source()
    for usr, cursor in roots.patterns.items():
        if cursor.kind == _FUNCTION_TEMPLATE and lib.clang_getCursorSemanticParent(cursor).kind not in RECORDS:
            name = clang_c.spelling(cursor)
            for given in re.findall(
                rf"\btemplate\s+[^<;{{}}][^;{{}}]*?\b{re.escape(name)}\s*(<[^;(){{}}]*>)\s*\(", source
            ):
                reading.to_probe[f"{usr}{given}"] = f"(void)&{reading.names.qualified(cursor)}{given};"


def want_overriders(reading: Reading) -> None:
    """Ask for the virtual methods of instantiated class templates that have the name of one called virtually."""
    names = {clang_c.spelling(cursor) for cursor in reading.dispatched.values()}
    for _, raw in list(reading.types.seen.values()):
        _want_methods(reading, raw, names)


def _want_methods(reading: Reading, raw: CXType, names: set[str] | None) -> None:
    """Ask for the methods of an instantiated class: all, or the virtual ones of the given names."""
    declaration = lib.clang_getTypeDeclaration(raw)
    pattern = lib.clang_getSpecializedCursorTemplate(declaration)
    spelling = clang_c.text(lib.clang_getTypeSpelling(lib.clang_getCanonicalType(raw)))
    system = lib.clang_Location_isInSystemHeader(lib.clang_getCursorLocation(pattern))
    if pattern.kind not in RECORDS or system:
        return
    record = reading.types.record(lib.clang_getCanonicalType(raw))
    for child in clang_c.children(pattern):
        name = clang_c.spelling(child)
        if child.kind == _METHOD and (names is None or (name in names and lib.clang_CXXMethod_isVirtual(child))):
            reading.to_probe[f"{record}::{name}"] = f"using P = {spelling}; (void)&P::{name};"
        elif child.kind == _DESTRUCTOR and names is None:
            reading.to_probe[record] = f"using P = {spelling}; ((P *)0)->~P();"


def read_probed(reading: Reading, main: str, words: list[str], contents: dict[str, bytes], source: bytes) -> None:
    """Read what was asked for, and what that reaches; tell of destructors that no probe could find."""
    done: set[str] = set()
    for _ in range(_ROUNDS):
        want_overriders(reading)
        fresh = {key: statement for key, statement in reading.to_probe.items() if key not in done}
        if not fresh:
            break
        done.update(fresh)
        extended = source + _text(fresh).encode()
        unit = Unit(main, [*words, "-fno-access-control"], {**contents, main: extended}, KEEP_GOING)
        if not unit.handle:
            break
        found = _answers(unit, fresh)
        reading.move(unit, Places(main, main))
        reading.probed.update(found)
        for key, cursor in found.items():
            usr = reading.names.usr(cursor)
            if usr not in reading.made:
                reading.asked.discard(usr)
            reading.need(cursor)
            if key not in reading.destructors:
                reading.probed_roots.append(usr)
        read_all(reading)
        read_globals(reading, Roots())
    for key, statement in reading.to_probe.items():
        if key not in reading.probed and key in reading.destructors:
            name = statement.removeprefix("using P = ").split(";")[0]
            reading.note("lost-destructor", f"the destructor of `{name}` could not be read: what it does is unknown")


def _text(wanted: dict[str, str]) -> str:
    """The probes, one function each."""
    bodies = (_ANONYMOUS.sub("", statement) for statement in wanted.values())
    return "\n" + "".join(f"\nstatic void {_NAME}{number}() {{ {body} }}" for number, body in enumerate(bodies)) + "\n"


def _answers(unit: Unit, wanted: dict[str, str]) -> dict[str, Cursor]:
    """What the probes refer to, by key."""
    keys = list(wanted)
    found: dict[str, Cursor] = {}
    for cursor in clang_c.children(unit.cursor()):
        name = clang_c.spelling(cursor) if cursor.kind == 8 else ""
        if name.startswith(_NAME):
            answer = _referred(cursor)
            if answer is not None:
                found[keys[int(name[len(_NAME) :])]] = answer
    return found


def _referred(cursor: Cursor) -> Cursor | None:
    """The function or destructor that the probe names."""
    stack = clang_c.children(cursor)
    while stack:
        part = stack.pop()
        if part.kind in (_CALL, _REFERENCE):
            named: Cursor = lib.clang_getCursorReferenced(part)
            if named.kind in FUNCTIONS:
                return named
        stack.extend(clang_c.children(part))
    return None
