"""Findings are confirmed only if the witness faults and its repaired twin does not; else refuted or undecided."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import pytest

from barrierlint.events import (
    Access,
    Accesses,
    ContextSync,
    DescriptorWrite,
    Dmb,
    Drain,
    Dsb,
    Event,
    ExceptionCall,
    Kind,
    Order,
    Shareability,
    SysregWrite,
    Tlbi,
    Transition,
)
from barrierlint.finding import Confidence, Finding, Severity, Span, Verdict, Witness, WitnessStep
from barrierlint.sim.confirm import confirm, litmus_of
from barrierlint.sim.explore import Budget
from barrierlint.sim.litmus import parse
from barrierlint.sim.run import simulate
from barrierlint.terms import Const, Name

HERE = Span("map.cc", 1)
ISB = ContextSync()
DSB = Dsb(Shareability.ISH)
DSB_ST = Dsb(Shareability.ISH, Accesses.ST)
DSB_LD = Dsb(Shareability.SY, Accesses.LD)
DSB_NSH = Dsb(Shareability.NSH)
TLBI = Tlbi("vae1is", Name("page"))
LOCAL = Tlbi("vae1", Name("page"))
LOAD = Access(Kind.READ, Name("va"), into="r")
STORE = Access(Kind.WRITE, Const(0xFFFF80000A000010), Const(1))
MAKE, BREAK, CHANGE = Transition.MAKE, Transition.BREAK, Transition.CHANGE


def finding(
    events: list[Event], transition: Transition = MAKE, rule: str = "BL001", access: Event | None = LOAD
) -> Finding:
    write = DescriptorWrite(Name("ptep"), Name("value"), transition)
    steps = [WitnessStep(HERE, "write", "write", write)]
    steps += [WitnessStep(HERE, "", "barrier", event) for event in events]
    steps.append(WitnessStep(HERE, "", "access" if access else "boundary", access))
    confidence = Confidence.EXACT if access else Confidence.BOUNDARY
    return Finding(rule, "m", Severity.ERROR, confidence, Witness(tuple(steps)))


CASES = [
    ("make, nothing", finding([]), Verdict.CONFIRMED),
    ("make, DSB alone", finding([DSB], rule="BL002"), Verdict.CONFIRMED),
    ("make, ISB alone", finding([ISB]), Verdict.CONFIRMED),
    ("make, ISB then DSB", finding([ISB, DSB], rule="BL003"), Verdict.CONFIRMED),
    ("make, DMB then ISB", finding([Dmb(), ISB], rule="BL004"), Verdict.CONFIRMED),
    ("make, DSB LD then ISB", finding([DSB_LD, ISB], rule="BL005"), Verdict.CONFIRMED),
    ("make, DSB NSH then ISB, another PE", finding([DSB_NSH, ISB], rule="BL005"), Verdict.CONFIRMED),
    ("make, DSB NSH then ISB, this PE", finding([DSB_NSH, ISB]), Verdict.REFUTED),
    ("make, DSB ISH then ISB, another PE", finding([DSB, ISB], rule="BL005"), Verdict.REFUTED),
    ("make, DSB then SVC", finding([DSB, ExceptionCall("svc")]), Verdict.REFUTED),
    ("make, SVC then DSB", finding([ExceptionCall("svc"), DSB]), Verdict.CONFIRMED),
    ("make, drain", finding([Drain("flush")]), Verdict.REFUTED),
    ("make, acquire", finding([Access(Kind.READ, Name("lock"), into="t", order=Order.ACQUIRE)]), Verdict.CONFIRMED),
    ("make, boundary", finding([], access=None), Verdict.CONFIRMED),
    ("make, unknown", finding([], Transition.UNKNOWN), Verdict.CONFIRMED),
    ("break, nothing", finding([], BREAK), Verdict.CONFIRMED),
    ("break, no TLBI", finding([DSB, ISB], BREAK), Verdict.CONFIRMED),
    ("break, no first DSB", finding([TLBI, DSB, ISB], BREAK), Verdict.CONFIRMED),
    ("break, no last DSB", finding([DSB_ST, TLBI, ISB], BREAK), Verdict.CONFIRMED),
    ("break, no ISB", finding([DSB_ST, TLBI, DSB], BREAK), Verdict.CONFIRMED),
    ("break, whole", finding([DSB_ST, TLBI, DSB, ISB], BREAK), Verdict.REFUTED),
    ("break, local, another PE", finding([DSB_ST, LOCAL, DSB, ISB], BREAK, "BL105"), Verdict.CONFIRMED),
    ("break, DSB NSH, another PE", finding([DSB_ST, TLBI, DSB_NSH, ISB], BREAK, "BL005"), Verdict.CONFIRMED),
    ("change, no break", finding([DSB, ISB], CHANGE, "BL020"), Verdict.CONFIRMED),
    ("change, store", finding([DSB, ISB], CHANGE, "BL020", STORE), Verdict.CONFIRMED),
]


@pytest.mark.parametrize(("name", "case", "verdict"), CASES, ids=[case[0] for case in CASES])
def test_verdict(name: str, case: Finding, verdict: Verdict) -> None:
    start = perf_counter()
    result = confirm(case)
    assert perf_counter() - start < 0.1
    assert result.verdict is verdict
    assert (result.trace is not None) == (verdict is Verdict.CONFIRMED)
    assert result.states > 0
    assert (result.repaired_states > 0) == (verdict is Verdict.CONFIRMED)
    if verdict is Verdict.REFUTED:
        assert "every execution" in result.reason


@pytest.mark.parametrize(("name", "case", "verdict"), CASES, ids=[case[0] for case in CASES])
def test_the_litmus_test_says_the_same(name: str, case: Finding, verdict: Verdict) -> None:
    text = confirm(case).litmus
    assert text == litmus_of(case)
    outcome = simulate(parse(text))
    assert outcome.result == ("ALLOWED" if verdict is Verdict.CONFIRMED else "FORBIDDEN")


@pytest.mark.parametrize("features", ["ets2", "ets3"])
def test_a_make_needs_no_barrier_with_ets(features: str) -> None:
    assert confirm(finding([]), features).verdict is Verdict.REFUTED
    assert confirm(finding([DSB_ST, TLBI, DSB], BREAK), features).verdict is Verdict.REFUTED
    assert confirm(finding([DSB, ISB], BREAK), features).verdict is Verdict.CONFIRMED


@pytest.mark.parametrize(
    ("access", "address", "esr"),
    [
        (LOAD, 0xFFFF80000A000000, 0x96000007),
        (STORE, 0xFFFF80000A000010, 0x96000047),
        (Access(Kind.RMW, Name("va"), Const(1), "r", op="add"), 0xFFFF80000A000000, 0x96000047),
        (Access(Kind.FETCH, Name("entry")), 0xFFFF80000A000000, 0x86000007),
    ],
)
def test_the_fault_is_the_hardware_s(access: Access, address: int, esr: int) -> None:
    trace = confirm(finding([], access=access)).trace
    assert trace is not None
    assert trace.fault is not None
    assert (trace.fault.address, trace.fault.esr, trace.fault.level) == (address, esr, 3)


def test_the_trace_tells_the_story_of_the_witness() -> None:
    trace = confirm(finding([DSB])).trace
    assert trace is not None
    told = [(step.actor, step.what, step.source) for step in trace.steps]
    assert told == [
        ("walker P0", "walker reads PTE(va) = invalid (stale: the store is not visible to it yet)", 2),
        ("P0", "store PTE(va) := valid, OA PA(va) becomes visible", 0),
        ("P0", "DSB ISH: earlier accesses and TLB maintenance are complete", 1),
        ("P0", "translation fault on va, level 3", 2),
    ]


@pytest.mark.parametrize(
    ("evidence", "level"),
    [
        ((), 3),
        (("named like a descriptor: pte_t",), 3),
        (("named like a descriptor: pgd_t",), 3),  # which level that is depends on the configuration
        (("named like a descriptor: pmd_t",), 2),
        (("a model says so", "named like a descriptor: pud_t"), 1),
        (("the type mmu::pt_element<0> is a descriptor",), 3),
        (("the type mmu::pt_element<2> is a descriptor",), 1),
        (("the type mmu::pt_element<4> is a descriptor",), 3),
        (("the type mmu::pt_element<N> is a descriptor",), 3),
    ],
)
def test_the_fault_has_the_level_that_the_write_tells(evidence: tuple[str, ...], level: int) -> None:
    made = finding([])
    write = DescriptorWrite(Name("ptep"), Name("value"), MAKE, evidence=evidence)
    steps = (WitnessStep(HERE, "write", "write", write), *made.witness.steps[1:])
    trace = confirm(replace(made, witness=Witness(steps))).trace
    assert trace is not None
    assert trace.fault is not None
    assert (trace.fault.level, trace.fault.esr) == (level, 0x96000004 | level)
    assert [step.what for step in trace.steps if " fault on " in step.what] == [
        f"translation fault on va, level {level}"
    ]


def test_a_stale_tlb_entry_is_named() -> None:
    trace = confirm(finding([DSB, ISB], BREAK)).trace
    assert trace is not None
    assert ("TLB P0", "still holds PTE(va) = valid, OA PA(va): used") in [(s.actor, s.what) for s in trace.steps]
    assert trace.fault is None


def test_two_pes_each_have_their_thread() -> None:
    trace = confirm(finding([DSB_NSH, ISB], rule="BL005")).trace
    assert trace is not None
    assert trace.fault is not None
    assert trace.fault.pe == 1
    assert {step.actor[-2:] for step in trace.steps} == {"P0", "P1"}


def test_what_is_not_modelled_or_not_finished_is_undecided() -> None:
    step = WitnessStep(HERE, "write", "write", SysregWrite("cpacr_el1", Name("v")))
    sysreg = Finding(
        "BL030", "m", Severity.ERROR, Confidence.EXACT, Witness((step, WitnessStep(HERE, "", "access", LOAD)))
    )
    result = confirm(sysreg)
    assert result.verdict is Verdict.UNDECIDED
    assert "cpacr_el1" in result.reason
    assert litmus_of(sysreg) == ""
    starved = confirm(finding([DSB, ISB]), budget=Budget(states=1))
    assert starved.verdict is Verdict.UNDECIDED
    assert "budget" in starved.reason


def test_an_unknown_transition_says_so() -> None:
    assert "run as a make" in confirm(finding([], Transition.UNKNOWN)).reason


def test_a_long_name_is_not_spelled_out_in_every_step() -> None:
    trace = confirm(finding([], access=Access(Kind.READ, Name("a_name_much_too_long_for_a_column"), into="r"))).trace
    assert trace is not None
    assert trace.steps[-1].what == "translation fault on x, level 3"
    assert trace.fault is not None
    assert trace.fault.name == "a_name_much_too_long_for_a_column"
