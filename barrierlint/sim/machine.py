"""The state of a simulation: the execution so far, and where the PE that runs now stands.

PEs are run one after another; a read may take its value from a write that a PE not run yet is then bound to make (a
promise). What it does not model: time; the order of steps lives in the execution's ordered-before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from barrierlint.sim.condition import ANY_MMU, FaultAtom
from barrierlint.sim.descent import Descent
from barrierlint.sim.descriptor import PAGE
from barrierlint.sim.effects import INITIAL
from barrierlint.sim.evaluate import ZERO, Held
from barrierlint.sim.execution import Execution
from barrierlint.sim.ordering import Features, View
from barrierlint.sim.program import Program

PromiseKey = tuple[int, int, int, int, int]  # PE, instruction, how many writes it made before, location, value


class Unmodelled(Exception):
    """A program does what the model has no meaning for: nothing is decided of it. `str()` says what."""


class Handling(Enum):
    """What a fault does without a handler: end the PE, skip the instruction, or return and execute it again."""

    FATAL = "fatal"
    SKIP = "skip"
    HANDLED = "handled"


@dataclass(frozen=True, slots=True)
class Setting:
    """What the machine is: features, fault handling, the (inner, outer) shareability domain of each PE, regime and
    ASID.

    `domains` empty puts all PEs in one inner domain. `regime` (`el1` or `el2`) and `asid` of the translations, None
    where a TLBI of any regime or ASID shall match (as herd7 has it; global entries).
    """

    features: Features = field(default_factory=Features)
    handling: Handling = Handling.FATAL
    domains: tuple[tuple[int, int], ...] = ()
    regime: str | None = None
    asid: int | None = None


@dataclass(frozen=True, slots=True)
class FaultTaken:
    """A fault: PE, labels of the instruction, virtual address (None for SVC), kind, whether a store; its effect's
    number, the level.
    """

    pe: int
    labels: tuple[str, ...]
    address: int | None
    kind: str
    write: bool
    effect: int
    level: int = 3


@dataclass(frozen=True, slots=True)
class Access:
    """A memory access under way: physical location, its walk (-1: direct), and what its address depends on.

    `read` and `value` are set once the access of an atomic or exclusive has read.
    """

    location: int
    walk: int
    address: Held
    read: int = -1
    value: int = 0
    taint: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A TLBI issued: PE, operation, operand, and its effects for other PEs and for its own (issue and completion)."""

    pe: int
    op: str
    operand: int
    issue: int
    done: int
    own_issue: int
    own_done: int


@dataclass(frozen=True, slots=True)
class Monitor:
    """The exclusive monitor: location and size of the last load-exclusive, and its read."""

    location: int
    size: int
    read: int


@dataclass(frozen=True, slots=True)
class Barrier:
    """A barrier or context synchronization event executed: PE, instruction, and the effects that came before it.

    `note` is given where another step than a barrier is to be told.
    """

    pe: int
    index: int
    after: int
    note: str = ""


class State:
    """A point of the search. Run in place between choices, copied at each."""

    __slots__ = (
        "access", "barriers", "descent", "ended", "execution", "faults", "finals", "index", "maintenance", "monitor",
        "picks", "position", "promises", "registers", "retried", "returns", "seen", "snapshots", "unsynchronized",
        "view", "visits", "written",
    )  # fmt: skip

    def __init__(self) -> None:
        self.execution = Execution()
        self.view = View()
        self.position = 0
        self.index = 0
        self.registers: dict[str, Held] = {}
        self.access: Access | None = None
        self.descent: Descent | None = None
        self.monitor: Monitor | None = None
        self.faults: tuple[FaultTaken, ...] = ()
        self.finals: dict[int, Mapping[str, Held]] = {}
        self.promises: dict[PromiseKey, int] = {}
        self.maintenance: tuple[Maintenance, ...] = ()
        self.picks: dict[int, int] = {}
        self.written: dict[int, int] = {}
        self.visits: dict[int, int] = {}
        self.snapshots: dict[int, object] = {}
        self.returns = False  # inside the PE's fault handler
        self.retried = False
        self.ended = False
        self.barriers: tuple[Barrier, ...] = ()
        self.unsynchronized: Mapping[str, tuple[int, ...]] = {}  # older values of registers that may still be seen
        self.seen: tuple[int, Mapping[str, int]] | None = None  # what the instruction that runs sees of them

    def copy(self) -> State:
        """Return a copy that can go another way."""
        other = State.__new__(State)
        for name in State.__slots__:
            setattr(other, name, getattr(self, name))
        other.execution = self.execution.copy()
        other.view = self.view.copy()
        for name in ("registers", "finals", "promises", "picks", "written", "visits", "snapshots"):
            setattr(other, name, getattr(self, name).copy())
        return other

    def fault(self, taken: FaultTaken) -> None:
        """Note a fault taken by the running PE."""
        self.faults = (*self.faults, taken)

    def start_pe(self, registers: Mapping[str, int]) -> None:
        """Begin a PE."""
        self.view = View()
        self.index = 0
        self.registers = {name: (value, 0, 0) for name, value in registers.items()}
        self.access = None
        self.descent = None
        self.monitor = None
        self.unsynchronized, self.seen = {}, None
        self.picks, self.written, self.visits, self.snapshots = {}, {}, {}, {}
        self.returns = self.retried = False


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What a state knows of its final condition (`condition.Facts`); `settled` holds registers no later instruction
    writes.
    """

    state: State
    program: Program
    pe: int | None
    settled: frozenset[str]

    def faulted(self, atom: FaultAtom) -> bool | None:
        """Whether such a fault was taken; False only once the PE has ended."""
        for fault in self.state.faults:
            if fault.pe == atom.pe and _matches(fault, atom):
                return True
        return False if atom.pe in self.state.finals or atom.pe >= len(self.program.pes) else None

    def register(self, pe: int, name: str) -> int | None:
        """The final value of a register, once its PE has ended or cannot write it any more."""
        final = self.state.finals.get(pe)
        if final is not None:
            return final.get(name, ZERO)[0]
        if pe == self.pe and name in self.settled:
            return self.state.registers.get(name, ZERO)[0]
        return None

    def memory(self, location: int) -> int | None:
        """The final value of a location, at the end."""
        if not self.state.ended:
            return None
        last = self.state.execution.final(location)
        if last is None:
            return None
        return self.program.memory.get(location, 0) if last == INITIAL else self.state.execution.effects[last].value


def _matches(fault: FaultTaken, atom: FaultAtom) -> bool:
    if atom.label and atom.label not in fault.labels:
        return False
    if atom.kind and atom.kind != (ANY_MMU if atom.kind == ANY_MMU and fault.address is not None else fault.kind):
        return False
    if atom.address is None or fault.address is None or atom.address % PAGE:
        return atom.address in (None, fault.address)
    return atom.address // PAGE == fault.address // PAGE  # a symbol names its page, as in herd7
