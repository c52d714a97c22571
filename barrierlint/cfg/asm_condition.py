"""Conditions of the assembler as terms: what the last comparison tells, and what CSEL and its family choose by it.

What it does not model: overflow, carry, and comparisons of comparisons (CCMP).
"""

from __future__ import annotations

from barrierlint.cfg.asm_machine import ZERO, Machine, apply, invert, sign_extend, zero_extend
from barrierlint.terms import MASK64, Apply, Const, Term

_CONDITIONS = {
    "eq": "==",
    "ne": "!=",
    "hs": ">=",
    "cs": ">=",
    "lo": "<",
    "cc": "<",
    "hi": ">",
    "ls": "<=",
    "ge": ">=s",
    "lt": "<s",
    "gt": ">s",
    "le": "<=s",
}
_SIGN = {"mi": "<s", "pl": ">=s"}


def condition(machine: Machine, code: str) -> Term | None:
    """The term that is non-zero where condition `code` (`eq`, `lo`, …) holds after the last comparison; None if it is
    not known.
    """
    if machine.flags is None:
        return None
    kind, left, right, bits = machine.flags
    if kind != "cmp":
        left, right = apply("&" if kind == "tst" else "+", left, right), ZERO
    if bits == 32:
        extend = sign_extend if code in ("ge", "lt", "gt", "le", "mi", "pl") else zero_extend
        left, right = extend(left, 32), extend(right, 32)
    operator = _CONDITIONS.get(code) or (_SIGN.get(code) if right == ZERO else None)
    return None if operator is None else Apply(operator, (left, right))


_NEGATED = {
    "==": "!=",
    "!=": "==",
    ">=": "<",
    "<": ">=",
    ">": "<=",
    "<=": ">",
    ">=s": "<s",
    "<s": ">=s",
    ">s": "<=s",
    "<=s": ">s",
}


def negate(test: Term) -> Term:
    """The term that is non-zero where `test` is zero."""
    match test:
        case Apply(op, args) if op in _NEGATED:
            return Apply(_NEGATED[op], args)
    return Apply("!", (test,))


def select(machine: Machine, name: str, sources: tuple[str, ...]) -> Term | None:
    """CSEL and its family as `?:`."""
    code = sources[-1].lower()
    test = condition(machine, code)
    values = [machine.value(source) for source in sources[:-1]]
    if any(value is None for value in values) or len(values) > 2:
        return None
    if test is None:
        return machine.unknown()
    known = [value for value in values if value is not None]
    match name, known:
        case "cset", []:
            return test
        case "csetm", []:
            return Apply("?:", (test, Const(MASK64), ZERO))
        case (("csel" | "csinc" | "csinv" | "csneg"), [yes, no]):
            return Apply("?:", (test, yes, _altered(name[2:], no)))
        case (("cinc" | "cinv" | "cneg"), [value]):
            return Apply("?:", (test, _altered(name[1:], value), value))
    return None


def _altered(how: str, value: Term) -> Term:
    match how:
        case "inc":
            return apply("+", value, Const(1))
        case "inv":
            return invert(value)
        case "neg":
            return Apply("neg", (value,))
    return value
