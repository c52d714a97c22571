"""Register moves and arithmetic of the assembler: the values that later instructions of the same text use.

Results the terms cannot express are unknown values; the instruction is known all the same. What it does not model:
floating point and vector results, carries, and the condition flags beyond the last comparison.
"""

from __future__ import annotations

import re

from barrierlint.cfg.asm_condition import select
from barrierlint.cfg.asm_machine import (
    ZERO,
    Machine,
    Register,
    apply,
    invert,
    modified,
    parse_register,
    sign_extend,
    zero_extend,
)
from barrierlint.terms import MASK64, Apply, Const, Term

_BINARY = {
    "add": "+",
    "adds": "+",
    "sub": "-",
    "subs": "-",
    "and": "&",
    "ands": "&",
    "orr": "|",
    "eor": "^",
    "lsl": "<<",
    "lslv": "<<",
    "lsr": ">>",
    "lsrv": ">>",
    "asr": ">>s",
    "asrv": ">>s",
    "mul": "*",
    "udiv": "/",
}
_INVERTED = {"bic": "&", "bics": "&", "orn": "|", "eon": "^"}
_EXTENSIONS = {"uxtb": 8, "uxth": 16, "uxtw": 32, "sxtb": 8, "sxth": 16, "sxtw": 32}
_FIELDS = frozenset(["ubfx", "ubfm", "ubfiz", "sbfx", "sbfm", "sbfiz", "bfi", "bfxil", "bfc", "bfm"])
_SELECT = frozenset(["csel", "csinc", "csinv", "csneg", "cset", "csetm", "cinc", "cinv", "cneg"])
_OPAQUE = re.compile(
    r"rev(16|32|64)?|rbit|cl[sz]|cnt|ctz|abs|extr|ror(v)?|sdiv|s?mulh|umulh|[su]mull|[su]maddl|[su]msubl|[su]mnegl|mneg|"
    r"msub|adcs?|sbcs?|ngcs?|crc32c?[bhwx]|[su](max|min)|pac\w+|aut\w+|xpac[id]|irg|gmi|addg|subg|subps?|addvl|addpl|rdvl|"
    r"rdsvl|ldg|f(mov|add|sub|n?mul|div|sqrt|n?madd|n?msub|abs|neg|min(nm)?|max(nm)?|csel|cvt\w*|rint\w*|ml[as]|jcvtzs)|"
    r"[su]cvtf|movi|mvni|dup|ins|[us]mov|uzp[12]|zip[12]|trn[12]|tb[lx]|ext|aes\w+|sha\d\w+|eor3|bcax|rax1|xar|pmull2?|"
    r"[su]?addv|addp|addv|[us]?shll?2?|[us]?shrn?2?|sli|sri|bsl|bi[tf]|cm(eq|ge|gt|hi|hs|le|lt|tst)|ptrues?|pfalse|"
    r"whilelo|[su]?dot"
)
_FLAGS = frozenset(["cmp", "cmn", "tst"])


def arithmetic(machine: Machine, name: str, operands: tuple[str, ...]) -> bool:
    """Decode an instruction that only computes; False if it is not one or its operands are wrong."""
    if name in _FLAGS:
        return _compare(machine, name, operands)
    if name in ("ccmp", "ccmn", "fcmp", "fcmpe", "fccmp", "fccmpe"):
        machine.flags = None
        return len(operands) >= 2
    target = parse_register(operands[0]) if operands else None
    if target is None or (
        target.vector and not _OPAQUE.fullmatch(name) and name not in ("mov", *_BINARY, *_INVERTED, "mvn", "not", "neg")
    ):
        return False
    value = machine.unknown() if target.vector else _value(machine, name, target, operands[1:])
    if value is None:
        return False
    if name in ("adds", "subs", "ands", "bics") and len(operands) > 2:
        machine.flags = (
            ("cmp", value, ZERO, target.bits) if name != "subs" else _subtraction(machine, operands, target.bits)
        )
    machine.put(target, value)
    return True


def _subtraction(machine: Machine, operands: tuple[str, ...], bits: int) -> tuple[str, Term, Term, int] | None:
    left, right = machine.value(operands[1]), _second(machine, operands[2:])
    return None if left is None or right is None else ("cmp", left, right, bits)


def _value(machine: Machine, name: str, target: Register, sources: tuple[str, ...]) -> Term | None:
    """The result of `name target, sources`; None if the instruction is unknown."""
    if name in ("mov", "movz", "movn", "movk", "mvn", "neg", "negs"):
        return _move(machine, name, target, sources)
    if name in _BINARY and len(sources) >= 2:
        return _binary(machine, _BINARY[name], sources, target.bits)
    if name in _INVERTED and len(sources) >= 2:
        left, right = machine.value(sources[0]), _second(machine, sources[1:])
        return None if left is None or right is None else apply(_INVERTED[name], left, invert(right))
    if name in _EXTENSIONS and len(sources) == 1:
        source = machine.value(sources[0])
        extend = zero_extend if name[0] == "u" else sign_extend
        return None if source is None else extend(source, _EXTENSIONS[name])
    if name in _FIELDS and len(sources) >= 2:
        return _bit_field(machine, name, target, sources)
    if name == "madd" and len(sources) == 3:
        factors = [machine.value(source) for source in sources]
        a, b, c = factors
        return None if a is None or b is None or c is None else apply("+", c, apply("*", a, b))
    if name in ("adr", "adrp") and len(sources) == 1:
        return machine.unknown() if re.fullmatch(r"\d+[bf]|\.", sources[0]) else machine.symbol(sources[0])
    if name in _SELECT and sources:
        return select(machine, name, sources)
    return machine.unknown() if _OPAQUE.fullmatch(name) else None


def _move(machine: Machine, name: str, target: Register, sources: tuple[str, ...]) -> Term | None:
    if not 1 <= len(sources) <= 2:
        return None
    if group := _GROUP.fullmatch(sources[0].strip().removeprefix("#")):
        return _group(machine, name, target, group)
    source = _second(machine, sources)
    if source is None:
        return None
    match name:
        case "mvn" | "movn":
            return invert(source)
        case "neg" | "negs":
            return Apply("neg", (source,)) if not isinstance(source, Const) else Const(-source.value & MASK64)
        case "movk":
            return _keep(machine, target, sources)
    return source


_GROUP = re.compile(r":abs_g([0-3])(_nc|_s)?:(.*)")


def _group(machine: Machine, name: str, target: Register, group: re.Match[str]) -> Term:
    """MOVZ or MOVK of 16 bits of a number or an address (`:abs_g1:x`)."""
    shift, number = 16 * int(group[1]), machine.number(group[3])
    if number is None:
        return machine.unknown()
    if name == "movk":
        kept = apply("&", machine.get(target), Const(~(0xFFFF << shift) & MASK64))
        return apply("|", kept, Const((number >> shift & 0xFFFF) << shift))
    if number < 0 and group[2] == "_s":
        return Const(~((~number >> shift & 0xFFFF) << shift) & MASK64)
    return Const((number >> shift & 0xFFFF) << shift)


def _keep(machine: Machine, target: Register, sources: tuple[str, ...]) -> Term | None:
    """MOVK: replace 16 bits, keep the rest."""
    shift = machine.number(sources[1].lower().replace("lsl", "")) if len(sources) > 1 else 0
    number = machine.number(sources[0])
    if shift is None or not 0 <= shift < 64:
        return None
    if number is None:
        return machine.unknown()
    kept = apply("&", machine.get(target), Const(~(0xFFFF << shift) & MASK64))
    return apply("|", kept, Const(((number & 0xFFFF) << shift) & MASK64))


def _second(machine: Machine, sources: tuple[str, ...]) -> Term | None:
    """The last operand of an arithmetic instruction: register or immediate, perhaps shifted or extended."""
    if not 1 <= len(sources) <= 2:
        return None
    if len(sources) == 1:
        return machine.value(sources[0])
    register = parse_register(sources[0])
    if register is not None:
        return modified(machine, register, sources[1])
    number = machine.number(sources[0])
    shift = machine.number(sources[1].lower().replace("lsl", ""))
    if shift is None or not 0 <= shift < 64:
        return None
    return machine.unknown() if number is None else Const((number << shift) & MASK64)


def _binary(machine: Machine, op: str, sources: tuple[str, ...], bits: int) -> Term | None:
    left, right = machine.value(sources[0]), _second(machine, sources[1:])
    if left is None or right is None:
        return None
    if bits == 32 and op in (">>", "/"):
        left = zero_extend(left, 32)
    if bits == 32 and op == ">>s":
        left = sign_extend(left, 32)
    if op in ("<<", ">>", ">>s") and not isinstance(right, Const):
        right = apply("&", right, Const(bits - 1))
    return apply(op, left, right)


def _bit_field(machine: Machine, name: str, target: Register, sources: tuple[str, ...]) -> Term | None:
    """UBFX and its family with constant positions; the BFM forms with immr <= imms are extractions."""
    if name == "bfc":
        sources = ("xzr", *sources)
    source = machine.value(sources[0])
    numbers = [machine.number(text) for text in sources[1:]]
    if source is None or len(numbers) != 2:
        return None
    low, width = numbers
    if low is None or width is None:
        return machine.unknown()
    if name.endswith("bfm") or name == "bfm":
        if low > width:
            return machine.unknown()
        name, width = {"ubfm": "ubfx", "sbfm": "sbfx", "bfm": "bfxil"}[name], width - low + 1
    if not (0 <= low < 64 and 0 < width <= 64):
        return None
    mask = Const((1 << width) - 1)
    match name:
        case "ubfx":
            return apply("&", apply(">>", source, Const(low)), mask)
        case "ubfiz":
            return apply("<<", apply("&", source, mask), Const(low))
        case "sbfx":
            return sign_extend(apply(">>", source, Const(low)), width)
        case "sbfiz":
            return apply("<<", sign_extend(source, width), Const(low))
    place = 0 if name == "bfxil" else low
    part = apply("&", apply(">>", source, Const(low if name == "bfxil" else 0)), mask)
    kept = apply("&", machine.get(target), Const(~(mask.value << place) & MASK64))
    return apply("|", kept, apply("<<", part, Const(place)))


def _compare(machine: Machine, name: str, operands: tuple[str, ...]) -> bool:
    left = machine.value(operands[0]) if len(operands) >= 2 else None
    right = _second(machine, operands[1:]) if left is not None else None
    register = parse_register(operands[0]) if operands else None
    if left is None or right is None or register is None:
        return False
    machine.flags = (name, left, right, register.bits)
    return True
