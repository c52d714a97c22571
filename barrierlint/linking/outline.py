"""What is to be known of a unit without reading it: what it gives to other units and takes from them, and whether
anything in it can owe something.

Names are kept as hashes: of functions, of places that hold pointers to functions, of constant objects, of virtual and
of table entries' methods. Units where nothing bears a debt or orders, and that reach none that does, need no analysis.
What it does not hold: graphs.
"""

from __future__ import annotations

import json
import re
from array import array
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b

from barrierlint.cfg.graph import THIS, Cfg
from barrierlint.cfg.linkable import Lowered, Unit
from barrierlint.dataflow.traits import SWITCHES, said
from barrierlint.events import (
    Access,
    Assign,
    Call,
    CompilerBarrier,
    ContextSync,
    Dsb,
    Event,
    Kind,
    Tlbi,
    UnknownInstruction,
)
from barrierlint.finding import Notification, Span
from barrierlint.frozen import dataclass
from barrierlint.terms import AddressOf, Apply, Const, Field, Term

_PLAIN = frozenset((Access, Assign, Call, CompilerBarrier, UnknownInstruction))
"""Events that neither bear a debt by themselves nor order; a table known by its use shows in terms."""
_ORDERING = frozenset((Dsb, ContextSync, Tlbi))
_SHIFTS = frozenset((">>", ">>s", "%"))
_PAGE = 0xFFF
_COUNTERS = re.compile(r"asid|vmid|context_?id|ctx_?id|ctx_?num", re.IGNORECASE)
Unknown = tuple[str, Span]
"""An instruction that is not known, and where it is."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What a unit gives and takes (hashes of names), whether it `bears` anything, how many functions it has in its own
    file, those of others (hashes), what was said of it, and the instructions nobody knows.

    `traits` are what it says of the whole program, `lends` the lines of functions in headers that are nothing but a
    barrier, which repairs may call wherever the header is seen.
    """

    gives: frozenset[int]
    takes: frozenset[int]
    bears: bool
    own: int
    others: frozenset[int]
    notifications: tuple[Notification, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    traits: frozenset[str] = frozenset()
    lends: tuple[str, ...] = ()


class Survey:
    """Makes the outline of a unit while its graphs are written down: `look` sees each, with the terms and strings of
    its line. `is_modelled` tells which functions a model speaks of, `switches` which of them switch threads.
    """

    def __init__(self, unit: Unit, is_modelled: Callable[[str], bool], switches: Callable[[str], bool]) -> None:
        self._unit = unit
        self._switches = switches
        self._is_modelled = is_modelled
        self._bears = False
        self._takes: set[str] = set()
        self._unknown: dict[Unknown, None] = {}
        self._traits: set[str] = set()
        self._lends: list[str] = []

    def look(self, lowered: Lowered, line: str, terms: Iterable[Term], strings: Iterable[str]) -> None:
        """See one graph, and the line that it is written as."""
        cfg = lowered.cfg
        self._traits |= said(cfg)
        if cfg.place.path != self._unit.path and not cfg.params and _is_barrier(cfg):
            self._lends.append(line)
        self._takes.update(text for text in strings if text.startswith("c:"))
        held = {site.place for site in lowered.sites}
        self._takes.update(f"{cfg.usr}#arg{at}" for at, param in enumerate(_own_params(cfg.params)) if param in held)
        bears = self._bears or self._is_modelled(cfg.qualified) or any(map(_is_telling, terms))
        for block in cfg.blocks:
            for step in block.steps:
                event = step.event
                if type(event) is UnknownInstruction:
                    self._unknown[(event.text.split() or [""])[0], step.span] = None
                elif type(event) is Call:
                    if event.why == "virtual":
                        self._takes.add(f"virtual {event.callee}")
                    bears = bears or self._is_modelled(event.qualified)
                    if self._switches(event.qualified):
                        self._traits.add(SWITCHES)
                else:
                    bears = bears or type(event) not in _PLAIN or _counts(event)
        self._bears = bears

    def outline(self) -> Outline:
        """Return what was seen."""
        unit, facts = self._unit, self._unit.facts
        copied = (place for place, _ in facts.copies)
        gives = {*unit.places, *(place for place, _ in facts.stored), *copied, *facts.made}
        gives |= {id for id, _ in facts.constants} | {f"virtual {method}" for _, method in facts.overrides}
        takes = self._takes | set(facts.wanted) | {source for _, source in facts.copies}
        takes |= {f"virtual {method}" for method, _ in facts.overrides}
        takes -= {*unit.functions, *(id for id, _ in facts.constants)}
        others = {f"{usr} {span}" for usr, span in unit.places.items() if span.path != unit.path}
        return Outline(
            frozenset(map(hashed, filter(_is_shared, gives))),
            frozenset(map(hashed, filter(_is_shared, takes))),
            self._bears or bool(unit.variants),
            len(unit.places) - len(others),
            frozenset(map(hashed, others)),
            unit.notifications,
            tuple(self._unknown),
            frozenset(self._traits),
            tuple(self._lends),
        )


def _is_shared(name: str) -> bool:
    """Whether other files can mean the same by a name: not by variables and functions of one file."""
    return name.startswith(("c:@", "virtual ")) or "::" in name or "#arg" in name


def hashed(name: str) -> int:
    """Return 64 bits that stand for a name."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _is_barrier(cfg: Cfg) -> bool:
    """Whether a function does nothing but order."""
    events = [step.event for block in cfg.blocks for step in block.steps]
    return any(type(one) in _ORDERING for one in events) and all(
        type(one) in _ORDERING or type(one) in (Assign, CompilerBarrier) for one in events
    )


def _own_params(params: Sequence[str]) -> Sequence[str]:
    return params[1:] if params[:1] == (THIS,) else params


def _is_telling(term: Term) -> bool:
    """Whether a term may be an index made of an address's bits, or an address masked to a page's."""
    if type(term) is not Apply:
        return False
    if term.op in _SHIFTS:
        return True
    return term.op == "&" and not any(type(arg) is Const and (arg.value & _PAGE or not arg.value) for arg in term.args)


def _counts(event: Event) -> bool:
    """Whether an access keeps account of address spaces by the name of its place."""
    if type(event) is not Access or event.kind is Kind.READ:
        return False
    match event.address:
        case Field(_, name) | AddressOf(name):
            return _COUNTERS.search(name) is not None
    return False


# --- as text ---------------------------------------------------------------------------------------------------------


def dump(outline: Outline) -> str:
    """Return an outline as a line."""
    from barrierlint.linking import codec

    notes = codec.encode((outline.notifications, outline.unknown), _Said) if _says(outline) else ""
    sets = [_packed(names) for names in (outline.gives, outline.takes, outline.others)]
    whole = [*sets, outline.bears, outline.own, notes, sorted(outline.traits), outline.lends]
    return json.dumps(whole, separators=(",", ":"))


def load(text: str | bytes) -> Outline:
    """Return the outline that `dump` wrote; ValueError for anything else."""
    from barrierlint.linking import codec

    try:
        gives, takes, others, bears, own, notes, traits, lends = json.loads(text)
        notifications, unknown = codec.decode(notes, _Said) if notes else ((), ())
        sets = [frozenset(_unpacked(names)) for names in (gives, takes, others)]
        own_words = frozenset(map(str, traits)), tuple(map(str, lends))
        return Outline(sets[0], sets[1], bool(bears), int(own), sets[2], notifications, unknown, *own_words)
    except (TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ValueError(str(error)) from error


_Said = tuple[tuple[Notification, ...], tuple[Unknown, ...]]


def _says(outline: Outline) -> bool:
    return bool(outline.notifications or outline.unknown)


def _packed(names: Iterable[int]) -> str:
    return b64encode(array("Q", sorted(names)).tobytes()).decode("ascii")


def _unpacked(text: str) -> Iterator[int]:
    numbers = array("Q")
    numbers.frombytes(b64decode(text, validate=True))
    return iter(numbers)
