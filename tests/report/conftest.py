"""A finding on a real little file, as every renderer's input."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from barrierlint.events import Dsb
from barrierlint.finding import (
    Confidence,
    Confirmation,
    Edit,
    Fault,
    Finding,
    Notification,
    Repair,
    Report,
    RuleInfo,
    Severity,
    Span,
    Trace,
    TraceStep,
    Verdict,
    Witness,
    WitnessStep,
)
from barrierlint.report.lines import read_lines

SOURCE = """\
int map(pte_t *p, pte_t v, int fast, int *va)
{
\tset_pte(p, v);
\tif (!fast) { dsb(ishst); isb(); }
\treturn /* 漢字 😀 */ *va;
}
"""

PAGE = """A descriptor write reaches an access with no DSB.

**What it flags.** A descriptor is written and no DSB follows.

```c
*p = v;
```
"""


@dataclass(frozen=True)
class Case:
    path: Path
    finding: Finding
    report: Report
    rules: tuple[RuleInfo, ...]

    @property
    def by_id(self) -> dict[str, RuleInfo]:
        return {rule.id: rule for rule in self.rules}


def span_of(path: Path, line: int, text: str) -> Span:
    """The span of `text` in a line of `path`, columns in bytes."""
    raw = path.read_bytes().split(b"\n")[line - 1]
    start = raw.index(text.encode()) + 1
    return Span(str(path), line, start, line, start + len(text.encode()))


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    read_lines.cache_clear()
    monkeypatch.chdir(tmp_path)
    path = Path("map page.c")
    path.write_text(SOURCE, encoding="utf-8")
    steps = (
        WitnessStep(span_of(path, 3, "set_pte(p, v)"), "makes the descriptor valid", "write", None, "map"),
        WitnessStep(span_of(path, 4, "!fast"), "fast is not zero", "branch", None, "map"),
        WitnessStep(span_of(path, 5, "*va"), "reads through va", "access", None, "map"),
    )
    trace = Trace(
        (
            TraceStep("P0", "STR v to the descriptor, not yet visible", 0),
            TraceStep("walker P0", "reads the descriptor: invalid"),
            TraceStep("P0", "LDR through va", 2),
        ),
        Fault(0, 0xFFFF80000A000000, "translation", 3, 0x96000007, name="va"),
    )
    finding = Finding(
        "BL001",
        "access through va before a DSB",
        Severity.ERROR,
        Confidence.EXACT,
        Witness(steps),
        missing=("DSB ISHST", "ISB"),
        evidence=("set_pte takes a pte_t",),
        also=(WitnessStep(span_of(path, 1, "map"), "another caller", "access", Dsb(), "other"),),
        repair=Repair(
            span_of(path, 5, "return"),
            ("dsb(ishst);", "isb();"),
            "complete the write on every path",
            (Edit(Span(str(path), 5, 1), "\tdsb(ishst);\n\tisb();\n"),),
        ),
        confirmation=Confirmation(Verdict.CONFIRMED, trace, 17, 9, litmus="AArch64 x\n"),
        fingerprint="0123456789abcdef",
    )
    notes = (
        Notification("missing-header", "asm/foo.h not found", Span(str(path), 1)),
        Notification("parse-error", "evil \x1b[31m\u202e name", lost=True),
    )
    report = Report((finding,), notes, files=2, functions=3)
    rules = (
        RuleInfo("BL001", "access-without-dsb", "No DSB before the access.", Severity.ERROR, PAGE, ("mmu",)),
        RuleInfo("BL002", "access-without-isb", "No ISB before the access.", Severity.WARNING, PAGE),
    )
    return Case(path, finding, report, rules)
