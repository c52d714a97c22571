"""Encoded instructions (`.inst 0xd5033b9f`) back to assembler text: the system instruction space, exceptions,
returns.

Words outside it come back as None and are reported as unknown instructions. What it does not decode: everything else
of A64.
"""

from __future__ import annotations

from dataclasses import replace

from barrierlint.cfg.asm_names import PSTATE_FIELDS, SYSTEM_OPERATIONS, TLBI_OPERATIONS, encoded_name
from barrierlint.cfg.asm_text import Statement

_EXCEPTIONS = {0xD4000001: "svc", 0xD4000002: "hvc", 0xD4000003: "smc", 0xD4200000: "brk", 0xD4400000: "hlt"}
_WHOLE = {
    0xD69F03E0: "eret",
    0xD69F0BFF: "eretaa",
    0xD69F0FFF: "eretab",
    0xD65F03C0: "ret",
    0xD503201F: "nop",
    0xD5033FDF: "isb",
    0xD50330FF: "sb",
}


def decoded(line: Statement) -> Statement:
    """A `.inst` as the instruction it encodes; of one that is not known an `.unknown`."""
    if line.mnemonic != ".inst":
        return line
    try:
        found = decode_word(int(line.operands[0]))
    except ValueError:
        found = None
    return (
        replace(line, mnemonic=found.mnemonic, operands=found.operands) if found else replace(line, mnemonic=".unknown")
    )


def decode_word(word: int) -> Statement | None:
    """Return the instruction a 32-bit word encodes (C4.1.87, System instructions), or None."""
    word &= 0xFFFFFFFF
    if word in _WHOLE:
        return Statement(_WHOLE[word])
    if word & 0xFFDFFC1F in (0xD61F0000, 0xD65F0000) or word & 0xFFFFFC1F == 0xD63F0000:
        name = {0: "br", 1: "blr", 2: "ret"}[word >> 21 & 3]
        return Statement(name, (f"x{word >> 5 & 31}",))
    if word & 0xFFE0001F in _EXCEPTIONS:
        return Statement(_EXCEPTIONS[word & 0xFFE0001F], (str(word >> 5 & 0xFFFF),))
    if word >> 22 != 0b1101010100:
        return None
    read, op0 = word >> 21 & 1, word >> 19 & 3
    fields = (word >> 16 & 7, word >> 12 & 15, word >> 8 & 15, word >> 5 & 7)
    register = f"x{word & 31}" if word & 31 != 31 else "xzr"
    match read, op0:
        case 0, 0:
            return _architectural(fields, word & 31)
        case 0, 1:
            return _operation(fields, register)
        case 1, 1:
            op1, crn, crm, op2 = fields
            return Statement("sysl", (register, str(op1), f"c{crn}", f"c{crm}", str(op2)))
        case 0, _:
            return Statement("msr", (encoded_name((op0, *fields)), register))
        case 1, 2 | 3:
            return Statement("mrs", (register, encoded_name((op0, *fields))))
    return None


def _architectural(fields: tuple[int, int, int, int], rt: int) -> Statement | None:
    """Hints, barriers and MSR (immediate)."""
    op1, crn, crm, op2 = fields
    if rt != 31:
        return None
    if crn == 4:
        name = PSTATE_FIELDS.get((op1, op2))
        return Statement("msr", (name, str(crm))) if name else Statement("cfinv") if op1 == 0 and op2 < 3 else None
    if op1 != 3:
        return None
    if crn == 2:
        return Statement("hint", (str(crm << 3 | op2),))
    if crn == 3:
        return _barrier(crm, op2)
    return None


def _barrier(crm: int, op2: int) -> Statement | None:
    match op2:
        case 1 if crm & 3 == 2:
            return Statement("dsb", (str(16 + (crm & 12)),))
        case 2:
            return Statement("clrex")
        case 4:
            return Statement("dsb", (str(crm),))
        case 5:
            return Statement("dmb", (str(crm),))
        case 6:
            return Statement("isb", (str(crm),))
        case 7:
            return Statement("sb")
    return None


def _operation(fields: tuple[int, int, int, int], register: str) -> Statement:
    op1, crn, crm, op2 = fields
    code = (op1, crm, op2)
    if crn in (8, 9):
        name = next((name for name, place in TLBI_OPERATIONS.items() if place == code), None)
        if name:
            return Statement("tlbi", (name + ("nxs" if crn == 9 else ""), register))
    for kind, table in SYSTEM_OPERATIONS.items():
        name = next((name for name, place in table.items() if place == code), None)
        if crn == 7 and name:
            return Statement(kind, (name, register))
    return Statement("sys", (str(op1), f"c{crn}", f"c{crm}", str(op2), register))
