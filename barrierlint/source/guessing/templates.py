"""Headers that a build makes from templates of the tree: musl's list of types, `bits/alltypes.h`.

Its lines `TYPEDEF type name;`, `STRUCT name {…};` and `UNION name {…};` each become a definition for who asks for it
(`__NEED_name`), by a sed script that the template holds itself or comes with. Nothing is run: the lines are read. What
it does not model: templates of another form, and lists in several files.
"""

from __future__ import annotations

import re

ENDINGS = (".in", ".sh")
_LISTED = re.compile(r"(TYPEDEF|STRUCT|UNION)\s+(.*);\s*$")
_PLAIN = re.compile(r"#\s*(?:define|undef|if|ifdef|ifndef|elif|else|endif)\b|typedef\b")
_NAMES = {"STRUCT": "struct", "UNION": "union"}


def is_template(text: str) -> bool:
    """Whether a file lists types so."""
    return any(_LISTED.match(line) for line in text.splitlines())


def expanded(text: str) -> str:
    """Return the header that is made of a template."""
    return "".join(f"{made}\n" for line in text.splitlines() if (made := _line(line)))


def _line(line: str) -> str:
    listed = _LISTED.match(line)
    if listed is None:
        return line if _PLAIN.match(line) and "\\" not in line else ""
    kind, rest = listed.groups()
    if kind == "TYPEDEF":
        name, definition = rest.split()[-1], f"typedef {rest};"
    else:
        tag = rest.split()[0]
        name, definition = f"{_NAMES[kind]}_{tag}", f"{_NAMES[kind]} {rest};"
    asked = f"#if defined(__NEED_{name}) && !defined(__DEFINED_{name})"
    return f"{asked}\n{definition}\n#define __DEFINED_{name}\n#endif"
