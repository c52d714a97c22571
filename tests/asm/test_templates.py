"""Inline templates: operands, branches, directives, and what is said of the statement as a whole."""

from __future__ import annotations

import pytest

from barrierlint.cfg.asm import Decoded, Item, Maybe, Operand, decode, decode_statement, unknown_instruction
from barrierlint.events import Access, Assign, CompilerBarrier, SysregRead, Tlbi, UnknownInstruction, mnemonic
from barrierlint.finding import Span
from barrierlint.source.tree import Asm, AsmOperand, Integer, Type
from barrierlint.terms import AddressOf, Apply, Const, Name, Term, Unknown, const


def shown(decoded: Decoded) -> list[object]:
    def one(item: Item) -> object:
        return [mnemonic(event) for event in item.events] if isinstance(item, Maybe) else mnemonic(item)

    return [one(item) for item in decoded.items if not isinstance(item, Assign)]


def bound(decoded: Decoded) -> dict[str, Term]:
    return {item.name: item.value for item in decoded.items if isinstance(item, Assign)}


# --- statements --------------------------------------------------------------------------------------------------

SPAN = Span("a.c", 1, 1, 1, 1)
TYPE = Type("unsigned long", "unsigned long", "integer", 8)


def operand(name: str, constraint: str) -> AsmOperand:
    return AsmOperand(name, constraint, Integer(SPAN, TYPE, 0))


def test_statement_numbers_outputs_then_inputs() -> None:
    asm = Asm(
        SPAN,
        "mrs %0, par_el1\n\tat s1e1r, %[va]",
        (operand("par", "=r"),),
        (operand("va", "r"),),
        ("memory",),
        (),
        True,
    )
    decoded = decode_statement(asm, [Operand(into="out")], [Operand(value=Name("va"))], "%t")
    assert shown(decoded) == ["SysregRead par_el1", "At s1e1r"]
    assert (decoded.memory, decoded.volatile, decoded.leaves) == (True, True, False)
    read = decoded.events[0]
    assert isinstance(read, SysregRead)
    assert bound(decoded) == {"out": Name(read.into or "")}


def test_matching_constraint_passes_the_value_through() -> None:
    asm = Asm(SPAN, "", (operand("", "=r"),), (operand("", "0"),))
    decoded = decode_statement(asm, [Operand(into="out")], [Operand(value=Name("in"))])
    assert bound(decoded) == {"out": Name("in")}
    named = Asm(SPAN, "add %[out], %[out], #1", (operand("out", "=r"),), (operand("", "[out]"),))
    decoded = decode_statement(named, [Operand(into="out")], [Operand(value=Name("in"))])
    assert bound(decoded) == {"out": Apply("+", (Name("in"), Const(1)))}


def test_unwritten_output_is_unknown() -> None:
    decoded = decode("nop", {0: Operand(into="out", constraint="=r")})
    assert isinstance(bound(decoded)["out"], Unknown)


def test_a_call_to_firmware_changes_outputs() -> None:
    held = {0: Operand(value=Name("f"), into="r0", constraint="+r")}
    assert isinstance(bound(decode("smc #0", held))["r0"], Unknown)  # type: ignore[arg-type]
    assert bound(decode("dsb sy", held)) == {"r0": Name("f")}  # type: ignore[arg-type]


def test_operands_do_not_collide_with_registers_of_the_template() -> None:
    decoded = decode("mov x9, #1; mov x10, #2; tlbi vae1, %0; tlbi vae1, x9", {0: Operand(value=Name("va"))})
    assert decoded.events == (Tlbi("vae1", Name("va")), Tlbi("vae1", Const(1)))


def test_many_operands_and_an_unknown_number() -> None:
    operands: dict[str | int, Operand] = {i: Operand(value=Name(f"n{i}")) for i in range(40)}
    text = ";".join(f"tlbi vae1, %{i}" for i in range(41))
    events = decode(text, operands).events
    assert [event.operand for event in events[:40] if isinstance(event, Tlbi)] == [Name(f"n{i}") for i in range(40)]
    assert events[40] == UnknownInstruction("tlbi vae1, %40")


def test_unknown_instruction_shows_the_template() -> None:
    assert decode("frob %w0,  %1", {0: Operand(value=Name("a")), 1: Operand(value=Name("b"))}).events == (
        UnknownInstruction("frob %w0, %1"),
    )


def test_unknown_instruction_may_change_its_operands() -> None:
    decoded = decode("mov x1, #1; frob x1; tlbi vae1, x1")
    assert isinstance(decoded.events[1], Tlbi)
    assert isinstance(decoded.events[1].operand, Unknown)


def test_compiler_barrier_only_without_instructions() -> None:
    assert decode("", clobbers=["memory"]).events == (CompilerBarrier(),)
    assert decode("// dsb sy", clobbers=["memory"]).events == (CompilerBarrier(),)
    assert decode("").events == ()
    assert shown(decode("dsb sy", clobbers=["memory"])) == ["Dsb sy"]


def test_memory_operands_are_addresses() -> None:
    decoded = decode("str %1, %0", {0: Operand(address=Name("p"), constraint="=m"), 1: Operand(value=Name("v"))})
    (store,) = decoded.events
    assert isinstance(store, Access)
    assert (store.address, store.value) == (Name("p"), Name("v"))


def test_symbols_and_calls() -> None:
    function = AddressOf("c:@F@flush#", "function")
    (call,) = decode("bl %c0", {0: Operand(value=function, constraint="S")}).events
    assert (call.callee, call.targets) == ("c:@F@flush#", ("c:@F@flush#",))  # type: ignore[union-attr]
    (call,) = decode("mov x0, #7; bl flush").events
    assert (call.callee, call.args, call.qualified) == ("c:@F@flush", (Const(7),), "flush")  # type: ignore[union-attr]


def test_escapes_and_dialects() -> None:
    assert shown(decode("%{dsb ish%}; dsb {ishst|sy}; .Lx%=: isb %;")) == [
        "UnknownInstruction {dsb ish}",
        "Dsb ishst",
        "ContextSync isb",
    ]


# --- branches ----------------------------------------------------------------------------------------------------

LINES = {
    "dsb ishst; isb": ["Dsb ishst", "ContextSync isb"],
    "cbz x0, 1f; dsb ish; 1: isb": [["Dsb ish"], "ContextSync isb"],
    "cbz x0, 1f; dsb ish; tlbi vmalle1is; 1: isb": [["Dsb ish", "Tlbi vmalle1is"], "ContextSync isb"],
    "cbz x0, 1f; dsb ish; b 2f; 1: isb; 2: dmb sy": [["Dsb ish"], ["ContextSync isb"], "Dmb sy"],
    "b 1f; dsb sy; 1: isb": ["ContextSync isb"],
    "b.eq 1f; b.lo 1f; dsb sy; 1:": [["Dsb sy"]],
    "beq 1f; dsb sy; 1:": [["Dsb sy"]],
    "1: tlbi vae1, x0; add x0, x0, #1; cmp x0, x1; b.lo 1b; dsb ish": ["Tlbi vae1", "Dsb ish"],
    "1: cmp x0, x1; b.hs 2f; tlbi vae1, x0; add x0, x0, #1; b 1b; 2: dsb ish": [["Tlbi vae1"], "Dsb ish"],
    "b 2f; 1: tlbi vae1, x0; 2: cmp x0, x1; b.lo 1b; dsb ish": [["Tlbi vae1"], "Dsb ish"],
    "tbnz x0, #3, done; dsb sy; done: isb": [["Dsb sy"], "ContextSync isb"],
    "cbz x0, elsewhere; dsb sy": [["Dsb sy"]],
    "cbz x0, 1f; ret; 1: dsb sy": [["Dsb sy"]],
    "dsb sy; ret; isb": ["Dsb sy"],
    "1: wfe; b 1b; dsb sy": [],
    "dsb sy; b .": ["Dsb sy"],
    "dsb sy; 1: b 1b": ["Dsb sy"],
    "1: ldxr x0, [x1]; stxr w2, x0, [x1]; cbnz w2, 1b; dmb ish": ["Access read", "Access write", "Dmb ish"],
    "1: ldxr x0, [x1]; cmp x0, x3; b.ne 2f; stlxr w2, x4, [x1]; cbnz w2, 1b; dmb ish; 2:": [
        "Access read",
        ["Access write release", "Dmb ish"],
    ],
    "cbz x0, 1f; cbz x1, 1f; dsb sy; 1: isb": [["Dsb sy"], "ContextSync isb"],
}


@pytest.mark.parametrize("text", LINES)
def test_what_some_passes_skip_is_optional(text: str) -> None:
    assert shown(decode(text)) == LINES[text]


@pytest.mark.parametrize(
    ("text", "leaves"), [("eret", True), ("ret", True), ("b out", True), ("cbz x0, out", False), ("1: b 1b", True)]
)
def test_leaving(text: str, leaves: bool) -> None:
    assert decode(text).leaves is leaves


def test_conditions_are_terms() -> None:
    decoded = decode("cbz %0, 1f; dsb ish; 1:", {0: Operand(value=Name("flag"))})
    (item,) = decoded.items
    assert isinstance(item, Maybe)
    assert item.condition == Apply("!=", (Name("flag"), Const(0)))
    decoded = decode("cmp %0, #3; b.hs 1f; isb; 1:", {0: Operand(value=Name("n"))})
    (item,) = decoded.items
    assert isinstance(item, Maybe)
    assert item.condition == Apply("<", (Name("n"), Const(3)))


def test_values_merge_where_paths_meet() -> None:
    decoded = decode("mov x1, #1; cbz %0, 1f; mov x1, #2; 1: tlbi vae1, x1", {0: Operand(value=Name("c"))})
    (event,) = decoded.events
    assert isinstance(event, Tlbi)
    assert isinstance(event.operand, Unknown)


def test_values_of_a_loop_are_not_those_of_its_first_pass() -> None:
    text = "mov x1, %0; 1: tlbi vae1, x1; add x1, x1, #1; cmp x1, %1; b.lo 1b"
    (event,) = decode(text, {0: Operand(value=Name("from")), 1: Operand(value=Name("to"))}).events
    assert isinstance(event, Tlbi)
    assert isinstance(event.operand, Unknown)


def test_a_retried_store_exclusive_needs_no_status() -> None:
    retried = decode("1: ldxr x0, [x1]; orr x0, x0, #1; stxr w2, x0, [x1]; cbnz w2, 1b").events
    once = decode("ldxr x0, [x1]; orr x0, x0, #1; stxr w2, x0, [x1]").events
    assert isinstance(retried[1], Access)
    assert isinstance(once[1], Access)
    assert isinstance(retried[0], Access)
    assert retried[1].into is None
    assert once[1].into is not None
    assert retried[1].value == Apply("|", (Name(retried[0].into or ""), Const(1)))


def test_asm_goto_reports_its_labels() -> None:
    decoded = decode('1: nop; .pushsection __jump_table, "aw"; .long 1b - ., %l[yes] - .; .popsection', labels=["yes"])
    assert (decoded.jumps, decoded.items, decoded.leaves) == (("yes",), (), False)
    decoded = decode("cbz %0, %l1; dsb sy", {0: Operand(value=Name("c"))}, labels=["out"])
    assert (shown(decoded), decoded.jumps) == ([["Dsb sy"]], ("out",))


# --- directives --------------------------------------------------------------------------------------------------

ALTERNATIVE = """
.if {condition}
661: dsb ishst
662:
.pushsection .altinstructions,"a"
.word 661b - .
.word 663f - .
.byte 662b-661b
.popsection
.subsection 1
663: dsb sy
isb
664: .org . - (664b-663b) + (662b-661b)
.previous
.endif
tlbi vmalle1is
"""


def test_alternatives_execute_the_base_instruction() -> None:
    assert shown(decode(ALTERNATIVE.format(condition="1 == 1"))) == ["Dsb ishst", "Tlbi vmalle1is"]
    assert shown(decode(ALTERNATIVE.format(condition="0 == 1"))) == ["Tlbi vmalle1is"]


def test_other_sections_are_not_executed() -> None:
    text = '1: ldr x0, [x1]\n2:\n.section .fixup, "ax"\n3: dsb sy\nb 2b\n.previous\n'
    text += '.pushsection __ex_table, "a"\n.word 0xd5033f9f\n.popsection'
    assert shown(decode(text)) == ["Access read"]


def test_undecidable_condition_keeps_both_sides_and_says_so() -> None:
    decoded = decode(".if (662b-661b) > 4\ndsb sy\n.else\nisb\n.endif\nnop")
    assert shown(decoded) == ["UnknownInstruction .if (662b-661b) > 4", ["Dsb sy"], ["ContextSync isb"]]


def test_macros_repetitions_and_symbols() -> None:
    text = """
    .macro sync domain=ish, twice
    dsb \\domain
    .ifnb \\twice
    dsb \\domain
    .endif
    .endm
    .equ which, 2 + 8
    .irp n, 9, 10
    dsb \\n
    .endr
    sync
    sync osh, yes
    .rept 2
    isb
    .endr
    dsb which
    .purgem sync
    sync
    """
    wanted = "Dsb ishld, Dsb ishst, Dsb ish, Dsb osh, Dsb osh, ContextSync isb, ContextSync isb, Dsb ishst"
    assert shown(decode(text)) == [*wanted.split(", "), "UnknownInstruction sync"]


REGISTER_NUMBERS = "".join(f".equ .Lnumber_x{n}, {n}\n" for n in range(31))


def test_system_register_by_encoding_and_macro() -> None:
    text = REGISTER_NUMBERS + ".macro read_it, rt, code\n.inst 0xd5300000|(\\code)|(.Lnumber_\\rt)\n.endm\n"
    text += "read_it %0, ((3 << 19)|(1 << 12)) & 0x7ffff\n"
    decoded = decode(text, {0: Operand(into="value", constraint="=r")})
    (read,) = [event for event in decoded.events if isinstance(event, SysregRead)]
    assert read.register == "s2_0_c1_c0_0"
    assert bound(decoded) == {"value": Name(read.into or "")}


def test_endless_expansion_stops_and_says_so() -> None:
    events = decode(".macro again\nagain\ndsb sy\n.endm\nagain").events
    assert any(isinstance(event, UnknownInstruction) and "too large" in event.text for event in events)
    events = decode(".rept 1000000\nnop\n.endr").events
    assert any(isinstance(event, UnknownInstruction) for event in events)


def test_check_for_models() -> None:
    assert unknown_instruction("dsb ishst; tlbi vae1is, arg0; isb") is None
    assert unknown_instruction("dsb ishts") == "dsb ishts"


def test_temporaries_carry_the_prefix() -> None:
    first = decode("ldr x0, [x1]; mrs x2, esr_el1", temporary="f#1").events
    assert [event.into for event in first] == ["f#1.1", "f#1.2"]  # type: ignore[union-attr]
    assert const(-1) == Const((1 << 64) - 1)


def test_undecidable_condition_without_effect_is_not_reported() -> None:
    assert shown(decode(".if (662b-661b) > 4\nnop\n.else\nyield\n.endif\ndsb sy")) == ["Dsb sy"]
    assert shown(decode(".if x\n.else\ndsb sy\n.endif")) == ["UnknownInstruction .if x", ["Dsb sy"]]
    assert shown(decode(".if 0\ndsb sy\n.elseif 1\nisb\n.else\ndmb sy\n.endif")) == ["ContextSync isb"]


def test_immediates_of_unknown_symbols_are_unknown_values() -> None:
    for text in (
        "and x1, x1, #(FLAG_A | FLAG_B)",
        "add x1, x1, #SIZE + 8",
        "mov x1, #SLOT(3)",
        "ldr x1, [x2, #OFFSET + 8]",
    ):
        (event,) = [event for event in decode(f"{text}; tlbi vae1, x1").events if isinstance(event, Tlbi)]
        assert isinstance(event.operand, Unknown | Name | Apply), text
        assert not any(isinstance(event, UnknownInstruction) for event in decode(text).events), text
    assert isinstance(decode("dsb #OPTION").events[0], UnknownInstruction)


def test_register_aliases() -> None:
    decoded = decode("va .req x3\nmov va, #7\ntlbi vae1, va")
    assert decoded.events == (Tlbi("vae1", Const(7)),)
