"""Values of the alphabet to lines of JSON and back: units, findings, notifications.

What can be written is what the annotations of the frozen dataclasses say, and nothing else is built when reading: a
file that somebody else wrote can give wrong values, but runs nothing (which rules out pickle, and marshal, whose reader
does not defend itself). Strings, terms and spans are written once a line and then named by number: terms share their
parts, and would be exponential in their depth otherwise. What it does not do: keep the identity of equal values.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, NamedTuple

from barrierlint.finding import Span
from barrierlint.terms import AddressOf, Apply, Const, Element, Field, Name, Term, Unknown


class CodecError(ValueError):
    """What was read is not what was written."""


class Writer:
    """The tables of one line."""

    def __init__(self) -> None:
        self.strings: dict[str, int] = {}
        self.terms: dict[Term, int] = {}
        self.rows: list[list[Any]] = []
        self.spans: dict[Span, int] = {}

    def string(self, text: str) -> int:
        """The number of a string."""
        return self.strings.setdefault(text, len(self.strings))

    def span(self, span: Span) -> int:
        """The number of a span."""
        return self.spans.setdefault(span, len(self.spans))

    def term(self, term: Term) -> int:
        """The number of a term; its parts come before it."""
        known = self.terms.get(term)
        if known is not None:
            return known
        match term:
            case Const(value):
                row = [0, value]
            case Name(id):
                row = [1, self.string(id)]
            case AddressOf(id, kind):
                row = [2, self.string(id), self.string(kind)]
            case Field(base, name):
                row = [3, self.term(base), self.string(name)]
            case Element(base, index, size):
                row = [4, self.term(base), self.term(index), size]
            case Apply(op, args):
                row = [5, self.string(op), *(self.term(arg) for arg in args)]
            case Unknown(id):
                row = [6, self.string(id)]
        self.rows.append(row)
        self.terms[term] = len(self.rows) - 1
        return len(self.rows) - 1

    def line(self, body: Any) -> str:
        """The whole line."""
        spans = [[self.string(one.path), one.line, one.column, one.end_line, one.end_column] for one in self.spans]
        return json.dumps([list(self.strings), self.rows, spans, body], separators=(",", ":"), ensure_ascii=False)


class Reader:
    """The tables of one line, as values."""

    def __init__(self, strings: list[str], rows: list[list[Any]], spans: list[list[int]]) -> None:
        self.strings = strings
        self.terms: list[Term] = []
        for row in rows:
            self.terms.append(self._term(row))
        self.spans = [Span(strings[row[0]], row[1], row[2], row[3], row[4]) for row in spans]

    def _term(self, row: list[Any]) -> Term:
        strings, terms = self.strings, self.terms
        match row[0]:
            case 0:
                return Const(row[1])
            case 1:
                return Name(strings[row[1]])
            case 2:
                return AddressOf(strings[row[1]], strings[row[2]])
            case 3:
                return Field(terms[row[1]], strings[row[2]])
            case 4:
                return Element(terms[row[1]], terms[row[2]], row[3])
            case 5:
                return Apply(strings[row[1]], tuple(terms[arg] for arg in row[2:]))
            case 6:
                return Unknown(strings[row[1]])
        raise CodecError(f"no such kind of term: {row[0]}")


class Plan(NamedTuple):
    """How values of one annotation are written and read."""

    write: Callable[[Writer, Any], Any]
    read: Callable[[Reader, Any], Any]


def encode(value: Any, annotation: Any) -> str:
    """Return `value`, of the type `annotation`, as a line without its end."""
    return written(value, annotation)[0]


def written(value: Any, annotation: Any) -> tuple[str, Writer]:
    """Return `value` as a line, and the tables of the line: all its strings and terms."""
    writer = Writer()
    return writer.line(plan(annotation).write(writer, value)), writer


def decode(line: str | bytes, annotation: Any, rename: Callable[[str], str] | None = None) -> Any:
    """Return the value that `line` holds, each string of it changed by `rename`; CodecError if it holds none of this
    type.
    """
    try:
        strings, rows, spans, body = json.loads(line)
        if rename is not None:
            strings = [rename(text) for text in strings]
        return plan(annotation).read(Reader(strings, rows, spans), body)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise CodecError(f"{type(error).__name__}: {error}") from error


@cache
def plan(annotation: Any) -> Plan:
    """Return how values of `annotation` are written: the whole of the format."""
    if annotation is str:
        return Plan(lambda writer, text: writer.string(text), lambda reader, number: reader.strings[number])
    if annotation in (int, bool, float):
        return Plan(lambda _, value: value, lambda _, value: value)
    if annotation is Span:
        return Plan(lambda writer, span: writer.span(span), lambda reader, number: reader.spans[number])
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _enumeration(annotation)
    if is_dataclass(annotation):
        return _record(annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (types.UnionType, typing.Union):
        return _union(arguments)
    if origin is tuple:
        return _sequence(arguments)
    if origin in (dict, Mapping):
        pairs = plan(types.GenericAlias(tuple, (types.GenericAlias(tuple, arguments), ...)))
        return Plan(lambda w, value: pairs.write(w, value.items()), lambda r, body: dict(pairs.read(r, body)))
    raise TypeError(f"values of {annotation} are not written")


def _enumeration(kind: type[Enum]) -> Plan:
    members = list(kind)
    numbers = {member: number for number, member in enumerate(members)}
    return Plan(lambda _, member: numbers[member], lambda _, number: members[number])


def _record(kind: Any) -> Plan:
    """A dataclass: the list of its fields."""
    hints = typing.get_type_hints(kind)
    own = [field.name for field in fields(kind) if field.init]
    plans: list[tuple[str, Plan]] = []  # filled at the first use: dataclasses refer to each other

    def columns() -> list[tuple[str, Plan]]:
        if not plans:
            plans.extend((name, plan(hints[name])) for name in own)
        return plans

    def write(writer: Writer, value: Any) -> Any:
        return [one.write(writer, getattr(value, name)) for name, one in columns()]

    def read(reader: Reader, body: Any) -> Any:
        return kind(*[one.read(reader, part) for (_, one), part in zip(columns(), body, strict=True)])

    return Plan(write, read)


_TERMS = typing.get_args(Term)


def _union(members: tuple[Any, ...]) -> Plan:
    """One of several, None among them or not: terms by number, dataclasses with theirs in front."""
    some = tuple(member for member in members if member is not type(None))
    if set(some) <= set(_TERMS):
        inner = Plan(lambda writer, term: writer.term(term), lambda reader, number: reader.terms[number])
    elif len(some) == 1:
        inner = plan(some[0])
    else:
        inner = _tagged(some)
    if len(some) == len(members):
        return inner
    return Plan(
        lambda writer, value: None if value is None else inner.write(writer, value),
        lambda reader, body: None if body is None else inner.read(reader, body),
    )


def _tagged(members: tuple[Any, ...]) -> Plan:
    plans = [plan(member) for member in members]
    numbers = {member: number for number, member in enumerate(members)}

    def write(writer: Writer, value: Any) -> Any:
        number = numbers[type(value)]
        return [number, plans[number].write(writer, value)]

    return Plan(write, lambda reader, body: plans[body[0]].read(reader, body[1]))


def _sequence(arguments: tuple[Any, ...]) -> Plan:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        item = plan(arguments[0])
        return Plan(
            lambda writer, values: [item.write(writer, value) for value in values],
            lambda reader, body: tuple([item.read(reader, part) for part in body]),
        )
    items = [plan(argument) for argument in arguments]
    return Plan(
        lambda writer, values: [one.write(writer, value) for one, value in zip(items, values, strict=True)],
        lambda reader, body: tuple([one.read(reader, part) for one, part in zip(items, body, strict=True)]),
    )
