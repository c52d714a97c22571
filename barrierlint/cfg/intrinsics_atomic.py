"""Atomic operations of C, C++ and the compilers' builtins as accesses.

One row a spelling: `__atomic_*`, `__c11_atomic_*`, `__sync_*`, C11 `atomic_*`, `std::atomic` and `std::atomic_ref`
methods and the free functions over them. Operations of read-modify-writes are swap, cas, add, sub, and, or, xor,
nand, max, min, umax, umin; `value` is the operand. A compare-exchange reads `*expected`, compares, and writes the old
value back where it failed. What it does not model: spurious failure of the weak form, `wait` and `notify`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from barrierlint.cfg.intrinsics_shape import Shape, shape_of
from barrierlint.events import (
    Access,
    Accesses,
    Assign,
    CompilerBarrier,
    Dmb,
    Event,
    Kind,
    Order,
    Shareability,
    UnknownInstruction,
)
from barrierlint.source.tree import Type
from barrierlint.terms import MASK64, Apply, Const, Field, Name, Term, Unknown

Events = tuple[Event, ...]

_ORDERS = (Order.RELAXED, Order.ACQUIRE, Order.ACQUIRE, Order.RELEASE, Order.ACQ_REL, Order.SEQ_CST)
_TERMS = {"add": "+", "sub": "-", "and": "&", "or": "|", "xor": "^"}


@dataclass(frozen=True, slots=True)
class _Use:
    args: tuple[Term, ...]
    types: tuple[Type, ...]
    into: str | None
    prefix: str
    size: int
    name: str
    scale: int


def atomic(name: str, args: tuple[Term, ...], types: tuple[Type, ...], into: str | None, prefix: str) -> Events | None:
    """Return the events of the atomic operation `name` (canonical), None if it is none."""
    shape = shape_of(name, len(args))
    if shape is None:
        return _fence(name, args)
    size, scale = _sizes(name, types)
    use = _Use(args, types, into, prefix, size, name, scale)
    try:
        if name.startswith("std::atomic_ref::") and shape.verb != "refer":
            return _referred(shape, use)
        return _VERBS[shape.verb](shape, use)
    except IndexError:
        return (UnknownInstruction(f"{name} with {len(args)} arguments"),)


def _sizes(name: str, types: tuple[Type, ...]) -> tuple[int, int]:
    """(bytes accessed, factor of pointer arithmetic) from the type of the object, which may be a pointer to it."""
    if match := re.search(r"_(1|2|4|8|16)$", name):
        return int(match[1]), 1
    if not types:
        return 8, 1
    target = types[0].element if types[0].kind in ("pointer", "reference") and types[0].element else types[0]
    scaled = name.startswith(("std::", "atomic_", "__c11_"))
    pointer = (
        re.search(r"atomic(?:_ref)?<(.*)\*\s*>|_Atomic\((.*)\*\)", target.spelling) is not None
        or target.kind == "pointer"
    )
    factor = target.element.size if scaled and pointer and target.element else 1
    return target.size or 8, factor or 1


# --- fences ------------------------------------------------------------------------------------------------------

_THREAD_FENCES = frozenset(
    ["__atomic_thread_fence", "__c11_atomic_thread_fence", "atomic_thread_fence", "std::atomic_thread_fence"]
)
_SIGNAL_FENCES = frozenset(
    ["__atomic_signal_fence", "__c11_atomic_signal_fence", "atomic_signal_fence", "std::atomic_signal_fence"]
)


def _fence(name: str, args: tuple[Term, ...]) -> Events | None:
    if name in _SIGNAL_FENCES or name in ("_ReadWriteBarrier", "_ReadBarrier", "_WriteBarrier"):
        return (CompilerBarrier(),)
    if name in ("__sync_synchronize", "__builtin_arm_dmb_full"):
        return (Dmb(Shareability.ISH, Accesses.ALL),)
    if name not in _THREAD_FENCES:
        return None
    match args:
        case (Const(0), *_):
            return ()
        case (Const(1 | 2), *_):
            return (Dmb(Shareability.ISH, Accesses.LD),)
        case (Const(3 | 4 | 5), *_):
            return (Dmb(Shareability.ISH, Accesses.ALL),)
    return (UnknownInstruction(f"{name} with an order that is not constant"),)


# --- operations --------------------------------------------------------------------------------------------------


def _order(shape: Shape, use: _Use) -> Order:
    """The access's order; one that is not constant promises nothing."""
    if shape.orders is None:
        return shape.order
    order = use.args[shape.orders]
    return _ORDERS[order.value & 0xF] if isinstance(order, Const) and order.value & 0xF < 6 else Order.RELAXED


def _operand(shape: Shape, use: _Use) -> tuple[Events, Term]:
    """(events that fetch the operand, its value)."""
    if shape.unit:
        return (), Const(use.scale)
    value = use.args[shape.operand or 0]
    if shape.generic:
        name = f"{use.prefix}.operand"
        return (Access(Kind.READ, value, None, name, Order.PLAIN, use.size),), Name(name)
    if shape.op in ("add", "sub") and use.scale > 1:
        scaled = (
            Const(value.value * use.scale & MASK64)
            if isinstance(value, Const)
            else Apply("*", (value, Const(use.scale)))
        )
        return (), scaled
    return (), value


def _return(shape: Shape, use: _Use, value: Term) -> Events:
    """Bind the result, through the address of a generic form."""
    if shape.generic and shape.returned is not None:
        return (Access(Kind.WRITE, use.args[shape.returned], value, None, Order.PLAIN, use.size),)
    return (Assign(use.into, value),) if use.into else ()


def _load(shape: Shape, use: _Use) -> Events:
    order = _order(shape, use)
    if not shape.generic:
        return (Access(Kind.READ, use.args[0], None, use.into, order, use.size),)
    name = f"{use.prefix}.loaded"
    return (Access(Kind.READ, use.args[0], None, name, order, use.size), *_return(shape, use, Name(name)))


def _store(shape: Shape, use: _Use) -> Events:
    fetch, value = _operand(shape, use)
    store = Access(Kind.WRITE, use.args[0], value, None, _order(shape, use), use.size)
    result = (Assign(use.into, value),) if shape.returned is not None and use.into else ()
    return (*fetch, store, *result)


def _clear(shape: Shape, use: _Use) -> Events:
    return (Access(Kind.WRITE, use.args[0], Const(0), None, _order(shape, use), use.size),)


def _set(shape: Shape, use: _Use) -> Events:
    order = _order(shape, use)
    return (Access(Kind.RMW, use.args[0], Const(1), use.into, order, use.size, "swap"),)


def _modify(shape: Shape, use: _Use) -> Events:
    """Fetch-and-operate or exchange; the result is the old value, or the new one where `new`."""
    fetch, value = _operand(shape, use)
    direct = not shape.new and not shape.generic
    old = use.into if direct else f"{use.prefix}.old"
    access = Access(Kind.RMW, use.args[0], value, old, _order(shape, use), use.size, shape.op)
    if direct:
        return (*fetch, access)
    result = _computed(shape.op, Name(f"{use.prefix}.old"), value, use) if shape.new else Name(f"{use.prefix}.old")
    return (*fetch, access, *_return(shape, use, result))


def _computed(op: str, old: Term, value: Term, use: _Use) -> Term:
    if op in _TERMS:
        return Apply(_TERMS[op], (old, value))
    if op == "nand":
        return Apply("~", (Apply("&", (old, value)),))
    return Unknown(f"{use.prefix}.new")


def _compare(shape: Shape, use: _Use) -> Events:
    """Compare-exchange: the result is whether it wrote, for `val_compare_and_swap` the old value."""
    fetch, desired = _operand(shape, use)
    old, place = f"{use.prefix}.old", use.args[shape.expected or 0]
    order = _order(shape, use)
    if shape.by_value:
        into = old if shape.truth or not use.into else use.into
        swap = Access(Kind.RMW, use.args[0], desired, into, order, use.size, "cas", place)
        equal = Apply("==", (Name(old), place))
        return (*fetch, swap, *((Assign(use.into, equal),) if shape.truth and use.into else ()))
    expected = f"{use.prefix}.expected"
    read = Access(Kind.READ, place, None, expected, Order.PLAIN, use.size)
    swap = Access(Kind.RMW, use.args[0], desired, old, order, use.size, "cas", Name(expected))
    equal = Apply("==", (Name(old), Name(expected)))
    back = Access(Kind.WRITE, place, Name(old), None, Order.PLAIN, use.size)
    return (*fetch, read, swap, back, *((Assign(use.into, equal),) if use.into else ()))


REFERENT = "_M_ptr"
"""The member that holds the address an `atomic_ref` refers to, as libstdc++ names it."""


def _refer(shape: Shape, use: _Use) -> Events:
    """The constructor of `atomic_ref`: argument 1 is the referent's address."""
    return (Access(Kind.WRITE, Field(use.args[0], REFERENT), use.args[shape.operand or 1], None, Order.PLAIN, 8),)


_WIDTHS = {"char": 1, "bool": 1, "short": 2, "int": 4, "unsigned": 4, "long": 8, "unsigned long": 8, "void *": 8}


def _referred(shape: Shape, use: _Use) -> Events:
    """An operation on `atomic_ref<T>`: on what it refers to, whose size is that of T."""
    name = f"{use.prefix}.referent"
    read = Access(Kind.READ, Field(use.args[0], REFERENT), None, name, Order.PLAIN, 8)
    spelling = use.types[0].spelling if use.types else ""
    inner = re.search(r"atomic_ref<(?:(?:un)?signed )?([\w ]*\w)>", spelling)
    size = _WIDTHS.get(inner[1].replace(" int", "") if inner else "", 8)
    operand = use.types[shape.operand] if shape.operand is not None and shape.operand < len(use.types) else None
    if operand is not None and operand.kind not in ("pointer", "reference") and operand.size:
        size = operand.size
    return (read, *_VERBS[shape.verb](shape, replace(use, args=(Name(name), *use.args[1:]), size=size)))


_VERBS: dict[str, Callable[[Shape, _Use], Events]] = {
    "refer": _refer,
    "load": _load,
    "store": _store,
    "clear": _clear,
    "set": _set,
    "modify": _modify,
    "compare": _compare,
}
