"""What the page shows of a finding, as plain values for the template: source with the path, graphs, executions.

What it does not do: escape; the template does, everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from barrierlint.finding import Finding, FunctionGraph, Span, Trace, TraceStep, WitnessStep
from barrierlint.frozen import dataclass
from barrierlint.report.html.layout import GAP_X, GAP_Y, LINE, PADDING, Box, Drawing, layout
from barrierlint.report.lines import TAB, line_bytes, printable
from barrierlint.report.timeline import fault_sentence, pe_of

CONTEXT, JOIN = 3, 8
"""Lines of source shown around a step, and up to how many lines between two steps are shown as well."""


@dataclass(frozen=True, slots=True)
class Line:
    """A source line: its number, its text parted where `marked` begins and ends, and the numbers of the steps on it."""

    number: int
    before: str
    marked: str
    after: str
    steps: tuple[int, ...] = ()
    role: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """Consecutive lines of a file."""

    path: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One step of an execution: the lane it stands in, its text, its kind (for colour), the witness step (-1: none)."""

    lane: int
    text: str
    kind: str
    source: int


@dataclass(frozen=True, slots=True)
class Execution:
    """Lanes (their headings) and rows, and how it ends."""

    lanes: tuple[str, ...]
    rows: tuple[Row, ...]
    end: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A graph as shapes: boxes with text, and curves with labels."""

    function: str
    width: int
    height: int
    boxes: tuple[tuple[Box, tuple[tuple[int, int, str], ...], bool], ...]
    curves: tuple[tuple[str, str, int, int, bool], ...]


def passages(steps: Sequence[WitnessStep]) -> tuple[Passage, ...]:
    """The source around the steps of a path, files in the order in which the path enters them."""
    by_path: dict[str, list[tuple[int, WitnessStep]]] = {}
    for number, step in enumerate(steps, 1):
        by_path.setdefault(step.span.path, []).append((number, step))
    return tuple(
        Passage(printable(path), tuple(_line(path, line, found) for line in block))
        for path, found in by_path.items()
        for block in _blocks(path, {step.span.line for _, step in found})
    )


def _blocks(path: str, wanted: set[int]) -> Iterable[range]:
    """Ranges of lines around the wanted ones; near ones are joined."""
    blocks: list[list[int]] = []
    for line in sorted(wanted):
        if blocks and line - blocks[-1][1] <= JOIN:
            blocks[-1][1] = line
        else:
            blocks.append([line, line])
    for first, last in blocks:
        lines = [n for n in range(max(first - CONTEXT, 1), last + CONTEXT + 1) if line_bytes(path, n) is not None]
        if lines:
            yield range(lines[0], lines[-1] + 1)


def _line(path: str, number: int, steps: Sequence[tuple[int, WitnessStep]]) -> Line:
    here = [(n, step) for n, step in steps if step.span.line == number]
    raw = line_bytes(path, number) or b""
    if not here:
        return Line(number, _text(raw), "", "")
    strongest = min(here, key=lambda pair: _weight(pair[1].role))[1]
    first, last = _marked(strongest.span, raw)
    parts = (_text(raw[:first]), _text(raw[first:last]), _text(raw[last:]))
    return Line(number, *parts, tuple(n for n, _ in here), strongest.role)


def _weight(role: str) -> int:
    order = ("access", "boundary", "write", "barrier", "branch")
    return order.index(role) if role in order else len(order)


def _marked(span: Span, raw: bytes) -> tuple[int, int]:
    first = min(max(span.column - 1, 0), len(raw))
    last = len(raw) if span.end_line > span.line else min(max(span.end_column - 1, first), len(raw))
    word = re.match(rb"\w+", raw[first:])
    return first, last if last > first else first + (word.end() if word else 0)


def _text(raw: bytes) -> str:
    return printable(raw.decode("utf-8", "replace").expandtabs(TAB))


def execution(trace: Trace, end: str = "") -> Execution:
    """An execution as swimlanes: each PE, what of its stores is visible, walkers, TLBs."""
    placed = [(_lane(step), step) for step in trace.steps]
    lanes = sorted({lane for lane, _ in placed}, key=_lane_order)
    fault = f"⇒ {fault_sentence(trace.fault)}" if trace.fault else end
    rows = tuple(Row(lanes.index(lane), _said(step), _kind(step), step.source) for lane, step in placed)
    return Execution(tuple(lanes), rows, fault)


def _lane(step: TraceStep) -> str:
    if step.actor != pe_of(step):
        return step.actor
    return f"memory, as {step.actor} writes it" if "becomes visible" in step.what else step.actor


def _lane_order(lane: str) -> tuple[int, str]:
    kinds = ("P", "memory", "walker", "TLB")
    return next((n for n, kind in enumerate(kinds) if lane.startswith(kind)), len(kinds)), lane


def _said(step: TraceStep) -> str:
    kind = step.actor.partition(" ")[0]
    return printable(step.what.removeprefix(f"{kind} "))


def _kind(step: TraceStep) -> str:
    what = step.what
    if "fault" in what:
        return "fault"
    if "stale" in what or "still holds" in what or "taken early" in what:
        return "stale"
    if what.startswith(("DSB", "ISB", "DMB", "TLBI", "ERET")) or "synchronized" in what:
        return "barrier"
    return "store" if "becomes visible" in what else "plain"


def picture(graph: FunctionGraph) -> Picture:
    """A graph's shapes; edges of the path are drawn last, over the others."""
    drawing = layout(graph)
    boxes = tuple(
        (drawing.boxes[node.id], _placed(drawing.boxes[node.id], node.lines), node.on_path) for node in graph.nodes
    )
    curves = tuple(
        (*_curve(drawing, edge.source, edge.target, printable(edge.label)), edge.on_path)
        for edge in sorted(graph.edges, key=lambda edge: edge.on_path)
        if edge.source in drawing.boxes and edge.target in drawing.boxes
    )
    return Picture(printable(graph.function), drawing.width, drawing.height, boxes, curves)


def _placed(box: Box, lines: Sequence[str]) -> tuple[tuple[int, int, str], ...]:
    return tuple(
        (box.x + PADDING, box.y + PADDING + LINE * at + LINE - 4, printable(line)) for at, line in enumerate(lines)
    )


def _curve(drawing: Drawing, source: int, target: int, label: str) -> tuple[str, str, int, int]:
    """A curve from the foot of one box to the head of another, its label and where that stands; or back up the side."""
    one, other = drawing.boxes[source], drawing.boxes[target]
    if other.y <= one.y:
        return _backwards(drawing, one, other, label)
    x, y = one.x + one.width // 2, one.y + one.height
    parts = [f"M{x},{y}"]
    ends = [*((box.x, box.y, box.height) for box in drawing.routes.get((source, target), ()))]
    for at, top, height in (*ends, (other.x + other.width // 2, other.y - 2, 0)):
        bend = max((top - y) // 2, 12)
        parts.append(f"C{x},{y + bend} {at},{top - bend} {at},{top}" + (f" V{top + height}" if height else ""))
        x, y = at, top + height
    first = ends[0] if ends else (other.x + other.width // 2, other.y, 0)
    middle = (one.x + one.width // 2 + first[0]) // 2
    return " ".join(parts), label, middle + 5, one.y + one.height + GAP_Y // 2


def _backwards(drawing: Drawing, one: Box, other: Box, label: str) -> tuple[str, str, int, int]:
    side = min(max(one.x + one.width, other.x + other.width) + GAP_X, drawing.width - 4)
    right1, right2 = one.x + one.width, other.x + other.width
    y1, y2 = one.y + one.height // 2, other.y + other.height // 2
    return f"M{right1},{y1} C{side},{y1} {side},{y2} {right2 + 2},{y2}", label, side - 16, (y1 + y2) // 2


def pictures(finding: Finding) -> tuple[Picture, ...]:
    """The graphs of a finding, the largest first: it has the most to show."""
    return tuple(picture(graph) for graph in sorted(finding.graphs, key=lambda graph: -len(graph.nodes)) if graph.nodes)
