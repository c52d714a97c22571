"""One statement of an assembler text executed on what is known of the registers: calls, branches, and all else by
table.

What it does not model: computed branches into the text.
"""

from __future__ import annotations

import re

from barrierlint.cfg import asm_flow
from barrierlint.cfg.asm_arithmetic import arithmetic, condition, negate
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
    if _transfer(machine, lines, at) or any(
        decoder(machine, name, line.operands) for decoder in (system, arithmetic, memory)
    ):
        return None
    machine.emit(UnknownInstruction(_original(line.text, places)))
    machine.opaque = True
    machine.forget(
        {register.key for register in map(parse_register, line.operands) if register and register.key.isdigit()}
    )
    return None


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
    """A conditional branch: the term that holds where it falls through, None if unknown. A retry loop has succeeded
    there.
    """
    line = lines[at]
    code = branch["code"] or branch["old"]
    if code:
        test = condition(machine, code)
        return None if test is None else negate(test)
    register = parse_register(line.operands[0])
    if register is None or len(line.operands) != (2 if branch["test"] in ("cbz", "cbnz") else 3):
        machine.emit(UnknownInstruction(line.text))
        return None
    value = machine.get(register)
    if branch["test"] in ("tbz", "tbnz"):
        bit = machine.number(line.operands[1])
        tested = None if bit is None or not 0 <= bit < 64 else apply("&", apply(">>", value, Const(bit)), Const(1))
        return None if tested is None else Apply("!=" if branch["test"] == "tbz" else "==", (tested, ZERO))
    value = zero_extend(value, 32) if register.bits == 32 and not isinstance(value, Name) else value
    if branch["test"] == "cbz":
        return Apply("!=", (value, ZERO))
    target = asm_flow.target_of(lines, at)
    if target is not None and target <= at and isinstance(value, Name):
        machine.retried.add(value.id)
        machine.registers[register.key] = ZERO
    return Apply("==", (value, ZERO))
