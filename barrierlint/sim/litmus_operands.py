"""Operands of AArch64 instructions as terms: registers, immediates, shifts, extensions, addresses, conditions.

What it does not model: vector registers, carry chains (conditions compare the two operands of the last CMP, TST, or S
form).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from barrierlint import events
from barrierlint.sim.litmus_values import LitmusError
from barrierlint.terms import Apply, Name, Term, const

FLAGS = ("flags.left", "flags.right")
_EXTENSIONS = {
    "UXTW": "zext 32",
    "SXTW": "sext 32",
    "UXTX": "zext 64",
    "SXTX": "zext 64",
    "LSL": "",
    "LSR": "",
    "ASR": "",
}
_CONDITIONS = {
    "EQ": "==", "NE": "!=", "HS": ">=", "CS": ">=", "LO": "<", "CC": "<", "HI": ">", "LS": "<=",
    "GE": ">=s", "LT": "<s", "GT": ">s", "LE": "<=s",
}  # fmt: skip


def register(text: str, line: int = 0) -> str:
    """Return the name of the 64-bit register that `text` is, or is half of. Raises LitmusError."""
    name = _register(text)
    if name is None:
        if re.fullmatch(r"[A-Z]\w*_EL[0-3]", text.upper()):
            return text.lower()
        raise LitmusError(f"{text!r} is not a register", line)
    return name


def _register(text: str) -> str | None:
    upper = text.upper()
    match = re.fullmatch(r"[XW](\d+)", upper)
    if match is not None and int(match[1]) <= 30:
        return f"X{int(match[1])}"
    return {"SP": "SP", "WSP": "SP", "XZR": "XZR", "WZR": "XZR", "LR": "X30", "FP": "X29"}.get(upper)


def width_of(text: str) -> int:
    """Return the width of register `text` in bits."""
    return 32 if text[:1].upper() == "W" else 64


@dataclass(frozen=True, slots=True)
class Memory:
    """An address operand: the address accessed, and the register written back with what, if any."""

    address: Term
    written_back: tuple[str, Term] | None = None


@dataclass(frozen=True, slots=True)
class Operands:
    """The operands of one instruction, split at commas outside brackets; `read` holds those somebody asked for."""

    parts: tuple[str, ...]
    read: set[int] = field(default_factory=set, compare=False)

    @staticmethod
    def of(text: str) -> Operands:
        """Split operand `text`."""
        if not text.strip():
            return Operands(())
        parts = [part.strip() for part in re.split(r",(?![^\[]*\])", text)]
        if "" in parts:
            raise ValueError("an operand is empty")
        return Operands(tuple(parts))

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.parts)

    def text(self, index: int) -> str:
        """The operand as written."""
        if index >= self.count:
            raise ValueError(f"operand {index + 1} is missing")
        self.read.add(index)
        return self.parts[index]

    def unread(self) -> str:
        """The first operand that nobody asked for, "" if there is none."""
        return next((part for index, part in enumerate(self.parts) if index not in self.read), "")

    def target(self, index: int) -> str | None:
        """The register written; None for the zero register."""
        name = general(self.text(index))
        return None if name == "XZR" else name

    def source(self, index: int) -> Term:
        """The value of a register operand, zero-extended if it is a W register."""
        return _source(self.text(index))

    def immediate(self, index: int) -> int:
        """The value of an immediate operand."""
        return _number(self.text(index))

    def shift(self, index: int) -> int:
        """The amount of an `LSL #n` operand, 0 if there is none."""
        if self.count <= index:
            return 0
        found = re.fullmatch(r"LSL\s*#(\d+)", self.text(index).upper())
        if found is None:
            raise ValueError(f"operand {self.parts[index]!r}")
        return int(found[1])

    def value(self, index: int, width: int) -> Term:
        """The value of a register or immediate operand, with a shift or extension after it if there is one."""
        text = self.text(index)
        if text.startswith("#") or text[:1].isdigit() or text[:1] == "-":
            return const(self.immediate(index) << self.shift(index + 1))
        term = _source(text)
        return _extended(term, self.text(index + 1), width) if self.count > index + 1 else term

    def memory(self, index: int) -> Memory:
        """The address operand at `index`, with what may follow its bracket."""
        text = self.text(index)
        match = re.fullmatch(r"\[(.*)\](!?)", text)
        if match is None:
            raise ValueError(f"{text!r} is not an address")
        inner = [part.strip() for part in match[1].split(",")]
        base = _source(inner[0])
        offset = _offset(inner[1:])
        name = general(inner[0])
        if width_of(inner[0]) == 32 or name == "XZR":
            raise ValueError(f"{inner[0]!r} is not a base register")
        if self.count > index + 1:
            if match[2] or offset is not None:
                raise ValueError(f"{text!r} with an operand after it")
            after = Apply("+", (base, self.value(index + 1, 64)))
            return Memory(base, (name, after))
        address = base if offset is None else Apply("+", (base, offset))
        return Memory(address, (name, address) if match[2] else None)


def _number(text: str) -> int:
    """Return the value of `#n` or `n`. Raises ValueError."""
    if not re.fullmatch(r"#?[-+]?(?:0[xX][0-9a-fA-F]+|\d+)", text):
        raise ValueError(f"{text!r} is not a number")
    number = text.removeprefix("#")
    return int(number, 16 if "x" in number.lower() else 10)


def general(text: str) -> str:
    """Return the name of the general-purpose register (or SP) that `text` is, or is half of. Raises ValueError."""
    name = _register(text)
    if name is None:
        raise ValueError(f"{text!r} is not a general-purpose register")
    return name


def _source(text: str) -> Term:
    name = general(text)
    if name == "XZR":
        return const(0)
    return Apply("zext 32", (Name(name),)) if width_of(text) == 32 else Name(name)


def _extended(term: Term, how: str, width: int = 64) -> Term:
    word, _, amount = how.upper().partition(" ")
    if word not in _EXTENSIONS:
        raise ValueError(f"operand {how!r}")
    if word == "ASR" and width == 32:
        term = Apply("sext 32", (term,))
    if word in ("LSR", "ASR"):
        return Apply(">>" if word == "LSR" else ">>s", (term, const(_number(amount.strip()))))
    if _EXTENSIONS[word] and not _EXTENSIONS[word].endswith("64"):
        term = Apply(_EXTENSIONS[word], (term,))
    shift = _number(amount.strip()) if amount.strip() else 0
    return Apply("<<", (term, const(shift))) if shift else term


def _offset(parts: list[str]) -> Term | None:
    if not parts:
        return None
    if len(parts) > (1 if parts[0].startswith("#") else 2):
        raise ValueError(f"operand {parts[-1]!r} in an address")
    if parts[0].startswith("#") or parts[0][:1].isdigit() or parts[0][:1] == "-":
        value = _number(parts[0])
        return const(value) if value else None
    term = _source(parts[0])
    if len(parts) > 1 and parts[1].upper().startswith(("LSR", "ASR")):
        raise ValueError(f"operand {parts[1]!r} in an address")
    return _extended(term, parts[1]) if len(parts) > 1 else term


def compared(op: str, left: Term, right: Term, width: int) -> list[events.Event]:
    """Return the events that set the flags: what conditions compare, moved to the top bits for 32-bit operands."""
    if op != "-":
        left, right = Apply(op, (left, right)), const(0)
    if width == 32:
        left, right = (Apply("<<", (side, const(32))) for side in (left, right))
    return [events.Assign(FLAGS[0], left), events.Assign(FLAGS[1], right)]


def condition_term(code: str) -> Term:
    """Return the term that is 1 if condition `code` (EQ, NE, …) holds of the flags. Raises ValueError."""
    left, right = Name(FLAGS[0]), Name(FLAGS[1])
    code = code.upper()
    if code == "AL":
        return const(1)
    if code in ("MI", "PL"):
        return Apply("<s" if code == "MI" else ">=s", (Apply("-", (left, right)), const(0)))
    if code not in _CONDITIONS:
        raise ValueError(f"condition {code!r}")
    return Apply(_CONDITIONS[code], (left, right))
