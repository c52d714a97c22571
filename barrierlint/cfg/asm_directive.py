"""Assembler directives: what of a text is executed where it stands, with macros expanded and conditions decided.

Text between `.pushsection`, `.section` or `.subsection` and the way back is data for other places and does not count,
except for the bodies of functions of an assembly file, which are kept by `whole=True`. `.inst` and `.word` in line
become the instructions they encode. A condition that cannot be decided keeps both sides, each marked optional. What
it does not model: `.org`, `.include`, `.altmacro`, relocations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from barrierlint.cfg.asm_expression import evaluate
from barrierlint.cfg.asm_text import Statement, statements

_ALIAS = re.compile(r"([A-Za-z_]\w*) +\.req +(\w+)", re.IGNORECASE)
_WORD = re.compile(r"(?<![\w.$])[A-Za-z_]\w*")

LIMIT = 20_000
"""Statements after which expansion stops and says so."""


@dataclass(frozen=True, slots=True)
class Macro:
    """A `.macro`: parameters as (name, default), and its body as text."""

    parameters: tuple[tuple[str, str], ...]
    body: str


@dataclass(slots=True)
class _Condition:
    state: bool | None  # None: undecidable
    taken: bool | None
    label: str
    text: str


@dataclass(slots=True)
class Expander:
    """Expands one text. `symbols` holds `.set`/`.equ` values and `macros` definitions, both usable by the caller
    afterwards.
    """

    symbols: dict[str, int] = field(default_factory=dict)
    macros: dict[str, Macro] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    whole: bool = False
    _sections: list[bool] = field(default_factory=list)
    _executed: bool = True
    _previous: bool = True
    _conditions: list[_Condition] = field(default_factory=list)
    _count: int = 0
    _serial: int = 0

    def expand(self, text: str, depth: int = 0) -> Iterator[Statement]:
        """Yield labels, instructions and undecidable `.if` brackets as synthetic branches; nothing else remains."""
        stream = iter(tuple(statements(text)))
        for statement in stream:
            self._count += 1
            if self._count > LIMIT or depth > 50:
                if self._count <= LIMIT + 1 or depth > 50:
                    self._count = LIMIT + 1
                    yield Statement(".unknown", (), "", f"{statement.mnemonic or 'text'}: macro expansion too large")
                return
            yield from self._one(statement, stream, depth)

    def _one(self, statement: Statement, stream: Iterator[Statement], depth: int) -> Iterator[Statement]:
        name = statement.mnemonic
        if name in (".macro", ".irp", ".irpc", ".rept"):
            yield from self._block(statement, _body(stream, name), depth)
        elif name.startswith(".if") or name in (".else", ".elseif", ".endif"):
            yield from self._conditional(statement)
        elif any(condition.state is False for condition in self._conditions):
            return
        elif name.startswith(".") and name not in self.macros:
            yield from self._directive(statement)
        elif name == "=":
            self._define(statement.operands)
        elif alias := _ALIAS.fullmatch(statement.text):
            self.aliases[alias[1]] = alias[2]
        elif name in self.macros:
            yield from self.expand(_instantiate(self.macros[name], statement, self._count), depth + 1)
        elif self._executed:
            yield self._renamed(statement) if self.aliases else statement

    def _renamed(self, statement: Statement) -> Statement:
        """The statement with register aliases (`.req`) replaced."""
        operands = (_WORD.sub(lambda word: self.aliases.get(word[0], word[0]), text) for text in statement.operands)
        return replace(statement, operands=tuple(operands))

    def _directive(self, statement: Statement) -> Iterator[Statement]:
        match statement.mnemonic:
            case ".pushsection" | ".subsection" | ".section" | ".text" | ".data" | ".bss" | ".popsection" | ".previous":
                self._section(statement)
            case ".set" | ".equ" | ".equiv":
                self._define(statement.operands)
            case ".purgem":
                self.macros.pop("".join(statement.operands[:1]).lower(), None)
            case ".inst" | ".word" | ".long" | ".4byte" | ".int" if self._executed:
                for operand in statement.operands:
                    value = evaluate(operand, self.symbols)
                    text = f"{statement.mnemonic} {operand}"
                    yield Statement(".inst", (operand if value is None else str(value),), "", text, statement.line)
            case ".include":
                yield Statement(".unknown", (), "", statement.text, statement.line)
            case _:
                return

    def _section(self, statement: Statement) -> None:
        name = statement.mnemonic
        before = self._executed
        if name == ".pushsection":
            self._sections.append(before)
            self._executed = self._code(statement)
        elif name == ".popsection":
            self._executed = self._sections.pop() if self._sections else True
        elif name == ".previous":
            self._executed, self._previous = self._previous, before
            return
        else:
            self._executed = self.whole and name in (".section", ".text") and self._code(statement)
        self._previous = before

    def _code(self, statement: Statement) -> bool:
        if not self.whole:
            return False
        text = statement.text.lower()
        return statement.mnemonic == ".text" or ".text" in text or '"ax' in text or "text" in text

    def _define(self, operands: tuple[str, ...]) -> None:
        if len(operands) != 2:
            return
        value = evaluate(operands[1], self.symbols)
        if value is not None:
            self.symbols[operands[0]] = value

    def _block(self, statement: Statement, body: list[Statement], depth: int) -> Iterator[Statement]:
        text = "\n".join(line.text for line in body)
        if any(condition.state is False for condition in self._conditions):
            return
        if statement.mnemonic == ".macro":
            self._macro(statement, text)
            return
        for instance in _repetitions(statement, text, self.symbols):
            yield from self.expand(instance, depth + 1)

    def _macro(self, statement: Statement, body: str) -> None:
        words = re.split(r"[\s,]+", re.sub(r"\s*=\s*", "=", " ".join(statement.text.split()[1:])))
        if not words or not words[0]:
            return
        parameters = tuple(
            (name.split(":")[0], default) for name, _, default in (word.partition("=") for word in words[1:])
        )
        self.macros[words[0].lower()] = Macro(parameters, body)

    def _conditional(self, statement: Statement) -> Iterator[Statement]:
        name = statement.mnemonic
        if name.startswith(".if"):
            self._serial += 1
            state = self._decide(statement)
            self._conditions.append(_Condition(state, state, f".Lif.{self._serial}", statement.text))
            if state is None:
                yield self._bracket(statement)
        elif not self._conditions:
            return
        elif name == ".endif":
            last = self._conditions.pop()
            if last.taken is None:
                yield Statement(label=last.label)
        else:
            yield from self._otherwise(statement, self._conditions[-1])

    def _otherwise(self, statement: Statement, condition: _Condition) -> Iterator[Statement]:
        if condition.taken is True:
            condition.state = False
            return
        decided = True if statement.mnemonic == ".else" else self._decide(statement)
        if condition.taken is False:
            condition.state = condition.taken = decided
            if decided is None:
                yield self._bracket(statement)
            return
        condition.state = None if decided is not False else False
        yield Statement(label=condition.label)
        condition.label += "'"
        yield self._bracket(statement)

    def _bracket(self, statement: Statement) -> Statement:
        """The start of a side that may be left out: a branch to its end that nothing decides."""
        condition = self._conditions[-1]
        return Statement(".maybe", (condition.label,), "", condition.text, statement.line)

    def _decide(self, statement: Statement) -> bool | None:
        name, text = statement.mnemonic, statement.text.partition(" ")[2].strip()
        match name:
            case ".ifdef" | ".ifndef" | ".ifnotdef":
                return (text in self.symbols) == (name == ".ifdef")
            case ".ifb" | ".ifnb":
                return (text == "") == (name == ".ifb")
            case ".ifc" | ".ifnc" | ".ifeqs" | ".ifnes":
                same = len({operand.strip("'\"") for operand in statement.operands}) == 1
                return same == (name in (".ifc", ".ifeqs"))
        value = evaluate(text, self.symbols)
        if value is None:
            return None
        tests = {".ifeq": value == 0, ".ifge": value >= 0, ".ifgt": value > 0, ".ifle": value <= 0, ".iflt": value < 0}
        return tests.get(name, value != 0)


def _body(stream: Iterator[Statement], opener: str) -> list[Statement]:
    """Take the statements up to the matching `.endm` or `.endr`."""
    ends = {".macro": (".endm", ".endmacro")}.get(opener, (".endr",))
    openers = (".macro",) if opener == ".macro" else (".irp", ".irpc", ".rept")
    body: list[Statement] = []
    depth = 0
    for statement in stream:
        if statement.mnemonic in openers:
            depth += 1
        elif statement.mnemonic in ends:
            if depth == 0:
                break
            depth -= 1
        body.append(statement)
    return body


def _instantiate(macro: Macro, use: Statement, serial: int) -> str:
    values: dict[str, str] = {}
    position = 0
    arguments = use.operands
    if len(arguments) == 1 and len(macro.parameters) > 1 and not re.search(r"[\[({\"]", arguments[0]):
        arguments = tuple(arguments[0].split())
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if equals and any(name.strip() == parameter for parameter, _ in macro.parameters):
            values[name.strip()] = value.strip()
        elif position < len(macro.parameters):
            values[macro.parameters[position][0]] = argument.strip('"')
            position += 1
    bound = {name: values.get(name) or default for name, default in macro.parameters}
    return _fill(macro.body, bound, serial)


def _fill(body: str, bound: Mapping[str, str], serial: int) -> str:
    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if name == "@":
            return str(serial)
        if name == "()":
            return ""
        return bound.get(name, match[0])

    return re.sub(r"\\(@|\(\)|[A-Za-z_][\w$]*)", replace, body)


def _repetitions(statement: Statement, body: str, symbols: Mapping[str, int]) -> Iterator[str]:
    if statement.mnemonic == ".rept":
        count = evaluate("".join(statement.operands), symbols)
        for _ in range(min(count or 0, LIMIT)):
            yield body
        return
    words = statement.text.split(None, 1)[1:]
    name, _, rest = (words[0] if words else "").replace(",", " ").partition(" ")
    values = list(rest.strip()) if statement.mnemonic == ".irpc" else rest.split()
    for value in values:
        yield _fill(body, {name: value}, 0)
