"""What could cure an error: a macro that hides a name, a macro or header of the tree that defines it, else a stand-in.

Each name is proposed for once in each way. Whether a proposal helps is for the next parse to say. It does not parse.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from barrierlint.source.guessing import build, conditions, definitions
from barrierlint.source.guessing.definitions import Definition, Kind
from barrierlint.source.guessing.diagnosis import Diagnosis, Ill, Problem
from barrierlint.source.guessing.guess import Guess, Macro
from barrierlint.source.guessing.ranking import aside, architecture
from barrierlint.source.guessing.tree import Tree

CANDIDATES = 30
_WORD = re.compile(rb"[A-Za-z_]\w*")
_CONSTANT = re.compile(r"_*[A-Z][A-Z0-9_]*")
_WIDTH = re.compile(r"SHIFT|BITS?(?:_|$)|WIDTH|SIZE|MASK|BASE|ADDR|OFFSET|START|END|LEVEL|ORDER|GRANULE|PFN|_VA|_PA")
_USUAL = (
    (re.compile(r"(?:PAGE|GRANULE)_?(?:SIZE_)?SHIFT$"), "12"),
    (re.compile(r"(?:PAGE|GRANULE)_?SIZE$"), "4096"),
    (re.compile(r"(?:VA|PA|VIRT|PHYS|VIRTUAL|PHYSICAL|ADDR)\w*_(?:BITS|WIDTH)$"), "48"),
    (re.compile(r"PG\w*_LEVELS$"), "4"),
)
_KNOWN = {
    **{f"{sign}{bits}": f"typedef {word} {kind} {sign}{bits};" for sign, word in (("u", "unsigned"), ("s", "signed"))
       for bits, kind in ((8, "char"), (16, "short"), (32, "int"), (64, "long"))},
    "bool_t": "typedef _Bool bool_t;",
    "uint": "typedef unsigned int uint;",
    "ulong": "typedef unsigned long ulong;",
    "ushort": "typedef unsigned short ushort;",
    "uchar": "typedef unsigned char uchar;",
    "bool": "typedef _Bool bool;",
}


_STANDARD = {
    **dict.fromkeys(("size_t", "ptrdiff_t", "NULL", "offsetof", "wchar_t"), "stddef.h"),
    **dict.fromkeys(("bool", "true", "false"), "stdbool.h"),
    **dict.fromkeys(("va_list", "va_start", "va_end", "va_arg"), "stdarg.h"),
    **{f"{sign}int{bits}_t": "stdint.h" for sign in ("u", "") for bits in (8, 16, 32, 64, "ptr", "max")},
    **dict.fromkeys(("CHAR_BIT", "INT_MAX", "UINT_MAX", "LONG_MAX", "ULONG_MAX", "INT_MIN"), "limits.h"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to try: macros to define or take back, a header to force, a line to declare.

    `defines` where its macro is copied from a header. `decides` where it is worth keeping though no error goes away by it.
    """

    macros: tuple[Macro, ...] = ()
    without: frozenset[str] = frozenset()
    header: str = ""
    declaration: str = ""
    why: str = ""
    defines: bool = False
    decides: bool = False

    def made(self, guess: Guess) -> Guess:
        """Return `guess` with this change."""
        macros = {name: one for name, one in guess.macros.items() if name not in self.without}
        macros.update({one.name: one for one in self.macros})
        forced, declarations = dict(guess.forced), dict(guess.declarations)
        if self.header:
            forced.setdefault(self.header, self.why)
        if self.declaration:
            declarations.setdefault(self.declaration, self.why)
        return replace(guess, macros=macros, forced=forced, declarations=declarations)


@dataclass(slots=True)
class Proposer:
    """Proposes changes for the errors of one file."""

    tree: Tree
    near: str
    file: str
    asked: dict[str, int] = field(default_factory=dict)
    hidden: dict[str, int] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)
    _values: dict[str, tuple[str, str]] = field(default_factory=dict)

    def revealing(self, seen: Diagnosis, guess: Guess) -> list[Change]:
        """Return macros that make what is missing be read in files that are included already."""
        included = self._included(seen)
        found: dict[str, Change] = {}
        for name, ill, problem in self._names(seen):
            if name in found or self.hidden.get(name, 0) >= 4:
                continue
            self.hidden[name] = self.hidden.get(name, 0) + 1
            if ill is Ill.STATED:
                change = self._satisfied(problem, guess)
            else:
                change = self._revealed(name, ill, guess, included) if ":" not in name else None
            if change is not None:
                found[name] = change
        return list(dict.fromkeys(found.values()))

    def from_tree(self, seen: Diagnosis, guess: Guess) -> list[Change]:
        """Return changes that the tree itself suggests."""
        included = self._included(seen)
        found: dict[str, Change] = {}
        for name, ill, problem in self._names(seen):
            turn = self.asked.get(name, 0)
            if name in found or turn >= 3:
                continue
            self.asked[name] = turn + 1
            change = self._proposed(name, ill, problem, guess, included, turn)
            if change is not None:
                found[name] = change
        return list(dict.fromkeys(self._gathered(found, guess, set(included)).values()))

    def _gathered(self, found: dict[str, Change], guess: Guess, included: set[str]) -> dict[str, Change]:
        """Where several macros come from one header that was not read, the header instead of them; once."""
        homes: dict[str, list[str]] = {}
        for name, change in found.items():
            path = change.macros[0].where.rpartition(":")[0] if len(change.macros) == 1 and change.defines else ""
            if path and path not in included and path not in guess.forced and path not in self.tried:
                homes.setdefault(path, []).append(name)
        gathered = dict(found)
        for path, names in homes.items():
            if len(names) > 1:
                self.tried.add(path)
                why = f"defines {', '.join(names[:3])}" + (f" and {len(names) - 3} more" if names[3:] else "")
                for name in names:
                    self.asked[name] -= 1
                    gathered[name] = Change(header=path, why=why)
        return gathered

    def from_nowhere(self, seen: Diagnosis, guess: Guess) -> list[Change]:
        """Return stand-ins for names that the tree does not define."""
        found = []
        for name, ill, _problem in self._names(seen):
            if self.asked.get(name, 0) < 10:
                self.asked[name] = 10
                found += self._stand_ins(name, ill, guess)
        return found

    def _included(self, seen: Diagnosis) -> list[str]:
        paths = [self.tree.relative(path) for path in seen.included]
        return [path for path in paths if path is not None and os.path.isfile(self.tree.absolute(path))]

    def _names(self, seen: Diagnosis) -> Iterator[tuple[str, Ill, Problem]]:
        """The names that errors are about; of errors of syntax the words of the line that could be macros."""
        for problem in seen.problems:
            if problem.ill is Ill.HEADER:
                continue
            if problem.ill in (Ill.SYNTAX, Ill.STATED):
                yield f"{problem.path}:{problem.line}", problem.ill, problem
            else:
                yield problem.name, problem.ill, problem
        for problem in seen.problems:
            if problem.ill is Ill.SYNTAX:
                yield from ((word, Ill.SYNTAX, problem) for word in self._words(problem))

    def _words(self, problem: Problem) -> list[str]:
        path = self.tree.relative(problem.path) if problem.path else None
        text = self.tree.text(path) if path else b""
        start = text.rfind(b"\n", 0, problem.offset) + 1
        line = text[start : (text.find(b"\n", problem.offset) + 1) or len(text)]
        return [word.decode() for word in _WORD.findall(line) if word.startswith(b"_") or word.isupper() or b"_" in word]

    def _proposed(
        self, name: str, ill: Ill, problem: Problem, guess: Guess, included: list[str], turn: int
    ) -> Change | None:
        if ill is Ill.STATED:
            return self._satisfied(problem, guess)
        if ":" in name:
            return None
        return self._revealed(name, ill, guess, included) or self._brought(name, ill, guess, set(included), turn)

    # --- conditions ------------------------------------------------------------------------------------------------

    def _satisfied(self, problem: Problem, guess: Guess) -> Change | None:
        """What keeps an `#error` from being read: another arm of the conditional that it is in."""
        path = self.tree.relative(problem.path) if problem.path else None
        text = self.tree.text(path) if path else b""
        arms = conditions.arms(text, problem.offset)
        outer = conditions.around(text, problem.offset)
        if not arms or not outer:
            return None
        choices = [conditions.solve(one, True) for one in arms[:-1]] or [conditions.solve(arms[-1], False)]
        choices += [conditions.solve(arms[-1], False)] if arms[-1] != "1" else []
        for choice in sorted((one for one in choices if one is not None), key=conditions.cost):
            change = self._change(choice, guess, f"{path}:{problem.line} asks for it")
            if change is not None:
                return change
        return None

    def _revealed(self, name: str, ill: Ill, guess: Guess, included: list[str]) -> Change | None:
        """Macros that make a definition be read in a file that is included already."""
        for path in included:
            text = self.tree.text(path)
            for offset in _offsets(text, name, ill):
                wanted = conditions.wants(conditions.around(text, offset))
                line = text.count(b"\n", 0, offset) + 1
                change = self._change(wanted, guess, f"{path}:{line} defines {name} under it")
                if change is not None:
                    return change
        return None

    def _change(self, wanted: conditions.Wants | None, guess: Guess, why: str) -> Change | None:
        """The change that fulfils `wanted`, None if there is none to make."""
        if wanted is None:
            return None
        without = frozenset(name for name in wanted.leave if name in guess.macros)
        fresh = {name: value for name, value in wanted.define.items() if name not in guess.macros}
        if not fresh and not without:
            return None
        return Change(tuple(self._macro(name, value, why) for name, value in fresh.items()), without, decides=False)

    def _macro(self, name: str, value: str, why: str) -> Macro:
        """A macro that a condition asks for: as the tree's configuration has it, where that is not false."""
        found, where = self._value(name)
        if value == "1" and found not in ("", "0", "n"):
            return Macro(name, found, None, f"{where}; {why}")
        usual = _usual(name)
        return Macro(name, usual if value == "1" and usual else value, None, why)

    def _value(self, name: str) -> tuple[str, str]:
        """The value that makefiles give `name`, and where; ("", "") if none does."""
        if name not in self._values:
            found, where = build.value(self.tree, self.near, name)
            self._values[name] = ("1" if found == "y" else found, where)
        return self._values[name]

    # --- definitions -----------------------------------------------------------------------------------------------

    def _brought(self, name: str, ill: Ill, guess: Guess, included: set[str], turn: int) -> Change | None:
        """The tree's own definition: of a macro itself, of all else the header that has it."""
        skipped = turn
        for path, definition in self._defined(name, ill):
            if path in included and definition.kind is not Kind.MACRO:
                continue
            if path in guess.forced:
                continue
            if skipped:
                skipped -= 1
                continue
            line = self.tree.text(path).count(b"\n", 0, definition.offset) + 1
            if definition.kind is Kind.MACRO and name not in guess.macros:
                return Change((Macro(name, definition.body, definition.parameters, f"{path}:{line}"),), defines=True)
            if definition.kind is not Kind.MACRO:
                wanted = conditions.wants(conditions.around(self.tree.text(path), definition.offset))
                why = f"{path}:{line} declares {name}"
                more = self._change(wanted, guess, why)
                return Change(more.macros if more else (), more.without if more else frozenset(), path, "", why)
        return None

    def _defined(self, name: str, ill: Ill) -> Iterator[tuple[str, Definition]]:
        """The headers that define `name`, the best first: those of other architectures and tests are left out."""
        weaker = []
        for number, path in enumerate(self.tree.holding(name, self.near)):
            folder = os.path.dirname(path)
            if number >= CANDIDATES * 10 or architecture(folder) == 3 or aside(folder) > aside(self.near):
                break
            found = definitions.find(self.tree.text(path), name)
            if found is None or not _suits(found, ill):
                continue
            if _renames(found, ill):
                weaker.append((path, found))
            else:
                yield path, found
        if name not in _STANDARD:
            yield from weaker

    # --- stand-ins ---------------------------------------------------------------------------------------------------

    def _stand_ins(self, name: str, ill: Ill, guess: Guess) -> list[Change]:
        if name in _STANDARD:
            return [Change(header=f"<{_STANDARD[name]}>", why=f"defines {name}")]
        if ill is Ill.TYPE:
            if name.startswith("__") and name.islower():
                return [Change((Macro(name, "", None, "no definition found: taken for an attribute"),))]
            return [Change(declaration=_KNOWN.get(name, f"typedef unsigned long {name};"), why="no definition found")]
        cxx = not self.file.endswith(".c")
        if ill is Ill.MACRO:
            return [Change((Macro(name, "0", "(...)", "no definition found"),))]
        if ill is Ill.CALL:
            line = f'extern "C" unsigned long {name}(...);' if cxx else f"unsigned long {name}();"
            return [Change(declaration=line, why="no declaration found")]
        if ill is Ill.NAME:
            value, where = self._value(name)
            if definitions.number(value) is not None:
                return [Change((Macro(name, value, None, where),))]
            if _usual(name):
                return [Change((Macro(name, _usual(name), None, "no value found: the usual one"),))]
            if _CONSTANT.fullmatch(name) and not _WIDTH.search(name):
                return [Change((Macro(name, "1", None, "no value found"),))]
            return [Change(declaration=f"extern unsigned long {name};", why="no declaration found: of unknown value")]
        if ill is Ill.SYNTAX and name.startswith("__") and ":" not in name and name.islower():
            return [Change((Macro(name, "", None, "no definition found: taken for an attribute"),))]
        return []


def _usual(name: str) -> str:
    """The usual value of what configures translation: pages of 4 KB, addresses of 48 bits; "" for all else."""
    return next((value for pattern, value in _USUAL if pattern.search(name)), "")


def _renames(found: Definition, ill: Ill) -> bool:
    """Whether a macro only gives a function or type another name: a shim's, most likely."""
    return found.kind is Kind.MACRO and found.parameters is None and ill in (Ill.CALL, Ill.TYPE) and found.body != ""


def _offsets(text: bytes, name: str, ill: Ill) -> Iterator[int]:
    """Where `text` defines `name`, under whatever condition."""
    if name.encode() not in text:
        return
    if ill is Ill.MEMBER:
        member = re.compile(rb"[\s*]" + re.escape(name.encode()) + rb"\s*(?:\[[^\]]*\]\s*)*(?::\s*\w+\s*)?[;,]")
        yield from (found.start() for found in member.finditer(text))
        return
    yield from (one.offset for one in definitions.every(text, name) if _suits(one, ill))


def _suits(found: Definition, ill: Ill) -> bool:
    """Whether a definition is of a kind that cures an error of kind `ill`."""
    if ill in (Ill.SYNTAX, Ill.MACRO):
        return found.kind is Kind.MACRO and (ill is Ill.SYNTAX or found.parameters is not None)
    if ill is Ill.CALL:
        return found.kind in (Kind.FUNCTION, Kind.VARIABLE, Kind.MACRO)
    if ill in (Ill.TYPE, Ill.TAG):
        return found.kind in (Kind.TYPE, Kind.MACRO)
    return True


def pruned(tree: Tree, guess: Guess, seen: Diagnosis) -> Guess:
    """Return `guess` without macros that no file read mentions."""
    texts = [tree.text(path) for path in (tree.relative(one) for one in seen.included) if path]
    bodies = " ".join(one.value for one in guess.macros.values())
    kept = {
        name: one
        for name, one in guess.macros.items()
        if name in bodies or any(name.encode() in text for text in texts)
    }
    return replace(guess, macros=kept)


__all__ = ["Change", "Proposer", "build", "pruned"]
