"""Random straight-line code for tests: a make, the steps around it, the access that depends on it.

Operands are names, which are parameters to the rule engine and registers (`REGISTERS`) to the simulator.
"""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import strategies as st

from barrierlint.events import (
    Access,
    Accesses,
    At,
    CacheMaintenance,
    CompilerBarrier,
    ContextSync,
    DescriptorWrite,
    Dmb,
    Dsb,
    Event,
    ExceptionCall,
    Kind,
    Order,
    Shareability,
    SpeculationBarrier,
    SysregWrite,
    Tlbi,
    Transition,
)
from barrierlint.sim.descriptor import Descriptor
from barrierlint.sim.program import PHYSICAL, Symbols
from barrierlint.terms import Name, const

SYMBOLS = Symbols(("x", "z", "flag"))
VALID = {name: Descriptor(SYMBOLS.physical(name)).encode() for name in SYMBOLS.names}
INVALID = {name: Descriptor(SYMBOLS.physical(name), valid=0).encode() for name in SYMBOLS.names}
REGISTERS = {
    "p": SYMBOLS.table("x"),
    "q": SYMBOLS.table("z"),
    "va": SYMBOLS.virtual("x"),
    "vz": SYMBOLS.virtual("z"),
    "page": SYMBOLS.virtual("x") >> 12,
    "other": PHYSICAL + 0x80_0000,
    "flag": SYMBOLS.physical("flag"),
}
VAE1IS = Tlbi("vae1is", Name("page"))
BROADCAST = (VAE1IS, Tlbi("vmalle1is"))
WIDE = (Shareability.ISH, Shareability.OSH)

ORDERS = (Order.PLAIN, Order.RELEASE, Order.ACQ_REL)
OPS = ("", "", "swap", "or")


def make(order: Order = Order.PLAIN, op: str = "", page: str = "x") -> DescriptorWrite:
    """Invalid → valid, by a store or an atomic."""
    place, maps = ("p", "va") if page == "x" else ("q", "vz")
    into = "old" if op else None
    return DescriptorWrite(
        Name(place), const(VALID[page]), Transition.MAKE, None, Name(maps), order=order, op=op, into=into
    )


def unrelated(kind: Kind, order: Order, where: str) -> Access:
    """An access of a cell of its own, or the descriptor read back."""
    if kind is Kind.READ or where == "p":
        return Access(Kind.READ, Name(where), into="r", order=Order.ACQUIRE if order is Order.ACQ_REL else Order.PLAIN)
    if kind is Kind.WRITE:
        return Access(kind, Name(where), const(1), order=Order.RELEASE if order is Order.RELEASE else Order.PLAIN)
    return Access(kind, Name(where), const(1), "r", order, op="swap")


def dependent(kind: Kind, order: Order) -> Access:
    """The access of the page."""
    return {
        Kind.READ: Access(kind, Name("va"), None, "r", Order.ACQUIRE if order is Order.ACQ_REL else Order.PLAIN),
        Kind.WRITE: Access(kind, Name("va"), const(1), order=Order.RELEASE if order is Order.RELEASE else Order.PLAIN),
        Kind.RMW: Access(kind, Name("va"), const(1), "r", order, op="add"),
        Kind.FETCH: Access(kind, Name("va"), None, "r"),
    }[kind]


BARRIERS: tuple[Event, ...] = (
    *(barrier(domain, waits) for barrier in (Dsb, Dsb, Dmb) for domain in Shareability for waits in Accesses),
    *[ContextSync()] * 24,
)
OTHERS: tuple[Event, ...] = (
    *(unrelated(k, o, w) for k in (Kind.READ, Kind.WRITE, Kind.RMW) for o in ORDERS for w in ("other", "p")),
    *(make(order, op, "z") for order in ORDERS for op in OPS),
    *[ExceptionCall("svc")] * 4,
    VAE1IS,
    Tlbi("vaae1", Name("page")),
    Tlbi("vmalle1"),
    At("s1e1r", Name("va")),
    SpeculationBarrier(),
    CompilerBarrier(),
    CacheMaintenance("dc cvac", Name("p")),
    SysregWrite("tpidr_el1", Name("va")),
)
STEPS = BARRIERS + OTHERS
few = st.lists(st.integers(0, len(STEPS) - 1), max_size=2).map(lambda numbers: [STEPS[n] for n in numbers])
DSBS = [[], *([Dsb(domain, waits)] for domain in Shareability for waits in Accesses)]
SYNCS = [[], [ContextSync()], [ContextSync()], [ExceptionCall("svc")]]
LOCAL = [[Dsb(Shareability.NSH)], [Dsb(Shareability.NSH, Accesses.ST)]]
writes = st.sampled_from([make(order, op) for order in ORDERS for op in OPS])
uses = st.sampled_from([dependent(kind, order) for kind in Kind for order in ORDERS])


def with_each_left_out(code: list[Event], *kept: Event) -> Iterator[list[Event]]:
    """The sequence, and it without each step in turn that is not of `kept`: barriers that matter are noticed so."""
    yield code
    for number, step in enumerate(code):
        if all(step is not keep for keep in kept):
            yield code[:number] + code[number + 1 :]
