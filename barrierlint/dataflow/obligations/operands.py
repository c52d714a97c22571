"""The debt of a TLBI whose operand is wrong: a defect where it stands, or carried up to who hands the operand in.

Nothing pays it. What it does not model: see `dataflow.operands`.
"""

from __future__ import annotations

from dataclasses import replace

from barrierlint.cfg.graph import Cfg
from barrierlint.dataflow.debts import OPERAND, Debt
from barrierlint.dataflow.halves import mirrored
from barrierlint.dataflow.invalidations import parse
from barrierlint.dataflow.obligations.obligation import Birth, Obligation
from barrierlint.dataflow.operands import ABSENT, CUT, OPEN, UNMASKED, handed, is_asid, mistake
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.state import State
from barrierlint.dataflow.values import leaves
from barrierlint.events import Event, Tlbi
from barrierlint.terms import Term, Unknown


def pay(state: State, _event: Event) -> Debt | None:
    """Nothing does."""
    return state.debt


def relate(_state: State, _event: Event) -> Relation | None:
    """Nothing depends on it but what the TLBI was to drop."""
    return None


def bear(state: State, event: Event) -> Birth | None:
    """A TLBI whose operand is known to be wrong, or handed in."""
    match event:
        case Tlbi(op=op, operand=operand) if operand is not None and (operation := parse(op)) is not None:
            given = _one_root(state, operand)
            wrong = mistake(operation, given, state.facts.bits)
            if wrong == ABSENT and _decides_asid(state):
                return None
            if state.remark == CUT and wrong in ("", OPEN):
                wrong, given = CUT, mirrored(given)
            words = frozenset({f"op:{op}"})
            return Birth("" if wrong == OPEN else wrong, seen=words, slot=given) if wrong else None
    return None


def _decides_asid(state: State) -> bool:
    """Whether the path was chosen by an ASID's value: the one for all, or none yet, may be 0."""
    known = (*state.facts.truths, *state.facts.bits)
    return any(is_asid(leaf) for term in known for leaf in leaves(term))


def _one_root(state: State, operand: Term) -> Term:
    """What a merged value (a loop's address) started from, where that is one thing."""
    sources = state.phis.sources.get(operand) if isinstance(operand, Unknown) else None
    return next(iter(sources)) if sources is not None and len(sources) == 1 else operand


def at_once(debt: Debt) -> Relation | None:
    """Known to be wrong where it stands; whether an address has upper bits to run into the ASID, or to miss, is not."""
    if not debt.subject:
        return None
    return Relation.POSSIBLE if debt.subject in (UNMASKED, CUT) else Relation.EXACT


def leaving(debt: Debt, cfg: Cfg) -> Debt | None:
    """Judge what callers that nobody analysed hand in: by its shape here, or as an address by type or name."""
    if debt.slot is None:
        return None
    op = next(word[3:] for word in debt.seen if word.startswith("op:"))
    operation = parse(op)
    if operation is None:
        return None
    wrong = mistake(operation, debt.slot, {})
    if wrong == OPEN:
        wrong = handed(operation, debt.slot, dict(zip(cfg.params, cfg.param_types, strict=False)))
    return replace(debt, subject=wrong) if wrong else None


OBLIGATION = Obligation(OPERAND, pay, relate, bear=bear, at_once=at_once, leaving=leaving)
