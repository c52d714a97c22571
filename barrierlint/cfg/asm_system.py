"""System instructions: barriers, TLB and cache maintenance, address translation, system registers, hints, exceptions.

Barrier options follow the CRm tables of the Arm ARM (DDI 0487, C6.2 DMB, DSB, ISB): unallocated values act as SY.
What it does not model: debug and trace barriers (TSB, PSB, GCSB), which are known and have no event.
"""

from __future__ import annotations

import re

from barrierlint.cfg.asm_barrier import barrier
from barrierlint.cfg.asm_coprocessor import coprocessor
from barrierlint.cfg.asm_machine import Machine, Register, parse_register
from barrierlint.cfg.asm_names import (
    PSTATE_FIELDS,
    SYSTEM_OPERATIONS,
    TAKES_NO_REGISTER,
    TLBI_OPERATIONS,
    register_name,
)
from barrierlint.events import (
    At,
    CacheMaintenance,
    Dsb,
    ExceptionCall,
    ExceptionReturn,
    SpeculationBarrier,
    SysregRead,
    SysregWrite,
    Tlbi,
)
from barrierlint.terms import Name

HINTS = frozenset(
    [
        "nop",
        "yield",
        "wfe",
        "wfi",
        "sev",
        "sevl",
        "wfet",
        "wfit",
        "dgh",
        "hint",
        "clearbhb",
        "bti",
        "psb",
        "tsb",
        "gcsb",
        "chkfeat",
        "stshh",
        "paciasp",
        "pacibsp",
        "autiasp",
        "autibsp",
        "pacia1716",
        "pacib1716",
        "autia1716",
        "autib1716",
        "paciaz",
        "pacibz",
        "autiaz",
        "autibz",
        "xpaclri",
        "clrex",
        "brk",
        "bkpt",
        "hlt",
        "udf",
        "dcps1",
        "dcps2",
        "dcps3",
        "cfp",
        "dvp",
        "cpp",
        "cosp",
        "brb",
        "trcit",
        "gcspushx",
        "gcspopcx",
        "gcspopx",
        "gcsss1",
        "gcspushm",
        "cfinv",
        "axflag",
        "xaflag",
        "setf8",
        "setf16",
        "rmif",
        "smstart",
        "smstop",
        "zero",
        "isetp",
    ]
)
"""Instructions known to do nothing that this project models."""


def system(machine: Machine, name: str, operands: tuple[str, ...]) -> bool:
    """Decode a system instruction; False if it is not one or its operands are wrong."""
    match name:
        case "dsb" | "dmb" | "isb":
            return barrier(machine, name, operands)
        case "dfb" if not operands:
            machine.emit(Dsb())
        case "ssbb" | "pssbb" | "sb" | "csdb" | "esb" if not operands:
            machine.emit(SpeculationBarrier(name))
        case "tlbi" | "tlbip" | "at" | "dc" | "ic":
            return _operation(machine, name, operands)
        case "sys" | "sysp":
            return _sys(machine, operands)
        case "sysl":
            return _sysl(machine, operands)
        case "msr" | "msrr" | "mrs" | "mrrs":
            return _register(machine, name, operands)
        case "mcr" | "mrc" | "mcrr" | "mrrc":
            return coprocessor(machine, name, operands)
        case "eret" | "eretaa" | "eretab":
            machine.emit(ExceptionReturn())
        case "svc" | "hvc" | "smc":
            _exception(machine, name, operands)
        case "hint":
            return _hint(machine, operands)
        case _:
            return name in HINTS
    return True


def _hint(machine: Machine, operands: tuple[str, ...]) -> bool:
    number = machine.number(operands[0]) if len(operands) == 1 else None
    named = {16: "esb", 20: "csdb"}.get(-1 if number is None else number)
    if named:
        machine.emit(SpeculationBarrier(named))
    return len(operands) == 1


def _operation(machine: Machine, name: str, operands: tuple[str, ...]) -> bool:
    """TLBI, AT, DC, IC by name."""
    if not operands or len(operands) > 3:
        return False
    op = operands[0].lower()
    register = parse_register(operands[1]) if len(operands) > 1 else None
    if len(operands) > 1 and register is None:
        return False
    pair = name == "tlbip"
    return _maintenance(machine, "tlbi" if pair else name, op, register, pair)


def _maintenance(machine: Machine, name: str, op: str, register: Register | None, pair: bool = False) -> bool:
    base = op.removesuffix("nxs") if name == "tlbi" else op
    known = TLBI_OPERATIONS if name == "tlbi" else SYSTEM_OPERATIONS[name]
    if base not in known:
        return False
    alone = base in TAKES_NO_REGISTER
    if register is None and not alone:
        return False
    operand = None if alone or register is None else machine.unknown() if pair else machine.get(register)
    match name:
        case "tlbi":
            machine.emit(Tlbi(op, operand))
        case "at":
            machine.emit(At(op, operand))
        case _:
            machine.emit(CacheMaintenance(f"{name} {op}", operand))
    return True


_FIELD = re.compile(r"c(\d+)", re.IGNORECASE)


def _sys(machine: Machine, operands: tuple[str, ...]) -> bool:
    """`sys #op1, Cn, Cm, #op2{, xt}`."""
    if len(operands) < 4:
        return False
    cn, cm = _FIELD.fullmatch(operands[1]), _FIELD.fullmatch(operands[2])
    op1, op2 = machine.number(operands[0]), machine.number(operands[3])
    if cn is None or cm is None or op1 is None or op2 is None:
        return False
    register = parse_register(operands[4]) if len(operands) > 4 else None
    return sys_encoding(machine, (op1, int(cn[1]), int(cm[1]), op2), register)


def sys_encoding(machine: Machine, code: tuple[int, int, int, int], register: Register | None) -> bool:
    """SYS by (op1, CRn, CRm, op2): whichever of TLBI, AT, DC, IC it is an alias of; False if of none."""
    op1, cn, cm, op2 = code
    if cn in (8, 9):
        name = next((op for op, place in TLBI_OPERATIONS.items() if place == (op1, cm, op2)), None)
        return name is not None and _maintenance(
            machine, "tlbi", name + ("nxs" if cn == 9 else ""), register or Register("zr", 64)
        )
    for kind in ("at", "dc", "ic"):
        name = next((op for op, place in SYSTEM_OPERATIONS[kind].items() if cn == 7 and place == (op1, cm, op2)), None)
        if name is not None:
            return _maintenance(machine, kind, name, register or Register("zr", 64))
    return (op1, cn, cm) == (3, 7, 3)  # CFP, DVP, CPP, COSP: prediction restriction


def _sysl(machine: Machine, operands: tuple[str, ...]) -> bool:
    register = parse_register(operands[0]) if operands else None
    if register is None:
        return False
    machine.put(register, machine.unknown())
    return len(operands) == 5


_SPELLING = re.compile(r"[a-z_][\w]*", re.IGNORECASE)


def _register(machine: Machine, name: str, operands: tuple[str, ...]) -> bool:
    """MSR and MRS, also of pairs (FEAT_D128: the low half is kept), and MSR to PSTATE fields."""
    if len(operands) != (3 if name in ("msrr", "mrrs") else 2):
        return False
    if name in ("mrs", "mrrs"):
        target, system_name = operands[0], operands[-1]
        register = parse_register(target)
        if register is None or not _SPELLING.fullmatch(system_name):
            return False
        read_register(machine, register_name(system_name), register)
        return True
    field, source = operands[0], operands[1]
    if not _SPELLING.fullmatch(field):
        return False
    value = machine.value(source)
    if value is None or not (parse_register(source) or field.lower() in PSTATE_FIELDS.values()):
        return False
    machine.emit(SysregWrite(register_name(field), value))
    return True


def read_register(machine: Machine, name: str, register: Register) -> None:
    """MRS: bind the register to the value read."""
    into = machine.fresh()
    machine.emit(SysregRead(name, into))
    machine.bind(register, Name(into))


def _exception(machine: Machine, name: str, operands: tuple[str, ...]) -> None:
    number = machine.number(operands[0]) if operands else 0
    raise_exception(machine, name, number or 0)


def raise_exception(machine: Machine, name: str, number: int) -> None:
    """SVC, HVC, SMC: x0 to x17 come back changed (SMCCC)."""
    machine.emit(ExceptionCall(name, number))
    machine.forget({str(n) for n in range(18)} & set(machine.registers) | {"0", "1", "2", "3"})
    machine.opaque = True
