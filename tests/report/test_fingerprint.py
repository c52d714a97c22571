"""Fingerprints: GitHub's by its own test vectors, ours by what an edit may and may not change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from barrierlint.finding import Finding, Witness
from barrierlint.report.fingerprint import bare_name, fingerprint, hashes_of, line_hashes, with_fingerprints
from barrierlint.report.lines import read_lines

LOREM = "Lorem ipsum dolor sit amet.\n"
GREETINGS = [
    "e9496ae3ebfced30:1",
    "fb7c023a8b9ccb3f:1",
    "ce8ba1a563dcdaca:1",
    "e20e36e16fcb0cc8:1",
    "b3edc88f2938467e:1",
    "c8e28b0b4002a3a0:1",
    "c129715d7a2bc9a3:1",
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["c129715d7a2bc9a3:1"]),
        (
            " a\nb\n  \t\tc\n d",
            ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"],
        ),
        (" hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End\n", GREETINGS),
        (" hello; \t\nworld!!!\r\r\r  \t\tGreetings\r End\r", GREETINGS),
        (" hello; \t\r\nworld!!!\r\n\r\n\r\n  \t\tGreetings\r\n End\r\n", GREETINGS),
        (" hello; \t\nworld!!!\r\n\n\r  \t\tGreetings\r End\r\n", GREETINGS),
        (
            LOREM * 10,
            [f"a7f2ff13bc495cf2:{n}" for n in range(1, 7)]
            + [
                "a7f2ff1481e87703:1",
                "a9cf91f7bbf1862b:1",
                "55ec222b86bcae53:1",
                "cc97dc7b1d7d8f7b:1",
                "c129715d7a2bc9a3:1",
            ],
        ),
    ],
)
def test_line_hashes_are_githubs(text: str, expected: list[str]) -> None:
    """Vectors of codeql-action, src/fingerprints.test.ts."""
    assert list(hashes_of(text)) == expected


def test_line_hashes_of_a_file_that_is_gone() -> None:
    assert line_hashes("/no/such/file.c") == ()


def rewritten(case, source: str, shift: int = 0, path: str = "map page.c") -> Finding:
    """The finding after an edit that moved it by `shift` lines."""
    Path(path).write_text(source, encoding="utf-8")
    read_lines.cache_clear()
    steps = tuple(
        replace(step, span=replace(step.span, path=path, line=step.span.line + shift, end_line=0))
        for step in case.finding.witness.steps
    )
    return replace(case.finding, witness=Witness(steps))


def test_what_keeps_the_fingerprint(case) -> None:
    before = fingerprint(case.finding)
    source = case.path.read_text(encoding="utf-8")
    assert fingerprint(rewritten(case, "\n\n" + source, 2)) == before
    assert fingerprint(rewritten(case, source, path="renamed.c")) == before
    assert fingerprint(rewritten(case, source.replace("\t", "        "))) == before
    assert fingerprint(rewritten(case, source.replace("v);", "v); // a comment"))) == before
    assert fingerprint(rewritten(case, source.replace("fast", "quick"))) == before


def test_what_changes_the_fingerprint(case) -> None:
    before = fingerprint(case.finding)
    source = case.path.read_text(encoding="utf-8")
    assert fingerprint(rewritten(case, source.replace("set_pte(p, v)", "set_pte(p, w)"))) != before
    assert fingerprint(rewritten(case, source.replace("*va;", "*vb;"))) != before
    assert fingerprint(replace(case.finding, rule="BL002")) != before
    write, *others = case.finding.witness.steps
    assert fingerprint(replace(case.finding, witness=Witness((replace(write, function="remap"), *others)))) != before


def test_equal_defects_are_numbered_in_order(case) -> None:
    first, second, third = with_fingerprints([case.finding] * 3)
    assert second.fingerprint == first.fingerprint + "-2"
    assert third.fingerprint == first.fingerprint + "-3"


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("mmu::hw_ptep<0>::write", "mmu::hw_ptep::write"),
        ("a<b<c>, d<e>>::f<int>", "a::f"),
        ("x::operator<", "x::operator<"),
        ("plain", "plain"),
    ],
)
def test_template_arguments_do_not_count(name: str, bare: str) -> None:
    assert bare_name(name) == bare
