"""Unicorn (QEMU's AArch64 MMU) as an oracle: registers in, PAR_EL1 or the syndrome of a real access out.

`At` runs batches of AT instructions at EL3, where no translation is in the way, and returns PAR_EL1 for each address.
`Cpu` runs one load, store or fetch at EL1 or EL0 with the MMU on and returns what the access gave. The cpu model is
`max`. What the engine lacks is listed in test_against_unicorn.py.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from unicorn import UC_ARCH_ARM64, UC_CTL_IO_WRITE, UC_CTL_TLB_FLUSH, UC_HOOK_INTR, UC_MODE_ARM, Uc, UcError
from unicorn.arm64_const import (
    UC_ARM64_REG_PSTATE,
    UC_ARM64_REG_X0,
    UC_ARM64_REG_X1,
    UC_ARM64_REG_X2,
    UC_ARM64_REG_X3,
    UC_ARM64_REG_X4,
    UC_CPU_ARM64_MAX,
)
from unicorn.unicorn_const import (
    UC_ERR_FETCH_UNMAPPED,
    UC_ERR_READ_UNMAPPED,
    UC_ERR_WRITE_UNMAPPED,
    UC_HOOK_MEM_READ_UNMAPPED,
    UC_HOOK_MEM_WRITE_UNMAPPED,
)

TABLES, TABLES_SIZE = 0x8000_0000, 0x80_0000
SCRATCH, SCRATCH_SIZE = 0x1000_0000, 0x20_0000
_IN, _OUT = SCRATCH + 0x1000, SCRATCH + 0x10_0000
LIMIT = 100_000

# op0, op1, CRn, CRm, op2
SYSREGS = {
    "SCTLR_EL1": (3, 0, 1, 0, 0),
    "TTBR0_EL1": (3, 0, 2, 0, 0),
    "TTBR1_EL1": (3, 0, 2, 0, 1),
    "TCR_EL1": (3, 0, 2, 0, 2),
    "MAIR_EL1": (3, 0, 10, 2, 0),
    "HCR_EL2": (3, 4, 1, 1, 0),
    "VTTBR_EL2": (3, 4, 2, 1, 0),
    "VTCR_EL2": (3, 4, 2, 1, 2),
    "SCR_EL3": (3, 6, 1, 1, 0),
    "SCTLR_EL3": (3, 6, 1, 0, 0),
}
# AT operations: op1, CRm, op2.
AT = {
    "s1e1r": (0, 8, 0),
    "s1e1w": (0, 8, 1),
    "s1e0r": (0, 8, 2),
    "s1e0w": (0, 8, 3),
    "s1e1rp": (0, 9, 0),
    "s1e1wp": (0, 9, 1),
    "s12e1r": (4, 8, 4),
    "s12e1w": (4, 8, 5),
    "s12e0r": (4, 8, 6),
    "s12e0w": (4, 8, 7),
}
SCTLR_RES1 = 0xC5_0838 & ~(1 << 19)
_EL3H, _EL1H, _EL0T, _MASKED, _PAN = 0xD, 0x5, 0x0, 0x3C0, 1 << 22
_EC_UNKNOWN = 0
_NS_RW, _HCR_RW = 1 << 10 | 1, 1 << 31
_LOAD, _STORE, _NOP, _SVC = 0xF9400001, 0xF9000001, 0xD503201F, 0xD4000001


class Machine:
    """An engine with table and scratch memory mapped, Non-secure AArch64 EL1 below an EL3 without translation."""

    def __init__(self) -> None:
        self.uc = Uc(UC_ARCH_ARM64, UC_MODE_ARM)
        self.uc.ctl_set_cpu_model(UC_CPU_ARM64_MAX)
        self.uc.mem_map(TABLES, TABLES_SIZE)
        self.uc.mem_map(SCRATCH, SCRATCH_SIZE)
        self.written: list[int] = []
        self.set(SCR_EL3=_NS_RW, HCR_EL2=_HCR_RW)

    def set(self, **registers: int) -> None:
        """Write system registers by their architectural names."""
        for name, value in registers.items():
            self.uc.cpr_write(*SYSREGS[name], value)

    def load(self, words: dict[int, int]) -> None:
        """Make `words` (physical address to descriptor) the only non-zero descriptors of the table memory."""
        for address in self.written:
            self.uc.mem_write(address, bytes(8))
        for address, value in words.items():
            self.uc.mem_write(address, value.to_bytes(8, "little"))
        self.written = list(words)

    def enter(self, pstate: int) -> None:
        """Change PSTATE; the register write after it makes the engine notice."""
        self.uc.reg_write(UC_ARM64_REG_PSTATE, pstate | _MASKED)
        self.uc.cpr_write(*SYSREGS["SCTLR_EL3"], 0x30C5_0830)
        self.uc.ctl(UC_CTL_TLB_FLUSH, UC_CTL_IO_WRITE)


class Outcome(NamedTuple):
    """What one access gave: the syndrome, 0 for none, and the physical address where no memory answered."""

    esr: int
    address: int | None


class At(Machine):
    """Batches of AT instructions."""

    def __init__(self) -> None:
        super().__init__()
        self.stubs: dict[str, int] = {}
        for index, (name, (op1, crm, op2)) in enumerate(AT.items()):
            loop = (
                0xF8408401,  # ldr x1, [x0], #8
                0xD5080001 | op1 << 16 | 7 << 12 | crm << 8 | op2 << 5,  # at <name>, x1
                0xD5033FDF,  # isb
                0xD5387402,  # mrs x2, par_el1
                0xF8008462,  # str x2, [x3], #8
                0xF1000484,  # subs x4, x4, #1
                0x54FFFF41,  # b.ne the first
            )
            self.stubs[name] = SCRATCH + index * 64
            self.uc.mem_write(self.stubs[name], struct.pack("<7I", *loop))

    def translate(self, op: str, addresses: list[int], *, pan: bool = False) -> list[int]:
        """Return PAR_EL1 after `AT op` of each address."""
        uc, count = self.uc, len(addresses)
        self.enter(_EL3H | (_PAN if pan else 0))
        uc.mem_write(_IN, struct.pack(f"<{count}Q", *addresses))
        for register, value in ((UC_ARM64_REG_X0, _IN), (UC_ARM64_REG_X3, _OUT), (UC_ARM64_REG_X4, count)):
            uc.reg_write(register, value)
        uc.reg_write(UC_ARM64_REG_X2, 0)
        start = self.stubs[op]
        uc.emu_start(start, start + 28)
        return list(struct.unpack(f"<{count}Q", uc.mem_read(_OUT, 8 * count)))


class Cpu(Machine):
    """Single accesses with the MMU on; the code page is mapped at `CODE` by the caller's tables."""

    LOAD, STORE = 0, 4

    def __init__(self) -> None:
        super().__init__()
        self.uc.mem_write(SCRATCH, struct.pack("<4I", _LOAD, _STORE, _NOP, _SVC | 0xABCD << 5))
        self.syndrome, self.saved = 0, b""
        self.touched: int | None = None
        self.uc.hook_add(UC_HOOK_INTR, self._take)
        self.uc.hook_add(UC_HOOK_MEM_READ_UNMAPPED | UC_HOOK_MEM_WRITE_UNMAPPED, self._touch)
        self.offset = 0
        self.offset = self._find_syndrome()

    def _find_syndrome(self) -> int:
        """Find the syndrome's place in the saved state by an SVC whose immediate shows there; its ESR is 0x5600ABCD."""
        self.set(SCTLR_EL1=SCTLR_RES1)
        self.enter(_EL1H)
        self._run(SCRATCH + 12)
        return self.saved.index(struct.pack("<I", 0x5600_ABCD))

    def _take(self, uc: Uc, number: int, _: object) -> None:
        self.saved = bytes(uc.context_save())
        self.syndrome = struct.unpack_from("<I", self.saved, self.offset)[0]
        uc.emu_stop()

    def _touch(self, uc: Uc, access: int, address: int, size: int, value: int, _: object) -> bool:
        self.touched = address
        return False

    def _run(self, pc: int) -> None:
        """Run one instruction at `pc`; `syndrome` says how it ended, `touched` the address where no memory answered."""
        self.syndrome, self.touched = 0, None
        try:
            self.uc.emu_start(pc, (pc + 4) & ((1 << 64) - 1), count=1)
        except UcError as error:
            if error.errno not in (UC_ERR_READ_UNMAPPED, UC_ERR_WRITE_UNMAPPED, UC_ERR_FETCH_UNMAPPED):
                raise

    def access(self, what: str, va: int, code: int, *, el0: bool) -> Outcome:
        """Load or store at `va` by the instruction mapped at `code`, or fetch from `va`."""
        self.enter(_EL0T if el0 else _EL1H)
        self.uc.reg_write(UC_ARM64_REG_X0, va)
        self.uc.reg_write(UC_ARM64_REG_X1, 0)
        self._run(va if what == "fetch" else code + (self.LOAD if what == "load" else self.STORE))
        # Fetched bytes that are no instruction: the fetch itself went well.
        esr = 0 if self.syndrome >> 26 == _EC_UNKNOWN else self.syndrome
        return Outcome(esr, self.touched)
