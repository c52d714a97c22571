"""What a kind of debt is, as a value: what bears it, what pays it, what depends on it.

Events come evaluated: operands are terms over the function's entry symbols, descriptor writes are classified. What it
does not model: how states meet and cross calls, which is the same for every kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from barrierlint.dataflow.debts import Debt
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.state import State
from barrierlint.events import DescriptorWrite, Event, Transition
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


def never(_state: State, _event: Event) -> None:
    """No event depends, none bears."""


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
    that `presume` can be learnt in the newborn state. `open` says whether it is a defect to leave the analysed code
    with it. An event is first related, then pays.
    """

    kind: str
    pay: Callable[[State, Event], Debt | None]
    relate: Callable[[State, Event], Relation | None]
    transitions: frozenset[Transition] = frozenset()
    bear: Callable[[State, Event], Birth | None] = never
    presume: Callable[[State, DescriptorWrite], bool] = nothing
    open: Callable[[Debt], bool] = always
