"""Statements to graphs of events: `lower_unit` makes one translation unit's, `join` the program of several, and `lower`
does both.

`dot.render` and `listing.render` show a graph. What it does not model is said in each module.
"""

from __future__ import annotations

from barrierlint.cfg.join import join
from barrierlint.cfg.program import lower, lower_unit

__all__ = ["join", "lower", "lower_unit"]
