"""The walker against Unicorn 2 (QEMU 5.0's AArch64 MMU, cpu model `max`), on random tables and random addresses.

By default 100,000 (table, address) pairs go through AT S1E{0,1}{R,W}[P] and are compared with all of PAR_EL1 (output
address, attributes, shareability, or fault status with level), 20,000 through AT S12E{0,1}{R,W} for stage 2 under stage
1, and 20,000 loads, stores and fetches at EL1 and EL0 are compared with the engine's whole syndrome, the value that
ESR_EL1 takes. A longer run, with other tables each time the seed changes:

    WALKER_PAIRS=1000000 WALKER_SEED=7 pytest tests/sim_walker/test_against_unicorn.py

What the engine lacks or does otherwise, and where the walker is checked instead (test_hand_tables.py):
- FEAT_LPA, LVA, LPA2 (52-bit), TTST, E0PD, XNX, hardware update: none in this engine, so hand-computed tables;
- output address size faults: the engine never raises them (IPS and PS are not read), so IPS is 48 bits here;
- blocks at level 0 (4 KiB), level 1 (16 and 64 KiB): the engine takes them, the architecture without LPA or LPA2 does
  not, so no such descriptor is generated here;
- TxSZ out of range: the engine forces it into 16..39, which `Features.clamp_tsz` mirrors;
- a stage 2 fault on a stage 1 descriptor: PAR_EL1 says S and PTW rightly, but the status is always "translation" at
  the stage 1 level, where the pseudocode (S1Walk returns S2Translate's fault) gives stage 2's kind and level. The
  test compares with what the engine would say, so both halves are pinned;
- combined memory attributes of two stages: the walker gives both, uncombined, so they are not compared.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable

import pytest

from barrierlint.events import Kind
from barrierlint.sim import translation_descriptor, translation_regime, walker
from barrierlint.sim.translation import AccessRequest, FaultKind, MmuFault, Translation
from tests.sim_walker.compare import Case, access_of, nested_case, par_of, stage1_case, with_code
from tests.sim_walker.oracle import AT, At, Cpu

PAIRS = int(os.environ.get("WALKER_PAIRS", "100000"))
SEED = int(os.environ.get("WALKER_SEED", "1"))
EACH = 50
STAGE1_OPS, NESTED_OPS = list(AT)[:6], list(AT)[6:]
Result = Translation | MmuFault


def compare_stage1(pairs: int, seed: int) -> tuple[list[str], Counter[tuple[str, int]]]:
    """Return the disagreements over `pairs` addresses, and how often each kind of result at each level came up."""
    machine, rng = At(), random.Random(seed)
    wrong: list[str] = []
    seen: Counter[tuple[str, int]] = Counter()
    for _ in range(pairs // EACH):
        case = stage1_case(rng, EACH)
        for op, va, par, result in _pairs(machine, rng, case, STAGE1_OPS):
            seen[_kind(result), result.level] += 1
            if par_of(result) != par:
                wrong.append(f"at {op} {va:#x}: engine {par:#x}, walker {par_of(result):#x}: {result} in {case.regime}")
    return wrong, seen


def compare_nested(pairs: int, seed: int) -> tuple[list[str], Counter[tuple[str, int]]]:
    """As `compare_stage1`, through both stages."""
    machine, rng = At(), random.Random(seed)
    wrong: list[str] = []
    seen: Counter[tuple[str, int]] = Counter()
    for _ in range(pairs // EACH):
        case = nested_case(rng, EACH)
        for op, va, par, result in _pairs(machine, rng, case, NESTED_OPS):
            seen[_kind(result), result.level] += 1
            if nested_par(case, result) != (par & _ADDRESS_OR_FAULT if isinstance(result, Translation) else par):
                wrong.append(f"at {op} {va:#x}: engine {par:#x}, walker {result} in {case.regime}")
    return wrong, seen


_ADDRESS_OR_FAULT = ((1 << 48) - 1) >> 12 << 12 | 1


def nested_par(case: Case, result: Result) -> int:
    """Return the PAR_EL1 the engine should give, with its own status for stage 2 faults on stage 1 descriptors."""
    if isinstance(result, Translation):
        return result.pa >> 12 << 12
    if not result.s1ptw:
        return par_of(result)
    done = [step.level for step in result.steps if step.stage == 1]
    geometry = case.regime.geometry(case.regime.select(result.va))
    assert geometry is not None
    level = done[-1] + 1 if done else translation_descriptor.start_level(geometry)
    return 1 << 11 | 1 << 9 | 1 << 8 | (0b000100 | level) << 1 | 1


def _pairs(machine: At, rng: random.Random, case: Case, ops: list[str]) -> list[tuple[str, int, int, Result]]:
    machine.load(case.words)
    machine.set(**case.registers)
    op, pan = rng.choice(ops), rng.random() < 0.5
    access = access_of(op, pan=pan)
    pars = machine.translate(op, case.addresses, pan=pan)
    return [
        (op, va, par, walker.walk(case.regime, lambda address: case.words.get(address, 0), va, access))
        for va, par in zip(case.addresses, pars, strict=True)
    ]


def _kind(result: Result) -> str:
    if isinstance(result, Translation):
        return "ok"
    return f"{'s1ptw ' if result.s1ptw else ''}stage {result.stage} {result.kind}"


def test_stage1_agrees_on_output_address_fault_level_and_attributes() -> None:
    wrong, seen = compare_stage1(PAIRS, SEED)
    assert not wrong, f"{len(wrong)} of {PAIRS} disagree, the first: {wrong[0]}"
    assert sum(seen.values()) == PAIRS // EACH * EACH
    for level in (1, 2, 3):
        for kind in ("ok", "stage 1 translation", "stage 1 access-flag", "stage 1 permission"):
            assert seen[kind, level] > PAIRS // 5000, f"{kind} at level {level} is hardly exercised: {seen}"
    assert seen["stage 1 translation", 0] > PAIRS // 100


def test_nested_walks_agree() -> None:
    pairs = PAIRS // 5
    wrong, seen = compare_nested(pairs, SEED)
    assert not wrong, f"{len(wrong)} of {pairs} disagree, the first: {wrong[0]}"
    kinds = Counter(kind for kind, _ in seen.elements())
    for kind in ("translation", "access-flag", "permission"):
        assert kinds[f"stage 2 {kind}"] > pairs // 200, kinds
        assert kinds[f"s1ptw stage 2 {kind}"] > pairs // 200, kinds
        assert kinds[f"stage 1 {kind}"] > pairs // 200, kinds
    assert kinds["ok"] > pairs // 20, kinds


def compare_accesses(pairs: int, seed: int) -> tuple[list[str], Counter[str]]:
    """Return the disagreements between ESR values over real loads, stores and fetches, and the ESR values seen."""
    machine, rng = Cpu(), random.Random(seed)
    wrong: list[str] = []
    seen: Counter[str] = Counter()
    for _ in range(pairs // EACH):
        case, code = with_code(rng, EACH)
        machine.load(case.words)
        machine.set(**case.registers)
        for va in case.addresses:
            what, el0 = rng.choice(("load", "store", "fetch")), rng.random() < 0.5
            va = va & ~7 if what != "fetch" else _untagged(va) & ~3
            kind = {"load": Kind.READ, "store": Kind.WRITE, "fetch": Kind.FETCH}[what]
            access = AccessRequest(kind, el0=el0)
            result = walker.walk(case.regime, lambda address, words=case.words: words.get(address, 0), va, access)
            engine = machine.access(what, va, code, el0=el0)
            mine = result.esr if isinstance(result, MmuFault) else 0
            seen[f"{mine:#x}"] += 1
            if engine.esr != mine or (isinstance(result, Translation) and engine.address not in (None, result.pa)):
                wrong.append(f"{what} {va:#x} el0={el0}: engine {engine}, walker {mine:#x}: {result} in {case.regime}")
    return wrong, seen


def _untagged(va: int) -> int:
    """A branch never puts a tag into the PC, so fetches are tried without (pseudocode BranchAddr)."""
    return va & (1 << 56) - 1 | (0xFF << 56 if va >> 55 & 1 else 0)


def test_real_accesses_report_the_same_esr() -> None:
    pairs = PAIRS // 5
    wrong, seen = compare_accesses(pairs, SEED)
    assert not wrong, f"{len(wrong)} of {pairs} disagree, the first: {wrong[0]}"
    for esr in (0x96000007, 0x96000047, 0x92000007, 0x92000047, 0x86000007, 0x82000007, 0x9600004F, 0x9600000B):
        assert seen[f"{esr:#x}"] > 0, f"{esr:#x} never came up: {seen}"


Patch = Callable[[pytest.MonkeyPatch], None]


def _replace(module: object, name: str, change: Callable[[Callable[..., object]], Callable[..., object]]) -> Patch:
    original = getattr(module, name)
    return lambda monkeypatch: monkeypatch.setattr(module, name, change(original))


def _later_level(original: Callable[..., object]) -> Callable[..., object]:
    def changed(cursor: translation_descriptor.Cursor, descriptor: int) -> object:
        place = original(cursor, descriptor)
        if isinstance(place, translation_descriptor.Miss) and place.level == 2:
            return translation_descriptor.Miss(place.kind, 3)
        return place

    return changed


def _permission_for_access_flag(original: Callable[..., object]) -> Callable[..., object]:
    def changed(cursor: translation_descriptor.Cursor, descriptor: int) -> object:
        place = original(cursor, descriptor)
        if isinstance(place, translation_descriptor.Miss) and place.kind is FaultKind.ACCESS_FLAG:
            return translation_descriptor.Miss(FaultKind.PERMISSION, place.level)
        return place

    return changed


def _drop(bit: int) -> Callable[[Callable[..., object]], Callable[..., object]]:
    return lambda original: lambda descriptor, hierarchy, wxn: original(descriptor, hierarchy & ~bit, wxn)


MUTANTS = {
    "a fault at level 2 said to be at level 3": _replace(walker, "descend", _later_level),
    "access flag fault said to be a permission fault": _replace(walker, "descend", _permission_for_access_flag),
    "APTable[0] forgotten": _replace(walker, "stage1_permissions", _drop(4)),
    "APTable[1] forgotten": _replace(walker, "stage1_permissions", _drop(8)),
    "the initial table one entry off": _replace(
        walker,
        "enter",
        lambda original: lambda geometry, base, level, va: original(geometry, base, level, va ^ 1 << 30),
    ),
    "a start level too deep": _replace(
        walker, "start_level", lambda original: lambda geometry: min(3, int(str(original(geometry))) + 1)
    ),
    "bit 55 does not select TTBR1": lambda monkeypatch: monkeypatch.setattr(
        translation_regime.Regime, "select", lambda self, va: self.lower
    ),
    "top byte never ignored": _replace(walker, "_top_bit", lambda original: lambda half, access: 63),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_comparison_notices(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these mistakes in the walker must show, or the comparison above proves nothing."""
    MUTANTS[name](monkeypatch)
    assert compare_stage1(20 * EACH, SEED)[0]


def test_the_comparison_of_syndromes_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MmuFault, "esr", property(lambda self: 0x96000000 | self.status))
    assert compare_accesses(5 * EACH, SEED)[0]


@pytest.mark.parametrize("name", ["PXNTable", "UXNTable", "WXN"])
def test_the_comparison_of_fetches_notices(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = walker.stage1_permissions
    forget = {"PXNTable": 1, "UXNTable": 2, "WXN": 0}[name]
    monkeypatch.setattr(
        walker,
        "stage1_permissions",
        lambda descriptor, hierarchy, wxn: original(descriptor, hierarchy & ~forget, wxn and name != "WXN"),
    )
    assert compare_accesses(40 * EACH, SEED)[0]


def test_the_nested_comparison_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    original = walker.stage2_permissions
    monkeypatch.setattr(walker, "stage2_permissions", lambda descriptor, xnx: original(descriptor ^ 1 << 7, xnx))
    assert compare_nested(20 * EACH, SEED)[0]
