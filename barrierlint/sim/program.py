"""Programs of the simulator: what each PE executes, the memory it starts from, and the question asked of it.

An instruction is one event of `barrierlint.events`, whose operands are terms over register names, or a `Jump`. What
it does not model: self-modifying code; two accesses of one instruction (LDP, STP) are two instructions with the same
labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from barrierlint.events import Event
from barrierlint.terms import Term

TABLES = 0x8000_0000
PHYSICAL = 0x4000_0000
VIRTUAL = 0x0040_0000
CODE = 0x1000
_REGION = 0x1000_0000


@dataclass(frozen=True, slots=True)
class Jump:
    """A branch to `target`, taken if `condition` is not zero (always, if None); `""` leaves the program."""

    target: str
    condition: Term | None = None


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: the event or jump it performs, the labels on it, its text and line, and the witness step it
    is.
    """

    action: Event | Jump
    labels: tuple[str, ...] = ()
    text: str = ""
    line: int = 0
    source: int = -1


@dataclass(frozen=True, slots=True)
class Pe:
    """A processing element: code, the index each label names, its fault handler's first index (-1: none), registers."""

    code: tuple[Instruction, ...]
    labels: Mapping[str, int] = field(default_factory=dict)
    handler: int = -1
    registers: Mapping[str, int] = field(default_factory=dict)
    user: bool = False


@dataclass(frozen=True, slots=True)
class Symbols:
    """Where named things lie: virtual page, physical page and descriptor of each symbol, in the order of their first
    use.
    """

    names: tuple[str, ...]

    def virtual(self, name: str) -> int:
        """Return the virtual address of `name`."""
        return VIRTUAL + 0x1000 * self.names.index(name)

    def physical(self, name: str) -> int:
        """Return the physical address `name` has at the start."""
        return PHYSICAL + 0x1000 * self.names.index(name)

    def table(self, name: str) -> int:
        """Return the address of the leaf descriptor of `name`."""
        return TABLES + 8 * self.names.index(name)

    def describe(self, address: int) -> str:
        """Return `address` as a reader knows it: `x`, `PTE(x)`, `PA(x)`, with an offset if it has one."""
        if TABLES <= address < TABLES + 8 * len(self.names):
            return f"PTE({self.names[(address - TABLES) // 8]})"
        for base, form in ((PHYSICAL, "PA({})"), (VIRTUAL, "{}")):
            index, offset = divmod(address - base, 0x1000)
            if 0 <= index < len(self.names):
                return form.format(self.names[index]) + (f"+{offset}" if offset else "")
        return hex(address)


def code_address(index: int) -> int:
    """Return the address of instruction `index`, as ADR gives it and ELR_EL1 holds it."""
    return CODE + 4 * index


def code_index(address: int) -> int:
    """Return the index of the instruction at `address`."""
    return (address - CODE) >> 2


def is_table(address: int) -> bool:
    """Whether `address` is a descriptor's: such accesses are not translated here."""
    return TABLES <= address < TABLES + _REGION


def is_virtual(address: int) -> bool:
    """Whether an access to `address` is translated: the tables and the physical addresses are accessed directly."""
    return not (is_table(address) or PHYSICAL <= address < PHYSICAL + _REGION)


def physical(address: int) -> int:
    """Return where `address` is in memory at the start: a symbol's own page; tables and physical addresses as they
    are.
    """
    return address - VIRTUAL + PHYSICAL if is_virtual(address) else address


def descriptor_of(address: int) -> int:
    """Return the address of the leaf descriptor that translates virtual `address`."""
    return TABLES + 8 * ((address - VIRTUAL) >> 12)


@dataclass(frozen=True, slots=True)
class Program:
    """What is simulated: the PEs, the symbols, and memory (physical address → 64-bit value; absent means zero)."""

    pes: tuple[Pe, ...]
    symbols: Symbols
    memory: Mapping[int, int]
    name: str = ""
