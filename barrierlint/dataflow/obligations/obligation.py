"""What a kind of debt is, as a value: what bears it, what pays it, what depends on it.

Events come evaluated: operands are terms over the function's entry symbols, descriptor writes are classified. What it
does not model: how states meet and cross calls, which is the same for every kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from barrierlint.cfg.graph import Cfg
from barrierlint.dataflow.deallocation import Release
from barrierlint.dataflow.debts import Debt, Leaf, Progress
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.state import State
from barrierlint.events import Call, DescriptorWrite, Event, Transition
from barrierlint.terms import Term


@dataclass(frozen=True, slots=True)
class Birth:
    """A debt to be born at an event other than a descriptor write: what it is about, and the symbols it concerns.

    `transition` is what a report says of the step (`Leaf.transition`); `evidence` why it counts.
    """

    subject: str = ""
    transition: str = Transition.UNKNOWN.value
    evidence: tuple[str, ...] = ()
    maps: frozenset[Term] = frozenset()
    seen: frozenset[str] = frozenset()
    progress: Progress = Progress.WRITTEN
    slot: Term | None = None

    def debt(self, leaf: Leaf, kind: str) -> Debt:
        """The debt of a `kind` that the step of `leaf` bears."""
        born = (leaf.site.block, leaf.site.step)
        return Debt((leaf,), born, self.progress, self.seen, self.maps, kind=kind, subject=self.subject, slot=self.slot)


def never(_state: State, _event: Event) -> None:
    """No event depends, none bears."""


def unaffected(debt: Debt, _call: Call) -> Debt | None:
    """A call whose body was not seen pays nothing."""
    return debt


def later(_debt: Debt) -> Relation | None:
    """A step is no defect by itself."""
    return None


def unjudged(debt: Debt, _cfg: Cfg) -> Debt | None:
    """What leaves the analysed code is what was followed."""
    return debt


def indifferent(_debt: Debt) -> bool:
    """Loops count as they are."""
    return False


def as_it_is(debt: Debt, _event: Event) -> Debt:
    """A defect shows the debt as the event finds it."""
    return debt


def never_called(_state: State, _call: Call) -> None:
    """Calls of functions that are not here leave nothing to note."""


def never_given(_state: State, _release: Release) -> None:
    """What is given back to an allocator neither depends on it nor bears it."""


def at_large(_debt: Debt) -> bool:
    """What depends on it may name nothing of it."""
    return False


def by_name(_debt: Debt) -> bool:
    """What depends on it names it."""
    return True


def still(state: State, _release: Release) -> Debt:
    """Giving something back changes nothing."""
    assert state.debt is not None
    return state.debt


def always(_debt: Debt) -> bool:
    """Left unpaid at the edge of what was analysed, it is a defect."""
    return True


def nothing(_born: State, _write: DescriptorWrite) -> bool:
    """Nothing need hold for the debt to exist."""
    return True


@dataclass(frozen=True, slots=True)
class Obligation:
    """A kind of debt.

    `pay` gives the debt of a state after an event (None: paid), `relate` how an event depends on it (None: not at
    all), `bear` what another event than a descriptor write bears; writes bear it by their `transitions`, provided
    that `presume` can be learnt in the newborn state, whose debt it may refine. `open` says whether it is a defect to
    leave the analysed code with it, `unseen` what a call of a function that is not here pays. `slots`: a later write
    of the same descriptor depends on it. `named`: only what is computed from the symbols that it maps or lies at
    depends on it; where nothing can name these any more, it is dropped. `shown` adds to the debt of a defect what the
    event it ends in says of it. `invalidated_by_loops` says whether a loop that issues TLBIs is taken to run.
    `offline`: tables that a model calls offline bear it as well; `exempt`: so do writes that a model exempts. `note`
    and `note_unseen` keep in a state, debt or none, what later births depend on. `at_once`: the step that bears it is
    a defect, and nothing further is followed. `leaving` judges it where it leaves a function that anyone may call
    (None: no defect). Of calls that give memory back `releases` says how they depend on it, `after_release` what the
    debt is then, and `gives` what they bear. An event is first related, then bears and pays, then is noted.
    """

    kind: str
    pay: Callable[[State, Event], Debt | None]
    relate: Callable[[State, Event], Relation | None]
    transitions: frozenset[Transition] = frozenset()
    bear: Callable[[State, Event], Birth | None] = never
    presume: Callable[[State, DescriptorWrite], bool] = nothing
    open: Callable[[Debt], bool] = always
    unseen: Callable[[Debt, Call], Debt | None] = unaffected
    slots: bool = False
    named: Callable[[Debt], bool] = at_large
    shown: Callable[[Debt, Event], Debt] = as_it_is
    invalidated_by_loops: Callable[[Debt], bool] = indifferent
    offline: bool = False
    exempt: bool = False
    note: Callable[[State, Event], None] = never
    note_unseen: Callable[[State, Call], None] = never_called
    at_once: Callable[[Debt], Relation | None] = later
    leaving: Callable[[Debt, Cfg], Debt | None] = unjudged
    gives: Callable[[State, Release], Birth | None] = never_given
    releases: Callable[[State, Release], Relation | None] = never_given
    after_release: Callable[[State, Release], Debt] = still
