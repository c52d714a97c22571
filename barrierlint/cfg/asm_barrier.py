"""DSB, DMB and ISB: options by name and by number, as in the CRm tables of the Arm ARM (DDI 0487, C6.2).

Reserved values act as SY; DSB #0 and #4 are SSBB and PSSBB; 16 and above are the nXS forms. `DSB` and `DMB` without an
option, which AArch32 alone has, are SY. What it does not model: speculation barriers' effects.
"""

from __future__ import annotations

from barrierlint.cfg.asm_machine import Machine
from barrierlint.events import Accesses, ContextSync, Dmb, Dsb, Event, Shareability, SpeculationBarrier

_DOMAINS = (Shareability.OSH, Shareability.NSH, Shareability.ISH, Shareability.SY)
_TYPES = (Accesses.ALL, Accesses.LD, Accesses.ST, Accesses.ALL)

OPTIONS = {
    "sy": 15,
    "st": 14,
    "ld": 13,
    "ish": 11,
    "ishst": 10,
    "ishld": 9,
    "nsh": 7,
    "nshst": 6,
    "nshld": 5,
    "osh": 3,
    "oshst": 2,
    "oshld": 1,
}
_OLD_OPTIONS = {"sh": 11, "shst": 10, "un": 7, "unst": 6}
_NXS = {"oshnxs": 16, "nshnxs": 20, "ishnxs": 24, "synxs": 28}


def dsb(number: int) -> Event | None:
    """Return what `DSB #number` is (0 to 15; 16, 20, 24, 28 with FEAT_XS), None if there is no such encoding."""
    if number == 0:
        return SpeculationBarrier("ssbb")
    if number == 4:
        return SpeculationBarrier("pssbb")
    if number in _NXS.values():
        return Dsb(_DOMAINS[(number - 16) >> 2], Accesses.ALL, nxs=True)
    return Dsb(*_crm(number)) if 0 < number < 16 else None


def dmb(number: int) -> Event | None:
    """Return what `DMB #number` is (0 to 15), None if there is no such encoding."""
    return Dmb(*_crm(number)) if 0 <= number < 16 else None


def isb(number: int) -> Event | None:
    """Return what `ISB #number` is: every CRm value acts as SY."""
    return ContextSync("isb") if 0 <= number < 16 else None


def _crm(number: int) -> tuple[Shareability, Accesses]:
    """Domain and types of a CRm value; types 0b00 is reserved and acts as SY."""
    if number & 3 == 0:
        return Shareability.SY, Accesses.ALL
    return _DOMAINS[number >> 2], _TYPES[number & 3]


def barrier(machine: Machine, name: str, operands: tuple[str, ...]) -> bool:
    """DSB, DMB, ISB with any spelling of the option; False if it is not one."""
    if len(operands) > 1:
        return False
    option = operands[0].lower().strip() if operands else "sy"
    names = {**OPTIONS, **_OLD_OPTIONS, **(_NXS if name == "dsb" else {})}
    if name == "isb" and option not in ("sy",):
        names = {}
    number = names.get(option)
    number = machine.number(option) if number is None else number
    event = None if number is None else {"dsb": dsb, "dmb": dmb, "isb": isb}[name](number)
    if event is None:
        return False
    machine.emit(event)
    return True
