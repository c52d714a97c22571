"""Statements to graphs of events: `lower` makes the program of translation units, `lower_function` one graph.

`dot.render` and `listing.render` show a graph. What it does not model is said in each module.
"""

from __future__ import annotations

from barrierlint.cfg.environment import Environment, build
from barrierlint.cfg.program import lower
from barrierlint.cfg.program import lower_one as lower_function

__all__ = ["Environment", "build", "lower", "lower_function"]
