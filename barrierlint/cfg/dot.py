"""A graph as Graphviz text: blocks with their events and lines, edges with their reasons and guards.

What it does not model: layout; `dot` does that.
"""

from __future__ import annotations

from barrierlint.cfg.graph import Block, Cfg, Edge, Guard, Step
from barrierlint.events import Access, Assign, Call, DescriptorWrite, Event, mnemonic
from barrierlint.terms import Term, show


def render(cfg: Cfg) -> str:
    """Return `cfg` as a digraph in the DOT language; every label is escaped."""
    lines = [
        f"digraph {_quote(cfg.qualified)} {{",
        '  node [shape=box, fontname="monospace"];',
        '  edge [fontname="monospace"];',
    ]
    for block in cfg.blocks:
        label = "".join(_escape(line) + "\\l" for line in describe_block(cfg, block))
        lines.append(f'  b{block.id} [label="{label}"];')
    for block in cfg.blocks:
        for edge in block.edges:
            lines.append(f'  b{block.id} -> b{edge.target} [label="{_escape(describe_edge(edge))}"];')
    return "\n".join([*lines, "}", ""])


def describe_block(cfg: Cfg, block: Block) -> list[str]:
    """The lines that show a block: its number and role, then one line a step."""
    roles = {cfg.entry: " entry", cfg.exit: " exit", cfg.unwind: " unwind"}
    return [f"B{block.id}{roles.get(block.id, '')}", *(describe_step(step) for step in block.steps)]


def describe_step(step: Step) -> str:
    """One step: its line, its event with operands, its note."""
    note = f"  ; {step.note}" if step.note else ""
    return f"{step.span.line}: {describe_event(step.event)}{note}"


def describe_event(event: Event) -> str:
    """An event with the operands a reader needs."""
    match event:
        case Assign(name, value):
            return f"{show_name(name)} := {show(value)}"
        case Access(address=address, value=value, into=into):
            received = f"{show_name(into)} := " if into else ""
            return f"{received}{mnemonic(event)} [{show(address)}]" + (
                f" := {show(value)}" if value is not None else ""
            )
        case DescriptorWrite(location, value):
            return f"{mnemonic(event)} [{show(location)}] := {show(value)}"
        case Call(args=args, into=into):
            received = f"{show_name(into)} := " if into else ""
            shown = f"{received}{mnemonic(event)}({', '.join(show(arg) for arg in args)})"
            return shown if event.why == "direct" else f"{shown} [{event.why}: {len(event.targets)} targets]"
    return mnemonic(event) + _operand(getattr(event, "operand", None) or getattr(event, "value", None))


def _operand(term: Term | None) -> str:
    return f" {show(term)}" if term is not None else ""


def show_name(id: str) -> str:
    """The part of a name a person wrote."""
    parts = id.split("#")
    return parts[-2] if len(parts) >= 3 else id


def describe_edge(edge: Edge) -> str:
    """Why an edge is taken."""
    guards = " && ".join(describe_guard(guard) for guard in edge.guards)
    return ": ".join(part for part in (edge.reason, guards) if part)


def describe_guard(guard: Guard) -> str:
    """A guard as C would write it."""
    return show(guard.condition) if guard.holds else f"!{show(guard.condition)}"


def _quote(text: str) -> str:
    return f'"{_escape(text)}"'


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
