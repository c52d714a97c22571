"""AArch32's system instructions: MCR, MRC, MCRR and MRRC of coprocessor 15, as the AArch64 operation or register that
each is mapped to (Arm ARM DDI 0487, G8 and the architectural mappings given there).

Operands of TLB maintenance are put into AArch64's format: the address shifted by 12, the ASID in bits 63:48. What it
does not model: maintenance of instruction or data TLBs alone, and the other coprocessors.
"""

from __future__ import annotations

import re

from barrierlint.cfg.asm_machine import Machine, Register, apply, parse_register
from barrierlint.events import (
    Accesses,
    At,
    CacheMaintenance,
    ContextSync,
    Dmb,
    Dsb,
    Event,
    Shareability,
    SysregRead,
    SysregWrite,
    Tlbi,
)
from barrierlint.terms import Const, Name, Term

Place = tuple[int, int, int, int]
"""(opc1, CRn, CRm, opc2)."""


def _table(text: str) -> dict[Place, str]:
    rows = (entry.split() for entry in text.replace("\n", " ").split(",") if entry.strip())
    return {(int(a), int(b), int(c), int(d)): name for name, a, b, c, d in rows}


_TLBI = _table(
    "vmalle1is 0 8 3 0, vae1is 0 8 3 1, aside1is 0 8 3 2, vaae1is 0 8 3 3, vale1is 0 8 3 5, vaale1is 0 8 3 7,"
    "vmalle1 0 8 7 0, vae1 0 8 7 1, aside1 0 8 7 2, vaae1 0 8 7 3, vale1 0 8 7 5, vaale1 0 8 7 7,"
    "ipas2e1is 4 8 0 1, ipas2le1is 4 8 0 5, ipas2e1 4 8 4 1, ipas2le1 4 8 4 5,"
    "alle2is 4 8 3 0, vae2is 4 8 3 1, alle1is 4 8 3 4, vale2is 4 8 3 5,"
    "alle2 4 8 7 0, vae2 4 8 7 1, alle1 4 8 7 4, vale2 4 8 7 5"
)
_CACHE = _table(
    "ic:ialluis 0 7 1 0, ic:iallu 0 7 5 0, ic:ivau 0 7 5 1, dc:ivac 0 7 6 1, dc:isw 0 7 6 2, dc:cvac 0 7 10 1,"
    "dc:csw 0 7 10 2, dc:cvau 0 7 11 1, dc:civac 0 7 14 1, dc:cisw 0 7 14 2"
)
_AT = _table(
    "s1e1r 0 7 8 0, s1e1w 0 7 8 1, s1e0r 0 7 8 2, s1e0w 0 7 8 3, s12e1r 0 7 8 4, s12e1w 0 7 8 5, s12e0r 0 7 8 6,"
    "s12e0w 0 7 8 7, s1e2r 4 7 8 0, s1e2w 4 7 8 1"
)
_REGISTERS = _table(
    "sctlr_el1 0 1 0 0, actlr_el1 0 1 0 1, cpacr_el1 0 1 0 2, scr_el3 0 1 1 0, ttbr0_el1 0 2 0 0, ttbr1_el1 0 2 0 1,"
    "tcr_el1 0 2 0 2, mair_el1 0 10 2 0, nmrr 0 10 2 1, par_el1 0 7 4 0, dacr32_el2 0 3 0 0, vbar_el1 0 12 0 0,"
    "contextidr_el1 0 13 0 1, tpidr_el0 0 13 0 2, tpidrro_el0 0 13 0 3, tpidr_el1 0 13 0 4, sctlr_el2 4 1 0 0,"
    "hcr_el2 4 1 1 0, tcr_el2 4 2 0 2, vtcr_el2 4 2 1 2, mair_el2 4 10 2 0, vbar_el2 4 12 0 0"
)
_PAIRS = {(0, 2): "ttbr0_el1", (1, 2): "ttbr1_el1", (4, 2): "ttbr0_el2", (6, 2): "vttbr_el2", (0, 7): "par_el1"}
"""MCRR and MRRC: (opc1, CRm) → register."""

_BARRIERS: dict[Place, Event] = {
    (0, 7, 5, 4): ContextSync("isb"),
    (0, 7, 10, 4): Dsb(Shareability.SY, Accesses.ALL),
    (0, 7, 10, 5): Dmb(Shareability.SY, Accesses.ALL),
}
_WITHOUT_OPERAND = re.compile(r"vmall|alle")
_COPROCESSOR = re.compile(r"p15|15", re.IGNORECASE)
_FIELD = re.compile(r"c(?:r)?(\d{1,2})", re.IGNORECASE)


def coprocessor(machine: Machine, name: str, operands: tuple[str, ...]) -> bool:
    """Decode MCR, MRC, MCRR or MRRC; False if it is none of coprocessor 15, or its operands are wrong."""
    if name in ("mcr", "mrc") and len(operands) in (5, 6) and _COPROCESSOR.fullmatch(operands[0]):
        return _single(machine, name == "mcr", operands)
    if name in ("mcrr", "mrrc") and len(operands) == 5 and _COPROCESSOR.fullmatch(operands[0]):
        return _pair(machine, name == "mcrr", operands)
    return False


def _single(machine: Machine, writes: bool, operands: tuple[str, ...]) -> bool:
    cn, cm = _FIELD.fullmatch(operands[3]), _FIELD.fullmatch(operands[4])
    op1, op2 = machine.number(operands[1]), machine.number(operands[5]) if len(operands) > 5 else 0
    register = parse_register(operands[2])
    if cn is None or cm is None or op1 is None or op2 is None or register is None:
        return False
    place = (op1, int(cn[1]), int(cm[1]), op2)
    if writes and (event := _operation(place, machine.get(register))) is not None:
        machine.emit(event)
    elif writes and place[1] in (7, 8) and place not in _REGISTERS:
        return place[1] == 7  # Branch predictor maintenance and the like.
    else:
        _register(machine, writes, _REGISTERS.get(place, "cp15_{}_c{}_c{}_{}".format(*place)), register)
    return True


def _operation(place: Place, value: Term) -> Event | None:
    """What a write to `place` does if it is no register."""
    if place in _BARRIERS:
        return _BARRIERS[place]
    if op := _TLBI.get(place):
        return Tlbi(op, None if _WITHOUT_OPERAND.match(op) else _operand(op, value))
    if op := _AT.get(place):
        return At(op, value)
    if kind := _CACHE.get(place):
        return CacheMaintenance(kind.replace(":", " "), None if "iallu" in kind else value)
    return None


def _operand(op: str, value: Term) -> Term:
    """The operand of a TLB operation in AArch64's format: AArch32 has the address in place, the ASID in bits 7:0."""
    if op.startswith("ipas2"):
        return value
    asid = apply("<<", apply("&", value, Const(0xFF)), Const(48))
    if op.startswith("aside"):
        return asid
    page = apply("&", apply(">>", value, Const(12)), Const(0xFFFFF))  # of a register of 32 bits, whatever held it
    return page if op.startswith("vaa") or "e2" in op else apply("|", page, asid)


def _register(machine: Machine, writes: bool, name: str, register: Register) -> None:
    if writes:
        machine.emit(SysregWrite(name, machine.get(register)))
        return
    into = machine.fresh()
    machine.emit(SysregRead(name, into))
    machine.bind(register, Name(into))


def _pair(machine: Machine, writes: bool, operands: tuple[str, ...]) -> bool:
    """Of a pair the low half is kept."""
    op1, cm = machine.number(operands[1]), _FIELD.fullmatch(operands[4])
    low, high = parse_register(operands[2]), parse_register(operands[3])
    if op1 is None or cm is None or low is None or high is None:
        return False
    name = _PAIRS.get((op1, int(cm[1])), f"cp15_{op1}_c{cm[1]}")
    _register(machine, writes, name, low)
    if not writes:
        machine.put(high, machine.unknown())
    return True
