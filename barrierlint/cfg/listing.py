"""A graph as plain text, one line a step and an edge, for terminals and tests.

What it does not model: positions within a line.
"""

from __future__ import annotations

from barrierlint.cfg.dot import describe_block, describe_edge
from barrierlint.cfg.graph import Cfg


def render(cfg: Cfg) -> str:
    """Return `cfg` as indented text, blocks in order."""
    lines = [f"{cfg.qualified}  {cfg.place.path}:{cfg.place.line}"]
    for block in cfg.blocks:
        head, *steps = describe_block(cfg, block)
        lines += [f"  {head}", *(f"    {step}" for step in steps)]
        for edge in block.edges:
            why = describe_edge(edge)
            lines.append(f"    -> B{edge.target}" + (f"  {why}" if why else ""))
    return "\n".join([*lines, ""])
