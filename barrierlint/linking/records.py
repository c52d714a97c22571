"""Units as bytes: a first line with everything but the graphs, then a line for each graph, read when it is wanted.

A program takes each function from one of the units that hold it, so that most graphs of headers are never read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from barrierlint.cfg.linkable import Facts, Lowered, Unit
from barrierlint.finding import Notification, Span
from barrierlint.frozen import dataclass
from barrierlint.linking import codec
from barrierlint.linking.outline import Outline, Survey

Rename = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Header:
    """A unit without its graphs: `functions` and `variants` are the USRs of those that follow, `places` theirs."""

    path: str
    target: str
    roots: tuple[str, ...]
    functions: tuple[str, ...]
    variants: tuple[str, ...]
    facts: Facts
    notifications: tuple[Notification, ...]
    includes: tuple[str, ...]
    places: tuple[Span, ...]


class Graphs(Mapping[str, Lowered]):
    """Graphs by USR, each read at its first use."""

    def __init__(self, lines: Mapping[str, bytes], rename: Rename | None = None) -> None:
        self._lines = lines
        self._rename = rename
        self._read: dict[str, Lowered] = {}

    def __getitem__(self, usr: str) -> Lowered:
        """Return the graph of a function."""
        known = self._read.get(usr)
        if known is None:
            known = self._read[usr] = codec.decode(self._lines[usr], Lowered, self._rename)
        return known

    def __contains__(self, usr: object) -> bool:
        """Whether there is one; nothing is read for that."""
        return usr in self._lines

    def __iter__(self) -> Iterator[str]:
        """Iterate over the USRs in order."""
        return iter(self._lines)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._lines)


def to_bytes(unit: Unit) -> bytes:
    """Return `unit` as bytes."""
    return outlined(unit)[0]


def _none(_name: str) -> bool:
    """No model speaks of any function."""
    return False


def outlined(
    unit: Unit, is_modelled: Callable[[str], bool] = _none, switches: Callable[[str], bool] = _none
) -> tuple[bytes, Outline]:
    """Return `unit` as bytes, and its outline; models speak of functions (`is_modelled`), some `switches` threads."""
    survey = Survey(unit, is_modelled, switches)
    head = Header(
        unit.path,
        unit.target,
        unit.roots,
        tuple(unit.functions),
        tuple(unit.variants),
        unit.facts,
        unit.notifications,
        unit.includes,
        tuple(one.cfg.place for one in unit.functions.values()),
    )
    graphs = (*unit.functions.values(), *unit.variants.values())
    lines = [codec.encode(head, Header)]
    for one in graphs:
        line, tables = codec.written(one, Lowered)
        survey.look(one, line, tables.terms, tables.strings)
        lines.append(line)
    return "\n".join(lines).encode("utf-8", "surrogatepass"), survey.outline()


def header(data: bytes) -> Header:
    """Return a unit without its graphs; CodecError if `data` holds none."""
    found: Header = codec.decode(data.split(b"\n", 1)[0], Header)
    return found


def from_bytes(data: bytes, rename: Rename | None = None) -> Unit:
    """Return the unit that `data` holds, with names changed by `rename`; CodecError if it holds none."""
    return from_lines(data.split(b"\n"), rename)


def from_lines(given: Sequence[bytes], rename: Rename | None = None) -> Unit:
    """Return the unit that the lines `given` hold, with names changed by `rename`; CodecError if they hold none."""
    first, *lines = given
    head: Header = codec.decode(first, Header, rename)
    names = (*head.functions, *head.variants)
    if len(names) != len(lines):
        raise codec.CodecError("lines are missing")
    count = len(head.functions)
    return Unit(
        head.path,
        head.target,
        Graphs(dict(zip(head.functions, lines, strict=False)), rename),
        head.roots,
        Graphs(dict(zip(head.variants, lines[count:], strict=True)), rename),
        head.facts,
        head.notifications,
        head.includes,
        dict(zip(head.functions, head.places, strict=True)),
    )
