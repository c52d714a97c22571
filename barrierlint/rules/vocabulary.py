"""The barriers that a program has words for, and where each word can be used: what code already writes, functions
whose whole effect is a barrier, macros that come to one.

Visible in a file is what stands in it or in what it includes. What it does not model: `#undef`, and macros whose text
only the preprocessor can tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from barrierlint.cfg.asm import decode_lines
from barrierlint.cfg.graph import Cfg, Program
from barrierlint.events import Assign, CompilerBarrier, ContextSync, Dsb, Event, Tlbi, UnknownInstruction
from barrierlint.source.layout import Layout, layout_of, text_of

KINDS = (Dsb, ContextSync, Tlbi)
OPTIONS = ["sy", "st", "ld", "ish", "ishst", "ishld", "nsh", "nshst", "nshld", "osh", "oshst", "oshld"]
_WORD = re.compile(r"([A-Za-z_]\w*)\s*(?:\(\s*(\w*)\s*\))?\s*;?")
_DEFINE = re.compile(rb"#[ \t]*define[ \t]+([A-Za-z_]\w*)(\([^)]*\))?[ \t]*((?:[^\\\n]|\\\r?\n|\\.)*)")
_ASM = re.compile(r"\b(?:asm|__asm__|__asm)\b(?:\s*(?:volatile|__volatile__|__volatile|goto))*\s*\(")
_PIECE = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|#\s*(\w+)|__stringify\s*\(\s*(\w+)\s*\)|(\w+))')
_CALL = re.compile(r"([A-Za-z_]\w*)\s*(?:\(([^()]*)\))?")
_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Helper:
    """A statement of the code base that is executed as `events`; usable in `path` behind `line`, and in what includes
    it.
    """

    line: str
    events: tuple[Event, ...]
    path: str
    behind: int


class Helpers:
    """The helpers of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.written = list(_written(program))
        self.functions = list(_functions(program))
        self.macros: dict[str, dict[str, Macro]] = {}
        self.tables: dict[frozenset[str], tuple[frozenset[str], dict[str, Macro]]] = {}
        self.names: dict[str, frozenset[str]] = {}

    def visible(self, path: str) -> frozenset[str]:
        """The files whose declarations a file sees."""
        known = self.program.includes.get(path)
        return frozenset((path, *known)) if known is not None else self._closure(path)

    def knows(self, path: str, line: str) -> bool:
        """Whether a file sees a declaration of what a line calls; an asm statement needs none."""
        word = re.match(r"([A-Za-z_]\w*)\s*(?:\(|;|$)", line)
        if word is None or word[1] in ("asm", "__asm__", "__asm"):
            return True
        return any(self._says(one, word[1]) for one in sorted(self.visible(path)))

    def _says(self, path: str, name: str) -> bool:
        """Whether a file's code holds a name; it is read as code only where its text holds it."""
        if name.encode() not in text_of(path):
            return False
        if path not in self.names:
            layout = layout_of(path)
            self.names[path] = frozenset(_words(layout)) if layout is not None else frozenset()
        return name in self.names[path]

    def _closure(self, path: str) -> frozenset[str]:
        """The files that a header includes, by the ends of their names."""
        every = {name for names in self.program.includes.values() for name in names}
        found, pending = {path}, [path]
        while pending:
            layout = layout_of(pending.pop())
            for name in _included(layout) if layout is not None else ():
                ends = sorted(one for one in every if one == name or one.endswith("/" + name))
                found_here = [one for one in ends if one not in found]
                found.update(found_here)
                pending += found_here
        return frozenset(found)

    def at(self, path: str, line: int, close: tuple[int, int]) -> list[Helper]:
        """The helpers that can be used in a line of a file, those that it uses itself first.

        The function that ends at `close` is none to itself.
        """
        seen = self.visible(path)
        own = [one for one in self.written if one.path == path]
        callable = [
            helper
            for helper, cfg in self.functions
            if helper.path in seen
            and (helper.path != path or (helper.behind < line and (cfg.end.line, cfg.end.column) != close))
        ]
        macros = [
            helper
            for name in sorted(seen, key=lambda one: (one != path, one))
            for helper in self._defined(name, seen)
            if name != path or helper.behind < line
        ]
        elsewhere = [one for one in self.written if one.path in seen and one.path != path]
        return [*own, *callable, *elsewhere, *macros]

    def _defined(self, path: str, seen: frozenset[str]) -> Iterator[Helper]:
        if seen not in self.tables:
            files = frozenset(_with_asm(seen))
            merged = {name: macro for one in sorted(files) for name, macro in self._macros(one).items()}
            self.tables[seen] = files, merged
        files, table = self.tables[seen]
        for name, macro in self._macros(path).items() if path in files else ():
            for argument in OPTIONS if len(macro.params) == 1 else [""] if not macro.params else []:
                events = _events(macro, (argument,) if argument else (), table, 0)
                if events and all(isinstance(event, KINDS) for event in events):
                    call = f"{name}({argument})" if macro.called else name
                    yield Helper(f"{call};", events, path, macro.line)

    def _macros(self, path: str) -> Mapping[str, Macro]:
        if path not in self.macros:
            layout = layout_of(path)
            self.macros[path] = dict(_definitions(layout)) if layout is not None else {}
        return self.macros[path]


def _with_asm(paths: Iterable[str]) -> Iterator[str]:
    """The files whose macros can come to asm statements, or be words in one: told by their text, without reading it as
    code. What stands in comments counts, so no file is missed.
    """
    bodies: dict[bytes, list[tuple[str, bytes]]] = {}
    for path in paths:
        text = text_of(path)
        for found in _DEFINE.finditer(text) if b"define" in text else ():
            bodies.setdefault(found[1], []).append((path, found[3]))
    pending = [name for name, those in bodies.items() if any(b"asm" in body for _, body in those)]
    wanted = set(pending)
    while pending:
        names = re.compile(rb"\b(?:" + b"|".join(map(re.escape, pending)) + rb")\b")
        pending = [n for n, those in bodies.items() if n not in wanted and any(names.search(b) for _, b in those)]
        wanted.update(pending)
    words = {word for name in wanted for _, body in bodies[name] for word in re.findall(rb"[A-Za-z_]\w*", body)}
    yield from {path for name in wanted | (words & bodies.keys()) for path, _ in bodies[name]}


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro's parameters and text; `called`: it takes an argument list."""

    params: tuple[str, ...]
    called: bool
    text: str
    line: int


def _words(layout: Layout) -> Iterator[str]:
    """The names that a file's code and directives hold."""
    yield from (token.text for token in layout.tokens)
    for start, end in layout.directives:
        yield from (word.decode("latin-1") for word in re.findall(rb"[A-Za-z_]\w*", layout.data[start:end]))


def _included(layout: Layout) -> Iterator[str]:
    for start, end in layout.directives:
        found = re.match(rb'#\s*include\s*["<]([^">]+)[">]', layout.data[start:end])
        if found:
            yield found[1].decode("utf-8", "replace").lstrip("./")


def _definitions(layout: Layout) -> Iterator[tuple[str, Macro]]:
    for start, end in layout.directives:
        found = _DEFINE.match(layout.data[start:end])
        if found and (b"sm" in found[3] or len(found[3]) < 200):
            params = found[2].decode("utf-8", "replace").strip("()") if found[2] else ""
            names = tuple(word.strip() for word in params.split(",") if word.strip())
            text = re.sub(r"\\\r?\n", " ", found[3].decode("utf-8", "replace"))
            text = re.sub(r"/\*.*?\*/|//.*", " ", text)
            yield found[1].decode(), Macro(names, found[2] is not None, text, layout.line(start))


def _events(macro: Macro, arguments: tuple[str, ...], table: Mapping[str, Macro], depth: int) -> tuple[Event, ...]:
    """What a macro comes to: its asm statements decoded, other macros expanded; () if anything else is in it."""
    if depth > _DEEPEST or len(arguments) != len(macro.params):
        return ()
    given = dict(zip(macro.params, arguments, strict=True))
    text = re.sub(r"\bdo\s*\{|\}\s*while\s*\(\s*0\s*\)|[{}]", " ", macro.text)
    found: list[Event] = []
    for part in _statements(text):
        events = _statement(part, given, table, depth)
        if not events:
            return ()
        found += events
    return tuple(found)


def _statements(text: str) -> Iterator[str]:
    """The statements of a macro's text: what semicolons outside of strings part."""
    for part in re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^;"])+', text):
        stripped = part.strip()
        while stripped.startswith("(") and stripped.endswith(")") and not stripped.startswith("()"):
            stripped = stripped[1:-1].strip()
        if stripped:
            yield stripped


def _statement(part: str, given: Mapping[str, str], table: Mapping[str, Macro], depth: int) -> tuple[Event, ...]:
    if found := _ASM.match(part):
        return _decoded(_template(part[found.end() :], given, table))
    call = _CALL.fullmatch(part)
    macro = table.get(call[1]) if call else None
    if call is None or macro is None:
        return ()
    words = tuple(given.get(word.strip(), word.strip()) for word in (call[2] or "").split(",") if word.strip())
    return _events(macro, words, table, depth + 1)


def _template(text: str, given: Mapping[str, str], table: Mapping[str, Macro]) -> str:
    """The template of an asm statement: its strings, parameters and macros that are strings, one after the other."""
    out, at = "", 0
    while found := _PIECE.match(text, at):
        literal, hashed, stringified, name = found.groups()
        if literal is not None:
            out += literal.replace("\\n", "\n").replace("\\t", "\t")
        elif name is not None:
            inner = re.fullmatch(r'\s*"((?:[^"\\]|\\.)*)"\s*', table[name].text) if name in table else None
            if inner is None:
                return ""
            out += inner[1]
        else:
            out += given.get(hashed or stringified, "")
        at = found.end()
    return out


@lru_cache(maxsize=1024)
def _decoded(template: str) -> tuple[Event, ...]:
    if not template.strip() or "%" in template:
        return ()
    events = decode_lines(template)
    return () if any(isinstance(event, UnknownInstruction) for event in events) else events


def _functions(program: Program) -> Iterator[tuple[Helper, Cfg]]:
    """Functions without arguments that do nothing but order."""
    for cfg in program.functions.values():
        if cfg.params or "<" in cfg.qualified:
            continue
        events = [s.event for s in cfg.steps() if not isinstance(s.event, Assign | CompilerBarrier)]
        straight = all(len(block.edges) <= 1 for block in cfg.blocks)
        if straight and events and all(isinstance(event, KINDS) for event in events):
            yield Helper(f"{cfg.qualified}();", tuple(events), cfg.place.path, cfg.place.line), cfg


def _written(program: Program) -> Iterator[Helper]:
    """Barriers as statements of the program spell them."""
    seen: set[tuple[str, str]] = set()
    for cfg in program.functions.values():
        spans: dict[object, list[Event]] = {}
        for step in cfg.steps():
            spans.setdefault(step.span, []).append(step.event)
        for block in cfg.blocks:
            for step in block.steps:
                if not isinstance(step.event, KINDS) or len(spans[step.span]) != 1:
                    continue
                layout = layout_of(step.span.path)
                if layout is None or step.span.end_line not in (0, step.span.line):
                    continue
                start = layout.offset(step.span.line, step.span.column)
                text = layout.data[start : layout.offset(step.span.line, step.span.end_column)].decode("latin-1")
                word = _WORD.fullmatch(text)
                if word is None or (word[2] or "sy").lower() not in OPTIONS or (step.span.path, text) in seen:
                    continue
                seen.add((step.span.path, text))
                yield Helper(text.rstrip("; ") + ";", (step.event,), step.span.path, 0)
