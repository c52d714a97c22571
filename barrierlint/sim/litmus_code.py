"""The code section of a litmus test: columns of AArch64 assembly → instructions of the simulator.

What it does not model: instructions outside the table below, which raise LitmusError naming the line and the
instruction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from barrierlint import events
from barrierlint.sim import litmus_memory, litmus_system
from barrierlint.sim.litmus_operands import Operands, compared, condition_term, register, width_of
from barrierlint.sim.litmus_values import LitmusError
from barrierlint.sim.program import Instruction, Jump, code_address
from barrierlint.terms import Apply, Name, Term, const

__all__ = ["Column", "columns", "register"]

Action = events.Event | Jump
_CARRY = re.compile(r"(?:\bB\.|,\s*)(?:HS|CS|LO|CC|HI|LS|GE|GT|LT|LE)\b")
_DOMAINS = {domain.value: domain for domain in events.Shareability}
_BINARY = {
    "ADD": "+", "SUB": "-", "AND": "&", "ORR": "|", "EOR": "^", "MUL": "*",
    "LSL": "<<", "LSR": ">>", "ASR": ">>s", "BIC": "&~", "ORN": "|~", "EON": "^~",
}  # fmt: skip
_EXTENDS = {
    "UXTB": "zext 8",
    "UXTH": "zext 16",
    "UXTW": "zext 32",
    "SXTB": "sext 8",
    "SXTH": "sext 16",
    "SXTW": "sext 32",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One PE's code, the index of each label, and where its fault handler begins (-1: it has none)."""

    pe: int
    code: tuple[Instruction, ...]
    labels: Mapping[str, int]
    handler: int


def columns(text: str, line: int) -> list[Column]:
    """Return the code of every PE, in order of PE. Raises LitmusError."""
    rows = _rows(text, line)
    if not rows:
        raise LitmusError("no code", line)
    heads = [_head(cell.strip(), rows[0][1]) for cell in rows[0][0].split("|")]
    cells: dict[tuple[int, bool], list[tuple[str, int]]] = {head: [] for head in heads}
    for row, at in rows[1:]:
        parts = row.split("|")
        if len(parts) > len(heads):
            raise LitmusError(f"{len(parts)} columns of code for {len(heads)} PEs", at)
        for head, cell in zip(heads, parts, strict=False):
            cells[head].append((cell.strip(), at))
    if len(set(heads)) < len(heads):
        raise LitmusError("two columns of code have one name", rows[0][1])
    pes = sorted(pe for pe, handler in heads if not handler)
    if alone := [pe for pe, handler in heads if handler and pe not in pes]:
        raise LitmusError(f"P{alone[0]}.F is the handler of no PE", rows[0][1])
    if pes != list(range(len(pes))):
        raise LitmusError(f"PEs are numbered {pes}: expected P0, P1, … without gaps", rows[0][1])
    return [_column(pe, cells[pe, False], cells.get((pe, True))) for pe in pes]


def _rows(text: str, line: int) -> list[tuple[str, int]]:
    rows, at = [], line
    for row in text.split(";"):
        lead = len(row) - len(row.lstrip())
        if row.strip():
            rows.append((row, at + row.count("\n", 0, lead)))
        at += row.count("\n")
    return rows


def _head(cell: str, line: int) -> tuple[int, bool]:
    match = re.fullmatch(r"P(\d+)(\.F)?", cell)
    if match is None:
        raise LitmusError(f"expected a PE such as P0 or P0.F, found {cell!r}", line)
    return int(match[1]), bool(match[2])


def _column(pe: int, body: list[tuple[str, int]], handler: list[tuple[str, int]] | None) -> Column:
    code: list[Instruction] = []
    labels: dict[str, int] = {}
    _append(body, code, labels)
    start = -1
    if handler is not None:
        code.append(Instruction(Jump("")))
        start = len(code)
        _append(handler, code, labels)
    code = [_resolve(instruction, labels) for instruction in code]
    _check_flags(code)
    return Column(pe, tuple(code), labels, start)


def _append(body: list[tuple[str, int]], code: list[Instruction], labels: dict[str, int]) -> None:
    pending: list[str] = []
    for cell, line in body:
        while match := re.match(r"([A-Za-z_.][\w.]*)\s*:\s*", cell):
            if match[1] in labels:
                raise LitmusError(f"label {match[1]} is defined twice", line)
            labels[match[1]] = len(code)
            pending.append(match[1])
            cell = cell[match.end() :]
        if cell:
            code += [Instruction(a, tuple(pending), cell, line) for a in decode(cell, line)]
            pending = []


def _resolve(instruction: Instruction, labels: Mapping[str, int]) -> Instruction:
    """Check the label a branch names, and give ADR its address."""
    action = instruction.action
    if isinstance(action, Jump) and action.target and action.target not in labels:
        raise LitmusError(f"{instruction.text}: no label {action.target}", instruction.line)
    match action:
        case events.Assign(name, Name(id)) if id.startswith("label:"):
            if id[6:] not in labels:
                raise LitmusError(f"{instruction.text}: no label {id[6:]}", instruction.line)
            value = const(code_address(labels[id[6:]]))
            return Instruction(events.Assign(name, value), instruction.labels, instruction.text, instruction.line)
        case _:
            return instruction


def _check_flags(code: list[Instruction]) -> None:
    """Refuse conditions on carry and overflow where the flags may not come from a comparison."""
    words = {i.text.partition(" ")[0].upper() for i in code}
    doubtful = words & {"ADDS", "CMN", "ANDS", "TST"}
    for instruction in code if doubtful else ():
        if _CARRY.search(instruction.text.upper()):
            what = f"a condition on carry or overflow beside {sorted(doubtful)[0]} is not modelled"
            raise LitmusError(f"instruction {instruction.text!r}: {what}", instruction.line)


def decode(text: str, line: int) -> list[Action]:
    """Return what instruction `text` does. Raises LitmusError naming it if it is not supported."""
    mnemonic, _, rest = text.partition(" ")
    mnemonic = mnemonic.upper()
    try:
        operands = Operands.of(rest)
        actions = _barrier(mnemonic, operands) or _control(mnemonic, operands)
        actions = actions or [*litmus_system.decode(mnemonic, operands)]
        actions = actions or [*litmus_memory.decode(mnemonic, operands)] or _data(mnemonic, operands)
        unread = operands.unread() if actions else ""
    except (ValueError, IndexError, KeyError, LitmusError) as error:
        raise LitmusError(f"instruction {text!r}: {error}", line) from None
    if unread:
        raise LitmusError(f"instruction {text!r}: operand {unread!r} is not expected", line)
    if not actions:
        raise LitmusError(f"instruction {text!r} is not supported", line)
    return actions


def _barrier(mnemonic: str, operands: Operands) -> list[Action]:
    match mnemonic:
        case "ISB":
            if operands.count and operands.text(0).upper() != "SY":
                raise ValueError(f"barrier option {operands.text(0)!r}")
            return [events.ContextSync("isb")]
        case "DSB" | "DMB":
            option = operands.text(0).lower()
            nxs = mnemonic == "DSB" and option.endswith("nxs")
            domain, accesses = _option(option.removesuffix("nxs") if nxs else option)
            return [events.Dsb(domain, accesses, nxs) if mnemonic == "DSB" else events.Dmb(domain, accesses)]
        case "SB" | "SSBB" | "PSSBB" | "CSDB":
            return [events.SpeculationBarrier(mnemonic.lower())]
        case "NOP":
            return [events.CompilerBarrier()]
        case _:
            return []


def _option(option: str) -> tuple[events.Shareability, events.Accesses]:
    for accesses in (events.Accesses.LD, events.Accesses.ST):
        if option.endswith(accesses.value):
            return _DOMAINS[option.removesuffix(accesses.value) or "sy"], accesses
    if option not in _DOMAINS:
        raise ValueError(f"barrier option {option!r}")
    return _DOMAINS[option], events.Accesses.ALL


def _control(mnemonic: str, operands: Operands) -> list[Action]:
    match mnemonic:
        case "B":
            return [Jump(operands.text(0))]
        case "CBZ" | "CBNZ":
            test = Apply("==" if mnemonic == "CBZ" else "!=", (operands.source(0), const(0)))
            return [Jump(operands.text(1), test)]
        case "TBZ" | "TBNZ":
            bit = Apply("&", (operands.source(0), const(1 << operands.immediate(1))))
            return [Jump(operands.text(2), Apply("==" if mnemonic == "TBZ" else "!=", (bit, const(0))))]
        case _ if mnemonic.startswith("B.") and len(mnemonic) == 4:
            return [Jump(operands.text(0), condition_term(mnemonic[2:]))]
        case _:
            return []


def _data(mnemonic: str, operands: Operands) -> list[Action]:
    """Register operations: each binds one register (and CMP and the S forms the flags)."""
    if not operands.count:
        return []
    width = width_of(operands.parts[0])
    if mnemonic in ("CMP", "TST", "CMN"):
        op = {"CMP": "-", "TST": "&", "CMN": "+"}[mnemonic]
        left, right = operands.source(0), operands.value(1, width)
        return [*compared(op, left, right, width)]
    if mnemonic in ("ADDS", "SUBS", "ANDS"):
        op = {"ADDS": "+", "SUBS": "-", "ANDS": "&"}[mnemonic]
        left, right = operands.source(1), operands.value(2, width)
        return [*compared(op, left, right, width), _bind(operands, Apply(op, (left, right)), width)]
    term = _register_term(mnemonic, operands, width)
    return [] if term is None else [_bind(operands, term, width)]


def _bind(operands: Operands, term: Term, width: int) -> Action:
    name = operands.target(0)
    if name is None:
        return events.CompilerBarrier()
    return events.Assign(name, term if width == 64 else Apply("zext 32", (term,)))


def _register_term(mnemonic: str, operands: Operands, width: int) -> Term | None:
    if mnemonic in _BINARY:
        op, left, right = _BINARY[mnemonic], operands.source(1), operands.value(2, width)
        if op.endswith("~"):
            op, right = op[0], Apply("~", (right,))
        if op == ">>s" and width == 32:
            left = Apply("sext 32", (left,))
        if mnemonic in ("LSL", "LSR", "ASR"):
            right = Apply("&", (right, const(width - 1)))
        return Apply(op, (left, right))
    if mnemonic in _EXTENDS:
        return Apply(_EXTENDS[mnemonic], (operands.source(1),))
    match mnemonic:
        case "MOV" | "MOVZ":
            return operands.value(1, width)
        case "MVN":
            return Apply("~", (operands.value(1, width),))
        case "MOVN":
            return Apply("~", (operands.value(1, width),))
        case "NEG":
            return Apply("neg", (operands.value(1, width),))
        case "MOVK":
            shift = operands.shift(2)
            kept = Apply("&", (operands.source(0), const(~(0xFFFF << shift))))
            return Apply("|", (kept, const(operands.immediate(1) << shift)))
        case "ADR" | "ADRP":
            return Name("label:" + operands.text(1))
        case "UBFX":
            low = Apply(">>", (operands.source(1), const(operands.immediate(2))))
            return Apply("&", (low, const((1 << operands.immediate(3)) - 1)))
        case "CSEL" | "CSINC" | "CSINV" | "CSNEG":
            other: Term = operands.source(2)
            other = {
                "L": other,
                "C": Apply("+", (other, const(1))),
                "V": Apply("~", (other,)),
                "G": Apply("neg", (other,)),
            }[mnemonic[-1]]
            return Apply("?:", (condition_term(operands.text(3)), operands.source(1), other))
        case "CSET" | "CSETM":
            yes = const(1) if mnemonic == "CSET" else const(-1)
            return Apply("?:", (condition_term(operands.text(1)), yes, const(0)))
        case _:
            return None
