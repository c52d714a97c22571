"""One statement of an assembler text executed on what is known of the registers: calls, branches, and all else by
table.

What it does not model: computed branches into the text.
"""

from __future__ import annotations

import re

from barrierlint.cfg import asm_flow
from barrierlint.cfg.asm_arithmetic import arithmetic
from barrierlint.cfg.asm_condition import condition, negate
from barrierlint.cfg.asm_machine import ZERO, Machine, apply, parse_register, zero_extend
from barrierlint.cfg.asm_memory import memory
from barrierlint.cfg.asm_operand import Allocation
from barrierlint.cfg.asm_system import system
from barrierlint.cfg.asm_text import Statement
from barrierlint.events import Access, Call, Kind, UnknownInstruction
from barrierlint.terms import AddressOf, Apply, Const, Name, Term, Unknown


def step(machine: Machine, lines: list[Statement], at: int, places: Allocation) -> Term | None:
    """Execute one statement; of a conditional branch return the term that holds where it is not taken."""
    line = lines[at]
    name = line.mnemonic
    if line.label:
        return None
    if name == ".maybe":
        _undecided(machine, lines, at, places)
        return None
    branch = asm_flow.CONDITIONAL.fullmatch(name)
    if branch and line.operands:
        return _branch(machine, lines, at, branch)
    if not _transfer(machine, lines, at):
        execute(machine, line, _original(line.text, places))
    return None


def execute(machine: Machine, line: Statement, shown: str) -> None:
    """Execute an instruction that is no branch; of one that is not known say so, as `shown`."""
    if any(decoder(machine, line.mnemonic, line.operands) for decoder in (system, arithmetic, memory)):
        return
    machine.emit(UnknownInstruction(shown))
    machine.opaque = True
    named = {register.key for register in map(parse_register, line.operands) if register and register.key.isdigit()}
    machine.forget(named)
    machine.written |= named


def _undecided(machine: Machine, lines: list[Statement], at: int, places: Allocation) -> None:
    """An `.if` that could not be decided: said once, and only where one of its sides has events."""
    text = lines[at].text
    end = asm_flow.target_of(lines, at)
    scratch = Machine(machine.prefix, dict(machine.registers), machine.symbols, machine.named)
    for inside in range(at + 1, len(lines) if end is None else end):
        if lines[inside].mnemonic != ".maybe":
            step(scratch, lines, inside, places)
    if scratch.events and text not in machine.reported:
        machine.reported.add(text)
        machine.emit(UnknownInstruction(_original(text, places)))


def _original(text: str, places: Allocation) -> str:
    """The text as the programmer wrote it: operand registers shown as `%0` again."""
    names = {number: key for key, number in reversed(places.numbers.items())}
    text = re.sub(
        r"\b([wx])(\d+)\b",
        lambda m: f"%{'w' if m[1] == 'w' else ''}{names[int(m[2])]}" if int(m[2]) in names else m[0],
        text,
    )
    return re.sub(r"\s+", " ", text).strip()


def _transfer(machine: Machine, lines: list[Statement], at: int) -> bool:
    """Calls and unconditional branches."""
    line = lines[at]
    name, operands = line.mnemonic, line.operands
    if name in ("ret", "retaa", "retab", "drps"):
        return True
    if name == "b" and len(operands) == 1:
        if asm_flow.target_of(lines, at) is None and not operands[0].startswith(".Lgoto."):
            _call(machine, machine.symbol(operands[0]))
        return True
    if name == "bl" and len(operands) == 1:
        _call(machine, machine.symbol(operands[0]))
        return True
    if re.fullmatch(r"bl?r(a[ab]z?)?", name) and operands and (register := parse_register(operands[0])):
        _call(machine, machine.get(register))
        return True
    return False


def _call(machine: Machine, target: Term) -> None:
    """A call: arguments are x0 to x7 as far as the text set them; x0 to x18 and x30 come back changed (AAPCS64)."""
    passed = max((n for n in range(8) if str(n) in machine.written), default=-1)
    args = tuple(machine.registers.get(str(n), Unknown(f"{machine.prefix}.x{n}")) for n in range(passed + 1))
    into = machine.fresh()
    match target:
        case AddressOf(id, kind):
            callee = id if kind == "function" else f"c:@F@{id}"
            machine.emit(Call(callee, id, args, into, (callee,), "direct"))
        case _:
            if not isinstance(target, Unknown):
                machine.emit(Access(Kind.FETCH, target, size=4))
            machine.emit(Call("", "", args, into, (), "pointer"))
    machine.forget({str(n) for n in (*range(19), 30)} & set(machine.registers))
    machine.registers["0"] = Name(into)
    machine.written.add("0")
    machine.opaque = True


def _branch(machine: Machine, lines: list[Statement], at: int, branch: re.Match[str]) -> Term | None:
    """As `falls_through_if`; a retry loop has succeeded where it falls through."""
    line = lines[at]
    test = falls_through_if(machine, line, branch)
    value = tested(machine, line) if branch["test"] == "cbnz" else None
    if isinstance(value, Name):
        target = asm_flow.target_of(lines, at)
        register = parse_register(line.operands[0])
        if target is not None and target <= at and register is not None:
            machine.retried.add(value.id)
            machine.registers[register.key] = ZERO
    return test


def tested(machine: Machine, line: Statement) -> Term | None:
    """What a compare-and-branch or test-and-branch looks at; None if its operands are wrong."""
    register = parse_register(line.operands[0])
    if register is None or len(line.operands) != (2 if line.mnemonic in ("cbz", "cbnz") else 3):
        return None
    value = machine.get(register)
    narrow = register.bits == 32 and line.mnemonic in ("cbz", "cbnz") and not isinstance(value, Name)
    return zero_extend(value, 32) if narrow else value


def falls_through_if(machine: Machine, line: Statement, branch: re.Match[str]) -> Term | None:
    """The term that holds where a conditional branch falls through, None if it is not known."""
    code = branch["code"] or branch["old"]
    if code:
        test = condition(machine, code)
        return None if test is None else negate(test)
    value = tested(machine, line)
    if value is None:
        machine.emit(UnknownInstruction(line.text))
        return None
    if branch["test"] in ("tbz", "tbnz"):
        bit = machine.number(line.operands[1])
        if bit is None or not 0 <= bit < 64:
            return None
        value = apply("&", apply(">>", value, Const(bit)), Const(1))
    return Apply("!=" if branch["test"] in ("cbz", "tbz") else "==", (value, ZERO))
