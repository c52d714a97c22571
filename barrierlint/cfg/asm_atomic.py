"""Exclusives, compare-and-swap and atomic memory operations (FEAT_LSE, LSE128, LSUI, THE) of the assembler.

A store-exclusive is a write with `op` `exclusive` whose `into` receives the status (0 is success). Pairs are two
accesses, one after the other. What it does not model: the exclusive monitor, and the check masks of RCW operations.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from barrierlint.cfg.asm_access import read, registers_of, width, write
from barrierlint.cfg.asm_machine import Machine, Register, apply, parse_memory
from barrierlint.events import Access, Kind, Order
from barrierlint.terms import Const, Name, Term

_ORDERS = {"": Order.VOLATILE, "a": Order.ACQUIRE, "l": Order.RELEASE, "al": Order.ACQ_REL}
_OPERATIONS = {
    "add": "add",
    "clr": "andnot",
    "eor": "xor",
    "set": "or",
    "smax": "max",
    "smin": "min",
    "umax": "umax",
    "umin": "umin",
}
_LOAD_EXCLUSIVE = re.compile(r"ld(?P<order>a)?(?:t)?x(?P<pair>r|p)(?P<size>b|h)?")
_STORE_EXCLUSIVE = re.compile(r"st(?P<order>l)?(?:t)?x(?P<pair>r|p)(?P<size>b|h)?")
_CAS = re.compile(r"(?:rcws?)?cas(?P<pair>p)?(?P<order>al|a|l)?(?P<t>t)?(?P<size>b|h)?")
_SWAP = re.compile(r"(?:rcws?)?swp(?P<pair>p)?(?P<order>al|a|l)?(?P<size>b|h)?")
_FETCH = re.compile(
    r"(?:rcws?)?ldt?(?P<op>add|clr|eor|set|smax|smin|umax|umin)(?P<pair>p)?(?P<order>al|a|l)?(?P<size>b|h)?"
)
_RCW_FETCH = re.compile(r"rcws?(?P<op>clr|set)(?P<pair>p)?(?P<order>al|a|l)?(?P<size>)")
_REDUCE = re.compile(r"stt?(?P<op>add|clr|eor|set|smax|smin|umax|umin)(?P<order>l)?(?P<size>b|h)?")


def _load_exclusive(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    registers = registers_of(operands, 2 if match["pair"] == "p" else 1)
    place = parse_memory(machine, operands[len(registers) :]) if registers else None
    if registers is None or place is None:
        return False
    size = width(match, registers[0])
    for index, register in enumerate(registers):
        address = apply("+", place.address, Const(index * size))
        read(machine, register, address, size, Order.ACQUIRE if match["order"] else Order.VOLATILE, op="exclusive")
    return True


def _store_exclusive(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    registers = registers_of(operands, 3 if match["pair"] == "p" else 2)
    place = parse_memory(machine, operands[len(registers) :]) if registers else None
    if registers is None or place is None:
        return False
    status, *data = registers
    size = width(match, data[0])
    into = machine.fresh()
    for index, register in enumerate(data):
        address = apply("+", place.address, Const(index * size))
        write(
            machine,
            machine.get(register),
            address,
            size,
            Order.RELEASE if match["order"] else Order.VOLATILE,
            "exclusive",
            into,
        )
    machine.bind(status, Name(into))
    return True


def _compare_and_swap(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    """`cas xs, xt, [xn]`: xs is compared and receives the old value. CASP does it to two words, here one after the
    other.
    """
    half = 2 if match["pair"] and len(operands) > 3 else 1
    registers = registers_of(operands, 2 * half)
    place = parse_memory(machine, operands[2 * half :]) if registers else None
    if registers is None or place is None:
        return False
    size = width(match, registers[0])
    for index in range(half):
        expected, new = registers[index], registers[half + index]
        address = apply("+", place.address, Const(index * size))
        _modify(
            machine,
            expected,
            address,
            machine.get(new),
            _ORDERS[match["order"] or ""],
            size,
            "cas",
            machine.get(expected),
        )
    return True


def _modify(
    machine: Machine,
    target: Register | None,
    address: Term,
    value: Term,
    order: Order,
    size: int,
    op: str,
    expected: Term | None = None,
) -> None:
    into = machine.fresh() if target is not None and target.key != "zr" else None
    machine.emit(Access(Kind.RMW, address, value, into, order, size, op, expected))
    if target is not None and into is not None:
        machine.bind(target, Name(into))


def _swap(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    return _fetch_as(machine, match, operands, "swap")


def _fetch(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    return _fetch_as(machine, match, operands, _OPERATIONS[match["op"]])


def _fetch_as(machine: Machine, match: re.Match[str], operands: tuple[str, ...], op: str) -> bool:
    """`ldadd xs, xt, [xn]`: xs is the operand, xt receives the old value. The pair forms (FEAT_LSE128) take and
    return both in place.
    """
    registers = registers_of(operands, 2)
    place = parse_memory(machine, operands[2:]) if registers else None
    if registers is None or place is None:
        return False
    order = _ORDERS[match["order"] or ""]
    size = width(match, registers[0])
    if not match["pair"]:
        _modify(machine, registers[1], place.address, machine.get(registers[0]), order, size, op)
        return True
    for index, register in enumerate(registers):
        address = apply("+", place.address, Const(8 * index))
        _modify(machine, register, address, machine.get(register), order, 8, op)
    return True


def _reduce(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    """`stadd xs, [xn]`: as LDADD with the result dropped."""
    registers = registers_of(operands, 1)
    place = parse_memory(machine, operands[1:]) if registers else None
    if registers is None or place is None:
        return False
    order = Order.RELEASE if match["order"] else Order.VOLATILE
    _modify(
        machine,
        None,
        place.address,
        machine.get(registers[0]),
        order,
        width(match, registers[0]),
        _OPERATIONS[match["op"]],
    )
    return True


ATOMIC_FORMS: tuple[tuple[re.Pattern[str], Callable[[Machine, re.Match[str], tuple[str, ...]], bool]], ...] = (
    (_LOAD_EXCLUSIVE, _load_exclusive),
    (_STORE_EXCLUSIVE, _store_exclusive),
    (_CAS, _compare_and_swap),
    (_SWAP, _swap),
    (_FETCH, _fetch),
    (_RCW_FETCH, _fetch),
    (_REDUCE, _reduce),
)
"""Mnemonic pattern → decoder."""
