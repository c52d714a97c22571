"""Where and how a header defines a name: macro, enumerator, type, tag, function or variable, found by its shape.

No preprocessing and no grammar: a definition is looked for by regular expressions in the text, which is enough to
choose a header; whether it helped is judged by the next parse. It does not see what macros make.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum

from barrierlint.frozen import dataclass


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


MENTIONS = 300
"""Mentions of a name that are looked at in one text."""

_BEFORE, _AFTER = 400, 300
_COMMENT = re.compile(rb"/\*.*?\*/|//[^\n]*", re.DOTALL)
_STATEMENT = frozenset((b"return", b"if", b"while", b"for", b"switch", b"else", b"case", b"goto", b"do", b"sizeof"))
_MACRO = re.compile(rb"[ \t]*#[ \t]*define[ \t]+\w+(\([^)\n]*\))?((?:\\\r?\n|[^\n])*)")
_DEFINE = re.compile(rb"[ \t]*#[ \t]*define[ \t]+")
_ATTRIBUTES = rb"(?:__\w+(?:\s*\([^;]{0,80}\))?\s*)*"
_ENDED = re.compile(rb"\s*(?:\[[^\]]*\]\s*)*" + _ATTRIBUTES + rb";")
_AFTER_BODY = re.compile(rb"\}\s*" + _ATTRIBUTES + rb"$")
_POINTER = re.compile(rb"\(\s*\w*\s*\*?\s*$")
_TAGGED = re.compile(
    rb"\b(?:struct|union|class|enum)\s+(?:class\s+)?(?:\[\[[^\]]*\]\]\s*|\w+\s+)?" + _ATTRIBUTES + rb"$"
)
_BODY = re.compile(rb"\s*(?:final\s*)?(?::[^;{(]*)?\{")
_TYPED = re.compile(rb"(?:[A-Za-z_][\w \t*&<>:,]*[ \t*&]|)")
_LINE = re.compile(rb"[A-Za-z_][\w \t*&<>:,()]*")
_LISTED = re.compile(rb"\s*(?:=[^,;{}]*)?(?:,|\s*\}|\s*(?:/[/*][^\n]*)?\n\s*\})")


def find(text: bytes, name: str) -> Definition | None:
    """Return the most telling definition of `name` in `text`, None if there is none."""
    return min(every(text, name), key=lambda one: (one.kind, one.offset), default=None)


def every(text: bytes, name: str) -> Iterator[Definition]:
    """Yield the definitions of `name` in `text`."""
    word = name.encode()
    at, count = text.find(word), 0
    while at >= 0 and count < MENTIONS:
        end = at + len(word)
        if not _in_word(text[at - 1 : at]) and not _in_word(text[end : end + 1]):
            count += 1
            found = _definition(text, at, end)
            if found is not None:
                yield found
        at = text.find(word, end)


def _in_word(one: bytes) -> bool:
    return one.isalnum() or one == b"_"


def _definition(text: bytes, at: int, end: int) -> Definition | None:
    """What the mention at `at` defines, judged by what stands around it."""
    start = text.rfind(b"\n", 0, at) + 1
    prefix = text[start:at]
    if _DEFINE.fullmatch(prefix):
        found = _MACRO.match(text, start)
        if found is not None:
            parameters = found[1].decode("latin-1") if found[1] is not None else None
            return Definition(start, Kind.MACRO, parameters, _body(found[2]))
    if prefix.lstrip().startswith((b"#", b"//", b"*")):
        return None
    before, after = text[max(0, at - _BEFORE) : at], text[end : end + _AFTER]
    if _is_type(before, after):
        return Definition(at, Kind.TYPE)
    if after.lstrip(b" \t\r\n")[:1] == b"(" and _TYPED.fullmatch(prefix) and _is_typed(text, start, prefix):
        return Definition(at, Kind.FUNCTION)
    if prefix.lstrip().startswith(b"extern") and not set(b"(){}") & set(prefix) and _ENDED.match(after):
        return Definition(at, Kind.VARIABLE)
    if (not prefix.strip() or prefix.rstrip()[-1:] in b"{,") and _LISTED.match(after):
        brace = text.rfind(b"{", 0, at)
        if brace >= 0 and text.rfind(b"}", brace, at) < 0 and _is_enum(text, brace):
            return Definition(at, Kind.ENUMERATOR)
    return None


def _is_type(before: bytes, after: bytes) -> bool:
    """Whether a name between these is one of a type: by typedef, alias, or a tag with a body."""
    statement = before[max(before.rfind(one) for one in (b";", b"{", b"}", b"*/")) + 1 :]
    typedef = re.search(rb"\btypedef\b", statement) is not None
    if _ENDED.match(after) and (typedef or _AFTER_BODY.search(before)):
        return True
    if typedef and _POINTER.search(before) and re.match(rb"\s*\)\s*\(", after):
        return True
    if re.search(rb"\busing\s+$", before) and re.match(rb"\s*=", after):
        return True
    return _TAGGED.search(before[-120:]) is not None and _BODY.match(after) is not None


def _is_typed(text: bytes, start: int, prefix: bytes) -> bool:
    """Whether a name before `(` has a type before it, on its line or on the one above."""
    words = prefix.split()
    if words:
        return words[0] not in _STATEMENT
    above = text[max(0, start - _BEFORE) : start].rstrip()
    line = above[above.rfind(b"\n") + 1 :].strip()
    return not prefix and _LINE.fullmatch(line) is not None and line.split()[0] not in _STATEMENT


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
