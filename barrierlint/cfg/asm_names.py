"""Names and encodings of TLBI, AT, DC and IC operations and of system registers (Arm ARM DDI 0487, C5 and D24).

A register not listed keeps the name it was written with; an encoded one (`s3_4_c2_c1_0`) is then its own name. What
it does not hold: registers that have no bearing on memory, and implementation-defined operations.
"""

from __future__ import annotations

import re


def _table(text: str) -> dict[str, tuple[int, int, int]]:
    """Parse `name op1 CRm op2` triples, separated by commas."""
    rows = (entry.split() for entry in text.replace("\n", " ").split(",") if entry.strip())
    return {name: (int(op1), int(crm), int(op2)) for name, op1, crm, op2 in rows}


def _tlbi() -> dict[str, tuple[int, int, int]]:
    """TLBI by name: (op1, CRm, op2) with CRn 8 (9 for nXS). EL1 and EL2&0 forms are regular; the rest is listed."""
    table: dict[str, tuple[int, int, int]] = {}
    for suffix, crm, ranged in (("os", 1, 5), ("is", 3, 2), ("", 7, 6)):
        for op2, name in ((0, "vmalle1"), (1, "vae1"), (2, "aside1"), (3, "vaae1"), (5, "vale1"), (7, "vaale1")):
            table[name + suffix] = (0, crm, op2)
        for op2, name in ((1, "rvae1"), (3, "rvaae1"), (5, "rvale1"), (7, "rvaale1")):
            table[name + suffix] = (0, ranged, op2)
        for op2, name in ((0, "alle2"), (1, "vae2"), (4, "alle1"), (5, "vale2"), (6, "vmalls12e1")):
            table[name + suffix] = (4, crm, op2)
        for op2, name in ((1, "rvae2"), (2, "vmallws2e1"), (5, "rvale2")):
            table[name + suffix] = (4, ranged, op2)
        for op2, name in ((0, "alle3"), (1, "vae3"), (5, "vale3")):
            table[name + suffix] = (6, crm, op2)
        for op2, name in ((1, "rvae3"), (5, "rvale3")):
            table[name + suffix] = (6, ranged, op2)
    stage2 = "ipas2e1is 4 0 1, ripas2e1is 4 0 2, ipas2le1is 4 0 5, ripas2le1is 4 0 6, ipas2e1os 4 4 0, ipas2e1 4 4 1,"
    stage2 += "ripas2e1 4 4 2, ripas2e1os 4 4 3, ipas2le1os 4 4 4, ipas2le1 4 4 5, ripas2le1 4 4 6, ripas2le1os 4 4 7"
    return table | _table(stage2 + ", paallos 6 1 4, paall 6 7 4, rpaos 6 4 3, rpalos 6 4 7")


TLBI_OPERATIONS = _tlbi()
"""TLBI operation → (op1, CRm, op2)."""

TAKES_NO_REGISTER = frozenset(
    [name for name in TLBI_OPERATIONS if re.match(r"vmall|alle|paall", name)] + ["iallu", "ialluis"]
)

SYSTEM_OPERATIONS: dict[str, dict[str, tuple[int, int, int]]] = {
    "at": _table(
        "s1e1r 0 8 0, s1e1w 0 8 1, s1e0r 0 8 2, s1e0w 0 8 3, s1e1rp 0 9 0, s1e1wp 0 9 1, s1e1a 0 9 2, s1e2r 4 "
        "8 0, s1e2w 4 8 1, s12e1r 4 8 4, s12e1w 4 8 5, s12e0r 4 8 6, s12e0w 4 8 7, s1e2a 4 9 2, s1e3r 6 8 0, "
        "s1e3w 6 8 1, s1e3a 6 9 2"
    ),
    "dc": _table(
        "ivac 0 6 1, isw 0 6 2, igvac 0 6 3, igsw 0 6 4, igdvac 0 6 5, igdsw 0 6 6, csw 0 10 2, cgsw 0 10 4, "
        "cgdsw 0 10 6, cisw 0 14 2, cigsw 0 14 4, cigdsw 0 14 6, civaps 0 15 1, cigdvaps 0 15 5, zva 3 4 1, "
        "gva 3 4 3, gzva 3 4 4, zgbva 3 4 5, gbva 3 4 7, cvac 3 10 1, cgvac 3 10 3, cgdvac 3 10 5, cvaoc 3 11 "
        "0, cvau 3 11 1, cgdvaoc 3 11 7, cvap 3 12 1, cgvap 3 12 3, cgdvap 3 12 5, cvadp 3 13 1, cgvadp 3 13 "
        "3, cgdvadp 3 13 5, civac 3 14 1, cigvac 3 14 3, cigdvac 3 14 5, civaoc 3 15 0, cigdvaoc 3 15 7, "
        "cipae 4 14 0, cigdpae 4 14 7, cipapa 6 14 1, cigdpapa 6 14 5"
    ),
    "ic": _table("ialluis 0 1 0, iallu 0 5 0, ivau 3 5 1"),
}
"""AT, DC and IC operation → (op1, CRm, op2), all with CRn 7."""

PSTATE_FIELDS: dict[tuple[int, int], str] = {
    (0, 3): "uao",
    (0, 4): "pan",
    (0, 5): "spsel",
    (1, 0): "allint",
    (3, 1): "ssbs",
    (3, 2): "dit",
    (3, 3): "svcr",
    (3, 4): "tco",
    (3, 6): "daifset",
    (3, 7): "daifclr",
}
"""MSR (immediate): (op1, op2) → field; CRm is the value."""

_REGISTERS = """
mdscr_el1 2 0 0 2 2, oslar_el1 2 0 1 0 4, oslsr_el1 2 0 1 1 4, osdlr_el1 2 0 1 3 4, midr_el1 3 0 0 0 0, mpidr_el1 3 0
0 0 5, revidr_el1 3 0 0 0 6, id_aa64pfr0_el1 3 0 0 4 0, id_aa64pfr1_el1 3 0 0 4 1, id_aa64dfr0_el1 3 0 0 5 0,
id_aa64isar0_el1 3 0 0 6 0, id_aa64isar1_el1 3 0 0 6 1, id_aa64isar2_el1 3 0 0 6 2, id_aa64mmfr0_el1 3 0 0 7 0,
id_aa64mmfr1_el1 3 0 0 7 1, id_aa64mmfr2_el1 3 0 0 7 2, id_aa64mmfr3_el1 3 0 0 7 3, id_aa64mmfr4_el1 3 0 0 7 4,
sctlr_el1 3 0 1 0 0, actlr_el1 3 0 1 0 1, cpacr_el1 3 0 1 0 2, sctlr2_el1 3 0 1 0 3, rgsr_el1 3 0 1 0 5, gcr_el1 3 0 1
0 6, zcr_el1 3 0 1 2 0, smcr_el1 3 0 1 2 6, ttbr0_el1 3 0 2 0 0, ttbr1_el1 3 0 2 0 1, tcr_el1 3 0 2 0 2, tcr2_el1 3 0
2 0 3, apiakeylo_el1 3 0 2 1 0, apiakeyhi_el1 3 0 2 1 1, spsr_el1 3 0 4 0 0, elr_el1 3 0 4 0 1, sp_el0 3 0 4 1 0,
spsel 3 0 4 2 0, currentel 3 0 4 2 2, pan 3 0 4 2 3, uao 3 0 4 2 4, allint 3 0 4 3 0, icc_pmr_el1 3 0 4 6 0, afsr0_el1
3 0 5 1 0, afsr1_el1 3 0 5 1 1, esr_el1 3 0 5 2 0, tfsr_el1 3 0 5 6 0, tfsre0_el1 3 0 5 6 1, far_el1 3 0 6 0 0,
par_el1 3 0 7 4 0, mair_el1 3 0 10 2 0, mair2_el1 3 0 10 2 1, pire0_el1 3 0 10 2 2, pir_el1 3 0 10 2 3, por_el1 3 0 10
2 4, s2por_el1 3 0 10 2 5, amair_el1 3 0 10 3 0, amair2_el1 3 0 10 3 1, lorsa_el1 3 0 10 4 0, lorea_el1 3 0 10 4 1,
lorn_el1 3 0 10 4 2, lorc_el1 3 0 10 4 3, lorid_el1 3 0 10 4 7, vbar_el1 3 0 12 0 0, rvbar_el1 3 0 12 0 1, rmr_el1 3 0
12 0 2, isr_el1 3 0 12 1 0, disr_el1 3 0 12 1 1, icc_sgi1r_el1 3 0 12 11 5, icc_iar1_el1 3 0 12 12 0, icc_eoir1_el1 3
0 12 12 1, icc_ctlr_el1 3 0 12 12 4, icc_sre_el1 3 0 12 12 5, icc_igrpen1_el1 3 0 12 12 7, contextidr_el1 3 0 13 0 1,
rcwsmask_el1 3 0 13 0 3, tpidr_el1 3 0 13 0 4, rcwmask_el1 3 0 13 0 6, scxtnum_el1 3 0 13 0 7, cntkctl_el1 3 0 14 1 0,
ccsidr_el1 3 1 0 0 0, clidr_el1 3 1 0 0 1, aidr_el1 3 1 0 0 7, csselr_el1 3 2 0 0 0, ctr_el0 3 3 0 0 1, dczid_el0 3 3
0 0 7, rndr 3 3 2 4 0, nzcv 3 3 4 2 0, daif 3 3 4 2 1, svcr 3 3 4 2 2, dit 3 3 4 2 5, ssbs 3 3 4 2 6, tco 3 3 4 2 7,
fpcr 3 3 4 4 0, fpsr 3 3 4 4 1, dspsr_el0 3 3 4 5 0, dlr_el0 3 3 4 5 1, pmcr_el0 3 3 9 12 0, pmccntr_el0 3 3 9 13 0,
por_el0 3 3 10 2 4, tpidr_el0 3 3 13 0 2, tpidrro_el0 3 3 13 0 3, tpidr2_el0 3 3 13 0 5, cntfrq_el0 3 3 14 0 0,
cntpct_el0 3 3 14 0 1, cntvct_el0 3 3 14 0 2, cntp_tval_el0 3 3 14 2 0, cntp_ctl_el0 3 3 14 2 1, cntp_cval_el0 3 3 14
2 2, cntv_tval_el0 3 3 14 3 0, cntv_ctl_el0 3 3 14 3 1, cntv_cval_el0 3 3 14 3 2, vpidr_el2 3 4 0 0 0, vmpidr_el2 3 4
0 0 5, sctlr_el2 3 4 1 0 0, actlr_el2 3 4 1 0 1, sctlr2_el2 3 4 1 0 3, hcr_el2 3 4 1 1 0, mdcr_el2 3 4 1 1 1, cptr_el2
3 4 1 1 2, hstr_el2 3 4 1 1 3, hacr_el2 3 4 1 1 7, zcr_el2 3 4 1 2 0, hcrx_el2 3 4 1 2 2, ttbr0_el2 3 4 2 0 0,
ttbr1_el2 3 4 2 0 1, tcr_el2 3 4 2 0 2, tcr2_el2 3 4 2 0 3, vttbr_el2 3 4 2 1 0, vtcr_el2 3 4 2 1 2, vncr_el2 3 4 2 2
0, vsttbr_el2 3 4 2 6 0, vstcr_el2 3 4 2 6 2, spsr_el2 3 4 4 0 0, elr_el2 3 4 4 0 1, sp_el1 3 4 4 1 0, esr_el2 3 4 5 2
0, far_el2 3 4 6 0 0, hpfar_el2 3 4 6 0 4, mair_el2 3 4 10 2 0, mair2_el2 3 4 10 1 1, pire0_el2 3 4 10 2 2, pir_el2 3
4 10 2 3, por_el2 3 4 10 2 4, s2pir_el2 3 4 10 2 5, amair_el2 3 4 10 3 0, vbar_el2 3 4 12 0 0, rvbar_el2 3 4 12 0 1,
rmr_el2 3 4 12 0 2, contextidr_el2 3 4 13 0 1, tpidr_el2 3 4 13 0 2, cntvoff_el2 3 4 14 0 3, cnthctl_el2 3 4 14 1 0,
sctlr_el12 3 5 1 0 0, cpacr_el12 3 5 1 0 2, ttbr0_el12 3 5 2 0 0, ttbr1_el12 3 5 2 0 1, tcr_el12 3 5 2 0 2, tcr2_el12
3 5 2 0 3, spsr_el12 3 5 4 0 0, elr_el12 3 5 4 0 1, esr_el12 3 5 5 2 0, far_el12 3 5 6 0 0, mair_el12 3 5 10 2 0,
amair_el12 3 5 10 3 0, vbar_el12 3 5 12 0 0, contextidr_el12 3 5 13 0 1, sctlr_el3 3 6 1 0 0, actlr_el3 3 6 1 0 1,
sctlr2_el3 3 6 1 0 3, scr_el3 3 6 1 1 0, cptr_el3 3 6 1 1 2, mdcr_el3 3 6 1 3 1, ttbr0_el3 3 6 2 0 0, tcr_el3 3 6 2 0
2, gptbr_el3 3 6 2 1 4, gpccr_el3 3 6 2 1 6, spsr_el3 3 6 4 0 0, elr_el3 3 6 4 0 1, sp_el2 3 6 4 1 0, esr_el3 3 6 5 2
0, far_el3 3 6 6 0 0, mfar_el3 3 6 6 0 5, mair_el3 3 6 10 2 0, mair2_el3 3 6 10 1 1, pir_el3 3 6 10 2 3, por_el3 3 6
10 2 4, amair_el3 3 6 10 3 0, vbar_el3 3 6 12 0 0, rvbar_el3 3 6 12 0 1, rmr_el3 3 6 12 0 2, tpidr_el3 3 6 13 0 2
"""


def _registers() -> dict[tuple[int, ...], str]:
    rows = (entry.split() for entry in _REGISTERS.replace("\n", " ").split(",") if entry.strip())
    return {tuple(int(number) for number in code): name for name, *code in rows}


REGISTERS = _registers()
"""(op0, op1, CRn, CRm, op2) → name."""

_ENCODED = re.compile(r"s(\d)_(\d)_c(\d{1,2})_c(\d{1,2})_(\d)", re.IGNORECASE)


def register_name(spelling: str) -> str:
    """Return the lower-case name of a system register written by name or as `s3_0_c1_c0_0`."""
    match = _ENCODED.fullmatch(spelling)
    if match is None:
        return spelling.lower()
    return REGISTERS.get(tuple(int(group) for group in match.groups()), spelling.lower())


def encoded_name(code: tuple[int, int, int, int, int]) -> str:
    """Return the name of the register with this encoding, `s3_…` if it is not listed."""
    return REGISTERS.get(code, "s{}_{}_c{}_c{}_{}".format(*code))
