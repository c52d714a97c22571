"""An asm statement with a barrier or TLB maintenance does not tell the compiler, which may move accesses across it.

**What it flags.** An asm statement with a DSB, DMB or ISB that has no `memory` clobber; one with a TLBI and no barrier
where a plain access stands next to it with nothing between that keeps the compiler from exchanging the two; one of
these that has outputs and is not `volatile`. All that a macro or a function writes is one finding.

**Why.** The processor orders what the compiler emits. Without the clobber the compiler does not know that the statement
has to do with memory, and may emit the store of a descriptor after the DSB that was to complete it, or the access to
the new page before it. Without `volatile`, a statement whose outputs nobody reads may be dropped. A statement
without outputs is volatile by itself. Basic asm (no colons) says nothing about memory either: GCC has taken it to
clobber memory only since version 7, and its manual still asks for the extended form.

**Bad.**

```c
asm volatile("dsb ishst");                        /* TF-A until 2be491b1, Haiku until 6f1500d7 */
```

**Good.**

```c
asm volatile("dsb ishst" ::: "memory");
```

**What it assumes.** Nothing of the caller: any function may have stored plainly before it calls. A TLBI alone between
two barriers that clobber memory needs no clobber of its own, and is not reported.

**References.** GCC manual, *Extended Asm* (volatile, clobbers) and *Basic Asm*; GCC bug 24414; TF-A commit 2be491b1;
Haiku commit 6f1500d7.
"""

from __future__ import annotations

from collections.abc import Iterator

from barrierlint.cfg.graph import Cfg, LooseAsm, Program
from barrierlint.dataflow.crossing import Crossing
from barrierlint.events import Tlbi, mnemonic
from barrierlint.finding import Claim, Severity, Span, WitnessStep
from barrierlint.models import Models
from barrierlint.rules.advice import Advice, Remark
from barrierlint.rules.narrate import short
from barrierlint.rules.rule import info

_EFFECT = {
    "memory": "the compiler may move loads and stores across it",
    "volatile": "the compiler may drop it where its outputs are not read",
}


def find(program: Program, _models: Models) -> Iterator[Remark]:
    """One remark for the asm statements at fault of each function, and for those of each macro."""
    crossing = Crossing(program)
    groups: dict[object, dict[Span, tuple[Cfg, LooseAsm]]] = {}
    for cfg in program.functions.values():
        for asm in cfg.loose:
            if _certain(asm) or _moved(crossing, cfg, asm) is not None:
                key = asm.macro or cfg.place
                groups.setdefault(key, {}).setdefault(asm.span, (cfg, asm))
    for found in groups.values():
        (cfg, asm), *others = (found[span] for span in sorted(found))
        yield _remark(cfg, asm, _moved(crossing, cfg, asm), tuple(_place(*other) for other in others))


def _certain(asm: LooseAsm) -> bool:
    """Whether the statement is at fault wherever it stands: it is a barrier, or may be dropped."""
    return "volatile" in asm.lacks or not all(isinstance(event, Tlbi) for event in asm.events)


def _moved(crossing: Crossing, cfg: Cfg, asm: LooseAsm) -> WitnessStep | None:
    """An access before the statement, or else after it, that may be moved across it."""
    if "memory" not in asm.lacks:
        return None
    for forward in (False, True):
        step = crossing.neighbour(cfg.usr, asm.span, forward)
        if step is not None:
            where = "before" if forward else "after"
            note = f"this {_kind(mnemonic(step.event))} may be emitted {where} the asm statement"
            return WitnessStep(step.span, note, "access", step.event)
    return None


def _kind(name: str) -> str:
    if name.startswith("DescriptorWrite"):
        return "descriptor write"
    return "load" if name == "Access read" else "store"


def _remark(cfg: Cfg, asm: LooseAsm, moved: WitnessStep | None, also: tuple[WitnessStep, ...]) -> Remark:
    what = " and ".join(_lack(asm, word) for word in asm.lacks)
    effects = ", and ".join(_EFFECT[word] for word in asm.lacks)
    through = f" (macro {asm.macro})" if asm.macro else ""
    end = _place(cfg, asm)
    return Remark(
        f"the asm statement with {_names(asm)} in {short(cfg.qualified)}(){through} {what}: {effects}",
        (moved, end) if moved is not None else (end,),
        "the statement says so itself",
        Claim.REORDERED,
        also,
    )


def _lack(asm: LooseAsm, word: str) -> str:
    return "has outputs and is not volatile" if word == "volatile" else "has no memory clobber"


def _names(asm: LooseAsm) -> str:
    names = dict.fromkeys(mnemonic(event).removeprefix("ContextSync ").upper() for event in asm.events)
    return ", ".join(names)


def _place(cfg: Cfg, asm: LooseAsm) -> WitnessStep:
    note = f"{_names(asm)} without " + " and ".join("a memory clobber" if w == "memory" else w for w in asm.lacks)
    return WitnessStep(asm.span, note, "barrier", asm.events[0], cfg.qualified)


RULE = Advice(info(__name__, __doc__, Severity.NOTE, ("compiler",)), find)
