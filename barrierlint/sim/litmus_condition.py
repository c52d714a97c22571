"""The final condition of a litmus test: `locations`, `filter`, `exists`, `forall`, `~exists`, and the proposition.

What it does not model: faults other than those of the MMU, SVC and UDF.
"""

from __future__ import annotations

import re

from barrierlint.sim.condition import ANY_MMU, TRUE, All, Any, FaultAtom, MemoryAtom, Not, Proposition, RegisterAtom
from barrierlint.sim.litmus_operands import register
from barrierlint.sim.litmus_values import LitmusError, Names, Tokens, location, number, tokenize, value
from barrierlint.sim.program import physical

_KINDS = {
    "Translation": "translation",
    "AccessFlag": "access-flag",
    "Permission": "permission",
    "SupervisorCall": "supervisor-call",
    "UndefinedInstruction": "undefined-instruction",
}


def read_condition(text: str, line: int, names: Names) -> tuple[str, Proposition]:
    """Return the quantifier and the proposition of what follows the code; `filter` adds a conjunct. Raises
    LitmusError.
    """
    tokens = Tokens(tokenize(text, line), end_line=line + text.count("\n"))
    quantifier = ""
    proposition: Proposition = TRUE
    kept = All(())
    names.closed = True
    while tokens.peek():
        at, word = tokens.line, tokens.take()
        if word == "locations":
            _skip_brackets(tokens)
        elif word == "filter":
            kept = All((*kept.of, _or(tokens, names)))
        elif word in ("~", "not") and tokens.accept("exists"):
            quantifier, proposition = "~exists", _or(tokens, names)
        elif word in ("exists", "forall"):
            quantifier, proposition = word, _or(tokens, names)
        elif word != ";":
            raise LitmusError(f"unexpected {word!r} after the code", at)
    if not quantifier:
        raise LitmusError("no final condition (exists, forall or ~exists)", line)
    return quantifier, All((*kept.of, proposition)) if kept.of else proposition


def _skip_brackets(tokens: Tokens) -> None:
    tokens.expect("[")
    depth = 1
    while depth:
        token = tokens.take()
        if not token:
            raise LitmusError("locations is not closed", tokens.line)
        depth += {"[": 1, "]": -1}.get(token, 0)


def _or(tokens: Tokens, names: Names) -> Proposition:
    parts = [_and(tokens, names)]
    while tokens.accept("\\/"):
        parts.append(_and(tokens, names))
    whole: Proposition = parts[0] if len(parts) == 1 else Any(tuple(parts))
    if tokens.accept("=>"):
        return Any((Not(whole), _or(tokens, names)))
    return whole


def _and(tokens: Tokens, names: Names) -> Proposition:
    parts = [_not(tokens, names)]
    while tokens.accept("/\\"):
        parts.append(_not(tokens, names))
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _not(tokens: Tokens, names: Names) -> Proposition:
    if tokens.accept("~", "not"):
        return Not(_not(tokens, names))
    if tokens.accept("("):
        inner = _or(tokens, names)
        tokens.expect(")")
        return inner
    if tokens.accept("true"):
        return All(())
    if tokens.accept("false"):
        return Any(())
    if tokens.peek().lower() == "fault" and tokens.peek(1) == "(":
        return _fault(tokens, names)
    return _equation(tokens, names)


def _fault(tokens: Tokens, names: Names) -> Proposition:
    """Read `fault(P1:L0, x, MMU:Translation)`; label, location and kind may be left out."""
    tokens.at += 2
    line, word = tokens.line, tokens.take()
    if not re.fullmatch(r"P?\d+", word):
        raise LitmusError(f"expected a PE in fault(…), found {word!r}", line)
    pe = _pe(word, names, line)
    label = tokens.take() if tokens.accept(":") else ""
    if label and f"P{pe}:{label}" not in names.labels:
        raise LitmusError(f"no label {label} in P{pe}", line)
    address, kind = None, ""
    while tokens.accept(","):
        if tokens.accept("MMU"):
            kind = _kind(tokens) if tokens.accept(":") else ANY_MMU
        elif tokens.peek() in _KINDS:
            kind = _kind(tokens)
        else:
            address = value(tokens, names)
    tokens.expect(")")
    return FaultAtom(pe, label, address, kind)


def _pe(word: str, names: Names, line: int) -> int:
    pe = int(word.lstrip("P"))
    if pe >= names.pes:
        raise LitmusError(f"no code for P{pe}", line)
    return pe


def _kind(tokens: Tokens) -> str:
    line, word = tokens.line, tokens.take()
    if word not in _KINDS:
        raise LitmusError(f"fault kind {word!r} is not modelled", line)
    return _KINDS[word]


def _equation(tokens: Tokens, names: Names) -> Proposition:
    """Read `1:X5=1`, `[x]=1`, `x=1`, `PTE(x)=(…)`, with `=` or `!=`."""
    pe, name, address, symbol = -1, "", 0, ""
    if tokens.peek(1) == ":" and tokens.peek().lstrip("P").isdigit():
        line = tokens.line
        pe = _pe(tokens.take(), names, line)
        tokens.expect(":")
        name = register(tokens.take(), line)
        if "_el" in name and name not in names.system:
            raise LitmusError(f"system register {name.upper()} is not modelled", line)
    else:
        bracket = tokens.accept("[")
        address, symbol = location(tokens, names)
        if bracket:
            tokens.expect("]")
        if tokens.accept("["):
            address += names.widths.get(symbol, 4) * number(tokens)
            tokens.expect("]")
    differs = tokens.accept("!=", "<>")
    if not differs:
        tokens.expect("=")
    wanted = value(tokens, names, symbol)
    width = 32 if wanted < 0 else 64
    if pe >= 0:
        atom: Proposition = RegisterAtom(pe, name, wanted, width)
    else:
        atom = MemoryAtom(physical(address), wanted, width)
    return Not(atom) if differs else atom
