"""Assembler text to statements: comments removed, lines split at newlines and semicolons, labels taken off, operands
separated.

What it does not model: alternative comment characters chosen by assembler options.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statement:
    """A label (`label` without colon), a directive (mnemonic starts with a dot), an assignment (`=`), or an
    instruction.

    `operands` are split at top-level commas. `line` counts from 1 in the text the statement came from; `macro` is the
    assembler's macro whose use there it comes from, `section` where it is assembled to ("" for the text's own place).
    """

    mnemonic: str = ""
    operands: tuple[str, ...] = ()
    label: str = ""
    text: str = ""
    line: int = 1
    macro: str = ""
    section: str = ""


_BLOCK_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_LABEL = re.compile(r"\s*([A-Za-z_.$][\w.$@]*(?:\([\w.$]*\))?|\d+)\s*:(?![=:])")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"?')
_STRINGS = re.compile(r'(?:"[^"\\]*"\s*)+')
"""A statement of string literals alone is what they say, as GNU as reads it."""
_ASSIGNMENT = re.compile(r"\s*([A-Za-z_.$][\w.$]*)\s*=(?!=)\s*(.*)", re.DOTALL)
_HASH_COMMENT = re.compile(r"#\s+[A-Za-z].*")
_AT_COMMENT = re.compile(r"(?:^|\s)@.*")


def statements(text: str, first: int = 1) -> Iterator[Statement]:
    """Yield the statements of `text` in order, its lines counted from `first`. Never raises."""
    text = _BLOCK_COMMENT.sub(lambda match: " " + "\n" * match[0].count("\n"), text)
    for number, line in enumerate(re.split(r"\r\n|[\n\r\f\v]", text), first):
        for part in split_statements(_uncomment(line)):
            yield from _parse(part, number)


def _uncomment(line: str) -> str:
    if line.lstrip().startswith("#"):
        return ""
    quoted = [match.span() for match in _QUOTED.finditer(line)]
    start = line.find("//")
    while start >= 0 and any(low < start < high for low, high in quoted):
        start = line.find("//", start + 1)
    return line if start < 0 else line[:start]


def split_statements(line: str) -> list[str]:
    """Split a line at semicolons outside of string literals."""
    if '"' not in line:
        return line.split(";")
    hidden = _QUOTED.sub(lambda match: match[0].replace(";", "\0"), line)
    return [part.replace("\0", ";") for part in hidden.split(";")]


def _parse(part: str, line: int) -> Iterator[Statement]:
    while match := _LABEL.match(part):
        yield Statement(label=match[1], text=match[1] + ":", line=line)
        part = part[match.end() :]
    part = part.strip()
    if part.startswith('"') and _STRINGS.fullmatch(part):
        part = "".join(one[1:-1] for one in _QUOTED.findall(part))
    if not part:
        return
    if match := _ASSIGNMENT.match(part):
        yield Statement("=", (match[1], match[2].strip()), "", part, line)
        return
    mnemonic, _, rest = part.replace("\t", " ").partition(" ")
    if not mnemonic.startswith("."):
        rest = _AT_COMMENT.sub("", _HASH_COMMENT.sub("", rest))
        if mnemonic.startswith("@"):
            return
    text = f"{mnemonic} {rest}".strip()
    yield Statement(mnemonic.lower(), split_operands(rest), "", text, line)


def split_operands(text: str) -> tuple[str, ...]:
    """Split at commas outside of brackets and string literals; strip each part. Empty text has no operands."""
    parts: list[str] = []
    depth, start, quoted = 0, 0, False
    for index, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "," and depth <= 0:
            parts.append(text[start:index].strip())
            start = index + 1
    parts.append(text[start:].strip())
    return tuple(parts) if len(parts) > 1 or parts[0] else ()
