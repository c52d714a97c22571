"""The language of a file and the arguments that every parse needs: standard, target, directories of headers.

The compiler's own headers are ours (`include/`); those of the C and C++ libraries are the machine's, if it has any.
A header's language is guessed from its text. It does not ask any compiler for its directories.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from barrierlint.source.flags import DEFAULT_TARGET

INCLUDE = Path(__file__).parent / "include"
_CXX = frozenset(
    (".cc", ".cpp", ".cxx", ".c++", ".hh", ".hpp", ".hxx", ".h++", ".ipp", ".inl", ".tpp", ".C", ".H", ".ii")
)
_LIKE_CXX = re.compile(
    rb"^[ \t]*(?:class\s+\w+|template\s*<|namespace\s*\w*\s*\{|using\s+\w+|public:|private:|protected:)|\bconstexpr\b|"
    rb"\bnullptr\b|\boperator\s*[=+\-*/&|<>!(\[]|\bvirtual\b|\btypename\b|\w::\w|\bstatic_cast<|\breinterpret_cast<",
    re.MULTILINE,
)
_COMMENT = re.compile(rb"//[^\n]*|/\*.*?\*/|\"(?:[^\"\\\n]|\\.)*\"", re.DOTALL)
_ALWAYS = (
    "-ferror-limit=0",
    "-fbracket-depth=1024",
    "-w",
    "-Wno-error",
    "-fno-caret-diagnostics",
    "-ftemplate-backtrace-limit=1",
)


def is_cxx(file: str, source: bytes) -> bool:
    """Whether `file` is C++: by its suffix, for `.h` by its text."""
    suffix = os.path.splitext(file)[1]
    if suffix in _CXX:
        return True
    if suffix not in (".h", ""):
        return False
    text = re.sub(rb"#\s*ifdef __cplusplus.*?#\s*endif", b"", _COMMENT.sub(b" ", source), flags=re.DOTALL)
    return bool(_LIKE_CXX.search(text))


def complete(
    file: str, source: bytes, arguments: Sequence[str] | None, extra_include: Sequence[str]
) -> tuple[list[str], tuple[str, ...]]:
    """Return (all arguments for libclang, arguments left out): the given ones, then what they leave open."""
    words = list(arguments or ())
    if not any(word.startswith("--target=") or word == "-target" for word in words):
        words.insert(0, f"--target={DEFAULT_TARGET}")
    cxx = "++" in words[words.index("-x") + 1] if "-x" in words[:-1] else is_cxx(file, source)
    if "-x" not in words:
        words += ["-x", "c++" if cxx else "c"]
    if not any(word.startswith(("-std=", "--std=")) for word in words):
        words.append("-std=gnu++20" if cxx else "-std=gnu17")
    words += [f"-I{directory}" for directory in extra_include]
    words += _ALWAYS
    words += ["-isystem", str(INCLUDE)]
    if "-nostdinc" not in words:
        words += library_directories(cxx and "-nostdinc++" not in words)
    return words, ()


@cache
def _library_directories(cxx: bool) -> tuple[str, ...]:
    """The machine's C++ and C library headers; those of an AArch64 cross compiler first."""
    found: list[Path] = []
    root = Path("/usr")
    roots = [root / "aarch64-linux-gnu/include", root / "include"]
    for base in roots if cxx else ():
        versions = sorted((base / "c++").glob("[0-9]*"), key=_version, reverse=True)
        if versions:
            name = versions[0].name
            found.append(versions[0])
            found += sorted(base.glob(f"*-linux-gnu*/c++/{name}"))[:1] or sorted(versions[0].glob("*-linux-gnu*"))[:1]
            break
    found += [base for base in roots[:1] if base.is_dir()]
    if not roots[0].is_dir():  # the machine's own C library, with what it says of its word size corrected
        found += [INCLUDE / "host", *sorted((root / "include").glob("*-linux-gnu*"))[:1]]
    return tuple(str(path) for path in found)


def library_directories(cxx: bool) -> list[str]:
    """Return the arguments that name the machine's library headers, searched after all others."""
    return [word for path in _library_directories(cxx) for word in ("-isystem", path)]


def _version(path: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", path.name))
