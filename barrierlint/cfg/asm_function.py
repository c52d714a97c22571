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
from barrierlint.cfg.asm_machine import Machine, parse_register
from barrierlint.cfg.asm_registers import KEYS, Flags, Registers, is_lasting, register_name
from barrierlint.cfg.asm_text import Statement
from barrierlint.cfg.asm_transfer import Callee, Symbols, Transfer, Transfers
from barrierlint.cfg.builder import Builder
from barrierlint.cfg.graph import RETURN, Guard
from barrierlint.events import Access, Assign, Call, Event, Kind, UnknownInstruction
from barrierlint.finding import Span
from barrierlint.terms import MASK64, AddressOf, Apply, Const, Element, Name, Term, Unknown

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


@dataclass(frozen=True, slots=True)
class Graph:
    """A function's blocks under construction, and the statements it consists of."""

    builder: Builder
    statements: tuple[int, ...]


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

    def _flow(self, leader: int) -> Iterator[int]:
        """Execute a block for the values it leaves; yield the blocks about whose entry something new was learnt."""
        entry = self.entries[leader]
        machine = self._machine(leader)
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
                self._execute(machine, line)
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
        if line.mnemonic.startswith("ldp") or line.mnemonic.startswith("ldr"):
            if any(operand.strip().lower().startswith("[sp") for operand in line.operands):
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
        at = leader
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
                transfer = self.transfers.of(at, machine)
                yield at, transfer
                if transfer is not None and transfer.kind != "call":
                    return
            onward = self.transfers.onward(at)
            if onward.kind != "goto":
                yield at, onward
                return
            at = onward.target

    def _machine(self, leader: int) -> Machine:
        return Machine(f"%{leader}", {}, self.symbols.numbers, self.symbols)  # type: ignore[arg-type]

    def _execute(self, machine: Machine, line: Statement) -> None:
        if line.mnemonic == ".data" and line.text.split(None, 1)[0] in (".space", ".skip", ".zero", ".fill"):
            return
        execute(machine, line, " ".join(line.text.split()))

    # --- events -------------------------------------------------------------------------------------------------------

    def graph(self) -> Graph:
        """Return the function's graph."""
        return _Lowering(self).run()


class _Lowering:
    """Executes each block of a function once more and keeps the events."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.builder = Builder()
        self.blocks: dict[int, int] = {}
        self.pending: list[int] = []
        self.statements: dict[int, None] = {}

    def run(self) -> Graph:
        """Lower every block that is reached."""
        self.builder.jump(self._at(self.function.start))
        while self.pending:
            leader = self.pending.pop()
            self.builder.start(self.blocks[leader])
            self._lower(leader)
        return Graph(self.builder, tuple(self.statements))

    def _at(self, leader: int) -> int:
        if leader not in self.blocks:
            self.blocks[leader] = self.builder.new()
            self.pending.append(leader)
        return self.blocks[leader]

    def _lower(self, leader: int) -> None:
        function = self.function
        entry = function.entries.get(leader) or Entry({})
        machine = function._machine(leader)
        registers = Registers(function.usr, machine, entry.values, entry.flags)
        given = set(entry.given)
        for at, transfer in function.walk(leader, machine):
            self.statements.setdefault(at)
            line = function.layout.statements[at]
            span, note = function.place(line)
            if transfer is None:
                function._execute(machine, line)
                given |= machine.written
                self._emit(machine, registers, span, note)
            elif transfer.kind == "call" and transfer.callee is not None:
                self._call(machine, registers, transfer.callee, given, (span, note))
            else:
                self._end(at, transfer, machine, registers, given)

    def _emit(self, machine: Machine, registers: Registers, span: Span, note: str, keep: bool = False) -> None:
        """Hand on the events of the instruction just executed, and what it assigns."""
        for event in machine.events:
            self.builder.emit(_placed(event), span, note)
        machine.events = []
        for assign in registers.settle(keep):
            self.builder.emit(assign, span, note)

    def _call(
        self, machine: Machine, registers: Registers, callee: Callee, given: set[str], at: tuple[Span, str]
    ) -> Name:
        """Emit a call; afterwards registers hold what it leaves in them."""
        machine.events.append(event := self._event(machine, callee, given))
        self._emit(machine, registers, *at)
        self.builder.split()
        for key in self.function.clobbers(callee):
            machine.registers[key] = machine.unknown()
        result = Name(event.into or "")
        if "0" in self.function.clobbers(callee):
            machine.registers["0"] = result
        machine.flags = None
        given -= CLOBBERED
        self._emit(machine, registers, *at)
        return result

    def _event(self, machine: Machine, callee: Callee, given: set[str]) -> Call:
        passed = max((number for number in range(8) if str(number) in given), default=-1) + 1
        count = 31 if callee.usr in self.function.effects else passed
        args = tuple(machine.registers[str(number)] for number in range(count))
        if callee.pointer is not None:
            if not isinstance(callee.pointer, Unknown | Name):
                machine.emit(Access(Kind.FETCH, callee.pointer, size=4))
            return Call("", "", args, machine.fresh(), (), "pointer", pointer=callee.pointer)
        return Call(callee.usr, callee.name, args, machine.fresh(), (callee.usr,), "direct")

    def _end(self, at: int, transfer: Transfer, machine: Machine, registers: Registers, given: set[str]) -> None:
        """The end of a block."""
        line = self.function.layout.statements[at]
        span, note = self.function.place(line)
        if transfer.execute:
            self.function._execute(machine, line)
        if line.mnemonic == ".maybe" and self._has_code(at, transfer.target):
            machine.emit(UnknownInstruction(" ".join(line.text.split())))
        retry = transfer.kind == "branch" and self._is_retry(at, line, transfer, machine)
        self._emit(machine, registers, span, note, keep=True)
        match transfer.kind:
            case "goto":
                back = transfer.target < at or (transfer.target == at and not line.label)
                self.builder.jump(self._at(transfer.target), "back" if back else "")
            case "split":
                self._split(at, transfer, span)
            case "branch":
                self._branch(at, transfer, machine, registers, given, retry)
            case "tail":
                self._tail(transfer, machine, registers, given, (span, note))
            case "return":
                self._return(machine.registers["0"] if self._returns_value() else None, span)
            case _:
                self.builder.stop()

    def _split(self, at: int, transfer: Transfer, span: Span) -> None:
        """Either the instructions here are executed, or those patched over them."""
        builder = self.builder
        here = builder.current
        for one in self.function.starts.get(at, ()):
            has = Unknown(f"capability {one.capability}")
            builder.edge(here, self._at(one.instead), "alternative", (Guard(has, True, span),))
            onward = builder.new()
            builder.edge(here, onward, "", (Guard(has, False, span),))
            here = onward
        if transfer.target >= 0:
            builder.edge(here, self._at(transfer.target))
        builder.stop()

    def _branch(
        self, at: int, transfer: Transfer, machine: Machine, registers: Registers, given: set[str], retry: bool
    ) -> None:
        builder = self.builder
        line = self.function.layout.statements[at]
        span, note = self.function.place(line)
        here = builder.current
        test = None if retry else transfer.test
        guards = [(Guard(test, holds, span),) if test is not None else () for holds in (True, False)]
        onward = self.function.transfers.onward(at)
        ways = [(onward, guards[0], "false")]
        if not retry:
            ways.append((replace(transfer, kind="goto" if transfer.target >= 0 else "tail"), guards[1], "true"))
        builder.stop()
        for way, guard, reason in ways:
            if way.kind == "goto":
                builder.edge(here, self._at(way.target), reason, guard)
            elif way.kind == "tail":
                block = builder.new()
                builder.edge(here, block, reason, guard)
                builder.start(block)
                held, flags = dict(machine.registers), machine.flags
                self._tail(way, machine, registers, set(given), (span, note))
                machine.registers, machine.flags = held, flags
                registers._before = dict(held)

    def _tail(
        self, transfer: Transfer, machine: Machine, registers: Registers, given: set[str], at: tuple[Span, str]
    ) -> None:
        """A jump to another function: what it returns is returned, or control comes back to a label."""
        assert transfer.callee is not None
        if not given & {str(number) for number in range(8)}:
            given = {"7"}
        result = self._call(machine, registers, transfer.callee, given, at)
        if transfer.target >= 0:
            self.builder.jump(self._at(transfer.target))
        else:
            self._return(result, at[0])

    def _returns_value(self) -> bool:
        """Whether what the function leaves in x0 is its own doing."""
        return "0" in self.function.effects.get(self.function.usr, CLOBBERED)

    def _return(self, result: Term | None, span: Span) -> None:
        if result is not None:
            self.builder.emit(Assign(RETURN, result), span)
        self.builder.jump(Builder.EXIT, "return")

    def _is_retry(self, at: int, line: Statement, transfer: Transfer, machine: Machine) -> bool:
        """Whether a branch back tries an exclusive store again: what counts is the pass that has succeeded."""
        register = parse_register(line.operands[0]) if line.mnemonic == "cbnz" else None
        if register is None or not 0 <= transfer.target <= at:
            return False
        status = machine.registers.get(register.key)
        steps = self.builder.blocks[self.builder.current].steps
        for index, step in enumerate(steps):
            event = step.event
            if isinstance(event, Access) and event.op == "exclusive" and event.kind is Kind.WRITE:
                if status is not None and event.into and status == Name(event.into):
                    steps[index] = replace(step, event=replace(event, into=None))
                    machine.registers[register.key] = Const(0)
                    return True
        return False

    def _has_code(self, first: int, last: int) -> bool:
        statements = self.function.layout.statements[first + 1 : last if last > first else first + 1]
        return any(one.mnemonic not in PASSIVE and one.mnemonic != ".maybe" for one in statements)


def _placed(event: Event) -> Event:
    """An access with its address in the form that addresses have in C: a part of an object, an element of a table."""
    if not isinstance(event, Access):
        return event
    base, offset = _split_offset(event.address)
    if isinstance(base, AddressOf) and base.kind == "local":
        return replace(event, address=Element(base, Const(offset), 1))
    match event.address:
        case Apply("+", (base, Apply("<<", (index, Const(shift))))) if 1 << shift == event.size:
            return replace(event, address=Element(base, index, event.size))
        case Apply("+", (Apply("<<", (index, Const(shift))), base)) if 1 << shift == event.size:
            return replace(event, address=Element(base, index, event.size))
    return event


def _split_offset(address: Term) -> tuple[Term, int]:
    """An address as something and the bytes beyond it."""
    offset = 0
    while isinstance(address, Apply) and address.op in ("+", "-") and isinstance(address.args[1], Const):
        offset += address.args[1].value if address.op == "+" else -address.args[1].value
        address = address.args[0]
    return address, offset & MASK64
