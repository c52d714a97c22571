"""What a code base does by design, as its models tell it, in the analysis's terms; and which defects that excuses.

Functions of the program are named by USR, those that are called by qualified name. A debt is excused only where it
leaves what was analysed: an access that depends on it is a defect, whatever the policy. What it does not model: a flag
that is set in a function of its own, or before the write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from barrierlint.dataflow.deallocation import Deallocators
from barrierlint.dataflow.debts import MAKE, REGISTER, RESULT, Progress
from barrierlint.dataflow.relations import Relation
from barrierlint.events import Access, Call, Event, Kind
from barrierlint.terms import AddressOf, Const, Field, Term

if TYPE_CHECKING:
    from barrierlint.cfg.graph import Cfg
    from barrierlint.dataflow.obligations.obligation import Obligation
    from barrierlint.dataflow.witness import Defect

FLAGGED = "flagged"
"""Seen of a debt: a flag that says that something is still owed was set after the write."""


@dataclass(frozen=True, slots=True)
class Policies:
    """What the models say beyond single instructions.

    Calls, by qualified name: `deallocators` give memory back, `zeroed` return a table without valid entries. Functions,
    by USR: in `offline` and
    `private` ones no walker, or no other PE's, sees the tables written; `returning` ones have callers that return by
    ERET; what `deferred` ones leave owed the drain named pays. `flags` are patterns of members and globals.
    """

    deallocators: Deallocators = field(default_factory=Deallocators)
    zeroed: frozenset[str] = frozenset()
    offline: frozenset[str] = frozenset()
    private: frozenset[str] = frozenset()
    returning: frozenset[str] = frozenset()
    deferred: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    def carries(self, event: Event, value: Term | None) -> bool:
        """Whether an access sets a flag; `value` is what it stores, evaluated, where it is a plain store."""
        if not isinstance(event, Access) or event.kind is Kind.READ or value == Const(0):
            return False
        return self.is_flag(event.address)

    def is_flag(self, address: Term) -> bool:
        """Whether a flag lies at an address."""
        if not self.flags:
            return False
        name = address.name if isinstance(address, Field) else address.id if isinstance(address, AddressOf) else ""
        return bool(name) and any(re.fullmatch(flag, part) for flag in self.flags for part in (name, _short(name)))

    def excuse(self, defect: Defect, graphs: Mapping[str, Cfg], kinds: Mapping[str, Obligation]) -> bool:
        """Whether a debt may leave the analysed code as it is, or owes nothing at all."""
        if not kinds[defect.debt.kind].offline and self.offline & {mark.function for mark in defect.carriers}:
            return True
        functions = {defect.leaf.site.function, *(mark.function for mark in defect.path), *_passed(defect, graphs)}
        debt = defect.debt
        if debt.progress is Progress.LOCAL and functions & self.private:
            return True
        if defect.relation is not Relation.BOUNDARY:
            return False
        if FLAGGED in debt.seen or functions & self.deferred.keys():
            return True
        if debt.kind in (REGISTER, RESULT):
            return bool(functions & self.returning)
        completed = Progress.COMPLETED if debt.kind == MAKE else Progress.DONE
        return debt.progress >= completed and bool(functions & self.returning)


def _passed(defect: Defect, graphs: Mapping[str, Cfg]) -> set[str]:
    """The functions that were called and returned with the debt."""
    events = (
        graphs[mark.function].blocks[mark.block].steps[mark.step].event for mark in defect.path if mark.role == "pass"
    )
    return {target for event in events if isinstance(event, Call) for target in (event.callee, *event.targets)}


def _short(name: str) -> str:
    """The name of a global without what makes its identity unique."""
    return re.split(r"[@#]", name.rstrip("#"))[-1]
