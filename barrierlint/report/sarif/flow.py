"""Code flows in SARIF: the witness as one thread, the trace with one thread for each PE.

`executionOrder` numbers the steps of all threads, so that a viewer can interleave them. What it
does not carry: states of memory.
"""

from __future__ import annotations

from typing import Any

import sarif_om as om

from barrierlint.finding import Finding, Trace, TraceStep, Witness, WitnessStep
from barrierlint.report.sarif.place import location
from barrierlint.report.timeline import fault_sentence, pe_of

MAX_STEPS = 1000
"""Steps of a flow that GitHub keeps."""

_IMPORTANCE = {"write": "essential", "access": "essential", "boundary": "essential", "call": "unimportant"}
_KINDS = {"call": ["call"], "return": ["return"], "branch": ["branch"], "enter": ["enter"]}


def witness(path: Witness) -> Any:
    """Return the static path, calls nested."""
    base = min(step.depth for step in path.steps)
    steps = path.steps[:MAX_STEPS]
    return om.CodeFlow(
        message=om.Message(text="The path from the write of the descriptor to what depends on it"),
        thread_flows=[
            om.ThreadFlow(locations=[_witness_step(step, at, step.depth - base) for at, step in enumerate(steps, 1)])
        ],
    )


def _witness_step(step: WitnessStep, order: int, depth: int) -> Any:
    return om.ThreadFlowLocation(
        location=location(step.span, text=f"{step.role}: {step.note}", function=step.function),
        execution_order=order,
        nesting_level=depth,
        importance=_IMPORTANCE.get(step.role, "important"),
        kinds=_KINDS.get(step.role),
    )


def trace(finding: Finding) -> Any:
    """Return the execution of the simulation that goes wrong, one thread a PE with its walker and TLB."""
    execution = finding.confirmation.trace
    assert execution
    pes = sorted({pe_of(step) for step in execution.steps}, key=lambda pe: (len(pe), pe))
    return om.CodeFlow(
        message=om.Message(text="An execution found by simulation"),
        thread_flows=[_thread(pe, execution, finding.witness) for pe in pes],
    )


def _thread(pe: str, execution: Trace, path: Witness) -> Any:
    """The steps of one PE, its fault last."""
    own = [(at, step) for at, step in enumerate(execution.steps[: MAX_STEPS - 1], 1) if pe_of(step) == pe]
    locations = [_trace_step(step, at, path) for at, step in own]
    if execution.fault and pe == f"P{execution.fault.pe}":
        where = location(path.access.span, text=fault_sentence(execution.fault))
        order = len(execution.steps) + 1
        locations.append(om.ThreadFlowLocation(location=where, execution_order=order, importance="essential"))
    return om.ThreadFlow(id=pe, locations=locations)


def _trace_step(step: TraceStep, order: int, path: Witness) -> Any:
    """One step at the source step it comes from; the hardware's own steps have no place."""
    text = f"{step.actor}: {step.what}"
    if 0 <= step.source < len(path.steps):
        where = location(path.steps[step.source].span, text=text)
    else:
        where = om.Location(message=om.Message(text=text))
    return om.ThreadFlowLocation(location=where, execution_order=order, importance="important")
