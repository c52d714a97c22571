"""The machine: what every event does, as a tree of choices whose leaves are the consistent executions.

A choice is where a walk or a read takes its value from, whether a store-exclusive succeeds, which of two writes is
later, and whether a walk came before or after a TLBI that covers it; all else follows. `Model` is what `explore`
searches. What it does not model: mixed-size accesses, hardware updates of access flag and dirty state, caches.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import partial

from barrierlint import events
from barrierlint.events import (
    Assign,
    At,
    ContextSync,
    DescriptorWrite,
    ExceptionCall,
    ExceptionReturn,
    SysregRead,
    SysregWrite,
    Tlbi,
    UnknownInstruction,
)
from barrierlint.sim import accesses, exceptions, maintenance, ordering
from barrierlint.sim import registers as system
from barrierlint.sim.condition import Proposition, locations_in, truth
from barrierlint.sim.effects import Invalidation
from barrierlint.sim.evaluate import evaluate
from barrierlint.sim.execution import Execution
from barrierlint.sim.liveness import untouched
from barrierlint.sim.machine import Barrier, Knowledge, Setting, State, Unmodelled
from barrierlint.sim.ordering import reaches
from barrierlint.sim.program import Instruction, Jump, Program, code_index
from barrierlint.sim.reach import Footprint
from barrierlint.sim.shape import shape
from barrierlint.terms import Term

UNROLL = 8


class Model:
    """The executions of `program` that may satisfy `goal`."""

    def __init__(
        self,
        program: Program,
        goal: Proposition,
        setting: Setting,
        footprints: tuple[Footprint, ...],
        pes: tuple[int, ...],
    ) -> None:
        self.program = program
        self.goal = goal
        self.setting = setting
        self.footprints = footprints
        self.pes = pes
        domains = setting.domains or ((0, 0),) * len(program.pes)
        barriers = {
            (pe, i.action.domain)
            for pe in pes
            for i in program.pes[pe].code
            if isinstance(i.action, events.Dsb | events.Dmb)
        }
        used = [domains[pe] for pe in pes]
        self.narrow = frozenset(
            (pe, domain) for pe, domain in barriers if not reaches(pes.index(pe), domain, tuple(used))
        )
        self.split = bool(self.narrow)
        self.settled = {
            pe: untouched(program.pes[pe].code, program.pes[pe].labels, program.pes[pe].handler) for pe in pes
        }
        self.wanted_locations = locations_in(goal)
        self.truncated = False
        self.cells: dict[int, int] = {}
        self.stores: dict[int, tuple[int, int]] = {}

    # The interface of explore ---------------------------------------------------------------------------------------

    def initial(self) -> Iterable[State]:
        """The one state before anything ran."""
        state = State()
        state.start_pe(self.program.pes[self.pes[0]].registers)
        return [state]

    def successors(self, state: State) -> Iterable[State]:
        """The consistent states after the next choice."""
        while not state.ended:
            if state.position == len(self.pes):
                return self._resolve(state)
            code = self.program.pes[self.pe_of(state)].code
            if state.index >= len(code):
                if not self.end_pe(state):
                    return []
                continue
            branches = self.step(state, code[state.index])
            if branches is None:
                continue
            return [branch for branch in branches if not self._hopeless(branch)]
        return []

    def wanted(self, state: State) -> bool:
        """Whether a complete execution satisfies the goal."""
        return state.ended and self._truth(state) is True

    def cost(self, state: State) -> int:
        """The number of effects so far."""
        return len(state.execution.effects)

    def key(self, state: State) -> Hashable | None:
        """Each execution is built in one way only, so none recurs."""
        return None

    # One PE ---------------------------------------------------------------------------------------------------------

    def pe_of(self, state: State) -> int:
        """The PE that runs."""
        return self.pes[state.position]

    def step(self, state: State, instruction: Instruction) -> list[State] | None:
        """Execute `instruction`: None if it was done in place, else the states after its choice (none: impossible)."""
        action = instruction.action
        view, registers = state.view, state.registers
        if not isinstance(action, Jump) and (found := system.choices(state, action, self.pe_of(state))) is not None:
            return found
        match action:
            case Jump(target, condition):
                return self._jump(state, target, condition)
            case Assign(name, value):
                registers[name] = evaluate(value, registers)
            case events.Access() | DescriptorWrite():
                # Loads, stores and atomics, descriptors or not: translated, then performed. See `accesses`.
                return accesses.step(self, state, instruction, shape(action))
            case events.Dsb() | events.Dmb():
                # Barriers: see `ordering.wait`. A domain that leaves a PE out orders nothing for that PE.
                ordering.wait(view, action, lambda d: (self.pe_of(state), d) not in self.narrow, self.setting.features)
                self.note(state, action)
            case ContextSync():
                # ISB, exception entry and return: later instructions are fetched and translated anew.
                ordering.wait(view, action, lambda d: True, self.setting.features)
                self.note(state, action)
                state.unsynchronized = {}
            case At():
                # AT: a walk like any other, whose result goes to PAR_EL1 instead of to an access.
                return accesses.translate_only(self, state, action)
            case Tlbi() if system.misses(state):
                # Without context synchronization it may act by the old VMID (D8.16.5), and drop none of these.
                pass
            case Tlbi():
                maintenance.invalidate(self, state, action)
            case SysregWrite(register, value):
                # MSR: direct reads see it at once, indirect uses after context synchronization (D24.1.2.2).
                system.write(state, register, evaluate(value, registers), self.pe_of(state))
            case SysregRead(register, into):
                if into is not None:
                    registers[into] = system.read(state, register)
            case ExceptionCall():
                return exceptions.call(self, state, instruction)
            case ExceptionReturn():
                # ERET: context synchronization, then on at ELR_EL1.
                ordering.wait(view, action, lambda d: True, self.setting.features)
                state.unsynchronized = {}
                code = self.program.pes[self.pe_of(state)].code
                there = code_index(registers["elr_el1"][0]) if "elr_el1" in registers else len(code)
                state.index = there if 0 <= there <= len(code) else len(code)
                state.returns = False
                return None if self._bounded(state) else []
            case UnknownInstruction("udf"):
                return exceptions.undefined(self, state, instruction)
            case UnknownInstruction(text):
                raise Unmodelled(f"instruction {text!r} has no meaning in the simulator")
            case _:
                # Cache maintenance, speculation and compiler barriers, drains, calls: no order that the model knows.
                pass
        state.index += 1
        return None

    def note(self, state: State, event: events.Event) -> None:
        """Remember a barrier for the trace."""
        view = state.view
        if isinstance(event, ContextSync) and event.cause == "svc" and self.setting.features.exs:
            return
        done = view.after_dsb if isinstance(event, events.Dsb) else view.after_sync
        done = view.after_dmb | view.after_dmb_st if isinstance(event, events.Dmb) else done
        state.barriers = (*state.barriers, Barrier(self.pe_of(state), state.index, done))

    def _jump(self, state: State, target: str, condition: Term | None) -> list[State] | None:
        pe = self.program.pes[self.pe_of(state)]
        there = pe.labels[target] if target else len(pe.code)
        taken = True
        if condition is not None:
            # A branch is resolved after what its condition depends on (control dependency, B2.3.2).
            value, data, pick = evaluate(condition, state.registers)
            taken = bool(value)
            state.view.control |= data
            state.view.pick_control |= pick
        back = taken and there <= state.index
        state.index = there if taken else state.index + 1
        return None if not back or self._bounded(state) else []

    def _bounded(self, state: State) -> bool:
        """Whether a loop may go round again: not if nothing changed since last time (the shorter run shows as much)."""
        values = tuple(sorted((name, held[0]) for name, held in state.registers.items()))
        now = (values, len(state.view.same), state.view.writes, state.view.invalidations)
        last = state.snapshots.get(state.index)
        state.snapshots[state.index] = now
        if last == now:
            return False
        state.visits[state.index] = state.visits.get(state.index, 0) + 1
        if state.visits[state.index] > UNROLL:
            self.truncated = True
            return False
        return True

    def end_pe(self, state: State) -> bool:
        """Close the running PE and start the next; False if a promise or the goal cannot be met."""
        pe = self.pe_of(state)
        if any(key[0] == pe for key in state.promises):
            return False
        state.finals = {**state.finals, pe: state.registers}
        state.position += 1
        state.index = -1
        if not state.execution.settle() or self._truth(state) is False:
            return False
        if state.position < len(self.pes):
            state.start_pe(self.program.pes[self.pes[state.position]].registers)
        return True

    # All PEs have ended ---------------------------------------------------------------------------------------------

    def _resolve(self, state: State) -> list[State]:
        """Choose what is still open, one choice at a time."""
        execution = state.execution
        while True:
            choice = execution.open_choice(self.wanted_locations)
            if choice is None:
                state.ended = True
                return [state] if self._truth(state) is True else []
            if isinstance(choice, Invalidation):
                if execution.free(choice):
                    execution.decide(choice, True)
                    continue
                return self._branch(
                    state, [partial(Execution.decide, pair=choice, after=after) for after in (True, False)]
                )
            return self._branch(state, [partial(Execution.order, first=a, second=b) for a, b in choice])

    def _branch(self, state: State, ways: list[Callable[[Execution], bool]]) -> list[State]:
        result = []
        for way in ways:
            branch = state.copy()
            if way(branch.execution) and branch.execution.settle():
                result.append(branch)
        return result

    def touch(self, location: int, size: int, store: bool = False) -> None:
        """Note an access of `size` bytes; raises Unmodelled where it overlaps a different location in part, or stores a
        part of what another store, or the initial value, fills.
        """
        if store and self._partial(location, size):
            name = self.program.symbols.describe(location)
            raise Unmodelled(f"stores of different sizes at {name}")
        if self.cells.get(location, 0) >= size:
            return
        self.cells[location] = size
        for other, length in self.cells.items():
            if other != location and other < location + size and location < other + length:
                name = self.program.symbols.describe(max(location, other))
                raise Unmodelled(f"accesses of different sizes overlap at {name}")

    def _partial(self, location: int, size: int) -> bool:
        initial = (self.program.memory.get(location, 0).bit_length() + 7) // 8
        least, most = self.stores.get(location, (size, max(size, initial)))
        self.stores[location] = least, most = min(least, size), max(most, size)
        return least < most

    # The goal -------------------------------------------------------------------------------------------------------

    def _truth(self, state: State) -> bool | None:
        running = self.pes[state.position] if state.position < len(self.pes) else None
        settled: frozenset[str] = frozenset()
        if running is not None and state.access is None and state.index >= 0:
            after = self.settled[running]
            settled = after[min(state.index, len(after) - 1)]
        return truth(self.goal, Knowledge(state, self.program, running, settled))

    def _hopeless(self, state: State) -> bool:
        return self._truth(state) is False
