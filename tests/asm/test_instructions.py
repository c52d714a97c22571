"""Assembler text to events: a table of instructions, each with the events it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from barrierlint.cfg.asm import Operand, decode, decode_lines
from barrierlint.events import (
    Access,
    At,
    CacheMaintenance,
    Kind,
    Order,
    SysregWrite,
    Tlbi,
    UnknownInstruction,
    mnemonic,
)
from barrierlint.terms import Apply, Const, Name, Term, const, show

CRM_DSB = {
    0: "SpeculationBarrier ssbb",
    1: "Dsb oshld",
    2: "Dsb oshst",
    3: "Dsb osh",
    4: "SpeculationBarrier pssbb",
    5: "Dsb nshld",
    6: "Dsb nshst",
    7: "Dsb nsh",
    8: "Dsb sy",
    9: "Dsb ishld",
    10: "Dsb ishst",
    11: "Dsb ish",
    12: "Dsb sy",
    13: "Dsb ld",
    14: "Dsb st",
    15: "Dsb sy",
}


def said(text: str, *values: object) -> list[str]:
    operands: dict[str | int, Operand] = {i: Operand(value=v) for i, v in enumerate(values)}  # type: ignore[arg-type]
    return [mnemonic(event) for event in decode(text, operands).events]


@pytest.mark.parametrize("number", range(16))
def test_dsb_by_number_follows_the_crm_table(number: int) -> None:
    assert said(f"dsb #{number}") == [CRM_DSB[number]]
    assert said(f"DSB {number:#x}") == [CRM_DSB[number]]


@pytest.mark.parametrize("number", range(16))
def test_dmb_by_number_has_no_speculation_forms(number: int) -> None:
    wanted = "Dmb sy" if number % 4 == 0 else CRM_DSB[number].replace("Dsb", "Dmb")
    assert said(f"dmb #{number}") == [wanted]


@pytest.mark.parametrize("number", range(16))
def test_isb_ignores_its_option(number: int) -> None:
    assert said(f"isb #{number}") == ["ContextSync isb"]


@pytest.mark.parametrize(
    "option", ["sy", "st", "ld", "ish", "ishst", "ishld", "nsh", "nshst", "nshld", "osh", "oshst", "oshld"]
)
def test_options_by_name_in_any_case(option: str) -> None:
    assert said(f"dsb {option}") == [f"Dsb {option}"]
    assert said(f"\tDMB\t{option.upper()} ") == [f"Dmb {option}"]


ONE_LINE = {
    "isb": "ContextSync isb",
    "isb sy": "ContextSync isb",
    "dsb": "Dsb sy",
    "dmb": "Dmb sy",
    "mcr p15, 0, x1, c7, c10, 4": "Dsb sy",
    "mcr p15, 0, x1, c7, c10, 5": "Dmb sy",
    "MCR P15, #0, x1, C7, C5, #4": "ContextSync isb",
    "mcr p15, 0, x1, c8, c7, 0": "Tlbi vmalle1",
    "mcr p15, 0, x1, c8, c3, 3": "Tlbi vaae1is",
    "mcr p15, 4, x1, c8, c3, 4": "Tlbi alle1is",
    "mcr p15, 4, x1, c8, c0, 1": "Tlbi ipas2e1is",
    "mcr p15, 0, x1, c7, c8, 0": "At s1e1r",
    "mcr p15, 0, x1, c7, c14, 1": "CacheMaintenance dc civac",
    "mcr p15, 0, x1, c7, c1, 0": "CacheMaintenance ic ialluis",
    "mcr p15, 0, x1, c1, c0, 0": "SysregWrite sctlr_el1",
    "mcr p15, 0, x1, c2, c0": "SysregWrite ttbr0_el1",
    "mrc p15, 0, x1, c7, c4, 0": "SysregRead par_el1",
    "mcrr p15, 6, x1, x2, c2": "SysregWrite vttbr_el2",
    "mrrc p15, 1, x1, x2, c2": "SysregRead ttbr1_el1",
    "mcr p15, 0, x1, c9, c12, 0": "SysregWrite cp15_0_c9_c12_0",
    "dsb ishnxs": "Dsb ishnxs",
    "dsb #28": "Dsb synxs",
    "dsb un": "Dsb nsh",
    "sb": "SpeculationBarrier sb",
    "ssbb": "SpeculationBarrier ssbb",
    "csdb": "SpeculationBarrier csdb",
    "hint #20": "SpeculationBarrier csdb",
    "hint #0x10": "SpeculationBarrier esb",
    "esb": "SpeculationBarrier esb",
    "eret": "ExceptionReturn",
    "eretaa": "ExceptionReturn",
    "svc #0": "ExceptionCall svc",
    "hvc #0x4a48": "ExceptionCall hvc",
    "smc 0": "ExceptionCall smc",
    "tlbi vmalle1": "Tlbi vmalle1",
    "TLBI ALLE2IS": "Tlbi alle2is",
    "tlbi\tvmalls12e1is": "Tlbi vmalls12e1is",
    "tlbi vmalle1is, xzr": "Tlbi vmalle1is",
    "tlbi vae1isnxs, x3": "Tlbi vae1isnxs",
    "tlbi rvae1is, x0": "Tlbi rvae1is",
    "sys #0, c8, c7, #0, xzr": "Tlbi vmalle1",
    "sys #0, C8, C3, #1, x0": "Tlbi vae1is",
    "sys 4, c8, c3, 0": "Tlbi alle2is",
    "sys #0, c9, c3, #1, x0": "Tlbi vae1isnxs",
    "sys #3, c7, c10, #1, x0": "CacheMaintenance dc cvac",
    "sys #0, c7, c8, #0, x1": "At s1e1r",
    "sys #0, c7, c5, #0": "CacheMaintenance ic iallu",
    "at s12e1r, x0": "At s12e1r",
    "dc civac, x0": "CacheMaintenance dc civac",
    "dc zva, x0": "CacheMaintenance dc zva",
    "ic ialluis": "CacheMaintenance ic ialluis",
    "ic ivau, x2": "CacheMaintenance ic ivau",
    "msr ttbr0_el1, x0": "SysregWrite ttbr0_el1",
    "msr S3_0_C1_C0_0, x0": "SysregWrite sctlr_el1",
    "msr s3_0_c2_c0_0, xzr": "SysregWrite ttbr0_el1",
    "msr s3_7_c15_c1_3, x0": "SysregWrite s3_7_c15_c1_3",
    "mrs x0, SCTLR_EL1": "SysregRead sctlr_el1",
    "mrs x0, s3_0_c6_c0_0": "SysregRead far_el1",
    "msr daifset, #2": "SysregWrite daifset",
    "msr DAIFClr, #0xf": "SysregWrite daifclr",
    "msr spsel, #1": "SysregWrite spsel",
    "msr pan, #0": "SysregWrite pan",
    ".inst 0xd5033f9f": "Dsb sy",
    ".word 0xd5033b9f": "Dsb ish",
    ".long 0xd5033a9f": "Dsb ishst",
    ".inst 0xd5033fdf": "ContextSync isb",
    ".inst 0xd5033bbf": "Dmb ish",
    ".inst 0xd50330ff": "SpeculationBarrier sb",
    ".inst 0xd503323f": "Dsb oshnxs",
    ".inst 0xd5033e3f": "Dsb synxs",
    ".inst 0xd508871f": "Tlbi vmalle1",
    ".inst 0xd5088320": "Tlbi vae1is",
    ".inst 0xd69f03e0": "ExceptionReturn",
    ".inst 0xd5182000": "SysregWrite ttbr0_el1",
    ".inst 0xd5381000": "SysregRead sctlr_el1",
    ".inst 0xd50342df": "SysregWrite daifset",
    ".inst (0xd5000000 | (3 << 16) | (3 << 12) | (0xb << 8) | 0x9f)": "Dsb ish",
    ".inst 0xd4000003": "ExceptionCall smc",
    "ldr x0, [x1]": "Access read",
    "str xzr, [x1, #8]!": "Access write",
    "strh w0, [x1], #2": "Access write",
    "ldrsw x0, [x1, w2, sxtw #2]": "Access read",
    "ldur x0, [x1, #-8]": "Access read",
    "sttr x0, [x1]": "Access write",
    "stlr x0, [x1]": "Access write release",
    "stlrb w0, [x1]": "Access write release",
    "stllr x0, [x1]": "Access write release",
    "stlur x0, [x1, #8]": "Access write release",
    "ldar w0, [x1]": "Access read acquire",
    "ldapr x0, [x1]": "Access read acquire_pc",
    "ldapur x0, [x1, #8]": "Access read acquire_pc",
    "ldxr x0, [x1]": "Access read",
    "ldaxr x0, [x1]": "Access read acquire",
    "stxr w2, x0, [x1]": "Access write",
    "stlxr w2, x0, [x1]": "Access write release",
    "cas x0, x1, [x2]": "Access rmw",
    "casal x0, x1, [x2]": "Access rmw acq_rel",
    "casab w0, w1, [x2]": "Access rmw acquire",
    "swpl x0, x1, [x2]": "Access rmw release",
    "ldaddal x0, x1, [x2]": "Access rmw acq_rel",
    "ldset x0, x1, [x2]": "Access rmw",
    "ldclra w0, w1, [x2]": "Access rmw acquire",
    "steor x0, [x2]": "Access rmw",
    "stsetl x0, [x2]": "Access rmw release",
    "stclrh w0, [x2]": "Access rmw",
    "rcwcasal x0, x1, [x2]": "Access rmw acq_rel",
    "rcwset x0, x1, [x2]": "Access rmw",
    "ld1 {v0.16b, v1.16b}, [x0], #32": "Access read",
    "str q0, [x0]": "Access write",
    "bl flush_all": "Call flush_all",
    "blr x3": "Call ?",
    "b elsewhere": "Call elsewhere",
}


@pytest.mark.parametrize("text", ONE_LINE)
def test_one_instruction_one_event(text: str) -> None:
    assert said(text) == [ONE_LINE[text]]


@pytest.mark.parametrize(
    "text", ["ldp x0, x1, [x2]", "stp x0, x1, [sp, #-16]!", "ldnp w0, w1, [x2, #8]", "ldxp x0, x1, [x2]"]
)
def test_pairs_are_two_accesses(text: str) -> None:
    events = [event for event in decode(text).events if isinstance(event, Access)]
    assert len(events) == 2
    size = 4 if " w" in text else 8
    assert [event.size for event in events] == [size, size]
    low, high = events
    assert high.address == Apply("+", (low.address, Const(size))) or show(high.address) != show(low.address)


NOTHING = """
mcr p15, 0, x0, c7, c5, 6;
nop; yield; wfe; wfi; sev; sevl; hint #7; prfm pldl1keep, [x0]; mov x0, x1; add x0, x0, #1; cmp x0, x1;
paciasp; clrex; csel x0, x1, x2, eq; fmov d0, x0; movk x3, #0x12, lsl #16; ubfx x1, x2, #12, #9; brk #0x800;
bti c; psb csync; rev x0, x1; cset w0, ne; udiv x0, x1, x2; adrp x0, table; ldr x0, =table; .balign 8;
.arch_extension lse; .cfi_endproc; crc32x w0, w1, x2
"""


@pytest.mark.parametrize("text", [part.strip() for part in NOTHING.strip().replace("\n", " ").split(";")])
def test_known_without_event(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("mcr p15, 0, %0, c8, c7, 3", 0x12345),
        ("mcr p15, 0, %0, c8, c3, 1", 0x0067_0000_0001_2345),
        ("mcr p15, 0, %0, c8, c7, 2", 0x0067_0000_0000_0000),
        ("mcr p15, 4, %0, c8, c7, 1", 0x12345),
        ("mcr p15, 4, %0, c8, c4, 1", 0x1234_5067),
        ("mcr p15, 0, %0, c8, c7, 0", None),
    ],
)
def test_operands_of_aarch32_are_put_into_the_format_of_aarch64(text: str, value: int | None) -> None:
    (event,) = decode(text, {0: Operand(value=const(0x1234_5067))}).events
    assert isinstance(event, Tlbi)
    assert event.operand == (None if value is None else Const(value))


UNKNOWN = """
mcr p15, 0, x0, c8, c6, 0; mcr p14, 0, x0, c0, c0, 0; mcr p15, 0, x0, c8; mrrc p15, 0, x0;
dsb ishts; dsb #17; isb ish; dmb #16; dmb ishnxs; tlbi vae1si, x0; tlbi vae1is; at s1e9r, x0; dc
civac; frobnicate x0; dsb ish, sy; msr ttbr0_el1; mrs ttbr0_el1, x0; sys #0, c8; .inst 0x00000000; .inst
label; .inst 0xd503399f + foo; ldr x0; str x0, x1; cas x0, [x1]; .include \"x.s\"; dsbish; i sb; msr
ttbr0_el1, #3; cbz x0; tbz x0, 1f
"""


@pytest.mark.parametrize("text", [part.strip() for part in UNKNOWN.strip().replace("\n", " ").split(";")])
def test_unknown_is_reported_and_never_a_barrier(text: str) -> None:
    events = decode(text).events
    assert [type(event) for event in events] == [UnknownInstruction]
    assert events[0].text.split()[0] == text.split()[0]  # type: ignore[union-attr]


def test_several_instructions_and_comments() -> None:
    text = """
    dsb ishst        // order; not isb
    /* dsb sy
       isb */ tlbi vmalle1is ; dsb ish
    # isb
    isb ; nop
    """
    assert said(text) == ["Dsb ishst", "Tlbi vmalle1is", "Dsb ish", "ContextSync isb"]
    assert said("1:\tdsb ish; 2: isb\n\r\n") == ["Dsb ish", "ContextSync isb"]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("strb w0, [x1]", 1),
        ("ldrh w0, [x1]", 2),
        ("ldrsb x0, [x1]", 1),
        ("str w0, [x1]", 4),
        ("str x0, [x1]", 8),
        ("ldrsw x0, [x1]", 4),
        ("casb w0, w1, [x2]", 1),
        ("swph w0, w1, [x2]", 2),
        ("ldadd w0, w1, [x2]", 4),
        ("str q0, [x1]", 16),
        ("st64b x0, [x8]", 64),
    ],
)
def test_sizes(text: str, size: int) -> None:
    (event,) = decode(text).events
    assert isinstance(event, Access)
    assert event.size == size


def test_immediate_operand_gives_the_option() -> None:
    wanted = decode("dsb %0", {0: Operand(value=const(10), constraint="i")}).events
    assert [mnemonic(event) for event in wanted] == ["Dsb ishst"]
    unknown = decode("dsb %0", {0: Operand(value=Name("n"), constraint="i")}).events
    assert isinstance(unknown[0], UnknownInstruction)
    named = decode("dsb %c[option]", {0: (o := Operand(value=const(11), constraint="i")), "option": o}).events
    assert [mnemonic(event) for event in named] == ["Dsb ish"]


def test_operand_of_tlbi_is_its_term() -> None:
    va = Apply(">>", (Name("va"), Const(12)))
    for text in ("tlbi vaae1is, %0", "tlbi vaae1is, %x0", "mov x1, %0; tlbi vaae1is, x1", "sys #0, c8, c3, #3, %0"):
        (event,) = decode(text, {0: Operand(value=va)}).events
        assert event == Tlbi("vaae1is", va), text


REGISTER_PROGRAMS: dict[str, Callable[[Term], Term]] = {
    "lsr x9, %0, #12": lambda va: Apply(">>", (va, Const(12))),
    "ubfx x9, %0, #12, #44": lambda va: Apply("&", (Apply(">>", (va, Const(12))), Const((1 << 44) - 1))),
    "and x9, %0, #0xfff": lambda va: Apply("&", (va, Const(0xFFF))),
    "bic x9, %0, #0xfff": lambda va: Apply("&", (va, Const(0xFFFFFFFFFFFFF000))),
    "orr x9, %0, #1": lambda va: Apply("|", (va, Const(1))),
    "add x9, %0, %0, lsl #3": lambda va: Apply("+", (va, Apply("<<", (va, Const(3))))),
    "sub x9, %0, #1, lsl #12": lambda va: Apply("-", (va, Const(4096))),
    "mov x9, #0x1234; movk x9, #0x5678, lsl #16": lambda va: Const(0x56781234),
    "mvn x9, xzr": lambda va: Const((1 << 64) - 1),
    "movn x9, #0": lambda va: Const((1 << 64) - 1),
    "movz x9, #1, lsl #48": lambda va: Const(1 << 48),
    "mov w9, #-1": lambda va: Const(0xFFFFFFFF),
    "eor x9, %0, %0, lsr #1": lambda va: Apply("^", (va, Apply(">>", (va, Const(1))))),
}


@pytest.mark.parametrize("text", REGISTER_PROGRAMS)
def test_register_values_are_tracked(text: str) -> None:
    va = Name("va")
    (event,) = decode(text + "; tlbi vae1, x9", {0: Operand(value=va)}).events
    assert event == Tlbi("vae1", REGISTER_PROGRAMS[text](va))


def test_addresses() -> None:
    p, i = Name("p"), Name("i")
    operands: dict[str | int, Operand] = {0: Operand(value=p), 1: Operand(value=i), 2: Operand(value=Name("v"))}
    rows = {
        "str %2, [%0]": p,
        "str %2, [%0, #24]": Apply("+", (p, Const(24))),
        "str %2, [%0, %1, lsl #3]": Apply("+", (p, Apply("<<", (i, Const(3))))),
        "str %2, [%0, %w1, uxtw #3]": Apply("+", (p, Apply("<<", (Apply("zext 32", (i,)), Const(3))))),
        "add %0, %0, #16; str %2, [%0]": Apply("+", (p, Const(16))),
        "str xzr, [%0], #8; str %2, [%0]": Apply("+", (p, Const(8))),
        "str xzr, [%0, #8]!; str %2, [%0, #8]": Apply("+", (Apply("+", (p, Const(8))), Const(8))),
    }
    for text, address in rows.items():
        event = decode(text, operands).events[-1]
        assert isinstance(event, Access)
        assert (event.address, event.value) == (address, Name("v")), text


def test_compare_and_swap_names_old_new_and_expected() -> None:
    operands: dict[str | int, Operand] = {
        0: Operand(value=Name("old"), into="seen", constraint="+r"),
        1: Operand(address=Name("p"), constraint="+Q"),
        2: Operand(value=Name("new")),
    }
    cas, bound = decode("casal %0, %2, %1", operands).events
    assert isinstance(cas, Access)
    assert (cas.kind, cas.op, cas.order) == (Kind.RMW, "cas", Order.ACQ_REL)
    assert (cas.address, cas.expected, cas.value) == (Name("p"), Name("old"), Name("new"))
    assert bound.value == Name(cas.into or "")  # type: ignore[union-attr]


def test_sysreg_values_and_operands() -> None:
    root = Name("root")
    assert decode("msr ttbr1_el1, %0", {0: Operand(value=root)}).events == (SysregWrite("ttbr1_el1", root),)
    assert decode("msr daifset, #2").events == (SysregWrite("daifset", Const(2)),)
    zero = decode("msr ttbr0_el1, %x0", {0: Operand(value=const(0), constraint="rZ")}).events
    assert zero == (SysregWrite("ttbr0_el1", Const(0)),)
    assert decode("at s1e1r, %0", {0: Operand(value=root)}).events == (At("s1e1r", root),)
    assert decode("dc civac, %0", {0: Operand(value=root)}).events == (CacheMaintenance("dc civac", root),)


def test_lines_of_a_model() -> None:
    events = decode_lines("dsb ishst; lsr x9, arg0, #12; tlbi vaae1is, x9; dsb ish; isb", [Name("va")])
    assert [mnemonic(event) for event in events] == ["Dsb ishst", "Tlbi vaae1is", "Dsb ish", "ContextSync isb"]
    assert events[1] == Tlbi("vaae1is", Apply(">>", (Name("va"), Const(12))))
