"""C and C++ snippets lowered to graphs, and the acyclic paths through them, as tests read them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from barrierlint import cfg
from barrierlint.cfg.dot import describe_event
from barrierlint.cfg.graph import Cfg, Program, Step
from barrierlint.events import Assign, Call, Event
from barrierlint.models import Models
from barrierlint.source import parse

TYPES = """
typedef unsigned long u64; typedef unsigned int u32; typedef unsigned char u8;
typedef struct { u64 pte; } pte_t;
"""


def program(
    code: str, *, cpp: bool = False, target: str = "aarch64-linux-gnu", models: Models | None = None
) -> Program:
    """Lower `code` (TYPES before it, on its first line) as C17 or C++17."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.cc" if cpp else "t.c")
        path.write_text(TYPES.replace("\n", " ") + code)
        flags = [f"--target={target}", "-std=c++17" if cpp else "-std=gnu17", "-w"]
        return cfg.lower([parse(path, flags)], models or Models())


def graph(code: str, name: str = "f", **options: object) -> Cfg:
    """The graph of the function with qualified name `name`."""
    lowered = program(code, **options)  # type: ignore[arg-type]
    return named(lowered, name)


def named(lowered: Program, name: str) -> Cfg:
    """The graph with qualified name `name`, or the operator() of the only lambda for "lambda"."""
    found = [
        one
        for one in lowered.functions.values()
        if one.qualified == name or (name == "lambda" and "operator()" in one.qualified)
    ]
    assert len(found) == 1, [one.qualified for one in lowered.functions.values()]
    return found[0]


def called(step: Step) -> str:
    """The name of the function a step calls, "" for other steps."""
    return step.event.qualified.rpartition("::")[2] or "?" if isinstance(step.event, Call) else ""


def shown(step: Step) -> str:
    """A step as graphs show it."""
    return describe_event(step.event)


def paths(graph: Cfg, of: Callable[[Step], str] = called) -> set[str]:
    """What `of` says of the steps along each path that enters no block more than twice, with how it ends.

    It ends in `.` at the exit, `^` at the unwind block, `!` where nothing follows; `~` only where every path repeats.
    """
    found = {" ".join(words) for words in _walk(graph, of)}
    return {path for path in found if not path.endswith("~")} or found


def _walk(graph: Cfg, of: Callable[[Step], str]) -> Iterator[list[str]]:
    stack: list[tuple[int, list[str], dict[int, int]]] = [(graph.entry, [], {})]
    while stack:
        at, words, entered = stack.pop()
        block = graph.blocks[at]
        words = words + [word for word in map(of, block.steps) if word]
        if at in (graph.exit, graph.unwind):
            yield [*words, "." if at == graph.exit else "^"]
            continue
        if not block.edges:
            yield [*words, "!"]
        entered = {**entered, at: entered.get(at, 0) + 1}
        following = [edge.target for edge in block.edges if entered.get(edge.target, 0) < 2]
        if block.edges and not following:
            yield [*words, "~"]
        stack += [(target, words, entered) for target in following]


def events(graph: Cfg, kind: type[Event]) -> list[Event]:
    """The events of one kind, in block order."""
    return [step.event for step in graph.steps() if isinstance(step.event, kind)]


def lines(graph: Cfg) -> list[str]:
    """All steps as graphs show them, in block order."""
    return [shown(step) for step in graph.steps()]


def result(graph: Cfg) -> str:
    """What a function of one return binds to its result."""
    bound = [step.event for step in graph.steps() if isinstance(step.event, Assign) and step.event.name == "%return"]
    assert len(bound) == 1
    return describe_event(bound[0]).removeprefix("%return := ")
