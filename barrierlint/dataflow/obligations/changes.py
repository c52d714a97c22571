"""The debt of a valid descriptor that is replaced by another valid one: break-before-make was owed before.

It is a defect where it stands. That the old one is valid must be known from outside: read and tested, not put together
here, nor in a table that was given without valid entries. Permissions, the access flag and software's bits may change
in place; the output address, type, memory type, shareability, the contiguous and the global bit may not (DDI 0487
D8.16.1). Where nothing tells that it is valid, one that keeps valid bit and output address, while its memory type or
shareability is replaced, is an entry in use as well (`KEPT`): an invalid one has nothing there to be kept. What it does
not model: sizes told apart by FEAT_BBML2, and output addresses whose contents are equal.
"""

from __future__ import annotations

from barrierlint.dataflow.bits import VALID, known_bits
from barrierlint.dataflow.changes import differing, surviving
from barrierlint.dataflow.debts import CHANGE, Debt
from barrierlint.dataflow.memory import root
from barrierlint.dataflow.obligations.breaks import is_own_work
from barrierlint.dataflow.obligations.obligation import Obligation
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.state import State, is_zeroed
from barrierlint.events import DescriptorWrite, Event, Transition
from barrierlint.terms import MASK64, Apply, Const, Term

CONTIGUOUS = 1 << 52
MEMORY_TYPE, SHAREABILITY, OUTPUT = 0b111 << 2, 0b11 << 8, ((1 << 36) - 1) << 12
KINDS_OF_CHANGE = (
    ("type", 0b10),
    ("memory type", MEMORY_TYPE),
    ("shareability", SHAREABILITY),
    ("global bit", 1 << 11),
    ("output address", OUTPUT),
    ("contiguous bit", CONTIGUOUS),
)
"""What may not change in place. Software's bits, UXN and PXN, DBM, the access flag and AP may."""
KEPT = "kept"
"""Seen of a debt: valid or not, the descriptor stays as it was; only its attributes are replaced."""
RECKONED = "reckoned"
"""Remarked of a write, and seen of a debt: whether the old descriptor was valid is asked afterwards."""


def pay(state: State, _event: Event) -> Debt | None:
    """It is too late."""
    return state.debt


def relate(_state: State, _event: Event) -> Relation | None:
    """Nothing further depends on it."""
    return None


def presume(born: State, write: DescriptorWrite) -> bool:
    """Both are valid, and differ in what may not change in place."""
    assert born.debt is not None
    if write.old is None or is_own_work(write.old) or is_zeroed(root(write.location)):
        return False
    bits = born.facts.bits
    old, new = known_bits(write.old, bits), known_bits(write.value, bits)
    if not old[0] & new[0] & VALID:
        if (old[1] | new[1]) & VALID:
            return False
        if not new[0] & VALID or born.remark != RECKONED:
            return _replaces_attributes(born, write.old, write.value)
        born.debt = born.debt.sees(RECKONED)
    found = differing(write.old, write.value, old, new)
    changed = MASK64 & ~VALID if found is None else found
    changed &= ~equal_bits(born, write.old, write.value) & sum(mask for _, mask in KINDS_OF_CHANGE)
    if not new[0] & CONTIGUOUS:
        changed &= ~CONTIGUOUS  # what no mask names is not in use
    if not changed:
        return False
    born.debt = _named(born.debt, changed)
    return True


def _replaces_attributes(born: State, old: Term, new: Term) -> bool:
    """Whether a descriptor of which nothing tells that it is valid stays so, with another memory type or
    shareability.
    """
    survive = surviving(new, old)
    changed = (MEMORY_TYPE | SHAREABILITY) & ~survive & ~equal_bits(born, old, new)
    if born.debt is None or ~survive & (VALID | OUTPUT) or not changed:
        return False
    born.debt = _named(born.debt, changed).sees(KEPT)
    return True


def _named(debt: Debt, changed: int) -> Debt:
    for name, mask in KINDS_OF_CHANGE:
        if changed & mask:
            debt = debt.sees(name)
    return debt


def equal_bits(state: State, old: Term, new: Term) -> int:
    """The bits that a condition on the path says are equal: those of M where `(old & M) == (new & M)` holds."""
    found = 0
    for condition, truth in state.facts.truths.items():
        match condition:
            case Apply("==" | "!=" as op, (left, right)) if truth == (op == "=="):
                (a, first), (b, second) = _masked(left), _masked(right)
                if {a, b} == {old, new}:
                    found |= first & second
    return found


def _masked(term: Term) -> tuple[Term, int]:
    match term:
        case Apply("&", (inner, Const(mask))) | Apply("&", (Const(mask), inner)):
            return inner, mask
    return term, MASK64


OBLIGATION = Obligation(
    CHANGE,
    pay,
    relate,
    frozenset({Transition.CHANGE, Transition.MAKE, Transition.UNKNOWN}),
    presume=presume,
    at_once=lambda debt: Relation.EXACT if debt.seen.isdisjoint((KEPT, RECKONED)) else Relation.POSSIBLE,
)
