"""The words of a code base for barriers: macros whose body is an asm statement that decodes to one barrier.

A parameter that the instruction takes as its option (`"dsb " #option`) is tried with each option that repairs need.
What it does not see: functions, which are observed by what they do, and macros of macros.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from barrierlint.cfg.asm import decode_lines
from barrierlint.events import ContextSync, Dsb, mnemonic

_MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)(?:\((\w*)\))?[ \t]+((?:\\\r?\n|[^\n])*)", re.MULTILINE)
_ASM = re.compile(r"\b(?:asm|__asm__|__asm)\b[^(]*\(\s*((?:\"[^\"]*\"|#\s*\w+|\s)+)")
_PART = re.compile(r"\"([^\"]*)\"|#\s*(\w+)")
_OPTIONS = ("ishst", "ish", "nshst", "nsh", "sy")


def idioms(paths: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the keys of a model's `barrier_idiom` with the words and the place of the macro."""
    found: dict[str, tuple[str, str]] = {}
    for path in paths:
        try:
            text = Path(path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for macro in _MACRO.finditer(text):
            where = f"{path}:{text.count(chr(10), 0, macro.start()) + 1}"
            for key, words in _words(macro[1], macro[2], macro[3]):
                found.setdefault(key, (words, where))
    return found


def _words(name: str, parameter: str | None, body: str) -> Iterator[tuple[str, str]]:
    asm = _ASM.search(body)
    if asm is None:
        return
    parts = _PART.findall(asm[1])
    call = name if parameter is None else f"{name}()"
    if not any(stringised for _, stringised in parts):
        yield from _key("".join(text for text, _ in parts), f"{call};")
    elif parameter:
        for option in _OPTIONS:
            yield from _key("".join(text or option for text, _ in parts), f"{name}({option});")


def _key(instructions: str, words: str) -> Iterator[tuple[str, str]]:
    """The key of an instruction that is one barrier and nothing else."""
    events = list(decode_lines(instructions))
    if len(events) == 1 and isinstance(events[0], ContextSync) and "isb" in instructions:
        yield "isb", words
    elif len(events) == 1 and isinstance(events[0], Dsb):
        yield f"dsb_{mnemonic(events[0]).split()[-1].lower()}", words
