"""How a code base writes a barrier at a place: what its model says, else the program's own words that can be used
there, else the instruction.

A word for exactly the barriers wanted comes first, one for all of them before one for each; then the weakest that is
strong enough. What it does not model: barriers that need an operand (a TLBI by address becomes one for all addresses).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from barrierlint.cfg.graph import Program
from barrierlint.dataflow.places import Place
from barrierlint.events import Accesses, ContextSync, Dmb, Dsb, Event, Shareability, Tlbi, barrier_option
from barrierlint.models import Models
from barrierlint.rules.vocabulary import Helper, Helpers
from barrierlint.source.layout import layout_of
from barrierlint.source.lines import SUFFIXES

_WIDTH = (Shareability.NSH, Shareability.ISH, Shareability.OSH, Shareability.SY)
_ASM = re.compile(rb"\b(asm|__asm__|__asm)\s*(volatile|__volatile__|__volatile)\b")


@dataclass(frozen=True, slots=True)
class Written:
    """Lines of source, and the events that they are."""

    lines: tuple[str, ...]
    events: tuple[Event, ...]


class Idioms:
    """The ways to write events in a program."""

    def __init__(self, program: Program, models: Models) -> None:
        self.declared = models.barrier_idiom
        self.helpers = Helpers(program)
        self.found: dict[tuple[str, tuple[int, int]], list[Helper]] = {}

    def write(self, events: Sequence[Event], place: Place) -> Written:
        """Lines that execute `events` at a place."""
        helpers = self._at(place)
        whole = next((one for one in helpers if one.events == tuple(events)), None)
        if whole is not None and len(events) > 1:
            return Written((whole.line,), whole.events)
        parts = [self._one(event, helpers, place) for event in events]
        return Written(tuple(line for line, _ in parts), tuple(event for _, event in parts))

    def _at(self, place: Place) -> list[Helper]:
        key = (place.path, place.close)
        if key not in self.found:
            layout = layout_of(place.path)
            line = layout.line(place.offset) if layout is not None else 0
            self.found[key] = self.helpers.at(place.path, line, place.close)
        return self.found[key]

    def _one(self, event: Event, helpers: Sequence[Helper], place: Place) -> tuple[str, Event]:
        if os.path.splitext(place.path)[1] in SUFFIXES:
            helpers = ()
        declared = self.declared.get(key(event))
        if declared is not None and self.helpers.knows(place.path, declared):
            return declared, event
        single = [one for one in helpers if len(one.events) == 1]
        exact = next((one for one in single if one.events[0] == event), None)
        if exact is not None:
            return exact.line, event
        enough = [one for one in single if _covers(one.events[0], event)]
        if enough:
            best = min(enough, key=lambda one: _strength(one.events[0]))
            return best.line, best.events[0]
        event = replace(event, op="vmalle1is") if isinstance(event, Tlbi) and needs_address(event) else event
        if os.path.splitext(place.path)[1] in SUFFIXES:
            return spelled(event), event
        return f'{_asm(place.path)}("{spelled(event)}" ::: "memory");', event


def _asm(path: str) -> str:
    """The words for an asm statement that a file uses itself."""
    layout = layout_of(path)
    found = _ASM.search(layout.data) if layout is not None else None
    return f"{found[1].decode()} {found[2].decode()}" if found else "asm volatile"


def _covers(one: Event, wanted: Event) -> bool:
    """Whether a DSB does all that another would."""
    if not isinstance(one, Dsb) or not isinstance(wanted, Dsb) or (one.nxs and not wanted.nxs):
        return False
    wide = _WIDTH.index(one.domain) >= _WIDTH.index(wanted.domain)
    return wide and one.accesses in (wanted.accesses, Accesses.ALL)


def _strength(event: Event) -> tuple[int, bool]:
    return (_WIDTH.index(event.domain), event.accesses is Accesses.ALL) if isinstance(event, Dsb) else (0, False)


def needs_address(event: Tlbi) -> bool:
    """Whether a TLBI is by address or by ASID."""
    return not re.match(r"(vmall|alle|vmallws2)", event.op)


def spelled(event: Event) -> str:
    """The instruction of an event."""
    match event:
        case Dsb(domain, accesses, nxs):
            return f"dsb {barrier_option(domain, accesses)}{'nxs' if nxs else ''}"
        case Dmb(domain, accesses):
            return f"dmb {barrier_option(domain, accesses)}"
        case ContextSync():
            return "isb"
        case Tlbi(op):
            return f"tlbi {op}"
    raise ValueError(f"no instruction for {event}")


def key(event: Event) -> str:
    """The name of an event in a model's `barrier_idiom`: `dsb_ishst`, `isb`."""
    return spelled(event).replace(" ", "_")
