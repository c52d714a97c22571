"""DSBs that wait for more than there is: for the full system where TLB maintenance concerns fewer PEs, for loads too
where descriptors were stored.

Only judged are DSBs between which there is nothing but table work: behind a TLBI, ahead of one, or with descriptor
writes pending and nothing else. What callers left pending does not count: it is theirs. It does not model who else
walks a table: an IOMMU outside the inner shareable domain does need the full system.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from barrierlint.cfg.graph import Program, Step
from barrierlint.dataflow.completion import Completion
from barrierlint.dataflow.idle import is_quiet
from barrierlint.dataflow.pending import FOREIGN, RANK, Pending, Work, covers, is_idle, reach_of
from barrierlint.dataflow.steps import Met, Place, Steps
from barrierlint.events import Accesses, Dsb, Event, Shareability, Tlbi

_DOMAIN = {Work.LOCAL: Shareability.NSH, Work.INNER: Shareability.ISH, Work.OUTER: Shareability.OSH}
_MAINTENANCE = frozenset(_DOMAIN)
_FOREIGN = frozenset(FOREIGN)


@dataclass(frozen=True, slots=True)
class Strong:
    """A DSB, the weaker one that would do, why (behind, ahead, writes), the TLBI it belongs to, and the next DSB."""

    barrier: Met
    enough: Dsb
    why: str
    before: tuple[Met, ...] = ()
    after: tuple[Met, ...] = ()


def strong_barriers(program: Program) -> Iterator[Strong]:
    """All DSBs of a program that could be weaker, one by one."""
    return _Judge(program).judge()


class _Judge:
    def __init__(self, program: Program) -> None:
        self.steps = Steps(program)
        self.completion = Completion(program)

    def judge(self) -> Iterator[Strong]:
        for place, states in self.completion.own.items():
            barriers = self.steps.barriers(self.steps.at(place))
            if len(barriers) != 1 or (place[0] in self.steps.wrappers and self._is_helper(place[0])):
                continue
            dsb = barriers[0].event
            if not isinstance(dsb, Dsb) or dsb.nxs or self._is_idle(place, barriers[0]):
                continue
            pending = frozenset(one for state in states for one in state.open_for(dsb))
            found = self._behind(place, dsb, pending) or self._ahead(place, dsb, pending)
            found = found or self._of_writes(place, dsb, states)
            if found is not None:
                yield found

    def _is_idle(self, place: Place, barrier: Step) -> bool:
        return all(is_idle(state, barrier) for state in self.completion.states.get(place, ()))

    def _is_helper(self, usr: str) -> bool:
        """A function that is one barrier serves whoever calls it."""
        return len(self.steps.wrappers[usr]) == 1

    def _met(self, place: Place, event: Event) -> Met:
        return Met(place[0], self.steps.at(place), event)

    def _behind(self, place: Place, dsb: Dsb, pending: frozenset[Work]) -> Strong | None:
        """Behind a TLBI: the domain of the PEs it concerns is enough."""
        beside = self._adjacent(place, self.steps.before, (Tlbi, Dsb))
        flushes = [met for met in beside if isinstance(met.event, Tlbi)]
        if not flushes or not pending <= _MAINTENANCE | _FOREIGN | {Work.TABLE} or dsb.accesses is not Accesses.ALL:
            return None
        domain = _widest(flushes, pending & _MAINTENANCE)
        if RANK[domain] >= RANK[dsb.domain]:
            return None
        return Strong(self._met(place, dsb), replace(dsb, domain=domain), "behind", tuple(flushes[:1]))

    def _ahead(self, place: Place, dsb: Dsb, pending: frozenset[Work]) -> Strong | None:
        """Ahead of a TLBI: it completes the stores of descriptors, for the PEs that the TLBI concerns."""
        next = self._adjacent(place, self.steps.after, (Tlbi, Dsb))
        flushes = [met for met in next if isinstance(met.event, Tlbi)]
        if not flushes or not pending <= {Work.TABLE} | _FOREIGN:
            return None
        domain = _widest(flushes, frozenset())
        enough = Dsb(min(domain, dsb.domain, key=RANK.__getitem__), Accesses.ST)
        if enough == dsb or dsb.accesses is Accesses.LD:
            return None
        return Strong(
            self._met(place, dsb),
            enough,
            "ahead",
            (),
            (flushes[0], *self._nearest(place, self.steps.after, Dsb(domain))),
        )

    def _nearest(self, place: Place, beside: Callable[[Place], Iterator[Place | None]], enough: Dsb) -> tuple[Met, ...]:
        """The nearest DSB before or after `place` that does what `enough` does."""
        queue, seen = [place], {place}
        while queue:
            for met in beside(queue.pop(0)):
                if met is None or met in seen:
                    continue
                for inner in self.steps.barriers(self.steps.at(met)):
                    if covers(inner.event, enough):
                        return (Met(met[0], self.steps.at(met), inner.event),)
                seen.add(met)
                queue.append(met)
        return ()

    def _of_writes(self, place: Place, dsb: Dsb, states: set[Pending]) -> Strong | None:
        """With descriptor writes pending and nothing else, whoever calls: the inner shareable domain, stores only."""
        pending = frozenset(one for state in states for one in state.open_for(replace(dsb, domain=Shareability.ISH)))
        wide = frozenset(one for state in states for one in state.open_for(dsb))
        enough = Dsb(min(Shareability.ISH, dsb.domain, key=RANK.__getitem__), Accesses.ST)
        if pending != {Work.TABLE} or wide != pending or enough == dsb or dsb.accesses is not Accesses.ALL:
            return None
        last = self._nearest(place, self.steps.before, Dsb(enough.domain))
        return Strong(self._met(place, dsb), enough, "writes", last)

    def _adjacent(
        self, place: Place, beside: Callable[[Place], Iterator[Place | None]], wanted: tuple[type, ...]
    ) -> list[Met]:
        """The steps of a wanted kind next to `place` on every way, quiet ones passed over; none if one way has none."""
        found: list[Met] = []
        queue, seen = [place], {place}
        while queue:
            for met in beside(queue.pop()):
                if met is None:
                    return []
                step = self.steps.at(met)
                inner = self.steps.barriers(step)
                event = (inner[-1] if beside == self.steps.before else inner[0]).event if inner else step.event
                if isinstance(event, wanted):
                    found.append(Met(met[0], step, event))
                elif not is_quiet(event):
                    return []
                elif met not in seen:
                    seen.add(met)
                    queue.append(met)
        return found


def _widest(flushes: list[Met], pending: frozenset[Work]) -> Shareability:
    """The domain of all PEs that some TLBIs concern."""
    reached = {reach_of(met.event.op) for met in flushes if isinstance(met.event, Tlbi)} | pending
    return max((_DOMAIN[work] for work in reached), key=RANK.__getitem__)
