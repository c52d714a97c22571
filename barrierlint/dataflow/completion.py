"""Each barrier of a program with what may be pending there: `pending`'s analysis, through calls.

A function is run in every state it is called in, up to a bound; one that anyone may call in the unknown state as well.
What has no barrier in it is not entered: its effects are added up. Recursive calls, and calls too deep, count as calls
of functions that are not here. What it does not model: conditions.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import cached_property

from barrierlint.cfg.graph import Cfg, Program, Step
from barrierlint.dataflow.pending import ELSEWHERE, NOTHING, UNKNOWN, Pending, after, settled, unseen
from barrierlint.dataflow.steps import Place
from barrierlint.events import Call, ContextSync, Dmb, Dsb, ExceptionCall, Tlbi

MAX_DEPTH = 40
"""Calls entered below one another."""
MAX_ENTRIES = 24
"""States that one function is entered in, before it is taken for unknown."""
BARRIERS = (Dsb, Dmb, ContextSync, Tlbi)
HEADERS = (".h", ".hh", ".hpp", ".hxx", ".inc")


class Completion:
    """`states` are those in which each barrier, and each call of a function with barriers, is met; `own` those that do
    not know what the function's callers did.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.states: dict[Place, set[Pending]] = {}
        self.own: dict[Place, set[Pending]] = {}
        self.exits: dict[tuple[str, Pending], Pending | None] = {}
        self.entries: dict[str, int] = {}
        self.active: set[str] = set()
        for usr, cfg in program.functions.items():
            if usr in self.ordering and self._anyone_calls(cfg):
                self.leave(usr, UNKNOWN)
        for place, found in self.own.items():
            self.states.setdefault(place, set()).update(found)
        for usr in self.ordering:
            self.leave(usr, UNKNOWN)

    def leave(self, usr: str, entry: Pending) -> Pending | None:
        """The state in which a function entered in `entry` returns; None if it does not."""
        key = (usr, entry)
        if key in self.exits:
            return self.exits[key]
        if usr in self.active or len(self.active) >= MAX_DEPTH:
            return unseen(entry)
        self.entries[usr] = self.entries.get(usr, 0) + 1
        if self.entries[usr] > MAX_ENTRIES and entry != UNKNOWN:
            return self.leave(usr, UNKNOWN)
        self.active.add(usr)
        try:
            self.exits[key] = self._solve(self.program.functions[usr], entry)
        finally:
            self.active.discard(usr)
        return self.exits[key]

    def _solve(self, cfg: Cfg, entry: Pending) -> Pending | None:
        states = {cfg.entry: entry}
        queue = deque([cfg.entry])
        while queue:
            block = queue.popleft()
            state = self._through(cfg, block, states[block], None)
            if state is None:
                continue
            for edge in cfg.blocks[block].edges:
                old = states.get(edge.target)
                new = state if old is None else old.join(state)
                if new != old:
                    states[edge.target] = new
                    queue.append(edge.target)
        for block, state in states.items():
            self._through(cfg, block, state, self.own if entry == UNKNOWN else self.states)
        return states.get(cfg.exit)

    def _through(
        self, cfg: Cfg, block: int, state: Pending, record: dict[Place, set[Pending]] | None
    ) -> Pending | None:
        for index, step in enumerate(cfg.blocks[block].steps):
            state = settled(state, step.span)
            if record is not None and (isinstance(step.event, BARRIERS) or self._enters(step)):
                record.setdefault((cfg.usr, block, index), set()).add(state)
            left = self._after(state, step)
            if left is None:
                return None
            state = left
        return state

    def _after(self, state: Pending, step: Step) -> Pending | None:
        match step.event:
            case Call(targets=targets):
                known = [usr for usr in targets if usr in self.program.functions]
                if not known:
                    return unseen(state)
                left = [self.leave(usr, state) if usr in self.ordering else self._added(state, usr) for usr in known]
                returned = [one for one in left if one is not None]
                joined = returned[0] if returned else None
                for one in returned[1:]:
                    joined = joined.join(one) if joined is not None else one
                return joined
            case ExceptionCall():
                return unseen(state)
        return after(state, step)

    def _enters(self, step: Step) -> bool:
        return isinstance(step.event, Call) and any(usr in self.ordering for usr in step.event.targets)

    def _added(self, state: Pending, usr: str) -> Pending:
        """The state after a function without barriers: all that it may do, from `NOTHING`, done to `state`."""
        done = self._effects[usr]
        return Pending(
            tuple(map(min, state.completed, done.completed)),
            tuple(map(min, state.ordered, done.ordered)),
            state.unsynced | done.unsynced,
            frozenset() if not done.flushed else state.flushed,
        )

    def _anyone_calls(self, cfg: Cfg) -> bool:
        return (
            cfg.external
            or cfg.virtual
            or cfg.usr in self._indirect
            or cfg.usr in self.program.roots
            or cfg.place.path.endswith(HEADERS)
        )

    @cached_property
    def _indirect(self) -> frozenset[str]:
        """Functions that are called through pointers."""
        return frozenset(
            target
            for cfg in self.program.functions.values()
            for step in cfg.steps()
            if isinstance(step.event, Call) and step.event.why != "direct"
            for target in step.event.targets
        )

    @cached_property
    def _callers(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for usr, cfg in self.program.functions.items():
            for step in cfg.steps():
                for target in step.event.targets if isinstance(step.event, Call) else ():
                    found.setdefault(target, set()).add(usr)
        return found

    @cached_property
    def ordering(self) -> frozenset[str]:
        """Functions with a barrier or TLBI in them, or in what they call."""
        own = {
            usr
            for usr, cfg in self.program.functions.items()
            if any(isinstance(s.event, BARRIERS) for s in cfg.steps())
        }
        queue = deque(own)
        while queue:
            for caller in self._callers.get(queue.popleft(), ()):
                if caller not in own:
                    own.add(caller)
                    queue.append(caller)
        return frozenset(own)

    @cached_property
    def _effects(self) -> dict[str, Pending]:
        """What each function without barriers may leave; `flushed` stands for "changed nothing"."""
        unchanged = replace(NOTHING, flushed=frozenset({("", ELSEWHERE)}))
        found = {usr: unchanged for usr in self.program.functions if usr not in self.ordering}
        queue = deque(found)
        while queue:
            usr = queue.popleft()
            state = unchanged
            for step in self.program.functions[usr].steps():
                match step.event:
                    case Call(targets=targets):
                        known = [target for target in targets if target in found]
                        state = self._merged(state, known, found) if known else unseen(state)
                    case _:
                        state = after(state, step)
            state = state.join(found[usr])
            if state != found[usr]:
                found[usr] = state
                queue.extend(caller for caller in self._callers.get(usr, ()) if caller in found)
        return found

    def _merged(self, state: Pending, targets: list[str], found: dict[str, Pending]) -> Pending:
        for target in targets:
            state = state.join(found[target])
        return state
