"""Registers of a whole function as names that instructions assign to, and as values where those are known.

Between two branches a register stands for the term it was given, as long as what the term is made of has not changed;
afterwards it stands for its own name. Flags are kept the same way. What it does not model: the upper half of a vector
register, and condition flags other than the last comparison's.
"""

from __future__ import annotations

from collections.abc import Iterator

from barrierlint.cfg.asm_machine import Machine
from barrierlint.events import Assign
from barrierlint.terms import AddressOf, Apply, Const, Element, Field, Name, Term, Unknown

KEYS = (*(str(number) for number in range(31)), "sp")
FLAGS = ("flags.left", "flags.right")
LARGEST = 24
"""Nodes of a term that stands for a register; of a larger one the name is kept."""

Flags = tuple[str, int] | None
"""What is known of the flags where blocks meet: the comparison that set them, and its width."""


def register_name(usr: str, key: str) -> str:
    """The name of a register in a function."""
    return f"{usr}#{key if key in ('sp', *FLAGS) else 'x' + key}#0"


def names_in(term: Term) -> Iterator[str]:
    """The names a term is made of."""
    pending = [term]
    while pending:
        match pending.pop():
            case Name(id):
                yield id
            case Apply(_, args):
                pending.extend(args)
            case Field(base, _):
                pending.append(base)
            case Element(base, index, _):
                pending += (base, index)


def _size(term: Term) -> int:
    count, pending = 0, [term]
    while pending and count <= LARGEST:
        count += 1
        match pending.pop():
            case Apply(_, args):
                pending.extend(args)
            case Field(base, _):
                pending.append(base)
            case Element(base, index, _):
                pending += (base, index)
    return count


def is_lasting(term: Term, usr: str) -> bool:
    """Whether a value is the same wherever it is used in the function: a number, a place, what a register held on
    entry.
    """
    match term:
        case Const() | AddressOf():
            return True
        case Unknown(id):
            return id.startswith(usr + "#x")
        case Apply("+" | "-", (base, Const())):
            return is_lasting(base, usr) and _size(base) < 8
    return False


class Registers:
    """The registers of one function while its instructions are executed one by one."""

    def __init__(self, usr: str, machine: Machine, values: dict[str, Term], flags: Flags) -> None:
        self.usr = usr
        self.machine = machine
        self.names = {key: Name(register_name(usr, key)) for key in KEYS}
        for key, name in self.names.items():
            known = values.get(key)
            machine.registers[key] = name if known is None or isinstance(known, Unknown) else known
        self._before = dict(machine.registers)
        if flags is not None:
            machine.flags = (flags[0], *(Name(register_name(usr, one)) for one in FLAGS), flags[1])  # type: ignore[assignment]

    def settle(self, keep_flags: bool = False) -> Iterator[Assign]:
        """The assignments that the instruction just executed makes; afterwards every register stands for what is
        right.
        """
        machine = self.machine
        before = self._before
        written = [key for key in KEYS if key in machine.written or machine.registers[key] is not before[key]]
        machine.written.clear()
        changed = {self.names[key].id for key in written}
        yield from self._save_flags(changed, keep_flags)
        for key in written:
            yield Assign(self.names[key].id, machine.registers[key])
        for key, name in self.names.items():
            value = machine.registers[key]
            if value != name and (not changed.isdisjoint(names_in(value)) or _size(value) > LARGEST):
                machine.registers[key] = name
        self._before = dict(machine.registers)

    def _save_flags(self, changed: set[str], always: bool) -> Iterator[Assign]:
        if self.machine.flags is None:
            return
        kind, left, right, bits = self.machine.flags
        if not always and changed.isdisjoint((*names_in(left), *names_in(right))):
            return
        names = [Name(register_name(self.usr, one)) for one in FLAGS]
        for name, value in zip(names, (left, right), strict=True):
            if value != name:
                yield Assign(name.id, value)
        self.machine.flags = (kind, names[0], names[1], bits)
