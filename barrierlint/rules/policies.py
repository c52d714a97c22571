"""What models say a code base does by design, told of the functions of a program.

What it does not do: judge; see `dataflow.policies`. A function that is not seen is taken for one without an object.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from barrierlint.cfg.graph import THIS
from barrierlint.dataflow.deallocation import Deallocators
from barrierlint.dataflow.policies import Policies

if TYPE_CHECKING:
    from barrierlint.cfg.graph import Program
    from barrierlint.models import Models, Place


def told(program: Program, models: Models, called: Iterable[str]) -> Policies:
    """The policies of `models` for `program`; `called` are the qualified names of what it calls."""
    said = {name: model for name in called if (model := models.function(name)) is not None}
    methods = _methods(program)
    by_usr = {usr: models.policies(cfg.qualified) for usr, cfg in program.functions.items()}
    return Policies(
        deallocators=Deallocators(
            {name: _index(one.frees, name in methods) for name, one in said.items() if one.frees},
            {name: _index(one.retires, name in methods) for name, one in said.items() if one.retires},
        ),
        zeroed=frozenset(name for name, one in said.items() if one.returns_zeroed),
        offline=frozenset(usr for usr, every in by_usr.items() if any(one.tables == "offline" for one in every)),
        private=frozenset(usr for usr, every in by_usr.items() if any(one.tables == "this-pe" for one in every)),
        returning=frozenset(usr for usr, every in by_usr.items() if any(one.leaves for one in every)),
        deferred={usr: one.defers for usr, every in by_usr.items() for one in every if one.defers},
        flags=tuple(glob.source for glob in models.flags),
    )


def _index(place: Place, method: bool) -> int:
    """The number of a parameter, the object counted."""
    return place.index + method if place.base == "arg" else 0


def _methods(program: Program) -> frozenset[str]:
    """Qualified names of the program's functions that have an object."""
    return frozenset(cfg.qualified for cfg in program.functions.values() if cfg.params and cfg.params[0] == THIS)
