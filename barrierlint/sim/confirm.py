"""Findings confirmed by simulation: the witness runs and faults, its repaired twin runs and never does.

`confirm` answers CONFIRMED only if both hold; REFUTED if the witness was explored completely and nothing bad can
happen; UNDECIDED otherwise, with the reason. What it does not model: see `scenario`.
"""

from __future__ import annotations

import re
from dataclasses import replace

from barrierlint.events import Access, DescriptorWrite, Kind, SysregWrite, Transition
from barrierlint.finding import Claim, Confirmation, Fault, Finding, Trace, Verdict
from barrierlint.sim import claims, controls, frees, publications, scenario
from barrierlint.sim.descriptor import syndrome
from barrierlint.sim.explore import Budget
from barrierlint.sim.litmus_print import print_litmus
from barrierlint.sim.machine import Setting
from barrierlint.sim.operands import ASID
from barrierlint.sim.run import Outcome, Result, ask, parse_features
from barrierlint.sim.scenario import Scenario
from barrierlint.terms import show

BUDGET = Budget(states=20_000, seconds=2.0)
_IMPROVE = 64
_PAGE = re.compile(r"\bx\b")  # what the scenario calls the page
_LEVEL = re.compile(r"( fault on .*, level )3$")
_LONGEST = 24
_OTHER_PE_RULES = frozenset({"BL005", "BL105"})
"""Rules whose defect may be that another PE is left out; the others speak of the PE that writes."""

_OTHER_FORMS = frozenset({"BL105"})
_FORMS = (
    "stage 2, other regimes and tables above the leaf are not simulated: whether this TLBI misses them is not decided"
)


def confirm(finding: Finding, features: str = "base", budget: Budget = BUDGET) -> Confirmation:
    """Run the witness of `finding` and its repaired twin under `features` (see `run.parse_features`).

    The twin is the witness with the repair that is proposed; where none is, or it fails, with what SEMANTICS owes.
    """
    if finding.claim is not Claim.DEPENDS:
        return claims.judge(finding, Setting(parse_features(features)), budget)
    setting = Setting(parse_features(features))
    if finding.rule in _OTHER_FORMS and isinstance(finding.witness.write.event, SysregWrite):
        return Confirmation(Verdict.UNDECIDED, reason=_FORMS)
    if finding.rule == publications.RULE:
        return publications.judge(finding, setting, budget)
    if finding.rule == frees.RULE:
        return frees.judge(finding, setting, budget)
    if controls.concerns(finding):
        return controls.judge(finding, setting, budget)
    story = scenario.scenario_of(finding)
    if story is None:
        return Confirmation(Verdict.UNDECIDED, reason="the witness writes no descriptor")
    if finding.rule == scenario.OPERAND_RULE:
        setting = replace(setting, asid=ASID)
    outcome = _run(story, setting, budget)
    if outcome.result is Result.FORBIDDEN and finding.rule in _OTHER_PE_RULES and scenario.narrow_or_local(story):
        # What reaches one PE only is a defect where another PE walks the tables: let a second PE make the access.
        story = replace(story, remote=True)
        outcome = _run(story, setting, budget)
    litmus = print_litmus(story, finding.rule)
    if finding.rule in _OTHER_FORMS and not scenario.narrow_or_local(story):
        return Confirmation(Verdict.UNDECIDED, None, outcome.states, 0, _FORMS, litmus)
    if outcome.result is not Result.ALLOWED:
        verdict = Verdict.REFUTED if outcome.result is Result.FORBIDDEN else Verdict.UNDECIDED
        reason = outcome.reason or _refutation(story, features)
        return Confirmation(verdict, None, outcome.states, 0, reason, litmus)
    mended = scenario.proposed(finding, story)
    twin = _run(mended, setting, budget)
    fails = finding.repair is not None and finding.repair.path is not None and twin.result is not Result.FORBIDDEN
    if fails:
        mended = scenario.repaired(story)
        twin = _run(mended, setting, budget)
    trace = _report(outcome, finding, story)
    if twin.result is not Result.FORBIDDEN:
        reason = "the repaired twin misbehaves as well: what the witness lacks is not what the repair adds"
        return Confirmation(Verdict.UNDECIDED, trace, outcome.states, twin.states, twin.reason or reason, litmus)
    fine = _sound(finding, mended, setting)
    reason = _assumption(finding)
    return Confirmation(Verdict.CONFIRMED, trace, outcome.states, twin.states, reason, litmus, fine, fails)


def litmus_of(finding: Finding) -> str:
    """Return the witness of `finding` as a litmus test that herd7 accepts; "" if it writes no descriptor."""
    told = (
        finding.claim is Claim.DEPENDS
        and not controls.concerns(finding)
        and finding.rule not in (publications.RULE, frees.RULE)
    )
    story = scenario.scenario_of(finding) if told else None
    if story is None:
        return ""
    remote = finding.rule in _OTHER_PE_RULES and scenario.narrow_or_local(story)
    if remote and _run(story, Setting(), BUDGET).result is not Result.ALLOWED:
        story = replace(story, remote=True)
    return print_litmus(story, finding.rule)


def _run(story: Scenario, setting: Setting, budget: Budget) -> Outcome:
    return ask(scenario.program_of(story), scenario.defect(story), setting, budget, "witness", _IMPROVE)


def _sound(finding: Finding, twin: Scenario, setting: Setting) -> Trace | None:
    """An execution of the repaired twin, for comparison."""
    run = ask(scenario.program_of(twin), scenario.sound(twin), setting, BUDGET, "repaired", _IMPROVE)
    return None if run.trace is None else replace(_named(run.trace, _name(finding)), fault=None)


def _refutation(story: Scenario, features: str) -> str:
    bad = "fault" if story.transition is Transition.MAKE else "use the old translation"
    return f"every execution under {features} was explored: the access cannot {bad}"


def _assumption(finding: Finding) -> str:
    event = finding.witness.write.event
    unknown = isinstance(event, DescriptorWrite) and event.transition is Transition.UNKNOWN
    return "run as a make: how the write changes the descriptor is not known" if unknown else ""


def _report(outcome: Outcome, finding: Finding, story: Scenario) -> Trace | None:
    """The trace with the fault as the hardware reports it, at the address the witness names."""
    if outcome.trace is None:
        return None
    name = _name(finding)
    told = _named(outcome.trace, name)
    if story.transition is not Transition.MAKE:
        return replace(told, fault=None)
    event = story.access.event
    assert isinstance(event, Access)
    write = event.kind in (Kind.WRITE, Kind.RMW)
    fetch = event.kind is Kind.FETCH
    pe = 1 if story.remote else 0
    level = scenario.level_of(finding)
    esr = syndrome("translation", level, write, fetch)
    fault = Fault(pe, scenario.address_of(finding), "translation", level, esr, write and not fetch, name)
    steps = (replace(step, what=_LEVEL.sub(rf"\g<1>{level}", step.what)) for step in told.steps)
    return replace(told, steps=tuple(steps), fault=fault)


def _name(finding: Finding) -> str:
    """What the source calls the address accessed."""
    named = finding.witness.access.event
    return show(named.address) if isinstance(named, Access) else "the mapped address"


def _named(trace: Trace, name: str) -> Trace:
    """Call the page by the source's own name for its address, where that is short enough to read."""
    if len(name) > _LONGEST or name == "the mapped address":
        return trace
    steps = (replace(step, what=_PAGE.sub(lambda _: name, step.what)) for step in trace.steps)
    return replace(trace, steps=tuple(steps))
