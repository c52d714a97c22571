"""Whether translation is off at a step, told by what follows (the first write of SCTLR after it turns it on), or by
what the path has tested: SCTLR.M itself, or the answer of a function that is not here and is named for that question.

With stage 1 off nothing is walked and no translation is cached (DDI 0487 D8.2), so that a TLBI there cannot come too
early. A function that sets other bits of SCTLR and keeps M as it was tells nothing. What it does not model: a function
that turns translation on in its caller's name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from barrierlint.cfg.graph import Cfg, Program
from barrierlint.dataflow.bits import known_bits
from barrierlint.dataflow.reach import TLB_PLACES
from barrierlint.dataflow.state import State
from barrierlint.dataflow.values import rebuild
from barrierlint.events import Assign, SysregWrite
from barrierlint.terms import AddressOf, Const, Name, Term, Unknown

CONTROL = re.compile(r"sctlr_el[123]2?")
_CONTROLS = tuple(Unknown(f"sysreg:sctlr_el{level}") for level in (1, 2, 3))
M = 1
"""Bit 0 of SCTLR_ELx: stage 1 address translation is on (DDI 0487 D24.2)."""


ENABLED = "/mmu-on"
"""The end of the name of a value that says whether translation is on."""
_ASKS = re.compile(
    r"(?:mmu|paging|translation)_*(?:is_*)?(?:en|on\b|enabled|active)|is_*(?:mmu|paging|translation)", re.IGNORECASE
)


def switching(program: Program) -> frozenset[str]:
    """The functions that write SCTLR: what they are handed tells what becomes of translation."""
    return frozenset(
        usr for usr, cfg in program.functions.items() if any(_is_control(step.event) for step in cfg.steps())
    )


def asks_if_on(qualified: str) -> bool:
    """Whether a function is named for the question whether translation is on."""
    name = qualified.rpartition("::")[2]
    return _ASKS.search(name) is not None and not re.match(r"_*(?:enable|arch_enable|setup|init)", name, re.IGNORECASE)


def is_known_off(state: State) -> bool:
    """Whether the path tells that translation is off, and nothing since that it is on."""
    if any(state.cells.get(AddressOf(place, "register")) not in (None, Const(1)) for place in TLB_PLACES):
        return False  # switched on since, or perhaps
    for control in _CONTROLS:
        if known_bits(control, state.facts.bits)[1] & M:
            return True
    return any(
        not truth and isinstance(asked, Unknown) and asked.id.rstrip("~").endswith(ENABLED)
        for asked, truth in state.facts.truths.items()
    )


def forget_off(state: State, qualified: str) -> None:
    """A function that is not here ran: one named after the MMU may have switched it on."""
    if re.search(r"mmu|paging|translat", qualified, re.IGNORECASE) and not asks_if_on(qualified):
        for asked in [a for a in state.facts.truths if isinstance(a, Unknown) and a.id.rstrip("~").endswith(ENABLED)]:
            del state.facts.truths[asked]


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
