"""Stage 2 and nested walks on tables computed by hand from DDI 0487 D8.2 to D8.4: order of reads, syndromes, twins."""

from __future__ import annotations

from dataclasses import replace

from barrierlint.sim.translation import Translation
from barrierlint.sim.translation_regime import Features, Stage2
from barrierlint.sim.walker import recheck
from tests.sim_walker.by_hand import (
    AF,
    BLOCK,
    CHAIN,
    FETCH,
    PAGE,
    PLAIN,
    STORE,
    fault,
    ok,
    run,
)

# Stage 2: 40-bit IPA, 4 KiB, SL0 1: level 1 over two concatenated tables at 0x10_0000.
S2 = Stage2(vttbr=0x10_0000, tsz=24, sl0=1)
BOTH = replace(PLAIN, stage2=S2)
S2_RWX, WB = 3 << 6, 0xF << 2
IDENTITY = {0x10_0000: AF | S2_RWX | WB | BLOCK, 0x10_0010: 2 << 30 | AF | S2_RWX | WB | BLOCK}


def test_concatenated_start_tables() -> None:
    """IPA[39:30] indexes 1024 descriptors: bit 39 selects the second of two tables side by side."""
    flat = replace(BOTH, enabled=False)
    words = {0x10_0000 + 512 * 8: 5 << 30 | AF | S2_RWX | BLOCK}
    assert ok(flat, words, 1 << 39 | 0x123).pa == 5 << 30 | 0x123
    # 34-bit IPA from level 2: 8192 descriptors, 16 tables.
    sixteen = replace(flat, stage2=replace(S2, tsz=30, sl0=0))
    assert ok(sixteen, {0x10_0000 + 8191 * 8: 7 << 21 | AF | S2_RWX | BLOCK}, (1 << 34) - 1).pa == (8 << 21) - 1
    seventeen = replace(flat, stage2=replace(S2, tsz=29, sl0=0))
    assert fault(seventeen, words, 0).esr == 0x92000004


def test_nested_walk_reads_in_order() -> None:
    done = ok(BOTH, CHAIN | IDENTITY, 0x1008)
    order = [(2, 1), (1, 0), (2, 1), (1, 1), (2, 1), (1, 2), (2, 1), (1, 3), (2, 1)]
    assert [(step.stage, step.level) for step in done.steps] == order
    assert (done.pa, done.ipa, done.size) == (0x8000_5008, 0x8000_5008, 4096)


def test_stage_2_faults() -> None:
    """Stage 2 aborts go to EL2, hence EC 0x24 or 0x20; S1PTW is bit 7; the level is stage 2's."""
    words = CHAIN | IDENTITY
    missing = fault(BOTH, words | {0x10_0010: 0}, 0x1000)
    assert (missing.esr, missing.stage, missing.s1ptw, missing.ipa) == (0x92000005, 2, False, 0x8000_5000)
    walk_missing = fault(BOTH, words | {0x10_0000: 0}, 0x1000, STORE)
    assert (walk_missing.esr, walk_missing.s1ptw, walk_missing.ipa) == (0x920000C5, True, 0x1000)
    assert fault(BOTH, words | {0x10_0010: words[0x10_0010] & ~(1 << 7)}, 0x1000, STORE).esr == 0x9200004D
    assert fault(BOTH, words | {0x10_0010: words[0x10_0010] | 1 << 54}, 0x1000, FETCH).esr == 0x8200000D
    assert fault(BOTH, words | {0x10_0000: words[0x10_0000] & ~AF}, 0x1000).esr == 0x92000089
    assert fault(BOTH, words | {0x10_0000: words[0x10_0000] & ~(1 << 6)}, 0x1000, FETCH).esr == 0x8200008D
    far = words | {0x4008: 1 << 40 | AF | PAGE}
    assert fault(BOTH, far, 0x1000).esr == 0x92000004, "an IPA beyond VTCR.T0SZ"


def test_stage_1_faults_under_stage_2_go_to_el1() -> None:
    assert fault(BOTH, CHAIN | IDENTITY, 0x2000).esr == 0x96000007


def test_ptw_refuses_tables_in_device_memory() -> None:
    device = CHAIN | IDENTITY | {0x10_0000: AF | S2_RWX | BLOCK}
    assert ok(BOTH, device, 0x1000)
    assert fault(replace(BOTH, stage2=replace(S2, ptw=True)), device, 0x1000).esr == 0x9200008D


def test_xnx_tells_el1_from_el0() -> None:
    """XN[1:0]: 00 both execute, 01 EL0 only, 10 none, 11 EL1 only (FEAT_XNX)."""
    flat = replace(BOTH, enabled=False, features=Features(xnx=True))
    for code, el1, el0 in ((0, True, True), (1, False, True), (2, False, False), (3, True, False)):
        words = {0x10_0000: code << 53 | AF | S2_RWX | BLOCK}
        assert isinstance(run(flat, words, 0, FETCH), Translation) == el1
        assert isinstance(run(flat, words, 0, replace(FETCH, el0=True)), Translation) == el0


def test_recheck_tells_the_stage_that_refused() -> None:
    nested = ok(BOTH, CHAIN | IDENTITY | {0x10_0010: IDENTITY[0x10_0010] & ~(1 << 7)}, 0x1000)
    refused = recheck(nested, STORE)
    assert refused is not None
    assert (refused.esr, refused.stage) == (0x9200004D, 2)
