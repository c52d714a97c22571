"""What the simulation says of tables that are linked before they are filled, or in no order with it.

P0 fills a table page that held an old descriptor and links it, with the barriers of the witness between; P1 accesses an
address below. What it does not model: more than one entry of the table, and tables above the last level.
"""

from __future__ import annotations

from barrierlint.events import Access, DescriptorWrite, Dmb, Dsb, Event, Order, barrier_option
from barrierlint.finding import Confirmation, Finding, Verdict
from barrierlint.sim.explore import Budget
from barrierlint.sim.litmus import parse
from barrierlint.sim.machine import Setting
from barrierlint.sim.run import Outcome, Result, simulate

RULE = "BL203"
_FILL, _LINK = "STR X1,[X0]", "STR X5,[X4]"
_SAYS = "another PE's walker finds the table linked and reads what its memory held before"


def judge(finding: Finding, setting: Setting, budget: Budget) -> Confirmation:
    """Run the stores and barriers of a finding, and their repaired twin."""
    steps = finding.witness.steps
    between = [line for step in steps[1:-1] for line in barrier_lines(step.event)]
    first, second = (_LINK, _FILL) if finding.missing[:1] != ("DMB ISHST",) else (_FILL, _LINK)
    text = _text((first, *between, second))
    outcome = _run(text, setting, budget)
    if outcome.result is not Result.ALLOWED:
        verdict = Verdict.REFUTED if outcome.result is Result.FORBIDDEN else Verdict.UNDECIDED
        reason = outcome.reason or "every execution was explored: no walk reads what the table held before"
        return Confirmation(verdict, None, outcome.states, 0, reason, text)
    twin = _run(_text((_FILL, "DMB ISHST", _LINK)), setting, budget)
    if twin.result is not Result.FORBIDDEN:
        reason = twin.reason or "the repaired twin misbehaves as well"
        return Confirmation(Verdict.UNDECIDED, outcome.trace, outcome.states, twin.states, reason, text)
    return Confirmation(Verdict.CONFIRMED, outcome.trace, outcome.states, twin.states, _SAYS, text)


def _run(text: str, setting: Setting, budget: Budget) -> Outcome:
    return simulate(parse(text), setting.features, budget, setting)


def barrier_lines(event: Event | None) -> list[str]:
    """A barrier of a witness in the assembler's words; a release as the barrier that it is worth at least."""
    match event:
        case Dsb(domain, accesses):
            return [f"DSB {barrier_option(domain, accesses).upper()}"]
        case Dmb(domain, accesses):
            return [f"DMB {barrier_option(domain, accesses).upper()}"]
        case Access(order=Order.RELEASE) | DescriptorWrite(order=Order.RELEASE):
            return ["DMB ISH"]
    return []


def _text(code: tuple[str, ...]) -> str:
    """The litmus test: tables at every level are this project's own syntax."""
    rows = [(line, "LDR W3,[X2]" if number == 0 else "") for number, line in enumerate(code)]
    table = "\n".join(f" {left} | {right} ;" for left, right in (("P0", "P1"), *rows))
    return (
        f"AArch64 {RULE}.publish\n(* The witness of a barrierlint finding. *)\n{{\n [x]=1; [z]=2;\n"
        " [TTD(x,level:2)]=(table:TTD(x), valid:0); [TTD(x)]=(oa:PA(z));\n"
        " 0:X0=TTD(x); 0:X1=(oa:PA(x)); 0:X4=TTD(x,level:2); 0:X5=(table:TTD(x));\n 1:X2=x;\n}\n"
        f"{table}\nexists (1:X3=2)\n"
    )
