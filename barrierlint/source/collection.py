"""Garbage collection put off: `uncollected` for stages that make many objects and no cycles.

Trees and graphs are large and hold no cycles; walking them again and again to find none takes a tenth of the time.
It does not bound memory: what a stage leaves in cycles waits for its end.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Put off the collection of cycles to the end of the block, unless it is off already."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
