"""Where the fewest and cheapest barriers cure a group of defects, tried on the graphs before it is proposed.

The places that the defects' paths pass make a network whose minimum vertex cut is the proposal; costs say what is
preferred (one place to two, none in a loop, none where callers pay already, the lowest function, the earliest).
The events are put into the graphs and what they can reach is analysed again: paths that are left join the network, a
place that does not do is barred, and the next cut is tried. What it does not model: the price of a barrier where no
loop shows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from barrierlint.cfg.graph import Cfg, Program
from barrierlint.dataflow.again import BUDGET, Again
from barrierlint.dataflow.debts import Progress
from barrierlint.dataflow.eclipses import is_shared, remaining
from barrierlint.dataflow.grouping import Group, Loops, clearest, pattern
from barrierlint.dataflow.insertion import inserted
from barrierlint.dataflow.network import Network
from barrierlint.dataflow.ordering import Analysis
from barrierlint.dataflow.places import Grounds, Place, Walk
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.witness import Defect, Mark, Witnesses
from barrierlint.events import At, ContextSync, Dsb, Event, Shareability, SysregWrite, Tlbi
from barrierlint.finding import Repair, Span
from barrierlint.models import Models
from barrierlint.rules.idiom import Idioms, Written
from barrierlint.rules.proposal import Telling
from barrierlint.rules.rule import Rule, instructions

LEAST = 20_000
"""Blocks that all trials may work on, beyond twice what the analysis did."""
TRIES = 6
"""Cuts tried for one group."""
MAX_PATHS = 64
"""Paths of one group that make its network; what others need shows when a cut is tried."""

Key = tuple[object, ...]


class Repairs:
    """Proposes repairs for the groups of one analysis."""

    def __init__(self, program: Program, models: Models, analysis: Analysis, rules: Sequence[Rule]) -> None:
        self.program = program
        self.models = models
        self.analysis = analysis
        self.rules = rules
        self.grounds = Grounds(program.functions)
        self.loops = Loops(program.functions)
        self.idioms = Idioms(program, models)
        self.telling = Telling(program, self.grounds, self.loops)
        self.owners = self._owners()
        self.alone = not is_shared(program) and any(
            isinstance(step.event, Dsb) and step.event.domain is Shareability.NSH
            for cfg in program.functions.values()
            for step in cfg.steps()
        )  # the program's own barriers say that its tables are those of one PE
        self.budget = LEAST + 2 * analysis.tabulation.worked
        self.known = {_key(defect, program.functions) for defect in analysis.defects}

    def repair(self, group: Group) -> tuple[Repair | None, str]:
        """The proposal for a group, or why there is none ("" where no instruction would do)."""
        due = self._due(group)
        if not any(self._owed(member) for member in group.members):
            return None, ""
        for behind in (True, False):  # behind what was done already; or before that
            network = Network()
            for defect in due[:MAX_PATHS]:
                self._add(network, defect, self.grounds, self.loops, behind)
            for _ in range(TRIES):
                if self.budget <= 0:
                    return None, "no more places were tried: verifying those proposed elsewhere took too long"
                cut = network.cut()
                if not cut:
                    break
                written = {place: self.idioms.write(network.prices[place].owed, place) for place in cut}
                if self._cures(network, due, written, behind):
                    anchor = _anchor(group.shown, self._owed(group.shown), self.program.functions) if behind else -1
                    return self.telling.repair(group, written, anchor), ""
        return None, "no place was found where a barrier was verified to serve every path: see what each path lacks"

    def _owners(self) -> dict[Key, list[Group]]:
        """The groups of each write."""
        owners: dict[Key, list[Group]] = {}
        for group in self.analysis.groups:
            for write in dict.fromkeys(_write(member) for member in group.members):
                owners.setdefault(write, []).append(group)
        return owners

    def _due(self, group: Group) -> list[Defect]:
        """All that a repair must cure: the members, and what their writes would show once those are gone."""
        due = dict.fromkeys(group.members)
        for defect in self.analysis.defects:
            if defect.relation is not Relation.WEAK and self._owner(defect) is group:
                due.setdefault(defect)
        return list(due)

    def _owner(self, defect: Defect) -> Group | None:
        """The group whose repair should cure a defect: that of the same write which ends there too, or whose function
        it passes.
        """
        groups = self.owners.get(_write(defect), [])
        if len(groups) < 2:
            return groups[0] if groups else None
        end = defect.path[-1]
        ends = (g for g in groups if any(_write(m) == _write(defect) and m.path[-1] == end for m in g.members))
        functions = self.program.functions
        names = {pattern(functions[mark.function]) for mark in defect.carriers}
        passed = (g for g in groups if pattern(functions[g.owes.function]) in names)
        return next(ends, None) or next(passed, groups[0])

    def _rule(self, defect: Defect) -> Rule | None:
        return next((rule for rule in self.rules if rule.speaks_of(defect)), None)

    def _owed(self, defect: Defect) -> tuple[Event, ...]:
        rule = self._rule(defect)
        events = instructions(rule.missing(defect)) if rule is not None else ()
        return tuple(replace(e, domain=Shareability.NSH) if isinstance(e, Dsb) and self.alone else e for e in events)

    # --- the network ---

    def _add(self, network: Network, defect: Defect, grounds: Grounds, loops: Loops, behind: bool) -> bool:
        """Add the places of a path; False if nothing on it is new."""
        owed = self._owed(defect)
        if not owed:
            return False
        first = _anchor(defect, owed, grounds.functions) if behind else -1
        chain = [
            p for p in Walk(defect, grounds, loops).places() if p.index > first and self._is_open(p.place, p.function)
        ]
        paid = max(
            (p.height for p in chain if not p.guest and self._is_paid_for(p.function, defect.debt.kind)), default=-1
        )
        top = max((p.height for p in chain if not p.guest), default=0)
        for passed in chain:
            network.note(passed, owed, passed.height <= paid and passed.height < top)
        places = list(dict.fromkeys(passed.place for passed in chain))
        if places in network.chains:
            return False
        network.chains.append(places)
        return True

    def _is_paid_for(self, function: str, kind: str) -> bool:
        """Whether callers of a function pay what it leaves unpaid of a kind."""
        return (pattern(self.program.functions[function]), kind) in self.analysis.payers.patterns

    def _is_open(self, place: Place, function: str) -> bool:
        """Whether something may be put at a place at all."""
        cfg = self.program.functions[function]
        return not self.models.exempt_function(cfg.qualified) and self.telling.spot(place) is not None

    # --- the trial ---

    def _cures(self, network: Network, due: list[Defect], written: dict[Place, Written], behind: bool) -> bool:
        """Whether the events at their places leave nothing of the group and bring nothing new.

        What does not leave the functions with the places unpaid needs no further look; else all is looked at from where
        the defects begin.
        """
        changed = inserted(self.program, {place: one.events for place, one in written.items()}, self.grounds)
        near = set(changed) | {d.path[0].function for d in due if not _passes(d, changed)}
        rest, new, sure = self._left(due, changed, near, near)
        if rest and sure:
            begun = {defect.path[0].function for defect in due}
            rest, new, sure = self._left(due, changed, begun, ())
        if not rest and not new and sure:
            return True
        functions = {**self.program.functions, **changed}
        writings = {_writing(defect, self.program.functions) for defect in due}
        akin = [defect for defect in new if _writing(defect, functions) in writings]
        if not self._learn(network, [*rest, *akin], Grounds(functions), behind):
            network.barred.update(written)
        return False

    def _left(
        self, due: list[Defect], changed: dict[str, Cfg], begun: Collection[str], edges: Collection[str]
    ) -> tuple[list[Defect], list[Defect], bool]:
        """What of a group is left, and what is new, in functions and what they call; and whether all was looked at.

        `edges` are functions whose callers are not looked at: nothing may leave them unpaid. Barriers only pay,
        and what is put in bears: debts of other writes than those due need no further look.
        """
        followed = {_writing(defect, self.program.functions) for defect in due}
        inner = set(edges) - self.analysis.tabulation.boundaries
        again = Again(self.analysis.tabulation, changed, begun, edges, followed, min(BUDGET, self.budget))
        self.budget -= again.worked
        functions = again.program.functions
        left = remaining(Witnesses(again).defects(begun), again.program)
        ours = {_write_key(defect, self.program.functions) for defect in due}
        shown = [defect for defect in clearest(left, functions) if self._rule(defect) is not None]
        rest = [d for d in shown if _write_key(d, functions) in ours]
        new = [d for d in shown if _key(d, functions) not in self.known and not _leaves(d, inner)]
        return rest, new, not again.exhausted

    def _learn(self, network: Network, rest: Sequence[Defect], grounds: Grounds, behind: bool) -> bool:
        """Take paths that are left into the network; False where nothing is learnt from them."""
        loops = Loops(grounds.functions)
        new = [self._add(network, defect, grounds, loops, behind) for defect in rest]
        return any(new)


def _anchor(defect: Defect, owed: Sequence[Event], functions: dict[str, Cfg]) -> int:
    """The index of the mark after which the missing steps must come: what of the sequence was done already."""
    done: tuple[type, ...] = ()
    if isinstance(owed[0], ContextSync):
        done = (Dsb, Tlbi, SysregWrite, At)
    elif isinstance(owed[0], Tlbi):
        done = (Dsb,)
    elif isinstance(owed[0], Dsb) and defect.debt.progress is Progress.INVALIDATED:
        done = (Tlbi,)
    found = [n for n, mark in enumerate(defect.path) if mark.role in ("write", "step") and _is(mark, done, functions)]
    return max(found, default=-1)


def _is(mark: Mark, kinds: tuple[type, ...], functions: dict[str, Cfg]) -> bool:
    return isinstance(functions[mark.function].blocks[mark.block].steps[mark.step].event, kinds)


def _passes(defect: Defect, functions: Collection[str]) -> bool:
    return any(mark.function in functions for mark in defect.carriers)


def _leaves(defect: Defect, edges: Collection[str]) -> bool:
    return defect.relation is Relation.BOUNDARY and defect.path[-1].function in edges


def _write(defect: Defect) -> Key:
    return (defect.leaf, defect.debt.kind, defect.debt.subject)


def _writing(defect: Defect, functions: dict[str, Cfg]) -> tuple[str, Span]:
    """Where a defect's debt is written."""
    site = defect.leaf.site
    return site.function, functions[site.function].blocks[site.block].steps[site.step].span


def _write_key(defect: Defect, functions: dict[str, Cfg]) -> Key:
    """A defect's write, in terms that a change elsewhere in its function leaves as they are."""
    return (defect.debt.kind, defect.debt.subject, *_writing(defect, functions))


def _key(defect: Defect, functions: dict[str, Cfg]) -> Key:
    return (*_write_key(defect, functions), *_end(defect, functions))


def _end(defect: Defect, functions: dict[str, Cfg]) -> Iterator[object]:
    end = defect.path[-1]
    yield end.function
    yield None if end.step < 0 else functions[end.function].blocks[end.block].steps[end.step].span
