"""Programs of the simulator: what each PE executes, the memory it starts from, and the question asked of it.

An instruction is one event of `barrierlint.events`, whose operands are terms over register names, or a `Jump`. A
symbol is *flat*, translated by one leaf descriptor, or *deep*, translated by tables of its own at levels 0 to 3. What
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
ROOT = TABLES + 0x40_0000  # the level 0 table that TTBR0_EL1 holds
_DEEP = 1 << 39  # what a level 0 descriptor translates: each deep symbol has one
_DEEP_TABLES, _DEEP_PAGES = TABLES + 0x80_0000, 0x3000
_DEEP_PHYSICAL, _DEEP_SPACE = PHYSICAL + 0x400_0000, 0x20_0000  # 2 MiB each, so that a block can map it


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
    use. Those in `deep` have tables of their own at levels 1 to 3, and an entry of the one at level 0.
    """

    names: tuple[str, ...]
    deep: frozenset[str] = frozenset()

    def virtual(self, name: str) -> int:
        """Return the virtual address of `name`."""
        index = self.names.index(name)
        return _DEEP * (index + 1) if name in self.deep else VIRTUAL + 0x1000 * index

    def physical(self, name: str) -> int:
        """Return the physical address `name` has at the start."""
        return physical(self.virtual(name))

    def table(self, name: str, level: int = 3, offset: int = 0) -> int:
        """Return the address of the descriptor of `name` at `level` (3 if it is flat), `offset` bytes into it."""
        index = self.names.index(name)
        if name not in self.deep:
            return TABLES + 8 * index
        if level == 0:
            return ROOT + 8 * (index + 1)
        entry = 8 * (offset >> 39 - 9 * level & 0x1FF)
        return _DEEP_TABLES + _DEEP_PAGES * index + 0x1000 * (level - 1) + entry

    def level_of(self, location: int) -> int:
        """Return the level of the descriptor at `location`, 3 where it is not in a table of its own."""
        if ROOT <= location < ROOT + 0x1000:
            return 0
        return (location - _DEEP_TABLES) % _DEEP_PAGES // 0x1000 + 1 if location >= _DEEP_TABLES else 3

    def describe(self, address: int) -> str:
        """Return `address` as a reader knows it: `x`, `PTE(x)`, `PA(x)`, with an offset if it has one."""
        return self._describe_deep(address) or self._describe_flat(address)

    def _describe_deep(self, address: int) -> str:
        for name in sorted(self.deep):
            for base, form, size in (
                (self.virtual(name), "{}", _DEEP_SPACE),
                (self.physical(name), "PA({})", _DEEP_SPACE),
                (self.table(name, 0), "TTD({},level:0)", 8),
                (self.table(name, 1), "TTD({},level:1)", 0x1000),
                (self.table(name, 2), "TTD({},level:2)", 0x1000),
                (self.table(name, 3), "PTE({})", 0x1000),
            ):
                if base <= address < base + size:
                    return form.format(name) + (f"+{address - base}" if address != base else "")
        return ""

    def _describe_flat(self, address: int) -> str:
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


def is_deep(address: int) -> bool:
    """Whether virtual `address` is translated through tables at every level."""
    return _DEEP <= address < 1 << 48


def physical(address: int) -> int:
    """Return where `address` is in memory at the start: a symbol's own page; tables and physical addresses as they
    are.
    """
    if is_deep(address):
        return _DEEP_PHYSICAL + _DEEP_SPACE * (address // _DEEP - 1) + address % _DEEP
    return address - VIRTUAL + PHYSICAL if is_virtual(address) else address


def descriptor_of(address: int) -> int:
    """Return the address of the leaf descriptor that translates virtual `address` of a flat symbol."""
    return TABLES + 8 * ((address - VIRTUAL) >> 12)


@dataclass(frozen=True, slots=True)
class Program:
    """What is simulated: the PEs, the symbols, and memory (physical address → 64-bit value; absent means zero)."""

    pes: tuple[Pe, ...]
    symbols: Symbols
    memory: Mapping[int, int]
    name: str = ""
