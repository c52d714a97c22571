"""The walker on tables computed by hand from DDI 0487: what Unicorn cannot check, and each syndrome by value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from barrierlint.events import Kind
from barrierlint.sim.translation import AccessRequest, FaultKind, Granule, MmuFault, Translation
from barrierlint.sim.translation_regime import Features, Range, Regime, Stage2, decode_regime, decode_stage2
from barrierlint.sim.walker import Walk, advance, recheck, start
from tests.sim_walker.by_hand import (
    AF,
    BLOCK,
    CHAIN,
    FETCH,
    K4,
    K16,
    K64,
    LOAD,
    LPA2,
    PAGE,
    PLAIN,
    RMW,
    STORE,
    TABLE,
    fault,
    ok,
)


def test_the_crash_that_started_the_project() -> None:
    """A load at EL1 from 0xffff80000a000000 whose level 3 descriptor is still invalid: ESR_EL1 0x96000007."""
    va = 0xFFFF_8000_0A00_0000
    # VA[47:39] is 256, VA[38:30] 0, VA[29:21] 80, VA[20:12] 0.
    words = {0x1000 + 256 * 8: 0x2003, 0x2000: 0x3003, 0x3000 + 80 * 8: 0x4003}
    regime = Regime(upper=Range(ttbr=0x1000))
    assert fault(regime, words, va).esr == 0x96000007
    assert ok(regime, words | {0x4000: 0x0900_0000 | AF | PAGE}, va).pa == 0x0900_0000


@pytest.mark.parametrize(
    ("access", "esr"),
    [
        (LOAD, 0x96000007),
        (STORE, 0x96000047),
        (FETCH, 0x86000007),
        (RMW, 0x96000007),  # the read would have faulted as well, so WnR is 0
        (replace(LOAD, el0=True), 0x92000007),
        (replace(STORE, el0=True), 0x92000047),
        (replace(FETCH, el0=True), 0x82000007),
        (replace(LOAD, unprivileged=True), 0x96000007),  # LDTR is executed at EL1
    ],
)
def test_syndrome_of_an_invalid_page(access: AccessRequest, esr: int) -> None:
    assert fault(PLAIN, CHAIN, 0x2000, access).esr == esr


@pytest.mark.parametrize(("cut", "esr"), [(0x1000, 0x96000004), (0x2000, 0x96000005), (0x3000, 0x96000006)])
def test_invalid_table_descriptor_reports_its_level(cut: int, esr: int) -> None:
    assert fault(PLAIN, CHAIN | {cut: 0}, 0x1000).esr == esr
    assert ok(PLAIN, CHAIN, 0x1000).pa == 0x8000_5000


def test_read_only_page() -> None:
    read_only = CHAIN | {0x4008: CHAIN[0x4008] | 1 << 7}
    assert ok(PLAIN, read_only, 0x1000).pa == 0x8000_5000
    assert fault(PLAIN, read_only, 0x1000, STORE).esr == 0x9600004F
    # A read-modify-write may read here, so its fault is that of a write.
    assert fault(PLAIN, read_only, 0x1000, RMW).esr == 0x9600004F
    assert fault(PLAIN, CHAIN, 0x1000, replace(RMW, el0=True)).esr == 0x9200000F


def test_pan_refuses_what_el0_can_reach_but_not_fetches_and_not_ldtr() -> None:
    user = CHAIN | {0x4008: CHAIN[0x4008] | 3 << 6}
    pan = AccessRequest(Kind.READ, pan=True)
    assert fault(PLAIN, user, 0x1000, pan).esr == 0x9600000F
    assert ok(PLAIN, CHAIN, 0x1000, pan)
    assert ok(PLAIN, user, 0x1000, replace(pan, kind=Kind.FETCH))
    assert ok(PLAIN, user, 0x1000, replace(pan, unprivileged=True))
    assert fault(PLAIN, CHAIN, 0x1000, AccessRequest(Kind.READ, unprivileged=True)).esr == 0x9600000F


def test_access_flag_comes_before_permission_and_after_address_size() -> None:
    no_flag = CHAIN | {0x4008: 0x8000_5000 | 1 << 7 | PAGE}
    assert fault(PLAIN, no_flag, 0x1000, STORE).esr == 0x9600004B
    far = CHAIN | {0x4008: 1 << 40 | 1 << 7 | PAGE}
    assert fault(replace(PLAIN, ips=40), far, 0x1000, STORE).esr == 0x96000043


def test_output_address_beyond_ips_at_each_level() -> None:
    """TTBR: level 0; a next-level table: the level of the descriptor that points to it; a leaf: its own level."""
    small = replace(PLAIN, ips=32)
    assert fault(replace(small, lower=Range(ttbr=1 << 32)), {}, 0).esr == 0x96000000
    for index, table in enumerate((0x1000, 0x2000, 0x3000)):
        assert fault(small, CHAIN | {table: 1 << 32 | TABLE}, 0x1000).esr == 0x96000000 + index
    assert fault(small, CHAIN | {0x4008: 1 << 32 | AF | PAGE}, 0x1000).esr == 0x96000003
    assert fault(small, CHAIN | {0x3000: 1 << 32 | AF | BLOCK}, 0x1000).esr == 0x96000002
    assert ok(small, CHAIN, 0x1000).pa == 0x8000_5000
    assert ok(replace(PLAIN, ips=36), CHAIN | {0x4008: 1 << 32 | AF | PAGE}, 0x1000).pa == 1 << 32


def test_ips_beyond_what_the_pe_has_counts_as_pamax() -> None:
    regime = replace(PLAIN, ips=48, features=Features(pa_bits=40))
    assert fault(regime, CHAIN | {0x4008: 1 << 40 | AF | PAGE}, 0x1000).kind is FaultKind.ADDRESS_SIZE
    assert ok(regime, CHAIN | {0x4008: 1 << 39 | AF | PAGE}, 0x1000).pa == 1 << 39


def test_level_minus_1() -> None:
    """4 KiB with TCR.DS and T0SZ 12: 52-bit VA, level -1 resolves VA[51:48] with a table of 16 descriptors."""
    regime = Regime(lower=Range(ttbr=0x1000, tsz=12), ips=52, ds=True, features=LPA2)
    va = 5 << 48 | 1 << 12
    words = {0x1000 + 5 * 8: 0x6000 | TABLE, 0x6000: 0x2000 | TABLE} | {k: v for k, v in CHAIN.items() if k > 0x1000}
    done = ok(regime, words, va)
    assert (done.pa, [step.level for step in done.steps]) == (0x8000_5000, [-1, 0, 1, 2, 3])
    assert fault(regime, words, 6 << 48).esr == 0x9600002B
    # Bits [9:8] of a DS descriptor are address [51:50].
    assert fault(replace(regime, ips=48), words | {0x1028: 0x6000 | 1 << 8 | TABLE}, va).esr == 0x96000029
    # Level -1 has no blocks: bit 1 clear is a translation fault there.
    assert fault(regime, words | {0x1028: 0x6000 | AF | BLOCK}, va).esr == 0x9600002B
    assert fault(regime, words, 1 << 52).esr == 0x96000004, "an address outside the range faults at level 0"


def test_without_lpa2_ds_is_ignored_and_t0sz_12_faults() -> None:
    regime = Regime(lower=Range(ttbr=0x1000, tsz=12), ds=True)
    assert fault(regime, CHAIN, 0x1000).esr == 0x96000004
    assert fault(regime, CHAIN, 0x1000).steps == ()
    assert ok(replace(regime, features=Features(clamp_tsz=True)), CHAIN, 0x1000).pa == 0x8000_5000


def test_lpa2_output_address_and_shareability() -> None:
    regime = Regime(lower=Range(ttbr=0x1000, sh=2), ips=52, ds=True, features=LPA2)
    page = 1 << 9 | 1 << 8 | 1 << 49 | 1 << 48 | 0x5000 | AF | PAGE
    done = ok(regime, CHAIN | {0x4008: page}, 0x1000)
    assert done.pa == 0xF << 48 | 0x5000
    assert done.leaf is not None
    assert done.leaf.shareability == 2, "TCR.SH0, since the descriptor's SH field holds address bits"
    only_low = CHAIN | {0x4008: 1 << 48 | 0x5000 | AF | PAGE}
    assert ok(regime, only_low, 0x1000).pa == 1 << 48 | 0x5000


def test_wide_ttbr_keeps_bits_51_48_in_bits_5_2() -> None:
    regime = Regime(lower=Range(ttbr=0x1000 | 0b1010 << 2), ips=52, ds=True, features=LPA2)
    first = start(regime, 0, LOAD)
    assert isinstance(first, Walk)
    assert first.address == 0xA << 48 | 0x1000
    narrow = start(replace(regime, ds=False), 0, LOAD)
    assert isinstance(narrow, Walk)
    assert narrow.address == 0x1000, "below 64 bytes is alignment only"


def test_64k_lpa_and_lva() -> None:
    """64 KiB, T0SZ 12: level 1 resolves VA[51:42] (1024 descriptors); output [51:48] lie in bits [15:12]."""
    regime = Regime(lower=Range(ttbr=0x10_0000, tsz=12, granule=K64), ips=52, features=LPA2)
    va = 1023 << 42 | 3 << 29 | 7 << 16 | 0x1234
    words = {
        0x10_0000 + 1023 * 8: 0x20_0000 | TABLE,
        0x20_0000 + 3 * 8: 0x30_0000 | TABLE,
        0x30_0000 + 7 * 8: 0x40_0000 | 0xC << 12 | AF | PAGE,
    }
    done = ok(regime, words, va)
    assert (done.pa, [step.level for step in done.steps]) == (0xC << 48 | 0x40_1234, [1, 2, 3])
    assert fault(replace(regime, ips=48), words, va).esr == 0x96000003
    assert fault(replace(regime, features=Features(lpa=True)), words, va).esr == 0x96000004, "T0SZ 12 needs FEAT_LVA"


@pytest.mark.parametrize(
    ("granule", "level", "shift", "needs"),
    [
        (K4, 0, 39, LPA2),
        (K16, 1, 36, LPA2),
        (K64, 1, 42, LPA2),
        (K4, 1, 30, None),
        (K16, 2, 25, None),
        (K64, 2, 29, None),
    ],
)
def test_where_blocks_are_legal(granule: Granule, level: int, shift: int, needs: Features | None) -> None:
    """The largest blocks need FEAT_LPA2 with DS (4, 16 KiB) or a 52-bit PE (64 KiB); else a translation fault."""
    tables = {0x10_0000 * (n + 1): 0x10_0000 * (n + 2) | TABLE for n in range(4)}
    tables[0x10_0000 * (level + 1 - _start(granule))] = AF | BLOCK
    regime = Regime(lower=Range(ttbr=0x10_0000, granule=granule))
    wide = replace(regime, ips=52, ds=True, features=LPA2)
    done = ok(wide if needs else regime, tables, 0x123_4560)
    assert (done.level, done.size, done.pa) == (level, 1 << shift, 0x123_4560)
    if needs:
        assert fault(regime, tables, 0).esr == 0x96000004 + level


def _start(granule: Granule) -> int:
    return {K4: 0, K16: 0, K64: 1}[granule]


def test_level_3_block_encoding_is_reserved() -> None:
    assert fault(PLAIN, CHAIN | {0x4008: 0x8000_5000 | AF | 1}, 0x1000).esr == 0x96000007


def test_small_tables() -> None:
    """T0SZ 48 with FEAT_TTST: 16-bit addresses, the walk starts at level 3 in a table of 16 descriptors."""
    regime = Regime(lower=Range(ttbr=0x1080, tsz=48), features=Features(ttst=True))
    done = ok(regime, {0x1088: 0x8000_5000 | AF | PAGE}, 0x1010)
    assert (done.pa, done.level, len(done.steps)) == (0x8000_5010, 3, 1)
    assert fault(replace(regime, features=Features()), {0x1088: 0x8000_5000 | AF | PAGE}, 0x1010).esr == 0x96000004


def test_gap_tag_epd_and_e0pd_fault_at_level_0_before_any_read() -> None:
    high = Regime(lower=Range(ttbr=0x1000, tsz=25))
    for va in (1 << 39, 1 << 54, 1 << 56, 0xFF7F_FFFF_FFFF_F000):
        result = fault(high, CHAIN, va)
        assert (result.esr, result.steps) == (0x96000004, ())
    tagged = 0xAB << 56 | 0x1000
    assert fault(PLAIN, CHAIN, tagged).esr == 0x96000004
    ignored = replace(PLAIN, lower=replace(PLAIN.lower, tbi=True))
    assert ok(ignored, CHAIN, tagged).pa == 0x8000_5000
    data_only = replace(PLAIN, lower=replace(PLAIN.lower, tbi=True, tbid=True))
    assert ok(data_only, CHAIN, tagged)
    assert fault(data_only, CHAIN, tagged, FETCH).esr == 0x86000004
    assert fault(replace(PLAIN, lower=replace(PLAIN.lower, epd=True)), CHAIN, 0x1000).esr == 0x96000004
    hidden = replace(PLAIN, lower=replace(PLAIN.lower, e0pd=True))
    assert fault(hidden, CHAIN, 0x1000, replace(LOAD, el0=True)).esr == 0x92000004
    assert ok(hidden, CHAIN, 0x1000)


def test_stage_1_off_is_flat_up_to_pamax() -> None:
    off = replace(PLAIN, enabled=False)
    assert (ok(off, {}, 0x1234).pa, ok(off, {}, 0x1234).leaf) == (0x1234, None)
    assert fault(off, {}, 1 << 48).esr == 0x96000000


def test_hierarchical_permissions_and_their_switch() -> None:
    user = CHAIN | {0x4008: CHAIN[0x4008] | 1 << 6}
    el0 = replace(LOAD, el0=True)
    assert ok(PLAIN, user, 0x1000, el0)
    for table in (0x1000, 0x2000, 0x3000):
        no_el0 = user | {table: user[table] | 1 << 61}
        assert fault(PLAIN, no_el0, 0x1000, el0).esr == 0x9200000F
        assert ok(replace(PLAIN, lower=replace(PLAIN.lower, hpd=True)), no_el0, 0x1000, el0)
        assert fault(PLAIN, user | {table: user[table] | 1 << 62}, 0x1000, STORE).esr == 0x9600004F
        assert fault(PLAIN, CHAIN | {table: CHAIN[table] | 1 << 59}, 0x1000, FETCH).esr == 0x8600000F
        assert fault(PLAIN, user | {table: user[table] | 1 << 60}, 0x1000, replace(FETCH, el0=True)).esr == 0x8200000F
    assert fault(PLAIN, user, 0x1000, FETCH).esr == 0x8600000F, "EL0 can write it, so EL1 never executes it"


def test_any_level_may_be_the_stale_one() -> None:
    """One walk state serves both the old and the new value of a descriptor, at every level."""
    new = {0x2000: 0x12000 | TABLE, 0x12000: 0x13000 | TABLE, 0x13008: 0x9000_0000 | AF | PAGE}
    first = start(PLAIN, 0x1000, LOAD)
    assert isinstance(first, Walk)
    at_level_1 = advance(first, CHAIN[0x1000])
    assert isinstance(at_level_1, Walk)
    assert (at_level_1.level, at_level_1.address) == (1, 0x2000)

    def finish(progress: object, memory: dict[int, int]) -> int:
        while isinstance(progress, Walk):
            progress = advance(progress, memory.get(progress.address, 0))
        assert isinstance(progress, Translation)
        return progress.pa

    assert finish(advance(at_level_1, CHAIN[0x2000]), CHAIN | new) == 0x8000_5000
    assert finish(advance(at_level_1, new[0x2000]), CHAIN | new) == 0x9000_0000
    assert isinstance(advance(at_level_1, 0), MmuFault)


def test_recheck_gives_a_cached_translation_its_permission_fault() -> None:
    cached = ok(PLAIN, CHAIN | {0x4008: CHAIN[0x4008] | 1 << 7}, 0x1000)
    assert recheck(cached, LOAD) is None
    refused = recheck(cached, STORE)
    assert refused is not None
    assert refused.esr == 0x9600004F


def test_only_permission_faults_leave_something_to_cache() -> None:
    assert fault(PLAIN, CHAIN | {0x4008: CHAIN[0x4008] | 1 << 7}, 0x1000, STORE).cacheable
    for descriptor in (0, 0x8000_5000 | PAGE, 0x8000_5000 | 1 | AF):
        assert not fault(PLAIN, CHAIN | {0x4008: descriptor}, 0x1000).cacheable


def test_registers_decode_to_the_same_regime() -> None:
    tcr = (
        25 | 1 << 7 | 2 << 12 | 1 << 14 | 16 << 16 | 3 << 28 | 1 << 30 | 4 << 32 | 1 << 38 | 1 << 41 | 1 << 56 | 1 << 59
    )
    regime = decode_regime(tcr, 0x1000, 0x2000, LPA2, mair=0xFF, sctlr=1 | 1 << 19)
    lower = Range(ttbr=0x1000, tsz=25, granule=K64, epd=True, hpd=True, sh=2)
    upper = Range(ttbr=0x2000, tsz=16, granule=K16, tbi=True, e0pd=True, sh=3)
    assert regime == Regime(lower, upper, ips=44, ds=True, mair=0xFF, wxn=True, features=LPA2)
    assert decode_stage2(24 | 1 << 6 | 5 << 16 | 3 << 12, 0x10_0000) == Stage2(vttbr=0x10_0000, tsz=24, sl0=1, sh=3)


def test_what_no_register_can_say_is_refused_with_a_remedy() -> None:
    with pytest.raises(ValueError, match=r"TG0 is 0b11, a reserved granule; give one of \[0, 1, 2\]"):
        decode_regime(3 << 14 | 2 << 30, 0, 0, Features())
    with pytest.raises(ValueError, match="ips is 47; give one of"):
        Regime(ips=47)
    with pytest.raises(ValueError, match="tsz is 64; give 64 minus"):
        Range(tsz=64)
    with pytest.raises(ValueError, match="needs FEAT_LPA"):
        Features(pa_bits=52)
