"""Print the tree of a file: `python -m barrierlint.source FILE [-- FLAGS]`; for people who debug what was read.

Spans show as `line:column`; types as their spelling. It does not use compile databases.
"""

from __future__ import annotations

import sys
import time
from dataclasses import fields, is_dataclass
from pathlib import Path

from barrierlint.finding import Span
from barrierlint.source import parse
from barrierlint.source.tree import Type, Variable


def show(node: object, depth: int = 0) -> str:
    """Return `node` as an indented text."""
    pad = "  " * depth
    if isinstance(node, Span):
        return f"{node.line}:{node.column}"
    if isinstance(node, Type):
        return f"<{node.name or node.spelling}>"
    if isinstance(node, Variable):
        return f"{node.kind} {node.id} {show(node.type)}"
    if isinstance(node, tuple):
        return "[" + "".join(f"\n{pad}  {show(item, depth + 1)}" for item in node) + "]" if node else "[]"
    if is_dataclass(node):
        inner = [(one.name, getattr(node, one.name)) for one in fields(node)]
        shown = [f"{name}={show(value, depth + 1)}" for name, value in inner if value not in ("", None, (), False)]
        long = any("\n" in one or len(one) > 60 for one in shown)
        joint = f"\n{pad}  " if long else ", "
        return f"{type(node).__name__}(" + joint.join(shown) + ")"
    return repr(node)


def main(arguments: list[str]) -> int:
    """Print the tree of the file named first in `arguments`."""
    if not arguments:
        sys.stderr.write("usage: python -m barrierlint.source FILE [-- FLAGS]\n")
        return 2
    sys.setrecursionlimit(20_000)
    start = time.perf_counter()
    flags = [word for word in arguments[1:] if word != "--"]
    unit = parse(Path(arguments[0]), flags or None)
    took = time.perf_counter() - start
    for function in unit.functions:
        sys.stdout.write(f"{show(function)}\n\n")
    for name in ("globals", "assigned", "records", "notifications"):
        for item in getattr(unit, name):
            sys.stdout.write(f"{name} {show(item)}\n")
    counts = f"{len(unit.functions)} functions, {len(unit.roots)} roots, target {unit.target}, {took:.2f} s"
    sys.stderr.write(f"{counts}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
