"""Barriers that nothing needs: repeated, superseded at once, once an iteration, between out-of-context registers.

Each comes with the barrier that does its work. A barrier is idle only if it is so in every state it is met in; that of
a function anyone may call is unknown, so one that leads a function is not idle. What it does not model: errata that ask
for a barrier twice (two in one asm statement are taken for that), and time: a barrier that only delays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import networkx as nx

from barrierlint.cfg.graph import Cfg, Program, Step
from barrierlint.dataflow.completion import Completion
from barrierlint.dataflow.memory import root
from barrierlint.dataflow.pending import RANK, WAITED, Pending, Work, after, is_idle, is_local, is_table_store, reach_of
from barrierlint.dataflow.reach import reverse_postorder
from barrierlint.dataflow.steps import Place, Steps
from barrierlint.dataflow.values import leaves
from barrierlint.events import (
    Access,
    Assign,
    Call,
    CompilerBarrier,
    ContextSync,
    DescriptorWrite,
    Dmb,
    Dsb,
    Event,
    Kind,
    SysregWrite,
    Tlbi,
)
from barrierlint.terms import Name, Term

OUT_OF_CONTEXT = ("vttbr_el2", "vtcr_el2", "hcr_el2")
"""Registers of the guest's translation: at EL2 only address translation instructions and the guest itself use them."""
_GUEST = ("ttbr0_el1", "ttbr1_el1", "tcr_el1", "mair_el1", "sctlr_el1", "contextidr_el1")
_QUIET = (Assign, CompilerBarrier)


@dataclass(frozen=True, slots=True)
class Met:
    """A step on the way: of which function, and the event of it that counts."""

    function: str
    step: Step
    event: Event


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
        loops = {usr: _loops(cfg) for usr, cfg in self.program.functions.items()}
        for place, states in self.completion.states.items():
            barriers = self.steps.barriers(self.steps.at(place))
            if not barriers or place[0] in self.steps.wrappers:
                continue  # of a wrapper it is the call that may be idle
            found = (
                self._repeated(place, barriers, states)
                or self._superseded(place, barriers)
                or self._registers(place, barriers, states)
            )
            around = (loop for loop in loops[place[0]] if place[1] in loop)
            found = found or next(filter(None, (self._looping(place, barriers, states, loop) for loop in around)), None)
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

    # --- once an iteration ---

    def _looping(
        self, place: Place, barriers: tuple[Step, ...], states: set[Pending], loop: frozenset[int]
    ) -> Idle | None:
        last = barriers[-1].event
        if not isinstance(last, Dsb | ContextSync) or (isinstance(last, Dsb) and last.nxs):
            return None
        body = list(self._events(place[0], loop))
        events = [event for _, event in body]
        tables = {root(event.location) for event in events if isinstance(event, DescriptorWrite)}
        work = next((event for event in events if isinstance(event, DescriptorWrite | Tlbi)), None)
        if work is None or not all(_is_table_work(event, tables) for event in events):
            return None
        if isinstance(last, Dsb):
            pending = frozenset(one for state in states for one in self._at_last(state, barriers).open_for(last))
            if self._is_needed_in(place, loop, pending, last):
                return None
        worked = next(self._met(at, event) for at, event in body if event is work)
        again = self._met(place, last)
        return Idle("loop", again, (), (worked, again))

    def _at_last(self, state: Pending, barriers: tuple[Step, ...]) -> Pending:
        for barrier in barriers[:-1]:
            state = after(state, barrier)
        return state

    def _events(self, usr: str, loop: frozenset[int]) -> Iterator[tuple[Place, Event]]:
        for block in self.program.functions[usr].blocks:
            for index, step in enumerate(block.steps if block.id in loop else ()):
                inner = self.steps.barriers(step)
                for event in [one.event for one in inner] or [_as_write(step.event)]:
                    yield (usr, block.id, index), event

    def _is_needed_in(self, place: Place, loop: frozenset[int], pending: frozenset[Work], own: Dsb) -> bool:
        """Whether something in the loop depends on what a DSB completes, before another DSB or its next turn."""
        changing = self._assigned(place[0], loop)
        order = reverse_postorder(self.program.functions[place[0]])
        maintenance = pending & {Work.LOCAL, Work.INNER, Work.OUTER}
        turned: set[tuple[Place, bool]] = set()
        queue = [(place, False)]
        while queue:
            at, around = queue.pop()
            for following in self.steps.after(at):
                if following is None or following[1] not in loop or (following, around) in turned:
                    continue
                turned.add((following, around))
                back = order[following[1]] < order[at[1]] or (following[1] == at[1] and following[2] <= at[2])
                again = around or back
                step = self.steps.at(following)
                events = [one.event for one in self.steps.barriers(step)] or [_as_write(step.event)]
                for event in events:
                    if isinstance(event, Tlbi) and Work.TABLE in pending:
                        return True
                    same = isinstance(event, DescriptorWrite) and not (again and _names(event.location) & changing)
                    if same and maintenance:
                        return True
                    if isinstance(event, Dsb) and covers(event, own):
                        break
                else:
                    queue.append((following, again))
        return False

    def _assigned(self, usr: str, loop: frozenset[int]) -> frozenset[str]:
        found: set[str] = set()
        for block in self.program.functions[usr].blocks:
            for step in block.steps if block.id in loop else ():
                match step.event:
                    case Assign(name, _):
                        found.add(name)
                    case Access(into=str(into)):
                        found.add(into)
        return frozenset(found)


def covers(event: Event, other: Event) -> bool:
    """Whether one barrier or TLBI does all that another of its kind would."""
    match event, other:
        case Dsb(done, accesses, False), Dsb(domain, waited) | Dmb(domain, waited):
            return RANK[done] >= RANK[domain] and WAITED[accesses] >= WAITED[waited]
        case Dmb(done, accesses), Dmb(domain, waited):
            return RANK[done] >= RANK[domain] and WAITED[accesses] >= WAITED[waited]
        case ContextSync(), ContextSync():
            return True
        case Tlbi(flushed, None), Tlbi(op, None):
            return flushed == op or (reach_of(op) is Work.LOCAL and flushed in (f"{op}is", f"{op}os"))
    return False


def is_quiet(event: Event) -> bool:
    """Whether a step touches nothing but this thread's own values."""
    return isinstance(event, _QUIET) or (isinstance(event, Access) and is_local(event.address))


def _keeps_context(event: Event, allowed: set[str]) -> bool:
    """Whether a step cannot tell whether registers of another regime are synchronized."""
    return isinstance(event, (*_QUIET, Access)) or (isinstance(event, SysregWrite) and event.register in allowed)


def _is_table_work(event: Event, tables: set[Term]) -> bool:
    """Whether a step of a loop depends on no barrier of the loop, as far as its kind tells."""
    match event:
        case Access(kind=Kind.READ, address=address):
            return is_local(address) or root(address) in tables
        case Access(address=address):
            return is_local(address)
        case DescriptorWrite() | Tlbi() | Dsb() | ContextSync("isb") | Assign() | CompilerBarrier():
            return True
    return False


def _as_write(event: Event) -> Event:
    """A store that is one of a descriptor by its place, as such."""
    if isinstance(event, Access) and is_table_store(event) and event.value is not None:
        return DescriptorWrite(event.address, event.value)
    return event


def _names(term: Term) -> frozenset[str]:
    return frozenset(leaf.id for leaf in leaves(term) if isinstance(leaf, Name))


def _loops(cfg: Cfg) -> tuple[frozenset[int], ...]:
    """The loops of a function, inner ones first: what is left of a loop without its head may hold further loops."""
    whole = nx.DiGraph((block.id, edge.target) for block in cfg.blocks for edge in block.edges)
    order = reverse_postorder(cfg)
    found: list[frozenset[int]] = []
    waiting = [whole.subgraph(order)]
    while waiting:
        graph = waiting.pop()
        for component in nx.strongly_connected_components(graph):
            if len(component) > 1 or any(graph.has_edge(one, one) for one in component):
                found.append(frozenset(component))
                waiting.append(graph.subgraph(component - {min(component, key=order.__getitem__)}))
    return tuple(sorted(found, key=len))
