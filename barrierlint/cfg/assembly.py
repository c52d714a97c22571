"""From the lines of an assembly file to the graphs of its functions, and what was not understood of it.

Global functions get the USR that clang gives their declarations in C, so that calls from C find them. Code that no
function reaches, such as the entries of a vector table, becomes functions of its own, named by what stands before it.
What it does not model: the linker's symbols, and functions named by an expression.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from barrierlint.cfg.asm_aarch32 import is_aarch32, translated
from barrierlint.cfg.asm_directive import Expander
from barrierlint.cfg.asm_function import Effect, Function
from barrierlint.cfg.asm_layout import ALIGNING, LOCAL, PASSIVE, Layout, lay_out
from barrierlint.cfg.asm_liveness import Draft, parameters, pruned
from barrierlint.cfg.asm_lowering import graph
from barrierlint.cfg.asm_registers import KEYS, register_name
from barrierlint.cfg.asm_system import HINTS
from barrierlint.cfg.asm_text import Statement, statements
from barrierlint.cfg.asm_transfer import Symbols
from barrierlint.cfg.asm_word import decoded
from barrierlint.cfg.builder import Builder
from barrierlint.cfg.graph import RETURN, Block, Cfg, Edge, Step
from barrierlint.events import Assign, Call, UnknownInstruction
from barrierlint.finding import Notification, Severity, Span
from barrierlint.source.lines import AssemblyUnit
from barrierlint.terms import Name

FEW = 4
"""Unknown instructions that do not make a file another processor's."""

MAX_ROUNDS = 8
"""Times the functions of a file tell each other which registers they change; then all may be."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """The functions of one assembly file, in source order, what was not understood, and which are `.weak`."""

    functions: tuple[Cfg, ...]
    notifications: tuple[Notification, ...]
    weak: tuple[str, ...] = ()


def assemble(unit: AssemblyUnit) -> Assembled:
    """Return the graphs of the functions in `unit`; never raises, whatever the text."""
    expander = Expander(whole=True)
    given = [one for at, line in enumerate(unit.lines, 1) for one in statements(line.text, at)]
    lines = tuple(decoded(one) for one in expander.expanded(given))
    layout = lay_out(tuple(translated(lines)) if is_aarch32(lines) else lines, expander.synonyms.values())
    symbols = Symbols(layout, os.path.basename(unit.path), expander.symbols, expander.synonyms)
    file = _File(unit, symbols)
    functions = tuple(file.functions())
    if foreign := _foreign(unit, functions):
        return Assembled((), (*unit.notifications, foreign))
    weak = tuple(cfg.usr for cfg in functions if cfg.name in layout.weak)
    problems = (*_problems(unit, expander, layout, file), *_nothing(unit, functions))
    return Assembled(functions, (*unit.notifications, *problems), weak)


def _foreign(unit: AssemblyUnit, functions: tuple[Cfg, ...]) -> Notification | None:
    """Say that most instructions are unknown: the file is for another processor, and its flags do not tell."""
    events = [step.event for cfg in functions for step in cfg.steps()]
    unknown = sum(isinstance(event, UnknownInstruction) and not event.text.startswith(".") for event in events)
    if unknown < FEW or 2 * unknown < len(events):
        return None
    text = f"{unit.path}: {unknown} of {len(events)} instructions are none of AArch64's: taken for another processor's"
    return Notification("other-architecture", text, severity=Severity.NOTE)


def _problems(unit: AssemblyUnit, expander: Expander, layout: Layout, file: _File) -> Iterator[Notification]:
    for line, text in expander.problems:
        span = _span(unit, line)
        yield Notification("assembly", text, span, lost=True, severity=Severity.ERROR)
    for line, text in expander.uncounted:
        message = f"`{text}` cannot be counted here: taken to be repeated once"
        yield Notification("undecided-condition", message, _span(unit, line), severity=Severity.NOTE)
    for name, line in layout.guessed.items():
        text = f"`{name}` is no macro that was found: taken to begin or name a function"
        yield Notification("assembly", text, _span(unit, line), severity=Severity.NOTE)
    for condition, line in file.undecided.items():
        text = f"`{condition}` cannot be decided here: both ways are taken to be possible"
        yield Notification("undecided-condition", text, _span(unit, line), severity=Severity.NOTE)


def _nothing(unit: AssemblyUnit, functions: tuple[Cfg, ...]) -> Iterator[Notification]:
    if unit.lines and not functions:
        text = f"{unit.path}: no function was found in this assembly file"
        yield Notification("assembly", text, None, severity=Severity.NOTE)


def _is_named(label: str) -> bool:
    return bool(label) and not label.startswith(LOCAL)


def _span(unit: AssemblyUnit, line: int) -> Span:
    return unit.lines[line - 1].span if 0 < line <= len(unit.lines) else Span(unit.path, 1)


class _File:
    """The functions of one file while they are lowered."""

    def __init__(self, unit: AssemblyUnit, symbols: Symbols) -> None:
        self.unit = unit
        self.symbols = symbols
        self.layout = symbols.layout
        self.undecided: dict[str, int] = {}
        self.names: dict[int, tuple[str, str]] = {
            at: (symbols.usr(name), name) for at, name in symbols.layout.functions.items()
        }

    def functions(self) -> Iterator[Cfg]:
        """All functions, then what none of them reaches."""
        effects = self._effects()
        drafts: dict[int, tuple[Draft, tuple[int, ...]]] = {}
        for at in self.names:
            drafts[at] = self._draft(at, effects)
        seen = {one for _, statements in drafts.values() for one in statements}
        taken = {name for _, name in self.names.values()}
        for at, name in self._unreached(seen):
            name = name if name not in taken else f"{name}@{at}"
            taken.add(name)
            self.names[at] = (f"c:{self.symbols.path}@F@{name}", name)
            drafts[at] = self._draft(at, effects)
            seen.update(drafts[at][1])
        counts = parameters(draft for draft, _ in drafts.values())
        for at, (draft, inside) in sorted(drafts.items()):
            yield self._cfg(at, draft, inside, counts)
        yield from self._synonyms()

    def place(self, statement: Statement) -> tuple[Span, str]:
        """Where a statement stands, and which macro put it there."""
        span = _span(self.unit, statement.line)
        line = self.unit.lines[statement.line - 1] if 0 < statement.line <= len(self.unit.lines) else None
        macro = statement.macro or (line.macros[0] if line is not None and line.macros else "")
        return span, f"macro {macro}" if macro else ""

    def _effects(self) -> dict[str, frozenset[str]]:
        """Which registers each function changes, with all it calls."""
        everything = frozenset(KEYS)
        effects = {usr: everything for usr, _ in self.names.values()}
        found: dict[str, Effect] = {}
        for at, (usr, _) in self.names.items():
            one = Function(self.symbols, usr, at, self.place, {key: frozenset() for key in effects})
            one.explore()
            found[usr] = one.effect
        for _ in range(MAX_ROUNDS):
            before = {usr: set(effect.writes) for usr, effect in found.items()}
            for effect in found.values():
                for callee in effect.callees & found.keys():
                    effect.writes |= found[callee].changed()
            if before == {usr: set(effect.writes) for usr, effect in found.items()}:
                return {usr: effect.changed() for usr, effect in found.items()}
        return effects

    def _draft(self, at: int, effects: dict[str, frozenset[str]]) -> tuple[Draft, tuple[int, ...]]:
        usr, _ = self.names[at]
        function = Function(self.symbols, usr, at, self.place, effects)
        function.explore()
        made = graph(function)
        self.undecided |= {text: line for text, line in function.undecided.items() if text not in self.undecided}
        blocks, entry, exit, _ = made.builder.finish()
        return Draft(usr, blocks, entry, exit), made.statements

    def _unreached(self, seen: set[int]) -> Iterator[tuple[int, str]]:
        """Where code begins that no function reaches, with a name for it: at a label, or at an aligned place.

        What stands behind a jump and has neither is dead, as in C.
        """
        name, count, begins = self.unit.path, 0, False
        for at, statement in enumerate(self.layout.statements):
            if statement.label and not statement.label.startswith(".L"):
                name, count = statement.label, 0
            begins = begins or _is_named(statement.label) or statement.mnemonic in ALIGNING
            if statement.mnemonic in PASSIVE or statement.mnemonic in (".data", ".unknown", ".maybe"):
                continue
            if at not in seen and begins and statement.mnemonic not in HINTS:
                yield at, f"{name}+{count}" if count else name
            count, begins = count + 1, begins and statement.mnemonic in HINTS

    def _cfg(self, at: int, draft: Draft, inside: tuple[int, ...], counts: dict[str, frozenset[int]]) -> Cfg:
        usr, name = self.names[at]
        place, _ = self.place(self.layout.statements[at])
        own = [one for one in inside if one >= at]
        end, _ = self.place(self.layout.statements[max(own, default=at)])
        params = tuple(register_name(usr, key) for key in KEYS[: max(counts[usr], default=-1) + 1])
        blocks = pruned(draft, counts)
        external = name in self.layout.globals or at not in self.layout.functions
        return Cfg(usr, name, name, params, blocks, draft.entry, draft.exit, -1, place, end, external)

    def _synonyms(self) -> Iterator[Cfg]:
        """Functions under a second name (`.set name, other`): they do what the first does."""
        by_name = {name: at for at, (_, name) in self.names.items()}
        for name, other in self.symbols.synonyms.items():
            at = by_name.get(other)
            if at is None or name in by_name:
                continue
            usr, target = self.symbols.usr(name), self.names[at][0]
            span, _ = self.place(self.layout.statements[at])
            params = tuple(register_name(usr, key) for key in KEYS[:8])
            call = Call(target, other, tuple(Name(one) for one in params), "%1", (target,))
            blocks = (
                Block(0, (Step(call, span),), (Edge(1),)),
                Block(1, (Step(Assign(RETURN, Name("%1")), span),), (Edge(2, reason="return"),)),
                Block(Builder.UNWIND, (), ()),
            )
            external = name in self.layout.globals
            yield Cfg(usr, name, name, params, blocks, 0, 2, -1, span, replace(span), external)
