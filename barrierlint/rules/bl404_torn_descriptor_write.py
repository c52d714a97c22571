"""A descriptor of a table is stored in pieces, or by a store the compiler may take to pieces: a walker sees them all.

**What it flags.** A descriptor in a table that is stored in halves (two 32-bit stores), in several steps with no
barrier between (bit-field after bit-field, a mask and then a value), or through a bit-field. These are warnings where
the descriptor is known to be live, that is, where its valid bit was tested on every path, or a valid value was just
stored; notes otherwise. And, as a note, a plain C store to a live descriptor, neither volatile nor atomic.

**Why.** The translation table walker reads a descriptor whenever it likes, and uses what it finds. Of a descriptor
that is stored in two steps it may find the first step only: the new permissions with the old memory type, or an
output address of which half is new. That entry may stay in a TLB. An aligned 64-bit store instruction is single-copy
atomic, but C does not promise that an assignment becomes one: a bit-field may be stored as a byte, and a plain store
may be split, or done twice.

**Bad.**

```c
if (entry->valid) {
        entry->ap = READ_ONLY;         /* each is a read, a change, and a store of its own */
        entry->af = 0;
}
```

**Good.**

```c
desc_t new = { .bits = READ_ONCE(entry->bits) };
new.ap = READ_ONLY;
new.af = 0;
WRITE_ONCE(entry->bits, new.bits);     /* one store */
```

**What it assumes.** Of the descriptor at the entry of a function nothing is known. What a function that is not here
has returned may be a new table that nobody walks, and is left out, as are objects of the function itself.

**References.** Arm ARM DDI 0487, B2.2.1 (single-copy atomicity) and D8.2 (walks are reads of their own); AAPCS64,
*Bit-field subdivision*; C11 5.1.2.3 (a plain store may be done in any way that the program itself cannot tell).
"""

from __future__ import annotations

from collections.abc import Iterator

from barrierlint.cfg.graph import Program
from barrierlint.dataflow.steps import Met
from barrierlint.dataflow.tearing import BIT_FIELD, Torn, torn_writes
from barrierlint.events import Access
from barrierlint.finding import Claim, Confidence, Severity, WitnessStep
from barrierlint.models import Models
from barrierlint.rules.advice import Advice, Remark
from barrierlint.rules.narrate import short
from barrierlint.rules.rule import info

_RANK = {"split": 0, "steps": 1, BIT_FIELD: 2, "plain": 3}


def find(program: Program, _models: Models) -> Iterator[Remark]:
    """One remark a function, on the worst store; the others are folded."""
    groups: dict[object, dict[object, Torn]] = {}
    for torn in torn_writes(program):
        cfg = program.functions[torn.store.function]
        groups.setdefault(cfg.pattern or cfg.place, {}).setdefault(torn.store.step.span, torn)
    for group in groups.values():
        first, *others = sorted(group.values(), key=lambda torn: (not torn.live, _RANK[torn.how], torn.store.step.span))
        yield _remark(program, first, others)


def _remark(program: Program, torn: Torn, others: list[Torn]) -> Remark:
    name = short(program.functions[torn.store.function].qualified)
    before = tuple(_step(program, met, "write", "stored first") for met in torn.before)
    last = _step(program, torn.store, "idle", _note(torn))
    also = tuple(_step(program, other.store, "idle", _note(other)) for other in others)
    certain = torn.live and torn.how != "plain"
    grounds = (
        "the descriptor's valid bit was tested, or just stored, on every path"
        if torn.live
        else "whether the descriptor is live here is not known"
    )
    return Remark(
        f"{_what(torn, name)}: {_effect(torn)}",
        (*before, last),
        grounds,
        Claim.TORN,
        also,
        confidence=Confidence.EXACT if torn.live else Confidence.POSSIBLE,
        severity=Severity.WARNING if certain else Severity.NOTE,
    )


def _what(torn: Torn, name: str) -> str:
    of = "a live descriptor" if torn.live else "a descriptor of a table"
    match torn.how:
        case "split":
            return f"{name}() stores {of} in pieces of {_size(torn)} bits"
        case "steps":
            return f"{name}() stores {of} in {len(torn.before) + 1} steps"
        case "plain":
            return f"{name}() stores {of} by a plain assignment"
    return f"{name}() changes a bit-field of {of}"


def _effect(torn: Torn) -> str:
    match torn.how:
        case "plain":
            return "the compiler may store it in parts, or more than once, and a walker may see each"
        case "split" | "steps":
            return "a walker may see, and a TLB keep, what lies between the stores"
    return "the compiler reads it, changes it and stores it back, perhaps in part, and loses what was stored meanwhile"


def _size(torn: Torn) -> int:
    event = torn.store.event
    return event.size * 8 if isinstance(event, Access) else 64


def _note(torn: Torn) -> str:
    return {"split": "stored in parts", "steps": "stored again", "plain": "plain store"}.get(
        torn.how, "bit-field store"
    )


def _step(program: Program, met: Met, role: str, note: str) -> WitnessStep:
    return WitnessStep(met.step.span, note, role, met.event, program.functions[met.function].qualified)


RULE = Advice(info(__name__, __doc__, Severity.NOTE, ("compiler",)), find)
