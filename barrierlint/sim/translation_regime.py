"""The registers that control translation, as frozen values: the EL1&0 regime, its two address ranges, and stage 2.

`Regime` is what TCR_EL1, TTBR0_EL1, TTBR1_EL1, MAIR_EL1 and SCTLR_EL1 say; `Stage2` what VTCR_EL2 and VTTBR_EL2 say;
`Features` what the PE implements. `geometry` gives the shape of the tables, None where there is none (DDI 0487 D8.2;
pseudocode AArch64.S1TTWParamsEL10, NSS2TTWParams). What it does not model: EL2 and EL3 regimes, Secure and Realm
state, 128-bit descriptors (FEAT_D128), permission indirection and overlays, hardware update of descriptors (HA, HD).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from barrierlint.sim.translation import FINAL_LEVEL, Geometry, Granule, Wide

ADDRESS_SIZES = (32, 36, 40, 42, 44, 48, 52)
_TG0 = {0b00: Granule.K4, 0b01: Granule.K64, 0b10: Granule.K16}
_TG1 = {0b10: Granule.K4, 0b11: Granule.K64, 0b01: Granule.K16}
_S2_START = {Granule.K4: (2, 1, 0, 3, -1), Granule.K16: (3, 2, 1, 0), Granule.K64: (3, 2, 1)}


@dataclass(frozen=True, slots=True)
class Features:
    """What the PE implements: `pa_bits` (PAMax), FEAT_LVA, FEAT_LPA, FEAT_LPA2, FEAT_TTST, FEAT_XNX.

    Two implementation defined choices: `clamp_tsz` forces an out-of-range TxSZ to the nearest legal one where it may
    instead of faulting; `contiguous_faults` gives a translation fault for a contiguous range wider than the input.
    """

    pa_bits: int = 48
    lva: bool = False
    lpa: bool = False
    lpa2: bool = False
    ttst: bool = False
    xnx: bool = False
    clamp_tsz: bool = False
    contiguous_faults: bool = False

    def __post_init__(self) -> None:
        """Reject a PAMax the architecture does not have."""
        if self.pa_bits not in ADDRESS_SIZES:
            raise ValueError(f"pa_bits is {self.pa_bits}; give one of {ADDRESS_SIZES}")
        if self.pa_bits == 52 and not (self.lpa or self.lpa2):
            raise ValueError("pa_bits is 52, which needs FEAT_LPA or FEAT_LPA2; set lpa or lpa2")

    def output_bits(self, size: int, granule: Granule) -> int:
        """Return the output address bits that a configured IPS or PS of `size` bits gives (PhysicalAddressSize)."""
        limit = 52 if (self.lpa if granule is Granule.K64 else self.lpa2) else 48
        return min(size, limit, self.pa_bits)

    def wide(self, granule: Granule, ds: bool) -> Wide:
        """Return where descriptors keep output address bits [51:48]."""
        if granule is Granule.K64:
            return Wide.LPA if self.lpa else Wide.NONE
        return Wide.LPA2 if ds and self.lpa2 else Wide.NONE

    def legal_tsz(self, tsz: int, least: int, granule: Granule) -> int | None:
        """Return `tsz`, or what it is forced to, or None for a translation fault (S1TxSZFaults, S2TxSZFaults)."""
        most = (47 if granule is Granule.K64 else 48) if self.ttst else 39
        if least <= tsz <= most:
            return tsz
        must_fault = tsz < least and (self.lva or self.lpa or self.lpa2)
        return max(least, min(tsz, most)) if self.clamp_tsz and not must_fault else None


@dataclass(frozen=True, slots=True)
class Range:
    """One half of the address space: TTBRn_EL1 and the TCR_EL1's TnSZ, TGn, TBIn, TBIDn, EPDn, HPDn, E0PDn, SHn."""

    ttbr: int = 0
    tsz: int = 16
    granule: Granule = Granule.K4
    tbi: bool = False
    tbid: bool = False
    epd: bool = False
    hpd: bool = False
    e0pd: bool = False
    sh: int = 0

    def __post_init__(self) -> None:
        """Reject a TnSZ that the 6-bit field cannot hold."""
        _check_tsz(self.tsz, "tsz")


@dataclass(frozen=True, slots=True)
class Stage2:
    """VTTBR_EL2 and VTCR_EL2 (T0SZ, TG0, SL0, SL2, PS, DS, SH0); `ptw` is HCR_EL2.PTW. `ps` is in bits."""

    vttbr: int
    tsz: int = 24
    granule: Granule = Granule.K4
    sl0: int = 1
    sl2: int = 0
    ps: int = 48
    ds: bool = False
    sh: int = 0
    ptw: bool = False

    def __post_init__(self) -> None:
        """Reject a T0SZ that the 6-bit field cannot hold."""
        _check_tsz(self.tsz, "stage2.tsz")

    def geometry(self, features: Features) -> Geometry | None:
        """Return the shape of the stage 2 tables, None where T0SZ or SL0 is illegal: a level 0 translation fault."""
        ds = self.ds and features.lpa2
        ips = min(52 if self.granule is Granule.K64 or ds else 48, features.pa_bits)
        tsz = features.legal_tsz(self.tsz, 64 - ips, self.granule)
        if tsz is None or not self._legal_start(64 - tsz, features):
            return None
        return Geometry(
            stage=2,
            granule=self.granule,
            input_bits=64 - tsz,
            output_bits=features.output_bits(self.ps, self.granule),
            wide=features.wide(self.granule, ds),
            hierarchical=False,
            big_blocks=features.pa_bits >= 52,
            contiguous_faults=features.contiguous_faults,
        )

    def start_level(self, features: Features) -> int | None:
        """Return the level VTCR_EL2.{SL2, SL0} selects, None where reserved (S2StartLevel, S2InvalidSL)."""
        wide = self.ds and features.lpa2
        code = self.sl0 | (self.sl2 << 2 if self.granule is Granule.K4 and wide else 0)
        levels = _S2_START[self.granule]
        if code >= len(levels):
            return None
        level = levels[code]
        needs = {(Granule.K4, 0): 44, (Granule.K16, 1): 42, (Granule.K64, 1): 44}.get((self.granule, level), 0)
        reserved = (self.granule is Granule.K4 and level == 3 and not features.ttst) or (
            self.granule is Granule.K16 and level == 0 and not wide
        )
        return None if reserved or features.pa_bits < needs else level

    def _legal_start(self, input_bits: int, features: Features) -> bool:
        """Return whether the start level fits the input size, up to 16 tables side by side (S2InconsistentSL)."""
        level = self.start_level(features)
        if level is None:
            return False
        least = (FINAL_LEVEL - level) * self.granule.stride + self.granule + 1
        return least <= input_bits <= least + self.granule.stride + 3


@dataclass(frozen=True, slots=True)
class Regime:
    """The EL1&0 regime: a range for each TTBR, TCR_EL1.IPS (bits) and DS, MAIR_EL1, SCTLR_EL1.WXN and M (`enabled`)."""

    lower: Range = field(default_factory=Range)
    upper: Range = field(default_factory=Range)
    ips: int = 48
    ds: bool = False
    mair: int = 0
    wxn: bool = False
    enabled: bool = True
    stage2: Stage2 | None = None
    features: Features = field(default_factory=Features)

    def __post_init__(self) -> None:
        """Reject sizes that no register can hold."""
        for name, size in (("ips", self.ips), ("stage2.ps", self.stage2.ps if self.stage2 else self.ips)):
            if size not in ADDRESS_SIZES:
                raise ValueError(f"{name} is {size}; give one of {ADDRESS_SIZES}")

    def select(self, va: int) -> Range:
        """Return the range VA bit 55 selects: 0 is TTBR0, 1 is TTBR1 (DDI 0487 D8.2, selecting the base register)."""
        return self.upper if va >> 55 & 1 else self.lower

    def geometry(self, half: Range) -> Geometry | None:
        """Return the shape of the tables of one range, None where TnSZ is illegal: a level 0 translation fault."""
        ds = self.ds and self.features.lpa2 and half.granule is not Granule.K64
        least = 12 if ds or (self.features.lva and half.granule is Granule.K64) else 16
        tsz = self.features.legal_tsz(half.tsz, least, half.granule)
        if tsz is None:
            return None
        return Geometry(
            stage=1,
            granule=half.granule,
            input_bits=64 - tsz,
            output_bits=self.features.output_bits(self.ips, half.granule),
            wide=self.features.wide(half.granule, ds),
            hierarchical=not half.hpd,
            big_blocks=self.features.pa_bits >= 52,
            contiguous_faults=self.features.contiguous_faults,
        )


def decode_regime(tcr: int, ttbr0: int, ttbr1: int, features: Features, *, mair: int = 0, sctlr: int = 1) -> Regime:
    """Return the stage 1 regime that these EL1 register values configure (DDI 0487 D24.2, TCR_EL1, SCTLR_EL1)."""
    return Regime(
        lower=_decode_range(ttbr0, tcr, _decode_granule(_TG0, tcr >> 14 & 3, "TG0"), upper=False),
        upper=_decode_range(ttbr1, tcr, _decode_granule(_TG1, tcr >> 30 & 3, "TG1"), upper=True),
        ips=_decode_size(tcr >> 32 & 7),
        ds=bool(tcr >> 59 & 1),
        mair=mair,
        wxn=bool(sctlr >> 19 & 1),
        enabled=bool(sctlr & 1),
        features=features,
    )


def decode_stage2(vtcr: int, vttbr: int, *, ptw: bool = False) -> Stage2:
    """Return the stage 2 configuration that VTCR_EL2 and VTTBR_EL2 hold (DDI 0487 D24.2)."""
    return Stage2(
        vttbr=vttbr,
        tsz=vtcr & 0x3F,
        granule=_decode_granule(_TG0, vtcr >> 14 & 3, "VTCR_EL2.TG0"),
        sl0=vtcr >> 6 & 3,
        sl2=vtcr >> 33 & 1,
        ps=_decode_size(vtcr >> 16 & 7),
        ds=bool(vtcr >> 32 & 1),
        sh=vtcr >> 12 & 3,
        ptw=ptw,
    )


def _decode_range(ttbr: int, tcr: int, granule: Granule, *, upper: bool) -> Range:
    base = tcr >> 16 if upper else tcr
    bit = int(upper)
    return Range(
        ttbr=ttbr,
        tsz=base & 0x3F,
        granule=granule,
        tbi=bool(tcr >> 37 + bit & 1),
        tbid=bool(tcr >> 51 + bit & 1),
        epd=bool(base >> 7 & 1),
        hpd=bool(tcr >> 41 + bit & 1),
        e0pd=bool(tcr >> 55 + bit & 1),
        sh=base >> 12 & 3,
    )


def _decode_granule(encodings: dict[int, Granule], code: int, name: str) -> Granule:
    if code not in encodings:
        raise ValueError(f"{name} is {code:#04b}, a reserved granule; give one of {sorted(encodings)}")
    return encodings[code]


def _check_tsz(tsz: int, name: str) -> None:
    if not 0 <= tsz <= 63:
        raise ValueError(f"{name} is {tsz}; give 64 minus the input address bits, 0 to 63")


def _decode_size(code: int) -> int:
    """Return the address bits of an IPS or PS field; the reserved encoding 0b111 behaves as the largest size."""
    return ADDRESS_SIZES[min(code, len(ADDRESS_SIZES) - 1)]
