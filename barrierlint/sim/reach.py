"""What each PE may read and write, found before the search: an over-approximation by sets of values.

Registers and memory hold sets; each instruction is run over them until nothing grows. With each value goes the mask
of the stores it came through, so that a store outside loops, which executes once, never feeds on itself. The search
uses the result to let a read take its value from a PE not run yet, and to leave out PEs that cannot matter. What it
does not model: relations between registers, order, faults that end a PE (it goes on after every instruction), and
more than `LIMIT` values of one register or location.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from barrierlint.events import Access, Assign, At, DescriptorWrite, ExceptionReturn, Kind, SysregRead, SysregWrite
from barrierlint.sim import descent
from barrierlint.sim.atomics import combine
from barrierlint.sim.descriptor import OFFSET, OUTPUT, decode
from barrierlint.sim.evaluate import evaluate, names_in, operate
from barrierlint.sim.exceptions import syndromes
from barrierlint.sim.program import Jump, Pe, Program, code_address, code_index, descriptor_of, is_deep, is_virtual
from barrierlint.sim.shape import Shape, shape
from barrierlint.sim.translation import AccessRequest
from barrierlint.sim.walker import Walk
from barrierlint.terms import Apply, Const, Name, Term

LIMIT = 512
READ = AccessRequest()
Values = frozenset[tuple[int, int]]  # (value, mask of the stores it came through)
NONE: Values = frozenset()
_ZERO: Values = frozenset({(0, 0)})
_FAILED: Values = frozenset(
    {((status | level) << 1 | 1, 0) for status in (0x00, 0x04, 0x08, 0x0C) for level in range(4)}
)  # PAR_EL1 of a fault


class TooWide(Exception):
    """The values a program can hold are too many to list: nothing can be decided."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one PE may do: locations read (walks included), and (instruction, location, value) of each write."""

    reads: frozenset[int]
    writes: frozenset[tuple[int, int, int]]
    loops: bool

    def writes_to(self, location: int) -> bool:
        """Whether some write may go to `location`."""
        return any(where == location for _, where, _ in self.writes)


def footprints(program: Program) -> tuple[Footprint, ...]:
    """Return the footprint of each PE of `program`; raises TooWide."""
    memory: dict[int, Values] = {location: frozenset({(value, 0)}) for location, value in program.memory.items()}
    first, runs = 0, []
    for pe in program.pes:
        runs.append(_Run(pe, memory, first))
        first += len(pe.code)
    growing = True
    while growing:
        growing = False
        for run in runs:
            growing |= run.grow()
    return tuple(run.footprint() for run in runs)


def plain(values: Values) -> set[int]:
    """Return the values without their history."""
    return {value for value, _ in values}


def _joined(old: Values, new: Values, what: str) -> Values:
    """Return the union, without a value that came through more stores than it needs to."""
    best = old | new
    if len(best) > len(plain(best)):
        best = frozenset((v, via) for v, via in best if not any(o != via and o & via == o for w, o in best if w == v))
    if len(best) > LIMIT:
        raise TooWide(f"{what} may hold more than {LIMIT} values")
    return best


class _Run:
    """The set-valued run of one PE over a memory shared with the others."""

    def __init__(self, pe: Pe, memory: dict[int, Values], first: int) -> None:
        self.pe = pe
        self.memory = memory
        self.registers: list[dict[str, Values]] = [{} for _ in pe.code]
        self.entered: set[int] = set()
        self.reads: set[int] = set()
        self.writes: set[tuple[int, int, int]] = set()
        self.changed = False
        self.touched: set[tuple[int, int]] = set()  # addresses of accesses: what FAR_EL1 may hold
        self.loops = self.in_loops()
        self.bit = [0 if index in self.loops else 1 << (first + index) for index in range(len(pe.code))]
        self.join(0, {name: frozenset({(value, 0)}) for name, value in pe.registers.items()})

    def in_loops(self) -> set[int]:
        """Return the instructions that may be executed more than once."""
        code = self.pe.code
        if any(isinstance(i.action, ExceptionReturn) for i in code):
            return set(range(len(code)))
        found: set[int] = set()
        for index, instruction in enumerate(code):
            if isinstance(instruction.action, Jump) and instruction.action.target:
                found |= set(range(self.pe.labels[instruction.action.target], index + 1))
        return found

    def grow(self) -> bool:
        """Run every instruction reached once more; whether anything grew."""
        self.changed = False
        for index in sorted(self.entered):
            self.step(index, dict(self.registers[index]))
        return self.changed

    def footprint(self) -> Footprint:
        """Return what was found."""
        return Footprint(frozenset(self.reads), frozenset(self.writes), bool(self.loops))

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
                joined = _joined(old, values, name)
                if joined != old:
                    held[name] = joined
                    self.changed = True

    def step(self, index: int, registers: dict[str, Values]) -> None:
        """Run instruction `index`."""
        action = self.pe.code[index].action
        match action:
            case Jump(target, condition):
                self.jump(index, target, condition, registers)
                return
            case Assign(name, value) | SysregWrite(name, value):
                registers[name] = self.values(value, registers)
            case SysregRead(register, into) if into is not None:
                registers[into] = registers.get(register, _ZERO) | self.exception(register)
            case ExceptionReturn():
                for address in plain(registers.get("elr_el1", NONE)):
                    self.join(code_index(address), registers)
                return
            case At(_, operand) if operand is not None:
                entries = self.translate(self.values(operand, registers))
                registers["par_el1"] = frozenset((value & OUTPUT, by) for value, by in entries) | _FAILED
            case Access() | DescriptorWrite():
                self.access(index, shape(action), registers)
            case _:
                pass
        self.join(index + 1, registers)
        if self.pe.handler >= 0:
            registers["elr_el1"] = frozenset({(code_address(index), 0), (code_address(index + 1), 0)})
            self.join(self.pe.handler, registers)

    def exception(self, register: str) -> Values:
        """Return what an exception of this PE, wherever it is, may leave in `register`."""
        match register:
            case "esr_el1":
                return frozenset((value, 0) for value in syndromes(self.pe))
            case "far_el1":
                return frozenset(self.touched)
            case "elr_el1":
                return frozenset((code_address(index), 0) for index in range(len(self.pe.code) + 1))
            case _:
                return NONE

    def jump(self, index: int, target: str, condition: Term | None, registers: dict[str, Values]) -> None:
        """Follow a branch; a test of a single register narrows it on each side."""
        there = self.pe.labels[target] if target else len(self.pe.code)
        if condition is None:
            self.join(there, registers)
            return
        for taken, goes in ((True, there), (False, index + 1)):
            narrowed = _narrow(condition, taken, registers)
            if narrowed is not None and any(bool(v) is taken for v, _ in self.values(condition, narrowed)):
                self.join(goes, narrowed)

    def access(self, index: int, what: Shape, registers: dict[str, Values]) -> None:
        """Run a load, store or atomic."""
        stored = self.values(what.value, registers) if what.value is not None else NONE
        loaded: set[tuple[int, int]] = set()
        addresses = self.values(what.address, registers)
        self.changed |= not addresses <= self.touched
        self.touched |= addresses
        for location, via in self.translate(addresses):
            if what.kind is Kind.WRITE:
                results = {(value, by | via) for value, by in stored}
            else:
                self.reads.add(location)
                old = {(v & what.mask, by | via) for v, by in self.memory.get(location, _ZERO)}
                loaded |= old
                results = set()
                if what.kind is Kind.RMW:
                    results = {(combine(what.op, v, s, 8 * what.size), b | c) for v, b in old for s, c in stored}
            self.store(index, location, {(value & what.mask, by) for value, by in results})
        if what.into is not None:
            status = frozenset({(0, 0), (1, 0)})
            registers[what.into] = status if what.kind is Kind.WRITE else frozenset(loaded)

    def store(self, index: int, location: int, results: set[tuple[int, int]]) -> None:
        """Record the writes of an instruction; one outside loops writes nothing that came through itself."""
        bit = self.bit[index]
        fresh = frozenset((value, by | bit) for value, by in results if not by & bit)
        self.writes |= {(index, location, value) for value in plain(fresh)}
        old = self.memory.get(location, _ZERO)
        joined = _joined(old, fresh, f"location {location:#x}")
        if joined != old:
            self.memory[location] = joined
            self.changed = True

    def translate(self, addresses: Values) -> set[tuple[int, int]]:
        """Return the physical addresses that virtual `addresses` may have, whatever the descriptors' flags."""
        result: set[tuple[int, int]] = set()
        for address, by in addresses:
            if not is_virtual(address):
                result.add((address, by))
                continue
            if is_deep(address):
                result |= {(output, by | via) for output, via in self.descend(descent.begin(address, READ).walk, 0)}
                continue
            entry = descriptor_of(address)
            self.reads.add(entry)
            for value, via in self.memory.get(entry, NONE):
                result.add((decode(value).oa | address & OFFSET, by | via))
        return result

    def descend(self, walk: Walk, by: int) -> set[tuple[int, int]]:
        """Return the outputs that `walk` may end with, whatever the stores that its descriptors came through."""
        result: set[tuple[int, int]] = set()
        for location in descent.joined_addresses(walk):
            own = location == walk.address
            self.reads.add(location)
            for value, via in self.memory.get(location, NONE):
                for reading in (descent.read(walk, value, False) if own else None, descent.read(walk, value, True)):
                    if reading is None or reading.kind:
                        continue
                    if reading.further is None:
                        result.add((reading.output, by | via))
                    else:
                        result |= self.descend(reading.further, by | via)
        return result

    def values(self, term: Term, registers: dict[str, Values]) -> Values:
        """Return the values `term` may have."""
        match term:
            case Const(value):
                return frozenset({(value, 0)})
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
                return frozenset(_applied(op, choice) for choice in product(*sets))
            case _:
                raise ValueError(f"term {term!r} has no value in the simulator")


def _applied(op: str, choice: tuple[tuple[int, int], ...]) -> tuple[int, int]:
    by = 0
    for _, via in choice:
        by |= via
    return operate(op, [value for value, _ in choice]), by


def _narrow(condition: Term, taken: bool, registers: dict[str, Values]) -> dict[str, Values] | None:
    """Keep, of the one register that `condition` names, the values that make it true (or false); None if there are
    none.
    """
    names = names_in(condition)
    if len(names) != 1:
        return registers
    (name,) = names
    kept = frozenset(
        (value, by)
        for value, by in registers.get(name, _ZERO)
        if bool(evaluate(condition, {name: (value, 0, 0)})[0]) is taken
    )
    return {**registers, name: kept} if kept else None
