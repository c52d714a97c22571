"""A trace as a table: one column a PE, one for its walker and one for its TLB where they act, one line a step.

`columns` and `rows` are the data; `table` is the text. What it does not do: colour, wrapping to a terminal.
"""

from __future__ import annotations

from dataclasses import dataclass

from barrierlint.finding import Trace, TraceStep


@dataclass(frozen=True, slots=True)
class Row:
    """One line: the step, and the number of its column."""

    number: int
    column: int
    step: TraceStep


def columns(trace: Trace) -> tuple[str, ...]:
    """Return the actors that have steps: for each PE itself, then its walker, then its TLB."""
    kinds = {"P": 0, "walker": 1, "TLB": 2}

    def rank(actor: str) -> tuple[int, int]:
        kind, _, pe = actor.rpartition(" ")
        return int(pe.lstrip("P") or 0), kinds.get(kind or "P", 3)

    return tuple(sorted({step.actor for step in trace.steps}, key=rank))


def rows(trace: Trace) -> tuple[Row, ...]:
    """Return the steps, numbered from 1, each with its column."""
    place = {actor: position for position, actor in enumerate(columns(trace))}
    return tuple(Row(number, place[step.actor], step) for number, step in enumerate(trace.steps, 1))


def by_pe(trace: Trace) -> dict[int, tuple[Row, ...]]:
    """Return the rows of each PE, its walker and TLB included: one thread flow each."""
    found: dict[int, list[Row]] = {}
    for row in rows(trace):
        found.setdefault(int(row.step.actor.rpartition("P")[2]), []).append(row)
    return {pe: tuple(found[pe]) for pe in sorted(found)}


def table(trace: Trace) -> str:
    """Return the text of the table; each line begins with the step's number, the last may name the fault."""
    heads = columns(trace)
    widths = [max([len(h), *(len(r.step.what) for r in rows(trace) if r.column == c)]) for c, h in enumerate(heads)]
    lines = ["    " + " | ".join(head.ljust(width) for head, width in zip(heads, widths, strict=True))]
    lines.append("    " + "-+-".join("-" * width for width in widths))
    for row in rows(trace):
        cells = [row.step.what if c == row.column else "" for c in range(len(heads))]
        lines.append(
            f"{row.number:3} " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        )
    if trace.fault is not None:
        fault = trace.fault
        kind = fault.kind.replace("-", " ")
        lines.append(
            f"    P{fault.pe}: {kind} fault at {fault.address:#x}, level {fault.level}, ESR_EL1 = {fault.esr:#010x}"
        )
    return "\n".join(line.rstrip() for line in lines) + "\n"
