"""Where control goes after an instruction of an assembly file: on, to a label, into a function, back, or away.

Calls and branches through registers go where the register's value says, if it is known. What it does not model:
tables of branches, and code that changes its own return address in memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from barrierlint.cfg import asm_flow
from barrierlint.cfg.asm_expression import evaluate
from barrierlint.cfg.asm_instruction import falls_through_if
from barrierlint.cfg.asm_layout import Layout, is_data, symbol_of
from barrierlint.cfg.asm_machine import Machine, apply, parse_register
from barrierlint.cfg.asm_text import Statement
from barrierlint.terms import AddressOf, Apply, Const, Name, Term, Unknown, const

RETURNS = frozenset(["ret", "retaa", "retab"])
LEAVES = frozenset(["eret", "eretaa", "eretab", "drps"])
_SYMBOL = re.compile(r"\(*((?!\.[^\w$])[A-Za-z_.$][\w.$]*(?:\([A-Za-z_][\w.$]*\))?)\)*\s*([-+].*)?")
_INDIRECT = re.compile(r"(bl?r)(?:a[ab]z?)?")


@dataclass(frozen=True, slots=True)
class Callee:
    """What is called or jumped to: a function by USR and name, or the value of a register."""

    usr: str = ""
    name: str = ""
    pointer: Term | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """`kind`: goto, branch (to `target` unless `test`, which holds where it falls through), call, tail, return, or
    leave (`execute` tells that the instruction has events). A `tail` with `target` comes back there.
    """

    kind: str
    target: int = -1
    callee: Callee | None = None
    test: Term | None = None
    execute: bool = False


@dataclass(slots=True)
class Symbols:
    """What names stand for in one file: labels, functions, and objects elsewhere."""

    layout: Layout
    path: str
    numbers: dict[str, int] = field(default_factory=dict)
    synonyms: dict[str, str] = field(default_factory=dict)

    @property
    def _places(self) -> str:
        """What the names of places in this file's code begin with that are no functions."""
        return f"c:{self.path}@.L"

    def usr(self, name: str) -> str:
        """The USR of a function, the same as clang's for a declaration in C."""
        name = symbol_of(name)
        own = name in self.layout.labels or name in self.synonyms
        return f"c:@F@{name}" if name in self.layout.globals or not own else f"c:{self.path}@F@{name}"

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name not in self.numbers and _SYMBOL.fullmatch(name) is not None

    def __getitem__(self, name: str) -> Term:
        if match := _SYMBOL.fullmatch(name):
            beyond = evaluate(match[2] or "0", self.numbers)
            return apply("+", self._address(match[1]), const(beyond)) if beyond is not None else Unknown(name)
        return Unknown(name)

    def _address(self, name: str) -> Term:
        at = self.layout.labels.get(symbol_of(name))
        if at is None:
            return AddressOf(f"c:@{name}", "global")
        return (
            AddressOf(self.usr(name), "function")
            if at in self.layout.functions
            else AddressOf(f"{self._places}{at}", "global")
        )

    def index(self, address: Term) -> int:
        """The index of the label that an address is, -1 if it is none of this file's."""
        while isinstance(address, Apply) and address.op in ("+", "-") and len(address.args) == 2:
            if not isinstance(address.args[1], Const | AddressOf):
                break  # a link address, moved to where the code was loaded, is still the label's
            address = address.args[0]
        match address:
            case AddressOf(id) if id.startswith(self._places):
                return int(id[len(self._places) :])
            case AddressOf(id, "function"):
                return self.layout.labels.get(id.rpartition("@F@")[2], -1)
        return -1


class Transfers:
    """Control flow of the functions of one file; `start` is the function whose flow is asked for."""

    def __init__(self, symbols: Symbols, usr: str, start: int) -> None:
        self.symbols = symbols
        self.layout = symbols.layout
        self.usr = usr
        self.start = start
        self.caller = Unknown(f"{usr}#x30#0")

    def of(self, at: int, machine: Machine) -> Transfer | None:
        """Where control goes at the statement with index `at`; None if it goes on."""
        line = self.layout.statements[at]
        name, operands = line.mnemonic, line.operands
        if name in LEAVES:
            return Transfer("leave", execute=True)
        if name == ".data":
            return Transfer("leave", execute=True) if not _is_padding(line) else None
        if name == ".maybe":
            end = self._place(operands[0])
            return Transfer("branch", end) if end >= 0 else None
        if name in RETURNS:
            return self._back(machine, operands[0] if operands and name == "ret" else "x30")
        if asm_flow.CONDITIONAL.fullmatch(name) and operands:
            return self._conditional(line, at, machine)
        if name in ("b", "bl") and len(operands) == 1:
            return self._direct(name, operands[0], at, machine)
        match = _INDIRECT.fullmatch(name)
        if match and operands and (register := parse_register(operands[0])) is not None:
            return self._indirect(match[1], machine.get(register), machine)
        return None

    def onward(self, at: int, called: bool = False) -> Transfer:
        """What follows the statement: the next one, perhaps the beginning of another function, or nothing; a function
        `called` before data does not return.
        """
        after = self.layout.follows[at]
        return Transfer("leave") if after < 0 or (called and is_data(self.layout, after)) else self.into(after)

    def into(self, at: int) -> Transfer:
        """Control arrives at a label: of this function, or of another, whose body then stands for the rest of this."""
        if at in self.layout.functions and at != self.start:
            name = self.layout.functions[at]
            return Transfer("tail", callee=Callee(self.symbols.usr(name), name))
        return Transfer("goto", at)

    def _place(self, name: str) -> int:
        return self.layout.labels.get(symbol_of(name), -1)

    def _elsewhere(self, name: str) -> Callee:
        return Callee(self.symbols.usr(name), symbol_of(name))

    def _conditional(self, line: Statement, at: int, machine: Machine) -> Transfer | None:
        branch = asm_flow.CONDITIONAL.fullmatch(line.mnemonic)
        assert branch is not None
        test = falls_through_if(machine, line, branch)
        if line.operands[-1] == ".":
            return Transfer("branch", at, None, test)
        if not _SYMBOL.fullmatch(line.operands[-1]):
            return None  # told as an instruction that is not known
        to = self._place(line.operands[-1])
        if to < 0:
            return Transfer("branch", callee=self._elsewhere(line.operands[-1]), test=test)
        way = self.into(to)
        return Transfer("branch", way.target, way.callee, test)

    def _direct(self, name: str, symbol: str, at: int, machine: Machine) -> Transfer:
        if symbol == ".":
            return Transfer("goto", at) if name == "b" else Transfer("leave")
        if not _SYMBOL.fullmatch(symbol):
            return Transfer("leave", execute=True)
        to = self._place(symbol)
        if name == "bl":
            return Transfer("call", callee=self._elsewhere(symbol))
        way = Transfer("tail", callee=self._elsewhere(symbol)) if to < 0 else self.into(to)
        return self._comes_back(way, machine)

    def _comes_back(self, way: Transfer, machine: Machine) -> Transfer:
        """A jump into a function whose return address was set to a label of ours is a call that comes back there."""
        if way.kind == "tail":
            back = self.symbols.index(machine.registers.get("30", self.caller))
            if back >= 0:
                return Transfer("tail", back, way.callee)
        return way

    def _back(self, machine: Machine, operand: str) -> Transfer:
        register = parse_register(operand)
        value = machine.get(register) if register is not None else self.caller
        to = self.symbols.index(value)
        return self.into(to) if to >= 0 else Transfer("return")

    def _indirect(self, name: str, value: Term, machine: Machine) -> Transfer:
        if name == "br" and value in (self.caller, Name(self.caller.id)):
            return Transfer("return")
        to = self.symbols.index(value)
        if to >= 0 and name == "br":
            return self._comes_back(self.into(to), machine)
        if to >= 0 and to in self.layout.functions:
            known = self.layout.functions[to]
            return Transfer("call", callee=Callee(self.symbols.usr(known), known))
        match value:
            case AddressOf(id) if id.startswith("c:@"):
                name_of = id.removeprefix("c:@")
                callee = Callee(f"c:@F@{name_of}", name_of)
            case _:
                callee = Callee(pointer=value)
        way = Transfer("call" if name == "blr" else "tail", callee=callee)
        return way if name == "blr" else self._comes_back(way, machine)


def _is_padding(line: Statement) -> bool:
    return line.text.split(None, 1)[0] in (".space", ".skip", ".zero", ".fill")
