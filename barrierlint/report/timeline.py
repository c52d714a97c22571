"""An execution as a table: one column for each PE, one for walker and TLB, one line a step, ended by the fault.

Used for findings and for `barrierlint simulate --trace` alike. What it does not show: the states the
search passed through on other executions.
"""

from __future__ import annotations

import re

from barrierlint.finding import Fault, Trace, TraceStep
from barrierlint.report.lines import printable, width

HARDWARE = "walker, TLB"
"""Heading of the column of what the hardware does by itself."""


def render(trace: Trace, limit: int = 120) -> str:
    """Return `trace` as lines of at most about `limit` columns; the last line is the fault, if it ends in one."""
    columns = _columns(trace.steps)
    rows = [(str(number), *_cells(step, columns)) for number, step in enumerate(trace.steps, 1)]
    heading = ("", *columns)
    widths = _fit([max(width(row[at]) for row in (heading, *rows)) for at in range(len(heading))], limit)
    lines = [_line(heading, widths), "─" * (sum(widths) + 2 * len(widths) - 2)]
    for row in rows:
        lines += _wrapped(row, widths)
    if trace.fault:
        lines.append("⇒ " + fault_sentence(trace.fault))
    return "\n".join(line.rstrip() for line in lines)


def fault_sentence(fault: Fault) -> str:
    """Return the fault as a crash log tells it: kind, level, address and the register ESR_EL1."""
    place = f"0x{fault.address:016x}" + (f" ({printable(fault.name)})" if fault.name else "")
    access = "write" if fault.write else "access"
    kind = f"level {fault.level} {fault.kind}" if fault.level >= 0 or fault.kind == "translation" else fault.kind
    return f"P{fault.pe}: {kind} fault on {access} to {place}, ESR_EL1 0x{fault.esr:08x}"


def pe_of(step: TraceStep) -> str:
    """Return the PE (`P0`) that a step belongs to, its walker and TLB included."""
    found = re.search(r"P\d+", step.actor)
    return found.group() if found else step.actor


def _columns(steps: tuple[TraceStep, ...]) -> list[str]:
    """The PEs in order of number, then the hardware's column if it does anything."""
    pes = sorted({pe_of(step) for step in steps}, key=lambda pe: (len(pe), pe))
    return pes + ([HARDWARE] if any(step.actor != pe_of(step) for step in steps) else [])


def _cells(step: TraceStep, columns: list[str]) -> list[str]:
    """One row: the step's sentence under its actor; the hardware says whose it is."""
    own = pe_of(step)
    here = own if step.actor == own else HARDWARE
    kind = step.actor.partition(" ")[0]
    text = printable(step.what if here == own else f"{step.actor}: {step.what.removeprefix(f'{kind} ')}")
    return [text if column == here else "" for column in columns]


def _fit(widths: list[int], limit: int) -> list[int]:
    """Shrink the widest columns until a row fits `limit`; no column gets narrower than 16."""
    while sum(widths) + 2 * len(widths) > limit and max(widths) > 16:
        widths[widths.index(max(widths))] -= 1
    return widths


def _wrapped(row: tuple[str, ...], widths: list[int]) -> list[str]:
    """One step, over as many lines as its longest cell needs."""
    cells = [_wrap(cell, size) for cell, size in zip(row, widths, strict=True)]
    return [
        _line(tuple(cell[at] if at < len(cell) else "" for cell in cells), widths) for at in range(max(map(len, cells)))
    ]


def _wrap(text: str, size: int) -> list[str]:
    """Break `text` at blanks into lines of `size` columns; longer words stay whole."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if width(longer) <= size or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    """Join the cells of one line, the step's number flush right."""
    first, *rest = row
    padded = (cell + " " * (size - width(cell)) for cell, size in zip(rest, widths[1:], strict=True))
    return "  ".join([first.rjust(widths[0]), *padded])
