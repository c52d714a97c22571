"""Statements of an AArch32 assembly file as statements of AArch64 that do the same to what this project models.

R0 to R12 become W0 to W12, LR is X30; a conditional instruction becomes a branch around it, a write to PC a branch.
Instructions whose result no term expresses leave an unknown value. The coprocessor's instructions stay as they are.
What it does not model: banked registers, Thumb's IT blocks, and the contents of memory that LDM and STM transfer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from barrierlint.cfg.asm_text import Statement

_COPROCESSOR = frozenset(("mcr", "mrc", "mcrr", "mrrc"))
_WIDE = re.compile(r"\b[xX](?:[12]?\d|30|zr)\b")
_NARROW = re.compile(r"\b(?:r(\d{1,2})|(ip|fp|lr|sp|pc|sb|sl))\b", re.IGNORECASE)
_ALIASES = {"ip": 12, "fp": 11, "sl": 10, "sb": 9, "sp": 13, "lr": 14, "pc": 15}
_CODES = "eq ne cs hs cc lo mi pl vs vc hi ls ge lt gt le"
_OPPOSITES = "ne eq cc lo cs hs pl mi vc vs ls hi lt ge le gt"
_OPPOSITE = dict(zip(_CODES.split(), _OPPOSITES.split(), strict=True))
_TWO_OPERANDS = "add adds sub subs and ands orr orrs eor eors bic bics lsl lsls lsr lsrs asr asrs mul"
_INEXPRESSIBLE = """
rsb rsbs adc adcs sbc sbcs rsc mla mls umull smull umlal ror rors rrx clz rev rev16 rbit uxtab bfc bfi sxtab
"""
_TWO = frozenset(_TWO_OPERANDS.split())
_OPAQUE = frozenset(_INEXPRESSIBLE.split())
_NOTHING = re.compile(r"cps\w*|setend|srs\w*|vm\w+|vldm\w*|vstm\w*|vpush|vpop|push|stm\w*|pld\w*|it\w{0,3}|fmxr|fmrx")
_OTHERS = """
mov movs mvn cmp cmn tst teq ldr ldrb ldrh ldrd str strb strh strd movw movt b bl bx blx ldm pop push stm
mcr mrc mcrr mrrc svc swi dsb dmb isb
"""
_NAMES = sorted({*_OTHERS.split(), *_TWO, *_OPAQUE}, key=lambda name: (-len(name), name))
_CONDITIONAL = re.compile(rf"({'|'.join(_NAMES)})({'|'.join(_OPPOSITE)})")
_RETURN = re.compile(r"(?:ldm\w*|pop)")


def is_aarch32(lines: Iterable[Statement]) -> bool:
    """Whether the instructions are AArch32's: they use its coprocessor, and no 64-bit register."""
    found = False
    for line in lines:
        if any(_WIDE.search(operand) for operand in line.operands):
            return False
        found = found or (line.mnemonic in _COPROCESSOR and bool(line.operands) and line.operands[0].lower() == "p15")
    return found


def translated(lines: Sequence[Statement]) -> Iterator[Statement]:
    """Yield `lines` in AArch64's words."""
    for number, line in enumerate(lines):
        match = None if line.label or line.mnemonic.startswith((".", "=")) else _CONDITIONAL.fullmatch(line.mnemonic)
        if match is None or line.mnemonic in _TWO | _OPAQUE or match[1] == "b":
            yield from _translated(line)
            continue
        skip = f".La32.{number}"
        yield replace(line, mnemonic=f"b{_OPPOSITE[match[2]]}", operands=(skip,))
        yield from _translated(replace(line, mnemonic=match[1]))
        yield Statement(label=skip, text=f"{skip}:", line=line.line, macro=line.macro, section=line.section)


def _translated(line: Statement) -> Iterator[Statement]:
    """One statement without a condition."""
    if line.label or line.mnemonic.startswith((".", "=")):
        yield line
        return
    name, _, _ = line.mnemonic.partition(".")
    given = [operand.strip().lower() for operand in line.operands]
    jump = _jump(name, given)
    if jump is not None:
        yield replace(line, mnemonic=jump[0], operands=jump[1])
        return
    operands = tuple(_renamed(operand) for operand in line.operands)
    if name == "msr" and operands:
        yield replace(line, operands=("cpsr", operands[-1] if _number(given[-1]) is not None else "wzr"))
    elif name == "mrs" or name in _OPAQUE:
        yield _unknown(line, operands[:1])
    elif _RETURN.fullmatch(name):
        for register in _listed(given[-1] if given else ""):
            yield _unknown(line, (register,))
    elif name in _TWO:
        both = operands if len(operands) > 2 else (operands[0], *operands) if operands else ()
        yield replace(
            line,
            mnemonic=name.removesuffix("s") if name not in ("subs", "adds", "ands", "bics") else name,
            operands=both,
        )
    elif name in ("movw", "movt"):
        shift = ("lsl #16",) if name == "movt" else ()
        yield replace(line, mnemonic="movk" if shift else "movz", operands=(*operands, *shift))
    elif name in ("swi", "movs"):
        yield replace(line, mnemonic={"swi": "svc", "movs": "mov"}[name], operands=operands)
    elif not _NOTHING.fullmatch(name) or name == "mvn":
        yield replace(line, mnemonic=name, operands=operands)


def _jump(name: str, given: list[str]) -> tuple[str, tuple[str, ...]] | None:
    """The branch that an instruction is, if it is one that AArch64 spells otherwise."""
    if name in ("bx", "blx") and given:
        if _number(given[0]) is None:
            return "bl", tuple(given)
        if name == "bx" and _number(given[0]) == _ALIASES["lr"]:
            return "ret", ()
        return ("br" if name == "bx" else "blr"), (_wide(given[0]),)
    if name.startswith("rfe") or (name in ("movs", "subs") and given[:1] == ["pc"]):
        return "eret", ()
    if _RETURN.fullmatch(name) and given and re.search(r"\b(?:pc|r15)\b", given[-1]):
        return "ret", ()
    if name in ("mov", "ldr") and len(given) > 1 and _number(given[0]) == _ALIASES["pc"]:
        if name == "mov" and _number(given[1]) not in (None, _ALIASES["lr"]):
            return "br", (_wide(given[1]),)
        if name == "ldr" and given[1].startswith("="):
            return "b", (given[1][1:].strip(),)
        return "ret", ()
    return None


def _unknown(line: Statement, operands: tuple[str, ...]) -> Statement:
    """A statement that puts some value into the register."""
    return replace(line, mnemonic="rbit", operands=(*operands, *operands))


def _listed(text: str) -> Iterator[str]:
    """The registers of a list such as `{r4-r6, lr}`."""
    for part in text.strip("{}^ ").split(","):
        first, _, last = (one.strip() for one in part.partition("-"))
        low, high = _number(first), _number(last or first)
        if low is not None and high is not None:
            yield from (_name(number) for number in range(low, high + 1))


def _number(word: str) -> int | None:
    match = _NARROW.fullmatch(word)
    return None if match is None else int(match[1]) if match[1] else _ALIASES[match[2].lower()]


def _name(number: int) -> str:
    return {13: "sp", 14: "w30", 15: "wzr"}.get(number, f"w{number}")


def _wide(word: str) -> str:
    return _name(_number(word) or 0).replace("w", "x")


def _renamed(operand: str) -> str:
    """The registers of an operand by AArch64's names; symbols stay."""
    if operand.lower().startswith("apsr"):
        return "wzr"
    if operand.startswith("=") or '"' in operand:
        return operand
    return _NARROW.sub(lambda found: _name(_number(found[0]) or 0), operand)
