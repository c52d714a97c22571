"""Conditional compilation: under which conditions a place in a file is read, and which macros would bring it about.

`wants` answers with macros to define and macros that must stay undefined, or None where no choice of macros is known
to do. Expressions are understood as far as configuration uses them: names, `defined`, numbers, comparisons, `!`, `&&`,
`||`, and one-argument macros such as `IS_ENABLED(X)`. It does not know what is defined already.
"""

from __future__ import annotations

import re
from dataclasses import field

from barrierlint.frozen import dataclass
from barrierlint.source.guessing import ranking

_DIRECTIVE = re.compile(
    rb"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else|endif)\b((?:\\\r?\n|/\*.*?\*/|[^\n])*)", re.MULTILINE | re.DOTALL
)
_GUARD = re.compile(rb"\s*#[ \t]*define[ \t]+(\w+)")
_COMMENT = re.compile(r"/\*.*?\*/|//.*", re.DOTALL)
_TOKEN = re.compile(r"\s*(&&|\|\||[=!<>]=|[!<>()+\-,]|0[xX][0-9a-fA-F]+|\d+|[A-Za-z_]\w*|.)")
_COMPILER = re.compile(
    r"__\w+_(?:TYPE|MAX|WIDTH)__|__(?:GNUC|clang|ASSEMBL|cplusplus|STDC|has_|aarch64__|AARCH64EL__|LP64|SIZEOF|CHAR_BIT|BYTE_ORDER|LITTLE_END|OPTIMIZE"
    r"|SANITIZE|INTELLISENSE|CHECKER|GCC|ICC|ARM_ARCH|ARM_FEATURE|ARM_64BIT).*|_MSC_VER|_WIN32|_WIN64|LINKER|LANGUAGE_ASSEMBLY"
    r"|ASSEMBLER|_LP64|__ASSEMBLY__|_ASMLANGUAGE|LOCORE|DOXYGEN|__DOXYGEN__|ASM_FILE|ASSEMBLY|_ASM|__ASM__"
)
_ASSEMBLY = re.compile(r"\b(?:__ASSEMBLER__|__ASSEMBLY__|ASSEMBLY|LOCORE|_ASMLANGUAGE|ASM_FILE|_ASM|__ASM__)\b")
_ELSEWHERE = re.compile(r"_*(?:CONFIG_|ARCH_|CFG_|MDE_CPU_)?(\w+?)_*")


@dataclass(frozen=True, slots=True)
class Branch:
    """One arm of a conditional that holds a place: its condition, and those of the arms before it, which must fail."""

    own: str
    before: tuple[str, ...] = ()


@dataclass(slots=True)
class Wants:
    """Macros to define, with a value, and macros that must not be defined."""

    define: dict[str, str] = field(default_factory=dict)
    leave: set[str] = field(default_factory=set)

    def join(self, other: Wants | None) -> Wants | None:
        """Return both, None where they contradict each other."""
        if other is None:
            return None
        both = Wants({**self.define, **other.define}, self.leave | other.leave)
        clash = any(other.define.get(name, value) != value for name, value in self.define.items())
        return None if clash or both.leave & both.define.keys() else both


def around(text: bytes, offset: int) -> list[Branch]:
    """Return the conditional arms that hold `offset`, the outermost first; include guards are left out."""
    stack: list[list[str]] = []
    for found in _DIRECTIVE.finditer(text, 0):
        if found.start() >= offset:
            break
        word, rest = found[1].decode(), _condition(found)
        if word in ("if", "ifdef", "ifndef"):
            stack.append([rest if not _is_guard(text, found) else "1"])
        elif stack and word in ("elif", "else"):
            stack[-1].append(rest if word == "elif" else "1")
        elif stack and word == "endif":
            stack.pop()
    return [Branch(arms[-1], tuple(arms[:-1])) for arms in stack]


def arms(text: bytes, offset: int) -> tuple[str, ...]:
    """Return the conditions of the arms before the one that holds `offset`, in its innermost conditional."""
    found = around(text, offset)
    return (*found[-1].before, found[-1].own) if found else ()


def tested(text: bytes) -> list[str]:
    """Return the macros that conditions of `text` ask for, in order.

    Its include guard, the compiler's own macros, and those that stand for another architecture are left out.
    """
    names: dict[str, None] = {}
    for found in _DIRECTIVE.finditer(text):
        word = found[1].decode()
        if word in ("if", "ifdef", "ifndef", "elif") and not _is_bare_guard(text, found):
            names.update(dict.fromkeys(re.findall(r"\b[A-Za-z_]\w*(?!\w|\s*\()", _condition(found))))
    return [name for name in names if name != "defined" and not _COMPILER.fullmatch(name) and not elsewhere(name)]


def _condition(found: re.Match[bytes]) -> str:
    rest = _COMMENT.sub(" ", found[2].replace(b"\\\r\n", b" ").replace(b"\\\n", b" ").decode("latin-1")).strip()
    if found[1] == b"ifdef":
        return f"defined({rest.split()[0] if rest else ''})"
    return f"!defined({rest.split()[0] if rest else ''})" if found[1] == b"ifndef" else rest


def _is_guard(text: bytes, found: re.Match[bytes]) -> bool:
    """Whether this is `#ifndef X` (or `#if !defined(X)`) followed by `#define X`."""
    following = _GUARD.match(text, found.end())
    return following is not None and following[1] in found[2] and (found[1] == b"ifndef" or b"!" in found[2])


def _is_bare_guard(text: bytes, found: re.Match[bytes]) -> bool:
    """Whether this guards a file, and does not give a macro its default value."""
    following = _GUARD.match(text, found.end())
    bare = following is not None and not text[following.end() : following.end() + 80].partition(b"\n")[0].strip()
    return bare and _is_guard(text, found)


def for_assembly(branches: list[Branch]) -> list[Branch]:
    """Return `branches` without what tells assembly from C: it holds."""
    outer = [Branch("1" if _ASSEMBLY.search(one.own) else one.own, one.before) for one in branches]
    return [Branch(one.own, tuple(other for other in one.before if not _ASSEMBLY.search(other))) for one in outer]


def wants(branches: list[Branch]) -> Wants | None:
    """Return what makes all of `branches` be read."""
    total: Wants | None = Wants()
    for branch in branches:
        for condition, truth in (*((one, False) for one in branch.before), (branch.own, True)):
            total = total.join(solve(condition, truth)) if total is not None else None
    return total


def solve(condition: str, truth: bool) -> Wants | None:
    """Return what makes `condition` true, or false; None where it is not known how."""
    parser = _Parser([word for word in _TOKEN.findall(condition) if word.strip()])
    try:
        tree = parser.either()
    except (IndexError, ValueError):
        return Wants() if not truth else None
    return _solve(tree, truth) if parser.at == len(parser.words) else (None if truth else Wants())


_Tree = tuple[str, object, object]


class _Parser:
    """Recursive descent over the words of a condition; trees are (operator, left, right)."""

    def __init__(self, words: list[str]) -> None:
        self.words, self.at = words, 0

    def peek(self) -> str:
        return self.words[self.at] if self.at < len(self.words) else ""

    def take(self, word: str = "") -> str:
        found = self.words[self.at]
        if word and found != word:
            raise ValueError(found)
        self.at += 1
        return found

    def either(self) -> _Tree:
        left = self.both()
        while self.peek() == "||":
            self.take()
            left = ("||", left, self.both())
        return left

    def both(self) -> _Tree:
        left = self.compared()
        while self.peek() == "&&":
            self.take()
            left = ("&&", left, self.compared())
        return left

    def compared(self) -> _Tree:
        left = self.single()
        if self.peek() in ("==", "!=", "<", ">", "<=", ">="):
            return (self.take(), left, self.single())
        return left

    def single(self) -> _Tree:
        word = self.take()
        if word == "!":
            return ("!", self.single(), None)
        if word == "(":
            inner = self.either()
            self.take(")")
            return inner
        if word == "defined":
            bracket = self.peek() == "("
            name = self.take() if not bracket else self.words[self.at + 1]
            if bracket:
                self.at += 1
                self.take(name)
                self.take(")")
            return ("name", name, "defined")
        if word[0].isdigit():
            while self.peek() in ("u", "U", "UL", "ul", "L", "ULL"):
                self.take()
            return ("number", int(word, 0), None)
        if not re.fullmatch(r"\w+", word):
            raise ValueError(word)
        if self.peek() != "(":
            return ("name", word, "value")
        self.take("(")
        argument = self.take()
        self.take(")")
        return ("name", argument, "value")


def _solve(tree: _Tree, truth: bool) -> Wants | None:
    operator, left, right = tree
    if operator == "!":
        return _solve(_tree(left), not truth)
    if operator in ("&&", "||"):
        if (operator == "&&") == truth:
            one, other = _solve(_tree(left), truth), _solve(_tree(right), truth)
            return one.join(other) if one is not None else None
        choices = [found for found in (_solve(_tree(left), truth), _solve(_tree(right), truth)) if found is not None]
        return min(choices, key=cost, default=None)
    if operator == "number":
        return Wants() if bool(left) == truth else None
    if operator == "name":
        return _name(str(left), truth)
    return _comparison(operator, _tree(left), _tree(right), truth)


def _tree(part: object) -> _Tree:
    assert isinstance(part, tuple)
    return part[0], part[1], part[2]


def _name(name: str, truth: bool) -> Wants | None:
    if _COMPILER.fullmatch(name):
        held = name.startswith(
            ("__GNUC", "__clang", "__aarch64", "__AARCH64", "__LP64", "_LP64", "__STDC", "__ARM_ARCH")
        )
        return Wants() if held == truth or name.startswith("__has_") else None
    if truth and elsewhere(name):
        return None
    return Wants({name: "1"}) if truth else Wants(leave={name})


def elsewhere(name: str) -> bool:
    """Whether a macro's name stands for another architecture, such as `CONFIG_X86_64`."""
    return _architecture(name) == 3


def _architecture(name: str) -> int:
    core = _ELSEWHERE.fullmatch(name)
    return ranking.architecture(core[1].lower() if core else "")


def _comparison(operator: str, left: _Tree, right: _Tree, truth: bool) -> Wants | None:
    if not truth:
        operator = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}[operator]
    if left[0] == "number":
        operator = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(operator, operator)
        left, right = right, left
    if left[0] != "name" or right[0] not in ("number", "name"):
        return None if operator in ("==", ">", ">=") else Wants()
    name = str(left[1])
    if _COMPILER.fullmatch(name):
        return Wants()
    if right[0] == "name":
        return Wants({name: str(right[1])}) if operator == "==" else Wants()
    value = int(str(right[1]))
    if operator == "!=":
        return Wants({name: "1"}) if value == 0 else Wants()
    if operator in ("<", "<="):
        return Wants()
    return Wants({name: str(value + (operator == ">"))})


def cost(found: Wants) -> tuple[bool, int, int]:
    """AArch64's own alternative first, then the one that asks for least."""
    own = any(_architecture(name) == 0 or value == "64" for name, value in found.define.items())
    odd = sum("BIG_ENDIAN" in name or value == "32" for name, value in found.define.items())
    return (not own, odd, len(found.define) + len(found.leave))
