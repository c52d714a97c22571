"""Statements to graphs of events: `lower_unit` makes one translation unit's, `join.join` the program of several, and
`lower` does both.

`dot.render` and `listing.render` show a graph. What is needed for lowering is loaded with the first unit that is. What
it does not model is said in each module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from barrierlint.cfg.program import lower, lower_unit

__all__ = ["lower", "lower_unit"]


def __getattr__(name: str) -> Any:
    """Load the whole of lowering only when something is lowered."""
    if name in __all__:
        from barrierlint.cfg import program

        return getattr(program, name)
    raise AttributeError(name)
