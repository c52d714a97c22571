"""Work of one PE that a thread leaves behind when it goes on on another: TLB maintenance and descriptor writes that are
not complete where it may be preempted, and context switches that complete nothing.

A context switch is known by a model, or by what it does: it saves its stack pointer in memory that is not the stack.
Where a thread may be preempted is known by a model, or by interrupts being enabled. It does not model priorities, nor
whether interrupts are masked by callers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from barrierlint.cfg.graph import Program, Step
from barrierlint.dataflow.pending import Work, covers, is_table_store, reach_of
from barrierlint.dataflow.steps import Met, Place, Steps
from barrierlint.dataflow.traits import saves_stack
from barrierlint.events import Access, Call, DescriptorWrite, Dsb, Shareability, SysregWrite, Tlbi
from barrierlint.terms import Const

COMPLETE = Dsb(Shareability.ISH)
"""What a context switch owes: all earlier work of the PE complete, for all PEs that may take the thread."""
INTERRUPTS = 2
"""The I bit of DAIFSet and DAIFClr's operand."""


@dataclass(frozen=True, slots=True)
class Named:
    """What models say of functions: which switch threads, which may be preempted."""

    switching: Callable[[str], bool]
    preempting: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Migration:
    """Work begun (`work`) and not complete; where the thread may leave (`point`: a context switch or a preemption), and
    whether the work is known to be incomplete there (`certain`) or only where a thread may be interrupted at any time.
    """

    work: Met
    point: Met
    how: str
    certain: bool


def migrations(program: Program, named: Named) -> Iterator[Migration]:
    """Context switches without a DSB, and preemption between work and its DSB where no context switch has one."""
    return _Judge(program, named).judge()


class _Judge:
    def __init__(self, program: Program, named: Named) -> None:
        self.program = program
        self.named = named
        self.steps = Steps(program)

    def judge(self) -> Iterator[Migration]:
        windows = sorted(self._windows(), key=lambda window: not isinstance(window[0].event, Tlbi))
        if not windows:
            return
        switches = list(self._switches())
        preempted = [(work, point) for work, point in windows if point is not None]
        for place in switches:
            if not self._is_completed(place):
                work, point = preempted[0] if preempted else windows[0]
                yield Migration(work, self._met(place), "switch", point is not None)
        if not switches:
            for work, point in preempted:
                assert point is not None
                yield Migration(work, point, "preemption", False)

    def _met(self, place: Place) -> Met:
        step = self.steps.at(place)
        return Met(place[0], step, step.event)

    def _places(self) -> Iterator[tuple[Place, Step]]:
        for cfg in self.program.functions.values():
            for block in cfg.blocks:
                for index, step in enumerate(block.steps):
                    yield (cfg.usr, block.id, index), step

    # --- context switches ---

    def _switches(self) -> Iterator[Place]:
        for place, step in self._places():
            match step.event:
                case Call(qualified=qualified) if self.named.switching(qualified):
                    yield place
                case Access() as access if saves_stack(access):
                    yield place

    def _is_completed(self, place: Place) -> bool:
        """Whether a DSB lies on every way to a context switch, in its function or in all that call it."""
        return self._all_ways(place, frozenset())

    def _all_ways(self, place: Place, above: frozenset[str]) -> bool:
        queue, seen = [place], {place}
        while queue:
            for before in self.steps.before(queue.pop()):
                if before is None:
                    callers = self._callers.get(place[0], ())
                    usr = place[0]
                    if not callers or usr in above or not all(self._all_ways(at, above | {usr}) for at in callers):
                        return False
                elif before not in seen and not self._completes(self.steps.at(before)):
                    seen.add(before)
                    queue.append(before)
        return True

    def _completes(self, step: Step) -> bool:
        if isinstance(step.event, Call):
            return bool(step.event.targets) and all(target in self._completing for target in step.event.targets)
        return covers(step.event, COMPLETE)

    @cached_property
    def _completing(self) -> frozenset[str]:
        """Functions in which a DSB lies somewhere: whether on all ways is not asked."""
        return frozenset(
            cfg.usr
            for cfg in self.program.functions.values()
            if any(covers(step.event, COMPLETE) for step in cfg.steps())
        )

    @cached_property
    def _callers(self) -> dict[str, list[Place]]:
        found: dict[str, list[Place]] = {}
        for place, step in self._places():
            for target in step.event.targets if isinstance(step.event, Call) else ():
                found.setdefault(target, []).append(place)
        return found

    # --- work that is not complete ---

    def _windows(self) -> Iterator[tuple[Met, Met | None]]:
        """Work for other PEs that a DSB follows, outside what masks interrupts; and where it may be preempted first."""
        for place, step in self._places():
            if self._is_work(step) and not self._is_masked(place):
                ends, point = self._until_complete(place)
                if ends or point is not None:
                    yield self._met(place), point

    def _is_work(self, step: Step) -> bool:
        match step.event:
            case Tlbi(op):
                return reach_of(op) is not Work.LOCAL
            case DescriptorWrite():
                return True
            case Access() as access:
                return is_table_store(access)
        return False

    def _is_masked(self, place: Place) -> bool:
        """Whether interrupts are masked earlier in the same function, on some way."""
        queue, seen = [place], {place}
        while queue:
            for before in self.steps.before(queue.pop()):
                if before is None or before in seen:
                    continue
                step = self.steps.at(before)
                if _masks(step) or (isinstance(step.event, Call) and set(step.event.targets) & self._masking):
                    return True
                seen.add(before)
                queue.append(before)
        return False

    @cached_property
    def _masking(self) -> frozenset[str]:
        return frozenset(
            cfg.usr
            for cfg in self.program.functions.values()
            if any(_masks(step) for step in cfg.steps()) and not any(_enables(step) for step in cfg.steps())
        )

    def _until_complete(self, place: Place) -> tuple[bool, Met | None]:
        """Whether a DSB follows in the function, and the first step before it at which the thread may be preempted."""
        ends, point = False, None
        queue, seen = [place], {place}
        while queue:
            for following in self.steps.after(queue.pop(0)):
                if following is None or following in seen:
                    continue
                seen.add(following)
                step = self.steps.at(following)
                if self._completes(step):
                    ends = True
                    continue
                preempts = isinstance(step.event, Call) and self.named.preempting(step.event.qualified)
                if point is None and (preempts or _enables(step)):
                    point = self._met(following)
                queue.append(following)
        return ends, point


def _masks(step: Step) -> bool:
    match step.event:
        case SysregWrite("daifset", Const(bits)):
            return bool(bits & INTERRUPTS)
    return False


def _enables(step: Step) -> bool:
    match step.event:
        case SysregWrite("daifclr", Const(bits)):
            return bool(bits & INTERRUPTS)
        case SysregWrite("daif"):
            return True
    return False
