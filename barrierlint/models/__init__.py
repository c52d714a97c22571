"""Models of code bases: descriptor types, functions that write descriptors or synchronize, exemptions, idioms; one
YAML file each.

    models = load(["osv", "my-kernel.yaml"]) models.function("mmu::hw_ptep<0>::write")            # FunctionModel |
    None models.descriptor_type("pte_t", "struct pte_t")      # "declared in the model …" | None

A file has these keys (docs/models.md tells more): `name`, `description`, `files`, `descriptors`, `functions`,
`exempt`, `policies`, `unknown_calls`, `barrier_idiom`. What a model does not hold: rules, and code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from barrierlint.models.document import ModelError
from barrierlint.models.shipping import detect, shipped

if TYPE_CHECKING:
    from barrierlint.models.loading import load
    from barrierlint.models.model import (
        AccessModel,
        FunctionModel,
        MapsModel,
        Model,
        Models,
        Place,
        Policy,
        ValueTest,
        WriteModel,
    )

__all__ = [
    "AccessModel",
    "FunctionModel",
    "MapsModel",
    "Model",
    "ModelError",
    "Models",
    "Place",
    "Policy",
    "ValueTest",
    "WriteModel",
    "detect",
    "load",
    "shipped",
]


def __getattr__(name: str) -> Any:
    """Load what reads models only when one is read."""
    if name not in __all__:
        raise AttributeError(name)
    from barrierlint.models import loading, model

    return getattr(loading if name == "load" else model, name)
