"""Operands of an asm statement, and the machine registers they are given while its template is decoded.

Each register or memory operand gets a general-purpose register that the template does not mention, as a compiler
would do; `%0`, `%w[name]` and their like are then replaced by plain assembler text, so that one decoder serves
templates and assembly files. Immediates are replaced by their number, symbols by a name of their own. What it does
not model: register pairs (`%H0`) and flag outputs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from barrierlint.terms import Const, Term, const


@dataclass(frozen=True, slots=True)
class Operand:
    """An operand as the lowering sees it.

    `value` is the value going in (inputs, `+` outputs and outputs tied to an input), `address` the address of a
    memory operand (`m`, `Q`, …), `into` the name an output is bound to, `size` the bytes of the C type, `constraint`
    as written.
    """

    value: Term | None = None
    address: Term | None = None
    into: str | None = None
    size: int = 8
    constraint: str = "r"


@dataclass(slots=True)
class Allocation:
    """Where the operands live: `text` by operand key and its register number, and what the registers hold on entry."""

    registers: dict[int, Operand] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    vectors: dict[str, int] = field(default_factory=dict)
    immediates: dict[str, str] = field(default_factory=dict)
    zeros: set[str] = field(default_factory=set)
    memory: set[str] = field(default_factory=set)
    symbols: dict[str, Term] = field(default_factory=dict)


_PREFERRED = (
    9,
    10,
    11,
    12,
    13,
    14,
    15,
    19,
    20,
    21,
    22,
    23,
    24,
    25,
    26,
    27,
    28,
    8,
    16,
    17,
    7,
    6,
    5,
    4,
    3,
    2,
    1,
    0,
    18,
    29,
)
_EXPLICIT = re.compile(r"(?<![%\w.$])[wx](\d{1,2})\b", re.IGNORECASE)
_REFERENCE = re.compile(
    r"%(?:\[(?P<bare>\w+)\]|(?P<number>\d+)|(?P<modifier>[A-Za-z])(?:\[(?P<name>\w+)\]|(?P<index>\d+)))"
    r"|%(?P<escape>[%=;{|}])"
)
_IMMEDIATE = frozenset("inIJKLMNOPSsE")
_REGISTER = frozenset("rgwxy0123456789lRp")
_MEMORY = frozenset("mQoV<>")


def allocate(template: str, operands: Mapping[str | int, Operand], clobbers: Iterable[str] = ()) -> Allocation:
    """Give every operand a register, a number or a symbol. An operand under a name and an index has one place."""
    taken = {int(number) for number in _EXPLICIT.findall(template + " " + " ".join(clobbers))}
    free = iter([n for n in _PREFERRED if n not in taken] + list(range(64, 64 + len(operands))))
    result = Allocation()
    seen: dict[int, str] = {}
    for key, operand in operands.items():
        text = str(key)
        if id(operand) in seen:
            _alias(result, seen[id(operand)], text)
            continue
        seen[id(operand)] = text
        _place(result, text, operand, free)
    return result


def _alias(result: Allocation, old: str, new: str) -> None:
    for table in (result.numbers, result.vectors, result.immediates):
        if old in table:
            table[new] = table[old]  # type: ignore[assignment]
    for group in (result.zeros, result.memory):
        if old in group:
            group.add(new)


def _place(result: Allocation, key: str, operand: Operand, free: Iterable[int]) -> None:
    letters = set(operand.constraint)
    number = isinstance(operand.value, Const)
    if operand.address is None and not operand.into and letters & _IMMEDIATE and (number or not letters & _REGISTER):
        result.immediates[key] = _immediate(result, key, operand)
        return
    if letters & set("wxy") and "r" not in letters and operand.address is None:
        result.vectors[key] = len(result.vectors)
        return
    register = next(iter(free))
    result.numbers[key] = register
    result.registers[register] = operand
    if "Z" in letters and operand.value == Const(0) and not operand.into:
        result.zeros.add(key)
    if operand.address is not None and (letters & _MEMORY or not letters & _REGISTER):
        result.memory.add(key)


def _immediate(result: Allocation, key: str, operand: Operand) -> str:
    match operand.value:
        case Const(value):
            return str(value - (1 << 64) if value >> 63 else value)
        case None:
            return f".Loperand.{key}"
        case term:
            result.symbols[f".Loperand.{key}"] = term
            return f".Loperand.{key}"


def substitute(template: str, places: Allocation, labels: Mapping[str, str], unique: str = "0") -> str:
    """Return the template as assembler text: operands replaced, `%%` and `%=` resolved, the first of `{a|b}` chosen."""

    def replace(match: re.Match[str]) -> str:
        if escape := match["escape"]:
            return unique if escape == "=" else escape
        key = match["bare"] or match["number"] or match["name"] or match["index"]
        modifier = match["modifier"] or ""
        if modifier == "l" or (key in labels and key not in places.numbers):
            return f".Lgoto.{labels.get(key, key)}"
        return _spell(places, key, modifier) or match[0]

    return _dialect(_REFERENCE.sub(replace, template))


def _spell(places: Allocation, key: str, modifier: str) -> str | None:
    if key in places.immediates:
        return places.immediates[key]
    if key in places.vectors:
        return f"{modifier if modifier in tuple('bhsdq') else 'v'}{places.vectors[key]}"
    if key not in places.numbers:
        return None
    number = places.numbers[key]
    if key in places.memory or modifier == "a":
        return f"[x{number}]"
    if key in places.zeros and modifier in ("x", "w"):
        return f"{modifier}zr"
    return f"w{number}" if modifier == "w" else f"x{number}"


_DIALECT = re.compile(r"\{([^{}|]*)\|[^{}]*\}")


def _dialect(text: str) -> str:
    return _DIALECT.sub(lambda match: match[1], text)


def entry_values(places: Allocation, prefix: str) -> dict[str, Term]:
    """Return what the operands' registers hold on entry, by register key (`9`)."""
    values: dict[str, Term] = {}
    for number, operand in places.registers.items():
        term = operand.address if operand.address is not None else operand.value
        if term is not None:
            values[str(number)] = const(term.value) if isinstance(term, Const) else term
    return values
