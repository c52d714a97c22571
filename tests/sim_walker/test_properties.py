"""Properties of the walker over all granules, sizes and formats, against a mapper that shares no code with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from barrierlint.sim.translation import AccessRequest, Geometry, Granule, Translation, Wide
from barrierlint.sim.translation_contiguous import joined_addresses, misprogrammed, tlb_extents
from barrierlint.sim.translation_regime import Features, Range, Regime
from barrierlint.sim.walker import Walk, advance, start, walk

LOAD = AccessRequest()
BEYOND = Features(pa_bits=52, lpa=True, lpa2=True, lva=True, ttst=True)
PAGE_BYTES = {Granule.K4: 4096, Granule.K16: 16384, Granule.K64: 65536}
ALL_ONES = (1 << 64) - 1
TABLE_AREA = 1 << 40


@dataclass(frozen=True)
class Setup:
    """A regime whose two ranges share size and granule."""

    granule: Granule
    tsz: int
    wide: bool

    def regime(self) -> Regime:
        lower = Range(ttbr=TABLE_AREA, tsz=self.tsz, granule=self.granule)
        return Regime(
            lower=lower,
            upper=replace(lower, ttbr=TABLE_AREA * 2),
            ips=52 if self.wide else 48,
            ds=self.wide and self.granule is not Granule.K64,
            features=BEYOND if self.wide else Features(ttst=True),
        )

    def encode(self, address: int) -> int:
        """Put an output address into a descriptor, by the figures of D8.3."""
        low, high = address % (1 << 48), address >> 48
        if not self.wide:
            return low
        if self.granule is Granule.K64:
            return low + high * 4096
        return low + (high % 4) * (1 << 48) + (high // 4) * 256


@st.composite
def setups(draw: st.DrawFn) -> Setup:
    granule, wide = draw(st.sampled_from(list(Granule))), draw(st.booleans())
    return Setup(granule, draw(st.integers(12 if wide else 16, 47)), wide)


def build(setup: Setup, base: int, va: int, pa: int, level: int, extra: int = 0) -> dict[int, int]:
    """Map the block or page around `va` at `level` to that around `pa`, by division as on paper."""
    page = PAGE_BYTES[setup.granule]
    per_table = page // 8
    reach = 1 << (64 - setup.tsz)
    sizes = [page]
    while sizes[0] * per_table < reach:
        sizes.insert(0, sizes[0] * per_table)
    first = 4 - len(sizes)
    words: dict[int, int] = {}
    table, free = base, base
    for at, size in enumerate(sizes, start=first):
        index = va % reach // size % (per_table if at > first else reach)
        if at == level:
            words[table + index * 8] = setup.encode(pa - pa % size) + 1024 + (3 if at == 3 else 1) + extra
            break
        free += 1 << 20
        words[table + index * 8] = setup.encode(free) + 3
        table = free
    return words


def levels(setup: Setup) -> list[int]:
    """Return the levels that may hold a leaf."""
    depth, reach = 3, PAGE_BYTES[setup.granule]
    while reach * (PAGE_BYTES[setup.granule] // 8) < 1 << (64 - setup.tsz):
        reach *= PAGE_BYTES[setup.granule] // 8
        depth -= 1
    start_at = {Granule.K4: 0 if setup.wide else 1, Granule.K16: 1 if setup.wide else 2}
    return list(range(max(depth, start_at.get(setup.granule, 1 if setup.wide else 2)), 4))


@st.composite
def mapped(draw: st.DrawFn) -> tuple[Setup, int, int, int, bool]:
    setup = draw(setups())
    upper = draw(st.booleans())
    low = draw(st.integers(0, (1 << (64 - setup.tsz)) - 1))
    va = low | (ALL_ONES << (64 - setup.tsz) & ALL_ONES if upper else 0)
    pa = draw(st.integers(0, (1 << (52 if setup.wide else 48)) - 1))
    return setup, va, pa, draw(st.sampled_from(levels(setup))), upper


@given(mapped())
@settings(max_examples=400, deadline=None)
def test_what_was_mapped_is_what_is_walked(case: tuple[Setup, int, int, int, bool]) -> None:
    """Output address, level, block size and range, for every granule, size, format, level and TTBR."""
    setup, va, pa, level, upper = case
    words = build(setup, TABLE_AREA * (2 if upper else 1), va, pa, level)
    result = walk(setup.regime(), lambda address: words.get(address, 0), va, LOAD)
    assert isinstance(result, Translation), result
    size = PAGE_BYTES[setup.granule] * (PAGE_BYTES[setup.granule] // 8) ** (3 - level)
    assert (result.level, result.size) == (level, size)
    assert result.pa == pa - pa % size + va % size
    assert set(words) == {step.address for step in result.steps}
    assert [step.level for step in result.steps] == list(range(level - len(words) + 1, level + 1))


@given(mapped())
@settings(max_examples=150, deadline=None)
def test_bit_55_selects_the_ttbr_and_nothing_else_does(case: tuple[Setup, int, int, int, bool]) -> None:
    setup, va, _, _, upper = case
    first = start(setup.regime(), va, LOAD)
    assert isinstance(first, Walk)
    size = 1 << (64 - setup.tsz)
    assert first.address // TABLE_AREA == (2 if upper else 1)
    outside = start(setup.regime(), va ^ size if size < 1 << 55 else va, LOAD)
    assert not isinstance(outside, Walk), "one bit off is in the gap between the ranges"
    assert (outside.level, getattr(outside, "esr", 0)) == (0, 0x96000004)


@given(mapped(), st.data())
@settings(max_examples=150, deadline=None)
def test_stepping_equals_walking(case: tuple[Setup, int, int, int, bool], data: st.DataObject) -> None:
    setup, va, pa, level, upper = case
    words = build(setup, TABLE_AREA * (2 if upper else 1), va, pa, level)
    stale = data.draw(st.sampled_from(sorted(words)))
    words[stale] ^= data.draw(st.integers(0, ALL_ONES))
    whole = walk(setup.regime(), lambda address: words.get(address, 0), va, LOAD)
    progress = start(setup.regime(), va, LOAD)
    while isinstance(progress, Walk):
        before = progress
        progress = advance(before, words.get(before.address, 0))
        assert advance(before, words.get(before.address, 0)) == progress, "a step changes nothing"
    assert progress == whole


CONTIGUOUS = {
    (Granule.K4, 3): 16,
    (Granule.K4, 2): 16,
    (Granule.K4, 1): 16,
    (Granule.K16, 3): 128,
    (Granule.K16, 2): 32,
    (Granule.K64, 3): 32,
    (Granule.K64, 2): 32,
}


@given(st.sampled_from(sorted(CONTIGUOUS)), st.booleans(), st.integers(0, (1 << 48) - 1), st.integers(0, (1 << 47) - 1))
@settings(max_examples=150, deadline=None)
def test_contiguous_extent_translates_as_each_descriptor_does(
    place: tuple[Granule, int], wide: bool, va: int, pa: int
) -> None:
    granule, level = place
    setup = Setup(granule, 16, wide)
    count = CONTIGUOUS[place]
    size = PAGE_BYTES[granule] * (PAGE_BYTES[granule] // 8) ** (3 - level)
    base_va, base_pa = va - va % (count * size), pa - pa % (count * size)
    words: dict[int, int] = {}
    for index in range(count):
        words |= build(setup, TABLE_AREA, base_va + index * size, base_pa + index * size, level, extra=1 << 52)
    result = walk(setup.regime(), words.__getitem__, va, LOAD)
    assert isinstance(result, Translation)
    assert result.stage1 is not None
    own, joined = tlb_extents(result.stage1)
    assert (own.size, joined.size, joined.input, joined.output) == (size, count * size, base_va, base_pa)
    assert result.pa == own.translate(va) == joined.translate(va)
    for index in (0, 1, count - 1):
        other = walk(setup.regime(), words.__getitem__, base_va + index * size, LOAD)
        assert isinstance(other, Translation)
        assert other.pa == joined.translate(base_va + index * size)
    assert joined.translate(base_va + count * size) is None
    descriptors = [words[address] for address in joined_addresses(result.stage1, result.steps[-1].address)]
    assert len(descriptors) == count
    geometry = result.stage1.geometry
    assert geometry.wide is ((Wide.LPA if granule is Granule.K64 else Wide.LPA2) if wide else Wide.NONE)
    assert misprogrammed(geometry, level, descriptors) == ""
    _check_twins(geometry, level, descriptors, size, va // size % count)


def _check_twins(geometry: Geometry, level: int, legal: list[int], size: int, at: int) -> None:
    def why(index: int, descriptor: int) -> str:
        return misprogrammed(geometry, level, [*legal[:index], descriptor, *legal[index + 1 :]])

    other = max(at, 1)
    assert "lacks the Contiguous bit" in why(other, legal[other] & ~(1 << 52))
    assert "is not a valid" in why(other, legal[other] & ~1)
    assert "does not continue" in why(other, legal[other] ^ size)
    assert "other attributes" in why(other, legal[other] ^ 1 << 54)
    assert "other attributes" in why(other, legal[other] ^ 1 << 7), "AP[2] without DBM is a permission"
    assert "is not aligned" in why(0, legal[0] ^ size)
    assert why(other, legal[other] ^ 1 << 10) == "", "the access flag may differ"
    assert why(other, legal[other] ^ 1 << 58) == "", "bits [58:55] are software's"
    assert "has" in misprogrammed(geometry, level, legal[:-1])


def test_contiguous_where_it_has_no_meaning() -> None:
    regime = Setup(Granule.K16, 16, False).regime()
    geometry = regime.geometry(regime.lower)
    assert geometry is not None
    assert "no meaning at level 1" in misprogrammed(geometry, 1, [1 << 52 | 1])


def test_contiguous_wider_than_the_input_faults_only_where_the_pe_does() -> None:
    """T0SZ 40, 4 KiB: 24-bit addresses, so 16 blocks of 2 MiB (32 MiB) do not fit; implementation defined."""
    regime = Regime(lower=Range(ttbr=0x1000, tsz=40), features=Features(ttst=True))
    words = {0x1000: 1 << 52 | 1 << 10 | 1}
    assert isinstance(walk(regime, words.__getitem__, 0, LOAD), Translation)
    strict = replace(regime, features=Features(ttst=True, contiguous_faults=True))
    result = walk(strict, words.__getitem__, 0, LOAD)
    assert getattr(result, "esr", 0) == 0x96000006
    geometry = regime.geometry(regime.lower)
    assert geometry is not None
    assert "wider than the 24-bit" in misprogrammed(geometry, 2, [words[0x1000]] * 16)
