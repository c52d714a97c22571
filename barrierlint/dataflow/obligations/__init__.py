"""The kinds of debts, one module each, found by walking this package: `KINDS` by name.

A kind's module has an `OBLIGATION`. What it does not model: which rule a defect belongs to.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from barrierlint.dataflow.obligations.obligation import Obligation


@cache
def kinds() -> dict[str, Obligation]:
    """Every kind of debt by its name, in order of module name."""
    modules = (import_module(f"{__name__}.{name}") for name in sorted(m.name for m in pkgutil.iter_modules(__path__)))
    found = (getattr(module, "OBLIGATION", None) for module in modules)
    return {each.kind: each for each in found if each is not None}
