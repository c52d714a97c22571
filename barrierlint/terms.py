"""Terms: the operands of events, shared by the static analysis and the simulator.

A term is a pure expression over names. Evaluating one has no effect: every memory access of the program is an event of
its own, whose result is bound to a name. Integers are 64-bit and unsigned unless an operator says otherwise.

What it does not model: floating point, vectors, and integers wider than 64 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from sys import getrefcount
from typing import Any, ClassVar

MASK64 = (1 << 64) - 1
_SWEPT = 1 << 19
"""Terms that are made before those nobody holds any more are let go of."""


class _Shared(type):
    """Makes one object of equal terms: two terms are equal if, and only if, they are the same object.

    What holds for every term is thereby decided by comparing addresses, which dictionaries do without calling Python
    (hash consing: Filliâtre and Conchon, ML 2006). Terms that were sent to another process are made there anew.
    """

    _made: ClassVar[dict[tuple[object, ...], Any]] = {}
    _limit: ClassVar[int] = _SWEPT

    def __call__(cls, *args: Any, **named: Any) -> Any:
        names = cls.__match_args__  # type: ignore[attr-defined]
        if named or len(args) < len(names):
            made = super().__call__(*args, **named)
            args = tuple(getattr(made, name) for name in names)
        key = (cls, *args)
        found = _Shared._made.get(key)
        if found is None:
            if len(_Shared._made) >= _Shared._limit:
                _Shared._sweep()
            found = _Shared._made.setdefault(key, super().__call__(*args))
        return found

    @staticmethod
    def _sweep() -> None:
        """Forget terms that nothing but the table holds, and their parts."""
        made, before = _Shared._made, -1
        while len(made) != before:
            before = len(made)
            for key in list(made):
                if getrefcount(made[key]) == 2:  # the table's, and that of the question
                    del made[key]
        _Shared._limit = max(_SWEPT, 2 * len(made))


@dataclass(frozen=True, slots=True, eq=False)
class Const(metaclass=_Shared):
    """A known 64-bit integer, stored unsigned (0 <= value < 2**64)."""

    value: int

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return Const, (self.value,)


@dataclass(frozen=True, slots=True, eq=False)
class Name(metaclass=_Shared):
    """The value held by a register, temporary, or local variable whose address nobody takes.

    `id` is unique in the program (static side: `function-usr#name#offset` or `%n` for a temporary of the function;
    simulator: the register, `X0`). A litmus name such as `x` or `PTE(x)` is a Name as well.
    """

    id: str

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return Name, (self.id,)


@dataclass(frozen=True, slots=True, eq=False)
class AddressOf(metaclass=_Shared):
    """The address of a named object: a global, a local in memory, a function, or a string literal."""

    id: str
    kind: str = "local"  # local | global | function | string | member | register (what a register or TLB holds)

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return AddressOf, (self.id, self.kind)


@dataclass(frozen=True, slots=True, eq=False)
class Field(metaclass=_Shared):
    """The address of member `name` inside the object at `base` (C's `&base->name`)."""

    base: Term
    name: str

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return Field, (self.base, self.name)


@dataclass(frozen=True, slots=True, eq=False)
class Element(metaclass=_Shared):
    """The address of element `index` of the array at `base`; `size` is the element's size in bytes, 0 if unknown."""

    base: Term
    index: Term
    size: int = 0

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return Element, (self.base, self.index, self.size)


@dataclass(frozen=True, slots=True, eq=False)
class Apply(metaclass=_Shared):
    """An operator applied to terms.

    Operators: `+ - * / % & | ^ << >>` (and `>>s`, arithmetic), `~`, `neg`, `! == != < <= > >=` (and `<s <=s >s >=s`),
    `&& ||` (both sides pure), `?:`, `zext N` and `sext N` (truncate to N bits, then extend).
    """

    op: str
    args: tuple[Term, ...]

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return Apply, (self.op, self.args)


@dataclass(frozen=True, slots=True, eq=False)
class Unknown(metaclass=_Shared):
    """A value nothing is known of. Equal ids mean the same unknown value."""

    id: str

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return Unknown, (self.id,)


Term = Const | Name | AddressOf | Field | Element | Apply | Unknown


def const(value: int) -> Const:
    """Return the 64-bit constant congruent to `value`."""
    return Const(value & MASK64)


def show(term: Term) -> str:
    """Return `term` in C-like notation, for reports and graphs."""
    match term:
        case Const(value):
            return hex(value) if value > 9 else str(value)
        case Name(id) | Unknown(id):
            return _short(id)
        case AddressOf(id, kind):
            return id if kind == "string" else "&" + _short(id)
        case Field(AddressOf(id), name):
            return f"&{_short(id)}.{name}"
        case Field(base, name):
            return f"&{show(base)}->{name}"
        case Element(base, index):
            return f"&{show(base)}[{show(index)}]"
        case Apply("?:", (condition, yes, no)):
            return f"({show(condition)} ? {show(yes)} : {show(no)})"
        case Apply(op, (arg,)):
            return f"{'-' if op == 'neg' else op + ' ' if op[0].isalpha() else op}{show(arg)}"
        case Apply(op, args):
            return "(" + f" {op} ".join(show(arg) for arg in args) + ")"


def _short(id: str) -> str:
    """The part of a name a person wrote: `usr#name#offset` -> `name`."""
    parts = id.split("#")
    return parts[-2] if len(parts) >= 3 else id
