"""What an access event does, whichever class of the alphabet it is.

What it does not model: the event's place in a program.
"""

from __future__ import annotations

from dataclasses import dataclass

from barrierlint.events import Access as AccessEvent
from barrierlint.events import DescriptorWrite, Kind, Order
from barrierlint.terms import Term

EXCLUSIVE = "exclusive"


@dataclass(frozen=True, slots=True)
class Shape:
    """What an access event does, whichever class it is."""

    kind: Kind
    address: Term
    value: Term | None
    into: str | None
    order: Order
    size: int
    op: str
    expected: Term | None

    @property
    def mask(self) -> int:
        """The bits of a value of this size."""
        return (1 << 8 * self.size) - 1


def shape(event: AccessEvent | DescriptorWrite) -> Shape:
    """Return the shape of `event`; a descriptor write with an operation is an atomic."""
    if isinstance(event, AccessEvent):
        return Shape(
            event.kind, event.address, event.value, event.into, event.order, event.size, event.op, event.expected
        )
    kind = Kind.RMW if event.op and event.op != EXCLUSIVE else Kind.WRITE
    op = {"exchange": "swap", "compare-exchange": "cas"}.get(event.op, event.op)
    return Shape(kind, event.location, event.value, event.into, event.order, event.size, op, event.expected)
