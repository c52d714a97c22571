"""The AArch64 translation table walk of the EL1&0 regime, one descriptor read at a time, as pure functions.

`start` gives the first `Walk`; its `address` says which descriptor comes next, and `advance` takes that descriptor's
value: any value the caller's memory model lets the walker see, at any level. `walk` does both against one memory.
Stage 2, where configured, translates the address of each stage 1 descriptor and then the output (DDI 0487 D8.2;
pseudocode AArch64.S1Translate, S2Translate, FullTranslate). What it does not model: TLBs (the caller's), hardware
update of descriptors, alignment and external aborts, and the combination of both stages' memory attributes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from barrierlint.events import Kind
from barrierlint.sim.translation import (
    AccessRequest,
    FaultKind,
    Leaf,
    MmuFault,
    Translation,
    WalkStep,
    Wide,
)
from barrierlint.sim.translation_descriptor import (
    Cursor,
    Hit,
    Miss,
    descend,
    enter,
    stage1_permissions,
    stage2_permissions,
    start_level,
)
from barrierlint.sim.translation_regime import Range, Regime, Stage2

_ALL_64 = (1 << 64) - 1
_LEVEL_0_TRANSLATION = Miss(FaultKind.TRANSLATION, 0)


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk that waits for the descriptor at `address`, which belongs to `stage` at `level`.

    `stage1` is where stage 1 stands: a cursor, its leaf once found, None with stage 1 off. `stage2` is the walk of the
    descriptor's or the output's IPA, None while a stage 1 descriptor is what comes next.
    """

    regime: Regime
    va: int
    access: AccessRequest
    stage1: Cursor | Leaf | None
    stage2: Cursor | None
    address: int
    steps: tuple[WalkStep, ...] = ()

    @property
    def stage(self) -> int:
        """Stage of the descriptor that comes next."""
        return 1 if self.stage2 is None else 2

    @property
    def level(self) -> int:
        """Level of the descriptor that comes next."""
        cursor = self.stage1 if self.stage2 is None else self.stage2
        assert isinstance(cursor, Cursor)
        return cursor.level

    def at(self, stage1: Cursor | Leaf | None, stage2: Cursor | None, address: int) -> Walk:
        """Return the walk moved on; written out because `dataclasses.replace` takes as long as all the rest."""
        return Walk(self.regime, self.va, self.access, stage1, stage2, address, self.steps)

    def after(self, step: WalkStep) -> Walk:
        """Return the walk with one more step behind it."""
        steps = (*self.steps, step)
        return Walk(self.regime, self.va, self.access, self.stage1, self.stage2, self.address, steps)


Progress = Walk | Translation | MmuFault


def walk(regime: Regime, read: Callable[[int], int], va: int, access: AccessRequest) -> Translation | MmuFault:
    """Translate `va` for `access`; `read` gives the 8-byte descriptor at a physical address, as an unsigned int."""
    progress = start(regime, va, access)
    while isinstance(progress, Walk):
        progress = advance(progress, read(progress.address))
    return progress


def start(regime: Regime, va: int, access: AccessRequest) -> Progress:
    """Return the walk before its first read, or its end where nothing is to be read."""
    blank = Walk(regime, va, access, None, None, 0)
    if not regime.enabled:
        return _start_flat(blank)
    half = regime.select(va)
    cursor = _enter_stage1(regime, half, va, access)
    if isinstance(cursor, Miss):
        return _fault(blank, cursor)
    return _read_next(blank, cursor)


def advance(walk: Walk, descriptor: int) -> Progress:
    """Return where `walk` stands once the descriptor at `walk.address` has been read as `descriptor`."""
    if walk.stage2 is not None:
        walk = walk.after(WalkStep(walk.address, descriptor, walk.stage2.level, 2))
        assert walk.stage2 is not None
        return _advance_stage2(walk, walk.stage2, descriptor)
    cursor = walk.stage1
    assert isinstance(cursor, Cursor)
    ipa = cursor.address if walk.regime.stage2 else None
    return _advance_stage1(walk.after(WalkStep(walk.address, descriptor, cursor.level, 1, ipa)), cursor, descriptor)


def recheck(translation: Translation, access: AccessRequest) -> MmuFault | None:
    """Return the permission fault another access gets from a translation that a TLB kept, None where it is allowed."""
    if translation.stage1 and (refused := translation.stage1.permissions.denied(access)):
        return MmuFault(FaultKind.PERMISSION, translation.stage1.level, translation.va, access, refused=refused)
    if translation.stage2 and (refused := translation.stage2.permissions.denied(replace(access, pan=False))):
        level = translation.stage2.level
        return MmuFault(
            FaultKind.PERMISSION, level, translation.va, access, stage=2, ipa=translation.ipa, refused=refused
        )
    return None


def _enter_stage1(regime: Regime, half: Range, va: int, access: AccessRequest) -> Cursor | Miss:
    """Check what is checked before any read; each of these reports level 0 (pseudocode S1Translate, S1Walk)."""
    geometry = regime.geometry(half)
    if geometry is None or half.epd or (half.e0pd and access.as_el0):
        return _LEVEL_0_TRANSLATION
    low = (1 << geometry.input_bits) - 1
    canonical = (va & low) | (_ALL_64 & ~low if va >> 55 & 1 else 0)
    if (va ^ canonical) & (1 << _top_bit(half, access) + 1) - 1:
        return _LEVEL_0_TRANSLATION
    return enter(geometry, half.ttbr, start_level(geometry), canonical)


def _top_bit(half: Range, access: AccessRequest) -> int:
    """Return the highest VA bit that is checked: 55 where the top byte is ignored (pseudocode AddrTop)."""
    return 55 if half.tbi and not (half.tbid and access.kind is Kind.FETCH) else 63


def _start_flat(walk: Walk) -> Progress:
    """Stage 1 off: the VA is the output, checked against PAMax (pseudocode S1DisabledOutput)."""
    half = walk.regime.select(walk.va)
    address = walk.va & ((1 << _top_bit(half, walk.access) + 1) - 1)
    if address >> walk.regime.features.pa_bits:
        return _fault(walk, Miss(FaultKind.ADDRESS_SIZE, 0))
    return _leave_stage1(walk, address)


def _read_next(walk: Walk, cursor: Cursor) -> Progress:
    """Aim at the next stage 1 descriptor: its address is physical, or an IPA that stage 2 must translate first."""
    moved = walk.at(cursor, None, cursor.address)
    return moved if walk.regime.stage2 is None else _enter_stage2(moved, walk.regime.stage2, cursor.address)


def _advance_stage1(walk: Walk, here: Cursor, descriptor: int) -> Progress:
    match descend(here, descriptor):
        case Cursor() as cursor:
            return _read_next(walk, cursor)
        case Miss() as miss:
            return _fault(walk, miss)
        case Hit() as hit:
            leaf = _stage1_leaf(walk, here, hit)
            if refused := leaf.permissions.denied(walk.access):
                return _fault(walk, Miss(FaultKind.PERMISSION, leaf.level), refused=refused)
            offset = walk.va & (leaf.extent.size - 1)
            return _leave_stage1(walk.at(leaf, None, 0), leaf.extent.output | offset)


def _stage1_leaf(walk: Walk, cursor: Cursor, hit: Hit) -> Leaf:
    regime = walk.regime
    half = regime.select(walk.va)
    # TCR_EL1.DS takes descriptor bits [9:8] for the address, so shareability comes from TCR.
    shareability = half.sh if cursor.geometry.wide is Wide.LPA2 else hit.descriptor >> 8 & 3
    return Leaf(
        geometry=cursor.geometry,
        level=hit.level,
        descriptor=hit.descriptor,
        extent=hit.extent,
        permissions=stage1_permissions(hit.descriptor, hit.hierarchy, regime.wxn),
        attributes=regime.mair >> 8 * (hit.descriptor >> 2 & 7) & 0xFF,
        shareability=shareability,
    )


def _leave_stage1(walk: Walk, output: int) -> Progress:
    """Stage 1 is done: its output is the physical address, or the IPA of the access."""
    if walk.regime.stage2 is not None:
        return _enter_stage2(walk, walk.regime.stage2, output)
    leaf = walk.stage1 if isinstance(walk.stage1, Leaf) else None
    return Translation(walk.va, output, output, leaf, None, walk.steps)


def _enter_stage2(walk: Walk, stage2: Stage2, ipa: int) -> Progress:
    """Start stage 2 for `ipa`; bad T0SZ, bad SL0 and an IPA beyond the input size report level 0 (S2Translate)."""
    geometry = stage2.geometry(walk.regime.features)
    level = stage2.start_level(walk.regime.features)
    if geometry is None or level is None or ipa >> geometry.input_bits:
        return _fault(walk, _LEVEL_0_TRANSLATION, ipa=ipa)
    cursor = enter(geometry, stage2.vttbr, level, ipa)
    if isinstance(cursor, Miss):
        return _fault(walk, cursor, ipa=ipa)
    return walk.at(walk.stage1, cursor, cursor.address)


def _advance_stage2(walk: Walk, stage2: Cursor, descriptor: int) -> Progress:
    match descend(stage2, descriptor):
        case Cursor() as cursor:
            return walk.at(walk.stage1, cursor, cursor.address)
        case Miss() as miss:
            return _fault(walk, miss, ipa=stage2.input)
        case Hit() as hit:
            return _leave_stage2(walk, stage2, hit)


def _leave_stage2(walk: Walk, stage2: Cursor, hit: Hit) -> Progress:
    """Stage 2 is done: go on with the stage 1 descriptor it was for, or end."""
    leaf = _stage2_leaf(walk, stage2, hit)
    output = leaf.extent.output | stage2.input & (leaf.extent.size - 1)
    if isinstance(walk.stage1, Cursor):
        if not leaf.permissions.el1.read or (_is_device(leaf) and walk.regime.stage2 and walk.regime.stage2.ptw):
            return _fault(walk, Miss(FaultKind.PERMISSION, leaf.level), ipa=stage2.input)
        return walk.at(walk.stage1, None, output)
    if refused := leaf.permissions.denied(replace(walk.access, pan=False)):
        return _fault(walk, Miss(FaultKind.PERMISSION, leaf.level), ipa=stage2.input, refused=refused)
    return Translation(walk.va, stage2.input, output, walk.stage1, leaf, walk.steps)


def _stage2_leaf(walk: Walk, cursor: Cursor, hit: Hit) -> Leaf:
    stage2 = walk.regime.stage2
    assert stage2 is not None
    wide = cursor.geometry.wide is Wide.LPA2
    return Leaf(
        geometry=cursor.geometry,
        level=hit.level,
        descriptor=hit.descriptor,
        extent=hit.extent,
        permissions=stage2_permissions(hit.descriptor, walk.regime.features.xnx),
        attributes=hit.descriptor >> 2 & 0xF,
        shareability=stage2.sh if wide else hit.descriptor >> 8 & 3,
    )


def _is_device(leaf: Leaf) -> bool:
    """Return whether MemAttr[3:2] says Device (DDI 0487 D8.6, stage 2 memory attributes without FEAT_S2FWB)."""
    return leaf.attributes >> 2 == 0


def _fault(walk: Walk, miss: Miss, ipa: int | None = None, refused: Kind | None = None) -> MmuFault:
    """Return the fault of a walk; a given `ipa` says that it was stage 2's."""
    stage = 1 if ipa is None else 2
    s1ptw = stage == 2 and isinstance(walk.stage1, Cursor)
    return MmuFault(miss.kind, miss.level, walk.va, walk.access, stage, s1ptw, ipa, refused, walk.steps)
