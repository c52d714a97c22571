"""What compilers say of themselves: their directories of headers and their target, asked of those that were allowed.

A compile database is part of the tree that is analysed and may name any program, so that none is run by default. Where
`--query-driver GLOB` matches a compiler's real path (`*` stays within a folder, `**` does not), it is asked with
`-E -v -x c++ /dev/null`, as clangd does: in the root folder, for ten seconds at most, with only those of the command's
flags that choose among the compiler's own files. Answers are kept for as long as the program is the same. What it does
not do: take a compiler's own headers (`stddef.h`, `arm_neon.h`), which are barrierlint's.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import field
from hashlib import sha256
from typing import Protocol

from barrierlint.finding import Notification, Severity
from barrierlint.frozen import dataclass
from barrierlint.source.commands import CompileCommand
from barrierlint.source.flags import compiler_of

SECONDS = 10.0
_MOST = 1 << 20
_ASKED = re.compile(r"--sysroot=.*|-isysroot.*|--target=.*|-m(?:arch|cpu|abi)=[\w.+-]+|-m(?:32|64)|-stdlib=[\w+]+")
_VALUED = ("--sysroot", "-isysroot", "-target", "--target")
_OWN = re.compile(r"/(?:gcc|gcc-cross)/[^/]+/[\w.]+/include(?:-fixed)?|/clang/[\w.]+/include")
_CXX = (".cc", ".cpp", ".cxx", ".c++", ".C", ".cp", ".hh", ".hpp", ".hxx", ".h++", ".H")


class Keeping(Protocol):
    """Where answers are kept between runs."""

    def get(self, name: str) -> bytes | None:
        """Return what was kept under `name`."""

    def put(self, name: str, data: bytes) -> None:
        """Keep `data` under `name`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The directories a compiler searches for headers, in order, and the machine it compiles for ("": not known)."""

    folders: tuple[str, ...] = ()
    target: str = ""


@dataclass(slots=True)
class Drivers:
    """Asks compilers that `globs` allow; `notifications` tell of those that gave no answer."""

    globs: tuple[str, ...] = ()
    keeping: Keeping | None = None
    notifications: list[Notification] = field(default_factory=list)
    _known: dict[tuple[str, ...], Answer | None] = field(default_factory=dict)

    def ask(self, command: CompileCommand) -> Answer | None:
        """Return what the compiler of `command` says, None if it may not be asked or says nothing."""
        if not self.globs or "-nostdinc" in command.arguments:
            return None
        found = locate(command)
        if found is None:
            self._tell(compiler_of(command.arguments), "is not there")
            return None
        name, real = found
        if not any(re.fullmatch(_pattern(glob), real) for glob in self.globs):
            self._tell(real, "was not asked: --query-driver does not match it", Severity.NOTE)
            return None
        language = "c++" if command.file.endswith(_CXX) else "c"
        key = (name, real, language, *_flags(command.arguments))
        if key not in self._known:
            self._known[key] = self._asked(*key)
        return self._known[key]

    def _asked(self, name: str, real: str, language: str, *flags: str) -> Answer | None:
        entry = _entry(name, real, language, flags)
        known = _read(self.keeping.get(entry)) if self.keeping else None
        if known is not None:
            return known
        text, problem = run([name, *flags, "-E", "-v", "-x", language, "/dev/null"], real)
        answer = parse(text)
        if problem or not answer.folders:
            self._tell(real, f"was asked for its headers and {problem or 'names none'}")
            return None
        if self.keeping:
            self.keeping.put(entry, json.dumps([answer.folders, answer.target]).encode("utf-8", "surrogatepass"))
        return answer

    def _tell(self, name: str, why: str, severity: Severity = Severity.WARNING) -> None:
        note = Notification("query-driver", f"the compiler {name} {why}", severity=severity)
        if note not in self.notifications:
            self.notifications.append(note)


def locate(command: CompileCommand) -> tuple[str, str] | None:
    """Return how the compiler of `command` is called and its real path, None if there is no such program."""
    import shutil

    name = compiler_of(command.arguments)
    path = os.path.join(command.directory, name) if os.sep in name else shutil.which(name) or ""
    real = os.path.realpath(path) if path else ""
    return (os.path.abspath(path), real) if real and os.path.isfile(real) and os.access(real, os.X_OK) else None


def _pattern(glob: str) -> str:
    """A regular expression for a glob: `*` and `?` stay within a folder, `**` does not."""
    special = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(special.get(part) or re.escape(part) for part in re.split(r"(\*\*|\*|\?)", os.path.abspath(glob)))


def _flags(arguments: Sequence[str]) -> list[str]:
    """Those of a command's flags that choose among the compiler's own files, and name no program, file or plugin."""
    words = iter(arguments[1:])
    kept: list[str] = []
    for word in words:
        if word in _VALUED:
            kept += [word, next(words, "")]
        elif _ASKED.fullmatch(word):
            kept.append(word)
    return kept


def run(words: Sequence[str], executable: str) -> tuple[str, str]:
    """Run a compiler; return what it says on standard error, and what went wrong ("": nothing)."""
    import signal
    import subprocess

    try:
        process = subprocess.Popen(
            words,
            executable=executable,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "LC_ALL": "C"},
        )
    except OSError as error:
        return "", f"could not be run ({error.strerror})"
    try:
        _, said = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return "", f"did not answer within {SECONDS:g} s"
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
    if process.returncode:
        return "", f"failed (exit status {process.returncode})"
    return said[:_MOST].decode("utf-8", "surrogateescape"), ""


def parse(text: str) -> Answer:
    """Return what the output of `-v` says."""
    folders: list[str] = []
    target, listing = "", False
    for line in text.splitlines():
        if line.startswith("Target: "):
            target = line.removeprefix("Target: ").strip()
        if line.startswith(("#include <", "End of search list")):
            listing = line.startswith("#include <")
        elif listing and line.startswith(" "):
            folders.append(os.path.normpath(line.strip().removesuffix(" (framework directory)")))
    good = (one for one in folders if os.path.isabs(one) and not _OWN.search(one))
    return Answer(tuple(dict.fromkeys(good)), target if re.fullmatch(r"[\w.]+(?:-[\w.]+)+", target) else "")


def _entry(name: str, real: str, language: str, flags: Sequence[str]) -> str:
    state = os.stat(real)
    key = "\0".join(("driver", name, real, str(state.st_size), str(state.st_mtime_ns), language, *flags))
    return sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def _read(data: bytes | None) -> Answer | None:
    try:
        folders, target = json.loads(data) if data is not None else ([], "")
        return Answer(tuple(map(str, folders)), str(target)) if folders else None
    except (ValueError, TypeError, RecursionError):
        return None
