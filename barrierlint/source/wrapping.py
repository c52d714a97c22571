r"""Assembler source rewritten so that clang's preprocessor can be watched at work on it.

`wrapped` leaves directives alone and makes of every other logical line a `_Static_assert` whose message is the line as
the preprocessor leaves it: libclang, which shows no preprocessed text, shows string literals. Lines keep their
numbers. What C's lexer would refuse (`\name` of a macro, `#1` in the body of one) is spelled otherwise meanwhile;
`restored` undoes that. What it does not model: directives inside the arguments of a macro's use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

BACKSLASH, HASH = "`", "\x02"
"""Stand-ins for characters that C's lexer would take for something else, or refuse."""

OPENING = "_Static_assert(1,__bl_line("
"""What a wrapped line begins with."""

PRELUDE = "#define __bl_quote(...) #__VA_ARGS__\n#define __bl_line(...) __bl_quote(__VA_ARGS__)\n"
"""Defines what the wrapped lines use; goes to a file of its own, included first."""

LONGEST = 64
"""Lines that the arguments of one macro's use may take."""

_SKIP = re.compile(
    r"//(?:[^\n\\]|\\.|\\\n)*|/\*.*?(?:\*/|\Z)|\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\[^\n]{1,3})'", re.DOTALL
)
_DIRECTIVE = re.compile(
    r"\s*#\s*(include|include_next|import|define|undef|if|ifdef|ifndef|elif|elifdef|elifndef|else|endif|pragma|error"
    r"|warning|line)\b"
)
_COMMENT = re.compile(r"\s*#(?!\s*\d)")
_DEFINE = re.compile(r"(\s*#\s*define\s+\w+)(\(([^)]*)\))?(.*)", re.DOTALL)


def wrapped(text: str) -> str:
    """Return `text` with each line that is no directive wrapped; the number of lines stays the same."""
    lines = iter(list(enumerate(_uncommented(text).split("\n"))))
    result: list[str] = []
    for _, line in lines:
        line, taken = _continued(line, lines)
        if _DIRECTIVE.match(line):
            result.append(_directive(line))
        elif _COMMENT.match(line) or not line.strip():
            result.append("")
        else:
            line, more = _balanced(line, lines)
            taken += more
            result.append(f"{OPENING}{_disguised(line)}));")
        result += [""] * taken
    return "\n".join(result)


def restored(text: str) -> str:
    """Return a line of preprocessed text as an assembler would get it."""
    return text.replace(BACKSLASH, "\\").replace(HASH, "#")


def _uncommented(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\0", "").replace(BACKSLASH, " ").replace(HASH, " ")
    return _SKIP.sub(lambda match: _blank(match[0]) if match[0][0] == "/" else match[0], text)


def _blank(comment: str) -> str:
    return " " + "\n" * comment.count("\n")


def _continued(line: str, lines: Iterator[tuple[int, str]]) -> tuple[str, int]:
    """The line with those that a backslash at its end continues, and how many those are."""
    taken = 0
    while line.endswith("\\"):
        following = next(lines, None)
        line = line[:-1] + " "
        if following is None:
            break
        taken += 1
        line += following[1]
    return line, taken


def _directive(line: str) -> str:
    """A directive; in the body of a macro with parameters a `#` that is no operator is spelled otherwise."""
    match = _DEFINE.fullmatch(line)
    if match is None or match[2] is None:
        return line if match is None else match[1] + _escaped(match[4])
    names = [
        re.escape(name.strip())
        for name in re.sub(r"(?<![\w\s])\s*\.\.\.", "__VA_ARGS__", match[3]).replace("...", "").split(",")
        if name.strip()
    ]
    operator = rf"\s*(?:{'|'.join(names)})\b" if names else r"(?!)"
    body = re.sub(rf"(?<!#)#(?!#|{operator})", HASH, match[4])
    return match[1] + match[2] + _escaped(body)


def _escaped(text: str) -> str:
    """The text with backslashes outside of string literals spelled otherwise."""
    return _SKIP.sub(lambda match: match[0].replace("\\", "\0"), text).replace("\\", BACKSLASH).replace("\0", "\\")


def _depth(line: str) -> int:
    bare = _SKIP.sub("", line)
    return bare.count("(") - bare.count(")")


def _balanced(line: str, lines: Iterator[tuple[int, str]]) -> tuple[str, int]:
    """The line with those that follow until its parentheses close, and how many those are."""
    taken = 0
    depth = _depth(line)
    while depth > 0 and taken < LONGEST:
        following = next(lines, None)
        if following is None:
            break
        taken += 1
        more, again = _continued(following[1], lines)
        taken += again
        if _DIRECTIVE.match(more):
            more = ""
        line += " " + more
        depth += _depth(more)
    return line, taken


def _disguised(line: str) -> str:
    """The line as arguments of a macro: parentheses that do not pair are taken out, they would end it too early."""
    depth, result, last = 0, [], 0
    bare = _SKIP.sub(lambda match: "_" * len(match[0]), line)
    for at, char in enumerate(bare):
        if char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth < 0:
                result.append(line[last:at] + BACKSLASH)
                last, depth = at + 1, 0
    return _escaped("".join(result) + line[last:] + ")" * depth)
