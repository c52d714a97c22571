"""Random configurations as both sides see them: a `Regime` for the walker, register values for the engine."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from barrierlint.events import Kind
from barrierlint.sim.translation import FINAL_LEVEL, AccessRequest, Geometry, Granule, MmuFault, Translation
from barrierlint.sim.translation_descriptor import Cursor, Hit, Miss, descend, enter, start_level
from barrierlint.sim.translation_regime import Features, Regime, Stage2, decode_regime, decode_stage2
from barrierlint.sim.walker import walk
from tests.sim_walker.oracle import SCRATCH, SCTLR_RES1, TABLES, TABLES_SIZE
from tests.sim_walker.tables import AF, Arena, Grower, addresses

TG0 = {Granule.K4: 0b00, Granule.K64: 0b01, Granule.K16: 0b10}
TG1 = {Granule.K4: 0b10, Granule.K16: 0b01, Granule.K64: 0b11}
# The engine forces TxSZ into 16..39 and has no FEAT_TTST, LVA, LPA or LPA2; its PAMax is 44.
ENGINE = Features(pa_bits=48, clamp_tsz=True)
ENGINE_STAGE2 = Features(pa_bits=44, clamp_tsz=True)


@dataclass(frozen=True)
class Case:
    """One set of tables: the regime, the registers that say the same, the descriptors, and addresses to try."""

    regime: Regime
    registers: dict[str, int]
    words: dict[int, int]
    addresses: list[int]


def stage1_case(rng: random.Random, count: int) -> Case:
    """Return random stage 1 tables and `count` addresses, some of them in the gap or with a tag."""
    arena = Arena(TABLES, TABLES_SIZE)
    registers = _stage1_registers(rng, arena)
    regime = _decode(registers, ENGINE)
    grower = Grower(arena, rng, bad=rng.choice((0.02, 0.1, 0.3)))
    targets = [
        *_in_range(rng, regime, count // 2, upper=False),
        *_in_range(rng, regime, count - count // 2, upper=True),
    ]
    _grow(regime, grower, targets)
    return Case(regime, registers, arena.words, [_disturb(rng, regime, va) for va in targets])


def with_code(rng: random.Random, count: int) -> tuple[Case, int]:
    """Return a stage 1 case in which the scratch page is mapped, readable and executable at EL1 and EL0, and where."""
    arena = Arena(TABLES, TABLES_SIZE)
    registers = _stage1_registers(rng, arena)
    upper = rng.random() < 0.5
    registers["TCR_EL1"] &= ~(1 << (23 if upper else 7))
    regime = _decode(registers, ENGINE)
    code = _in_range(rng, regime, 1, upper=upper)[0] >> 16 << 16
    _Coder(arena, rng).plant(_first(regime, code))
    grower = Grower(arena, rng, bad=rng.choice((0.02, 0.1)))
    targets = [
        *_in_range(rng, regime, count // 2, upper=False),
        *_in_range(rng, regime, count - count // 2, upper=True),
    ]
    _grow(regime, grower, targets)
    return Case(regime, registers, arena.words, [_disturb(rng, regime, va) for va in targets]), code


class _Coder(Grower):
    """Plants plain table descriptors, and a read-only executable page at the end."""

    def descriptor(self, geometry: Geometry, level: int) -> int:
        if level < FINAL_LEVEL:
            return self.arena.allocate(1 << geometry.granule.value) | 3
        return SCRATCH | AF | 3 << 6 | 3


def nested_case(rng: random.Random, count: int) -> Case:
    """Return random stage 1 tables in IPA space, themselves mapped by random stage 2 tables."""
    arena, ipa_arena = Arena(TABLES, TABLES_SIZE), Arena(0x4000_0000, TABLES_SIZE // 4)
    registers = _stage1_registers(rng, ipa_arena) | _stage2_registers(rng, arena)
    stage2 = decode_stage2(registers["VTCR_EL2"], registers["VTTBR_EL2"], ptw=bool(registers["HCR_EL2"] >> 2 & 1))
    regime = _decode(registers, ENGINE_STAGE2)
    output_bits = min(40, 64 - stage2.tsz) if rng.random() < 0.9 else 44
    grower = Grower(ipa_arena, rng, output_bits=output_bits, bad=0.05, near=rng.random() < 0.7)
    targets = [
        *_in_range(rng, regime, count // 2, upper=False),
        *_in_range(rng, regime, count - count // 2, upper=True),
    ]
    _grow(regime, grower, targets)
    regime = replace(regime, stage2=stage2)
    return _map_stage2(rng, Case(regime, registers, arena.words, targets), arena, ipa_arena)


def _map_stage2(rng: random.Random, case: Case, arena: Arena, ipa_arena: Arena) -> Case:
    """Place the stage 1 tables where the stage 2 tables will map them, and plant stage 2 for all IPAs that are used."""
    stage2 = case.regime.stage2
    assert stage2 is not None
    features = case.regime.features
    geometry, level = stage2.geometry(features), stage2.start_level(features)
    if geometry is None or level is None:
        return case
    # Where an IPA is first met as a table's, its leaf must lie in the arena; the page is then filled with the table.
    placer = _Placer(arena, rng, output_bits=44, bad=0.01)
    for ipa, descriptor in ipa_arena.words.items():
        physical = placer.place(geometry, level, stage2, ipa)
        if physical is not None:
            arena.words[physical] = descriptor
    grower = Grower(arena, rng, output_bits=44, bad=0.03, gentle=rng.random() < 0.7)
    single = replace(case.regime, stage2=None)
    for va in case.addresses:
        ipa = _output(single, ipa_arena, va)
        if ipa is not None and not ipa >> geometry.input_bits:
            cursor = enter(geometry, stage2.vttbr, level, ipa)
            if isinstance(cursor, Cursor):
                grower.plant(cursor)
    return case


class _Placer(Grower):
    """Plants stage 2 descriptors that map stage 1 tables into the arena."""

    def place(self, geometry: Geometry, level: int, stage2: Stage2, ipa: int) -> int | None:
        if ipa >> geometry.input_bits:
            return None
        place: Cursor | Hit | Miss = enter(geometry, stage2.vttbr, level, ipa)
        while isinstance(place, Cursor):
            if place.address not in self.arena.words:
                self.arena.words[place.address] = self._step(geometry, place.level)
            place = descend(place, self.arena.words[place.address])
        return place.extent.output | ipa & (place.extent.size - 1) if isinstance(place, Hit) else None

    def _step(self, geometry: Geometry, level: int) -> int:
        size = 1 << geometry.granule.value
        if self.rng.random() < self.bad or not self.arena.room(size):
            return self._invalid(geometry, level)
        if level < FINAL_LEVEL:
            return self.arena.allocate(size) | 3
        read = 0 if self.rng.random() < 0.02 else 1 << 6
        flag = 0 if self.rng.random() < 0.02 else 1 << 10
        memory = 0 if self.rng.random() < 0.02 else 0xF << 2
        return self.arena.allocate(size) | read | flag | memory | self.rng.getrandbits(2) << 53 | 3


def _output(regime: Regime, arena: Arena, va: int) -> int | None:
    result = walk(regime, arena.read, va, AccessRequest())
    return result.pa if isinstance(result, Translation) else None


def _stage1_registers(rng: random.Random, arena: Arena) -> dict[str, int]:
    granules = rng.choice(list(Granule)), rng.choice(list(Granule))
    sizes = [_size(rng), _size(rng)]
    tcr = sizes[0] | sizes[1] << 16 | TG0[granules[0]] << 14 | TG1[granules[1]] << 30 | 5 << 32
    for bit, odds in ((7, 0.03), (23, 0.03), (37, 0.5), (38, 0.5), (41, 0.3), (42, 0.3), (51, 0.3), (52, 0.3)):
        tcr |= (rng.random() < odds) << bit
    # SH and cacheability are read by neither; ASIDs and CnP lie around the table base.
    tcr |= rng.getrandbits(6) << 8 | rng.getrandbits(6) << 24
    bases = [
        arena.allocate(1 << granule.value) | rng.getrandbits(16) << 48 | rng.getrandbits(1) for granule in granules
    ]
    sctlr = SCTLR_RES1 | 1 | (rng.random() < 0.3) << 19
    return {
        "TCR_EL1": tcr,
        "TTBR0_EL1": bases[0],
        "TTBR1_EL1": bases[1],
        "MAIR_EL1": rng.getrandbits(64),
        "SCTLR_EL1": sctlr,
        "HCR_EL2": 1 << 31,
    }


def _stage2_registers(rng: random.Random, arena: Arena) -> dict[str, int]:
    granule = rng.choice(list(Granule))
    tsz = rng.randrange(20, 33)
    start = {Granule.K4: (2, 1, 0), Granule.K16: (3, 2, 1), Granule.K64: (3, 2, 1)}[granule]
    fits = [code for code, level in enumerate(start) if _fits(granule, level, 64 - tsz)]
    sl0 = rng.choice(fits) if fits and rng.random() < 0.95 else rng.randrange(3)
    vtcr = tsz | sl0 << 6 | TG0[granule] << 14 | 4 << 16 | 1 << 31
    base = arena.allocate(16 << granule.value) | rng.getrandbits(8) << 48
    return {"VTCR_EL2": vtcr, "VTTBR_EL2": base, "HCR_EL2": 1 << 31 | 1 | (rng.random() < 0.3) << 2}


def _fits(granule: Granule, level: int, input_bits: int) -> bool:
    least = (3 - level) * granule.stride + granule.value + 1
    return least <= input_bits <= least + granule.stride + 3


def _size(rng: random.Random) -> int:
    return rng.randrange(16, 40) if rng.random() < 0.95 else rng.choice((0, 5, 15, 40, 48, 63))


def _decode(registers: dict[str, int], features: Features) -> Regime:
    return decode_regime(
        registers["TCR_EL1"],
        registers["TTBR0_EL1"],
        registers["TTBR1_EL1"],
        features,
        mair=registers["MAIR_EL1"],
        sctlr=registers["SCTLR_EL1"],
    )


def _in_range(rng: random.Random, regime: Regime, count: int, *, upper: bool) -> list[int]:
    geometry = regime.geometry(regime.upper if upper else regime.lower)
    assert geometry is not None
    return addresses(rng, geometry.input_bits, upper, count)


def _grow(regime: Regime, grower: Grower, targets: list[int]) -> None:
    for va in targets:
        grower.plant(_first(regime, va))


def _first(regime: Regime, va: int) -> Cursor:
    """Return where the walk of `va` starts."""
    half = regime.select(va)
    geometry = regime.geometry(half)
    assert geometry is not None
    cursor = enter(geometry, half.ttbr, start_level(geometry), va)
    assert isinstance(cursor, Cursor)
    return cursor


def _disturb(rng: random.Random, regime: Regime, va: int) -> int:
    """Put one address in twelve into the gap, give one in eight a tag."""
    roll = rng.random()
    if roll < 0.08:
        geometry = regime.geometry(regime.select(va))
        assert geometry is not None
        return va ^ 1 << rng.randrange(geometry.input_bits, 64)
    return va & (1 << 56) - 1 | rng.getrandbits(8) << 56 if roll < 0.2 else va


def access_of(op: str, *, pan: bool) -> AccessRequest:
    """Return the access that an AT operation asks about; only the P forms heed PSTATE.PAN."""
    kind = Kind.WRITE if "w" in op else Kind.READ
    return AccessRequest(kind, el0="e0" in op, pan=pan and op.endswith("p"))


def par_of(result: Translation | MmuFault) -> int:
    """Return PAR_EL1 as this result would give it (DDI 0487 D24.2, PAR_EL1): F, FST, PTW, S, or PA, SH, ATTR, NS."""
    if isinstance(result, MmuFault):
        return 1 << 11 | (result.stage == 2) << 9 | result.s1ptw << 8 | result.status << 1 | 1
    leaf = result.stage1
    assert leaf is not None
    return leaf.attributes << 56 | result.pa >> 12 << 12 | 1 << 11 | 1 << 9 | leaf.shareability << 7
