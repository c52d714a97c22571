"""A rule as a value: its identity, its page of prose (the module's docstring) and what it makes of a defect.

What it does not model: how findings are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from barrierlint.dataflow.debts import MAKE
from barrierlint.dataflow.witness import Defect
from barrierlint.events import Event, Tlbi, UnknownInstruction
from barrierlint.finding import RuleInfo, Severity, Witness


@dataclass(frozen=True, slots=True)
class Rule:
    """`owns` says whether a defect of this rule's `kind` of debt is its own; `missing` what it lacks, `sentence` how it
    says so.

    What is missing is named as instructions in the order in which they are to be executed after what bears the debt
    (`DSB ISHST`, `TLBI VMALLE1IS`, `DSB ISH`, `ISB`): the repair inserts them. A word that is no instruction is only
    shown, and there is no repair.

    `also` are other kinds of which it owns defects.

    `message` gives the whole message where the usual one (an access depends on a descriptor write) is not what is to
    be said, `grounds` why it is so certain where that is not about addresses.
    """

    info: RuleInfo
    owns: Callable[[Defect], bool]
    missing: Callable[[Defect], tuple[str, ...]]
    sentence: Callable[[Defect], str]
    kind: str = MAKE
    message: Callable[[Defect, Witness], str] | None = None
    also: tuple[str, ...] = ()
    grounds: Callable[[Defect], str] | None = None

    def speaks_of(self, defect: Defect) -> bool:
        """Whether a defect is this rule's."""
        return defect.debt.kind in (self.kind, *self.also) and self.owns(defect)


def instructions(missing: Sequence[str]) -> tuple[Event, ...]:
    """What `missing` names, as events; none if a word of it is no instruction. A TLBI needs no operand here."""
    from barrierlint.cfg.asm import decode_lines

    events: list[Event] = []
    for word in missing:
        name, _, operands = word.partition(" ")
        decoded = decode_lines(word)
        if name.upper() == "TLBI" and any(isinstance(event, UnknownInstruction) for event in decoded):
            decoded = tuple(
                replace(event, operand=None) if isinstance(event, Tlbi) else event
                for event in decode_lines(f"{name} {operands}, x0")
            )
        if not decoded or any(isinstance(event, UnknownInstruction) for event in decoded):
            return ()
        events += decoded
    return tuple(events)


def info(module: str, page: str | None, severity: Severity = Severity.ERROR, tags: tuple[str, ...] = ()) -> RuleInfo:
    """Identity and prose from a rule's module: `barrierlint.rules.bl001_access_without_dsb` and its docstring."""
    stem = module.rpartition(".")[2]
    id, _, name = stem.partition("_")
    text = (page or "").strip()
    summary = " ".join(text.partition("\n\n")[0].split())
    return RuleInfo(id.upper(), name.replace("_", "-"), summary, severity, text, ("aarch64", "mmu", *tags))
