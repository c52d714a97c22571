"""What the decoder knows of the registers while it reads instructions in order, and the syntax of instruction
operands.

Registers are keyed by number (`"0"` … `"30"`, operands of a template may have higher ones) and `"sp"`. The stack is
an object of its own. What it does not model: vector registers' contents, and flags beyond the last comparison.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from barrierlint.cfg.asm_expression import evaluate
from barrierlint.events import Event
from barrierlint.terms import MASK64, AddressOf, Apply, Const, Term, Unknown, const

ZERO = Const(0)
STACK = AddressOf("%sp", "local")


@dataclass(frozen=True, slots=True)
class Register:
    """A register operand: `key` into the machine (`zr` reads as zero), `bits` 32 or 64; vectors have key `""`, up to
    128 bits.
    """

    key: str
    bits: int

    @property
    def vector(self) -> bool:
        """Whether this is a SIMD or floating-point register."""
        return not self.key


@dataclass(frozen=True, slots=True)
class Memory:
    """A memory operand: its address, and the write-back (register key and new value), if any."""

    address: Term
    base: str = ""
    update: Term | None = None


@dataclass(slots=True)
class Machine:
    """Register contents and the events so far. `prefix` makes names of temporaries unique in the program."""

    prefix: str
    registers: dict[str, Term] = field(default_factory=dict)
    symbols: Mapping[str, int] = field(default_factory=dict)
    named: Mapping[str, Term] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    written: set[str] = field(default_factory=set)
    flags: tuple[str, Term, Term, int] | None = None
    opaque: bool = False
    retried: set[str] = field(default_factory=set)
    reported: set[str] = field(default_factory=set)
    _serial: int = 0

    def emit(self, event: Event) -> None:
        """Add an event."""
        self.events.append(event)

    def fresh(self) -> str:
        """A new name, unique with the prefix."""
        self._serial += 1
        return f"{self.prefix}.{self._serial}"

    def unknown(self) -> Term:
        """A new value nothing is known of."""
        return Unknown(self.fresh())

    def get(self, register: Register) -> Term:
        """What the register holds; the upper half of a 32-bit register is not masked (see `masked`)."""
        if register.vector:
            return self.unknown()
        if register.key == "zr":
            return ZERO
        if register.key not in self.registers:
            self.registers[register.key] = STACK if register.key == "sp" else Unknown(f"{self.prefix}.x{register.key}")
        value = self.registers[register.key]
        return Const(value.value & 0xFFFFFFFF) if register.bits == 32 and isinstance(value, Const) else value

    def put(self, register: Register, value: Term) -> None:
        """Write the register; a 32-bit write clears the upper half."""
        if register.vector or register.key == "zr":
            return
        self.registers[register.key] = zero_extend(value, 32) if register.bits == 32 else value
        self.written.add(register.key)

    def bind(self, register: Register, value: Term) -> None:
        """Write the register with a value that an event has just bound to a name: it is as wide as it should be."""
        if not register.vector and register.key != "zr":
            self.registers[register.key] = value
            self.written.add(register.key)

    def forget(self, keys: set[str] | frozenset[str]) -> None:
        """The registers hold nothing known from here on."""
        for key in keys:
            self.registers[key] = self.unknown()

    def number(self, text: str) -> int | None:
        """The value of an immediate operand, `#` or not."""
        return evaluate(text, self.symbols)

    def symbol(self, text: str) -> Term:
        """The address a symbol denotes; operands of the statement denote themselves. Of an address in two parts
        (ADRP, then the low bits) the first is the whole.
        """
        if _LOW.match(text.strip().removeprefix("#")):
            return ZERO
        name = re.sub(r"^:\w+:", "", text.strip().removeprefix("=")).strip()
        if name in self.named:
            return self.named[name]
        value = self.number(name)
        return AddressOf(name, "global") if value is None else const(value)

    def value(self, text: str) -> Term | None:
        """The value of a register, immediate or symbolic operand; None if it is none of these."""
        register = parse_register(text)
        if register is not None:
            return self.get(register)
        value = self.number(text)
        if value is not None:
            return const(value)
        if _LOW.match(text.strip().removeprefix("#")):
            return ZERO
        name = text.strip().removeprefix("#")
        if re.fullmatch(r"(?::\w+:)?[A-Za-z_.$][\w.$]*", name):
            return self.symbol(name)
        return self.unknown() if _EXPRESSION.fullmatch(text.strip()) else None


_NAMED = re.compile(r"#?\(?[A-Za-z_.$][\w\s.$+*/()-]*")

_LOW = re.compile(r":(?:\w+_)?lo12(?:_\w+)?:")

_EXPRESSION = re.compile(r"(?:#|\(|[~!-] *[\w.$(]|[\w.$]+ *[-+|&*/<>^])[\w\s()|&+\-*/<>~^.$]*")
"""An immediate whose symbols have no known value: a value all the same."""


def zero_extend(value: Term, bits: int) -> Term:
    """Truncate to `bits` and extend with zeros; constants are folded."""
    match value:
        case Const(number):
            return Const(number & ((1 << bits) - 1))
        case Apply(op, _) if op == f"zext {bits}":
            return value
    return Apply(f"zext {bits}", (value,))


def sign_extend(value: Term, bits: int) -> Term:
    """Truncate to `bits` and extend with the sign; constants are folded."""
    if isinstance(value, Const):
        low = value.value & ((1 << bits) - 1)
        return const(low - (1 << bits) if low >> (bits - 1) else low)
    return Apply(f"sext {bits}", (value,))


_FOLD: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "<<": lambda a, b: a << b if b < 64 else 0,
    ">>": lambda a, b: a >> b if b < 64 else 0,
}


def apply(op: str, left: Term, right: Term) -> Term:
    """`left op right`, folded where both are constants or the right one is neutral."""
    if isinstance(left, Const) and isinstance(right, Const) and op in _FOLD:
        return Const(_FOLD[op](left.value, right.value) & MASK64)
    if right == ZERO and op in ("+", "-", "|", "^", "<<", ">>", ">>s"):
        return left
    if left == ZERO and op in ("+", "|", "^"):
        return right
    return Apply(op, (left, right))


def invert(value: Term) -> Term:
    """The bitwise complement, folded for constants."""
    return Const(~value.value & MASK64) if isinstance(value, Const) else Apply("~", (value,))


_REGISTER = re.compile(
    r"([wx])(\d{1,3}|zr)|(w)?(sp)|(lr|fp|ip0|ip1)|([vqdshbz])(\d{1,2})(?:\.\w+)?(?:\[\d+\])?", re.IGNORECASE
)
_ALIASES = {"lr": "30", "fp": "29", "ip0": "16", "ip1": "17"}
_VECTOR_BITS = {"v": 128, "q": 128, "d": 64, "s": 32, "h": 16, "b": 8, "z": 0}


def parse_register(text: str) -> Register | None:
    """Return the register `text` names, or None."""
    match = _REGISTER.fullmatch(text.strip())
    if match is None:
        return None
    width, number, narrow, stack, alias, vector, _ = match.groups()
    if vector:
        return Register("", _VECTOR_BITS[vector.lower()])
    if stack:
        return Register("sp", 32 if narrow else 64)
    if alias:
        return Register(_ALIASES[alias.lower()], 64)
    return Register(_key(number.lower()), 32 if width.lower() == "w" else 64)


def _key(number: str) -> str:
    return number if number == "zr" else str(int(number))


def parse_memory(machine: Machine, operands: tuple[str, ...]) -> Memory | None:
    """Read the memory operand that starts `operands` (`[x0, #8]!`, or `[x0]` and a post-index as the second)."""
    text = operands[0].strip()
    if not text.startswith("["):
        return None
    inner, bracket, tail = text[1:].rpartition("]")
    parts = [part.strip() for part in inner.split(",")]
    base = parse_register(parts[0])
    if not bracket or base is None or base.vector:
        return None
    start = machine.get(base)
    offset = _offset(machine, parts[1:])
    if offset is None:
        return None
    address = apply("+", start, offset)
    if tail.strip() == "!":
        return Memory(address, base.key, address)
    if len(operands) > 1:
        step = machine.value(operands[1])
        return Memory(address, base.key, apply("+", start, step) if step is not None else machine.unknown())
    return Memory(address, base.key)


def _offset(machine: Machine, parts: list[str]) -> Term | None:
    """The index of a memory operand: nothing, an immediate, a symbol's low part, or a shifted or extended register."""
    if not parts:
        return ZERO
    register = parse_register(parts[0])
    if register is None:
        return machine.value(parts[0]) if len(parts) == 1 else None
    if len(parts) == 1:
        return machine.get(register)
    return modified(machine, register, parts[1])


def modified(machine: Machine, register: Register, modifier: str) -> Term | None:
    """A register operand with `lsl #3`, `asr #1`, `uxtw #2`, `sxtx` … applied; None if the modifier is not one."""
    name, _, amount = modifier.strip().lower().partition(" ")
    if "#" in name:
        name, _, amount = name.partition("#")
    shift = machine.number(amount) if amount.strip() else 0
    value = machine.get(register)
    if shift is None and _NAMED.fullmatch(amount.strip()) and name in ("lsl", "lsr", "asr"):
        return machine.unknown()
    if shift is None or not 0 <= shift < 64:
        return None
    bits = {"b": 8, "h": 16, "w": 32}.get(name[3:], 64)
    if name in ("uxtb", "uxth", "uxtw", "uxtx", "sxtb", "sxth", "sxtw", "sxtx"):
        extended = value if bits == 64 else zero_extend(value, bits) if name[0] == "u" else sign_extend(value, bits)
        return apply("<<", extended, Const(shift))
    operator = {"lsl": "<<", "lsr": ">>", "asr": ">>s"}.get(name)
    if operator is None:
        return machine.unknown() if name == "ror" else None
    return apply(operator, zero_extend(value, 32) if register.bits == 32 and operator == ">>" else value, Const(shift))
