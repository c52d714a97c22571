"""Barriers that nothing needs: repeated, superseded at once, once an iteration, between out-of-context registers.

Each comes with the barrier that does its work. A barrier is idle only if it is so in every state it is met in; that of
a function anyone may call is unknown, so one that leads a function is not idle. What it does not model: errata that ask
for a barrier twice (two in one asm statement are taken for that), and time: a barrier that only delays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from barrierlint.cfg.graph import Program, Step
from barrierlint.dataflow.completion import Completion
from barrierlint.dataflow.pending import Pending, covers, is_idle, is_local
from barrierlint.dataflow.steps import Met, Place, Steps
from barrierlint.dataflow.turns import Turns
from barrierlint.events import (
    Access,
    Assign,
    Call,
    CompilerBarrier,
    ContextSync,
    Dmb,
    Dsb,
    Event,
    SysregWrite,
)

OUT_OF_CONTEXT = ("vttbr_el2", "vtcr_el2", "hcr_el2")
"""Registers of the guest's translation: at EL2 only address translation instructions and the guest itself use them."""
_GUEST = ("ttbr0_el1", "ttbr1_el1", "tcr_el1", "mair_el1", "sctlr_el1", "contextidr_el1")
_QUIET = (Assign, CompilerBarrier)


@dataclass(frozen=True, slots=True)
class Idle:
    """A barrier that nothing needs (`why`: repeated, superseded, loop, registers), and what explains it.

    `before` was met before it, `after` is met after it. `registers` were written since the last synchronization.
    `whole` says that all that a called function does is several idle barriers.
    """

    why: str
    barrier: Met
    before: tuple[Met, ...] = ()
    after: tuple[Met, ...] = ()
    registers: tuple[str, ...] = ()
    whole: bool = False


def idle_barriers(program: Program) -> Iterator[Idle]:
    """All barriers of a program that nothing needs, one by one."""
    return _Judge(program).judge()


class _Judge:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.steps = Steps(program)
        self.completion = Completion(program)

    def judge(self) -> Iterator[Idle]:
        turns = Turns(self.program, self.steps)
        for place, states in self.completion.states.items():
            barriers = self.steps.barriers(self.steps.at(place))
            if not barriers or place[0] in self.steps.wrappers:
                continue  # of a wrapper it is the call that may be idle
            found = (
                self._repeated(place, barriers, states)
                or self._superseded(place, barriers)
                or self._registers(place, barriers, states)
            )
            if found is None and (turn := turns.idle(place, barriers, states)) is not None:
                found = Idle("loop", turn[1], (), turn)
            if found is not None:
                yield found

    def _met(self, place: Place, event: Event | None = None) -> Met:
        step = self.steps.at(place)
        return Met(place[0], step, event or step.event)

    # --- nothing to do ---

    def _repeated(self, place: Place, barriers: tuple[Step, ...], states: set[Pending]) -> Idle | None:
        if not all(is_idle(state, barrier) for state in states for barrier in barriers):
            return None
        first = barriers[0].event
        previous = self._previous(place, lambda event: covers(event, first))
        if previous is None:
            return None
        return Idle("repeated", self._met(place, first), (previous,), whole=len(barriers) > 1)

    def _previous(self, place: Place, wanted: Callable[[Event], bool]) -> Met | None:
        """The nearest barrier before `place` that does what is wanted, in this function or in what it calls."""
        queue, seen = [place], {place}
        while queue:
            for before in self.steps.before(queue.pop(0)):
                if before is None or before in seen:
                    continue
                seen.add(before)
                step = self.steps.at(before)
                if wanted(step.event):
                    return self._met(before)
                inner = self._within(step, wanted, frozenset())
                if inner is not None:
                    return Met(before[0], step, inner)
                queue.append(before)
        return None

    def _within(self, step: Step, wanted: Callable[[Event], bool], above: frozenset[str]) -> Event | None:
        """The last barrier in a function called that does what is wanted."""
        for usr in step.event.targets if isinstance(step.event, Call) else ():
            if usr not in self.completion.ordering or usr in above:
                continue
            queue = [place for place in self.steps.last(usr) if place is not None]
            seen = set(queue)
            while queue:
                place = queue.pop(0)
                inner = self.steps.at(place)
                if wanted(inner.event):
                    return inner.event
                deeper = self._within(inner, wanted, above | {usr})
                if deeper is not None:
                    return deeper
                fresh = [one for one in self.steps.before(place) if one is not None and one not in seen]
                seen.update(fresh)
                queue += fresh
        return None

    # --- done by what follows ---

    def _superseded(self, place: Place, barriers: tuple[Step, ...]) -> Idle | None:
        first = barriers[0].event
        if len(barriers) != 1 or not isinstance(first, Dsb | Dmb) or getattr(first, "nxs", False):
            return None
        later = self._followed(place, lambda event: covers(event, first) and event != first, is_quiet)
        return Idle("superseded", self._met(place, first), (), (later,)) if later is not None else None

    def _followed(self, place: Place, wanted: Callable[[Event], bool], quiet: Callable[[Event], bool]) -> Met | None:
        """What is wanted, where every path from `place` leads to it with only quiet steps between."""
        found: Met | None = None
        queue, seen = [place], {place}
        while queue:
            for following in self.steps.after(queue.pop()):
                if following is None:
                    return None
                step = self.steps.at(following)
                barriers = self.steps.barriers(step)
                event = barriers[0].event if barriers else step.event
                if wanted(event) and following != place:
                    found = found or Met(following[0], step, event)
                elif not quiet(event):
                    return None
                elif following not in seen:
                    seen.add(following)
                    queue.append(following)
        return found

    # --- registers of another regime ---

    def _registers(self, place: Place, barriers: tuple[Step, ...], states: set[Pending]) -> Idle | None:
        if len(barriers) != 1 or not isinstance(barriers[0].event, ContextSync):
            return None
        words = frozenset(word for state in states for word in state.unsynced) - {"caller", "access"}
        at_el2 = any(word in OUT_OF_CONTEXT for word in words) or self._writes_el2(place[0])
        allowed = {*OUT_OF_CONTEXT, *(_GUEST if at_el2 else ())}
        if not words or not words <= allowed:
            return None
        later = self._followed(
            place, lambda event: isinstance(event, ContextSync), lambda event: _keeps_context(event, allowed)
        )
        if later is None:
            return None
        written = self._previous(place, lambda event: isinstance(event, SysregWrite))
        before = (written,) if written is not None else ()
        return Idle("registers", self._met(place, barriers[0].event), before, (later,), tuple(sorted(words)))

    def _writes_el2(self, usr: str) -> bool:
        return any(
            isinstance(step.event, SysregWrite) and step.event.register in OUT_OF_CONTEXT
            for step in self.program.functions[usr].steps()
        )


def is_quiet(event: Event) -> bool:
    """Whether a step touches nothing but this thread's own values."""
    return isinstance(event, _QUIET) or (isinstance(event, Access) and is_local(event.address))


def _keeps_context(event: Event, allowed: set[str]) -> bool:
    """Whether a step cannot tell whether registers of another regime are synchronized."""
    return isinstance(event, (*_QUIET, Access)) or (isinstance(event, SysregWrite) and event.register in allowed)
