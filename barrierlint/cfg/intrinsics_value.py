"""Builtins and library functions that only compute: their argument passed through, folded, or an unknown value.

What it does not fold: anything whose arguments are not all constants.
"""

from __future__ import annotations

from collections.abc import Sequence

from barrierlint.events import Access, Assign, Event, Kind, Order
from barrierlint.terms import AddressOf, Apply, Const, Term, Unknown

Events = tuple[Event, ...]

_SAME = frozenset(
    """
    __builtin_expect __builtin_expect_with_probability __builtin_assume_aligned __builtin_launder __builtin_addressof
    __builtin_bit_cast __builtin_extract_return_addr std::move std::forward std::forward_like std::addressof
    std::__addressof std::launder std::as_const std::assume_aligned std::to_underlying std::bit_cast
    std::move_if_noexcept std::to_address std::__to_address
    """.split()  # noqa: SIM905
)
_BITS = frozenset(("popcount", "clz", "ctz", "clrsb", "ffs", "parity", "abs", "popcountg", "clzg", "ctzg"))
_PURE = tuple(
    """
    bswap bitreverse rotate object_size dynamic_object_size constant_p return_address frame_address strlen LINE FILE
    FUNCTION COLUMN va_arg huge_val inf nan fabs sqrt is isnan isinf isfinite choose_expr types_compatible_p offsetof
    elementwise_ reduce_ readcyclecounter unpredictable cpu_supports thread_pointer arm_rbit arm_clz arm_cls arm_crc32
    classify_type align_up align_down stack_address counted_by_ref
    """.split()  # noqa: SIM905
)
_OVERFLOW = {"add": "+", "sub": "-", "mul": "*"}


def value(name: str, args: Sequence[Term], into: str | None, prefix: str) -> Events | None:
    """Return the events of a call that only computes (binding the result at most), None if `name` is not one."""
    if name in _SAME and args:
        return _bind(into, args[0])
    if name in ("operator new", "operator new[]") and len(args) == 2 and _placed(args[1]):
        return _bind(into, args[1])
    short = name.removeprefix("__builtin_")
    if short == name:
        return None
    if short.endswith("_overflow") and len(args) == 3:
        return _overflow(short, args, into, prefix)
    if short in ("alloca", "alloca_with_align"):
        return _bind(into, AddressOf(f"{prefix}.alloca", "local"))
    if short == "nontemporal_load" and len(args) == 1:
        return (Access(Kind.READ, args[0], None, into, Order.PLAIN),)
    if short == "nontemporal_store" and len(args) == 2:
        return (Access(Kind.WRITE, args[1], args[0], None, Order.PLAIN),)
    if short.rstrip("l") not in _BITS and not short.startswith(_PURE):
        return None
    folded = _fold(short, args)
    return _bind(into, Unknown(f"{prefix}.{short}") if folded is None else Const(folded))


def _placed(term: Term) -> bool:
    """Whether the second argument of `operator new` is a place, and not an alignment or `std::nothrow`."""
    return not isinstance(term, Const) and not (isinstance(term, AddressOf) and "nothrow" in term.id)


def _bind(into: str | None, term: Term) -> Events:
    return (Assign(into, term),) if into else ()


def _fold(short: str, args: Sequence[Term]) -> int | None:
    """The value of a bit-counting builtin on a constant, None if it is not one."""
    width = 64 if short.endswith("l") else 32
    if len(args) != 1 or not isinstance(args[0], Const):
        return None
    number = args[0].value & ((1 << width) - 1)
    match short.rstrip("l"):
        case "popcount":
            return number.bit_count()
        case "parity":
            return number.bit_count() & 1
        case "ffs":
            return (number & -number).bit_length()
        case "ctz" if number:
            return (number & -number).bit_length() - 1
        case "clz" if number:
            return width - number.bit_length()
        case "bswap16" | "bswap32" | "bswap64":
            size = int(short[5:]) // 8
            return int.from_bytes((args[0].value & ((1 << 8 * size) - 1)).to_bytes(size, "big"), "little")
    return None


def _overflow(short: str, args: Sequence[Term], into: str | None, prefix: str) -> Events:
    """`__builtin_add_overflow(a, b, &r)` and its typed forms (`saddl`): the wrapped result is stored."""
    stem = short.removesuffix("_overflow").rstrip("l").removeprefix("s" if not short.startswith("sub_") else "")
    operation = _OVERFLOW.get(stem.removeprefix("u"))
    wrapped = Apply(operation, (args[0], args[1])) if operation else Unknown(f"{prefix}.wrapped")
    return (Access(Kind.WRITE, args[2], wrapped), *_bind(into, Unknown(f"{prefix}.overflow")))
