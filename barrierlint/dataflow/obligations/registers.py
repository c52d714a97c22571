"""The debt of a written register that controls translation: `written --context synchronization--> (paid)`.

A write of one is seen by later instructions only after a context synchronization event (DDI 0487 D24.1.2.2). What uses
the register before one depends on it: TLBIs and address translations of its regime (of a base those that drop all of
what was used before, too: walks by the old one may bring it back), registers that are banked by it,
loads and stores where SCTLR's bits for them may change, and, where the register controls the translation of the code
itself, whoever the code returns to. What it does not model: which accesses other registers' changes concern;
floating-point instructions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from barrierlint.dataflow.bits import known_bits
from barrierlint.dataflow.changes import kept
from barrierlint.dataflow.debts import ANY_ACCESS, REGISTER, Debt
from barrierlint.dataflow.invalidations import parse
from barrierlint.dataflow.levels import register_level
from barrierlint.dataflow.memory import root
from barrierlint.dataflow.obligations.enabling import governed
from barrierlint.dataflow.obligations.obligation import Birth, Obligation
from barrierlint.dataflow.reach import OWN_BASES
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.state import State
from barrierlint.events import (
    Access,
    At,
    Call,
    ContextSync,
    DescriptorWrite,
    Drain,
    Event,
    ExceptionCall,
    ExceptionReturn,
    SysregRead,
    SysregWrite,
    Tlbi,
)
from barrierlint.terms import MASK64, AddressOf, Term, Unknown

OUT = "out-of-context"
"""The register controls another exception level's translation: what runs there comes after an exception return."""

_REGIME = re.compile(
    r"(?:ttbr[01]|tcr2?|mair2?|amair2?|sctlr2?|contextidr|pir|pire0)_el(?P<level>[123])(?P<alias>2?)|(?P<gpt>gptbr|gpccr)_el3"
)
_STAGE_2 = frozenset({"vttbr_el2", "vtcr_el2", "vsttbr_el2", "vstcr_el2"})
_TRAPS = {"cpacr_el1": (3 << 20, 0), "cptr_el2": (0, 1 << 10), "cptr_el3": (0, 1 << 10)}
"""Registers that trap floating point and vectors: (bits that are 1, bits that are 0) where they do not."""
_DATA = 1 << 25 | 1 << 2 | 1 << 1 | 1 << 0
"""SCTLR_ELx.EE, C, A and M (DDI 0487 D24.2.175): what a load or store of that level relies on."""
_BANKING = {"hcr_el2": 1 << 34 | 1 << 27, "scr_el3": 1 << 62 | 1 << 18 | 1 << 0}
"""Bits that decide which regime runs and which registers there are: E2H and TGE; NSE, EEL2 and NS."""
_VECTORS = re.compile(r"fpcr|fpsr|fpmr|svcr|[zs]mcr_el\d+|smpri_el1")
_GUEST_TLBI = re.compile(r"(?:vmall|va|aside1|r?va|r?ipas2|alle1)")
_GRANULE_TLBI = re.compile(r"pa|rpa")
_SYNCHRONIZES = re.compile(r"tlb|flush|inval|(?<![a-z])i?sb|(?<![a-z])sync|barrier", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Control:
    """What a register controls: the translation of `level`, or what `uses` names besides."""

    level: int
    uses: str = ""


def control(register: str) -> Control | None:
    """What is known of `register`; None if it does not bear on translation or the access to registers."""
    match = _REGIME.fullmatch(register)
    if match is not None:
        if match["gpt"]:
            return Control(3, "granules")
        return Control(int(match["level"]), "alias" if match["alias"] else "")
    if register in _STAGE_2:
        return Control(1, "guest")
    if register in _BANKING:
        return Control(register_level(register), "guest" if register == "hcr_el2" else "world")
    return Control(register_level(register), "traps") if register in _TRAPS else None


def bear(state: State, event: Event) -> Birth | None:
    """A write of a register that controls translation, or which registers there are."""
    match event:
        case SysregWrite(register=register, value=value) if (found := control(register)) is not None:
            if not _matters(register, value):
                return None
            outside = found.uses in ("alias", "guest", "world") or state.level > found.level
            outside |= found.uses == "traps" and not _enables(state, register, value)
            words = {OUT} if outside else {ANY_ACCESS} if _governs_data(state, register, value, found.level) else set()
            return Birth(register, seen=frozenset(words))
    return None


def _governs_data(state: State, register: str, value: Term, level: int) -> bool:
    """Whether loads and stores of the code at hand, known to run at `level`, may go by bits that are written."""
    own = register.startswith("sctlr_el") and state.level == level
    return own and bool(_DATA & ~kept(value, Unknown(f"sysreg:{register}")) & MASK64)


def _matters(register: str, value: Term) -> bool:
    """Whether the bits that others depend on may change."""
    bits = _BANKING.get(register)
    return bits is None or bool(bits & ~kept(value, Unknown(f"sysreg:{register}")) & MASK64)


def _enables(state: State, register: str, value: Term) -> bool:
    """Whether floating point is known to be allowed from now on: compilers use it wherever they like."""
    ones, zeros = _TRAPS[register]
    known = known_bits(value, state.facts.bits)
    return known[0] & ones == ones and known[1] & zeros == zeros


def pay(state: State, event: Event) -> Debt | None:
    """The debt after an event, None once it is paid."""
    assert state.debt is not None
    match event:
        case ContextSync() | ExceptionCall() | ExceptionReturn() | Drain():
            return None
    return state.debt


def depends(state: State, event: Event) -> Relation | None:
    """What uses the register at once."""
    assert state.debt is not None
    register = state.debt.subject
    found = control(register)
    assert found is not None
    match event:
        case Tlbi(op=op):
            if _bounds(register, found, op):
                return Relation.EXACT
            return Relation.POSSIBLE if _refills(state, register, op) else None
        case At(op=op):
            return Relation.EXACT if _translates(register, found, op) else None
        case SysregRead(register=other) | SysregWrite(register=other):
            return Relation.EXACT if _governs(register, found, other) else None
        case Access(address=address) | DescriptorWrite(location=address) if ANY_ACCESS in state.debt.seen:
            return None if _is_local(address) else Relation.POSSIBLE
    return None


def _is_local(address: Term) -> bool:
    base = root(address)
    return isinstance(base, AddressOf) and base.kind == "local"


def _bounds(register: str, found: Control, op: str) -> bool:
    """Whether a register says which entries a TLBI drops: those of the current VMID, regime, world (D8.16.5)."""
    if found.uses == "granules":
        return _GRANULE_TLBI.match(op) is not None
    if register in ("vttbr_el2", "vsttbr_el2", "hcr_el2"):
        return _GUEST_TLBI.match(op) is not None and "e2" not in op and "e3" not in op
    return register == "scr_el3" and "e3" not in op and _GRANULE_TLBI.match(op) is None


def _refills(state: State, register: str, op: str) -> bool:
    """Whether walks by the old table may bring back what a TLBI drops for the sake of the new one."""
    assert state.debt is not None
    match, operation = OWN_BASES.fullmatch(register), parse(op)
    if match is None or operation is None or OUT in state.debt.seen:
        return False
    level = int(match["level"])
    whole = operation.by in ("all", "asid") and 1 in operation.stages and operation.el == level
    return whole and not governed(state, level)


def _translates(register: str, found: Control, op: str) -> bool:
    """Whether AT `op` translates by what a register says (C5.5)."""
    match found.uses:
        case "guest":
            return "e1" in op or "e0" in op
        case "world":
            return "e3" not in op
        case "" | "alias":
            level = int(op[op.index("e") + 1]) or 1
            return found.level == level and not register.startswith("contextidr")
    return False


def _governs(register: str, found: Control, other: str) -> bool:
    """Whether access to another register depends on this one: EL2's and the banked ones, aliases, vectors."""
    if register == "scr_el3":
        return register_level(other) == 2 or other.startswith("icc_")
    if register == "hcr_el2":
        return other.endswith(("_el12", "_el02"))
    return found.uses == "traps" and _VECTORS.fullmatch(other) is not None


def unseen(debt: Debt, call: Call) -> Debt | None:
    """A function that is not here, named after barriers or TLB maintenance, ends in an ISB for all that is known."""
    return None if _SYNCHRONIZES.search(call.qualified) else debt


def open(debt: Debt) -> bool:
    """Whether it is a defect to return to unknown code with it."""
    return OUT not in debt.seen


OBLIGATION = Obligation(REGISTER, pay, depends, bear=bear, open=open, unseen=unseen)
