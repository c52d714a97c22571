"""Which files belong to a fix: those it touches, and the files of the tree that its functions call or are called from,
and one that is nearer than those, if they call it through others of the same files.

Read off the text by names, as a reviewer greps; nothing is known of the commit but its diff. Bounded: at most
`MOST` files of context, of at most `BYTES` together, nearest first. Files of other architectures are left out. What it
does not see: calls through macros and pointers.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile, zip_longest
from pathlib import PurePosixPath

from benchmarks.fixes.clones import Tree

MOST = 8
BYTES = 400_000
CALLERS = 4
"""At most so many files that call what the fix changed,"""
BESIDE = 2
"""At most so many files that maintain TLBs, if none of the others does."""
NEAR = 4
"""no more folders away than this. What defines a function that the fix calls may be"""
FAR = 5
"""so far away: beyond that the name is another's."""
CODE = (".c", ".cc", ".cpp", ".cxx", ".S", ".s")
HEADERS = (".h", ".hh", ".hpp", ".hxx", ".inc")

OTHER_MACHINES = frozenset(
    word
    for line in (
        "x86 x86_64 x86_common x64 X64 i386 ia32 Ia32 amd64 ia64 riscv riscv64 riscv32 RiscV64 ppc ppc64 powerpc",
        "mips sparc sparc64 m68k s390 s390x loongarch loongarch64 LoongArch64 arm32 aarch32 Arm armv7 armv7-a armv7-m",
        "armv7-r armv8-m arm-m xtensa avr sh arc microblaze nds32 nios2 openrisc or1k hexagon vax Ebc",
        "Arm9 Arm11 ArmV5 csky unicore32 c6x h8300 parisc alpha um sandbox test tests",
    )
    for word in line.split()
)
_WORDS = re.compile(r"\b([A-Za-z_]\w{3,})\s*\(")
_MAINTENANCE = re.compile(
    r"\b(?:vmalle1|vaae1|vae[123]|vaale1|vale[123]|aside1|alle[123]|vmalls12e1|ipas2l?e1)(?:is|os)?\b", re.I
)
_NOT_CALLS = frozenset(("if", "for", "while", "switch", "return", "sizeof", "defined", "typeof", "__attribute__"))
_HEAD = re.compile(r"^(?![#\s/*{}])(?:[\w\s*&:<>,~()\[\]\"]*?[\s*&:])?(~?\w+)\s*\((?!.*;\s*(?://.*|/\*.*)?$)")
_LABEL = re.compile(
    r"^(?:(?:ENTRY|FUNC|FUNC_LOCAL|END_FUNC|func|LENTRY|ASM_PFX|ASM_FUNC|SECTION_FUNC)\s*\(?.*?(\w+)\)?|(\w+):)"
)
_COMMON = 6
"""A name defined in more files than this tells nothing."""


@dataclass(frozen=True, slots=True)
class Files:
    """What to analyse: files the fix touches, and their context; `functions` are those the fix changed."""

    touched: tuple[str, ...]
    context: tuple[str, ...]
    functions: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.touched, *self.context)


def gather(tree: Tree, changes: Mapping[str, list[tuple[int, int]]]) -> Files:
    """The files that belong to `changes`, by what they hold in `tree` as it is."""
    ours = {path: lines for path, lines in changes.items() if PurePosixPath(path).suffix in (*CODE, *HEADERS)}
    near = {path: lines for path, lines in ours.items() if not foreign(path)} or ours
    touched = tuple(path for path in near if os.path.isfile(tree.folder / path))
    bodies = {path: functions(_text(tree, path), path) for path in touched}
    changed = {
        name: text
        for path in touched
        for name, first, last, text in bodies[path]
        if any(first <= end and start <= last for start, end in near[path])
    }
    own = {name: text for path in touched for name, _, _, text in bodies[path]}
    through = {word for text in changed.values() for word in _WORDS.findall(text)} & own.keys() - changed.keys()
    called, further = (
        {word for text in texts for word in _WORDS.findall(text)} - own.keys() - _NOT_CALLS
        for texts in (changed.values(), [own[name] for name in through])
    )
    ranked = _ranked(tree, touched, sorted(changed), sorted(called), sorted(further - called))
    if not any(_MAINTENANCE.search(_text(tree, path)) for path in (*touched, *ranked[:MOST])):
        ranked = [*_maintaining(tree, touched), *ranked]
    return Files(touched, tuple(_within(tree, ranked)), tuple(sorted(changed)))


def _maintaining(tree: Tree, touched: tuple[str, ...]) -> list[str]:
    """Files beside those of a fix that maintain TLBs, where it has none: what it is about if it is about tables."""
    folders = {PurePosixPath(path).parent for path in touched}
    beside = sorted(
        path.relative_to(tree.folder).as_posix()
        for folder in folders
        for path in (tree.folder / folder).iterdir()
        if path.suffix in CODE and path.is_file()
    )
    return [path for path in beside if path not in touched and _MAINTENANCE.search(_text(tree, path))][:BESIDE]


def both(one: Files, other: Files) -> Files:
    """The files of the two sides of a fix: what it begins to call belongs to it as well."""
    touched = tuple(dict.fromkeys((*one.touched, *other.touched)))
    turns = (path for pair in zip_longest(one.context, other.context) for path in pair if path and path not in touched)
    return Files(
        touched,
        tuple(dict.fromkeys(turns))[:MOST],
        tuple(sorted({*one.functions, *other.functions})),
    )


def foreign(path: str) -> bool:
    """Whether a file is for another machine, or a test."""
    parts = PurePosixPath(path).parts[:-1]
    return any(part in OTHER_MACHINES for part in parts)


def _has_twin(tree: Tree, path: str) -> bool:
    """Whether a file stands below `arch/arm` where there is an `arch/arm64`: it is AArch32's."""
    parents = PurePosixPath(path).parents
    return any(
        parent.name == "arm" and parent.parent.name == "arch" and (tree.folder / parent.parent / "arm64").is_dir()
        for parent in parents
    )


def functions(text: str, path: str) -> list[tuple[str, int, int, str]]:
    """The functions of a file by their layout: name, first and last line, text. Labels, for assembly."""
    lines = text.splitlines()
    assembly = path.endswith((".S", ".s"))
    heads = list(_labels(lines) if assembly else _heads(lines))
    ends = [number for _, number in heads[1:]] + [len(lines) + 1] * bool(heads)
    return [
        (name, number, end - 1, "\n".join(lines[number - 1 : end - 1]))
        for (name, number), end in zip(heads, ends, strict=True)
    ]


def _labels(lines: list[str]) -> Iterator[tuple[str, int]]:
    for number, line in enumerate(lines, 1):
        match = _LABEL.match(line)
        if match and not (match[1] or match[2]).isdigit():
            yield match[1] or match[2], number


def _heads(lines: list[str]) -> Iterator[tuple[str, int]]:
    """Definitions begin in column 1 and open a brace before the next semicolon."""
    for number, line in enumerate(lines, 1):
        match = _HEAD.match(line)
        if match and match[1] not in _NOT_CALLS and _opens(lines, number - 1):
            yield match[1], number


def _opens(lines: list[str], start: int) -> bool:
    for line in lines[start : start + 24]:
        bare = re.sub(r"//.*|/\*.*?\*/", "", line)
        if "{" in bare:
            return ";" not in bare.split("{")[0]
        if ";" in bare:
            return False
    return False


def _ranked(
    tree: Tree, touched: tuple[str, ...], changed: list[str], called: list[str], further: list[str]
) -> list[str]:
    """Files of context, best first: what defines callees (of callees, if that is nearer), then callers."""
    sources = tuple(f"*{suffix}" for suffix in CODE)
    defined: dict[str, set[str]] = {}
    callers: Counter[str] = Counter()
    wanted, ours = {*called, *further}, set(changed)
    for path, line in tree.naming([*called, *further, *changed], sources):
        if path in touched or foreign(path) or _has_twin(tree, path):
            continue
        head = _LABEL.match(line) if path.endswith((".S", ".s")) else _HEAD.match(line)
        name = next((group for group in head.groups() if group), "") if head else ""
        if name in wanted:
            defined.setdefault(name, set()).add(path)
        elif not head and ours & set(re.findall(r"\w+", line)):
            callers[path] += 1
    first, behind = (
        _defining({name: paths for name, paths in defined.items() if name in names}, touched)
        for names in (set(called), set(further))
    )
    if behind and all(_distance(behind[0], touched) < _distance(path, touched) for path in first):
        first = [behind[0], *first]
    near = {path for path in callers if _distance(path, touched) <= NEAR} - set(first)
    then = sorted(near, key=lambda path: (_distance(path, touched), -callers[path], path))
    return [*first, *then[:CALLERS]]


def _defining(defined: Mapping[str, set[str]], touched: tuple[str, ...]) -> list[str]:
    """The files that define names, the nearest first; a name that many files define tells nothing."""
    weights: Counter[str] = Counter()
    for paths in defined.values():
        if len(paths) <= _COMMON:
            nearest = min(paths, key=lambda path: (_distance(path, touched), path))
            weights[nearest] += _distance(nearest, touched) <= FAR
    weights = +weights
    return sorted(weights, key=lambda path: (_distance(path, touched), -weights[path], path))


def _distance(path: str, touched: tuple[str, ...]) -> int:
    """Steps from one folder to the other; a folder for AArch64 is near, one that may be for AArch32 is far."""
    parts = _folders(path)
    away = min(_steps(parts, _folders(other)) for other in touched)
    if any(part.lower() in ("aarch64", "arm64", "armv8", "armv8-a") for part in parts):
        return away - 3
    return away + 3 * ("arm" in parts and not any("arm" in _folders(other) for other in touched))


def _folders(path: str) -> tuple[str, ...]:
    """The folders of a path; headers are where their sources are: `include/asm-arm` is `arch/arm`."""
    parts = PurePosixPath(path).parts[:-1]
    if "include" not in parts:
        return parts
    named = (
        "/".join(("arch", part[4:]) if part.startswith("asm-") else (part,)) for part in parts if part != "include"
    )
    return PurePosixPath(*named).parts


def _steps(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return len(one) + len(other) - 2 * common


def _within(tree: Tree, ranked: Iterable[str]) -> Iterator[str]:
    """As many as the bounds allow."""
    count, size = 0, 0
    for path in ranked:
        own = os.path.getsize(tree.folder / path) if os.path.isfile(tree.folder / path) else BYTES
        if count < MOST and size + own <= BYTES:
            count, size = count + 1, size + own
            yield path


def _text(tree: Tree, path: str) -> str:
    return (tree.folder / path).read_text(encoding="utf-8", errors="replace")
