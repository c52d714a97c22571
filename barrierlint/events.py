"""The alphabet of events: what the static side lowers to, the simulator executes, and reports name.

Names and meanings follow the Arm ARM (DDI 0487): section B2.3 for barriers, D8 for the walker and TLB maintenance,
D1 for context synchronization. An operand is a `terms.Term`; the static side fills in symbols, the simulator registers.

What it does not model: vectors, memory tagging, pointer authentication, debug and trace barriers (TSB, PSB, GCSB).
"""

from __future__ import annotations

from enum import Enum, StrEnum

from barrierlint.frozen import dataclass
from barrierlint.terms import Term, Unknown


class Shareability(StrEnum):
    """Operand of DSB and DMB: the domain of PEs and observers it reaches. SY is the full system."""

    NSH = "nsh"
    ISH = "ish"
    OSH = "osh"
    SY = "sy"


class Accesses(StrEnum):
    """Operand of DSB and DMB: which earlier accesses it waits for (DDI 0487 B2.3.12, table of CRm)."""

    LD = "ld"
    ST = "st"
    ALL = "all"


class Order(StrEnum):
    """Ordering of an access: plain, C volatile, or the acquire/release forms; `acq_rel` for read-modify-writes."""

    PLAIN = "plain"
    VOLATILE = "volatile"
    RELAXED = "relaxed"
    ACQUIRE = "acquire"
    ACQUIRE_PC = "acquire_pc"
    RELEASE = "release"
    ACQ_REL = "acq_rel"
    SEQ_CST = "seq_cst"


class Kind(StrEnum):
    """What an access does to memory."""

    READ = "read"
    WRITE = "write"
    RMW = "rmw"
    FETCH = "fetch"


class Transition(Enum):
    """How a descriptor write changes the translation (SEMANTICS: the three transitions of a descriptor).

    NONE: an invalid descriptor stays invalid.
    """

    MAKE = "make"
    BREAK = "break"
    CHANGE = "change"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Access:
    """A load, store, read-modify-write or instruction fetch of `size` bytes at virtual address `address`.

    `value` is what is stored (None for reads), `into` the name that receives what was read, `expected` the old value a
    compare-and-swap needs, `op` the operation of a read-modify-write (swap, cas, add, or, andnot, xor, …) and the
    exclusives (`exclusive`). `type` is the spelling of the accessed C type, "" in assembly.
    """

    kind: Kind
    address: Term
    value: Term | None = None
    into: str | None = None
    order: Order = Order.PLAIN
    size: int = 8
    op: str = ""
    expected: Term | None = None
    type: str = ""


@dataclass(frozen=True, slots=True)
class DescriptorWrite:
    """A write, exchange or compare-exchange of a translation table descriptor at `location`.

    `old` is the value before, as far as it is known; `maps` the first input address the descriptor translates, and
    `length` how many bytes, where a model or data flow tells. `evidence` says why this counts as a descriptor,
    strongest first. A failed compare-exchange writes nothing: `into` then names the result that tells.
    """

    location: Term
    value: Term
    transition: Transition = Transition.UNKNOWN
    old: Term | None = None
    maps: Term | None = None
    length: Term | None = None
    order: Order = Order.PLAIN
    op: str = ""
    into: str | None = None
    expected: Term | None = None
    size: int = 8
    evidence: tuple[str, ...] = ()
    exempt: str = ""


@dataclass(frozen=True, slots=True)
class Dsb:
    """Data synchronization barrier; `nxs` is DSB nXS (FEAT_XS), which does not wait for XS accesses."""

    domain: Shareability = Shareability.SY
    accesses: Accesses = Accesses.ALL
    nxs: bool = False


@dataclass(frozen=True, slots=True)
class Dmb:
    """Data memory barrier. Orders accesses; completes nothing, so the walker may still miss the write."""

    domain: Shareability = Shareability.SY
    accesses: Accesses = Accesses.ALL


@dataclass(frozen=True, slots=True)
class ContextSync:
    """Context synchronization event: `isb`, `exception-entry`, `eret` (`drain` where a model declares one)."""

    cause: str = "isb"


@dataclass(frozen=True, slots=True)
class SpeculationBarrier:
    """SB, SSBB, PSSBB, CSDB: orders speculation only; neither completes nor synchronizes anything."""

    name: str = "sb"


@dataclass(frozen=True, slots=True)
class Tlbi:
    """TLB maintenance: `op` is the lower-case operation (`vae1is`), `operand` its register (None: it takes none)."""

    op: str
    operand: Term | None = None


@dataclass(frozen=True, slots=True)
class At:
    """Address translation instruction, `op` such as `s1e1r`; its result goes to PAR_EL1."""

    op: str
    operand: Term | None = None


@dataclass(frozen=True, slots=True)
class CacheMaintenance:
    """DC or IC: `op` with its prefix, such as `dc cvac` or `ic ialluis`."""

    op: str
    operand: Term | None = None


@dataclass(frozen=True, slots=True)
class SysregWrite:
    """MSR to system register `register` (lower case, such as `ttbr0_el1`)."""

    register: str
    value: Term


@dataclass(frozen=True, slots=True)
class SysregRead:
    """MRS from system register `register`, into `into`."""

    register: str
    into: str | None = None


@dataclass(frozen=True, slots=True)
class ExceptionCall:
    """SVC, HVC or SMC (`name`): exception entry now, exception return later, both context synchronization events."""

    name: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class ExceptionReturn:
    """ERET: leaves this code for good and is a context synchronization event."""


@dataclass(frozen=True, slots=True)
class CompilerBarrier:
    """An asm statement with a memory clobber and no instruction, or `atomic_signal_fence`."""


@dataclass(frozen=True, slots=True)
class Assign:
    """Bind `name` to the value of `value`; nothing is accessed."""

    name: str
    value: Term


@dataclass(frozen=True, slots=True)
class Call:
    """A call that stays a call: `callee` is the USR ("" if unknown) and `targets` what it can reach.

    `qualified` is the printable qualified name, `args` the arguments (the object of a method first), `into` the
    name that receives the result. `why` says how targets were found: direct, virtual, pointer, unknown. `pointer`
    is the callee's value where it is called through one. `types` are the spellings of the arguments' types, `T *`
    where an address is passed; () if they are not known. `entries` numbers the arguments that point to descriptors,
    which the callee may know by another type.
    """

    callee: str
    qualified: str
    args: tuple[Term, ...] = ()
    into: str | None = None
    targets: tuple[str, ...] = ()
    why: str = "direct"
    types: tuple[str, ...] = ()
    pointer: Term | None = None
    entries: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Drain:
    """A point where a model says that all pending synchronization is done (`name` is the model's)."""

    name: str


@dataclass(frozen=True, slots=True)
class UnknownInstruction:
    """An instruction the decoder does not know: kept, shown in reports, never taken for a barrier."""

    text: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A statement that could not be read (a parse error inside, nesting beyond bounds): it may do anything."""

    why: str


Event = (
    Access
    | DescriptorWrite
    | Dsb
    | Dmb
    | ContextSync
    | SpeculationBarrier
    | Tlbi
    | At
    | CacheMaintenance
    | SysregWrite
    | SysregRead
    | ExceptionCall
    | ExceptionReturn
    | CompilerBarrier
    | Assign
    | Call
    | Drain
    | UnknownInstruction
    | Unread
)

NOTHING = Unknown("nothing")


def mnemonic(event: Event) -> str:
    """Return the event as the text of an `event:` annotation, such as `Dsb ishst`, `Tlbi vae1is`, `ContextSync isb`."""
    match event:
        case Dsb(domain, accesses, nxs):
            return f"Dsb {barrier_option(domain, accesses)}{'nxs' if nxs else ''}"
        case Dmb(domain, accesses):
            return f"Dmb {barrier_option(domain, accesses)}"
        case ContextSync(cause):
            return f"ContextSync {cause}"
        case SpeculationBarrier(name) | Drain(name):
            return f"{type(event).__name__} {name}"
        case Tlbi(op) | At(op) | CacheMaintenance(op):
            return f"{type(event).__name__} {op}"
        case SysregWrite(register) | SysregRead(register):
            return f"{type(event).__name__} {register}"
        case DescriptorWrite(transition=transition):
            return f"DescriptorWrite {transition.value}"
        case Access(kind, order=order):
            return f"Access {kind.value}" + ("" if order in (Order.PLAIN, Order.VOLATILE) else f" {order.value}")
        case ExceptionCall(name):
            return f"ExceptionCall {name}"
        case UnknownInstruction(text):
            return f"UnknownInstruction {text}"
        case Call(qualified=qualified):
            return f"Call {qualified or '?'}"
        case _:
            return type(event).__name__


def barrier_option(domain: Shareability, accesses: Accesses) -> str:
    """Return the assembler's option for a DSB or DMB: `ishst`, `ld`, `sy`."""
    if domain is Shareability.SY:
        return "sy" if accesses is Accesses.ALL else accesses.value
    return domain.value + ("" if accesses is Accesses.ALL else accesses.value)
