"""How a code base writes a barrier at a place: what its model says, else the instruction itself.

What it does not model: barriers that need an operand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from barrierlint.events import ContextSync, Dmb, Dsb, Event, Tlbi, barrier_option
from barrierlint.models import Models


@dataclass(frozen=True, slots=True)
class Written:
    """Lines of source, and the events that they are."""

    lines: tuple[str, ...]
    events: tuple[Event, ...]


class Idioms:
    """The ways to write events in a program."""

    def __init__(self, models: Models) -> None:
        self.declared = models.barrier_idiom

    def write(self, events: Sequence[Event]) -> Written:
        """Lines that execute `events`."""
        lines = [self.declared.get(key(event)) or f'asm volatile("{spelled(event)}" ::: "memory");' for event in events]
        return Written(tuple(lines), tuple(events))


def spelled(event: Event) -> str:
    """The instruction of an event; a TLBI by address becomes the one for all addresses."""
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
