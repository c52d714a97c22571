"""One function of an assembly file as a graph of events: its statements executed block by block on named registers.

First the values that registers have wherever a block is entered are found, to a fixed point: they tell where branches
through registers go and what memory is the stack's. Then each block is executed once more and its events kept. What it
does not model: interrupts, and code that other code writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from barrierlint.cfg.asm_instruction import execute
from barrierlint.cfg.asm_layout import PASSIVE, Alternative
from barrierlint.cfg.asm_machine import Machine
from barrierlint.cfg.asm_registers import KEYS, Flags, is_lasting, register_name
from barrierlint.cfg.asm_text import Statement
from barrierlint.cfg.asm_transfer import Callee, Symbols, Transfer, Transfers
from barrierlint.finding import Span
from barrierlint.terms import AddressOf, Term, Unknown

CLOBBERED = frozenset([*(str(number) for number in range(19)), "30"])
"""What a call of a function not known changes (AAPCS64)."""

PRESERVED = frozenset(str(number) for number in range(19, 30))
MAX_VISITS = 16
"""Times a block's entry may change before nothing is known of it any more."""


@dataclass(slots=True)
class Entry:
    """What is known where a block is entered: values of registers, flags, and which arguments have been set."""

    values: dict[str, Term]
    flags: Flags = None
    given: frozenset[str] = frozenset()
    visits: int = 0


@dataclass(slots=True)
class Effect:
    """What a function does to registers: those it `writes`, and which of these it `restores` from the stack."""

    writes: set[str] = field(default_factory=set)
    restores: set[str] = field(default_factory=set)
    callees: set[str] = field(default_factory=set)

    def changed(self) -> frozenset[str]:
        """The registers that hold something else after a call."""
        return frozenset(self.writes - (self.restores & PRESERVED) - {"sp"} | {"30"})


class Function:
    """The function that begins at index `start` of a file's statements."""

    def __init__(
        self,
        symbols: Symbols,
        usr: str,
        start: int,
        place: Callable[[Statement], tuple[Span, str]],
        effects: Mapping[str, frozenset[str]],
    ) -> None:
        self.symbols = symbols
        self.layout = symbols.layout
        self.usr = usr
        self.start = start
        self.place = place
        self.effects = effects
        self.effect = Effect()
        self.transfers = Transfers(symbols, usr, start)
        self.entries: dict[int, Entry] = {}
        self.resolved: dict[int, Transfer] = {}
        self.explored = False
        self.undecided: dict[str, int] = {}
        self.starts: dict[int, list[Alternative]] = {}
        self.ends: dict[int, int] = {}
        for one in self.layout.alternatives:
            self.starts.setdefault(one.start, []).append(one)
            self.ends[one.instead_end] = one.end

    # --- values -------------------------------------------------------------------------------------------------------

    def explore(self) -> None:
        """Find what is known wherever a block is entered."""
        stack = AddressOf(f"{self.usr}#stack#0", "local")
        values: dict[str, Term] = {key: Unknown(register_name(self.usr, key)) for key in KEYS}
        self.entries[self.start] = Entry({**values, "sp": stack})
        pending = [self.start]
        while pending:
            pending += self._flow(pending.pop())
        self.explored = True

    def _flow(self, leader: int) -> Iterator[int]:
        """Execute a block for the values it leaves; yield the blocks about whose entry something new was learnt."""
        entry = self.entries[leader]
        machine = self.machine(leader)
        for key in KEYS:
            machine.registers[key] = entry.values.get(key, Unknown(f"%{leader}.{key}"))
        if entry.flags is not None:
            machine.flags = (entry.flags[0], Unknown("left"), Unknown("right"), entry.flags[1])
        given = set(entry.given)
        at, transfer = self._block(leader, machine, given)
        for target in self._targets(leader, at, transfer):
            if self._learn(target, machine, given):
                yield target

    def _block(self, leader: int, machine: Machine, given: set[str]) -> tuple[int, Transfer]:
        for at, transfer in self.walk(leader, machine):
            line = self.layout.statements[at]
            if transfer is None:
                machine.written.clear()
                self.execute(machine, line)
                given |= machine.written
                self._note_effect(line, machine.written)
            elif transfer.kind in ("call", "tail") and transfer.callee is not None:
                self._after_call(machine, transfer.callee, given)
                if transfer.kind == "tail":
                    return at, transfer
            else:
                return at, transfer
        raise AssertionError("a block has an end")

    def _note_effect(self, line: Statement, written: set[str]) -> None:
        self.effect.writes |= written
        loads = line.mnemonic.startswith(("ldp", "ldr"))
        if loads and any(operand.strip().lower().startswith("[sp") for operand in line.operands):
            self.effect.restores |= written

    def _after_call(self, machine: Machine, callee: Callee, given: set[str]) -> None:
        self.effect.callees.add(callee.usr)
        self.effect.writes |= self.clobbers(callee)
        for key in self.clobbers(callee):
            machine.registers[key] = machine.unknown()
        machine.flags = None
        given -= CLOBBERED

    def clobbers(self, callee: Callee) -> frozenset[str]:
        """The registers that a call changes."""
        return self.effects.get(callee.usr, CLOBBERED)

    def _targets(self, leader: int, at: int, transfer: Transfer) -> Iterator[int]:
        """Where the block that ends at `at` leads, within the function."""
        if transfer.target >= 0:
            yield transfer.target
        if transfer.kind == "branch":
            onward = self.transfers.onward(at)
            if onward.target >= 0:
                yield onward.target
        if transfer.kind == "split":
            yield from (one.instead for one in self.starts.get(at, ()))

    def _learn(self, target: int, machine: Machine, given: set[str]) -> bool:
        values = {key: value for key, value in machine.registers.items() if is_lasting(value, self.usr)}
        flags = (machine.flags[0], machine.flags[3]) if machine.flags is not None else None
        known = self.entries.get(target)
        if known is None:
            self.entries[target] = Entry(values, flags, frozenset(given))
            return True
        known.visits += 1
        kept = {key: value for key, value in known.values.items() if values.get(key) == value}
        kept = kept if known.visits < MAX_VISITS else {}
        flags = flags if flags == known.flags else None
        together = known.given | given
        if kept == known.values and flags == known.flags and together == known.given:
            return False
        known.values, known.flags, known.given = kept, flags, together
        return True

    # --- statements ---------------------------------------------------------------------------------------------------

    def walk(self, leader: int, machine: Machine) -> Iterator[tuple[int, Transfer | None]]:
        """The statements of a block by index, each with where control goes there; the last one ends the block."""
        at, called = leader, False
        while True:
            line = self.layout.statements[at]
            if line.label and at != leader:
                yield at, self.transfers.into(at)
                return
            if line.label and at in self.ends:
                yield at, Transfer("goto", self.ends[at])
                return
            if line.label and at in self.starts:
                yield at, replace(self.transfers.onward(at), kind="split")
                return
            if line.mnemonic not in PASSIVE:
                transfer = self._transfer(at, machine)
                yield at, transfer
                if transfer is not None and transfer.kind != "call":
                    return
            called = line.mnemonic in ("bl", "blr") or (called and line.mnemonic in PASSIVE)
            onward = self.transfers.onward(at, called)
            if onward.kind != "goto":
                yield at, onward
                return
            at = onward.target

    def _transfer(self, at: int, machine: Machine) -> Transfer | None:
        """Where control goes: what values told is not forgotten when the events are read."""
        transfer = self.transfers.of(at, machine)
        if transfer is None or transfer.kind == "branch":
            return transfer
        if not self.explored:
            self.resolved[at] = transfer
            return transfer
        known = self.resolved.get(at, transfer)
        return transfer if known.callee is not None and known.callee.pointer is not None else known

    def machine(self, leader: int) -> Machine:
        """A machine for the block that begins at `leader`."""
        return Machine(f"%{leader}", {}, self.symbols.numbers, self.symbols)  # type: ignore[arg-type]

    def execute(self, machine: Machine, line: Statement) -> None:
        """Execute a statement that is no branch."""
        padding = line.mnemonic == ".data" and line.text.split(None, 1)[0] in (".space", ".skip", ".zero", ".fill")
        if padding or line.mnemonic == ".maybe":
            return
        execute(machine, line, " ".join(line.text.split()))
