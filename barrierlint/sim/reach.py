"""What each PE may read and write, found before the search: an over-approximation by sets of values.

Registers and memory hold sets; each instruction is run over them until nothing grows. The search uses it to let a read take
its value from a PE not run yet, and to leave out PEs that cannot matter. What it does not model: relations between registers, order,
faults that end a PE (it goes on after every instruction), and more than `LIMIT` values of one register or location.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from barrierlint.events import Access, Assign, At, DescriptorWrite, ExceptionReturn, Kind, SysregRead, SysregWrite, Tlbi
from barrierlint.sim.atomics import combine
from barrierlint.sim.descriptor import OFFSET, decode
from barrierlint.sim.evaluate import evaluate, names_in, operate
from barrierlint.sim.program import Jump, Pe, Program, code_address, code_index, descriptor_of, is_virtual
from barrierlint.terms import Apply, Const, Name, Term

LIMIT = 512
Values = frozenset[int]
NONE: Values = frozenset()
_ZERO: Values = frozenset({0})


class TooWide(Exception):
    """The values a program can hold are too many to list: nothing can be decided."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one PE may do: locations read (walks included), and (instruction, location, value) of each write."""

    reads: frozenset[int]
    writes: frozenset[tuple[int, int, int]]
    invalidates: bool
    loops: bool

    def writes_to(self, location: int) -> bool:
        """Whether some write may go to `location`."""
        return any(where == location for _, where, _ in self.writes)


def footprints(program: Program) -> tuple[Footprint, ...]:
    """Return the footprint of each PE of `program`; raises TooWide."""
    memory: dict[int, set[int]] = {location: {value} for location, value in program.memory.items()}
    runs = [_Run(pe, memory) for pe in program.pes]
    while any([run.grow() for run in runs]):
        pass
    return tuple(run.footprint() for run in runs)


class _Run:
    """The set-valued run of one PE over a memory shared with the others."""

    def __init__(self, pe: Pe, memory: dict[int, set[int]]) -> None:
        self.pe = pe
        self.memory = memory
        self.registers: list[dict[str, Values]] = [{} for _ in pe.code]
        self.entered: set[int] = set()
        self.reads: set[int] = set()
        self.writes: set[tuple[int, int, int]] = set()
        self.changed = False
        start = {name: frozenset({value}) for name, value in pe.registers.items()}
        self.join(0, start)

    def grow(self) -> bool:
        """Run every instruction reached once more; whether anything grew."""
        self.changed = False
        for index in sorted(self.entered):
            self.step(index, dict(self.registers[index]))
        return self.changed

    def footprint(self) -> Footprint:
        """Return what was found."""
        actions = [(index, self.pe.code[index].action) for index in self.entered]
        back = any(isinstance(a, Jump) and a.target and self.pe.labels[a.target] <= i for i, a in actions)
        returns = any(isinstance(a, ExceptionReturn) for _, a in actions)
        invalidates = any(isinstance(a, Tlbi) for _, a in actions)
        return Footprint(frozenset(self.reads), frozenset(self.writes), invalidates, back or returns)

    def join(self, index: int, registers: dict[str, Values]) -> None:
        """Let control reach instruction `index` with `registers`."""
        if index >= len(self.pe.code):
            return
        if index not in self.entered:
            self.entered.add(index)
            self.changed = True
        held = self.registers[index]
        for name, values in registers.items():
            old = held.get(name, NONE)
            if not values <= old:
                held[name] = old | values
                self.changed = True
                if len(held[name]) > LIMIT:
                    raise TooWide(f"{name} may hold more than {LIMIT} values")

    def step(self, index: int, registers: dict[str, Values]) -> None:
        """Run instruction `index`."""
        action = self.pe.code[index].action
        match action:
            case Jump(target, condition):
                self.jump(index, target, condition, registers)
                return
            case Assign(name, value):
                registers[name] = self.values(value, registers)
            case SysregWrite(register, value):
                registers[register] = self.values(value, registers)
            case SysregRead(register, into) if into is not None:
                registers[into] = registers.get(register, _ZERO)
            case ExceptionReturn():
                for target in registers.get("elr_el1", NONE):
                    self.join(code_index(target), registers)
                return
            case At(_, operand) if operand is not None:
                self.translate(self.values(operand, registers))
            case Access() | DescriptorWrite():
                self.access(index, action, registers)
            case _:
                pass
        self.join(index + 1, registers)
        if self.pe.handler >= 0:
            registers["elr_el1"] = frozenset({code_address(index), code_address(index + 1)})
            self.join(self.pe.handler, registers)

    def jump(self, index: int, target: str, condition: Term | None, registers: dict[str, Values]) -> None:
        """Follow a branch; a test of a bare register against zero narrows it on each side."""
        there = self.pe.labels[target] if target else len(self.pe.code)
        if condition is None:
            self.join(there, registers)
            return
        for taken, goes in ((True, there), (False, index + 1)):
            narrowed = _narrow(condition, taken, registers)
            if narrowed is not None and any(bool(v) is taken for v in self.values(condition, narrowed)):
                self.join(goes, narrowed)

    def access(self, index: int, event: Access | DescriptorWrite, registers: dict[str, Values]) -> None:
        """Run a load, store or atomic."""
        location_term = event.location if isinstance(event, DescriptorWrite) else event.address
        kind = event.kind if isinstance(event, Access) else (Kind.RMW if event.op else Kind.WRITE)
        mask = (1 << 8 * event.size) - 1
        stored = self.values(event.value, registers) if event.value is not None else NONE
        loaded: set[int] = set()
        for location in self.translate(self.values(location_term, registers)):
            old = self.memory.setdefault(location, {0})
            if kind is not Kind.WRITE:
                self.reads.add(location)
                loaded |= {value & mask for value in old}
            results = stored
            if kind is Kind.RMW:
                results = frozenset(combine(event.op, v & mask, s) & mask for v in list(old) for s in stored)
            for value in results:
                self.store(index, location, value & mask)
        if event.into is not None:
            status = kind is Kind.WRITE
            registers[event.into] = frozenset({0, 1}) if status else registers.get(event.into, NONE) | loaded

    def store(self, index: int, location: int, value: int) -> None:
        """Record a write."""
        if (index, location, value) not in self.writes:
            self.writes.add((index, location, value))
            self.memory[location].add(value)
            self.changed = True
            if len(self.memory[location]) > LIMIT:
                raise TooWide(f"location {location:#x} may hold more than {LIMIT} values")

    def translate(self, addresses: Values) -> set[int]:
        """Return the physical addresses that virtual `addresses` may have, whatever the descriptors' flags."""
        result: set[int] = set()
        for address in addresses:
            if not is_virtual(address):
                result.add(address)
                continue
            entry = descriptor_of(address)
            self.reads.add(entry)
            for value in self.memory.get(entry, set()):
                result.add(decode(value).oa | address & OFFSET)
        return result

    def values(self, term: Term, registers: dict[str, Values]) -> Values:
        """Return the values `term` may have."""
        match term:
            case Const(value):
                return frozenset({value})
            case Name(id):
                return registers.get(id, _ZERO)
            case Apply("?:", (_, yes, no)):
                return self.values(yes, registers) | self.values(no, registers)
            case Apply(op, args):
                sets = [self.values(arg, registers) for arg in args]
                size = 1
                for one in sets:
                    size *= len(one)
                if size > LIMIT * 8:
                    raise TooWide(f"an operand may hold more than {LIMIT} values")
                return frozenset(operate(op, list(choice)) for choice in product(*sets))
            case _:
                raise ValueError(f"term {term!r} has no value in the simulator")


def _narrow(condition: Term, taken: bool, registers: dict[str, Values]) -> dict[str, Values] | None:
    """Keep, of the one register that `condition` names, the values that make it true (or false); None if there are none."""
    names = names_in(condition)
    if len(names) != 1:
        return registers
    (name,) = names
    kept = frozenset(
        value
        for value in registers.get(name, _ZERO)
        if bool(evaluate(condition, {name: (value, 0, 0)})[0]) is taken
    )
    return {**registers, name: kept} if kept else None
