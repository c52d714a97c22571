"""Whether translation is off at a step, told by what follows: the first write of SCTLR after it turns it on.

With stage 1 off nothing is walked and no translation is cached (DDI 0487 D8.2), so that a TLBI there cannot come too
early. A function that sets other bits of SCTLR and keeps M as it was tells nothing. What it does not model: a function
that turns translation on in its caller's name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from barrierlint.cfg.graph import Cfg
from barrierlint.dataflow.bits import known_bits
from barrierlint.dataflow.values import rebuild
from barrierlint.events import Assign, SysregWrite
from barrierlint.terms import Name, Term

CONTROL = re.compile(r"sctlr_el[123]2?")
M = 1
"""Bit 0 of SCTLR_ELx: stage 1 address translation is on (DDI 0487 D24.2)."""


def is_off(cfg: Cfg, block: int, step: int) -> bool:
    """Whether some path from the step on turns translation on before it writes SCTLR in any other way."""
    seen: set[int] = set()
    pending = [(block, step + 1)]
    bound = _bound(cfg)
    while pending:
        at, first = pending.pop()
        write = next((s.event for s in cfg.blocks[at].steps[first:] if _is_control(s.event)), None)
        if isinstance(write, SysregWrite):
            if _turns_on(write.value, bound):
                return True
            continue
        for edge in cfg.blocks[at].edges:
            if edge.target not in seen:
                seen.add(edge.target)
                pending.append((edge.target, 0))
    return False


def _is_control(event: object) -> bool:
    return isinstance(event, SysregWrite) and CONTROL.fullmatch(event.register) is not None


def _bound(cfg: Cfg) -> Mapping[str, tuple[Term, ...]]:
    """What each name is bound to by assignments."""
    found: dict[str, tuple[Term, ...]] = {}
    for step in cfg.steps():
        if isinstance(step.event, Assign):
            found[step.event.name] = (*found.get(step.event.name, ()), step.event.value)
    return found


def _turns_on(value: Term, bound: Mapping[str, tuple[Term, ...]]) -> bool:
    def leaf(term: Term) -> Term:
        values = bound.get(term.id, ()) if isinstance(term, Name) else ()
        return values[0] if len(values) == 1 else term

    return bool(known_bits(rebuild(value, leaf), {})[0] & M)
