"""What the makefiles above a file say of how it is compiled: macros and forced includes, never run, only read.

Only assignments count that hold without condition, of variables that name C flags, with words that have no variables in
them. It does not understand any build system.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from barrierlint.frozen import dataclass
from barrierlint.source.guessing.guess import FLAG
from barrierlint.source.guessing.ranking import architecture, rank
from barrierlint.source.guessing.tree import Tree

_MAKEFILE = re.compile(r"(?:GNU)?[Mm]akefile(?:\.\w+)?|Kbuild|\w+\.mk|Kconfig\.include")
_MK = re.compile(r".*\.mk")
_BUILD = re.compile(
    r"(?:GNU)?[Mm]akefile(?:\.\w+)?|Kbuild|.*\.mk|CMakeLists\.txt|.*\.cmake|meson\.build|Jam(?:file|rules|root)|SCons\w+|"
    r"BUILD(?:\.gn|\.bazel)?|.*\.gni|configure(?:\.ac)?|.*\.(?:dsc|inf)"
)
MOST_FILES = 1_000
"""Build files beside those above a file that are looked into."""
_ASSIGNMENT = re.compile(r"^[ ]*(?:export\s+|override\s+)?([\w.\-]+)[ \t]*(?:\+|:|::|\?)?=[ \t]*(.*)$")
_FLAGS = re.compile(
    r"(?:\w*_|)(?:CFLAGS|CPPFLAGS|COMPFLAGS|CCFLAGS|C_FLAGS|COMPILEFLAGS|INCLUDES?|DEFINES)(?:-y|_\w+)?|\w*INCLUDE"
)
_ASIDE = re.compile(
    r"HOST|USER|MODULE|LTO|EFI|CHECK|TEST|TOOL|(?<!K)BUILD_C|AFLAGS|ASFLAGS|LDFLAGS|DTC|LATE|REMOVE|BINDGEN|RUST|BOOTSTRAP|SPARSE"
)
_VARIABLE = re.compile(r"\$\(\w+\)/?|\$\{\w+\}/?|^\./")
_MACRO = re.compile(r"-D([A-Za-z_]\w*)(?:=(.*))?", re.DOTALL)
_BARE = re.compile(r"[A-Z_]\w*(?:=.*)?")
_VALUE = re.compile(
    r"^[ \t]*(?:export\s+|\$\(eval\s+)?([A-Za-z_]\w*)[ \t]*(?::|::|\?)?=[ \t]*([^\s#\\]+)[ \t]*(?:\\|#.*)?$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Said:
    """What one word of a makefile says: a macro with its value, or (value None) a forced include or flag, and where."""

    name: str
    value: str | None
    where: str


@dataclass(frozen=True, slots=True)
class _Ordered:
    """Build files as one folder ranks them."""

    paths: list[str]


def said(tree: Tree, folder: str) -> list[Said]:
    """Return the macros and forced includes that makefiles in `folder` and above it give to every C file."""
    found: dict[tuple[str, bool], Said] = {}
    for path in tree.ascending(folder, _MAKEFILE):
        for line, words, bare in _assignments(tree.text(path).decode("utf-8", "replace")):
            for one in _words(words, f"{path}:{line}", bare):
                found.setdefault((one.name, one.value is None), one)
    return list(found.values())


def is_told(where: str) -> bool:
    """Whether a place (`path:line`) is in a makefile."""
    return _MAKEFILE.fullmatch(where.rpartition(":")[0].rpartition("/")[2]) is not None


def _assignments(text: str) -> Iterator[tuple[int, str, bool]]:
    """The unconditional assignments to variables of C flags: line, value, and whether it lists macros without -D.

    A variable of flags that stands in the value of another counts with it, whatever it is called.
    """
    flags = {found[1]: found[2] for line in _joined(text) if (found := _ASSIGNMENT.match(line))}
    flags = {name: value for name, value in flags.items() if _FLAGS.fullmatch(name)}
    held: list[bool] = []
    number = 0
    for joined in re.split(r"(?<!\\)\n", text):
        here, number = number + 1, number + joined.count("\n") + 1
        line = joined.replace("\\\n", " ")
        word = line.split(maxsplit=1)[0] if line.split() else ""
        if word in ("ifeq", "ifneq", "ifdef", "ifndef"):
            held.append(_about_goals(line))
        elif word == "endif" and held:
            held.pop()
        elif all(held) and not line.startswith("\t"):
            found = _ASSIGNMENT.match(line)
            if found and _FLAGS.fullmatch(found[1]) and not _ASIDE.search(found[1]):
                value = re.sub(r"\$\((\w+)\)", lambda name: flags.get(name[1], name[0]), found[2])
                yield here, _resolved(value, text), "DEFINES" in found[1]


def _joined(text: str) -> Iterator[str]:
    """The lines of a makefile, those that end in a backslash with what follows them."""
    return (line.replace("\\\n", " ") for line in re.split(r"(?<!\\)\n", text))


def _about_goals(line: str) -> bool:
    """Whether a condition is about how make was called, not about what is built: its variables are make's own."""
    names = re.findall(
        r"[A-Za-z_][\w-]*", re.sub(r"\b(?:ifn?eq|ifn?def|filter|findstring|origin|words|strip)\b", " ", line)
    )
    return all(name.islower() or name.startswith(("KBUILD_", "MAKECMDGOALS")) for name in names)


def _resolved(text: str, makefile: str) -> str:
    """`text` with variables that the same makefile gives a plain value replaced by it."""
    known = {found[1]: found[2] for found in _VALUE.finditer(makefile) if "$" not in found[2]} if "$(" in text else {}
    return re.sub(r"\$\((\w+)\)", lambda found: known.get(found[1], found[0]), text)


def _words(text: str, where: str, bare: bool) -> Iterator[Said]:
    try:
        words = shlex.split(text.split("#")[0])
    except ValueError:
        words = text.split()
    following = iter(words)
    for word in following:
        word = f"-D{word}" if bare and _BARE.fullmatch(word) else word
        if word in ("-include", "-imacros"):
            path = _VARIABLE.sub("", next(following, ""))
            if path.endswith((".h", ".hpp")) and "$" not in path:
                yield Said(path, None, where)
        elif FLAG.fullmatch(word):
            yield Said(word, None, where)
        elif (macro := _MACRO.fullmatch(word)) and "$" not in word:
            yield Said(macro[1], "1" if macro[2] is None else macro[2], where)


def value(tree: Tree, near: str, name: str) -> tuple[str, str]:
    """Return what makefiles assign to `name`, the nearest first, and where; ("", "") if none gives a plain value."""
    word = name.encode()
    for path in (*tree.ascending(near, _MAKEFILE), *_makefiles(tree, near)):
        raw = tree.text(path)
        if word not in raw:
            continue
        text = raw.decode("utf-8", "replace")
        for hit in _VALUE.finditer(text):
            found = _resolved(_resolved(hit[2], text), text) if hit[1] == name else "$"
            if "$" not in found:
                return found, f"{path}:{text.count(chr(10), 0, hit.start()) + 1}"
    return "", ""


def values(tree: Tree, near: str) -> dict[str, tuple[str, str]]:
    """Return all plain values that makefiles in a folder and above it assign, the nearest first, and where."""
    found: dict[str, tuple[str, str]] = {}
    for path in tree.ascending(near, _MAKEFILE):
        text = tree.text(path).decode("utf-8", "replace")
        for hit in _VALUE.finditer(text):
            if "$" not in hit[2] and hit[1] not in found:
                found[hit[1]] = hit[2], f"{path}:{text.count(chr(10), 0, hit.start()) + 1}"
    return found


def defined(tree: Tree, near: str, name: str) -> tuple[str, str]:
    """Return what any build file gives the compiler for the macro `name`, under whatever condition, and where."""
    word = name.encode()
    shape = re.compile(
        rb"-D[ \t]*" + word + rb"(?:=([^\s\"'\\)]+))?(?=[\s\"'\\)]|$)|[\"']" + word + rb"=([^\"']*)[\"']", re.MULTILINE
    )
    for path in (*tree.ascending(near, _BUILD), *_ordered(tree, near, _BUILD)):
        text = tree.text(path)
        if word in text and (hit := shape.search(text)):
            found = (hit[1] or hit[2] or b"1").decode("utf-8", "replace")
            if "$" not in found:
                return found, f"{path}:{text.count(10, 0, hit.start()) + 1}"
    return "", ""


def _makefiles(tree: Tree, near: str) -> list[str]:
    """The `.mk` files of the tree that serve no other architecture, the best first."""
    return _ordered(tree, near, _MK)


def _ordered(tree: Tree, near: str, names: re.Pattern[str]) -> list[str]:
    key = f"{names.pattern} {near}"
    known = tree.remembered.get(key)
    if isinstance(known, _Ordered):
        return known.paths
    found = [path for name, paths in tree.names.items() if names.fullmatch(name) for path in paths]
    found = sorted((path for path in found if architecture(path) != 3), key=lambda path: rank(path, near))[:MOST_FILES]
    tree.remembered[key] = _Ordered(found)
    return found
