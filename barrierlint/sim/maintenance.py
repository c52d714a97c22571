"""TLB maintenance: which translations a TLBI reaches, and when it has.

A TLBI has two effects, issue and completion; each walk it covers comes after the one or before the other. What it
does not model: the level hint (TTL), which only narrows what a TLBI must reach.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from barrierlint.events import Tlbi
from barrierlint.sim import ordering
from barrierlint.sim.descriptor import PAGE
from barrierlint.sim.effects import Effect, Invalidation, Role
from barrierlint.sim.evaluate import evaluate
from barrierlint.sim.machine import Maintenance, Setting, State

if TYPE_CHECKING:
    from barrierlint.sim.model import Model

_LAST_LEVEL = re.compile(r"r?vaa?l")


def invalidate(model: Model, state: State, event: Tlbi) -> None:
    """TLBI: issued after what its operand and path depend on; complete only for a later DSB of this PE
    (D8.16.5).
    """
    execution, view, pe = state.execution, state.view, model.pe_of(state)
    held = evaluate(event.operand, state.registers) if event.operand is not None else (0, 0, 0)
    after = ordering.before_effect(view) | held[1] | held[2]
    effect = Effect(Role.TLBI, pe, 0, held[0], index=state.index, note=event.op)
    issue = execution.add(effect, after)
    done = execution.add(Effect(Role.DONE, pe, 0, held[0], index=state.index, note=event.op), 1 << issue)
    own_issue, own_done = issue, done
    view.invalidations |= 1 << issue | 1 << done
    if model.split:
        own = after | view.own_after_dsb | view.own_after_sync
        own_issue = execution.add(Effect(Role.TLBI, pe, 0, held[0], index=-1, note=event.op), own)
        own_done = execution.add(Effect(Role.DONE, pe, 0, held[0], index=-1, note=event.op), 1 << own_issue)
        view.own_invalidations |= 1 << own_issue | 1 << own_done
        view.invalidations |= view.own_invalidations
    issued = Maintenance(pe, event.op, held[0], issue, done, own_issue, own_done)
    state.maintenance = (*state.maintenance, issued)
    for walk in execution.walks:
        pair(model, state, issued, walk)


def pair(model: Model, state: State, issued: Maintenance, walk: int) -> None:
    """Note that TLBI `issued` covers `walk`, if it does: one of the two comes first."""
    execution = state.execution
    effect = execution.effects[walk]
    if not covers(issued, effect, _end(state, walk), model.setting):
        return
    external = effect.pe != issued.pe
    if external:
        execution.pending[Invalidation(issued.issue, issued.done, walk, True)] = None
        return
    covered = Invalidation(issued.own_issue, issued.own_done, walk, False)
    if execution.local[walk] >> issued.own_issue & 1:
        execution.decided[covered] = True
    else:
        execution.pending[covered] = None


def _end(state: State, walk: int) -> Effect:
    """The last read of the walk that `walk` is a part of."""
    effects = state.execution.effects
    return next(
        (effects[n] for n in state.execution.walks if effects[n].last and walk in effects[n].above), effects[walk]
    )


def covers(maintenance: Maintenance, walk: Effect, end: Effect, setting: Setting) -> bool:
    """Whether a TLBI reaches what a TLB holds of `walk`: a stage 1 leaf or table entry (DDI 0487 D8.16.6, TLBI
    mnemonics).

    A table entry goes with any page below it. But if the whole translation can be in the TLB (`end`, its last read, may
    be held), then that is one entry, of the pages that the leaf maps.
    """
    pe = walk.pe
    op = maintenance.op.removesuffix("nxs")
    if pe != maintenance.pe:
        if not op.endswith(("is", "os")):
            return False  # without IS or OS it reaches the PE that executes it
        domain = 0 if op.endswith("is") else 1
        if setting.domains and setting.domains[pe][domain] != setting.domains[maintenance.pe][domain]:
            return False
    if op.startswith(("ipas2", "ripas2")):
        return False  # stage 2 only: it removes no stage 1 entry
    regime = "el2" if "e2" in op else "el3" if "e3" in op else "el1"
    if setting.regime is not None and regime != setting.regime:
        return False
    if _LAST_LEVEL.match(op) and not walk.last:
        return False  # VALE and the like: entries from the last level of the walk only
    level = walk.level if end.stale_bound else end.level
    return _names(op, maintenance.operand, walk.address, level, setting.asid)


def _names(op: str, operand: int, address: int, level: int, asid: int | None) -> bool:
    """Whether the operand names a page (or range, or ASID) that the descriptor of `address` at `level` translates."""
    if op.startswith(("vmall", "all")):
        return True
    if not op.startswith(("vaa", "rvaa")) and asid is not None and operand >> 48 != asid:
        return False
    if op.startswith("aside"):
        return True
    wide = 9 * (3 - level)
    page = address // PAGE >> wide
    if op.startswith("r"):
        first, number, scale = operand & ((1 << 37) - 1), operand >> 39 & 31, operand >> 44 & 3
        last = first + ((number + 1) << (5 * scale + 1)) - 1
        return first >> wide <= page & ((1 << 37 - wide) - 1) <= last >> wide
    return (operand & ((1 << 44) - 1)) >> wide == page & ((1 << 44 - wide) - 1)
