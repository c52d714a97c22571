"""Barriers in loops of table work that no turn needs: one after the loop serves all turns.

Inner loops come first. What it does not model: what a loop's functions do, unless they are nothing but barriers.
"""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from barrierlint.cfg.graph import Cfg, Program, Step
from barrierlint.dataflow.memory import root
from barrierlint.dataflow.pending import Pending, Work, after, covers, is_local, is_table_store
from barrierlint.dataflow.reach import reverse_postorder
from barrierlint.dataflow.steps import Met, Place, Steps
from barrierlint.dataflow.values import leaves
from barrierlint.events import (
    Access,
    Assign,
    CompilerBarrier,
    ContextSync,
    DescriptorWrite,
    Dsb,
    Event,
    Kind,
    Tlbi,
)
from barrierlint.terms import Name, Term


class Turns:
    """The loops of a program's functions."""

    def __init__(self, program: Program, steps: Steps) -> None:
        self.program = program
        self.steps = steps
        self._loops: dict[str, tuple[frozenset[int], ...]] = {}

    def idle(self, place: Place, barriers: tuple[Step, ...], states: set[Pending]) -> tuple[Met, Met] | None:
        """The work of a loop around a barrier and the barrier of a later turn, where it serves this turn as well."""
        if place[0] not in self._loops:
            self._loops[place[0]] = _loops(self.program.functions[place[0]])
        around = (loop for loop in self._loops[place[0]] if place[1] in loop)
        return next(filter(None, (self._in(loop, place, barriers, states) for loop in around)), None)

    def _in(
        self, loop: frozenset[int], place: Place, barriers: tuple[Step, ...], states: set[Pending]
    ) -> tuple[Met, Met] | None:
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
        at = next(at for at, event in body if event is work)
        return Met(at[0], self.steps.at(at), work), Met(place[0], self.steps.at(place), last)

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
