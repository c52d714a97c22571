"""Assembly files to graphs: which functions there are, where control goes, what registers hold, what is told."""

from __future__ import annotations

import pytest

from barrierlint.cfg.graph import Cfg
from barrierlint.events import Access, Assign, Call, SysregWrite, UnknownInstruction
from barrierlint.terms import AddressOf, Const, Element, Name, show
from tests.assembly.snippets import assembled, events, function, names


def only(cfg: Cfg, kind: type) -> list[object]:
    return [step.event for step in cfg.steps() if isinstance(step.event, kind)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".globl f\nf: ret", ["f"]),
        (".type f, %function\nf: ret\n.type g, STT_FUNC\ng: ret", ["f", "g"]),
        ("first: ret\nsecond: ret", ["first", "second"]),
        (".globl f\nf: b inside\ninside: ret", ["f"]),
        (".globl f\nf: bl part\nret\npart: ret", ["f", "part"]),
        (".globl a, b\na:\nb: ret", ["a", "b"]),
        (".globl f\nf: ret\n.globl g\n.set g, f", ["f", "g"]),
        (".globl f\n.section .rodata\nf: .quad 1", []),
        ('.section .boot, "ax"\nf: ret\n.section .text\ng: ret', ["f", "g"]),
        ("ENTRY(f)\nret\nEND(f)", ["f"]),
        ("SYM_FUNC_START(f)\nret\nSYM_FUNC_END(f)", ["f"]),
        ("ASM_PFX(f):\n ret\n.globl ASM_PFX(f)", ["f"]),
        ("func f\n ret\nendfunc f", ["f"]),
        (".globl f\nf: ret\n.align 7\n b f\n.align 7\n b f", ["f", "f+1", "f+2"]),
        (".globl f\nf: b .\n nop\n.align 3", ["f"]),
        ("", []),
    ],
)
def test_functions(text: str, expected: list[str]) -> None:
    assert names(assembled(text)) == expected


def test_usrs_are_those_of_clang() -> None:
    found = assembled(".globl f\nf: bl g\n bl h\n ret\ng: ret")
    assert [cfg.usr for cfg in found.functions] == ["c:@F@f", "c:test.S@F@g"]
    assert [cfg.external for cfg in found.functions] == [True, False]
    assert [one.callee for one in only(found.functions[0], Call) if isinstance(one, Call)] == [
        "c:test.S@F@g",
        "c:@F@h",
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("b g", ["Call g"]),
        ("cbz x0, 1f\n dsb sy\n1: isb\n ret", ["Dsb sy", "ContextSync isb"]),
        ("b 2f\n1: ret\n2: isb\n b 1b\n dsb sy", ["ContextSync isb"]),
        ("ldr x1, =there\n br x1\n dsb sy\nthere: isb\n ret", ["ContextSync isb"]),
        ("adr x1, 1f\n br x1\n dsb sy\n1: isb\n ret", ["ContextSync isb"]),
        ("ldr x30, =1f\n b g\n dsb sy\n1: isb\n ret", ["Call g", "ContextSync isb"]),
        ("mov x9, x30\n bl g\n ret x9\n dsb sy", ["Call g"]),
        ("mov x28, lr\n bl g\n br x28\n dsb sy", ["Call g"]),
        ("ldr x2, =g\n blr x2\n ret", ["Call g"]),
        ("ldr x2, =g\n br x2", ["Call g"]),
        ("blr x2\n ret", ["Call ?"]),
        ("b.eq g\n isb\n ret", ["ContextSync isb", "Call g"]),
        ("tbnz x0, #3, g\n ret", ["Call g"]),
        ("msr elr_el1, x0\n eret\n isb", ["SysregWrite elr_el1", "ExceptionReturn"]),
        ("b .\n isb", []),
        ("cbnz x0, .\n isb\n ret", ["ContextSync isb"]),
        ("b.ne . + 8\n isb\n ret", ["UnknownInstruction b.ne . + 8", "ContextSync isb"]),
        ("b . - 4", ["UnknownInstruction b . - 4"]),
        ("wfi\n b f\n isb", []),
        (".inst 0xd5033fdf\n .inst 0xd65f03c0\n dsb sy", ["ContextSync isb"]),
        ("1: ldxr x1, [x0]\n stxr w2, x1, [x0]\n cbnz w2, 1b\n ret", ["Access read", "Access write"]),
    ],
)
def test_control_flow(body: str, expected: list[str]) -> None:
    assert events(function(f".globl f\nf:\n{body}\n", "f")) == expected


def test_what_follows_a_function_is_its_continuation() -> None:
    found = assembled(".globl f\nf: isb\n.globl g\ng: dsb sy\n ret")
    assert [events(cfg) for cfg in found.functions] == [["ContextSync isb", "Call g"], ["Dsb sy"]]


def test_a_retried_exclusive_has_succeeded_and_loops_no_more() -> None:
    cfg = function(".globl f\nf:\n1: ldxr x1, [x0]\n stxr w2, x1, [x0]\n cbnz w2, 1b\n ret", "f")
    assert [one.into for one in only(cfg, Access) if isinstance(one, Access) and one.kind == "write"] == [None]
    assert not any(edge.target <= block.id for block in cfg.blocks for edge in block.edges)


def values(text: str) -> list[str]:
    cfg = function(f".globl f\nf:\n{text}\n ret", "f")
    return [show(one.value) for one in only(cfg, SysregWrite) if isinstance(one, SysregWrite)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mov x1, #0x1000\n movk x1, #2, lsl #32\n msr ttbr0_el1, x1", ["0x200001000"]),
        ("orr x0, x0, #1\n orr x0, x0, #4\n msr sctlr_el1, x0", ["x0"]),
        ("orr x1, x0, #1\n msr sctlr_el1, x1", ["(x0 | 1)"]),
        ("orr x1, x0, #1\n mov x0, #0\n msr sctlr_el1, x1\n msr tcr_el1, x0", ["x1", "0"]),
        ("movz x1, :abs_g1_s:0x12345678\n movk x1, :abs_g0_nc:0x12345678\n msr tcr_el1, x1", ["0x12345678"]),
        ("movz x1, :abs_g1_s:-4\n movk x1, :abs_g0_nc:-4\n msr tcr_el1, x1", ["0xfffffffffffffffc"]),
        ("adrp x1, table\n add x1, x1, :lo12:table\n msr ttbr0_el1, x1", ["&c:@table"]),
        ("ldr x1, =table + 0x1000\n msr ttbr0_el1, x1", ["(&c:@table + 0x1000)"]),
        ("ldr x1, =(3 << 4)\n msr tcr_el1, x1", ["0x30"]),
        ("stp x1, x2, [sp, #-16]!\n bl g\n ldp x1, x2, [sp], #16\n msr tcr_el1, x1", ["?"]),
        ("mov x19, #5\n bl g\n msr tcr_el1, x19", ["5"]),
        ("mov x9, #5\n bl g\n msr tcr_el1, x9", ["?"]),
        ("mov x19, #5\n bl own\n msr tcr_el1, x19\n ret\nown: mov x19, #6", ["?"]),
        ("mov x9, #5\n bl own\n msr tcr_el1, x9\n ret\nown: mov x1, #6", ["5"]),
        ("cbz x0, 1f\n mov x1, #2\n b 2f\n1: mov x1, #3\n2: msr tcr_el1, x1", ["x1"]),
    ],
)
def test_values_of_registers(text: str, expected: list[str]) -> None:
    assert ["?" if value.startswith("%") else value for value in values(text)] == expected


def test_flags_outlive_the_registers_they_were_made_of() -> None:
    cfg = function(".globl f\nf: subs x0, x0, #16\n mov x0, #7\n b.hi 1f\n isb\n1: ret", "f")
    assigned = {
        one.name.split("#")[1]: one.value for one in only(cfg, Assign) if isinstance(one, Assign) and "#" in one.name
    }
    assert assigned["flags.left"] == Name("c:@F@f#x0#0")
    guards = {show(guard.condition) for block in cfg.blocks for edge in block.edges for guard in edge.guards}
    assert guards == {"(flags.left <= flags.right)"}


def test_the_stack_is_an_object_of_the_function() -> None:
    cfg = function(".globl f\nf: sub sp, sp, #32\n str x0, [sp, #8]\n mov x29, sp\n ldr x1, [x29, #8]\n ret", "f")
    places = [one.address for one in only(cfg, Access) if isinstance(one, Access)]
    assert len(set(places)) == 1
    match places[0]:
        case Element(AddressOf(id, "local"), Const(), 1):
            assert id.startswith("c:@F@f#")
        case other:
            pytest.fail(f"not on the stack: {other}")


def test_entries_of_tables_have_the_shape_they_have_in_c() -> None:
    cfg = function(".globl f\nf: ubfx x3, x1, #21, #9\n str x2, [x0, x3, lsl #3]\n ret", "f")
    (access,) = only(cfg, Access)
    assert isinstance(access, Access)
    assert show(access.address) == "&x0[((x1 >> 0x15) & 0x1ff)]"


def test_what_a_function_is_handed_and_returns() -> None:
    text = ".globl f, g, h\nf: mov x0, x2\n ret\ng: mov x2, #3\n mov x0, #1\n bl f\n add x0, x0, x19\n ret\n"
    found = {cfg.name: cfg for cfg in assembled(text + "h: isb\n ret").functions}
    assert [len(found[name].params) for name in "fgh"] == [3, 20, 0]
    (call,) = only(found["g"], Call)
    assert isinstance(call, Call)
    assert [show(arg) for arg in call.args] == ["-", "-", "3"]
    assert not only(found["h"], Assign)


def test_alternatives_are_both_ways() -> None:
    text = """
    .globl f
    f:
    661: dsb sy
    662:
    .pushsection .altinstructions, "a"
    .word 661b - .
    .word 663f - .
    .hword 7
    .byte 662b - 661b
    .byte 664f - 663f
    .popsection
    .subsection 1
    663: dsb ish
    664:
    .previous
    isb
    ret
    """
    cfg = function(text, "f")
    assert sorted(events(cfg)) == ["ContextSync isb", "Dsb ish", "Dsb sy"]
    reasons = [edge.reason for block in cfg.blocks for edge in block.edges]
    assert "alternative" in reasons
    (isb,) = [block for block in cfg.blocks if any("isb" in str(step.event) for step in block.steps)]
    assert sum(edge.target == isb.id for block in cfg.blocks for edge in block.edges) == 2


def test_a_macro_is_where_it_is_used_and_is_named() -> None:
    found = assembled(".macro inner\n dsb sy\n.endm\n.macro outer\n inner\n.endm\n.globl f\nf:\n\n outer\n ret")
    (step,) = [step for step in found.functions[0].steps() if not isinstance(step.event, Assign)]
    assert (step.span.line, step.note) == (10, "macro outer")
    found = assembled("#define FLUSH dsb sy\n.globl f\nf:\n FLUSH\n ret")
    (step,) = [step for step in found.functions[0].steps() if not isinstance(step.event, Assign)]
    assert (step.span.line, step.note) == (4, "macro FLUSH")


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        (".globl f\nf: isb\n.macro a\n nop\n", "`.macro a` has no .endm", 3),
        (".globl f\nf: isb\n.if 1\n nop\n", "`.if 1` has no .endif", 3),
        (".globl f\nf: isb\n.endif\n", "`.endif` without .if", 3),
        (".globl f\nf: isb\n.rept 3\n nop\n", "`.rept 3` has no .endr", 3),
        (".macro a\n a\n.endm\n.globl f\nf: isb\n a\n", "macro expansion too large", 6),
        (".macro a\n a\n a\n.endm\n.globl f\nf: isb\n a\n", "macro expansion too large", 7),
    ],
)
def test_mistakes_are_one_line_with_a_place(text: str, message: str, line: int) -> None:
    notes = [note for note in assembled(text).notifications if note.lost]
    assert [(message in note.message, note.span.line if note.span else 0) for note in notes] == [(True, line)]


def test_unknown_instructions_are_kept() -> None:
    cfg = function(".globl f\nf: frobnicate x0, [x1]\n .unheard_of 3\n ret", "f")
    assert [one.text for one in only(cfg, UnknownInstruction) if isinstance(one, UnknownInstruction)] == [
        "frobnicate x0, [x1]",
        ".unheard_of 3",
    ]


def test_data_that_is_executed_is_told() -> None:
    assert events(function(".globl f\nf: isb\n .quad 5\n ret", "f")) == [
        "ContextSync isb",
        "UnknownInstruction .quad 5",
    ]
    assert events(function(".globl f\nf: isb\n b 1f\n .quad 5\n1: ret", "f")) == ["ContextSync isb"]


def test_assembly_of_another_processor_is_recognised() -> None:
    found = assembled(".globl f\nf: pushq %rbp\n movq %rsp, %rbp\n invlpg (%rdi)\n popq %rbp\n retq\n")
    assert [note.kind for note in found.notifications] == ["other-architecture"]
    assert not found.functions
    target = assembled(".globl f\nf: ret", "--target=riscv64-linux-gnu")
    assert target.functions  # the caller leaves out what is for another target
