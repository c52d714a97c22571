"""Exceptions that are not aborts: SVC, HVC, SMC and UDF.

What it does not model: what the exception handler of another exception level does, except that it returns.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from barrierlint.events import ContextSync, ExceptionCall
from barrierlint.sim import ordering
from barrierlint.sim.descriptor import syndrome
from barrierlint.sim.machine import FaultTaken, Handling, State
from barrierlint.sim.program import Instruction, Pe, code_address

if TYPE_CHECKING:
    from barrierlint.sim.model import Model


UNKNOWN = 1 << 25  # ESR_ELx (DDI 0487 D24.2): EC 0, IL set
SVC = 0x15 << 26 | 1 << 25  # SVC from AArch64; its number in ISS[15:0]


def call(model: Model, state: State, instruction: Instruction) -> list[State] | None:
    """SVC, HVC, SMC: exception entry, a context synchronization event (D1.3.4); the handler returns to the next."""
    ordering.wait(state.view, ContextSync("svc"), lambda d: True, model.setting.features)
    model.note(state, ContextSync("svc"))
    if not model.setting.features.exs:
        state.unsynchronized = {}
    state.fault(FaultTaken(model.pe_of(state), instruction.labels, None, "supervisor-call", False, -1, 0))
    state.registers["elr_el1"] = (code_address(state.index + 1), 0, 0)
    number = instruction.action.number if isinstance(instruction.action, ExceptionCall) else 0
    state.registers["esr_el1"] = (SVC | number & 0xFFFF, 0, 0)
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
    state.unsynchronized = {}
    state.fault(FaultTaken(model.pe_of(state), instruction.labels, None, "undefined-instruction", False, -1, 0))
    state.registers["elr_el1"] = (code_address(state.index), 0, 0)
    state.registers["esr_el1"] = (UNKNOWN, 0, 0)
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


def syndromes(pe: Pe) -> frozenset[int]:
    """Return every ESR_EL1 that an exception of `pe` may leave."""
    kinds = product(("address-size", "translation", "access-flag", "permission"), range(4), (False, True))
    aborts = {syndrome(kind, level, write, lower_el=pe.user) for kind, level, write in kinds}
    calls = {SVC | i.action.number & 0xFFFF for i in pe.code if isinstance(i.action, ExceptionCall)}
    return frozenset(aborts | calls | {UNKNOWN})
