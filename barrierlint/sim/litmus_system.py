"""System instructions of a litmus test (TLBI, AT, DC, IC, MSR, MRS, exceptions): names → events, unknown ones refused.

What it does not model: system registers that change translation or execution, cache maintenance by address under the
MMU's eyes (its faults), HVC and SMC.
"""

from __future__ import annotations

import re

from barrierlint.events import (
    At,
    CacheMaintenance,
    Event,
    ExceptionCall,
    ExceptionReturn,
    SysregRead,
    SysregWrite,
    Tlbi,
    UnknownInstruction,
)
from barrierlint.sim.litmus_operands import Operands

# What exceptions and AT write, and registers that only hold what software puts there (DDI 0487 D24.2).
HELD = frozenset(["elr_el1", "esr_el1", "far_el1", "par_el1"])
SYSTEM_REGISTERS = HELD | {f"tpidr_el{level}" for level in range(3)} | {"tpidrro_el0"}
_TLBI = re.compile(
    r"(?:(?P<all>vmall(?:s12)?e1|alle[123])|(?P<by>vaa?l?e1|vale?[23]|vae[23]|aside1|ipas2l?e1|rvaal?e1|rval?e[123]|ripas2l?e1))"
    r"(?:is|os)?(?:nxs)?"
)
_AT = re.compile(r"s1e[01][rw]")
_WHOLE_CACHE = ("ic ialluis", "ic iallu")


def decode(mnemonic: str, operands: Operands) -> list[Event]:
    """Return what a system instruction does, empty if it is none. Raises ValueError on names the model does not
    know.
    """
    match mnemonic:
        case "TLBI":
            return [_tlbi(operands)]
        case "AT":
            if not _AT.fullmatch(name := operands.text(0).lower()):
                raise ValueError(f"address translation {operands.text(0)} is not modelled")
            return [At(name, operands.source(1))]
        case "DC" | "IC":
            return [_cache(mnemonic, operands)]
        case "MSR":
            return [SysregWrite(_system_register(operands.text(0)), operands.source(1))]
        case "MRS":
            return [SysregRead(operands.text(1).lower(), operands.target(0))]
        case "SVC":
            return [ExceptionCall("svc", operands.immediate(0))]
        case "ERET":
            return [ExceptionReturn()]
        case "UDF":
            return [UnknownInstruction("udf")] if operands.immediate(0) >= 0 else []
        case _:
            return []


def _tlbi(operands: Operands) -> Tlbi:
    found = _TLBI.fullmatch(name := operands.text(0).lower())
    if found is None:
        raise ValueError(f"TLB maintenance {operands.text(0)} is not known")
    if found["by"] and operands.count < 2:
        raise ValueError(f"TLBI {operands.text(0)} needs a register")
    return Tlbi(name, operands.source(1) if operands.count > 1 else None)


def _cache(mnemonic: str, operands: Operands) -> CacheMaintenance:
    """Maintenance of whole caches orders nothing here; that by address may fault, and DC ZVA writes."""
    name = f"{mnemonic} {operands.text(0)}".lower()
    if name not in _WHOLE_CACHE:
        raise ValueError(f"cache maintenance {operands.text(0)} is not modelled")
    return CacheMaintenance(name, None)


def _system_register(text: str) -> str:
    """The register that MSR writes: writing one that means something else than what it holds is not modelled."""
    if text.lower() not in SYSTEM_REGISTERS:
        raise ValueError(f"system register {text} is not modelled")
    return text.lower()
