"""The report as one page: whole, closed to the network, and deaf to what the source text says."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from barrierlint.finding import FunctionGraph, GraphEdge, GraphNode, Report
from barrierlint.inputs import Request
from barrierlint.pipeline import Options, all_rules, run
from barrierlint.report import html
from barrierlint.report.html.layout import layout
from barrierlint.report.html.views import execution, passages, picture

ROOT = Path(__file__).parents[2]
RULES = {info.id: info for info in all_rules()}
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">'


class Page(HTMLParser):
    """The tags with their attributes, and the text of each kind of tag."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.text.setdefault(tag, []).append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def report() -> Report:
    return run(Options(Request((str(ROOT / "fixtures/BL001/branch.c"),), flags=())))


def test_everything_is_there(report: Report) -> None:
    page = html.render(report, RULES)
    finding = report.findings[0]
    shown = " ".join(Page(page).text["body"])
    for wanted in (finding.message, finding.fingerprint, "0x96000007", "As it is", "Repaired", "The repair", "AArch64"):
        assert wanted in shown
    assert len(Page(page).of("article")) == len(report.findings) == 1
    assert [row["data-n"] for row in Page(page).of("li") if "data-n" in row] == ["1", "2", "3"]
    assert page.count('<tr class="on') == 3


def test_nothing_is_fetched(report: Report) -> None:
    page = html.render(report, RULES)
    for name, attributes in Page(page).tags:
        assert name not in {"link", "iframe", "img", "object", "embed", "base", "form"}
        for attribute in ("src", "href", "action", "style", "onclick"):
            assert (attributes.get(attribute) or "#").startswith("#"), (name, attributes)
    assert not re.search(r"url\((?!#)", page)


def test_the_policy_allows_the_page_s_own_script_only(report: Report) -> None:
    page = Page(html.render(report, RULES))
    policy = next(a["content"] or "" for a in page.of("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256("".join(page.text[tag]).encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert len(page.of("script")) == len(page.of("style")) == 1


def test_hostile_text_stays_text(report: Report, tmp_path: Path) -> None:
    source = tmp_path / "<b>&quot;'.c"
    source.write_text(f"int x; /* {HOSTILE} \x1b[31m */\n" * 20)
    finding = report.findings[0]
    steps = tuple(
        replace(step, span=replace(step.span, path=str(source), line=5, end_line=5), note=HOSTILE, function=HOSTILE)
        for step in finding.witness.steps
    )
    graph = FunctionGraph(HOSTILE, (GraphNode(0, (HOSTILE,)),), (GraphEdge(0, 0, HOSTILE),))
    bad = replace(
        finding,
        message=HOSTILE,
        evidence=(HOSTILE,),
        missing=(HOSTILE,),
        fingerprint=HOSTILE,
        witness=replace(finding.witness, steps=steps),
        also=steps,
        graphs=(graph,),
        confirmation=replace(finding.confirmation, litmus=HOSTILE, reason=HOSTILE),
    )
    notes = tuple(replace(note, message=HOSTILE) for note in report.notifications)
    page = html.render(replace(report, findings=(bad,), refuted=(bad,), notifications=notes), RULES)
    assert "<script>alert" not in page
    assert "\x1b" not in page
    assert len(Page(page).of("script")) == 1
    assert Page(page).of("img") == []
    assert HOSTILE in " ".join(Page(page).text["pre"])


def test_without_findings_and_without_source(report: Report) -> None:
    assert "no findings in 0 functions of 0 files" in html.render(Report(()), RULES)
    finding = report.findings[0]
    steps = tuple(replace(step, span=replace(step.span, path="gone.c")) for step in finding.witness.steps)
    page = html.render(
        replace(report, findings=(replace(finding, witness=replace(finding.witness, steps=steps)),)), RULES
    )
    assert "(source not available)" in page


def test_near_steps_share_a_passage(report: Report) -> None:
    steps = report.findings[0].witness.steps
    (passage,) = passages(steps)
    assert [line.number for line in passage.lines if line.steps] == [10, 11, 15]
    far = replace(steps[0], span=replace(steps[0].span, line=30, end_line=30))
    assert len(passages((steps[0], far))) == 2


def test_an_execution_has_a_lane_for_each_observer(report: Report) -> None:
    answer = report.findings[0].confirmation
    assert answer.trace is not None
    assert answer.repaired is not None
    bad, good = execution(answer.trace), execution(answer.repaired, "fine")
    assert bad.lanes == ("P0", "memory, as P0 writes it", "walker P0")
    assert [row.kind for row in bad.rows] == ["stale", "store", "fault"]
    assert [row.kind for row in good.rows] == ["store", "barrier", "barrier", "plain", "plain"]
    assert "fault" in bad.end
    assert good.end == "fine"


def graph(*edges: tuple[int, int]) -> FunctionGraph:
    nodes = sorted({node for edge in edges for node in edge})
    return FunctionGraph("f", tuple(GraphNode(n, (f"block {n}",)) for n in nodes), tuple(GraphEdge(*e) for e in edges))


@pytest.mark.parametrize(
    "shape",
    [
        graph((0, 1), (0, 2), (1, 3), (2, 3)),
        graph((0, 1), (1, 0), (1, 2)),
        graph((0, 1), (1, 2), (2, 3), (0, 3), (0, 2)),
        graph((0, 0)),
        graph(*((n, m) for n in range(12) for m in range(12))),
    ],
)
def test_blocks_do_not_overlap(shape: FunctionGraph) -> None:
    drawing = layout(shape)
    boxes = [drawing.boxes[node.id] for node in shape.nodes]
    for at, one in enumerate(boxes):
        assert 0 <= one.x <= one.x + one.width <= drawing.width
        assert 0 <= one.y <= one.y + one.height <= drawing.height
        for other in boxes[:at]:
            apart_x = one.x + one.width <= other.x or other.x + other.width <= one.x
            apart_y = one.y + one.height <= other.y or other.y + other.height <= one.y
            assert apart_x or apart_y
    assert len(picture(shape).curves) == len(shape.edges)


def test_an_edge_over_layers_goes_round_the_block_between() -> None:
    drawing = layout(graph((0, 1), (1, 2), (0, 2)))
    (passing,) = drawing.routes[0, 2]
    between = drawing.boxes[1]
    assert not between.x <= passing.x <= between.x + between.width


def test_graphs_show_the_path(report: Report) -> None:
    (shown,) = report.findings[0].graphs
    texts = {node.id: (node.lines, node.on_path) for node in shown.nodes}
    assert [(lines[-1], passed) for lines, passed in texts.values()] == [
        ("10: descriptor write", True),
        ("15: read va", True),
        ("13: ContextSync isb", False),
        ("return", False),
    ]
    assert [(edge.label, edge.on_path) for edge in shown.edges if edge.on_path] == [("true", True)]
