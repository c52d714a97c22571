"""Which registers a program may still write: a register that nothing writes any more has its final value.

What it does not model: values (a branch may go either way).
"""

from __future__ import annotations

from collections.abc import Mapping

from barrierlint.events import Access, Assign, At, DescriptorWrite, Event, ExceptionReturn, SysregRead, SysregWrite
from barrierlint.sim.program import Instruction, Jump


def untouched(code: tuple[Instruction, ...], labels: Mapping[str, int], handler: int) -> list[frozenset[str]]:
    """Return, for each instruction index and the end, the registers that no instruction reachable from there writes."""
    every = frozenset().union(*(_written(i.action) for i in code)) | _EXCEPTION
    live: list[frozenset[str]] = [frozenset()] * (len(code) + 1)
    changed = True
    while changed:
        changed = False
        for index in range(len(code) - 1, -1, -1):
            after = _written(code[index].action).union(*(live[n] for n in _next(code, labels, handler, index)))
            if after != live[index]:
                live[index], changed = after, True
    return [every - touched for touched in live]


_EXCEPTION = frozenset({"elr_el1", "far_el1", "esr_el1"})


def _written(action: Event | Jump) -> frozenset[str]:
    match action:
        case Access(into=into) | DescriptorWrite(into=into):
            return _EXCEPTION | ({into} if into is not None else set())
        case SysregRead(into=into) if into is not None:
            return frozenset({into})
        case At():
            return frozenset({"par_el1"})
        case Assign(name=name) | SysregWrite(register=name):
            return frozenset({name})
        case _:
            return _EXCEPTION


def _next(code: tuple[Instruction, ...], labels: Mapping[str, int], handler: int, index: int) -> list[int]:
    action = code[index].action
    if isinstance(action, ExceptionReturn):
        return list(range(len(code)))
    after = [handler] if handler >= 0 else []
    if isinstance(action, Jump):
        after.append(labels[action.target] if action.target else len(code))
        if action.condition is None:
            return after
    return [*after, index + 1]
