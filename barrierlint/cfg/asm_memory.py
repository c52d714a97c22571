"""Loads, stores, exclusives and atomic read-modify-writes of the assembler as accesses.

Orders follow the Arm ARM (DDI 0487, B2.3): A is acquire (RCsc), AP acquire_pc, L release. An access written in
assembly is made exactly once and whole, as a volatile access is: its order is `volatile` where the instruction gives
none. A store-exclusive is a write with `op` `exclusive` whose `into` receives the status (0 is success). What it does
not model: vector contents and memory tags.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from barrierlint.cfg.asm_machine import (
    Machine,
    Memory,
    Register,
    apply,
    parse_memory,
    parse_register,
    sign_extend,
    zero_extend,
)
from barrierlint.events import Access, Kind, Order
from barrierlint.terms import Const, Name, Term

_SIZES = {"b": 1, "h": 2, "sb": 1, "sh": 2, "sw": 4}
_ORDERS = {"": Order.VOLATILE, "a": Order.ACQUIRE, "l": Order.RELEASE, "al": Order.ACQ_REL}

_LOAD = re.compile(r"ld(?P<how>u|t|a|la|apu|ap)?r(?P<size>b|h|sb|sh|sw)?")
_STORE = re.compile(r"st(?P<how>u|t|l|ll|lu)?r(?P<size>b|h)?")
_PAIR = re.compile(r"(?P<what>ld|st)(?P<how>np|p|iap|ilp|tp|tnp)(?P<size>sw)?")
_LOAD_EXCLUSIVE = re.compile(r"ld(?P<order>a)?(?:t)?x(?P<pair>r|p)(?P<size>b|h)?")
_STORE_EXCLUSIVE = re.compile(r"st(?P<order>l)?(?:t)?x(?P<pair>r|p)(?P<size>b|h)?")
_CAS = re.compile(r"(?:rcws?)?cas(?P<pair>p)?(?P<order>al|a|l)?(?P<t>t)?(?P<size>b|h)?")
_SWAP = re.compile(r"(?:rcws?)?swp(?P<pair>p)?(?P<order>al|a|l)?(?P<size>b|h)?")
_FETCH = re.compile(
    r"(?:rcws?)?ldt?(?P<op>add|clr|eor|set|smax|smin|umax|umin)(?P<pair>p)?(?P<order>al|a|l)?(?P<size>b|h)?"
)
_RCW_FETCH = re.compile(r"rcws?(?P<op>clr|set)(?P<pair>p)?(?P<order>al|a|l)?(?P<size>)")
_REDUCE = re.compile(r"stt?(?P<op>add|clr|eor|set|smax|smin|umax|umin)(?P<order>l)?(?P<size>b|h)?")
_VECTOR = re.compile(r"(?P<what>ld|st)[1-4]r?")
_WHOLE = re.compile(r"(?P<what>ld|st)64b(?:v0?)?")
_BLOCK = re.compile(r"(?P<what>cpyf?|setg?)(?P<stage>[pme])[a-z]*")
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


def _width(match: re.Match[str], register: Register) -> int:
    return _SIZES.get(match["size"] or "", register.bits // 8)


def _registers(operands: tuple[str, ...], count: int) -> list[Register] | None:
    found = [parse_register(operand) for operand in operands[:count]]
    registers = [register for register in found if register is not None]
    return registers if len(registers) == count and len(operands) > count else None


def _read(
    machine: Machine, register: Register, address: Term, size: int, order: Order, signed: bool = False, op: str = ""
) -> None:
    into = machine.fresh()
    machine.emit(Access(Kind.READ, address, None, into, order, size, op))
    value: Term = Name(into)
    if signed:
        value = sign_extend(value, size * 8)
        value = zero_extend(value, 32) if register.bits == 32 else value
    machine.bind(register, into, value)


def _write(
    machine: Machine, value: Term, address: Term, size: int, order: Order, op: str = "", into: str | None = None
) -> None:
    machine.emit(Access(Kind.WRITE, address, value, into, order, size, op))


def _update(machine: Machine, place: Memory) -> None:
    if place.update is not None:
        machine.put(Register(place.base, 64), place.update)


def _load(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    registers = _registers(operands, 1)
    if registers is None:
        return False
    size = _width(match, registers[0])
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
    _read(machine, registers[0], place.address, size, order, "s" in (match["size"] or ""))
    _update(machine, place)
    return True


def _store(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    registers = _registers(operands, 1)
    place = parse_memory(machine, operands[1:]) if registers else None
    if registers is None or place is None:
        return False
    order = Order.RELEASE if (match["how"] or "").startswith("l") else Order.VOLATILE
    _write(machine, machine.get(registers[0]), place.address, _width(match, registers[0]), order)
    _update(machine, place)
    return True


def _pair(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    registers = _registers(operands, 2)
    place = parse_memory(machine, operands[2:]) if registers else None
    if registers is None or place is None:
        return False
    size = 4 if match["size"] else _width(match, registers[0])
    order = {"iap": Order.ACQUIRE_PC, "ilp": Order.RELEASE}.get(match["how"], Order.VOLATILE)
    stored = [machine.get(register) for register in registers]
    for index, register in enumerate(registers):
        address = apply("+", place.address, Const(index * size))
        if match["what"] == "ld":
            _read(machine, register, address, size, order, bool(match["size"]))
        else:
            _write(machine, stored[index], address, size, order)
    _update(machine, place)
    return True


def _load_exclusive(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    registers = _registers(operands, 2 if match["pair"] == "p" else 1)
    place = parse_memory(machine, operands[len(registers) :]) if registers else None
    if registers is None or place is None:
        return False
    size = _width(match, registers[0])
    for index, register in enumerate(registers):
        address = apply("+", place.address, Const(index * size))
        _read(machine, register, address, size, Order.ACQUIRE if match["order"] else Order.VOLATILE, op="exclusive")
    return True


def _store_exclusive(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    registers = _registers(operands, 3 if match["pair"] == "p" else 2)
    place = parse_memory(machine, operands[len(registers) :]) if registers else None
    if registers is None or place is None:
        return False
    status, *data = registers
    size = _width(match, data[0])
    into = machine.fresh()
    for index, register in enumerate(data):
        address = apply("+", place.address, Const(index * size))
        _write(
            machine,
            machine.get(register),
            address,
            size,
            Order.RELEASE if match["order"] else Order.VOLATILE,
            "exclusive",
            into,
        )
    machine.bind(status, into, Name(into))
    return True


def _compare_and_swap(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    """`cas xs, xt, [xn]`: xs is compared and receives the old value. CASP does it to two words, here one after the
    other.
    """
    half = 2 if match["pair"] and len(operands) > 3 else 1
    registers = _registers(operands, 2 * half)
    place = parse_memory(machine, operands[2 * half :]) if registers else None
    if registers is None or place is None:
        return False
    size = _width(match, registers[0])
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
        machine.bind(target, into, Name(into))


def _swap(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    return _fetch_as(machine, match, operands, "swap")


def _fetch(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    return _fetch_as(machine, match, operands, _OPERATIONS[match["op"]])


def _fetch_as(machine: Machine, match: re.Match[str], operands: tuple[str, ...], op: str) -> bool:
    """`ldadd xs, xt, [xn]`: xs is the operand, xt receives the old value. The pair forms (FEAT_LSE128) take and
    return both in place.
    """
    registers = _registers(operands, 2)
    place = parse_memory(machine, operands[2:]) if registers else None
    if registers is None or place is None:
        return False
    order = _ORDERS[match["order"] or ""]
    size = _width(match, registers[0])
    if not match["pair"]:
        _modify(machine, registers[1], place.address, machine.get(registers[0]), order, size, op)
        return True
    for index, register in enumerate(registers):
        address = apply("+", place.address, Const(8 * index))
        _modify(machine, register, address, machine.get(register), order, 8, op)
    return True


def _reduce(machine: Machine, match: re.Match[str], operands: tuple[str, ...]) -> bool:
    """`stadd xs, [xn]`: as LDADD with the result dropped."""
    registers = _registers(operands, 1)
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
        _width(match, registers[0]),
        _OPERATIONS[match["op"]],
    )
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
        _write(machine, machine.unknown(), place.address, size, Order.VOLATILE)
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
        _write(machine, machine.unknown(), place.address, 64, Order.VOLATILE)
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
    (_LOAD_EXCLUSIVE, _load_exclusive),
    (_STORE_EXCLUSIVE, _store_exclusive),
    (_CAS, _compare_and_swap),
    (_SWAP, _swap),
    (_FETCH, _fetch),
    (_RCW_FETCH, _fetch),
    (_REDUCE, _reduce),
    (_VECTOR, _vector),
    (_WHOLE, _whole),
    (_BLOCK, _block),
)
