"""Decodes assembler text, inline templates and lines alike, into events: one decoder for everything that is written
as instructions.

`decode` takes a template and its operands and returns the events in order; instructions that only some passes execute
(behind a forward branch) are wrapped in `Maybe`. An instruction that is not known becomes an `UnknownInstruction`,
never nothing and never a barrier. Names of barriers and options follow the Arm ARM (DDI 0487, C6.2). What it does not
model: instructions placed in other sections (alternatives patched in at run time, fixups), Thumb and A32, vector
contents, and branches whose target is computed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from barrierlint.cfg import asm_flow
from barrierlint.cfg.asm_condition import condition
from barrierlint.cfg.asm_directive import Expander
from barrierlint.cfg.asm_instruction import step
from barrierlint.cfg.asm_machine import Machine
from barrierlint.cfg.asm_operand import Allocation, Operand, allocate, entry_values, substitute
from barrierlint.cfg.asm_text import Statement
from barrierlint.cfg.asm_word import decoded
from barrierlint.events import Access, Assign, CompilerBarrier, Event, Kind, UnknownInstruction
from barrierlint.source.tree import Asm
from barrierlint.terms import Term, Unknown

__all__ = ["Decoded", "Item", "Maybe", "Operand", "decode", "decode_lines", "decode_statement", "unknown_instruction"]


@dataclass(frozen=True, slots=True)
class Maybe:
    """Events that some passes through the text skip. `condition` is non-zero where they are executed, None if that is
    not known.
    """

    events: tuple[Event, ...]
    condition: Term | None = None


Item = Event | Maybe


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a text does, in order. `memory` and `volatile` are the statement's; `leaves` if control never reaches the
    text's end.

    `jumps` are labels of the C function that control may go to (`asm goto`), after any part of the items.
    """

    items: tuple[Item, ...]
    memory: bool = False
    volatile: bool = False
    leaves: bool = False
    jumps: tuple[str, ...] = ()

    @property
    def events(self) -> tuple[Event, ...]:
        """All events, optional ones included, in order."""
        return tuple(event for item in self.items for event in (item.events if isinstance(item, Maybe) else (item,)))


def decode_statement(
    asm: Asm, outputs: Sequence[Operand], inputs: Sequence[Operand], temporary: str = "%asm"
) -> Decoded:
    """Decode an asm statement. `outputs` and `inputs` pair with the statement's, their constraints are taken from it.

    An input with a matching constraint (`"0"`) gives the output's register its value. `temporary` must be unique in
    the program.
    """
    operands: dict[str | int, Operand] = {}
    places = [
        replace(operand, constraint=source.constraint) for operand, source in zip(outputs, asm.outputs, strict=True)
    ]
    names = [source.name for source in (*asm.outputs, *asm.inputs)]
    tied: dict[int, int] = {}
    for index, (operand, source) in enumerate(zip(inputs, asm.inputs, strict=True), len(places)):
        match = re.match(r"[%&]?(?:(\d+)|\[(\w+)\])", source.constraint)
        place = _tie(match, names) if match else None
        if place is not None and place < len(asm.outputs):
            places[place] = replace(places[place], value=operand.value)
            tied[index] = place
        places.append(replace(operand, constraint=source.constraint))
    for index, operand in enumerate(places):
        chosen = places[tied[index]] if index in tied else operand
        operands[index] = chosen
        if names[index]:
            operands[names[index]] = chosen
    return decode(
        asm.template, operands, clobbers=asm.clobbers, volatile=asm.volatile, labels=asm.labels, temporary=temporary
    )


def _tie(match: re.Match[str], names: Sequence[str]) -> int | None:
    if match[1]:
        return int(match[1])
    return names.index(match[2]) if match[2] in names else None


def decode_lines(text: str, args: Sequence[Term] = (), temporary: str = "%lines") -> tuple[Event, ...]:
    """Decode instructions written out, such as a model's `dsb ishst; tlbi vae1is, arg0`; `argN` are the given terms."""
    operands: dict[str | int, Operand] = {index: Operand(value=term) for index, term in enumerate(args)}
    template = re.sub(r"\barg(\d+)\b", r"%\1", text.replace("%", "%%"))
    return decode(template, operands, temporary=temporary).events


def unknown_instruction(text: str) -> str | None:
    """The first part of `text` (instructions as in `decode_lines`) that is not known, None if all are: `check` of
    `models.load`.
    """
    events = decode_lines(text, [Unknown(f"arg{index}") for index in range(10)])
    return next((event.text for event in events if isinstance(event, UnknownInstruction)), None)


def decode(
    template: str,
    operands: Mapping[str | int, Operand] | None = None,
    *,
    clobbers: Sequence[str] = (),
    volatile: bool = False,
    labels: Sequence[str] = (),
    temporary: str = "%asm",
) -> Decoded:
    """Decode `template` with its operands by index and by name. Never raises, whatever the text.

    Names of temporaries and unknown values start with `temporary`, which must be unique in the program.
    """
    operands = operands or {}
    places = allocate(template, operands, clobbers)
    count = len({id(operand) for operand in operands.values()})
    goto = {label: label for label in labels} | {str(count + index): label for index, label in enumerate(labels)}
    text = substitute(template, places, goto, "0")
    expander = Expander()
    lines = [decoded(line) for line in expander.expand(text)]
    machine = Machine(temporary, entry_values(places, temporary), expander.symbols, places.symbols)
    items = _settle(_interpret(machine, lines, places), machine)
    has_memory = "memory" in clobbers
    if has_memory and not any(not isinstance(item, Assign) for item in items):
        items = [CompilerBarrier(), *items]
    items += _outputs(machine, places, operands)
    return Decoded(tuple(items), has_memory, volatile, not asm_flow.falls_through(lines), tuple(labels))


def _interpret(
    machine: Machine, lines: list[Statement], places: Allocation
) -> Iterator[tuple[asm_flow.Run, tuple[Event, ...], Term | None]]:
    """Yield (run, events, condition) in order, the registers merged where paths meet."""
    parts = asm_flow.runs(lines)
    loops = _written_in_loops(machine, lines, parts, places)
    entry: dict[str, Term] = {}
    tests: dict[int, Term | None] = {}
    for index, part in enumerate(parts):
        if part.joined:
            machine.flags = None
        if part.head is not None:
            machine.forget(loops[part.head])
        fresh_group = index == 0 or parts[index - 1].group != part.group
        if not part.mandatory and fresh_group:
            entry = dict(machine.registers)
        machine.events = []
        for at in range(part.start, part.end):
            tests[at] = step(machine, lines, at, places)
        events = tuple(machine.events)
        last = index + 1 == len(parts) or parts[index + 1].group != part.group
        if not part.mandatory and last:
            machine.forget({key for key, value in machine.registers.items() if entry.get(key) != value})
        yield part, events, None if part.after is None else tests.get(part.after)


def _written_in_loops(
    machine: Machine, lines: list[Statement], parts: list[asm_flow.Run], places: Allocation
) -> dict[tuple[int, int], frozenset[str]]:
    """For each loop the registers it writes: they hold nothing known when its head is entered again."""
    found: dict[tuple[int, int], frozenset[str]] = {}
    for head in {part.head for part in parts if part.head is not None}:
        scratch = Machine(machine.prefix, dict(machine.registers), machine.symbols, machine.named)
        for at in range(*head):
            step(scratch, lines, at, places)
        found[head] = frozenset(scratch.written)
    return found


def _settle(parts: Iterator[tuple[asm_flow.Run, tuple[Event, ...], Term | None]], machine: Machine) -> list[Item]:
    """Join the runs into items; a store-exclusive that is retried until it succeeds needs no status."""
    items: list[Item] = []
    group: int | None = None
    collected = [(part, events, test) for part, events, test in parts]
    for part, events, test in collected:
        events = tuple(_always(event, machine.retried) for event in events)
        if part.mandatory:
            items.extend(events)
        elif events:
            previous = items[-1] if items and group == part.group else None
            if isinstance(previous, Maybe):
                items[-1] = replace(previous, events=previous.events + events)
            else:
                items.append(Maybe(events, test))
        group = part.group
    return items


def _always(event: Event, retried: set[str]) -> Event:
    if isinstance(event, Access) and event.kind is Kind.WRITE and event.into in retried:
        return replace(event, into=None)
    return event


def _outputs(machine: Machine, places: Allocation, operands: Mapping[str | int, Operand]) -> list[Item]:
    """Bind every output to what its register holds at the end."""
    items: list[Item] = []
    by_register = {id(operand): str(number) for number, operand in places.registers.items()}
    for operand in {id(operand): operand for operand in operands.values()}.values():
        if operand.into is None or operand.address is not None:
            continue
        key = by_register.get(id(operand), "")
        items.append(Assign(operand.into, _final(machine, operand, key)))
    return items


def _final(machine: Machine, operand: Operand, key: str) -> Term:
    flag = re.match(r"=@cc(\w+)", operand.constraint)
    if flag:
        return condition(machine, flag[1]) or Unknown(operand.into or "")
    untouched = key not in machine.written
    if not key or (untouched and (machine.opaque or operand.value is None)):
        return Unknown(f"{machine.prefix}.{operand.into}")
    return machine.registers[key]
