"""Calls of builtins, intrinsics and library functions whose meaning is fixed by language or compiler, as events.

`lower` is asked for every call by its qualified or builtin name and answers None for names it does not know. Memory
orders map to what the AArch64 compilers emit: `atomic_thread_fence(acquire)` is DMB ISHLD, release and stronger DMB
ISH; `__sync_synchronize` is DMB ISH. What it does not model: spurious failure of weak compare-exchanges, and
allocation functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from barrierlint.cfg.asm_barrier import dmb, dsb, isb
from barrierlint.cfg.asm_names import register_name
from barrierlint.cfg.intrinsics_atomic import atomic
from barrierlint.cfg.intrinsics_names import canonical
from barrierlint.cfg.intrinsics_value import value
from barrierlint.events import (
    Access,
    Assign,
    CacheMaintenance,
    Event,
    Kind,
    Order,
    SpeculationBarrier,
    SysregRead,
    SysregWrite,
    UnknownInstruction,
)
from barrierlint.source.tree import Type
from barrierlint.terms import AddressOf, Apply, Const, Term, Unknown

__all__ = ["lower"]

Events = tuple[Event, ...]


def lower(
    name: str,
    args: Sequence[Term],
    *,
    types: Sequence[Type] = (),
    into: str | None = None,
    strings: Sequence[str | None] = (),
    temporary: str = "",
) -> Events | None:
    """Return the events of a call of `name`, None if the name means nothing here.

    `args` are the arguments (the address of the object of a method first) and `types` their C types; `into` receives
    the result. `strings` gives the text of string literal arguments (`__arm_wsr64("ttbr0_el1", v)`). Names of
    temporaries start with `temporary`, or with `into`: one of them must be unique in the program.
    """
    prefix = temporary or into or "%intrinsic"
    short = canonical(name)
    if (found := atomic(short, tuple(args), tuple(types), into, prefix)) is not None:
        return found
    if (found := _system(short, args, into, tuple(strings))) is not None:
        return found
    if (found := _memory(short, args, into, prefix)) is not None:
        return found
    return value(short, args, into, prefix)


_BARRIERS: dict[str, Callable[[int], Event | None]] = {"dsb": dsb, "dmb": dmb, "isb": isb}


def _system(name: str, args: Sequence[Term], into: str | None, strings: Sequence[str | None]) -> Events | None:
    """ACLE intrinsics: barriers, hints, system registers."""
    for prefix in ("__builtin_arm_", "__builtin_aarch64_", "__arm_", "_", "__"):
        short = name.removeprefix(prefix)
        if short != name and short in _BARRIERS:
            return (_barrier(short, args),)
    match name.removeprefix("__builtin_arm_").removeprefix("__arm_"):
        case "wsr" | "wsr64" | "wsrp" | "wsrf" | "wsrf64" if len(args) == 2:
            return (SysregWrite(_register(args, strings), args[1]),)
        case "rsr" | "rsr64" | "rsrp" | "rsrf" | "rsrf64" if len(args) == 1:
            return (SysregRead(_register(args, strings), into),)
    if name in _SPECULATION:
        return (SpeculationBarrier(_SPECULATION[name]),)
    return () if name in _HINTS else None


_SPECULATION = {"__builtin_speculation_barrier": "sb", "__csdb": "csdb", "__builtin_arm_csdb": "csdb"}
_HINTS = frozenset(
    [
        f"{prefix}{hint}"
        for prefix in ("__", "__builtin_arm_")
        for hint in ["nop", "yield", "wfe", "wfi", "sev", "sevl", "dbg", "hint"]
    ]
) | {
    "__builtin_arm_prefetch",
    "__builtin_prefetch",
    "__builtin_assume",
    "__builtin_va_start",
    "__builtin_va_end",
    "__builtin_va_copy",
    "__pld",
    "__pldx",
    "__pli",
    "__plix",
    "__assume",
}


def _barrier(name: str, args: Sequence[Term]) -> Event:
    """A barrier with a constant option; anything else is not taken for one."""
    if name == "isb" and not args:
        return isb(15) or UnknownInstruction(name)
    match args:
        case [Const(value)] if (event := _BARRIERS[name](value)) is not None:
            return event
        case [Const(value)]:
            return UnknownInstruction(f"{name} #{value}")
    return UnknownInstruction(f"{name} with an option that is not constant")


def _register(args: Sequence[Term], strings: Sequence[str | None]) -> str:
    """The register named by a string: `ttbr0_el1`, or `o0:op1:CRn:CRm:op2` (ACLE, 6.7.3)."""
    text = strings[0] if strings and strings[0] is not None else args[0].id if isinstance(args[0], AddressOf) else ""
    text = (text or "").strip('"').lower()
    parts = text.split(":")
    if len(parts) == 5 and all(part.strip().removeprefix("c").isdigit() for part in parts):
        op0, op1, crn, crm, op2 = (int(part.strip().removeprefix("c")) for part in parts)
        return register_name(f"s{op0 if op0 > 1 else op0 + 2}_{op1}_c{crn}_c{crm}_{op2}")
    return register_name(text) if text else "?"


_COPIES = frozenset(
    ["memcpy", "memmove", "mempcpy", "__memcpy_chk", "__memmove_chk", "memcpy_inline", "__memcpy", "__memmove"]
)
_FILLS = frozenset(["memset", "memset_inline", "__memset_chk", "__memset", "memset_explicit", "explicit_memset"])
_ZEROES = frozenset(["bzero", "explicit_bzero"])


def _memory(name: str, args: Sequence[Term], into: str | None, prefix: str) -> Events | None:
    """Block operations: one access for the whole range, of size 0 where the length is not known."""
    short = name.removeprefix("__builtin_").removeprefix("_inline")
    if short in ("___clear_cache", "__clear_cache", "clear_cache") and name != "clear_cache":
        return (CacheMaintenance("clear_cache", args[0] if args else None),)
    if short in _COPIES and len(args) >= 3:
        read = f"{prefix}.copied"
        size = _size(args[2])
        copied = (
            Access(Kind.READ, args[1], None, read, Order.PLAIN, size),
            Access(Kind.WRITE, args[0], Unknown(read), None, Order.PLAIN, size),
        )
        result = Apply("+", (args[0], args[2])) if short == "mempcpy" else args[0]
        return (*copied, *_bind(into, result))
    if short in _FILLS and len(args) >= 3:
        size = _size(args[2])
        fill = Access(Kind.WRITE, args[0], _filled(args[1], size, prefix), None, Order.PLAIN, size)
        return (fill, *_bind(into, args[0]))
    if short in _ZEROES and len(args) == 2:
        return (Access(Kind.WRITE, args[0], Const(0), None, Order.PLAIN, _size(args[1])),)
    if short in ("memcmp", "bcmp") and len(args) >= 3:
        reads = tuple(
            Access(Kind.READ, a, None, f"{prefix}.read{i}", Order.PLAIN, _size(args[2])) for i, a in enumerate(args[:2])
        )
        return (*reads, *_bind(into, Unknown(f"{prefix}.result")))
    return None


def _size(length: Term) -> int:
    return length.value if isinstance(length, Const) and length.value < 1 << 48 else 0


def _filled(byte: Term, size: int, prefix: str) -> Term:
    """The value that filling with `byte` stores: zero for any size, the byte repeated for up to eight."""
    if not isinstance(byte, Const):
        return Unknown(f"{prefix}.fill")
    if byte.value & 0xFF == 0:
        return Const(0)
    return Const(int.from_bytes(bytes([byte.value & 0xFF]) * size)) if 0 < size <= 8 else Unknown(f"{prefix}.fill")


def _bind(into: str | None, value: Term) -> Events:
    return (Assign(into, value),) if into else ()
