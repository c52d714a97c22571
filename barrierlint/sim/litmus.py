"""herd7's litmus format for AArch64 with the VMSA: text → `LitmusTest`.

Header, initial state, one column of code a PE (and `P0.F` for its fault handler), final condition. What it does not
read is refused with one line that names it: hardware updates (`TTHM`), instructions as data, mixed-size accesses,
SVE, tags.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from barrierlint.events import Access, SysregRead
from barrierlint.sim.condition import Proposition
from barrierlint.sim.descriptor import Descriptor, table
from barrierlint.sim.litmus_code import Column, columns
from barrierlint.sim.litmus_condition import read_condition
from barrierlint.sim.litmus_operands import register
from barrierlint.sim.litmus_system import SYSTEM_REGISTERS
from barrierlint.sim.litmus_values import LitmusError, Names, Tokens, deep_symbols, location, number, tokenize, value
from barrierlint.sim.machine import Handling
from barrierlint.sim.ordering import Features
from barrierlint.sim.program import Jump, Pe, Program, Symbols, code_address, physical

_HANDLINGS = {
    "fatal": Handling.FATAL,
    "precise": Handling.FATAL,
    "handled": Handling.HANDLED,
    "imprecise": Handling.HANDLED,
    "skip": Handling.SKIP,
    "faulttonext": Handling.SKIP,
}
_TYPES = frozenset(
    ["int", "uint", "long", "char", "short", "pteval_t", "ins_t", "parel1_t"]
    + [f"{sign}int{width}_t" for sign in ("", "u") for width in (8, 16, 32, 64)]
)
_VARIANTS = frozenset(["vmsa", "kvm", "ets2", "ets3", "exs", "eis", "eos"])
_SAID_VARIANT = re.compile(r"\(variant ([\w,]+)\)")  # in a comment: "(variant vmsa,handled)"
_CONDITION = re.compile(r"(?:^|(?<=[\s;\]]))(~\s*exists|not\s+exists|exists|forall|filter|locations)\b")


@dataclass(frozen=True, slots=True)
class LitmusTest:
    """A test: name, program, quantifier (`exists`, `forall`, `~exists`), proposition; the fault handling and features
    it asks for.
    """

    name: str
    program: Program
    quantifier: str
    proposition: Proposition
    handling: Handling | None = None
    features: Features = field(default_factory=Features)
    text: str = ""


def parse(text: str) -> LitmusTest:
    """Return the test `text` describes. Raises LitmusError."""
    plain = _without_comments(text)
    head, first, rest = _split_once(plain, "{", 1)
    state, after, body = _split_once(rest, "}", first)
    name, options = _header(head)
    if "variant" not in options and (said := _SAID_VARIANT.search(text)):
        options["variant"] = said[1]
    _known(options)
    match = _CONDITION.search(body)
    if match is None:
        raise LitmusError("no final condition (exists, forall or ~exists)", text.count("\n") + 1)
    code = columns(body[: match.start()], after)
    labels = {f"P{c.pe}:{label}": code_address(index) for c in code for label, index in c.labels.items()}
    names = Names(labels=labels, deep=deep_symbols(plain), pes=len(code))
    registers, memory = _initial(state, first, names)
    names.system = SYSTEM_REGISTERS | {name for _, name in registers if "_el" in name}
    _check(code, registers, _handling(options))
    line = after + body.count("\n", 0, match.start())
    quantifier, proposition = read_condition(body[match.start() :], line, names)
    layout = Symbols(tuple(names.symbols), names.deep & frozenset(names.symbols))
    pes = tuple(_pe(column, registers, options) for column in code)
    program = Program(pes, layout, _memory(memory, layout), name)
    return LitmusTest(name, program, quantifier, proposition, _handling(options), _features(options), text)


def _without_comments(text: str) -> str:
    """Blank out `(* … *)` (they nest), keeping line breaks."""
    out, depth, position = [], 0, 0
    while position < len(text):
        pair = text[position : position + 2]
        if pair == "(*":
            depth += 1
        elif pair == "*)" and depth:
            depth -= 1
            position += 2
            continue
        out.append(text[position] if not depth or text[position] == "\n" else " ")
        position += 1
    if depth:
        raise LitmusError("comment is not closed", text.count("\n") + 1)
    return "".join(out)


def _split_once(text: str, brace: str, line: int) -> tuple[str, int, str]:
    """Split at `brace`; inner braces of array values count. Also return the line after it."""
    depth = 0
    for position, character in enumerate(text):
        if character == brace and not depth:
            return text[:position], line + text.count("\n", 0, position), text[position + 1 :]
        depth += {"{": 1, "}": -1}.get(character, 0)
    raise LitmusError(f"no {brace!r}: not a litmus test", line)


def _header(head: str) -> tuple[str, dict[str, str]]:
    lines = [line.strip() for line in head.splitlines() if line.strip()]
    if not lines or not re.match(r"AArch64\b", lines[0]):
        raise LitmusError(f"expected 'AArch64 NAME', found {lines[0] if lines else 'nothing'!r}", 1)
    found = re.findall(r"^(\w+)\s*=\s*(.*?)\s*$", "\n".join(lines[1:]), re.MULTILINE)
    options = {key.lower(): held for key, held in found}
    if options.get("tthm"):
        raise LitmusError(f"TTHM={options['tthm']}: hardware update of descriptors is not modelled", 1)
    return lines[0].removeprefix("AArch64").strip(), options


def _known(options: dict[str, str]) -> None:
    for word in _variants(options):
        if word not in _HANDLINGS and word not in _VARIANTS:
            raise LitmusError(f"variant {word} is not modelled", 1)


def _handling(options: dict[str, str]) -> Handling | None:
    return next((_HANDLINGS[word] for word in _variants(options) if word in _HANDLINGS), None)


def _check(code: list[Column], registers: dict[tuple[int, str], int], handling: Handling | None) -> None:
    """Refuse reads of system registers that hold nothing, and instructions in parts that a fault would come back
    between.
    """
    for column in code:
        held = SYSTEM_REGISTERS | {name for pe, name in registers if pe == column.pe}
        parts = Counter((i.line, i.text) for i in column.code if not isinstance(i.action, Jump))
        for instruction in column.code:
            match instruction.action:
                case SysregRead(name) if name not in held:
                    what = f"system register {name.upper()} is not modelled, and the initial state does not give it"
                    raise LitmusError(f"instruction {instruction.text!r}: {what}", instruction.line)
                case Access() if parts[instruction.line, instruction.text] > 1 and (
                    column.handler >= 0 or handling is Handling.SKIP
                ):
                    what = "pairs, sign extension and write-back are not modelled where a fault may skip them"
                    raise LitmusError(f"instruction {instruction.text!r}: {what}", instruction.line)
                case _:
                    pass


def _variants(options: dict[str, str]) -> list[str]:
    return re.findall(r"\w+", options.get("variant", "").lower())


def _features(options: dict[str, str]) -> Features:
    words = _variants(options)
    exs = "exs" in words and not {"eis", "eos"} & set(words)
    return Features("ets2" in words, "ets3" in words, exs)


def _pe(column: Column, registers: dict[tuple[int, str], int], options: dict[str, str]) -> Pe:
    users = re.findall(r"\d+", options.get("el0", ""))
    own = {name: held for (pe, name), held in registers.items() if pe == column.pe}
    return Pe(column.code, column.labels, column.handler, own, str(column.pe) in users)


def _memory(memory: dict[int, int], layout: Symbols) -> dict[int, int]:
    """Every symbol starts mapped to its own page; memory given by virtual address moves to where that is."""
    result: dict[int, int] = {layout.table(name): Descriptor(layout.physical(name)).encode() for name in layout.names}
    for name in sorted(layout.deep):
        for level in range(3):
            result[layout.table(name, level)] = table(layout.table(name, level + 1))
    for address, held in memory.items():
        result[physical(address)] = held & ((1 << 64) - 1)
    return result


# Initial state -------------------------------------------------------------------------------------------------------


def _initial(text: str, line: int, names: Names) -> tuple[dict[tuple[int, str], int], dict[int, int]]:
    tokens = Tokens(tokenize(text, line), end_line=line + text.count("\n"))
    registers: dict[tuple[int, str], int] = {}
    memory: dict[int, int] = {}
    while tokens.peek():
        if tokens.accept(";"):
            continue
        width = _width(tokens.take()) if tokens.peek() in _TYPES else 4
        while tokens.accept("*"):
            width = 8
        if tokens.peek().isdigit() and tokens.peek(1) == ":":
            pe = number(tokens)
            if pe >= names.pes:
                raise LitmusError(f"no code for P{pe}", tokens.line)
            tokens.expect(":")
            name = register(tokens.take(), tokens.line)
            registers[pe, name] = value(tokens, names) & ((1 << 64) - 1) if tokens.accept("=") else 0
        else:
            _cell(tokens, names, memory, width)
        if tokens.peek() and tokens.peek() != ";":
            raise LitmusError(f"unexpected {tokens.peek()!r} in the initial state", tokens.line)
    return registers, memory


def _width(word: str) -> int:
    """The size in bytes of type `word`."""
    bits = re.search(r"\d+", word.removeprefix("parel1"))
    named = {"char": 1, "short": 2, "long": 8, "pteval_t": 8, "parel1_t": 8}
    return int(bits[0]) // 8 if bits else named.get(word, 4)


def _cell(tokens: Tokens, names: Names, memory: dict[int, int], width: int) -> None:
    """Read `x`, `x=1`, `[x]=1`, `x[2]={1,2}`, `[PTE(x)]=(…)`; elements of `width` bytes."""
    bracket = tokens.accept("[")
    address, symbol = location(tokens, names)
    if bracket:
        tokens.expect("]")
    names.widths[symbol] = width
    size = 8 if not tokens.accept("[") else number(tokens)
    if tokens.peek() == "]":
        tokens.expect("]")
    if not tokens.accept("="):
        memory.setdefault(address, 0) if size == 8 and not symbol else None
        return
    if tokens.accept("{"):
        position = 0
        while not tokens.accept("}"):
            memory[address + width * position] = value(tokens, names, symbol)
            position += 1
            tokens.accept(",")
        return
    held = value(tokens, names, symbol)
    memory[address] = held & ((1 << 8 * width) - 1) if held < 0 else held
