"""The graph of one function of an assembly file: each block executed once on named registers, its events kept.

What it does not model: the order in which the processor executes what it may reorder.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from barrierlint.cfg.asm_function import CLOBBERED, Entry, Function
from barrierlint.cfg.asm_layout import PASSIVE
from barrierlint.cfg.asm_machine import Machine, parse_register
from barrierlint.cfg.asm_registers import Registers
from barrierlint.cfg.asm_text import Statement
from barrierlint.cfg.asm_transfer import Callee, Transfer
from barrierlint.cfg.builder import Builder
from barrierlint.cfg.fold import as_element
from barrierlint.cfg.graph import RETURN, Edge, Guard
from barrierlint.events import Access, Assign, Call, Event, Kind
from barrierlint.finding import Span
from barrierlint.terms import MASK64, AddressOf, Apply, Const, Element, Name, Term, Unknown


@dataclass(frozen=True, slots=True)
class Graph:
    """A function's blocks under construction, and the statements it consists of."""

    builder: Builder
    statements: tuple[int, ...]


def graph(function: Function) -> Graph:
    """Return the graph of an explored function."""
    return _Lowering(function).run()


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
        self._hand_over()
        return Graph(self.builder, tuple(self.statements))

    def _hand_over(self) -> None:
        """Where a function never returns, a call that only a hang follows is a jump: what is called takes over."""
        blocks = self.builder.blocks
        if any(edge.target == Builder.EXIT for opened in blocks for edge in opened.edges):
            return
        for opened in blocks:
            if opened.steps and isinstance(opened.steps[-1].event, Call) and self._hangs(opened.edges):
                opened.edges = [Edge(Builder.EXIT, (), "return")]

    def _hangs(self, edges: list[Edge]) -> bool:
        """Whether these edges lead into a loop that does nothing and is never left."""
        seen: set[int] = set()
        while len(edges) == 1 and edges[0].target not in seen:
            block = self.builder.blocks[edges[0].target]
            if not all(isinstance(step.event, Assign) for step in block.steps):
                return False
            seen.add(edges[0].target)
            edges = block.edges
        return len(edges) == 1

    def _at(self, leader: int) -> int:
        if leader not in self.blocks:
            self.blocks[leader] = self.builder.new()
            self.pending.append(leader)
        return self.blocks[leader]

    def _lower(self, leader: int) -> None:
        function = self.function
        entry = function.entries.get(leader) or Entry({})
        machine = function.machine(leader)
        registers = Registers(function.usr, machine, entry.values, entry.flags)
        given = set(entry.given)
        for at, transfer in function.walk(leader, machine):
            self.statements.setdefault(at)
            line = function.layout.statements[at]
            span, note = function.place(line)
            if transfer is None:
                function.execute(machine, line)
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
            self.function.execute(machine, line)
        if line.mnemonic == ".maybe" and self._has_code(at, transfer.target):
            self.function.undecided.setdefault(" ".join(line.text.split()), line.line)
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
            exclusive = isinstance(event, Access) and event.op == "exclusive" and event.kind is Kind.WRITE
            if isinstance(event, Access) and exclusive and event.into and status == Name(event.into):
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
    return replace(event, address=as_element(event.address, event.size))


def _split_offset(address: Term) -> tuple[Term, int]:
    """An address as something and the bytes beyond it."""
    offset = 0
    while isinstance(address, Apply) and address.op in ("+", "-") and isinstance(address.args[1], Const):
        offset += address.args[1].value if address.op == "+" else -address.args[1].value
        address = address.args[0]
    return address, offset & MASK64
