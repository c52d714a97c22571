"""What the simulation says of pages given back while they are in use.

P0 unlinks a table at level 2, with the barriers of the witness after it, and the table's page is written to by its next
owner; P1 accesses an address below, and must not walk what is there now. What it does not model: data pages, for which
a stale translation is as bad, and the allocator.
"""

from __future__ import annotations

from barrierlint.events import DescriptorWrite, Event, SysregRead, SysregWrite, Tlbi
from barrierlint.finding import Confirmation, Finding
from barrierlint.sim import controls
from barrierlint.sim.explore import Budget
from barrierlint.sim.machine import Setting
from barrierlint.sim.publications import barrier_lines
from barrierlint.sim.twins import compared, litmus

RULE = "BL202"
_UNLINK, _REUSE = "STR X1,[X0]", "STR X5,[X4]"
_SAYS = "another PE's walker takes what the page's next owner writes for descriptors"
_HARMLESS = "every execution was explored: nobody walks the page as its next owner leaves it"
_WHOLE = ("DSB ISH", "TLBI VMALLE1IS", "DSB ISH")


def judge(finding: Finding, setting: Setting, budget: Budget) -> Confirmation:
    """Run the steps of a finding, and their repaired twin."""
    steps = finding.witness.steps
    start = finding.witness.write.event
    if isinstance(start, SysregRead | SysregWrite):
        return controls.judge(finding, setting, budget)
    first = steps.index(finding.witness.write)
    between = [line for step in steps[first + 1 : -1] for line in _lines(step.event)]
    early = start is None
    code = (_REUSE, *between, _UNLINK, *_WHOLE) if early else (_UNLINK, *between, _REUSE)
    text = _text(code)
    repaired = _text((_UNLINK, *_WHOLE, _REUSE))
    return compared(text, repaired, _SAYS, _HARMLESS, setting, budget)


def _lines(event: Event | None) -> list[str]:
    """A barrier, or a TLBI: of all entries where it is not by the address of the page."""
    match event:
        case DescriptorWrite():
            return []
        case Tlbi(op=op) if op.removesuffix("nxs") in _BY_PAGE:
            return ["LSR X9,X2,#12", f"TLBI {op.removesuffix('nxs').upper()},X9"]
        case Tlbi(op=op):
            return ["TLBI VMALLE1IS" if op.removesuffix("nxs").endswith(("is", "os")) else "TLBI VMALLE1"]
    return barrier_lines(event)


_BY_PAGE = frozenset(
    form + scope for form in ("vae1", "vale1", "vaae1", "vaale1") for scope in ("", "is", "os")
)  # of one ASID, which all here have


def _text(code: tuple[str, ...]) -> str:
    init = " 0:X0=TTD(x,level:2); 0:X1=(table:TTD(x), valid:0); 0:X4=TTD(x); 0:X5=(oa:PA(z)); 0:X2=x;\n"
    return litmus(f"{RULE}.reuse", init, code)
