"""A scenario as text of a litmus test, in the dialect that herd7 and `litmus.parse` both read.

Where herd7 has no form for an event, the nearest one it has is written and a comment says so. What it does not keep:
the source code's operands.
"""

from __future__ import annotations

from barrierlint.events import (
    Access,
    CacheMaintenance,
    ContextSync,
    DescriptorWrite,
    Dmb,
    Dsb,
    Event,
    Kind,
    Order,
    Shareability,
    SpeculationBarrier,
    Tlbi,
    Transition,
    barrier_option,
)
from barrierlint.sim.scenario import INVALID, MOVED, SYMBOLS, Scenario
from barrierlint.terms import Const, Term

_REGISTERS = {"valid": "X1", "moved": "X7", "invalid": "X8"}
_SUFFIX = {Order.ACQUIRE: "A", Order.RELEASE: "L", Order.ACQ_REL: "AL", Order.SEQ_CST: "AL"}
_HERD_TLBI = frozenset(
    f"{kind}e{el}{domain}"
    for kind in ("all", "vmall", "vmalls12", "va", "val", "vaa", "vaal")
    for el in (1, 2, 3)
    for domain in ("", "is")
)


def print_litmus(story: Scenario, name: str) -> str:
    """Return the litmus test of `story`, named after rule `name`."""
    notes: list[str] = []
    code = [line for step in story.steps for line in _lines(step.event, notes)]
    access = ["L0:", *_lines(story.access.event, notes)]
    cells = [code + access] if not story.remote else [code + _raise(story), ["LDAR W5,[X4]", "DSB ISH", "ISB", *access]]
    title = f"{name}.{story.transition.value}"
    head = [
        f"AArch64 {title}",
        "(* The witness of a barrierlint finding. *)",
        *[f"(* {note} *)" for note in dict.fromkeys(notes)],
    ]
    return "\n".join([*head, *_init(story), *_table(cells), f"exists ({_condition(story)})"]) + "\n"


def _raise(story: Scenario) -> list[str]:
    store = "STR" if story.transition is Transition.MAKE else "STLR"
    return ["MOV W6,#1", f"{store} W6,[X4]"]


def _init(story: Scenario) -> list[str]:
    initial = ["[PTE(x)]=(oa:PA(x), valid:0);"] if story.transition is Transition.MAKE else []
    pes = 2 if story.remote else 1
    lines = ["{", " int x=1; int z=2; int flag=0; int other=0;", *(f" {line}" for line in initial)]
    lines += [
        " 0:X0=PTE(x); pteval_t 0:X1=(oa:PA(x)); pteval_t 0:X7=(oa:PA(z)); pteval_t 0:X8=(oa:PA(x), valid:0);",
        " 0:X2=x; 0:X10=PTE(z); 0:X11=other; 0:X4=flag; 0:X13=3;",
    ]
    return [*lines, *([" 1:X2=x; 1:X4=flag; 1:X13=3;"] if pes == 2 else []), "}"]


def _table(cells: list[list[str]]) -> list[str]:
    columns = [[f"P{pe}", *lines] for pe, lines in enumerate(cells)]
    height = max(len(column) for column in columns)
    widths = [max(len(cell) for cell in column) for column in columns]
    rows = []
    for row in range(height):
        parts = [(c[row] if row < len(c) else "").ljust(w) for c, w in zip(columns, widths, strict=True)]
        rows.append(" " + " | ".join(parts) + " ;")
    return rows


def _condition(story: Scenario) -> str:
    pe = 1 if story.remote else 0
    flag = "1:X5=1 /\\ " if story.remote else ""
    event = story.access.event
    match story.transition:
        case Transition.MAKE:
            return f"{flag}fault(P{pe}:L0,x,MMU:Translation)"
        case Transition.CHANGE if isinstance(event, Access) and event.kind is Kind.WRITE:
            return f"{flag}[x]=3"
        case Transition.CHANGE:
            return f"{flag}{pe}:X3=1"
        case _:
            return f"{flag}~fault(P{pe}:L0,x)"


def _lines(event: Event, notes: list[str]) -> list[str]:
    match event:
        case DescriptorWrite(location, value, order=order, op=op):
            base = "X0" if location == Const(SYMBOLS.table("x")) else "X10"
            return [_store(_register(value), base, order, op)]
        case Dsb(domain, accesses):
            if domain is Shareability.NSH:
                notes.append("herd7 does not tell DSB NSH from DSB ISH: it is too strong there for a second PE")
            return [f"DSB {barrier_option(domain, accesses).upper()}"]
        case Dmb(domain, accesses):
            return [f"DMB {barrier_option(domain, accesses).upper()}"]
        case ContextSync(cause):
            if cause != "isb":
                notes.append(f"{cause} is written as ISB: both are context synchronization events")
            return ["ISB"]
        case Tlbi(op, operand):
            return _tlbi(op, operand, notes)
        case Access():
            return [_access(event)]
        case SpeculationBarrier() | CacheMaintenance():
            notes.append("speculation barriers and cache maintenance are left out: they order nothing here")
            return []
        case _:
            return []


def _register(value: Term) -> str:
    kind = "invalid" if value == Const(INVALID) else "moved" if value == Const(MOVED) else "valid"
    return _REGISTERS[kind]


def _store(register: str, base: str, order: Order, op: str) -> str:
    if op:
        return f"SWP{_SUFFIX.get(order, '')} {register},X12,[{base}]"
    store = "STLR" if order in (Order.RELEASE, Order.ACQ_REL, Order.SEQ_CST) else "STR"
    return f"{store} {register},[{base}]"


def _tlbi(op: str, operand: Term | None, notes: list[str]) -> list[str]:
    plain = op.removesuffix("nxs")
    if plain not in _HERD_TLBI:
        domain = "is" if plain.endswith(("is", "os")) else ""
        plain = ("vmalle1" if operand is None else "vaae1") + domain
        notes.append(f"TLBI {op.upper()} is written as {plain.upper()}, which herd7 knows")
    if plain.startswith(("all", "vmall")):
        return [f"TLBI {plain.upper()}"]
    return ["LSR X9,X2,#12", f"TLBI {plain.upper()},X9"]


def _access(event: Access) -> str:
    page = event.address == Const(SYMBOLS.virtual("x"))
    base = "X2" if page else "X11"
    if event.kind is Kind.RMW:
        return f"SWP{_SUFFIX.get(event.order, '')} W13,W{3 if page else 14},[{base}]"
    if event.kind is Kind.WRITE:
        store = "STLR" if event.order in (Order.RELEASE, Order.SEQ_CST) else "STR"
        return f"{store} W{13 if page else 15},[{base}]"
    load = {Order.ACQUIRE: "LDAR", Order.SEQ_CST: "LDAR", Order.ACQUIRE_PC: "LDAPR"}.get(event.order, "LDR")
    return f"{load} W{3 if page else 14},[{base}]"
