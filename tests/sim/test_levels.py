"""Translations through tables at every level: a leaf behaves the same however deep, and a table may be stale too."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from barrierlint.sim.litmus import parse
from barrierlint.sim.litmus_values import LitmusError
from barrierlint.sim.run import outcomes, simulate

LITMUS = Path(__file__).parents[2] / "fixtures" / "litmus"
with (LITMUS / "verdicts.tsv").open(encoding="utf-8", newline="") as file:
    VERDICTS = list(csv.DictReader(file, delimiter="\t"))
LINK = "TLBI VALE1 leaves entries of table descriptors: here the page starts out behind one"


def at_level(text: str, level: int) -> str:
    """The test with each leaf descriptor in tables of its own: a page at level 3, a 2 MiB block at level 2."""
    text = re.sub(r"\bPTE\((\w+)\)", rf"TTD(\1,level:{level})", text)
    if level == 2:
        text = re.sub(r"\bPA\((\w+)\)", r"PA(\1+0)", text)
        text = text.replace("(oa:", "(block:1, oa:").replace("(valid:0)", "(block:1, valid:0)")
    return text


@pytest.mark.parametrize("level", [3, 2])
@pytest.mark.parametrize("features", ["base", "ets2", "ets3"])
def test_every_verdict_is_the_same_through_four_levels(features: str, level: int) -> None:
    wrong = []
    for row in VERDICTS:
        text = (LITMUS / f"{row['name']}.litmus").read_text(encoding="utf-8")
        test = parse(at_level(text, level))
        assert test.program.symbols.deep or "PTE(" not in text
        if simulate(test, features).result != row[features]:
            wrong.append(row["name"])
    assert wrong == ([] if level == 3 else ["S5.V2I.LDR+dsb-tlbi.vale1is-dsb-isb"]), LINK


def linked(level: int, code: str, condition: str) -> str:
    """One PE; x's descriptor at `level` starts invalid, X0 and X1 write the link, X2 is x."""
    target = f"table:TTD(x,level:{level + 1})" if level < 3 else "oa:PA(x)"
    lines = " ;\n ".join(code.split("; "))
    return (
        f"AArch64 t\n{{\n [TTD(x,level:{level})]=({target}, valid:0);\n 0:X0=TTD(x,level:{level});"
        f" 0:X1=({target}); 0:X2=x;\n}}\n P0 ;\n {lines} ;\nexists ({condition})\n"
    )


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_the_fault_is_reported_at_its_level(level: int) -> None:
    trace = simulate(parse(linked(level, "STR X1,[X0]; DSB ISH; L0: LDR W3,[X2]", "fault(P0:L0,x)"))).trace
    assert trace is not None
    assert trace.fault is not None
    assert (trace.fault.kind, trace.fault.level, trace.fault.esr) == ("translation", level, 0x96000004 | level)
    walks = [step.what for step in trace.steps if step.actor == "walker P0"]
    assert len(walks) == level + 1
    assert walks[-1].endswith("= invalid (stale: the store is not visible to it yet)")
    assert [step.what for step in trace.steps][-1] == f"translation fault on x, level {level}"


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_outcomes_are_all_there(level: int) -> None:
    """Both with no ISB, one with it. States: the start, the link's read from either write, the end of each."""
    free = outcomes(parse(linked(level, "STR X1,[X0]; DSB ISH; L0: LDR W3,[X2]", "fault(P0:L0,x)")))
    bound = outcomes(parse(linked(level, "STR X1,[X0]; DSB ISH; ISB; L0: LDR W3,[X2]", "fault(P0:L0,x)")))
    assert free == (frozenset({(True,), (False,)}), 5)
    assert bound == (frozenset({(False,)}), 3)


def test_a_stale_link_and_a_contiguous_range_are_named() -> None:
    own = LITMUS / "own"
    stale = simulate(parse((own / "level.reuse.MP+none.litmus").read_text(encoding="utf-8"))).trace
    joined = simulate(parse((own / "level.contiguous+other-output.litmus").read_text(encoding="utf-8"))).trace
    assert stale is not None
    assert joined is not None
    assert ("TLB P1", "still holds TTD(x,level:2) = table at PTE(x): used") in [(s.actor, s.what) for s in stale.steps]
    told = "holds the contiguous range of PTE(x)+64 = valid, OA PA(z)+32768, contiguous: used"
    assert ("TLB P0", told) in [(s.actor, s.what) for s in joined.steps]


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_at_walks_every_level(level: int) -> None:
    """PAR_EL1: F and the status code of a translation fault at the level, or the output address."""
    fails = f"0:X3={(0x4 | level) << 1 | 1}"
    code = "STR X1,[X0]; DSB ISH; AT S1E1R,X2; ISB; MRS X3,PAR_EL1"
    assert simulate(parse(linked(level, code, fails))).result == "ALLOWED"
    assert simulate(parse(linked(level, code, "0:X3=PA(x)"))).result == "ALLOWED"
    assert simulate(parse(linked(level, code.replace("ISH; AT", "ISH; ISB; AT"), fails))).result == "FORBIDDEN"


@pytest.mark.parametrize("op", ["S1E0R", "S1E0W", "S1E1R", "S1E1W"])
@pytest.mark.parametrize(("fields", "refused"), [("el0:0", {"S1E0R", "S1E0W"}), ("db:0", {"S1E0W", "S1E1W"})])
@pytest.mark.parametrize("entry", ["PTE(x)", "TTD(x,level:3)"])
def test_at_asks_for_the_access_it_names(op: str, fields: str, refused: set[str], entry: str) -> None:
    """A permission fault at level 3 is status 0b001111, in PAR_EL1[6:1]."""
    state = f"[{entry}]=(oa:PA(x), {fields}); 0:X2=x;"
    text = (
        f"AArch64 t\n{{\n {state}\n}}\n P0 ;\n AT {op},X2 ;\n ISB ;\n MRS X3,PAR_EL1 ;\nexists (0:X3={0xF << 1 | 1})\n"
    )
    assert simulate(parse(text)).result == ("ALLOWED" if op in refused else "FORBIDDEN")


def test_a_page_beside_it_has_its_own_leaf() -> None:
    text = linked(2, "STR X1,[X0]; DSB ISH; ISB; L0: LDR W3,[X2]", "fault(P0:L0,x+4096)").replace(
        "0:X2=x;", "0:X2=x+4096;"
    )
    assert simulate(parse(text)).result == "ALLOWED"  # nothing maps it
    mapped = text.replace("0:X2=", "[TTD(x+4096)]=(oa:PA(x+4096)); 0:X2=")
    assert simulate(parse(mapped)).result == "FORBIDDEN"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("TTD(x,level:2);", "TTD(x,level:4);", "line 4: level 4: tables here have levels 0 to 3"),
        ("TTD(x,level:2);", "TTD(x,2);", "line 4: expected 'level', found '2'"),
        (
            "TTD(x,level:2);",
            "PTE(PTE(x));",
            "line 4: PTE(PTE(…)): write TTD(x,level:2)",
        ),
        ("TTD(x,level:2);", "TTD(3);", "line 4: expected a symbol, found '3'"),
        ("valid:0", "huge:1", "line 3: unknown descriptor field 'huge'"),
        (
            "0:X2=x;",
            "0:X2=x; " + " ".join(f"s{n}=0;" for n in range(95)) + " 0:X4=TTD(x);",
            "line 4: more than 90 symbols",
        ),
    ],
)
def test_what_is_not_read_is_refused(old: str, new: str, message: str) -> None:
    text = linked(2, "STR X1,[X0]; LDR W3,[X2]", "0:X3=0")
    assert old in text
    with pytest.raises(LitmusError) as error:
        parse(text.replace(old, new))
    assert str(error.value).startswith(message)
