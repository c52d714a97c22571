"""Comments of C, C++ and AArch64 assembly that speak to barrierlint: `barrierlint: ignore[BL001] reason`.

| comment | hides findings |
|---|---|
| `ignore[BL001] reason` behind code | on its line |
| the same, alone on its line | on the next line of code |
| `ignore-next-line[BL001] reason` | on the next line of code |
| `ignore-function[BL001] reason` | in the function around it, or the one that begins below it |
| `ignore-file[BL001] reason` | in its file |

Several ids, families and names fit in the brackets, separated by commas. What it does not read: comments spliced by a
backslash at a line's end, and those inside macros' bodies as seen from where the macro is used.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from barrierlint.finding import Span
from barrierlint.frozen import dataclass

SCOPES = {"ignore": "line", "ignore-next-line": "next", "ignore-function": "function", "ignore-file": "file"}

_TOKEN = r"""
    (?P<comment> //[^\n]* | /\*.*?(?:\*/|\Z) )
  | R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)"
  | "(?:\\.|[^"\\\n])*"
  | '(?:\\.|[^'\\\n])*'
"""
_SPOKEN = re.compile(r"barrierlint:\s*(?P<word>[\w-]+)(?P<rest>[^\n]*)")
_RULES = re.compile(r"\s*\[(?P<rules>[^\]]*)\]\s*(?P<reason>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment that hides findings of `rules` (as written) in `scope`: line, function or file.

    `line` is the line it speaks of: for `function` its own. `problem` says what is wrong with it, "" if nothing.
    """

    span: Span
    scope: str
    line: int
    rules: tuple[str, ...]
    reason: str = ""
    problem: str = ""


def remarks(path: str, text: str) -> Iterator[Remark]:
    """The remarks of a file that holds `text`, in order."""
    if "barrierlint:" not in text:
        return
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    code = _code_lines(text, starts)
    for token in re.finditer(_TOKEN, text, re.VERBOSE | re.DOTALL):
        spoken = _SPOKEN.search(token["comment"] or "")
        if spoken is not None:
            at = token.start("comment") + spoken.start()
            line = bisect_right(starts, at)
            column = len(text[starts[line - 1] : at].encode("utf-8", "surrogateescape")) + 1
            length = len(spoken[0].rstrip(" */").encode("utf-8", "surrogateescape"))
            yield _remark(Span(path, line, column, line, column + length), spoken, code)


def _remark(span: Span, spoken: re.Match[str], code: list[int]) -> Remark:
    scope = SCOPES.get(spoken["word"], "")
    rest = spoken["rest"].replace("*/", " ").strip()
    listed = _RULES.match(rest)
    if not scope:
        return Remark(span, "line", span.line, (), problem=f"unknown word '{spoken['word']}': use {_words()}")
    rules = tuple(word.strip() for word in listed["rules"].split(",") if word.strip()) if listed else ()
    if listed is None or not rules:
        return Remark(span, "line", span.line, (), problem=f"name the rules: {spoken['word']}[BL001] reason")
    alone = span.line not in code
    if scope == "next" or (scope == "line" and alone):
        later = bisect_right(code, span.line)
        return Remark(span, "line", code[later] if later < len(code) else span.line, rules, listed["reason"].strip())
    return Remark(span, scope, span.line, rules, listed["reason"].strip())


def _words() -> str:
    return ", ".join(SCOPES)


def _code_lines(text: str, starts: list[int]) -> list[int]:
    """Numbers of the lines that hold anything but comments and blanks."""

    def blank(token: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", token[0]) if token["comment"] else token[0]

    return [
        number
        for number, line in enumerate(re.sub(_TOKEN, blank, text, flags=re.VERBOSE | re.DOTALL).split("\n"), 1)
        if line.strip()
    ][: len(starts)]
