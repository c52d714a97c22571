"""Units and outcomes survive being written down; what is damaged is refused, and builds nothing that is not of the
alphabet.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from barrierlint import cfg, source
from barrierlint.cfg.linkable import Unit
from barrierlint.finding import Notification, Severity, Span
from barrierlint.linking import codec, records
from barrierlint.linking.gathering import Means, gather
from barrierlint.models import Models
from barrierlint.pipeline import Outcome, analysed
from barrierlint.terms import Apply, Name, Term
from tests.fixtures.harness import FIXTURES, Fixture

PROGRAMS = ("osv/mmu.cc", "kernels/haiku_map_lambda.cc", "BL001/branch.c", "BL004/returned_member.c")


def unit(path: Path) -> Unit:
    return cfg.lower_unit(source.parse(path, ()), Models())


@pytest.mark.parametrize("name", [name for name in PROGRAMS if (FIXTURES / name).exists()])
def test_a_unit_comes_back_as_it_was(name: str) -> None:
    made = unit(FIXTURES / name)
    back = records.from_bytes(records.to_bytes(made))
    assert dict(back.functions) == made.functions
    assert dict(back.variants) == made.variants
    for field in ("path", "target", "roots", "facts", "notifications", "includes", "places"):
        assert getattr(back, field) == getattr(made, field)
    assert records.to_bytes(back) == records.to_bytes(made)


def test_an_outcome_comes_back_as_it_was() -> None:
    options = Fixture(FIXTURES / "osv/mmu.cc").options
    outcome = analysed(gather(options.request, options.models, Means()), options, frozenset({"BL001"}))
    assert outcome.found
    assert codec.decode(codec.encode(outcome, Outcome), Outcome) == outcome


def test_shared_parts_are_written_once() -> None:
    term: Term = Name("x")
    for _ in range(200):
        term = Apply("+", (term, term))
    line = codec.encode(term, Term)
    assert len(line) < 10_000
    assert codec.encode(codec.decode(line, Term), Term) == line  # comparing the terms would not end


def test_any_text_can_be_written() -> None:
    note = Notification("kind", "a\nb \u2028 \udcff \U0001f600", Span("ä.c", 1), True, Severity.ERROR)
    made = Unit("ä.c", "aarch64", {}, notifications=(note,))
    assert records.from_bytes(records.to_bytes(made)) == made


DAMAGED = ["", "{", "[]", "[1,2,3,4]", '[[],[],[],["x"]]', "[[],[[9,1]],[],[]]", "[[],[[3,5,0]],[],[]]", "null"]


@pytest.mark.parametrize("line", DAMAGED)
def test_what_is_damaged_is_refused(line: str) -> None:
    with pytest.raises(codec.CodecError):
        codec.decode(line, Notification)


def test_every_cut_of_a_unit_is_refused_or_differs() -> None:
    data = records.to_bytes(unit(FIXTURES / "BL001/branch.c"))
    for end in range(0, len(data) - 1, 97):
        with pytest.raises(codec.CodecError):
            dict(records.from_bytes(data[:end]).functions)


def test_only_annotated_types_are_built() -> None:
    line = json.dumps([["os", "system"], [], [], ["os", "system", None, True, 0]])
    with pytest.raises(codec.CodecError):
        codec.decode(line, Notification)
    with pytest.raises(TypeError):
        codec.plan(object)
