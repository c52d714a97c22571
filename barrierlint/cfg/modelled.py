"""What takes a call's place: events a model declares for a function, and the compiler's builtins and atomics.

What it does not model: effects beyond what the model or the intrinsic says.
"""

from __future__ import annotations

from barrierlint.cfg.frame import Frame
from barrierlint.source import tree
from barrierlint.terms import Term


def lower_modelled(frame: Frame, expression: tree.CallExpression) -> Term | None:
    """Emit what a model says of the function called and return the result, None if no model speaks of it."""
    return None


def lower_intrinsic(frame: Frame, expression: tree.CallExpression) -> Term | None:
    """Emit what a builtin, intrinsic or atomic operation does and return the result, None if it is none."""
    return None
