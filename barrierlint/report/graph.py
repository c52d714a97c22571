"""A function's graph of events as text: blocks, their steps with source lines, edges with their reasons.

What it does not show: operands in full; Graphviz output (cfg.dot) is for pictures.
"""

from __future__ import annotations

from barrierlint.cfg.graph import Cfg, Edge, Step
from barrierlint.events import Access, Assign, Call, DescriptorWrite, mnemonic
from barrierlint.report.lines import printable
from barrierlint.terms import show


def render(cfg: Cfg) -> str:
    """Return the function as lines, its blocks in order of id."""
    lines = [f"{cfg.qualified}  {cfg.place.path}:{cfg.place.line}"]
    for block in cfg.blocks:
        names = {cfg.entry: " entry", cfg.exit: " exit", cfg.unwind: " unwind"}
        lines.append(f"  block {block.id}{names.get(block.id, '')}")
        lines += [f"    {_step(step)}" for step in block.steps]
        lines += [f"    -> {_edge(edge)}" for edge in block.edges]
    return "".join(printable(line) + "\n" for line in lines)


def _step(step: Step) -> str:
    note = f"  ({step.note})" if step.note else ""
    return f"{step.span.line:>5}:{step.span.column:<3} {mnemonic(step.event)}{_operands(step)}{note}"


def _operands(step: Step) -> str:
    """The operands worth reading in a listing."""
    match step.event:
        case Access(address=address, value=None):
            return f" [{show(address)}]"
        case Access(address=address, value=value) if value is not None:
            return f" [{show(address)}] = {show(value)}"
        case DescriptorWrite(location=location, value=value):
            return f" [{show(location)}] = {show(value)}"
        case Assign(name, value):
            return f" {name} = {show(value)}"
        case Call(args=args):
            return f"({', '.join(map(show, args))})"
        case _:
            return ""


def _edge(edge: Edge) -> str:
    guards = " and ".join(f"{'' if guard.holds else 'not '}{show(guard.condition)}" for guard in edge.guards)
    return f"{edge.target} {edge.reason}" + (f" if {guards}" if guards else "")
