"""Tables written by hand, and the ways to walk them, shared by the hand-computed tests."""

from __future__ import annotations

from barrierlint.events import Kind
from barrierlint.sim.translation import AccessRequest, Granule, MmuFault, Translation
from barrierlint.sim.translation_regime import Features, Range, Regime
from barrierlint.sim.walker import walk

LOAD, STORE, FETCH, RMW = (AccessRequest(kind) for kind in (Kind.READ, Kind.WRITE, Kind.FETCH, Kind.RMW))
TABLE, PAGE, BLOCK, AF = 3, 3, 1, 1 << 10
LPA2 = Features(pa_bits=52, lpa=True, lpa2=True, lva=True)
K4, K16, K64 = Granule.K4, Granule.K16, Granule.K64


def run(regime: Regime, words: dict[int, int], va: int, access: AccessRequest = LOAD) -> Translation | MmuFault:
    return walk(regime, lambda address: words.get(address, 0), va, access)


def fault(regime: Regime, words: dict[int, int], va: int, access: AccessRequest = LOAD) -> MmuFault:
    result = run(regime, words, va, access)
    assert isinstance(result, MmuFault), result
    return result


def ok(regime: Regime, words: dict[int, int], va: int, access: AccessRequest = LOAD) -> Translation:
    result = run(regime, words, va, access)
    assert isinstance(result, Translation), result
    return result


# 48-bit, 4 KiB: L0 at 0x1000, L1 at 0x2000, L2 at 0x3000, L3 at 0x4000 with one page at index 1.
PLAIN = Regime(lower=Range(ttbr=0x1000), upper=Range(ttbr=0x1000))
CHAIN = {0x1000: 0x2000 | TABLE, 0x2000: 0x3000 | TABLE, 0x3000: 0x4000 | TABLE, 0x4008: 0x8000_5000 | AF | PAGE}
