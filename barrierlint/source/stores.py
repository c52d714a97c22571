"""Where functions' addresses are stored, so that calls through pointers find their targets.

It does not follow addresses through assignments of pointers to one another.
"""

from __future__ import annotations

from barrierlint.source.reading import Reading
from barrierlint.source.tree import (
    Cast,
    Conditional,
    Expression,
    FunctionReference,
    Member,
    Reference,
    Subscript,
    Unary,
)


def place_of(target: Expression) -> str:
    """Return where a function's address stored in `target` can be found again: `record::member` or a variable's id."""
    match target:
        case Member(record=record, name=name):
            return f"{record}::{name}"
        case Reference(variable=variable):
            return variable.id
        case Subscript(base=base):
            return place_of(base)
        case Unary(operand=operand) | Cast(operand=operand):
            return place_of(operand)
    return ""


def record_stores(reading: Reading, place: str, value: Expression) -> None:
    """Record the functions whose address `value` may be as stored at `place`."""
    match value:
        case FunctionReference(usr=usr):
            reading.assign(place, usr)
        case Cast(operand=operand):
            record_stores(reading, place, operand)
        case Conditional(yes=yes, no=no):
            if yes is not None:
                record_stores(reading, place, yes)
            record_stores(reading, place, no)
