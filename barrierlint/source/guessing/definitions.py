"""Where and how a header defines a name: macro, enumerator, type, tag, function or variable, found by its shape.

No preprocessing and no grammar: a definition is looked for by regular expressions in the text, which is enough to
choose a header; whether it helped is judged by the next parse. It does not see what macros make.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache


class Kind(IntEnum):
    """What a name is defined as; the smaller number is preferred where one header has several."""

    MACRO = 0
    ENUMERATOR = 1
    TYPE = 2
    FUNCTION = 3
    VARIABLE = 4


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition in some text: its offset, what it is, and for macros parameters (None: object-like) and body."""

    offset: int
    kind: Kind
    parameters: str | None = None
    body: str = ""


_COMMENT = re.compile(rb"/\*.*?\*/|//[^\n]*", re.DOTALL)
_STATEMENT = frozenset((b"return", b"if", b"while", b"for", b"switch", b"else", b"case", b"goto", b"do", b"sizeof"))


@lru_cache(maxsize=20_000)
def _patterns(name: str) -> tuple[re.Pattern[bytes], ...]:
    word = re.escape(name.encode())
    macro = rb"^[ \t]*#[ \t]*define[ \t]+" + word + rb"\b(\([^)\n]*\))?((?:\\\r?\n|[^\n])*)"
    typedef = (
        rb"\btypedef\b[^;{}]*\b" + word + rb"\s*(?:\[[^\]]*\]\s*)*(?:__attribute__[^;]*)?;"
        rb"|\btypedef\b[^;{}]*\(\s*\*?\s*" + word + rb"\s*\)\s*\("
        rb"|\}\s*(?:__\w+(?:\s*\([^;]*?\))?\s*)*" + word + rb"\s*(?:__attribute__[^;]*)?;"
        rb"|\busing\s+" + word + rb"\s*="
        rb"|\b(?:struct|union|class|enum)\s+(?:\w+\s+|\[\[[^\]]*\]\]\s*|__attribute__\s*\(\([^)]*\)\)\s*)*"
        + word
        + rb"\s*(?:final\s*)?(?::[^;{]*)?\{"
    )
    function = rb"^([A-Za-z_][\w \t*&<>:,]*?[ \t*&\n]|)(" + word + rb")[ \t]*\n?\("
    variable = rb"^[ \t]*extern\b[^;(){}]*\b" + word + rb"\b[^;(){}]*;"
    enumerator = rb"(?:^|[{,])[ \t\n]*" + word + rb"\s*(?:=[^,;{}]*)?(?:,|\s*\})"
    return tuple(re.compile(one, re.MULTILINE) for one in (macro, typedef, function, variable, enumerator))


def find(text: bytes, name: str) -> Definition | None:
    """Return the most telling definition of `name` in `text`, None if there is none."""
    return min(every(text, name), key=lambda one: (one.kind, one.offset), default=None)


def every(text: bytes, name: str) -> Iterator[Definition]:
    """Yield the definitions of `name` in `text`: all macros, and the first of each other shape."""
    if name.encode() not in text:
        return
    macro, typedef, function, variable, enumerator = _patterns(name)
    for found in macro.finditer(text):
        parameters = found[1].decode("latin-1") if found[1] is not None else None
        yield Definition(found.start(), Kind.MACRO, parameters, _body(found[2]))
    if hit := typedef.search(text):
        yield Definition(hit.start(), Kind.TYPE)
    for hit in function.finditer(text):
        first = hit[1].split()[0] if hit[1].split() else b""
        if first not in _STATEMENT and _is_typed(text, hit):
            yield Definition(hit.start(2), Kind.FUNCTION)
            break
    if hit := variable.search(text):
        yield Definition(hit.start(), Kind.VARIABLE)
    for hit in enumerator.finditer(text):
        before = text.rfind(b"{", 0, hit.end() - 1)
        if before >= 0 and text.rfind(b"}", before, hit.start() + 1) < 0 and _is_enum(text, before):
            yield Definition(hit.start() + 1, Kind.ENUMERATOR)
            break


def _is_typed(text: bytes, hit: re.Match[bytes]) -> bool:
    """Whether a name before `(` has a type before it, on its line or on the one above, and no body of a call."""
    if hit[1].strip():
        return True
    above = text[: hit.start()].rstrip()
    line = above[above.rfind(b"\n") + 1 :].strip()
    return bool(re.fullmatch(rb"[A-Za-z_][\w \t*&<>:,()]*", line)) and line.split()[0] not in _STATEMENT


def _is_enum(text: bytes, brace: int) -> bool:
    head = text[max(text.rfind(b";", 0, brace), text.rfind(b"}", 0, brace), 0) : brace]
    return re.search(rb"\benum\b", head) is not None


def _body(raw: bytes) -> str:
    plain = _COMMENT.sub(b" ", raw.replace(b"\\\r\n", b" ").replace(b"\\\n", b" "))
    return " ".join(plain.split(b"/*")[0].decode("latin-1").split())


_NUMBER = re.compile(r"\(*\s*(?:\(\s*[\w\s]+\)\s*)?(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)[uUlL]*\s*\)*")
_WRAPPED = re.compile(r"\w+\(\s*(0[xX][0-9a-fA-F]+|\d+)[uUlL]*\s*\)")


def number(body: str) -> int | None:
    """Return the number that a macro's body is, through casts, suffixes and parentheses; None if it is none."""
    found = _NUMBER.fullmatch(body.strip()) or _WRAPPED.fullmatch(body.strip())
    if found is None:
        return None
    digits = found[1]
    if digits[0] == "0" and digits[1:].isdigit():
        return int(digits, 8) if all(one in "01234567" for one in digits) else None
    return int(digits, 0)
