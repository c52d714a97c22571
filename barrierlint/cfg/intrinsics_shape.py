"""Spellings of atomic operations: one `Shape` for each name of C, C++ and the compilers' builtins.

What it does not know: `wait` and `notify`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from barrierlint.events import Order


@dataclass(frozen=True, slots=True)
class Shape:
    """What an atomic operation does: `verb`, the `op` of a read-modify-write, and where its operands stand.

    `generic` forms pass values by address. `new` returns the new value. `orders` is the index of the (success) order,
    None: fixed by `order`. `desired` and `expected` are indices of arguments; `by_value` compares with a value and
    not through a pointer.
    """

    verb: str
    op: str = ""
    operand: int | None = None
    orders: int | None = None
    order: Order = Order.SEQ_CST
    generic: bool = False
    new: bool = False
    returned: int | None = None
    expected: int | None = None
    by_value: bool = False
    truth: bool = False
    unit: bool = False


def shape_of(name: str, count: int) -> Shape | None:
    """Return what the atomic operation `name` (canonical) does when called with `count` arguments, None if it is
    none.
    """
    if name.startswith(("__atomic_", "__c11_atomic_", "__opencl_atomic_", "__scoped_atomic_")):
        return _builtin(name)
    if name.startswith("__sync_"):
        return _sync(name)
    if name.startswith(("std::atomic::", "std::atomic_ref::", "std::atomic_flag::")):
        return _method(name.split("::", 2)[2], count)
    if name.startswith(("atomic_", "std::atomic_")):
        return _function(name.removeprefix("std::").removeprefix("atomic_"), count)
    return None


_ATOMIC = re.compile(r"(?:__atomic|__c11_atomic|__opencl_atomic|__scoped_atomic)_(\w+)")
_FETCH = re.compile(r"fetch_(add|sub|and|or|xor|nand|max|min)")
_FETCHED = re.compile(r"(add|sub|and|or|xor|nand|max|min)_fetch")


def _builtin(name: str) -> Shape | None:
    """`__atomic_*` and `__c11_atomic_*`: the latter are all by value and put the expected pointer second as well."""
    match = _ATOMIC.fullmatch(name)
    verb = re.sub(r"_(?:1|2|4|8|16)$", "", match[1]) if match else ""
    clang = not name.startswith("__atomic_")
    sized = verb != (match[1] if match else "")
    by_name = verb.endswith("_n") or clang or sized
    verb = verb.removesuffix("_n")
    if found := _FETCH.fullmatch(verb):
        return Shape("modify", found[1], 1, 2)
    if found := _FETCHED.fullmatch(verb):
        return Shape("modify", found[1], 1, 2, new=True)
    match verb:
        case "load":
            return Shape("load", orders=1) if by_name else Shape("load", orders=2, generic=True, returned=1)
        case "store":
            return Shape("store", operand=1, orders=2, generic=not by_name)
        case "init":
            return Shape("store", operand=1, order=Order.PLAIN)
        case "exchange":
            return Shape("modify", "swap", 1, 2) if by_name else Shape("modify", "swap", 1, 3, generic=True, returned=2)
        case "compare_exchange":
            return Shape("compare", operand=2, orders=4, expected=1, generic=not by_name)
        case "compare_exchange_strong" | "compare_exchange_weak":
            return Shape("compare", operand=2, orders=3, expected=1)
        case "test_and_set":
            return Shape("set", orders=1)
        case "clear":
            return Shape("clear", orders=1)
    return None


def _sync(name: str) -> Shape | None:
    """`__sync_*`: full barriers, but for the lock pair."""
    verb = re.sub(r"_(?:1|2|4|8|16)$", "", name.removeprefix("__sync_"))
    if found := _FETCH.fullmatch(verb.replace("fetch_and_", "fetch_")):
        return Shape("modify", found[1], 1)
    if found := _FETCHED.fullmatch(verb.replace("_and_fetch", "_fetch")):
        return Shape("modify", found[1], 1, new=True)
    match verb:
        case "val_compare_and_swap":
            return Shape("compare", operand=2, expected=1, by_value=True)
        case "bool_compare_and_swap":
            return Shape("compare", operand=2, expected=1, by_value=True, truth=True)
        case "lock_test_and_set":
            return Shape("modify", "swap", 1, order=Order.ACQUIRE)
        case "swap":
            return Shape("modify", "swap", 1)
        case "lock_release":
            return Shape("clear", order=Order.RELEASE)
    return None


_OPERATORS = {"+=": "add", "-=": "sub", "&=": "and", "|=": "or", "^=": "xor"}


def _method(verb: str, count: int) -> Shape | None:
    """Methods of `std::atomic<T>` and `std::atomic_ref<T>`; the object is argument 0."""
    if verb.startswith("operator"):
        return _operator(verb.removeprefix("operator").strip(), count)
    if verb in ("atomic", "atomic_flag", "__atomic_base") and count == 2:
        return Shape("store", operand=1, order=Order.PLAIN)
    if verb == "atomic_ref" and count == 2:
        return Shape("refer", operand=1)
    return _named(verb, count, explicit=True)


def _operator(symbol: str, count: int) -> Shape | None:
    match symbol:
        case "=":
            return Shape("store", operand=1, returned=1)
        case "++" | "--":
            return Shape("modify", "add" if symbol == "++" else "sub", None, new=count < 2, unit=True)
        case "+=" | "-=" | "&=" | "|=" | "^=":
            return Shape("modify", _OPERATORS[symbol], 1, new=True)
    return Shape("load") if re.match(r"[\w:(]", symbol) and not symbol.startswith(("new", "delete", "()")) else None


def _named(verb: str, count: int, explicit: bool) -> Shape | None:
    """Verbs shared by methods, `std::atomic_*` and C11 `atomic_*`; an order follows the operands where `explicit`."""

    def order(index: int) -> int | None:
        return index if explicit and index < count else None

    if found := _FETCH.fullmatch(verb.replace("fetch_key_", "fetch_")):
        return Shape("modify", found[1], 1, order(2))
    match verb:
        case "load":
            return Shape("load", orders=order(1))
        case "store":
            return Shape("store", operand=1, orders=order(2))
        case "init":
            return Shape("store", operand=1, order=Order.PLAIN)
        case "exchange":
            return Shape("modify", "swap", 1, order(2))
        case "compare_exchange_strong" | "compare_exchange_weak":
            return Shape("compare", operand=2, orders=order(3), expected=1)
        case "test_and_set" | "flag_test_and_set":
            return Shape("set", orders=order(1))
        case "clear" | "flag_clear":
            return Shape("clear", orders=order(1))
        case "test" | "flag_test":
            return Shape("load", orders=order(1))
    return None


def _function(verb: str, count: int) -> Shape | None:
    return _named(verb.removesuffix("_explicit"), count, verb.endswith("_explicit"))
