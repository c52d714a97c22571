"""A repair before the only statement of an `if` without braces brings the braces, in text and in SARIF."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from barrierlint import pipeline
from barrierlint.inputs import Request
from barrierlint.report import style, text
from barrierlint.report.sarif import log as sarif

SOURCE = """typedef unsigned long u64;
typedef struct { u64 bits; } pte_t;
int map(pte_t *t, u64 va, u64 n, int stop)
{
	while (n--) {
		t[va >> 12 & 511].bits = va | 0x703;
		va += 4096;
		if (stop)%s
			return -1;%s
	}
	asm volatile("dsb ishst; isb" ::: "memory");
	return 0;
}
"""


@pytest.mark.parametrize("braced", [False, True])
def test_braces_come_with_the_repair_where_they_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, braced: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"map_{braced}.c"  # lines are cached by name
    Path(name).write_text(SOURCE % ((" {", "\n\t\t}") if braced else ("", "")))
    report = pipeline.run(pipeline.Options(Request((name,))))
    (finding,) = report.findings
    assert finding.repair is not None
    rules = {info.id: info for info in pipeline.all_rules()}
    shown = text.render(report, rules, text.View(style.Style(False), 0, 0, 100))
    assert ("+ |         if (stop) {" in shown) is not braced
    run = json.loads(sarif.render(report, list(rules.values()), 1))["runs"][0]
    pieces = run["results"][0]["fixes"][0]["artifactChanges"][0]["replacements"]
    assert [piece["deletedRegion"]["startLine"] for piece in pieces] == ([9] if braced else [8, 9, 10])
