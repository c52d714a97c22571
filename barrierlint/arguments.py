"""The words of the command line: every command, option and default, as an argparse parser.

`parse` gives a namespace whose `command` is always set. What it does not do: look at files, or import a stage.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from barrierlint import __version__

COMMANDS = ("check", "init", "explain", "rule", "rules", "models", "cfg", "simulate", "server", "completion")
FORMATS = ("text", "sarif", "json", "github", "html", "clang")
FEATURES = ("base", "ets2", "ets3", "exs")
LEVELS = ("error", "warning", "note")
"""Severities, worst first."""

EXIT_STATUS = """\
exit status: 0 clean, 1 findings, 2 wrong usage or configuration, 3 some input could not be analysed
(with findings and lost inputs it is 1; the report names what was lost)"""


EXAMPLES = """\
examples:
  barrierlint check src/mmu.cc                       one file; compile_commands.json is searched upwards
  barrierlint check arch/arm64/mmu.c                 no database: headers and macros are guessed from the tree
  barrierlint check mmu.c -- -Iinclude -DCONFIG      no database, nothing guessed: compiler flags after --
  barrierlint check -p build arch/arm64              every file of the database below a folder
  barrierlint check --format html=report.html src    a page to read and to send
  barrierlint check --write-baseline known.json src  take what there is as known
  barrierlint check --diff-base origin/main src      only what a change brings
"""

INIT = """\
For trees without a compile database: looks for headers, macros and forced includes as `check` does, and writes them
to .barrierlint.yaml at the root of the tree, each with the place it comes from; `check` uses them from then on. Beside
it, a model with descriptor types, functions that write descriptors, and barrier helpers, each with its evidence.
Nothing of the tree is executed.

exit status: 0 written, 2 it cannot be done"""


SIMULATE = """\
ALLOWED: some execution ends in a state that satisfies the condition's proposition, whatever the quantifier; FORBIDDEN:
all were explored and none does; UNDECIDED: a budget came first. Columns of tsv: name, one of these, states, seconds.

exit status: 0 all answered, 2 some file could not be read (the others are answered), 3 some test is undecided"""


class Format(argparse.Action):
    """Collects `FORMAT[=FILE]` as (format, file) pairs; file "" is standard output."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,
    ) -> None:
        """Check and append one pair."""
        name, _, file = str(values).partition("=")
        if name not in FORMATS:
            parser.error(f"argument --format: unknown format '{name}' (choose from {', '.join(FORMATS)})")
        pairs = [*(getattr(namespace, self.dest) or []), (name, "" if file == "-" else file)]
        if sum(not target for _, target in pairs) > 1:
            parser.error("argument --format: only one format can go to standard output; give the others a file")
        setattr(namespace, self.dest, pairs)


def parse(words: Sequence[str], defaults: Mapping[str, object] | None = None) -> argparse.Namespace:
    """Parse the command line; without a command it is `check`. Words after `--` are `flags` (None without `--`).

    `defaults` take the place of the options' own, by name; options that a command does not have are passed over.
    """
    words = list(words)
    flags: tuple[str, ...] | None = None
    if "--" in words:
        at = words.index("--")
        words, flags = words[:at], tuple(words[at + 1 :])
    if words and words[0] not in (*COMMANDS, "-h", "--help", "-V", "--version"):
        words.insert(0, "check")
    top = parser()
    if defaults:
        _set_defaults(top, defaults)
    space = top.parse_args(words)
    if getattr(space, "write_baseline", None) and space.diff_base:
        top.error("argument --write-baseline: not with --diff-base, which shows a part of the findings only")
    space.flags = flags
    return space


def _set_defaults(top: argparse.ArgumentParser, defaults: Mapping[str, object]) -> None:
    for command in commands_of(top).values():
        own = {action.dest for action in command._actions} | {*command._defaults}
        command.set_defaults(**{name: value for name, value in defaults.items() if name in own})


def commands_of(top: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """Return the parsers of the commands."""
    actions = (action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    found: Mapping[str, argparse.ArgumentParser] = next(actions).choices
    return found


def subparser(command: str) -> argparse.ArgumentParser:
    """Return the parser of one command, for its help text."""
    return commands_of(parser())[command]


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        prog="barrierlint",
        description="Find missing barriers in AArch64 page-table code, and prove each by simulation.",
        epilog=f"`barrierlint PATH…` is `barrierlint check PATH…`; compiler flags go after `--`.\n{EXIT_STATUS}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("-V", "--version", action="version", version=f"barrierlint {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _check(commands.add_parser("check", help="analyse C and C++ files and report what lacks a barrier"))
    _init(commands.add_parser("init", help="write down how files are compiled, and propose a model, from guesses"))
    _explain(commands.add_parser("explain", help="show all there is to a finding, or its litmus test"))
    rule = commands.add_parser("rule", help="show the manual page of a rule")
    rule.add_argument("rule", metavar="ID", help="a rule's id or name, such as BL001")
    commands.add_parser("rules", help="list the rules")
    commands.add_parser("models", help="list the models that ship")
    _cfg(commands.add_parser("cfg", help="show the graph of events of functions"))
    _simulate(commands.add_parser("simulate", help="run litmus tests (herd's AArch64 VMSA format)"))
    served = commands.add_parser("server", help="serve an editor (Language Server Protocol, standard input and output)")
    _inputs(served)
    _selection(served)
    completion = commands.add_parser("completion", help="print the completion script of a shell")
    completion.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    return top


def _check(to: argparse.ArgumentParser) -> None:
    to.epilog, to.formatter_class = f"{EXAMPLES}\n{EXIT_STATUS}", argparse.RawDescriptionHelpFormatter
    to.add_argument("paths", nargs="*", metavar="PATH", help="files, or folders with sources")
    _inputs(to)
    _selection(to)
    output = to.add_argument_group("output")
    output.add_argument(
        "--format",
        action=Format,
        dest="formats",
        metavar="FORMAT[=FILE]",
        help=f"{', '.join(FORMATS)}, to FILE or standard output; can be repeated (default: text)",
    )
    _triage(to.add_argument_group("what to show"))
    _repairs(to.add_argument_group("repairs"))
    output.add_argument("--statistics", action="store_true", help="count the findings of each rule (text)")
    output.add_argument("--exit-zero", action="store_true", help="exit with 0 in spite of findings")
    output.add_argument(
        "--fail-on", choices=LEVELS, default="note", metavar="LEVEL", help="exit with 1 only for LEVEL or worse"
    )
    _detail(output)


def _repairs(to: argparse._ArgumentGroup) -> None:
    either = to.add_mutually_exclusive_group()
    either.add_argument("--diff", action="store_true", help="print the repairs as a patch for `git apply`, no report")
    either.add_argument(
        "--fix", action="store_true", help="make the repairs, analyse again, and put files back if that is not clean"
    )


def _triage(to: argparse._ArgumentGroup) -> None:
    to.add_argument("--baseline", metavar="FILE", help="leave out the findings that FILE knows")
    to.add_argument(
        "--write-baseline", metavar="FILE", help="write what is found into FILE, as known from now on; exit with 0"
    )
    to.add_argument("--diff-base", metavar="REV", help="only findings on lines that differ from git's revision REV")


def _init(to: argparse.ArgumentParser) -> None:
    to.epilog, to.formatter_class = INIT, argparse.RawDescriptionHelpFormatter
    to.add_argument(
        "paths", nargs="*", default=["."], metavar="PATH", help="files, or folders to choose from (default: .)"
    )
    to.add_argument("--force", action="store_true", help="write files anew that exist already")


def _explain(to: argparse.ArgumentParser) -> None:
    to.add_argument("fingerprint", metavar="FINGERPRINT", help="as printed with the finding; its beginning is enough")
    to.add_argument("paths", nargs="*", metavar="PATH", help="the paths that were checked")
    to.add_argument("--litmus", action="store_true", help="print the finding as a litmus test for herd7, nothing else")
    _inputs(to)
    _selection(to)
    _detail(to.add_argument_group("output"))


def _inputs(to: argparse.ArgumentParser) -> None:
    to.set_defaults(compile=())
    group = to.add_argument_group("inputs")
    group.add_argument(
        "--config",
        metavar="FILE",
        help="configuration (default: .barrierlint.yaml or [tool.barrierlint] of pyproject.toml, searched upwards)",
    )
    group.add_argument("--no-config", action="store_true", help="read no configuration")
    group.add_argument(
        "-p",
        dest="database",
        metavar="PATH",
        help="compile_commands.json or its folder (default: searched upwards, and in build/ and out/)",
    )
    group.add_argument(
        "--query-driver",
        action=Words,
        default=[],
        metavar="GLOB",
        help="compilers of the database that may be run, to ask for their headers, by real path (default: none)",
    )
    group.add_argument("--extra-arg", action="append", default=[], metavar="ARG", help="add a compiler argument")
    group.add_argument(
        "--remove-arg", action="append", default=[], metavar="GLOB", help="drop compiler arguments that match"
    )
    group.add_argument(
        "--target",
        default="aarch64-linux-gnu",
        metavar="TRIPLE",
        help="machine for commands that name none (default: %(default)s)",
    )
    group.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME|FILE",
        help="what the code base's names mean; can be repeated (default: those shipped that fit)",
    )
    _means(to)


def _means(to: argparse.ArgumentParser) -> None:
    """How inputs are read."""
    group = to.add_argument_group("reading")
    group.add_argument(
        "--neighbours",
        type=_number,
        metavar="N",
        help="read up to N more files that those named call or are called by (default: 8 with a database, else 0)",
    )
    group.add_argument(
        "--jobs",
        type=_positive,
        metavar="N",
        help="files read at once, each in a process of its own (default: one a CPU)",
    )
    group.add_argument(
        "--executor",
        type=_executor,
        default="local",
        metavar="WHERE",
        help="local, or dask://HOST:PORT for a cluster that shares the file system (default: local)",
    )
    for option, default, unit in (("--time-limit", 300, "SECONDS"), ("--memory-limit", 4096, "MIB")):
        group.add_argument(
            option, type=_positive, default=default, metavar=unit, help="for reading one file (default: %(default)s)"
        )
    group.add_argument(
        "--cache-dir",
        default="",
        metavar="DIR",
        help="where to keep what was read (default: .barrierlint-cache at the tree's root)",
    )
    group.add_argument("--no-cache", action="store_true", help="neither use nor write a cache")


def _executor(text: str) -> str:
    """A cluster's address, "" for none."""
    if text != "local" and not text.startswith("dask://"):
        raise argparse.ArgumentTypeError(f"unknown executor '{text}' (choose local or dask://HOST:PORT)")
    return text.removeprefix("local")


def _number(text: str) -> int:
    """A whole number."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number")
    return int(text)


def _positive(text: str) -> int:
    """A whole number above 0."""
    if not _number(text):
        raise argparse.ArgumentTypeError("it must be above 0")
    return int(text)


def _selection(to: argparse.ArgumentParser) -> None:
    group = to.add_argument_group("analysis")
    group.add_argument("--select", action=Words, default=["ALL"], metavar="RULES", help="ids, families (BL0) or ALL")
    group.add_argument("--ignore", action=Words, default=[], metavar="RULES", help="the same, left out")
    _features(group)
    group.add_argument(
        "--unknown-calls",
        choices=("ignore", "assume-access", "assume-sync"),
        default="",
        help="what calls of functions that nobody shows are taken for (default: what the model says, else ignore)",
    )
    group.add_argument("--no-confirm", action="store_true", help="do not simulate the findings")


def _features(to: argparse._ActionsContainer, default: str | None = "base", otherwise: str = "base") -> None:
    """The option for hardware features; `otherwise` says in words what holds without it."""
    to.add_argument(
        "--features",
        type=features,
        default=default,
        metavar="SET",
        help=f"hardware: {', '.join(FEATURES)}, or several joined by + (default: {otherwise})",
    )


def features(text: str) -> str:
    """Check a set of hardware features such as `ets2+exs`."""
    if unknown := [word for word in text.lower().split("+") if word not in FEATURES]:
        raise argparse.ArgumentTypeError(f"unknown feature '{unknown[0]}' (choose from {', '.join(FEATURES)})")
    return text.lower()


def _detail(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-v", "--verbose", action="store_true", help="also refuted findings, folded steps, all notes")
    group.add_argument("-q", "--quiet", action="store_true", help="one line a finding")
    group.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colours in text")


def _cfg(to: argparse.ArgumentParser) -> None:
    to.add_argument("paths", nargs=1, metavar="FILE")
    to.add_argument("--function", metavar="NAME", help="a name, qualified or not (default: all functions)")
    to.add_argument("--format", choices=("dot", "text"), default="text", help="default: %(default)s")
    _inputs(to)


def _simulate(to: argparse.ArgumentParser) -> None:
    to.epilog, to.formatter_class = SIMULATE, argparse.RawDescriptionHelpFormatter
    to.add_argument("files", nargs="+", metavar="FILE", help="litmus tests, or folders of them")
    _features(to, None, "what the test's Variant names, else base")
    to.add_argument("--format", choices=("text", "tsv"), default="text", help="default: %(default)s")
    to.add_argument(
        "--trace",
        action="store_true",
        help="show the execution that reaches the condition (with tsv: on standard error)",
    )
    to.add_argument(
        "--ablate",
        action="store_true",
        help="run it without each barrier too: which are needed to forbid the outcome, and which sets are enough",
    )


class Words(argparse.Action):
    """Collects comma-separated words; the first use of the option replaces the default."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,
    ) -> None:
        """Append the words of one use."""
        given = [word.strip() for word in str(values).split(",") if word.strip()]
        known = getattr(namespace, self.dest)
        setattr(namespace, self.dest, given if known is self.default else [*known, *given])
