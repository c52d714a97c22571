"""Exact outcome sets and state counts: `sometimes` beside `always`, so that an empty model cannot pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from barrierlint.sim.explore import Budget
from barrierlint.sim.litmus import parse
from barrierlint.sim.run import Result, outcomes, simulate, simulate_file, tsv

LITMUS = Path(__file__).parents[2] / "fixtures" / "litmus"
F, T = False, True
ALL2 = {(F, F), (F, T), (T, F), (T, T)}

# name, features: the truth values each atom of the condition ends with, in all executions; states looked at
PINNED = [
    ("S1.I2V.LDR+none", "base", {(F,), (T,)}, 5),
    ("S1.I2V.LDR+none", "ets2", {(F,)}, 3),
    ("S1.I2V.LDR+dsb.ish-isb", "base", {(F,)}, 3),
    ("S5.V2I.LDR+dsb-tlbiis-dsb", "base", {(F,), (T,)}, 5),
    ("S5.V2I.LDR+dsb-tlbiis-dsb", "ets2", {(T,)}, 4),
    ("S6.MP.I2V+rel+ctrl", "base", ALL2, 11),
    ("S6.MP.I2V+rel+ctrl", "ets2", ALL2 - {(T, T)}, 9),
    ("S9.BBM.OA+direct", "base", ALL2, 11),
    ("S14.I2V2.batch+none", "base", {(F, F), (F, T), (T, F)}, 8),
    ("S3.I2V.LLSC+isb", "base", {(F, T), (T, F), (T, T)}, 8),
    ("S12.LDR-V2I+none", "base", {(F,)}, 2),
]


@pytest.mark.parametrize(("name", "features", "expected", "states"), PINNED)
def test_outcomes_are_exactly_these(name: str, features: str, expected: set[tuple[bool, ...]], states: int) -> None:
    found, looked_at = outcomes(parse((LITMUS / f"{name}.litmus").read_text(encoding="utf-8")), features)
    assert found == expected
    assert looked_at == states


def plain(columns: str, condition: str, init: str = "0:X0=x; 0:X1=y; 1:X0=x; 1:X1=y;") -> str:
    return f"AArch64 T\n{{\n{init}\n}}\n{columns}\nexists ({condition})\n"


SB = " P0 | P1 ;\n MOV W2,#1 | MOV W2,#1 ;\n STR W2,[X0] | STR W2,[X1] ;\n {} | {} ;\n LDR W3,[X1] | LDR W3,[X0] ;"
MP = " P0 | P1 ;\n MOV W2,#1 | LDR W3,[X1] ;\n STR W2,[X0] | {1} ;\n {0} | LDR W4,[X0] ;\n STR W2,[X1] | ;"
LB = " P0 | P1 ;\n LDR W3,[X0] | LDR W3,[X1] ;\n {} | {} ;\n MOV W2,#1 | MOV W2,#1 ;\n STR W2,[X1] | STR W2,[X0] ;"
COHERENCE = " P0 | P1 ;\n MOV W2,#1 | LDR W3,[X0] ;\n STR W2,[X0] | LDR W4,[X0] ;"
ATOMIC = " P0 | P1 ;\n MOV W2,#1 | MOV W2,#1 ;\n LDADD W2,W3,[X0] | LDADD W2,W3,[X0] ;"

# data accesses: classic shapes, whose verdicts are those of the Armv8 memory model
CLASSIC = [
    (SB.format("NOP", "NOP"), "0:X3=0 /\\ 1:X3=0", "ALLOWED"),
    (SB.format("DMB SY", "DMB SY"), "0:X3=0 /\\ 1:X3=0", "FORBIDDEN"),
    (SB.format("DMB SY", "DMB LD"), "0:X3=0 /\\ 1:X3=0", "ALLOWED"),
    (SB.format("DMB SY", "DSB SY"), "0:X3=0 /\\ 1:X3=0", "FORBIDDEN"),
    (MP.format("DMB ST", "DMB LD"), "1:X3=1 /\\ 1:X4=0", "FORBIDDEN"),
    (MP.format("DMB LD", "DMB LD"), "1:X3=1 /\\ 1:X4=0", "ALLOWED"),
    (MP.format("DMB ST", "ISB"), "1:X3=1 /\\ 1:X4=0", "ALLOWED"),
    (MP.format("DMB ST", "CBNZ W3,L\n ; | L: ISB"), "1:X3=1 /\\ 1:X4=0", "FORBIDDEN"),
    (LB.format("NOP", "NOP"), "0:X3=1 /\\ 1:X3=1", "ALLOWED"),
    (LB.format("DMB LD", "DMB LD"), "0:X3=1 /\\ 1:X3=1", "FORBIDDEN"),
    (COHERENCE, "1:X3=1 /\\ 1:X4=0", "FORBIDDEN"),
    (COHERENCE, "1:X3=0 /\\ 1:X4=1", "ALLOWED"),
    (ATOMIC, "x=2", "ALLOWED"),
    (ATOMIC, "~x=2", "FORBIDDEN"),
    (ATOMIC, "0:X3=0 /\\ 1:X3=0", "FORBIDDEN"),
]


@pytest.mark.parametrize(("columns", "condition", "expected"), CLASSIC)
def test_data_accesses(columns: str, condition: str, expected: str) -> None:
    assert simulate(parse(plain(columns, condition))).result == expected


def test_handlers_run_and_return() -> None:
    text = """AArch64 handler
{
 [PTE(x)]=(oa:PA(x), valid:0);
 0:X0=x; 0:X1=PTE(x); pteval_t 0:X2=(oa:PA(x)); int x=7;
}
 P0          | P0.F             ;
 L0:         | STR X2,[X1]      ;
 LDR W3,[X0] | DSB ISH          ;
 MOV W4,#1   | ADD W5,W5,#1     ;
             | ERET             ;
"""
    assert (
        simulate(parse(text + "exists (0:X3=7 /\\ 0:X4=1 /\\ 0:X5=1 /\\ fault(P0:L0,x,MMU:Translation))")).result
        == "ALLOWED"
    )
    assert simulate(parse(text + "exists (~fault(P0:L0,x))")).result == "FORBIDDEN"
    assert simulate(parse(text + "exists (0:X4=0)")).result == "FORBIDDEN"


def test_a_spin_loop_ends_and_a_counting_one_is_not_guessed() -> None:
    spin = (
        " P0 | P1 ;\n MOV W2,#1 | L: ;\n STR W2,[X0] | LDR W3,[X0] ;\n DMB ST | CBZ W3,L ;\n STR W2,[X1] | LDR W4,[X1]"
    )
    assert simulate(parse(plain(spin + " ;", "1:X3=1 /\\ 1:X4=0"))).result == "ALLOWED"
    assert simulate(parse(plain(spin + " ;", "1:X3=0"))).result == "FORBIDDEN"
    count = " P0 ;\n L: ;\n ADD W3,W3,#1 ;\n CMP W3,#100 ;\n B.NE L ;"
    assert simulate(parse(plain(count, "0:X3=7", "0:X0=x;"))).result == "UNDECIDED"


def test_a_budget_gives_undecided_never_a_guess() -> None:
    test = parse((LITMUS / "S6.MP.I2V+rel+dsb.ish-isb.litmus").read_text(encoding="utf-8"))
    short = simulate(test, budget=Budget(states=2))
    assert short.result == "UNDECIDED"
    assert "budget" in short.reason
    assert simulate(test).result == "FORBIDDEN"


def test_exs_takes_the_synchronization_from_svc() -> None:
    text = (LITMUS / "S13.I2V.LDR+dsb.ish-svc.litmus").read_text(encoding="utf-8")
    handled = parse(text.replace("AArch64 S13.I2V.LDR+dsb.ish-svc\n", "AArch64 S13\nVariant=vmsa,handled\n"))
    assert simulate(handled, "base").result == "FORBIDDEN"
    assert simulate(handled, "exs").result == "ALLOWED"


def test_tsv_is_one_line_a_test() -> None:
    outcome = simulate_file(LITMUS / "S1.I2V.LDR+none.litmus")
    name, result, states, seconds = tsv([outcome]).rstrip("\n").split("\t")
    assert (name, result) == ("S1.I2V.LDR+none", Result.ALLOWED)
    assert int(states) == outcome.states > 0
    assert 0 <= float(seconds) < 1


def test_what_has_no_meaning_is_undecided() -> None:
    text = "AArch64 t\n{ int x[2]={1,2}; 0:X0=x; }\n P0 ;\n LDR X1,[X0] ;\n LDR W2,[X0,#4] ;\nexists (0:X2=2)\n"
    outcome = simulate(parse(text))
    assert outcome.result == "UNDECIDED"
    assert "different sizes overlap at PA(x)+4" in outcome.reason
    assert simulate(parse(text.replace("LDR X1", "LDR W1"))).result == "ALLOWED"


def test_address_translation_instructions_walk() -> None:
    text = """AArch64 at
{ [PTE(x)]=(oa:PA(x), valid:0); 0:X0=PTE(x); pteval_t 0:X1=(oa:PA(x)); 0:X2=x; }
 P0          ;
 STR X1,[X0] ;
 %s ;
 AT S1E1R,X2 ;
 ISB ;
 MRS X3,PAR_EL1 ;
exists (0:X3=%s)
"""
    assert simulate(parse(text % ("DSB ISH", "0xf"))).result == "ALLOWED"
    assert simulate(parse(text % ("DSB ISH", "PA(x)"))).result == "ALLOWED"
    assert simulate(parse(text % ("DSB ISH ;\n ISB", "0xf"))).result == "FORBIDDEN"
    assert simulate(parse(text % ("DSB ISH ;\n ISB", "PA(x)"))).result == "ALLOWED"


def test_a_walk_without_an_access_takes_part_in_maintenance() -> None:
    text = """AArch64 failed-exclusive
{ 0:X2=x; 0:X5=z; 1:X0=PTE(x); pteval_t 1:X8=(oa:PA(x), valid:0); }
 P0 | P1 ;
 LDXR W20,[X2] | STR X8,[X0] ;
 STXR W19,W14,[X2] | DSB ISH ;
 LDR W21,[X5] | TLBI VMALLE1IS ;
 | DSB ISH ;
exists (0:X19=1)
"""
    found, _ = outcomes(parse(text))
    assert found == {(T,), (F,)}
