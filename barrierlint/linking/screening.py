"""Which files can be ruled out by a look at their text: those in which nothing can concern page tables, so that neither
they nor what they include is parsed.

A finding needs an instruction, a builtin or a fence that orders, a type or a name that a model or its form gives away,
or a table known by its use: an index made of an address's bits, an address masked to a page's. A file without assembly,
such names, shifts to the right, and masks other than small numbers has none of these, provided that its headers can be
read and have none either; headers of the C library count as such, by their names. Whatever is unusual (pasted tokens,
bit-fields, unknown options, headers that are not found) is no ground to rule out. The price: mistakes in a file that is
ruled out are not looked for, and the report says so. What it does not do: tell what a file is about.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from barrierlint.cfg.descriptor_names import ENTRIES, NAMES, named_like_descriptor, words_of
from barrierlint.finding import Notification, Severity
from barrierlint.frozen import dataclass
from barrierlint.inputs import Input, suffix
from barrierlint.linking.losses import listed
from barrierlint.linking.modelled import Modelled
from barrierlint.source.flags import architecture
from barrierlint.source.lines import SUFFIXES as ASSEMBLY

if TYPE_CHECKING:
    from barrierlint.linking import plain
    from barrierlint.models import Models

_MOST = 400
"""Headers that are looked at for one file; one with more is parsed."""
_LARGEST = 4 << 20
_FOLDERS = ("-I", "-isystem", "-iquote", "-idirafter")
_HARMLESS = re.compile(
    r"--target=\S+|--?std=\S+|-O\w*|-f(?!modules|plugin|pass-plugin|embed)[\w=+.-]+|-m[\w=+.-]+|-[wW].*|-nostdinc(?:\+\+)?"
    r"|-pthread|-ansi|-pedantic\S*|-g\w*|-U\w+"
)
_SYSTEM = ("/usr/include/", "/usr/local/include/", "/usr/lib/", "/usr/lib64/")
_ENVIRONMENT = ("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "OBJC_INCLUDE_PATH")
_SIGNS = frozenset(
    ("tlb", "tlbi", "dsb", "dmb", "isb", "ttbr", "ttbr0", "ttbr1", "mmu", "sctlr", "pgtable", "asm", "asid", "vmid")
)
_COUNTERS = re.compile(r"asid|vmid|context_?id|ctx_?id|ctx_?num", re.IGNORECASE)
_AT_ONCE = re.compile(rb"(?<![A-Za-z])(?:asm|%s)(?![A-Za-z])" % "|".join(sorted(NAMES)).encode())
"""What tells without taking a text to pieces, be it in a comment."""
_BUILTIN = re.compile(
    r"__builtin_|__sync_|__atomic_|__c11_|__arm_|__opencl|__scoped|_{1,2}(?:dsb|dmb|isb|csdb)$|.*fence"
)
_KNOWN_BUILTINS = frozenset(
    f"__builtin_{name}"
    for name in [
        "abs",
        "alloca",
        "choose_expr",
        "constant_p",
        "expect",
        "huge_val",
        "inf",
        "memcmp",
        "memcpy",
        "memmove",
        "memset",
        "nan",
        "object_size",
        "offsetof",
        "printf",
        "puts",
        "snprintf",
        "strchr",
        "strcmp",
        "strcpy",
        "strlen",
        "trap",
        "types_compatible_p",
        "unreachable",
        "va_arg",
        "va_copy",
        "va_end",
        "va_list",
        "va_start",
    ]
)
_UNUSUAL = frozenset(("bitand", "and_eq", "import", "__CONCAT", "__STRING", "_Pragma", "bit_and"))


class Screening:
    """Rules files out, under the models given by name or found; texts are looked at once for all that include them."""

    def __init__(self, models: Sequence[str]) -> None:
        self._models = models
        self._seen: dict[str, plain.Text | None] = {}

    def rules_out(self, files: Sequence[Input], known: bool) -> bool:
        """Whether nothing in `files` can concern page tables; `known`: their arguments are, none will be guessed."""
        if any(name in os.environ for name in _ENVIRONMENT):
            return False
        is_modelled: Callable[[frozenset[str]], bool] | None = None
        for item in files:
            texts = self._texts(item)
            if texts is None or not _is_harmless(texts) or not (known or _is_settled(texts)):
                return False
            is_modelled = is_modelled or _modelled(Modelled(self._models, [one.path for one in files]))
            if is_modelled(_identifiers(texts)):
                return False
        return True

    def _texts(self, item: Input) -> list[plain.Text] | None:
        """The file, what it includes and what its options define, None if not all of it can be known."""
        from barrierlint.linking.libraries import is_of_library

        search = _search(item.arguments)
        if search is None or suffix(item.path) in ASSEMBLY:
            return None
        unsaved = dict(item.unsaved)
        found: dict[str, plain.Text] = {}
        waiting = [item.path]
        for name in search.forced:
            files = list(_resolved(name, os.getcwd(), search.folders, unsaved))
            if not files:
                return None
            waiting += files
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            text = self._text(name, unsaved)
            if text is None or not text.is_plain or len(found) > _MOST:
                return None
            found[name] = text
            for included, beside in text.includes:
                folder = os.path.dirname(name) if beside else None
                files = list(_resolved(included, folder, search.folders, unsaved))
                if not files and not is_of_library(included):
                    return None
                waiting += files
        return [_taken_apart("\n".join(search.defined), ""), *found.values()]

    def _text(self, path: str, unsaved: Mapping[str, str]) -> plain.Text | None:
        if path in unsaved:
            return _taken_apart(unsaved[path], path)
        if path not in self._seen:
            self._seen[path] = _read(path)
        return self._seen[path]


def about(paths: Sequence[str]) -> Notification:
    """Say that files were ruled out, and what was not done therefore."""
    text = f"ruled out by their text, and not parsed (mistakes in them were not looked for): {listed(paths)}"
    return Notification("screened", text, severity=Severity.NOTE)


def _is_harmless(texts: Sequence[plain.Text]) -> bool:
    """Whether nothing that a finding is made of is in any of `texts`, models aside."""
    if not all(text.is_plain for text in texts) or any(map(_is_telling, _identifiers(texts))):
        return False
    operators = frozenset().union(*(text.operators for text in texts))
    if ">>" in operators or {"%", "/"} <= operators:
        return False
    constants = _constants(texts)
    return all(constants.get(name, False) for text in texts for name in text.masks)


def _identifiers(texts: Iterable[plain.Text]) -> frozenset[str]:
    return frozenset().union(*(text.identifiers for text in texts))


def _is_settled(texts: Sequence[plain.Text]) -> bool:
    """Whether conditionals test nothing that a tree's build may define: only guards, and what compilers define."""
    guards = {name for text in texts for name, value in text.macros if not value} | {"defined"}
    return all(name in guards or name.startswith("__") for text in texts for name in text.tests)


def _modelled(modelled: Modelled) -> Callable[[frozenset[str]], bool]:
    """What tells whether a model may speak of something that identifiers make up: all words of a glob are in them."""
    if not modelled.names:
        return lambda _: False
    globs = [*_globs(modelled.models)]

    def is_modelled(identifiers: frozenset[str]) -> bool:
        every = "\n".join(identifiers)
        return any(all(word in every for word in re.findall(r"\w+", glob)) for glob in globs)

    return is_modelled


def _globs(models: Models) -> Iterator[str]:
    for model in models.models:
        yield from (glob.text for glob, _ in model.functions)
        yield from (pattern.glob.text for pattern in model.descriptors)
        yield from (policy.glob.text for policy in model.policies)


def _read(path: str) -> plain.Text | None:
    try:
        with open(path, "rb") as file:
            data = file.read(_LARGEST + 1)
    except (OSError, ValueError):
        return None
    if b"\0" in data or len(data) > _LARGEST or not data.strip() or _AT_ONCE.search(data) is not None:
        return None
    if any(map(_is_telling_word, _path_words(path))):
        return None
    return _taken_apart(data.decode("latin-1"), path)


def _taken_apart(text: str, path: str) -> plain.Text:
    from barrierlint.linking import plain

    return plain.text(text, path)


def _path_words(path: str) -> Iterator[str]:
    """The words of a path: types without a name are called by the place that declares them."""
    for one in {os.path.abspath(path), os.path.realpath(path)}:
        yield from re.findall(r"[a-z0-9]+", one.lower())


def _is_telling_word(word: str) -> bool:
    return word in NAMES or word in ENTRIES


def _is_telling(identifier: str) -> bool:
    """Whether an identifier may belong to something that a finding is made of."""
    words = words_of(identifier)
    if words & NAMES or words & _SIGNS or named_like_descriptor(identifier) or identifier in _UNUSUAL:
        return True
    if _COUNTERS.search(identifier) is not None:
        return True
    return _BUILTIN.match(identifier) is not None and identifier not in _KNOWN_BUILTINS


def _constants(texts: Iterable[plain.Text]) -> dict[str, bool]:
    """The macros that some text defines, each with whether all its definitions are small numbers."""
    from barrierlint.linking import plain

    small: dict[str, bool] = {"": False}
    for text in texts:
        for name, value in text.macros:
            small[name] = small.get(name, True) and plain.is_small(value)
    return small


# --- options ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Search:
    """Where headers are looked for, which are included first, and what options define, as directives."""

    folders: tuple[str, ...]
    forced: tuple[str, ...]
    defined: tuple[str, ...]


def _search(arguments: Sequence[str]) -> _Search | None:
    """What `arguments` say of headers and macros, None where they say something unknown or are not AArch64's."""
    if architecture(tuple(arguments)) != "aarch64":
        return None
    folders: list[str] = []
    forced: list[str] = []
    defined: list[str] = []
    words = iter(arguments)
    for word in words:
        option = next((one for one in _FOLDERS if word.startswith(one)), None)
        if option is not None:
            folders.append(os.path.normpath(word[len(option) :] or next(words, ".")))
        elif word in ("-include", "-imacros"):
            forced.append(next(words, ""))
        elif word.startswith("-D"):
            name, _, value = (word[2:] or next(words, "")).partition("=")
            defined.append(f"#define {name} {value or 1}")
        elif word == "-U":
            next(words, "")
        elif word in ("-x", "-target"):
            if not re.fullmatch(r"c|c\+\+|aarch64\S*|arm64\S*", next(words, "")):
                return None
        elif not _HARMLESS.fullmatch(word) or (word.startswith("--target=") and architecture((word,)) != "aarch64"):
            return None
    return _Search(tuple(folders), tuple(forced), tuple(defined))


def _resolved(name: str, beside: str | None, folders: Sequence[str], unsaved: Mapping[str, str]) -> Iterator[str]:
    """All files that an include may be of: which is the first depends on more than the options say. Those of the
    system's own folders are left out where they are the C library's.
    """
    from barrierlint.linking.libraries import is_of_library

    for folder in (*(() if beside is None else (beside,)), *folders):
        path = os.path.normpath(os.path.join(folder, name))
        if (path in unsaved or os.path.isfile(path)) and not (path.startswith(_SYSTEM) and is_of_library(name)):
            yield path
