"""What a translation table walk takes and gives: granules, accesses, permissions, leaves, translations, MMU faults.

All values are frozen; addresses and sizes are ints in bytes, levels run from -1 to 3 (DDI 0487 D8.2, the translation
process). `MmuFault.esr` is the value the hardware reports (DDI 0487 D24.2, ESR_EL1). What it does not model: memory
attributes beyond the raw field, alignment faults, external aborts, the instruction syndrome (ISV) of stage 2 aborts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum

from barrierlint.events import Kind

FINAL_LEVEL = 3
DESCRIPTOR_BYTES_LOG2 = 3


class Granule(IntEnum):
    """Translation granule; the value is log2 of its size in bytes."""

    K4 = 12
    K16 = 14
    K64 = 16

    @property
    def stride(self) -> int:
        """Input address bits that one full level of lookup resolves: 9, 11 or 13."""
        return self - DESCRIPTOR_BYTES_LOG2

    def entry_bits(self, level: int) -> int:
        """Return log2 of the bytes that one descriptor at `level` translates (pseudocode TranslationSize)."""
        return self + (FINAL_LEVEL - level) * (self - DESCRIPTOR_BYTES_LOG2)

    def contiguous_entries(self, level: int) -> int:
        """Return how many descriptors at `level` a Contiguous bit joins, 1 where the bit is ignored."""
        return _CONTIGUOUS.get((self, level), 1)


# Entries that share one contiguous range (DDI 0487 D8.7, the Contiguous bit); levels left out ignore bit 52.
_CONTIGUOUS = {
    (Granule.K4, 1): 16,
    (Granule.K4, 2): 16,
    (Granule.K4, 3): 16,
    (Granule.K16, 2): 32,
    (Granule.K16, 3): 128,
    (Granule.K64, 2): 32,
    (Granule.K64, 3): 32,
}


class Wide(Enum):
    """Where a descriptor keeps output address bits [51:48] (DDI 0487 D8.3, descriptor formats)."""

    NONE = "none"  # 48-bit formats
    LPA = "lpa"  # 64 KiB granule with FEAT_LPA: bits [15:12]
    LPA2 = "lpa2"  # TCR_ELx.DS: bits [9:8] are address [51:50], bits [49:48] address [49:48]


@dataclass(frozen=True, slots=True)
class Geometry:
    """The shape of one stage's tables: what D8.2 derives from TCR or VTCR; `input_bits` is 64 - TxSZ.

    `hierarchical` is False where table descriptors hold no permissions (stage 2, HPDn), `big_blocks` True where PAMax
    allows 64 KiB level 1 blocks. `contiguous_faults`: see `Features`.
    """

    stage: int
    granule: Granule
    input_bits: int
    output_bits: int
    wide: Wide = Wide.NONE
    hierarchical: bool = True
    big_blocks: bool = False
    contiguous_faults: bool = False


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """An access to translate. `el0`: executed at EL0; `unprivileged`: LDTR or STTR at EL1; `pan`: PSTATE.PAN is set."""

    kind: Kind = Kind.READ
    el0: bool = False
    unprivileged: bool = False
    pan: bool = False

    @property
    def as_el0(self) -> bool:
        """Whether the EL0 permissions apply."""
        return self.el0 or self.unprivileged


@dataclass(frozen=True, slots=True)
class Rights:
    """What one exception level may do."""

    read: bool
    write: bool
    execute: bool

    def __and__(self, other: Rights) -> Rights:
        """Return what both allow."""
        return Rights(self.read and other.read, self.write and other.write, self.execute and other.execute)


@dataclass(frozen=True, slots=True)
class Permissions:
    """Rights at EL1 and at EL0, of a leaf or of a whole translation, before PSTATE.PAN."""

    el1: Rights
    el0: Rights

    def __and__(self, other: Permissions) -> Permissions:
        """Return what both stages allow."""
        return Permissions(self.el1 & other.el1, self.el0 & other.el0)

    def allows(self, access: AccessRequest) -> bool:
        """Return whether `access` raises no permission fault (pseudocode S1CheckPermissions, S2CheckPermissions)."""
        return self.denied(access) is None

    def denied(self, access: AccessRequest) -> Kind | None:
        """Return the kind of access that is refused: FETCH, READ or WRITE (a read-modify-write is read first)."""
        rights = self.el0 if access.as_el0 else self.el1
        if access.kind is Kind.FETCH:
            return None if rights.execute else Kind.FETCH
        if access.pan and not access.as_el0 and (self.el0.read or self.el0.write):
            return Kind.WRITE if access.kind is Kind.WRITE else Kind.READ
        if access.kind is not Kind.WRITE and not rights.read:
            return Kind.READ
        return Kind.WRITE if access.kind is not Kind.READ and not rights.write else None


FULL_RIGHTS = Rights(True, True, True)
ALL_PERMISSIONS = Permissions(FULL_RIGHTS, FULL_RIGHTS)


@dataclass(frozen=True, slots=True)
class Extent:
    """`size` bytes from `input` translate to `size` bytes from `output`: one entry a TLB may hold."""

    input: int
    output: int
    size: int

    def translate(self, address: int) -> int | None:
        """Return the output address of `address`, None where this entry does not cover it."""
        offset = address - self.input
        return self.output + offset if 0 <= offset < self.size else None


@dataclass(frozen=True, slots=True)
class Leaf:
    """The block or page descriptor at which one stage's walk ended.

    `extent` is what it maps, input addresses without tag; `attributes` the MAIR byte (stage 1) or MemAttr[3:0] (stage
    2); `shareability` the SH field.
    """

    geometry: Geometry
    level: int
    descriptor: int
    extent: Extent
    permissions: Permissions
    attributes: int = 0
    shareability: int = 0

    @property
    def not_global(self) -> bool:
        """The nG bit: a stage 1 TLB entry belongs to the current ASID only."""
        return bool(self.descriptor >> 11 & 1)

    @property
    def contiguous(self) -> int:
        """How many descriptors this one is joined with, itself included; 1 where the bit is clear or ignored."""
        return self.geometry.granule.contiguous_entries(self.level) if self.descriptor >> 52 & 1 else 1


@dataclass(frozen=True, slots=True)
class WalkStep:
    """One descriptor read: its physical address, the value read, level and stage; `ipa` where stage 2 translated it."""

    address: int
    descriptor: int
    level: int
    stage: int = 1
    ipa: int | None = None


@dataclass(frozen=True, slots=True)
class Translation:
    """A walk that ended well. `stage1` is None where stage 1 is off, `stage2` where stage 2 is."""

    va: int
    ipa: int
    pa: int
    stage1: Leaf | None
    stage2: Leaf | None = None
    steps: tuple[WalkStep, ...] = ()

    @property
    def leaf(self) -> Leaf | None:
        """The stage 1 leaf, else the stage 2 leaf; None where both stages are off."""
        return self.stage1 or self.stage2

    @property
    def level(self) -> int:
        """Level of `leaf`; 0 with both stages off."""
        return self.leaf.level if self.leaf else 0

    @property
    def size(self) -> int:
        """Bytes around `va` that one TLB entry for the whole translation may cover: the smaller of the two leaves."""
        return min((leaf.extent.size for leaf in (self.stage1, self.stage2) if leaf), default=1 << Granule.K4)

    @property
    def permissions(self) -> Permissions:
        """What both stages allow."""
        stage1 = self.stage1.permissions if self.stage1 else ALL_PERMISSIONS
        return stage1 & self.stage2.permissions if self.stage2 else stage1


class FaultKind(StrEnum):
    """MMU faults (DDI 0487 D8.15), spelled as in `barrierlint.finding.Fault`."""

    TRANSLATION = "translation"
    ACCESS_FLAG = "access-flag"
    PERMISSION = "permission"
    ADDRESS_SIZE = "address-size"


_STATUS = {
    FaultKind.ADDRESS_SIZE: 0b000000,
    FaultKind.TRANSLATION: 0b000100,
    FaultKind.ACCESS_FLAG: 0b001000,
    FaultKind.PERMISSION: 0b001100,
}
_STATUS_BELOW_ZERO = {FaultKind.ADDRESS_SIZE: 0b101001, FaultKind.TRANSLATION: 0b101011}
_INSTRUCTION_ABORT, _DATA_ABORT = 0x20, 0x24
_EC, _IL, _S1PTW, _WNR = 26, 1 << 25, 1 << 7, 1 << 6


@dataclass(frozen=True, slots=True)
class MmuFault:
    """A walk that ended in an MMU fault.

    `s1ptw`: stage 2 refused a stage 1 descriptor's address; `ipa` is then that address, or for other stage 2 faults the
    one the access gave. `refused` is the kind of access a permission fault refused, None for other faults.
    """

    kind: FaultKind
    level: int
    va: int
    access: AccessRequest
    stage: int = 1
    s1ptw: bool = False
    ipa: int | None = None
    refused: Kind | None = None
    steps: tuple[WalkStep, ...] = ()

    @property
    def status(self) -> int:
        """DFSC or IFSC, ISS[5:0] (pseudocode EncodeLDFSC)."""
        return _STATUS_BELOW_ZERO[self.kind] if self.level < 0 else _STATUS[self.kind] | self.level

    @property
    def esr(self) -> int:
        """The syndrome: ESR_EL1 of a stage 1 fault, ESR_EL2 of a stage 2 fault (pseudocode AArch64.FaultSyndrome)."""
        fetch = self.access.kind is Kind.FETCH
        same_level = self.stage == 1 and not self.access.el0
        value = ((_INSTRUCTION_ABORT if fetch else _DATA_ABORT) + same_level) << _EC | _IL | self.status
        if self.s1ptw:
            value |= _S1PTW
        # A read-modify-write counts as a write only where its read would have been allowed.
        writes = self.access.kind is Kind.WRITE or self.refused is Kind.WRITE
        return value | _WNR if writes and not fetch else value

    @property
    def cacheable(self) -> bool:
        """Whether a TLB may hold the entry that faulted: only those of permission faults (DDI 0487 D8.16)."""
        return self.kind is FaultKind.PERMISSION
