"""Command lines: gcc's and clang's made fit for libclang.

Nothing is executed. Relative paths become absolute by the command's directory. It does not model `cl.exe` syntax.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from barrierlint.source.commands import CompileCommand

DEFAULT_TARGET = "aarch64-linux-gnu"
_COMPILERS = frozenset(("gcc", "g++", "cc", "c++", "clang", "clang++", "cpp", "as", "ld"))
_WRAPPERS = ("ccache", "distcc", "sccache", "icecc", "gomacc", "env", "time", "nice")
_LARGEST_RESPONSE = 1 << 20
_DROP = frozenset(
    ["-c", "-S", "-E", "-M", "-MM", "-MD", "-MMD", "-MP", "-MG", "-MV", "-pipe", "-v", "-###", "-s", "--"]
)
_DROP_WITH_VALUE = frozenset(
    [
        "-o",
        "-MF",
        "-MT",
        "-MQ",
        "-MJ",
        "--param",
        "-wrapper",
        "-Xlinker",
        "-Xassembler",
        "-Xpreprocessor",
        "-T",
        "-z",
        "-Xclang",
        "-mllvm",
        "-dumpdir",
        "-aux-info",
        "--serialize-diagnostics",
        "-L",
        "-l",
        "-e",
        "-u",
    ]
)
_PATHS = (
    "-I",
    "-isystem",
    "-iquote",
    "-idirafter",
    "-include",
    "-imacros",
    "-isysroot",
    "--sysroot",
    "-iwithprefix",
    "-F",
)
VALUED = frozenset((*_PATHS, *["-x", "-target", "-D", "-U", "-arch", "-std", "-Xclang", "-mllvm"]))
# Outputs, linking, debugging, warnings; then what only gcc knows (clang reports or, for -mabi, refuses it).
_DROP_PREFIX = (
    "-W",
    "-g",
    "-l",
    "-L",
    "-MF",
    "-MT",
    "-MQ",
    "-o",
    "-fplugin",
    "--param=",
    "-specs=",
    "--specs=",
    "-fdump-",
    "-save-temps",
    "-flto",
    "-fuse-ld",
    "-fdiagnostics",
    "-fprofile",
    "-fcoverage",
    "-fdebug-prefix",
    "-ffile-prefix",
    "-fmacro-prefix",
    "-frandom-seed",
    "-fstack-usage",
    "-fcallgraph",
    "-dumpbase",
    "-dumpdir",
    "-mabi=",
    "-fconserve-stack",
    "-fno-allow-store-data-races",
    "-fno-var-tracking",
    "-fvar-tracking",
    "-fno-ipa-",
    "-fipa-",
    "-fno-tree-",
    "-ftree-",
    "-fno-gcse",
    "-fno-reorder-",
    "-freorder-",
    "-fno-partial-inlining",
    "-fno-section-anchors",
    "-fmin-function-alignment",
    "-fno-code-hoisting",
    "-fno-schedule-",
    "-fschedule-",
    "-fno-delete-null",
    "-fsched",
    "-fno-sched",
    "-fno-toplevel-reorder",
    "-fno-inline-functions-called-once",
    "-fno-guess-branch",
    "-fno-store-merging",
    "-fno-caller-saves",
    "-fzero-init-padding-bits",
    "-fno-strict-overflow",
    "-fno-jump-tables",
    "-fpatchable-function-entry",
    "-mstack-protector-guard",
    "-mno-outline-atomics",
    "-moutline-atomics",
    "-mlow-precision",
    "-mpc-relative",
    "-mno-pc-relative",
    "-mgeneral-regs",
    "-fasan-shadow",
    "-fno-cse",
    "-fcse",
    "-fno-ivopts",
    "-femit-struct",
    "-fmerge-all",
    "-fno-merge",
    "-fsanitize",
    "-fno-sanitize",
    "-fstack-clash",
    "-fno-stack-clash",
    "-fmodulo-sched",
    "-fno-modulo",
    "-frename-registers",
    "-fweb",
    "-funit-at",
    "-fno-unit",
    "-fkeep",
    "-falign",
    "-fno-align",
    "-fstrict-flex",
    "-fcf-protection",
    "-fno-cf",
    "-finstrument",
    "-fno-instrument",
    "-fanalyzer",
    "-fvect",
    "-fno-vect",
    "-mfix-cortex",
    "-mno-fix",
)
_ARCHITECTURES = [
    "aarch64",
    "arm64",
    "x86_64",
    "i386",
    "i486",
    "i586",
    "i686",
    "arm",
    "armv",
    "riscv",
    "powerpc",
    "ppc",
    "mips",
    "s390",
]
_X86 = frozenset(
    [
        "-m64",
        "-mno-red-zone",
        "-mcmodel=kernel",
        "-mno-sse",
        "-mno-sse2",
        "-march=x86-64",
        "-mno-mmx",
        "-mno-avx",
        "-msse2",
    ]
)


def clean_arguments(command: CompileCommand) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Return (arguments for libclang, arguments dropped, architecture) of a compile command.

    What says nothing about the meaning of the source is dropped: outputs, dependency files, linking, debugging,
    warnings, optimiser flags of gcc's. `--target` is added: the one named by the compiler's prefix, else AArch64 Linux.
    """
    words = list(command.arguments)
    compiler = compiler_of(words)
    while words and os.path.basename(words[0]) in _WRAPPERS:
        words.pop(0)
    if compiler:
        words.pop(0)
    compiler = os.path.basename(compiler)
    dropped: list[str] = []
    kept = list(_keep(iter(_expand(words, command.directory, dropped, 0)), command, dropped))
    if _target_of(kept) is None:
        kept.insert(0, f"--target={_implied_target(compiler, kept)}")
    return tuple(kept), tuple(dropped), architecture(kept)


def compiler_of(arguments: Sequence[str]) -> str:
    """Return the compiler as a command names it, behind wrappers such as ccache; "" if it names none."""
    found = next((word for word in arguments if os.path.basename(word) not in _WRAPPERS), "")
    return "" if found.startswith("-") else found


def _expand(words: list[str], directory: str, dropped: list[str], depth: int) -> list[str]:
    """`words` with response files `@file` replaced by what they hold; unreadable ones are dropped."""
    found: list[str] = []
    for word in words:
        if not word.startswith("@") or len(word) == 1:
            found.append(word)
            continue
        path = os.path.join(directory, word[1:])
        try:
            if depth > 8 or os.path.getsize(path) > _LARGEST_RESPONSE:
                raise OSError
            inner = shlex.split(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            dropped.append(word)
            continue
        found += _expand(inner, directory, dropped, depth + 1)
    return found


def _keep(words: Iterator[str], command: CompileCommand, dropped: list[str]) -> Iterator[str]:
    """The arguments that matter, paths absolute."""
    for word in words:
        if word in _DROP_WITH_VALUE:
            dropped += [word, next(words, "")]
        elif word in _DROP:
            dropped.append(word)
        elif word in _PATHS:
            yield from (word, _absolute(next(words, ""), word, command.directory))
        elif word in ("-x", "-target", "-D", "-U", "-arch", "-std"):
            yield from (word, next(words, ""))
        elif not word.startswith("-"):
            if not _is_input(word, command):
                dropped.append(word)
        elif word.startswith(_DROP_PREFIX):
            dropped.append(word)
        else:
            yield _joined(word, command.directory)


def _is_input(word: str, command: CompileCommand) -> bool:
    return os.path.normpath(os.path.join(command.directory, word)) == command.file or word == "-"


def _joined(word: str, directory: str) -> str:
    """`word`, with the path of a joined form such as `-Iinclude` or `--sysroot=x` made absolute."""
    for option in sorted(_PATHS, key=len, reverse=True):
        if word.startswith(option) and len(word) > len(option):
            rest = word[len(option) :]
            equals = "=" if rest.startswith("=") else ""
            return option + equals + _absolute(rest.removeprefix("="), option, directory)
    return word


def _absolute(path: str, option: str, directory: str) -> str:
    """`path` by the command's directory; a forced include that is not there is left to the search path."""
    full = os.path.normpath(os.path.join(directory, path))
    if option in ("-include", "-imacros") and not os.path.exists(full):
        return path
    return full


def _target_of(words: list[str]) -> str | None:
    """The target that `words` name, None if they name none."""
    for at, word in enumerate(words):
        if word.startswith("--target="):
            return word.removeprefix("--target=")
        if word in ("-target", "--target") and at + 1 < len(words):
            return words[at + 1]
    return None


def _implied_target(compiler: str, words: list[str]) -> str:
    """The target that a cross compiler's name or `-m32`, `-m64` imply."""
    parts = compiler.split("-")
    known = tuple(_ARCHITECTURES)
    if len(parts) > 1 and parts[0].startswith(known):
        keep = [part for part in parts if part not in _COMPILERS and not part[:1].isdigit()]
        return "-".join(keep) if keep else DEFAULT_TARGET
    if "-m32" in words:
        return "i386-linux-gnu"
    return "x86_64-linux-gnu" if any(word in _X86 for word in words) else DEFAULT_TARGET


def architecture(words: list[str] | tuple[str, ...]) -> str:
    """Return the architecture that `words` compile for: `aarch64`, `x86_64`, …"""
    name = (_target_of(list(words)) or DEFAULT_TARGET).split("-")[0]
    if name in ("arm64", "arm64e", "aarch64_be"):
        return "aarch64"
    return "x86_64" if name == "amd64" else name
