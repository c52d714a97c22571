"""Terms evaluated over registers that know what they depend on.

A held value is (integer, data, pick): `data` is the mask of read effects it depends on through data, `pick` the mask
through data or through a choice (conditional select, compare-and-swap), a superset (DDI 0487 B2.3.2, pick
dependencies). What it does not model: terms of the static side that name memory (`AddressOf`, `Field`, `Element`),
which are program errors here.
"""

from __future__ import annotations

from collections.abc import Mapping

from barrierlint.terms import MASK64, Apply, Const, Name, Term

Held = tuple[int, int, int]
ZERO: Held = (0, 0, 0)
_SIGN = 1 << 63


def signed(value: int, width: int = 64) -> int:
    """Return the low `width` bits of `value` as a signed integer."""
    value &= (1 << width) - 1
    return value - (1 << width) if value >> (width - 1) else value


def operate(op: str, args: list[int]) -> int:
    """Return operator `op` of `barrierlint.terms` applied to 64-bit integers."""
    if op.startswith("zext "):
        return args[0] & ((1 << int(op[5:])) - 1)
    if op.startswith("sext "):
        return signed(args[0], int(op[5:])) & MASK64
    if len(args) == 1:
        return {"~": ~args[0], "neg": -args[0], "!": not args[0]}[op] & MASK64
    a, b = args
    match op:
        case "+":
            return (a + b) & MASK64
        case "-":
            return (a - b) & MASK64
        case "*":
            return (a * b) & MASK64
        case "/":
            return a // b if b else 0
        case "%":
            return a % b if b else a
        case "&":
            return a & b
        case "|":
            return a | b
        case "^":
            return a ^ b
        case "<<":
            return (a << (b & 63)) & MASK64
        case ">>":
            return a >> (b & 63)
        case ">>s":
            return (signed(a) >> (b & 63)) & MASK64
        case "&&":
            return int(bool(a) and bool(b))
        case "||":
            return int(bool(a) or bool(b))
        case _:
            return _compare(op, a, b)


def _compare(op: str, a: int, b: int) -> int:
    if op.endswith("s"):
        a, b, op = signed(a), signed(b), op[:-1]
    match op:
        case "==":
            return int(a == b)
        case "!=":
            return int(a != b)
        case "<":
            return int(a < b)
        case "<=":
            return int(a <= b)
        case ">":
            return int(a > b)
        case ">=":
            return int(a >= b)
        case _:
            raise ValueError(f"operator {op!r}")


def evaluate(term: Term, registers: Mapping[str, Held]) -> Held:
    """Return the value of `term` and what it depends on. A register never written holds zero."""
    match term:
        case Const(value):
            return (value, 0, 0)
        case Name(id):
            return registers.get(id, ZERO)
        case Apply("?:", (condition, yes, no)):
            test = evaluate(condition, registers)
            chosen = evaluate(yes if test[0] else no, registers)
            return (chosen[0], chosen[1], chosen[2] | test[2])
        case Apply(op, args):
            held = [evaluate(arg, registers) for arg in args]
            data = pick = 0
            for _, arg_data, arg_pick in held:
                data |= arg_data
                pick |= arg_pick
            return (operate(op, [value for value, _, _ in held]), data, pick)
        case _:
            raise ValueError(f"term {term!r} has no value in the simulator")


def names_in(term: Term) -> frozenset[str]:
    """Return the registers `term` reads."""
    match term:
        case Name(id):
            return frozenset({id})
        case Apply(_, args):
            return frozenset().union(*(names_in(arg) for arg in args))
        case _:
            return frozenset()
