"""Exceptions that are not aborts: SVC, HVC, SMC and UDF.

What it does not model: what the exception handler of another exception level does, except that it returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from barrierlint.events import ContextSync
from barrierlint.sim import ordering
from barrierlint.sim.machine import FaultTaken, Handling, State
from barrierlint.sim.program import Instruction, code_address

if TYPE_CHECKING:
    from barrierlint.sim.model import Model


def call(model: Model, state: State, instruction: Instruction) -> list[State] | None:
    """SVC, HVC, SMC: exception entry, a context synchronization event (D1.3.4); the handler returns to the next."""
    ordering.wait(state.view, ContextSync("svc"), lambda d: True, model.setting.features)
    model.note(state, ContextSync("svc"))
    state.fault(FaultTaken(model.pe_of(state), instruction.labels, None, "supervisor-call", False, -1, 0))
    state.registers["elr_el1"] = (code_address(state.index + 1), 0, 0)
    pe = model.program.pes[model.pe_of(state)]
    if pe.handler >= 0 and not state.returns:
        state.index, state.returns = pe.handler, True
    elif model.setting.handling is Handling.FATAL:
        state.index = len(pe.code)
    else:
        state.index += 1
    return None


def undefined(model: Model, state: State, instruction: Instruction) -> list[State] | None:
    """UDF: an exception that returns to the same instruction; unless a handler moves on, the program ends there."""
    ordering.wait(state.view, ContextSync("exception-entry"), lambda d: True, model.setting.features)
    state.fault(FaultTaken(model.pe_of(state), instruction.labels, None, "undefined-instruction", False, -1, 0))
    state.registers["elr_el1"] = (code_address(state.index), 0, 0)
    pe = model.program.pes[model.pe_of(state)]
    if pe.handler >= 0 and not state.returns:
        state.index, state.returns = pe.handler, True
    elif model.setting.handling is Handling.SKIP:
        state.index += 1
    elif model.setting.handling is Handling.FATAL:
        state.index = len(pe.code)
    else:
        return []
    return None
