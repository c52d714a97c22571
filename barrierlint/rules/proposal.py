"""A repair told: where its places are in the text, what to write there, how the witness reads with it.

What it does not model: which places are best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from barrierlint.cfg.graph import Program
from barrierlint.dataflow.grouping import Group, Loops
from barrierlint.dataflow.places import Grounds, Passed, Place, Walk
from barrierlint.events import Call, ContextSync, Dsb, Event, Tlbi
from barrierlint.finding import Repair, Span
from barrierlint.rules.edits import Spot, edits, spot
from barrierlint.rules.idiom import Written
from barrierlint.rules.narrate import short, witness


class Telling:
    """Tells the repairs of one program."""

    def __init__(self, program: Program, grounds: Grounds, loops: Loops) -> None:
        self.program = program
        self.grounds = grounds
        self.loops = loops
        self.spots: dict[Place, Spot | None] = {}

    def spot(self, place: Place) -> Spot | None:
        """Where a place is in the text; None where nothing can be put."""
        if place not in self.spots:
            self.spots[place] = self._find(place)
        return self.spots[place]

    def _find(self, place: Place) -> Spot | None:
        for cfg in self.program.functions.values():
            if place.within(cfg) and (found := self.grounds.body(cfg)):
                return spot(*found, place)
        return None

    def repair(self, group: Group, written: Mapping[Place, Written], anchor: int) -> Repair:
        """The repair of a group by what is written at places; the shown path needs it after its mark `anchor`."""
        chain = [p for p in Walk(group.shown, self.grounds, self.loops).places() if p.index > anchor]
        passed = {p.place: p for p in reversed(chain) if p.place in written}
        steps = {
            passed[place].index: tuple((self._span(place), event) for event in one.events)
            for place, one in written.items()
            if place in passed
        }
        path = witness(group.shown, self.program.functions, steps) if steps else None
        first, *more = sorted(written, key=lambda place: (place not in passed, place))
        others = tuple(self._one(place, written[place], self._where(place)) for place in more)
        where = self._after(group, passed[first], chain, anchor) if first in passed else ""
        why = _why(len(group.members), where or self._where(first), written[first].events, len(more))
        made = self._one(first, written[first], why)
        return Repair(made.at, made.lines, made.why, made.edits, made.events, path, others, True)

    def _one(self, place: Place, one: Written, why: str) -> Repair:
        found = self.spot(place)
        assert found is not None
        made = edits(found, one.lines)
        return Repair(made[0].span, one.lines, why, made, one.events, verified=True)

    def _span(self, place: Place) -> Span:
        found = self.spot(place)
        assert found is not None
        line = found.layout.line(place.offset)
        return Span(place.path, line, place.offset - found.layout.line_start(place.offset) + 1)

    def _after(self, group: Group, passed: Passed, chain: Sequence[Passed], anchor: int) -> str:
        """Where a place is, if it is the first behind what it must follow; "" if not."""
        if passed.place.end or next(p.place for p in chain if p.function == passed.function) != passed.place:
            return ""
        name = short(self.program.functions[passed.function].qualified)
        if anchor >= 0 and group.shown.path[anchor].function == passed.function:
            mark = group.shown.path[anchor]
            event = self.program.functions[mark.function].blocks[mark.block].steps[mark.step].event
            return f"in {name}(), after the {_called((event,))}" if isinstance(event, Dsb | Tlbi) else ""
        if anchor < 0 and not passed.height:
            return f"in {name}(), after the write"
        calls = [m for m in group.shown.path if m.function == passed.function and m.role in ("enter", "pass")]
        step = self.program.functions[passed.function].blocks[calls[0].block].steps[calls[0].step] if calls else None
        if step is not None and isinstance(step.event, Call):
            return f"in {name}(), after it calls {short(step.event.qualified)}()"
        return ""

    def _where(self, place: Place) -> str:
        cfg = next(c for c in self.program.functions.values() if place.within(c))
        name = short(cfg.qualified)
        found = self.spot(place)
        assert found is not None
        if found.statement is None:
            return f"at the end of {name}()"
        if found.statement.kind == "return":
            return f"in {name}(), before it returns"
        before = found.statement.previous()
        if before is not None and before.kind in ("loop", "do"):
            return f"in {name}(), after the loop"
        return f"in {name}(), before line {found.layout.line(place.offset)}"


def _why(paths: int, where: str, events: Sequence[Event], more: int) -> str:
    serves = "this path" if paths == 1 else f"all {paths} paths"
    if not more:
        return f"{where}: one {_called(events)} there serves {serves}"
    return f"{where} and at {more} more: no single place serves {serves}"


def _called(events: Sequence[Event]) -> str:
    if len(events) == 2 and isinstance(events[0], Dsb) and isinstance(events[1], ContextSync):
        return "barrier pair"
    if len(events) == 1:
        return {Dsb: "DSB", ContextSync: "ISB", Tlbi: "TLBI"}.get(type(events[0]), "step")
    return "sequence"
