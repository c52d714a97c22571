"""What could cure an error: a macro that hides a name, a macro or header of the tree that defines it, else a stand-in.

Each name is proposed for a few times only, in another way each time. Whether a proposal helps is for the next parse to
say. It does not parse.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from barrierlint.source.guessing import build, conditions, definitions, kconfig, standins
from barrierlint.source.guessing.changes import Change
from barrierlint.source.guessing.definitions import Definition, Kind
from barrierlint.source.guessing.diagnosis import Diagnosis, Ill, Problem
from barrierlint.source.guessing.guess import Guess, Macro
from barrierlint.source.guessing.ranking import architecture, aside
from barrierlint.source.guessing.statements import DEFINED
from barrierlint.source.guessing.tree import Tree

HEADERS = 300
"""Headers that are looked into for the definition of one name."""

TURNS, HIDDEN = 3, 4
"""How often a name is proposed for: by definitions, by conditions."""

_BY_CONDITIONS = (Ill.STATED, Ill.STATEMENT, Ill.TWICE)
"""What no definition cures."""

_WORD = re.compile(rb"[A-Za-z_]\w*")


@dataclass(slots=True)
class Proposer:
    """Proposes changes for the errors of one file."""

    tree: Tree
    near: str
    file: str
    cxx: bool
    _turns: dict[str, int] = field(default_factory=dict)
    _hidden: dict[str, int] = field(default_factory=dict)
    _stood: set[str] = field(default_factory=set)
    _tried: set[str] = field(default_factory=set)

    def revealing(self, seen: Diagnosis, guess: Guess) -> list[Change]:
        """Return macros that make what is missing be read in files that are included already."""
        included = self._included(seen)
        found: dict[str, Change] = {}
        for name, ill, problem in _names(seen, self._words):
            key = f"{problem.path}:{problem.line}" if ill is Ill.STATED else name
            if key in found or self._hidden.get(key, 0) >= HIDDEN:
                continue
            self._hidden[key] = self._hidden.get(key, 0) + 1
            if ill is Ill.STATED:
                change = self._satisfied(problem, guess)
            elif ill is Ill.TWICE:
                change = self._withdrawn(name, problem, guess, included)
            else:
                change = self._revealed(name, ill, guess, included)
            if change is not None:
                found[key] = change
        return list(dict.fromkeys(found.values()))

    def from_tree(self, seen: Diagnosis, guess: Guess) -> list[Change]:
        """Return what the tree itself has for names that are unknown: macros that reveal them, else definitions."""
        revealing = self.revealing(seen, guess)
        if revealing:
            return revealing
        included = set(self._included(seen))
        found: dict[str, Change] = {}
        for name, ill, _ in _names(seen, self._words):
            turn = self._turns.get(name, 0)
            if name in found or turn >= TURNS or ill in _BY_CONDITIONS:
                continue
            self._turns[name] = turn + 1
            change = self._brought(name, ill, guess, included, turn)
            if change is not None:
                found[name] = change
        return list(dict.fromkeys(self._gathered(found, guess, included).values()))

    def from_nowhere(self, seen: Diagnosis, guess: Guess) -> list[Change]:
        """Return stand-ins for names that the tree does not define."""
        found: dict[str, Change | None] = {}
        for name, ill, _ in _names(seen, self._words):
            if name not in self._stood and ill not in _BY_CONDITIONS:
                self._stood.add(name)
                found[name] = standins.stand_in(name, ill, self.configured(name), self.cxx)
        return [change for change in found.values() if change is not None]

    def _included(self, seen: Diagnosis) -> list[str]:
        paths = [self.tree.relative(path) for path in seen.included]
        return [path for path in paths if path is not None and os.path.isfile(self.tree.absolute(path))]

    def _words(self, problem: Problem, seen: Diagnosis) -> list[str]:
        """The words that may be macros by their look: of the line with an error, and of what macros in it stand for."""
        path = self.tree.relative(problem.path) if problem.path else None
        text = self.tree.text(path) if path else b""
        start = text.rfind(b"\n", 0, problem.offset) + 1
        line = text[start : (text.find(b"\n", problem.offset) + 1) or len(text)]
        words = _macro_like(line)
        texts = [text, *(self.tree.text(other) for other in self._included(seen) if other != path)]
        bodies = (_body(word, texts) for word in words)
        return list(dict.fromkeys([*words, *(inner for body in bodies for inner in _macro_like(body))]))

    # --- conditions ------------------------------------------------------------------------------------------------

    def _satisfied(self, problem: Problem, guess: Guess) -> Change | None:
        """What keeps an `#error` from being read: another arm of the conditional that it is in."""
        path = self.tree.relative(problem.path) if problem.path else None
        return self._passed_by(path, problem.offset, guess, f"{path}:{problem.line} asks for it") if path else None

    def _withdrawn(self, name: str, problem: Problem, guess: Guess, included: list[str]) -> Change | None:
        """What keeps a header from standing in for a function that is switched off: here it is, and so it is on."""
        here = self.tree.relative(problem.path) if problem.path else None
        for path in included:
            text = self.tree.text(path) if path != here else b""
            for offset in _offsets(text, name, Ill.TWICE):
                line = text.count(b"\n", 0, offset) + 1
                change = self._passed_by(path, offset, guess, f"{path}:{line} stands in for {name} without it")
                if change is not None:
                    return change
        return None

    def _passed_by(self, path: str, offset: int, guess: Guess, why: str) -> Change | None:
        """What makes another arm be read than the one that holds a place."""
        arms = conditions.arms(self.tree.text(path), offset)
        if not arms:
            return None
        choices = [conditions.solve(one, True) for one in arms[:-1]]
        if arms[-1] != "1" or not choices:
            choices.append(conditions.solve(arms[-1], False))
        for choice in sorted((one for one in choices if one is not None), key=conditions.cost):
            change = self._change(choice, guess, why)
            if change is not None:
                return change
        return None

    def _revealed(self, name: str, ill: Ill, guess: Guess, included: list[str]) -> Change | None:
        """Macros that make a definition be read in a file that is included already."""
        for path in included:
            text = self.tree.text(path)
            for offset in _offsets(text, name, ill):
                around = conditions.around(text, offset)
                wanted = conditions.wants(conditions.for_assembly(around) if ill is Ill.STATEMENT else around)
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
        return Change(tuple(self._macro(name, value, why) for name, value in fresh.items()), without)

    def _macro(self, name: str, value: str, why: str) -> Macro:
        """A macro that a condition asks for: as the tree's configuration has it, where that is not false."""
        found, where = self.configured(name)
        if value == "1" and found not in ("", "0", "n"):
            return Macro(name, found, None, f"{where}; {why}")
        usual = standins.usual(name)
        return Macro(name, usual if value == "1" and usual else value, None, why)

    def configured(self, name: str) -> tuple[str, str]:
        """The value that makefiles or Kconfig give `name`, and where; ("", "") if none does."""
        found, where = build.value(self.tree, self.near, name)
        if not found:
            found, where = kconfig.value(self.tree, self.near, name)
        if not found:
            found, where = build.defined(self.tree, self.near, name)
        return ("1" if found == "y" else found), where

    # --- definitions -----------------------------------------------------------------------------------------------

    def _brought(self, name: str, ill: Ill, guess: Guess, included: set[str], turn: int) -> Change | None:
        """The tree's own definition: of a macro itself, of all else the header that has it."""
        for path, definition in self._defined(name, ill):
            macro = definition.kind is Kind.MACRO
            if path in guess.forced or (macro and name in guess.macros) or (not macro and path in included):
                continue
            if turn:
                turn -= 1
                continue
            line = self.tree.text(path).count(b"\n", 0, definition.offset) + 1
            if macro and not (path not in included and _leans(definition, self.tree.text(path))):
                return Change((Macro(name, definition.body, definition.parameters, f"{path}:{line}"),), defines=True)
            wanted = conditions.wants(conditions.around(self.tree.text(path), definition.offset))
            why = f"{path}:{line} {'defines' if macro else 'declares'} {name}"
            more = self._change(wanted, guess, why)
            return replace(more or Change(), header=path, why=why)
        return None

    def _defined(self, name: str, ill: Ill) -> Iterator[tuple[str, Definition]]:
        """The headers that define `name`, the best first: those of other architectures and tests are left out."""
        weaker = []
        for number, path in enumerate(self.tree.holding(name, self.near)):
            folder = os.path.dirname(path)
            if number >= HEADERS or architecture(folder) == 3 or aside(folder) > aside(self.near):
                break
            found = definitions.find(self.tree.text(path), name)
            if found is not None and _suits(found, ill):
                if _renames(found, ill):
                    weaker.append((path, found))
                else:
                    yield path, found
        if name not in standins.STANDARD:
            yield from weaker

    def _gathered(self, found: dict[str, Change], guess: Guess, included: set[str]) -> dict[str, Change]:
        """Where several macros come from one header that was not read, the header instead of them; once."""
        homes: dict[str, list[str]] = {}
        for name, change in found.items():
            path = change.macros[0].where.rpartition(":")[0] if change.defines else ""
            if path and path not in included and path not in guess.forced and path not in self._tried:
                homes.setdefault(path, []).append(name)
        gathered = dict(found)
        for path, names in homes.items():
            if len(names) > 1:
                self._tried.add(path)
                why = f"defines {', '.join(names[:3])}" + (f" and {len(names) - 3} more" if names[3:] else "")
                for name in names:
                    self._turns[name] -= 1
                    gathered[name] = Change(header=path, why=why)
        return gathered


def _macro_like(text: bytes) -> list[str]:
    return [word.decode() for word in _WORD.findall(text) if b"_" in word or word.isupper()]


def _body(name: str, texts: list[bytes]) -> bytes:
    """What the macro with parameters `name` stands for, by the first of `texts` that defines it; nothing if none."""
    for text in texts:
        if name.encode() + b"(" in text:
            found = definitions.find(text, name)
            if found is not None and found.kind is Kind.MACRO and found.parameters is not None:
                return found.body.encode()
    return b""


def _names(seen: Diagnosis, words: Callable[[Problem, Diagnosis], list[str]]) -> Iterator[tuple[str, Ill, Problem]]:
    """The names that errors are about; of errors of syntax, last, the words of the line that may be macros."""
    for problem in seen.problems:
        if problem.ill not in (Ill.HEADER, Ill.SYNTAX):
            yield problem.name, problem.ill, problem
    for problem in seen.problems:
        if problem.ill is Ill.SYNTAX:
            yield from ((word, Ill.SYNTAX, problem) for word in words(problem, seen))


def _renames(found: Definition, ill: Ill) -> bool:
    """Whether a macro only gives a function or type another name: a shim's, most likely."""
    return found.kind is Kind.MACRO and found.parameters is None and ill in (Ill.CALL, Ill.TYPE) and found.body != ""


def _leans(macro: Definition, text: bytes) -> bool:
    """Whether a macro with parameters uses others that the same header defines: alone it is worth nothing."""
    used = _macro_like(macro.body.encode()) if macro.parameters is not None else []
    return any(one.kind is Kind.MACRO for word in used for one in definitions.every(text, word))


def _offsets(text: bytes, name: str, ill: Ill) -> Iterator[int]:
    """Where `text` defines `name`, under whatever condition."""
    if name.encode() not in text:
        return
    if ill is Ill.MEMBER:
        member = re.compile(rb"[\s*]" + re.escape(name.encode()) + rb"\s*(?:\[[^\]]*\]\s*)*(?::\s*\w+\s*)?[;,]")
        yield from (found.start() for found in member.finditer(text))
        return
    if ill is Ill.STATEMENT:
        yield from (found.start() for found in DEFINED.finditer(text) if found[1] == name.encode())
        return
    yield from (one.offset for one in definitions.every(text, name) if _suits(one, ill))


def _suits(found: Definition, ill: Ill) -> bool:
    """Whether a definition is of a kind that cures an error of kind `ill`."""
    if ill in (Ill.SYNTAX, Ill.MACRO):
        return found.kind is Kind.MACRO and (ill is Ill.SYNTAX or found.parameters is not None)
    if ill is Ill.TWICE:
        return found.kind is Kind.FUNCTION
    if ill is Ill.CALL:
        return found.kind in (Kind.FUNCTION, Kind.VARIABLE, Kind.MACRO)
    if ill in (Ill.TYPE, Ill.TAG):
        return found.kind in (Kind.TYPE, Kind.MACRO)
    return True
