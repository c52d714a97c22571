"""What a TLBI instruction names: scope, regime, stage, and which part of a walk it drops (DDI 0487 C5.5, D8.16).

`parse` reads the operation's name. What it does not model: the level hint (TTL), and the values of range operands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_OPERATION = re.compile(
    r"(?P<range>r?)(?P<by>vmalls12|vmallws2|vmall|vaal|vaa|val|va|aside|ipas2l|ipas2|pal|paall|pa|all)e?(?P<el>[123]?)"
    r"(?P<scope>is|os)?(?P<nxs>nxs)?"
)
_STAGES = {"vmalls12": (1, 2), "vmallws2": (2,), "ipas2": (2,), "ipas2l": (2,), "all1": (1, 2)}


@dataclass(frozen=True, slots=True)
class Operation:
    """A TLBI operation. `by` is all, va, asid, ipa or pa; `el` the exception level whose regime it concerns.

    `tagged`: its operand holds an ASID in bits 63:48. `last_level`: only entries of the last level of a walk.
    `stages`: of stage 1, 2 or both.
    """

    by: str
    el: int
    broadcast: bool
    last_level: bool
    tagged: bool
    stages: tuple[int, ...]
    range: bool = False

    @property
    def lazy(self) -> bool:
        """Whether kernels leave its context synchronization to the return to who uses the translations.

        By ASID these are a process's, at stage 2 a guest's, by physical address another world's: all run after an
        exception return.
        """
        return self.tagged or self.stages == (2,) or self.by == "pa"


@lru_cache(maxsize=256)
def parse(op: str) -> Operation | None:
    """The operation named `op` (`vae1is`), None if it is none that is known."""
    match = _OPERATION.fullmatch(op.lower())
    if match is None:
        return None
    by = match["by"]
    el = int(match["el"] or ("3" if by.startswith("pa") else "1"))
    kind = next((kind for kind in ("asid", "ipa", "va") if by.startswith(kind)), "pa" if by in ("pa", "pal") else "all")
    tagged = kind == "asid" or (by in ("va", "val") and el == 1)
    stages = _STAGES.get(by + match["el"] if by == "all" else by, (1,))
    last = by in ("val", "vaal", "ipas2l", "pal")
    return Operation(kind, el, match["scope"] is not None, last, tagged, stages, bool(match["range"]))


def is_broadcast(op: str) -> bool:
    """Whether it reaches other PEs: the inner or outer shareable form."""
    found = parse(op)
    return found is not None and found.broadcast
