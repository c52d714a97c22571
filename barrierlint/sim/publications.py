"""What the simulation says of tables that are linked before they are filled, or in no order with it.

P0 fills a table page that held an old descriptor and links it, with the barriers of the witness between; P1 accesses an
address below. What it does not model: more than one entry of the table, and tables above the last level.
"""

from __future__ import annotations

from barrierlint.events import Access, DescriptorWrite, Dmb, Dsb, Event, Order, barrier_option
from barrierlint.finding import Confirmation, Finding
from barrierlint.sim.explore import Budget
from barrierlint.sim.machine import Setting
from barrierlint.sim.twins import compared, litmus

RULE = "BL203"
_FILL, _LINK = "STR X1,[X0]", "STR X5,[X4]"
_HARMLESS = "every execution was explored: no walk reads what the table held before"
_SAYS = "another PE's walker finds the table linked and reads what its memory held before"


def judge(finding: Finding, setting: Setting, budget: Budget) -> Confirmation:
    """Run the stores and barriers of a finding, and their repaired twin."""
    steps = finding.witness.steps
    between = [line for step in steps[1:-1] for line in barrier_lines(step.event)]
    first, second = (_LINK, _FILL) if finding.missing[:1] != ("DMB ISHST",) else (_FILL, _LINK)
    text = _text((first, *between, second))
    return compared(text, _text((_FILL, "DMB ISHST", _LINK)), _SAYS, _HARMLESS, setting, budget)


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
    init = (
        " [TTD(x,level:2)]=(table:TTD(x), valid:0); [TTD(x)]=(oa:PA(z));\n"
        " 0:X0=TTD(x); 0:X1=(oa:PA(x)); 0:X4=TTD(x,level:2); 0:X5=(table:TTD(x));\n"
    )
    return litmus(f"{RULE}.publish", init, code)
