"""Loads and stores of the assembler as accesses; `memory` decodes these and the atomic instructions.

Orders follow the Arm ARM (DDI 0487, B2.3): A is acquire (RCsc), AP acquire_pc, L release. An access written in
assembly is made exactly once and whole, as a volatile access is: its order is `volatile` where the instruction gives
none. What it does not model: vector contents and memory tags.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from barrierlint.cfg.asm_access import read, registers_of, width, write
from barrierlint.cfg.asm_atomic import ATOMIC_FORMS
from barrierlint.cfg.asm_machine import (
    Machine,
    Memory,
    Register,
    apply,
    parse_memory,
    parse_register,
)
from barrierlint.events import Access, Kind, Order
from barrierlint.terms import Const

_LOAD = re.compile(r"ld(?P<how>u|t|a|la|apu|ap)?r(?P<size>b|h|sb|sh|sw)?")
_STORE = re.compile(r"st(?P<how>u|t|l|ll|lu)?r(?P<size>b|h)?")
_PAIR = re.compile(r"(?P<what>ld|st)(?P<how>np|p|iap|ilp|tp|tnp)(?P<size>sw)?")
_VECTOR = re.compile(r"(?P<what>ld|st)[1-4]r?")
_WHOLE = re.compile(r"(?P<what>ld|st)64b(?:v0?)?")
_BLOCK = re.compile(r"(?P<what>cpyf?|setg?)(?P<stage>[pme])[a-z]*")


def memory(machine: Machine, name: str, operands: tuple[str, ...]) -> bool:
    """Decode an instruction that accesses memory; False if it is not one or its operands are wrong."""
    if name in ("prfm", "prfum", "rprfm"):
        return True
    name = "ldr" + name[4:] if name in ("ldraa", "ldrab") else name
    name = re.sub(r"^(st|ld)(u?)l?(b|h)$", r"\1\2r\3", name) if name in ("ldb", "ldh", "stb", "sth") else name
    for pattern, decode in _FORMS:
        match = pattern.fullmatch(name)
        if match is not None and operands:
            return decode(machine, match, operands)
    return False


def _update(machine: Machine, place: Memory) -> None:
    if place.update is not None:
        machine.put(Register(place.base, 64), place.update)


def _load(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    registers = registers_of(operands, 1)
    if registers is None:
        return False
    size = width(match, registers[0])
    order = {"a": Order.ACQUIRE, "la": Order.ACQUIRE, "ap": Order.ACQUIRE_PC, "apu": Order.ACQUIRE_PC}.get(
        match["how"] or "", Order.VOLATILE
    )
    if operands[1].startswith("="):
        machine.put(registers[0], machine.symbol(operands[1]))
        return len(operands) == 2
    place = parse_memory(machine, operands[1:])
    if place is None:
        label = operands[1].strip()
        if len(operands) > 2 or not re.fullmatch(r"[A-Za-z_.$][\w.$+ -]*|\d+[bf]", label) or parse_register(label):
            return False
        place = Memory(machine.symbol(label))
    read(machine, registers[0], place.address, size, order, "s" in (match["size"] or ""))
    _update(machine, place)
    return True


def _store(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    registers = registers_of(operands, 1)
    place = parse_memory(machine, operands[1:]) if registers else None
    if registers is None or place is None:
        return False
    order = Order.RELEASE if (match["how"] or "").startswith("l") else Order.VOLATILE
    write(machine, machine.get(registers[0]), place.address, width(match, registers[0]), order)
    _update(machine, place)
    return True


def _pair(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    registers = registers_of(operands, 2)
    place = parse_memory(machine, operands[2:]) if registers else None
    if registers is None or place is None:
        return False
    size = 4 if match["size"] else width(match, registers[0])
    order = {"iap": Order.ACQUIRE_PC, "ilp": Order.RELEASE}.get(match["how"], Order.VOLATILE)
    stored = [machine.get(register) for register in registers]
    for index, register in enumerate(registers):
        address = apply("+", place.address, Const(index * size))
        if match["what"] == "ld":
            read(machine, register, address, size, order, bool(match["size"]))
        else:
            write(machine, stored[index], address, size, order)
    _update(machine, place)
    return True


def _vector(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    """`ld1 {v0.16b}, [x0]`: one access of unknown value."""
    place = next((parse_memory(machine, operands[i:]) for i, text in enumerate(operands) if text.startswith("[")), None)
    if place is None or not operands[0].startswith("{"):
        return False
    size = 16 * (operands[0].count(",") + 1)
    if match["what"] == "ld":
        machine.emit(Access(Kind.READ, place.address, None, machine.fresh(), Order.VOLATILE, size))
    else:
        write(machine, machine.unknown(), place.address, size, Order.VOLATILE)
    _update(machine, place)
    return True


def _whole(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    """LD64B, ST64B (FEAT_LS64): one access of 64 bytes."""
    registers = [register for register in map(parse_register, operands) if register is not None]
    place = parse_memory(machine, operands[-1:])
    if place is None or not registers:
        return False
    if match["what"] == "ld":
        machine.emit(Access(Kind.READ, place.address, None, machine.fresh(), Order.VOLATILE, 64))
        first = int(registers[-1].key) if registers[-1].key.isdigit() else 0
        machine.forget({str(first + index) for index in range(8)})
    else:
        write(machine, machine.unknown(), place.address, 64, Order.VOLATILE)
        machine.forget({registers[0].key} if len(registers) > 1 and registers[0].key != "zr" else set())
    return True


_BASE = re.compile(r"\[\s*(x\d+)\s*\]!?", re.IGNORECASE)


def _block(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    """CPY* and SET* (FEAT_MOPS): prologue, main and epilogue make one copy; the accesses are shown at the main part."""
    bases = [parse_register(found[1]) for found in map(_BASE.fullmatch, operands) if found]
    if len(operands) != 3 or not bases:
        return False
    registers = [base for base in bases if base is not None]
    copies = match["what"].startswith("cpy")
    if match["stage"] == "m":
        if copies and len(registers) == 2:
            machine.emit(Access(Kind.READ, machine.get(registers[1]), None, machine.fresh(), Order.PLAIN, 0))
        value = machine.unknown() if copies else machine.value(operands[2])
        machine.emit(Access(Kind.WRITE, machine.get(registers[0]), value, None, Order.PLAIN, 0))
    if match["stage"] == "e":
        machine.forget({register.key for register in registers})
    return True


_FORMS: tuple[tuple[re.Pattern[str], Callable[[Machine, re.Match[str], tuple[str, ...]], bool]], ...] = (
    (_LOAD, _load),
    (_STORE, _store),
    (_PAIR, _pair),
    (_VECTOR, _vector),
    (_WHOLE, _whole),
    (_BLOCK, _block),
    *ATOMIC_FORMS,
)
