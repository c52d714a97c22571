"""A barrier in words: what it completes or synchronizes, for which writes, or that nothing seen needs it.

What it does not tell: what the barrier orders beside page tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from barrierlint.cfg.graph import Program, Step
from barrierlint.dataflow.barriers import Barrier, Effect
from barrierlint.dataflow.debts import Leaf, Progress
from barrierlint.events import mnemonic
from barrierlint.report.lines import printable
from barrierlint.report.snippet import place

MAX_WRITES = 6
_GAIN = {
    Progress.COMPLETED: "completes",
    Progress.LOCAL: "synchronizes for this PE only",
    Progress.INVALIDATED: "invalidates what was cached of",
    Progress.DONE: "completes the invalidation for",
    None: "is the last that was owed by",
}


def markdown(barriers: Sequence[Barrier], programs: Sequence[Program]) -> str:
    """What the barriers of one line do, as Markdown; "" if there are none."""
    return "\n\n".join(dict.fromkeys(_barrier(barrier, programs) for barrier in barriers))


def _barrier(barrier: Barrier, programs: Sequence[Program]) -> str:
    helped = [effect for effect in barrier.effects if effect.helps]
    idle = [effect for effect in barrier.effects if not effect.helps]
    lines = [f"**{mnemonic(barrier.event)}**", *_list(helped, programs)]
    if not barrier.effects:
        lines.append("No write to a descriptor, TLB maintenance or translation register that was seen is pending here.")
    elif not helped:
        lines += ["Nothing that was seen needs it here:", *_list(idle, programs)]
    return "\n".join(lines)


def _list(effects: Sequence[Effect], programs: Sequence[Program]) -> Iterator[str]:
    for effect in effects[:MAX_WRITES]:
        yield f"- {_verb(effect)} {_step(effect.leaf, programs)}"
    if len(effects) > MAX_WRITES:
        yield f"- … and {len(effects) - MAX_WRITES} more"


def _verb(effect: Effect) -> str:
    return _GAIN.get(effect.after, "advances") if effect.helps else "makes no difference to"


def _step(leaf: Leaf, programs: Sequence[Program]) -> str:
    """A write by its place and function."""
    for program in programs:
        cfg = program.functions.get(leaf.site.function)
        if cfg is not None:
            step: Step = cfg.blocks[leaf.site.block].steps[leaf.site.step]
            return f"`{_code(mnemonic(step.event))}` in `{_code(cfg.qualified)}()` ({_code(place(step.span))})"
    return "a write"


def _code(text: str) -> str:
    """Text that may stand between backticks."""
    return printable(text).replace("`", "'")
