"""Which files to analyse and with which compiler arguments: from paths, a compile database, or nothing at all.

Paths stay as the user wrote them. What cannot be analysed at all (binary files) comes back as a notification; what
makes no sense as a request (no such file, a folder without sources) is an `InputError`. What it does not do: parse.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from barrierlint import source
from barrierlint.drivers import Drivers
from barrierlint.finding import Notification, Severity, Span
from barrierlint.frozen import dataclass
from barrierlint.source import guessing
from barrierlint.source.guessing.tree import root_of
from barrierlint.source.lines import SUFFIXES as ASSEMBLY

if TYPE_CHECKING:
    from barrierlint.compilation import Compile
    from barrierlint.source.guessing.guess import Guess

SUFFIXES = frozenset({".c", ".cc", ".cpp", ".cxx", ".c++", ".C", ".cp"})
HEADERS = frozenset({".h", ".hh", ".hpp", ".hxx", ".h++", ".H", ".inc", ".inl", ".ipp", ".tcc"})
SOURCES = SUFFIXES | ASSEMBLY
OTHER_SYNTAX = frozenset({".asm", ".nasm"})
"""Assembly for assemblers other than GNU's and LLVM's, which is not read."""

TARGET = "aarch64-linux-gnu"
"""The machine that `source.clean_arguments` compiles for where a command names none."""

HOW_TO_GET_ONE = (
    "get one with `cmake -DCMAKE_EXPORT_COMPILE_COMMANDS=ON`, `bear -- make` or Linux's "
    "`scripts/clang-tools/gen_compile_commands.py`, name it with -p, or give compiler flags after `--`"
)


class InputError(Exception):
    """A request that cannot be met: one line that says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked to be analysed, and how.

    `database` is a file or folder (None: search), `flags` what came after `--` (None: nothing did), `remove` patterns
    of arguments to drop, `target` the triple for commands that name none, `compile` what a configuration says of files
    that no database tells of. At most `neighbours` more files are read with those of `paths` (None: some, where there
    is a database). `query_driver` are globs of the compilers that may be asked for their headers.
    """

    paths: tuple[str, ...]
    database: str | None = None
    flags: tuple[str, ...] | None = None
    extra: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    target: str = TARGET
    compile: tuple[Compile, ...] = ()
    neighbours: int | None = None
    query_driver: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Input:
    """One file to parse: `path` for reports, `arguments` for libclang, and those of its command that were `dropped`.

    `unsaved` are files that exist in memory only, by absolute path; `guessed` whether the tree was asked for arguments.
    """

    path: str
    arguments: tuple[str, ...]
    dropped: tuple[str, ...] = ()
    unsaved: tuple[tuple[str, str], ...] = ()
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Inputs:
    """All files of a run, what to say about how they were found, and all commands of the database by real path.

    `screened`: all were ruled out by their text (see `linking.screening`).
    """

    files: tuple[Input, ...]
    notifications: tuple[Notification, ...] = field(default=())
    commands: Mapping[str, source.CompileCommand] = field(default_factory=dict, compare=False, repr=False)
    screened: bool = False


Screened = Callable[[Sequence[Input], bool], bool]
"""Whether nothing in files can concern page tables, by their text; and whether their arguments are known (or may still
be guessed).
"""


def more(
    paths: Iterable[str],
    request: Request,
    commands: Mapping[str, source.CompileCommand],
    means: guessing.Means | None = None,
    drivers: Drivers | None = None,
) -> tuple[Input, ...]:
    """Return further files with their arguments; what no compiler reads is left out."""
    drivers = drivers or Drivers()
    usable, _ = _split([_input(path, request, commands, drivers) for path in paths])
    return usable if commands else _guessed(usable, request.compile, means or guessing.Means())[0]


def collect(
    request: Request,
    means: guessing.Means | None = None,
    drivers: Drivers | None = None,
    screened: Screened | None = None,
) -> Inputs:
    """Return the files of `request` with their arguments; raise InputError if there is nothing to do.

    `means` are for guessing arguments, where none are known; `drivers` ask compilers for their headers. Nothing is
    guessed of files that are all `screened`.
    """
    drivers = drivers or Drivers()
    if not request.paths and not request.database:
        raise InputError("nothing to analyse: give files or folders, such as `barrierlint check src/mmu.c`")
    missing = [path for path in request.paths if not os.path.lexists(path) or not os.path.exists(path)]
    if missing:
        raise InputError(f"no such file or directory: {', '.join(missing)}")
    commands, database = _commands(request)
    files: dict[str, Input] = {}
    for path in request.paths or _listed(commands, database):
        for item in _inputs(path, request, commands, drivers):
            files.setdefault(os.path.realpath(item.path), item)
    usable, unusable = _split(files.values())
    guesses: tuple[Notification, ...] = ()
    known = request.flags is not None or bool(database)
    out = screened is not None and bool(usable) and (known or not request.compile) and screened(usable, known)
    if not known and not out:
        usable, guesses = _guessed(usable, request.compile, means or guessing.Means())
    about = (
        *guesses,
        *_about_guesses(usable, request, commands, database),
        *_about_assembly(request, commands),
        *(_about_links(request) if not commands else ()),
    )
    return Inputs(usable, (*about, *drivers.notifications, *unusable), commands, out)


def _commands(request: Request) -> tuple[dict[str, source.CompileCommand], str]:
    """The compile commands by real path, and the database's name; neither if flags were given or none is found."""
    if request.flags is not None:
        return {}, ""
    found = Path(request.database) if request.database else source.find_database(Path(_start(request.paths[0])))
    if found is None:
        return {}, ""
    commands: dict[str, source.CompileCommand] = {}
    for command in source.load_database(found):
        real = os.path.realpath(command.file)
        if real not in commands or (_elsewhere(commands[real]) and not _elsewhere(command)):
            commands[real] = command
    return commands, os.path.relpath(found)


def _elsewhere(command: source.CompileCommand) -> bool:
    """Whether `command` is for another architecture; of several for one file the first that is not counts."""
    return source.architecture(source.clean_arguments(command)[0]) != "aarch64"


def _listed(commands: dict[str, source.CompileCommand], database: str) -> list[str]:
    """All C and C++ files of the database that are there, for a request without paths."""
    found = [os.path.relpath(real) for real in commands if suffix(real) not in OTHER_SYNTAX and os.path.exists(real)]
    if not found:
        raise InputError(f"{database} lists no C or C++ file that exists: generate it anew, or name files")
    return found


def _start(path: str) -> str:
    """The folder a search for a database begins in."""
    return path if os.path.isdir(path) else os.path.dirname(path) or "."


def _inputs(
    path: str, request: Request, commands: dict[str, source.CompileCommand], drivers: Drivers
) -> Iterator[Input]:
    """The files that one path of the request stands for."""
    if not os.path.isdir(path):
        yield _input(path, request, commands, drivers)
        return
    under = os.path.realpath(path) + os.sep
    listed = [real for real in commands if real.startswith(under) and suffix(real) not in OTHER_SYNTAX]
    names = [_as_named(real, path) for real in listed if os.path.exists(real)] or sorted(sources_under(path))
    if not names:
        raise InputError(f"no C or C++ source in directory {path}: name files, or a folder that has some")
    yield from (_input(name, request, commands, drivers) for name in names)


def _as_named(real: str, folder: str) -> str:
    """The real path `real` below `folder`, as a continuation of what the user wrote."""
    return os.path.normpath(os.path.join(folder, os.path.relpath(real, os.path.realpath(folder))))


def sources_under(folder: str) -> Iterator[str]:
    """Yield the C, C++ and assembly sources below `folder` (no headers), hidden folders left out, and links that lead
    out of the tree.
    """
    root = os.path.join(root_of(folder), "")
    return (path for path in _files_under(folder, SOURCES) if not _leads_out(path, root))


def _leads_out(path: str, root: str) -> bool:
    return os.path.islink(path) and not os.path.realpath(path).startswith(root)


def _files_under(folder: str, suffixes: frozenset[str]) -> Iterator[str]:
    for directory, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.normpath(os.path.join(directory, name)) for name in names if suffix(name) in suffixes)


def suffix(name: str) -> str:
    """Return the suffix with its dot, `.C` and `.H` kept, others in lower case but for assembly's `.S`."""
    found = os.path.splitext(name)[1]
    return found if found in SOURCES | HEADERS else found.lower()


def _input(path: str, request: Request, commands: Mapping[str, source.CompileCommand], drivers: Drivers) -> Input:
    """One file with its arguments: from the database, from a neighbour in it, from the flags given, or guessed."""
    given = source.CompileCommand(os.path.abspath(path), os.getcwd(), ("cc", *(request.flags or ())))
    command = commands.get(os.path.realpath(path)) or _neighbour(path, commands)
    command = _with_own_headers(command, drivers) if command else given
    arguments, dropped, _ = source.clean_arguments(command)
    kept = [_retargeted(word, command, request) for word in arguments]
    kept = [word for word in kept if not any(fnmatchcase(word, pattern) for pattern in request.remove)]
    if any(word.startswith("--target=") for word in request.extra):
        kept = [word for word in kept if not word.startswith("--target=")]
    return Input(path, (*kept, *request.extra), dropped)


def _with_own_headers(command: source.CompileCommand, drivers: Drivers) -> source.CompileCommand:
    """`command` with what its compiler says of itself, where it may be asked."""
    answer = drivers.ask(command)
    if answer is None:
        return command
    words = ["-nostdinc", "-nostdinc++", *(word for folder in answer.folders for word in ("-isystem", folder))]
    if answer.target and not any(word.startswith(("--target", "-target")) for word in command.arguments):
        words.append(f"--target={answer.target}")
    return replace(command, arguments=(*command.arguments, *words))


def _retargeted(word: str, command: source.CompileCommand, request: Request) -> str:
    """The default target, where the command names none, is what the user says it is."""
    guessed = word == f"--target={TARGET}" and word not in command.arguments
    return f"--target={request.target}" if guessed else word


def _neighbour(path: str, commands: Mapping[str, source.CompileCommand]) -> source.CompileCommand | None:
    """The command of the listed file that shares the most of its path with `path`, as for headers: clangd's rule."""
    if not commands:
        return None
    here = os.path.realpath(path)
    return commands[max(commands, key=lambda real: (_shared(real, here), real == here))]


def _shared(one: str, other: str) -> tuple[int, int]:
    """How many folders two paths share, and how many letters of the file name."""
    left, right = Path(one), Path(other)
    common = os.path.commonpath([left.parent, right.parent])
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(left.stem, right.stem, strict=False))
    return len(Path(common).parts), sum(1 for _ in alike)


def _split(files: Iterable[Input]) -> tuple[tuple[Input, ...], tuple[Notification, ...]]:
    """Set aside what no compiler reads: binary files, assembly, other languages."""
    usable: list[Input] = []
    notes: list[Notification] = []
    for item in files:
        why = _unusable(item.path, any(word.startswith("-x") for word in item.arguments))
        if why:
            notes.append(Notification("unreadable-input", f"{item.path}: {why}", lost=True, severity=Severity.ERROR))
        else:
            usable.append(item)
    return tuple(usable), tuple(notes)


def _unusable(path: str, stated: bool) -> str:
    """Why `path` cannot be analysed, "" if it can; `stated` where the arguments name its language."""
    if not os.path.isfile(path):
        return "not a regular file"
    try:
        with open(path, "rb") as file:
            head = file.read(8192)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "a binary file, not C or C++ source"
    if suffix(path) in OTHER_SYNTAX:
        return "assembly in another syntax than GNU's is not analysed"
    if suffix(path) not in SOURCES | HEADERS and not stated:
        return "not a C or C++ source by its name (known suffixes: .c .cc .cpp .cxx .h .hh .hpp …)"
    return ""


def _guessed(
    files: tuple[Input, ...], written: Sequence[Compile], means: guessing.Means
) -> tuple[tuple[Input, ...], tuple[Notification, ...]]:
    """Files with the arguments that a configuration or else their trees suggest, and what was guessed."""
    asked = [guessing.Asked(item.path, item.arguments, _said(written, item.path)) for item in files]
    answers, notes = guessing.guess(asked, means)
    return tuple(
        replace(item, arguments=answer.arguments, unsaved=answer.unsaved, guessed=bool(answer.guess))
        for item, answer in zip(files, answers, strict=True)
    ), notes


def _said(written: Sequence[Compile], path: str) -> tuple[str, Guess] | None:
    """What a configuration says of a file, and the folder of its paths."""
    if not written:
        return None
    from barrierlint.compilation import for_file

    return for_file(written, path)


def _about_guesses(
    files: Sequence[Input], request: Request, commands: dict[str, source.CompileCommand], database: str
) -> Iterator[Notification]:
    """Say which arguments were guessed or dropped: of all files, or of those the database does not list."""
    dropped = dict.fromkeys(word for item in files for word in item.dropped if word.startswith(("-f", "-m", "--param")))
    if dropped:
        text = f"compiler arguments that say nothing to the analysis were dropped: {' '.join(dropped)}"
        yield Notification("dropped-flag", text, severity=Severity.NOTE)
    if request.flags is None and files and not database and not any(item.unsaved or item.guessed for item in files):
        words = " ".join(files[0].arguments)
        text = f"no compile_commands.json found, guessed `{words}` and the standard by the suffix; {HOW_TO_GET_ONE}"
        yield Notification("no-compile-database", text)
    gone = [real for real in commands if not os.path.exists(real)]
    if gone and (not request.paths or any(map(os.path.isdir, request.paths))):
        text = f"{database} lists {len(gone)} file(s) that do not exist, such as {os.path.relpath(gone[0])}"
        yield Notification("missing-source", f"{text}: build once so that generated sources are there")
    guessed = [item.path for item in files if commands and os.path.realpath(item.path) not in commands]
    if guessed:
        more = f" and {len(guessed) - 1} more" if guessed[1:] else ""
        text = f"{database} does not list {guessed[0]}{more}: the nearest listed file's arguments were used"
        yield Notification("not-in-database", text, Span(guessed[0], 1))


def _about_links(request: Request) -> Iterator[Notification]:
    """Say which sources below the folders named were passed over since they are links that lead out of the tree."""
    for folder in filter(os.path.isdir, request.paths):
        root = os.path.join(root_of(folder), "")
        found = sorted(path for path in _files_under(folder, SOURCES) if _leads_out(path, root))
        if found:
            more = f" and {len(found) - 1} more" if found[1:] else ""
            text = f"links that lead out of {root} are not followed: passed over {found[0]}{more}; name what is meant"
            yield Notification("link", text, Span(found[0], 1))


def _about_assembly(request: Request, commands: dict[str, source.CompileCommand]) -> Iterator[Notification]:
    """Say, once, which assembly files were passed over in folders and the database: what they do stays unknown."""
    listed = {real for real in commands if suffix(real) in OTHER_SYNTAX and os.path.exists(real)}
    found: dict[str, str] = {} if request.paths else {real: os.path.relpath(real) for real in sorted(listed)}
    for folder in filter(os.path.isdir, request.paths):
        for path in sorted(_files_under(folder, OTHER_SYNTAX)):
            real = os.path.realpath(path)
            if real in listed or not commands:
                found.setdefault(real, path)
    if found:
        first, *rest = found.values()
        more = f" and {len(rest)} more" if rest else ""
        text = (
            f"assembly in another syntax than GNU's is not read, calls into it are unknown: passed over {first}{more}"
        )
        yield Notification("assembly", text, severity=Severity.NOTE)
