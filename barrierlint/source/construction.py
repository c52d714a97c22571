"""Constructors: which function runs, its written initialisers, and what it initialises without saying so.

An implicit default constructor that does something is made here as a function with an empty body. It does not model
virtual bases or inherited constructors.
"""

from __future__ import annotations

from barrierlint.source import clang_c
from barrierlint.source.clang_c import Cursor, CXType, lib
from barrierlint.source.lifetimes import bases
from barrierlint.source.places import position
from barrierlint.source.reading import COMPOUND, CXX_TRY, Reading
from barrierlint.source.tree import Compound, Construct, Expression, Function, MemberInitializer
from barrierlint.source.types import VOID

CONSTRUCTOR, FIELD, PARAM, MEMBER_REF, TYPE_REF = 24, 6, 10, 47, 43
_RECORD_TYPE = 105


def constructor(reading: Reading, named: Cursor) -> str:
    """Return the USR of constructor `named` if it does something beyond copying or nothing, else ""."""
    if not lib.clang_CXXMethod_isDefaulted(named) and not _is_implicit(named):
        return reading.need(named)
    if not lib.clang_CXXConstructor_isDefaultConstructor(named):
        return ""
    owner = lib.clang_getCursorSemanticParent(named)
    return _implicit(reading, lib.clang_getCursorType(owner), reading.names.usr(named), named)


def written(reading: Reading, function: Cursor) -> list[MemberInitializer]:
    """Return the initialisers written between a constructor's parameters and its body."""
    found: list[MemberInitializer] = []
    member = ""
    for child in clang_c.children(function):
        if child.kind in (COMPOUND, CXX_TRY):
            break
        if child.kind == MEMBER_REF:
            member = clang_c.spelling(child)
        elif child.kind == TYPE_REF:
            member = ""
        elif 100 <= child.kind < 200:
            value = reading.expression(child)
            found.append(MemberInitializer(reading.span(child), member, value))
            member = ""
    return found


def initializers(reading: Reading, function: Cursor) -> tuple[MemberInitializer, ...]:
    """Return what a constructor initialises: bases, then members, those not written included."""
    explicit = written(reading, function)
    owner = lib.clang_getCursorType(lib.clang_getCursorSemanticParent(function))
    record = reading.types.record(owner)
    if any(not one.member and one.value.type.record == record for one in explicit):
        return tuple(explicit)  # delegates
    named = {one.member for one in explicit}
    made = {one.value.type.record for one in explicit if not one.member}
    return tuple(explicit) + _unwritten(reading, owner, named, made)


def _unwritten(reading: Reading, owner: CXType, named: set[str], made: set[str]) -> tuple[MemberInitializer, ...]:
    """Default member initialisers and default constructions that a constructor performs silently."""
    found: list[MemberInitializer] = []
    for base in bases(owner):
        raw = lib.clang_getCanonicalType(lib.clang_getCursorType(base))
        if raw.kind == _RECORD_TYPE and reading.types.record(raw) not in made:
            found += _default(reading, raw, "", base)
    for field in clang_c.fields(owner):
        name = clang_c.spelling(field)
        if name in named:
            continue
        initial = _in_class(reading, field)
        if initial is not None:
            value: Expression = reading.expression(initial)
            found.append(MemberInitializer(reading.span(initial), name, value))
        else:
            found += _default(reading, lib.clang_getCanonicalType(lib.clang_getCursorType(field)), name, field)
    return tuple(found)


def _in_class(reading: Reading, field: Cursor) -> Cursor | None:
    """The default member initialiser of a field: an expression after its name that is no width or array bound."""
    name = position(field)[1]
    after = [one for one in clang_c.children(field) if 100 <= one.kind < 200 and reading.places.offsets(one)[1] > name]
    bounds = int(bool(lib.clang_Cursor_isBitField(field)))
    raw = lib.clang_getCursorType(field)
    while raw.kind in (112, 114, 115, 116):
        bounds += raw.kind != 114
        raw = lib.clang_getElementType(raw)
    return after[-1] if len(after) > bounds else None


def _default(reading: Reading, raw: CXType, member: str, place: Cursor) -> list[MemberInitializer]:
    """The default construction of a member or base, if it does something."""
    if raw.kind != _RECORD_TYPE:
        return []
    declaration = lib.clang_getTypeDeclaration(raw)
    own = [child for child in clang_c.children(declaration) if child.kind == CONSTRUCTOR]
    callee = ""
    for child in own:
        if lib.clang_CXXConstructor_isDefaultConstructor(child):
            callee = constructor(reading, child)
    if not own:
        usr = f"{reading.types.record(raw)}@F@{clang_c.spelling(declaration)}#"
        callee = _implicit(reading, raw, usr, declaration)
    if not callee:
        return []
    span = reading.span(place)
    type = reading.types.convert(raw)
    made = Construct(span, type, callee, f"{type.spelling}::{clang_c.spelling(declaration)}", ())
    return [MemberInitializer(span, member, made)]


def _is_implicit(named: Cursor) -> bool:
    """Whether the constructor is the compiler's own: it stands where the class's name stands."""
    owner = lib.clang_getCursorSemanticParent(named)
    return position(named) == position(owner)


def _implicit(reading: Reading, owner: CXType, usr: str, place: Cursor) -> str:
    """Make an implicit default constructor if it initialises anything."""
    known = reading.constructors.get(usr)
    if known is not None:
        return known
    reading.constructors[usr] = ""
    found = _unwritten(reading, owner, set(), set())
    if not found:
        return ""
    span = reading.places.span(place)
    name = clang_c.spelling(lib.clang_getTypeDeclaration(owner))
    type = reading.types.convert(owner)
    reading.made[usr] = Function(
        usr,
        name,
        f"{type.spelling}::{name}",
        (),
        VOID,
        Compound(span, ()),
        span,
        reading.types.record(owner),
        external=False,
        initializers=found,
        kind="constructor",
    )
    reading.asked.add(usr)
    reading.constructors[usr] = usr
    return usr
