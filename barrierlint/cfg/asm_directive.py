"""Assembler directives: what of a text is executed where it stands, with macros expanded and conditions decided.

Text between `.pushsection`, `.section` or `.subsection` and the way back is data for other places and does not count,
except for code of an assembly file, which is kept by `whole=True` and marked with its section. `.inst` and `.word` in
line become the instructions they encode. A condition that cannot be decided keeps both sides, each marked optional.
What it does not model: `.org`, `.include`, relocations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from barrierlint.cfg.asm_expression import evaluate
from barrierlint.cfg.asm_macro import Macro, declared, instantiate, repetitions
from barrierlint.cfg.asm_section import ALTERNATIVES, SECTIONS, Sections
from barrierlint.cfg.asm_text import Statement, statements

_ALIAS = re.compile(r"([A-Za-z_]\w*)\s+\.req\s+(\w+)", re.IGNORECASE)
_WORD = re.compile(r"(?<![\w.$])[A-Za-z_]\w*")

LIMIT, WHOLE_LIMIT = 20_000, 60_000
"""Statements of a template, and of a file, after which expansion stops and says so."""

DEEPEST = 50
"""Macros within macros."""

_NUMBERS = frozenset([".inst", ".word", ".long", ".4byte", ".int"])
_SYMBOLS = frozenset([".globl", ".global", ".weak", ".type", ".local", ".align", ".balign", ".p2align", ".org"])
_DATA = re.compile(
    r"\.(?:quad|8byte|xword|dword|octa|byte|hword|2byte|short|half|asci[iz]|string|space|skip|zero|fill|float|double"
    r"|single|incbin)"
)
_HARMLESS = re.compile(
    r"\.(?:cfi_\w+|size|hidden|internal|protected|arch|arch_extension|cpu|fpu|ltorg|pool|ident|file|loc|line|comm"
    r"|lcomm|purgem|req|unreq|error|warning|err|print|end|func|endfunc|extern|balignl|balignw|p2alignl|nolist|list"
    r"|build_attributes|addrsig|addrsig_sym|gnu_attribute|symver|vers\w*|inst_opt|variant_pcs|code|syntax|eject|title"
    r"|even|reloc|option|set\w*|seh_\w+|private_extern|subsections_via_symbols|desc|alt_entry|macosx\w*)"
)


@dataclass(slots=True)
class _Condition:
    state: bool | None  # None: undecidable
    taken: bool | None
    label: str
    text: str
    line: int


@dataclass(slots=True)
class Expander:
    """Expands one text. `symbols` holds `.set`/`.equ` values and `macros` definitions, both usable by the caller
    afterwards; `synonyms` are symbols set to another symbol; `problems` are (line, what is wrong), `uncounted`
    repetitions whose number is not known.
    """

    symbols: dict[str, int] = field(default_factory=dict)
    macros: dict[str, Macro] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    synonyms: dict[str, str] = field(default_factory=dict)
    whole: bool = False
    problems: list[tuple[int, str]] = field(default_factory=list)
    uncounted: list[tuple[int, str]] = field(default_factory=list)
    _labels: set[str] = field(default_factory=set)
    _sections: Sections = field(default_factory=Sections)
    _conditions: list[_Condition] = field(default_factory=list)
    _count: int = 0
    _serial: int = 0
    _left: bool = False
    _alternate: bool = False

    def __post_init__(self) -> None:
        self._sections.whole = self.whole

    @property
    def limit(self) -> int:
        """How many statements there may be."""
        return WHOLE_LIMIT if self.whole else LIMIT

    def expand(self, text: str) -> Iterator[Statement]:
        """Yield labels, instructions and undecidable `.if` brackets as synthetic branches; nothing else remains."""
        yield from self.expanded(tuple(statements(text)))

    def expanded(self, given: Iterable[Statement]) -> Iterator[Statement]:
        """The same of statements; of a file also what tells about symbols."""
        yield from self._expand(given, 0)
        self.problems += [(one.line, f"`{one.text}` has no .endif") for one in self._conditions]

    def _expand(self, given: Iterable[Statement], depth: int) -> Iterator[Statement]:
        stream = iter(given)
        opened = len(self._conditions)
        for statement in stream:
            self._count += 1
            if self._count > self.limit or depth > DEEPEST:
                if self._count <= self.limit + 1 or depth > DEEPEST:
                    self._count = self.limit + 1
                    yield self._too_large(statement)
                return
            yield from self._one(statement, stream, depth)
            if self._left and depth:
                break
        if depth:
            self._left = False
            for condition in self._conditions[opened:]:
                if condition.taken is None:
                    yield Statement(label=condition.label)
            del self._conditions[opened:]

    def _too_large(self, statement: Statement) -> Statement:
        self.problems.append((statement.line, f"`{statement.mnemonic or 'text'}`: macro expansion too large"))
        text = f"{statement.mnemonic or 'text'}: macro expansion too large"
        return replace(statement, mnemonic=".unknown", operands=(), label="", text=text)

    def _one(self, statement: Statement, stream: Iterator[Statement], depth: int) -> Iterator[Statement]:
        name = statement.mnemonic
        if name in (".macro", ".irp", ".irpc", ".rept"):
            yield from self._block(statement, self._body(statement, stream), depth)
        elif name.startswith(".if") or name in (".else", ".elseif", ".endif"):
            yield from self._conditional(statement)
        elif any(condition.state is False for condition in self._conditions):
            return
        elif name in self.macros:
            yield from self._use(self.macros[name], statement, depth)
        elif name == ".exitm":
            self._left = all(condition.taken is not None for condition in self._conditions)
        elif name.startswith("."):
            yield from self._directive(statement)
        elif name == "=":
            self._define(statement.operands)
        elif alias := _ALIAS.fullmatch(statement.text):
            self.aliases[alias[1]] = alias[2]
        else:
            self._labels.add(statement.label)
            if self._sections.current.code:
                yield self._placed(self._renamed(statement) if self.aliases else statement)

    def _use(self, macro: Macro, use: Statement, depth: int) -> Iterator[Statement]:
        self._serial += 1
        text = instantiate(macro, use, self._serial, self.symbols if self._alternate else None)
        origin = use.macro or use.mnemonic
        yield from self._expand((replace(one, line=use.line, macro=origin) for one in statements(text)), depth + 1)

    def _placed(self, statement: Statement) -> Statement:
        return replace(statement, section=self._sections.current.label) if self.whole else statement

    def _renamed(self, statement: Statement) -> Statement:
        """The statement with register aliases (`.req`) replaced."""
        operands = (_WORD.sub(lambda word: self.aliases.get(word[0], word[0]), text) for text in statement.operands)
        return replace(statement, operands=tuple(operands))

    def _directive(self, statement: Statement) -> Iterator[Statement]:
        name = statement.mnemonic
        code = self._sections.current.code
        if name in SECTIONS:
            self._sections.change(statement)
        elif name in (".set", ".equ", ".equiv"):
            self._define(statement.operands)
        elif name in (".altmacro", ".noaltmacro"):
            self._alternate = name == ".altmacro"
        elif name == ".purgem":
            self.macros.pop("".join(statement.operands[:1]).lower(), None)
        elif name == ".unreq":
            self.aliases.pop("".join(statement.operands[:1]), None)
        elif self.whole and self._sections.current.name == ALTERNATIVES:
            yield from (replace(statement, mnemonic=".alternative", operands=(one,)) for one in statement.operands)
        elif name in _NUMBERS and code:
            for operand in statement.operands:
                value = evaluate(operand, self.symbols)
                text = f"{name} {operand}"
                number = (operand if value is None else str(value),)
                yield self._placed(replace(statement, mnemonic=".inst", operands=number, text=text))
        elif name in _SYMBOLS:
            if self.whole:
                yield self._placed(statement)
        elif _DATA.fullmatch(name):
            if self.whole and code:
                yield self._placed(replace(statement, mnemonic=".data"))
        elif name == ".include" or (self.whole and code and not _HARMLESS.fullmatch(name)):
            yield self._placed(replace(statement, mnemonic=".unknown"))

    def _define(self, operands: tuple[str, ...]) -> None:
        if len(operands) != 2:
            return
        value = evaluate(operands[1], self.symbols)
        if value is not None:
            self.symbols[operands[0]] = value
        elif re.fullmatch(r"[A-Za-z_.$][\w.$]*", operands[1]) and operands[1] != ".":
            self.synonyms[operands[0]] = operands[1]

    def _body(self, opener: Statement, stream: Iterator[Statement]) -> list[Statement]:
        """Take the statements up to the matching `.endm` or `.endr`."""
        macro = opener.mnemonic == ".macro"
        ends = (".endm", ".endmacro") if macro else (".endr",)
        openers = (".macro",) if macro else (".irp", ".irpc", ".rept")
        body: list[Statement] = []
        depth = 0
        for statement in stream:
            if statement.mnemonic in openers:
                depth += 1
            elif statement.mnemonic in ends:
                if depth == 0:
                    return body
                depth -= 1
            body.append(statement)
        self.problems.append((opener.line, f"`{opener.text}` has no {ends[0]}: what follows it was not read"))
        return []

    def _block(self, statement: Statement, body: list[Statement], depth: int) -> Iterator[Statement]:
        text = "\n".join(line.text for line in body)
        if any(condition.state is False for condition in self._conditions):
            return
        if statement.mnemonic == ".macro":
            macro = declared(statement, text)
            if macro is not None:
                self.macros[macro[0]] = macro[1]
            return
        if not body:
            return
        count = evaluate("".join(statement.operands), self.symbols) if statement.mnemonic == ".rept" else None
        if count is None and statement.mnemonic == ".rept" and any(one.mnemonic not in ("nop", "") for one in body):
            self.uncounted.append((statement.line, statement.text))
            count = 1
        for instance in repetitions(statement, text, count, self.limit):
            inner = (replace(one, line=body[one.line - 1].line, macro=statement.macro) for one in statements(instance))
            yield from self._expand(inner, depth + 1)

    def _conditional(self, statement: Statement) -> Iterator[Statement]:
        name = statement.mnemonic
        if name.startswith(".if"):
            self._serial += 1
            hidden = any(condition.state is False for condition in self._conditions)
            state = False if hidden else self._decide(statement)
            label = f".Lif.{self._serial}"
            self._conditions.append(_Condition(state, hidden or state, label, statement.text, statement.line))
            if state is None:
                yield self._bracket(statement)
        elif not self._conditions:
            self.problems.append((statement.line, f"`{statement.text}` without .if"))
        elif name == ".endif":
            last = self._conditions.pop()
            if last.taken is None:
                yield self._placed(Statement(label=last.label, line=statement.line))
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
        yield self._placed(Statement(label=condition.label, line=statement.line))
        condition.label += "'"
        yield self._bracket(statement)

    def _bracket(self, statement: Statement) -> Statement:
        """The start of a side that may be left out: a branch to its end that nothing decides."""
        condition = self._conditions[-1]
        bracket = replace(statement, mnemonic=".maybe", operands=(condition.label,), text=condition.text)
        return self._placed(bracket)

    def _decide(self, statement: Statement) -> bool | None:
        name, text = statement.mnemonic, statement.text.partition(" ")[2].strip()
        match name:
            case ".ifdef" | ".ifndef" | ".ifnotdef":
                known = text in self.symbols or text in self.synonyms or text in self._labels
                return known == (name == ".ifdef")
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
