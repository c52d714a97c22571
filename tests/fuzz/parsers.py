"""Every parser of ours, with inputs to start from and what it may raise: nothing else, and not after ten seconds."""

from __future__ import annotations

import os
import resource
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from barrierlint import arguments, cfg, checking, configuration, drivers, models, pipeline, source
from barrierlint.cfg.asm import decode, decode_lines
from barrierlint.compilation import CompilationError
from barrierlint.configuration import ConfigurationError
from barrierlint.finding import Notification, Span
from barrierlint.inputs import InputError
from barrierlint.linking import codec, index, indexing, outline, plain, processes, records
from barrierlint.linking.store import Store
from barrierlint.models import ModelError, Models
from barrierlint.models.document import ModelError as DocumentError
from barrierlint.pipeline import Outcome
from barrierlint.sim.litmus import parse as parse_litmus
from barrierlint.sim.litmus_values import LitmusError
from barrierlint.source import SourceError, printed
from barrierlint.source.guessing import build, kconfig, memory
from barrierlint.source.guessing.tree import Tree
from barrierlint.source.layout import Layout
from barrierlint.triage import baseline, changes, comments
from tests.assembly.snippets import assembled

FIXTURES = Path(__file__).parents[2] / "fixtures"
SECONDS = 10
SPACE = 3 << 30
"""Bytes of address space that an input may take: threads with deep stacks take some of it."""


class Hang(Exception):
    """A parser that took longer than any input is worth."""


@contextmanager
def bounded() -> Iterator[None]:
    """Raise Hang after some seconds of processor time, MemoryError where there is no end to what is asked for."""

    def ring(number: int, frame: object) -> None:
        raise Hang(f"more than {SECONDS} s of processor time")

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    space, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (processes._address_space() + SPACE, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (space, hard))
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@dataclass(frozen=True)
class Parser:
    """`parse` takes text made from that of `seeds`, and raises nothing but `refuses`."""

    parse: Callable[[str], object]
    seeds: Callable[[], list[str]]
    refuses: tuple[type[BaseException], ...] = ()

    def run(self, text: str) -> None:
        """Parse `text`; a refusal says why."""
        with bounded():
            refusal = self._refusal(text)
        assert refusal is None or isinstance(refusal, SystemExit) or str(refusal).strip()

    def _refusal(self, text: str) -> BaseException | None:
        try:
            self.parse(text)
        except self.refuses as refusal:
            return refusal
        return None


@contextmanager
def file_of(text: str, name: str) -> Iterator[Path]:
    """A file that holds `text`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        yield path


def files(*patterns: str, most: int = 12) -> Callable[[], list[str]]:
    """The contents of fixtures."""

    def read() -> list[str]:
        found = [path for pattern in patterns for path in sorted(FIXTURES.parent.glob(pattern))]
        step = max(1, len(found) // most)
        return [path.read_text(encoding="utf-8") for path in found[::step]]

    return read


def texts(*given: str) -> Callable[[], list[str]]:
    """Inputs written here."""
    return lambda: list(given)


def in_file(name: str, parse: Callable[[Path], object]) -> Callable[[str], object]:
    """A parser of a file's contents."""

    def run(text: str) -> object:
        with file_of(text, name) as path:
            return parse(path)

    return run


def _database(path: Path) -> None:
    for command in source.load_database(path):
        source.clean_arguments(command)
        drivers.Drivers().ask(command)


def _kconfig(path: Path) -> None:
    kconfig.solve(kconfig.read(Tree(str(path.parent)), path.name), {"A": "y"})


def _makefile(path: Path) -> None:
    tree = Tree(str(path.parent))
    build.said(tree, "")
    build.value(tree, "", "A")


def _diff(text: str) -> None:
    changes._read(changes.Changes(), "/tmp", text)


def _index(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.put(indexing._name(["r"]), text.encode("utf-8", "surrogateescape"))
        indexing.read(store, ["r"])


def _options(text: str) -> None:
    arguments.parse(["check", *text.split("\n")])


def _rules(text: str) -> None:
    pipeline.select_rules(pipeline.all_rules(), text.split(","), ())


def _recalled(path: Path) -> None:
    root = str(path.parent)
    place = memory._place(root, root, str(path), ())
    os.makedirs(os.path.dirname(place))
    path.rename(place)
    memory.recall(root, root, str(path), ())


@cache
def unit() -> str:
    """A unit as the cache keeps it."""
    text = 'typedef unsigned long pte_t;\nvoid g(pte_t *p) { *p = 1; asm("dsb ish"); }\nvoid f(pte_t *p) { g(p); }\n'
    with file_of(text, "a.c") as path:
        data = records.to_bytes(cfg.lower_unit(source.parse(path, ()), Models()))
    return data.decode("utf-8", "surrogatepass")


def _outlined() -> str:
    return outline.dump(records.outlined(records.from_bytes(unit().encode("utf-8", "surrogatepass")))[1])


def _found() -> str:
    said = (Notification("kind", "message", Span("a.c", 1)),)
    return codec.encode(checking.Found(notifications=said, extents={"a.c": ((1, 2), (3, 4))}), checking.Found)


GUESS = (
    '{"guess": "{\\"version\\": 2, \\"includes\\": {\\"include\\": \\"x\\"}, \\"forced\\": {}, \\"stubs\\": {}, '
    '\\"borrowed\\": {}, \\"declarations\\": {}, \\"flags\\": {\\"-std=gnu11\\": \\"x\\"}, '
    '\\"macros\\": [[\\"A\\", \\"1\\", null, \\"x\\"]], \\"needs_host\\": false}", "files": ["a.c"], "rests_on": "x"}'
)
BASELINE = (
    '{"version": 1, "tool": "barrierlint", "findings": [{"fingerprint": "0123-1", "path": "a.c", "rule": "BL001", '
    '"message": "x"}, {"fingerprint": "4567"}]}'
)
CONFIGURATION = """\
select: [BL0, BL101]
model: [osv, mine.yaml]
features: ets2
compile:
  - files: [arch/arm64/*]
    include: [include]
    define: [A=1, 'B(x)=x']
    borrow: {asm/x.h: include/x.h}
    flag: [-std=gnu11]
    host-headers: false
"""
PROJECT = '[tool.barrierlint]\nselect = ["BL0"]\nfail-on = "error"\n[[tool.barrierlint.compile]]\ndefine = ["A=1"]\n'
DATABASE = (
    '[{"directory": "/x", "file": "a.c", "command": "ccache gcc -DA=\\"1 2\\" -Iinc @rsp -c a.c"}, '
    '{"directory": "", "file": "b.c", "arguments": ["aarch64-linux-gnu-g++", "--sysroot=/s", "-x", "c", "b.c"]}]'
)
COMMENTS = """\
int f(void) { return 0; } // barrierlint: ignore[BL001] reason
/* barrierlint: ignore-function[BL0,ALL] why */ char *s = "// barrierlint: ignore[BL1] x"; char *r = R"x()" )x";
// barrierlint: ignore-next-line
/* barrierlint: ignore-file[]
"""
DIFF = """\
diff --git a/a.c b/a.c
--- a/a.c
+++ b/a.c
@@ -1,2 +1 @@ int f
-old
-older
+new
--- "a/\\303\\244.c"
+++ "b/\\303\\244\\t.c"
@@ -0,0 +1,3 @@
"""
DRIVER = """\
Target: aarch64-linux-gnu
#include <...> search starts here:
 /usr/include
 a (framework directory)
End of search list.
"""
OPTIONS = (
    "--select\nBL0,ALL\n--features\nets2+exs\n--jobs\n2\n--time-limit\n10\n--format\nsarif=out\n--neighbours\n3",
    "--fail-on\nerror\n--executor\ndask://h:1\n--query-driver\n/usr/bin/*\n-p\nbuild\nx.c\n--unknown-calls=ignore\n--\n-DX",
)
TEMPLATES = (
    "dsb ishst\n\tisb",
    "tlbi vae1is, %0; dsb ish",
    "1: ldxr %w0, [%1]\n\tstxr %w2, %w0, [%1]\n\tcbnz %w2, 1b",
    ".macro m a, b=1\nmov \\a, #\\b\n.endm\nm x0\n.irp r, x0, x1\n.inst 0xd5033f9f\n.endr",
    ".if (1 << 3) == 8\nmsr ttbr0_el1, %x[v]\n.else\nat s1e1r, %0\n.endif // end",
    'str %x0, [%1, #8]!\n.pushsection .altinstructions, "a"\n.word 1b - .\n.popsection',
)

PARSERS: dict[str, Parser] = {
    "asm-template": Parser(lambda text: (decode(text), decode_lines(text)), texts(*TEMPLATES)),
    "assembly": Parser(lambda text: assembled(text), files("fixtures/assembly/*.S")),
    "litmus": Parser(parse_litmus, files("fixtures/litmus/**/*.litmus", most=40), (LitmusError, RecursionError)),
    "model": Parser(
        in_file("m.yaml", lambda path: models.load([str(path)])), files("barrierlint/models/*.yaml"), (ModelError,)
    ),
    "configuration": Parser(
        in_file(".barrierlint.yaml", configuration.load), texts(CONFIGURATION), (ConfigurationError,)
    ),
    "pyproject": Parser(in_file("pyproject.toml", configuration.load), texts(PROJECT), (ConfigurationError,)),
    "database": Parser(in_file("compile_commands.json", _database), texts(DATABASE), (SourceError,)),
    "baseline": Parser(in_file("b.json", lambda path: baseline.read(str(path))), texts(BASELINE), (InputError,)),
    "comments": Parser(lambda text: list(comments.remarks("a.c", text)), texts(COMMENTS)),
    "kconfig": Parser(in_file("Kconfig", _kconfig), files("fixtures/guessing/Kconfig")),
    "makefile": Parser(in_file("Makefile", _makefile), files("fixtures/guessing/Makefile", "Makefile")),
    "diff": Parser(_diff, texts(DIFF)),
    "driver": Parser(drivers.parse, texts(DRIVER)),
    "unit": Parser(
        lambda text: records.from_bytes(text.encode("utf-8", "surrogatepass")), lambda: [unit()], (codec.CodecError,)
    ),
    "outcome": Parser(
        lambda text: codec.decode(text, Outcome),
        texts("[[],[],[],[[],[],0,[]]]", '[["a"],[[0,1]],[[0,1,1,0,0]],[[],[],1,[[0,[[1,2]]]]]]'),
        (codec.CodecError,),
    ),
    "part": Parser(
        lambda text: checking.read(text.encode("utf-8", "surrogatepass")),
        lambda: [_found()],
        (codec.CodecError,),
    ),
    "outline": Parser(outline.load, lambda: [_outlined()], (ValueError,)),
    "screened": Parser(lambda text: plain.text(text, "a.c"), files("fixtures/BL*/*.c*", "tests/torture/sources.py")),
    "index": Parser(_index, texts('{"files":[["a.h",[1,2,3,4],"d"]],"units":{"r":["k",[0]]},"outlines":{"r":"[]"}}')),
    "guess": Parser(in_file("a.c", _recalled), texts(GUESS)),
    "options": Parser(_options, texts(*OPTIONS), (SystemExit,)),
    "rules": Parser(_rules, texts("BL0,BL101,ALL,access-without-dsb"), (InputError,)),
    "definitions": Parser(
        lambda text: (index.definitions("a.c", text), index.definitions("a.S", text)), files("fixtures/BL*/*.c*")
    ),
    "layout": Parser(lambda text: Layout(text.encode("utf-8", "surrogateescape")), files("fixtures/BL*/*.c*")),
    "printed": Parser(printed.scan, files("fixtures/BL*/*.c*")),
}
assert issubclass(CompilationError, ValueError)
assert DocumentError is ModelError
