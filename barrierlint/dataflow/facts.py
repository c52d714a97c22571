"""What is known on a path: conditions that hold, and bits of values; how a condition refines them, and when it
cannot hold.

`assume` is the transfer function of a guard (property simulation: Das, Lerner, Seigle, PLDI 2002). What it does not
model: order relations between two unknowns, beyond the very same comparison tested again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from barrierlint.dataflow.bits import NO_BITS, Bits, are_equal, known_bits
from barrierlint.dataflow.values import COMPARISONS, FALSE, NEGATED, fold, leaves, rebuild
from barrierlint.terms import MASK64, AddressOf, Apply, Const, Term, Unknown

CURRENT_LEVEL = Unknown("sysreg:currentel")
"""What CurrentEL reads: the same everywhere, until an exception is taken or left."""
_LEVELS = (Const(1 << 2), Const(2 << 2), Const(3 << 2))
"""What it can read (DDI 0487 C5.2.1); EL0 cannot ask."""


@dataclass(slots=True)
class Facts:
    """Conditions known true or false, and known bits of values."""

    truths: dict[Term, bool] = field(default_factory=dict)
    bits: dict[Term, Bits] = field(default_factory=dict)

    def copy(self) -> Facts:
        """Return an independent copy."""
        return Facts(dict(self.truths), dict(self.bits))

    def decide(self, condition: Term) -> bool | None:
        """Return whether `condition` is non-zero, None if that is not known."""
        if isinstance(condition, Const):
            return condition.value != 0
        known = self.truths.get(condition)
        if known is not None:
            return known
        chosen = self._chosen(condition)
        return self.decide(chosen) if chosen != condition else self._by_structure(condition)

    def _chosen(self, term: Term) -> Term:
        """`term` with each choice whose condition is known replaced by the value chosen."""
        match term:
            case Apply("load", _):
                return term
            case Apply("?:", (condition, yes, no)):
                value = self.decide(condition)
                return term if value is None else self._chosen(yes if value else no)
            case Apply(op, args):
                chosen = tuple(self._chosen(arg) for arg in args)
                return term if chosen == args else fold(op, chosen)
        return term

    def _by_structure(self, condition: Term) -> bool | None:
        match condition:
            case AddressOf():
                return True
            case Apply("!", (operand,)):
                value = self.decide(operand)
                return None if value is None else not value
            case Apply("&&", (left, right)):
                a, b = self.decide(left), self.decide(right)
                return False if a is False or b is False else (True if a and b else None)
            case Apply("||", (left, right)):
                a, b = self.decide(left), self.decide(right)
                return True if a or b else (False if a is False and b is False else None)
            case Apply(op, (left, right)) if op in ("==", "!="):
                equal = self._equal(left, right)
                return self._by_level(condition) if equal is None else equal == (op == "==")
            case Apply(op, args) if op in NEGATED:
                known = self.truths.get(Apply(NEGATED[op], args))
                return self._by_level(condition) if known is None else not known
        ones, zeros = known_bits(condition, self.bits)
        return True if ones else (False if zeros == MASK64 else self._by_level(condition))

    def _by_level(self, condition: Term) -> bool | None:
        """What the exception levels that no condition rules out tell."""
        if not _asks(condition):
            return None
        found = {_at(condition, level) for level in self._levels()}
        return found.pop() if len(found) == 1 else None

    def _levels(self) -> list[Const]:
        """The values of CurrentEL that no condition rules out."""
        asked = [(condition, truth) for condition, truth in self.truths.items() if _asks(condition)]
        return [level for level in _LEVELS if all(_at(condition, level) is truth for condition, truth in asked)]

    def _equal(self, left: Term, right: Term) -> bool | None:
        if (known := self.truths.get(Apply("==", (left, right)))) is not None:
            return known
        if right == FALSE and isinstance(left, AddressOf):
            return False
        if right == FALSE:
            truth = self.truths.get(left)
            if truth is not None:
                return not truth
        return are_equal(known_bits(left, self.bits), known_bits(right, self.bits))

    def assume(self, condition: Term, holds: bool) -> bool:
        """Learn that `condition` is (not) zero; return False where that contradicts what is known."""
        known = self.decide(condition)
        if known is not None:
            return known == holds
        self.truths[condition] = holds
        self._learn(condition, holds)
        return True

    def _learn(self, condition: Term, holds: bool) -> None:
        match condition:
            case Apply("!", (operand,)):
                self.assume(operand, not holds)
            case Apply("&&", (left, right)) if holds:
                self.assume(left, True)
                self.assume(right, True)
            case Apply("||", (left, right)) if not holds:
                self.assume(left, False)
                self.assume(right, False)
            case Apply("&&", (left, right)):
                self._learn_other(left, right, True)
            case Apply("||", (left, right)):
                self._learn_other(left, right, False)
            case Apply("==" | "!=" as op, (left, Const(value))):
                self._learn_value(left, value, (op == "==") == holds)
            case _:
                if not isinstance(condition, Apply) or condition.op not in COMPARISONS:
                    self._learn_value(condition, 0, not holds)

    def _learn_other(self, left: Term, right: Term, decided: bool) -> None:
        """One operand has the value that decides nothing: the other one must decide."""
        if self.decide(left) is decided:
            self.assume(right, not decided)
        elif self.decide(right) is decided:
            self.assume(left, not decided)

    def _learn_value(self, term: Term, value: int, equal: bool) -> None:
        if equal:
            self.learn_bits(term, value, ~value & MASK64)
            if value == 0:
                self.truths[term] = False
            return
        if value == 0:
            self.truths[term] = True
        unknown = ~(known_bits(term, self.bits)[0] | known_bits(term, self.bits)[1]) & MASK64
        if unknown and unknown & (unknown - 1) == 0:
            wanted = unknown & ~value
            self.learn_bits(term, wanted, unknown & ~wanted)

    def learn_bits(self, term: Term, ones: int, zeros: int) -> bool:
        """Learn bits of `term` and, through masks and shifts, of what it is computed from; False on contradiction."""
        known = known_bits(term, self.bits)
        if known[0] & zeros or known[1] & ones:
            return False
        if isinstance(term, Const):
            return True
        old = self.bits.get(term, (0, 0))
        self.bits[term] = (old[0] | ones, old[1] | zeros)
        match term:
            case Apply("&", (operand, Const(mask))) | Apply("&", (Const(mask), operand)):
                return self.learn_bits(operand, ones & mask, zeros & mask)
            case Apply("|", (operand, Const(mask))) | Apply("|", (Const(mask), operand)):
                return self.learn_bits(operand, ones & ~mask, zeros & ~mask)
            case Apply("^", (operand, Const(mask))):
                return self.learn_bits(operand, (ones & ~mask) | (zeros & mask), (zeros & ~mask) | (ones & mask))
            case Apply("~", (operand,)):
                return self.learn_bits(operand, zeros, ones)
            case Apply(">>", (operand, Const(n))) if n < 64:
                return self.learn_bits(operand, (ones << n) & MASK64, (zeros << n) & MASK64)
            case Apply("<<", (operand, Const(n))) if n < 64:
                return self.learn_bits(operand, ones >> n, zeros >> n)
            case Apply(op, (operand,)) if op.startswith("zext "):
                mask = (1 << int(op[5:])) - 1
                return self.learn_bits(operand, ones & mask, zeros & mask)
        return True

    def level(self) -> Term | None:
        """The condition that says which exception level runs, None where that is not known."""
        possible = self._levels()
        return Apply("==", (CURRENT_LEVEL, possible[0])) if len(possible) == 1 else None

    def meet(self, other: Facts) -> Facts:
        """What holds on both paths."""
        truths, bits = self.truths, self.bits
        if truths != other.truths:
            truths = {k: v for k, v in truths.items() if other.truths.get(k) is v}
        if bits != other.bits:
            bits = {}
            for term, (ones, zeros) in self.bits.items():
                known = other.bits.get(term)
                if known is not None:
                    both = (ones & known[0], zeros & known[1])
                    if both != NO_BITS:
                        bits[term] = both
        return Facts(truths, bits)


def _asks(condition: Term) -> bool:
    """Whether a condition depends on the exception level and nothing else."""
    found = None
    for found in leaves(condition):
        if found != CURRENT_LEVEL:
            return False
    return found is not None


def _at(condition: Term, level: Const) -> bool | None:
    value = rebuild(condition, lambda _: level)
    return value.value != 0 if isinstance(value, Const) else None
