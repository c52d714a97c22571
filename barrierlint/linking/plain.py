"""A C or C++ text taken to pieces without preprocessing it: what it includes and defines, its names and operators.

All branches of conditionals count. Comments and the contents of strings are left out, provided that quotes pair up as
they do in compiled code. `is_plain` is False where a text holds what pieces cannot tell the meaning of. What it does
not model: macros' arguments.
"""

from __future__ import annotations

import re

from barrierlint.frozen import dataclass

SMALL = 4096
"""Numbers below are no mask of a page's address: they have bits below 12 set, or none."""

_SPLICE = re.compile(r"\\[ \t]*\r?\n")
_PIECE = re.compile(
    r"(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<string>\"(?:[^\"\\\n]|\\.)*\")|(?P<char>'(?:[^'\\\n]|\\.)+')"
    r"|(?P<odd>[\"']|/\*|\?\?|%:)|(?P<raw>\bu?8?[LU]?R(?=\"))|(?P<prefix>\b(?:u8|[uUL])(?=['\"]))",
    re.DOTALL,
)
_DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(\w+)[ \t]*([^\n]*)$", re.MULTILINE)
_INCLUDE = re.compile(r'"([^"\n]+)"|<([^>\n]+)>')
_MACRO = re.compile(r"([A-Za-z_]\w*)(?!\()(?:[ \t]+([^\n]*))?$")
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")
_NUMBER = r"(?:0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)[uUlLzZ]*"
_SMALL = re.compile(rf"[\s(]*(~?)[\s(]*({_NUMBER})(?:[\s)]*<<[\s(]*(\d)[uUlL]*)?[\s)]*")
_MASK = re.compile(
    rf"&=?\s*(?:(?P<number>[\s(]*~?[\s(]*{_NUMBER}(?![\w.']))|(?P<name>\(?[A-Za-z_]\w*))?"
    r"(?P<after>[\s)]*[^\s)]{0,2})"
)
_UNARY = re.compile(
    r"(?:[=(,\[{?:;!&|<~]|(?<!\+)\+|(?<!-)-|\breturn|\bcase|(?:\breturn\s*|[^\w\s)\]]\s*)\(\s*[A-Za-z_][\w\s]*\*+\s*\))$"
)
"""What an `&` that takes an address stands behind; a cast is no call."""
_BEHIND = 200
_LOOSER = r"(?:[\])};,?:|&^#]|==|!=|<(?!<)|>(?!>)|$)"
_FREE, _NESTED = re.compile(rf"\s*{_LOOSER}"), re.compile(rf"[\s)]*{_LOOSER}")
"""What stands behind an operand that no operator binds tighter than `&` does; of one in brackets, behind those."""
_LABEL = re.compile(r"\s*(?:\w*|case\b.*|default\b.*)|.*\b(?:class|struct)\s+\w+\s*", re.DOTALL)
_COLON = re.compile(r"(?<!:):(?!:)")
_LINE = re.compile(r"^[ \t]*#[^\n]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Text:
    """What a text is made of: includes as (name, whether it was in quotes), macros without parameters as (name, value),
    and `masks`: what stands on the right of each `&` that may be binary, where that is no small number: a name, or ""
    for anything else. `tests`: names that conditionals test.
    """

    is_plain: bool
    includes: tuple[tuple[str, bool], ...] = ()
    macros: tuple[tuple[str, str], ...] = ()
    identifiers: frozenset[str] = frozenset()
    operators: frozenset[str] = frozenset()
    masks: frozenset[str] = frozenset()
    tests: frozenset[str] = frozenset()


def text(given: str, path: str) -> Text:
    """Take the text of `path` to pieces."""
    code = _without_comments(_SPLICE.sub("", given))
    if code is None or "barrierlint" in given:  # a comment that speaks to us wants an answer
        return Text(False)
    includes: list[tuple[str, bool]] = []
    macros: list[tuple[str, str]] = []
    tests: set[str] = set()
    for word, rest in _DIRECTIVE.findall(code):
        if word.startswith(("include", "import", "embed")):
            found = _INCLUDE.match(rest)
            if found is None or not word.startswith("include"):
                return Text(False)
            includes.append((found[1] or found[2], bool(found[1])))
        elif word == "define" and (macro := _MACRO.match(rest)) is not None:
            macros.append((macro[1], (macro[2] or "").strip()))
        elif word.startswith(("if", "elif")):
            tests.update(_IDENTIFIER.findall(rest))
    bare = _STRING.sub('""', _INCLUDED.sub("\n", code))
    if "##" in _PASTED_COMMA.sub(",", bare) or _has_bit_fields(bare) or _is_evidently_wrong(bare):
        return Text(False)
    operators = frozenset(_OPERATOR.findall(bare))
    names = frozenset(_IDENTIFIER.findall(bare))
    return Text(True, tuple(includes), tuple(macros), names, operators, frozenset(_masks(bare)), frozenset(tests))


_STRING = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)+'", re.DOTALL)
_INCLUDED = re.compile(r"^[ \t]*#[ \t]*(?:include|error|warning)[^\n]*$", re.MULTILINE)
_PASTED_COMMA = re.compile(r",[ \t]*##[ \t]*__VA_ARGS__")
_OPERATOR = re.compile(r">>|[%/]")


def _without_comments(code: str) -> str | None:
    """`code` with a blank for each comment, None where quotes do not pair up, or a text is to be taken as it stands."""
    kept: list[str] = []
    end = 0
    for found in _PIECE.finditer(code):
        kind = found.lastgroup
        if kind in ("odd", "raw"):
            return None
        if kind == "comment":
            kept += (code[end : found.start()], "\n" if "\n" in found[0] else " ")
            end = found.end()
    return "".join((*kept, code[end:]))


_DANGLING = re.compile(r"(?<![-+])[-+/%|^=<!]\s*[;)\]]")


_DEEP, _LONG = 200, 10_000


def _is_evidently_wrong(bare: str) -> bool:
    """Whether brackets do not pair up, operators have no operand, or no compiler may get to the end: that is to be
    told.
    """
    if _DANGLING.search(bare) is not None or any(len(line) > _LONG for line in bare.splitlines()):
        return True
    waiting: list[str] = []
    pairs = {")": "(", "]": "[", "}": "{"}
    for one in re.findall(r"[()\[\]{}]", bare):
        if one in pairs:
            if not waiting or waiting.pop() != pairs[one]:
                return True
        else:
            waiting.append(one)
        if len(waiting) > _DEEP:
            return True
    return bool(waiting)


def _has_bit_fields(bare: str) -> bool:
    """Whether a colon may declare a bit-field: it is not `?`'s, nor behind a label or before a class's bases."""
    if any(len(_COLON.findall(line)) > line.count("?") for line in _LINE.findall(bare)):
        return True
    code = _LINE.sub("", bare)
    for found in _COLON.finditer(code):
        at = found.start()
        before = code[max(code.rfind(mark, 0, at) for mark in ";{}") + 1 : at]
        colons = len(_COLON.findall(before))
        if before.count("?") <= colons and _LABEL.fullmatch(before) is None:
            return True
    return False


def _masks(bare: str) -> list[str]:
    """What stands on the right of each `&` that may be binary, where that is no small number."""
    found: list[str] = []
    for one in re.finditer(r"(?<!&)&(?!&)", bare):
        at = one.start()
        before = bare[max(0, at - _BEHIND) : at].rstrip()
        if not bare.startswith("&=", at) and (_UNARY.search(before) is not None or (not before and at < _BEHIND)):
            continue
        mask = _MASK.match(bare, at)
        operand = (mask["number"] or mask["name"] or "") if mask is not None else ""
        loose = _NESTED if "(" in operand else _FREE
        if mask is None or not operand or loose.match(mask["after"]) is None:
            found.append("")
        elif mask["name"]:
            found.append(operand.removeprefix("("))
        elif not is_small(operand.replace("(", "")):
            found.append("")
    return found


def is_small(value: str) -> bool:
    """Whether a value is a number that is no mask of a page's address: below 4096, or the complement of one that has
    not all bits below 12 set.
    """
    found = _SMALL.fullmatch(value)
    if found is None:
        return False
    digits = found[2].rstrip("uUlLzZ")
    octal = digits.startswith("0") and digits.isdecimal()
    number = int(digits, 8) if octal and not set(digits) & {"8", "9"} else int(digits, 0) if not octal else SMALL
    number <<= int(found[3] or 0)
    return number < SMALL - 1 if found[1] else number < SMALL
