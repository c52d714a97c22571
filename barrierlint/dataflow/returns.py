"""How a callee's exit state reads in its caller: what of it the caller can name, and in the caller's terms.

What it does not model: memory a callee changes through pointers that its caller cannot name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from barrierlint.cfg.graph import RETURN, Cfg
from barrierlint.dataflow.bits import Bits, known_bits
from barrierlint.dataflow.calls import OTHER, is_frame_local
from barrierlint.dataflow.debts import MAKE, UNKNOWN_SHIFT, Debt
from barrierlint.dataflow.facts import CURRENT_LEVEL
from barrierlint.dataflow.memory import is_near
from barrierlint.dataflow.obligations.make import USER
from barrierlint.dataflow.phis import Phis
from barrierlint.dataflow.provenance import walk_index, walk_shift
from barrierlint.dataflow.state import State
from barrierlint.dataflow.values import is_large, leaves, rebuild
from barrierlint.events import Call
from barrierlint.terms import AddressOf, Apply, Term, Unknown

MAX_CHAIN = 2
"""Calls that a symbol's name tells, beside the innermost."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What of an exit state any caller can name."""

    result: Term
    cells: tuple[tuple[Term, Term], ...]
    truths: tuple[tuple[Term, bool], ...]
    bits: tuple[tuple[Term, Bits], ...]
    touched: tuple[Term, ...]
    lost: frozenset[str]
    debt: Debt | None


def exported(exit: State, callee: Cfg) -> Exported:
    """The part of an exit state that is made of arguments, globals and what the callee returns."""
    result = exit.variables.get(RETURN, Unknown("result"))
    visible = {*(Unknown(name) for name in callee.params), *leaves(result), CURRENT_LEVEL}

    def seen(term: Term) -> bool:
        return _is_visible(term, visible, callee.usr)

    return Exported(
        result,
        tuple((cell, value) for cell, value in exit.cells.items() if seen(cell)),
        tuple((term, truth) for term, truth in exit.facts.truths.items() if seen(term)),
        tuple((term, bits) for term, bits in exit.facts.bits.items() if seen(term)),
        tuple(sorted((term for term in exit.touched if seen(term)), key=repr)),
        exit.lost,
        exit.debt,
    )


def _is_visible(term: Term, visible: set[Term], usr: str) -> bool:
    for leaf in leaves(term):
        match leaf:
            case AddressOf(id, kind):
                if kind != "global" and is_frame_local(id, usr):
                    return False
            case Apply("load", (address,)):
                if leaf not in visible and not _is_visible(address, visible, usr):
                    return False
            case _:
                if leaf not in visible:
                    return False
    return True


class Leave:
    """A callee's exits in the terms of one caller state at one call."""

    def __init__(
        self, caller: State, call: Call, callee: Cfg, callee_phis: Phis, phis: Phis, site: tuple[int, int]
    ) -> None:
        self.caller = caller
        self.callee = callee
        self.callee_phis = callee_phis
        self.phis = phis
        self.site = site
        self.place = f"@{site[0]}.{site[1]}"
        self.arguments: dict[Term, Term] = {
            Unknown(name): caller.evaluate(arg) for name, arg in zip(callee.params, call.args, strict=False)
        }
        self.grown = callee_phis.grown
        self.memo: dict[Term, Term] = {}
        self.terms: dict[Term, Term] = {}

    def term(self, term: Term) -> Term:
        """A value of the callee in the caller's symbols."""
        value = self.terms.get(term)
        if value is None:
            value = rebuild(term, self._leaf)
            value = self.terms[term] = self.phis.large(value) if is_large(value) else value
        return value

    def _leaf(self, leaf: Term) -> Term:
        if leaf in self.arguments:
            return self.arguments[leaf]
        if leaf in self.memo:
            return self.memo[leaf]
        match leaf:
            case Apply("load", (address,)):
                found = self.caller.read(self.term(address), self.place)
            case Unknown(id) if not id.startswith("sysreg:"):
                found = Unknown(self._rename(id))
                self.memo[leaf] = found
                if given := self.callee_phis.given.get(leaf):
                    inner = (origin for symbol in given for origin in self.phis.origins(self.term(symbol)))
                    self.phis.was_given(found, inner)
                made_from = tuple(self.callee_phis.sources.get(leaf, ()))  # a copy: of a recursive call they grow
                if made_from:
                    self.phis.note(found, (b for r in made_from for b in self.phis.ordered_roots(self.term(r))))
            case _:
                found = leaf
        self.memo[leaf] = found
        return found

    def _rename(self, id: str) -> str:
        """A callee's symbol, named for this call; of a long chain only the innermost calls stay: recursion ends."""
        return "/".join([self.place, *id.split("/")[-MAX_CHAIN:]])

    def state(self, out: Exported, into: str | None, ordered: bool) -> State | None:
        """The caller's state after the call; None where the callee's facts contradict the caller's."""
        after = self.caller.copy()
        for cell, value in out.cells:
            if is_near(here := self.term(cell)):
                after.cells[here] = self.term(value)
        for term, truth in out.truths:
            if not after.facts.assume(self.term(term), truth):
                return None
        for term, bits in out.bits:
            if not after.facts.learn_bits(here := self.term(term), *self._unless_known(here, bits, out.debt)):
                return None
        if into is not None:
            after.variables[into] = self.term(out.result)
        after.touched = after.touched.union(*(self.phis.roots(self.term(t)) for t in out.touched))
        after.lost |= out.lost
        after.debt = self._debt(out.debt, ordered)
        return after

    def _unless_known(self, here: Term, bits: Bits, debt: Debt | None) -> Bits:
        """Bits learnt in the callee, without what a debt born there only supposes, and the caller knows better."""
        born = debt is not None and debt.kind == MAKE and debt.born is not None
        known = known_bits(here, self.caller.facts.bits)[0] if born and bits[1] & USER else 0
        return (bits[0], bits[1] & ~(known & USER))

    def mapped(self, place: int, out: Exported) -> frozenset[Term]:
        """The base symbols of the address that the callee maps by its model: parameter `place`, or its result."""
        params = self.callee.params
        named = Unknown(params[place]) if 0 <= place < len(params) else out.result
        return self.phis.roots(self.term(named))

    def _debt(self, debt: Debt | None, ordered: bool) -> Debt | None:
        if debt is None:
            return None
        if debt.born is None and self.caller.debt is not None:
            return self.caller.debt.after(debt) if ordered else self.caller.debt
        maps = frozenset(base for m in debt.maps for base in self.phis.roots(self.term(m)))
        location = frozenset(base for m in debt.location for base in self.phis.roots(self.term(m)))
        if debt.maps and not maps:
            maps = frozenset({OTHER})
        place = None if debt.place is None else self.term(debt.place)
        slot = None if debt.slot is None else self.term(debt.slot)
        index = None if place is None or maps else walk_index(place)
        if index is not None:
            maps = frozenset(base for base in self.phis.roots(index) if not isinstance(base, AddressOf))
            shift = (walk_shift(place) if place is not None else None) or UNKNOWN_SHIFT
            debt = replace(debt, leaves=tuple(replace(leaf, shift=min(leaf.shift, shift)) for leaf in debt.leaves))
        return replace(debt, born=self.site, maps=maps, location=location, place=None if maps else place, slot=slot)
