"""Single accesses of an assembler text: register lists, widths, and the events for one load or one store.

What it does not model: alignment and endianness.
"""

from __future__ import annotations

import re

from barrierlint.cfg.asm_machine import Machine, Register, parse_register, sign_extend, zero_extend
from barrierlint.events import Access, Kind, Order
from barrierlint.terms import Name, Term

_SIZES = {"b": 1, "h": 2, "sb": 1, "sh": 2, "sw": 4}


def width(match: re.Match[str], register: Register) -> int:
    """Bytes accessed: by the mnemonic's suffix, else by the register."""
    return _SIZES.get(match["size"] or "", register.bits // 8)


def registers_of(operands: tuple[str, ...], count: int) -> list[Register] | None:
    """The first `count` operands as registers, None if they are not, or if no address follows."""
    found = [parse_register(operand) for operand in operands[:count]]
    registers = [register for register in found if register is not None]
    return registers if len(registers) == count and len(operands) > count else None


def read(
    machine: Machine, register: Register, address: Term, size: int, order: Order, signed: bool = False, op: str = ""
) -> None:
    """A load of `size` bytes into `register`, sign-extended if `signed`."""
    into = machine.fresh()
    machine.emit(Access(Kind.READ, address, None, into, order, size, op))
    value: Term = Name(into)
    if signed:
        value = sign_extend(value, size * 8)
        value = zero_extend(value, 32) if register.bits == 32 else value
    machine.bind(register, value)


def write(
    machine: Machine, value: Term, address: Term, size: int, order: Order, op: str = "", into: str | None = None
) -> None:
    """A store of `size` bytes; `into` receives the status of an exclusive."""
    machine.emit(Access(Kind.WRITE, address, value, into, order, size, op))
