"""What a litmus test says is simulated or refused by name: nothing is read past in silence."""

from __future__ import annotations

import pytest

from barrierlint.sim.litmus import parse
from barrierlint.sim.litmus_values import LitmusError
from barrierlint.sim.run import simulate


def ask(code: str, condition: str, state: str = "0:X2=x;", header: str = "", handler: str = "") -> str:
    """The result of a test of one PE; `code` and `handler` have one instruction between semicolons."""
    rows, other = code.split(";"), handler.split(";")
    body = "".join(
        f" {row} {'| ' + (other[n] if n < len(other) else '') if handler else ''};\n" for n, row in enumerate(rows)
    )
    head = " P0 | P0.F ;" if handler else " P0 ;"
    text = f"AArch64 t\n{header}\n{{\n {state}\n}}\n{head}\n{body}exists ({condition})\n"
    return simulate(parse(text)).result


@pytest.mark.parametrize(
    ("code", "named"),
    [
        ("MRS X0,CNTVCT_EL0", "CNTVCT_EL0"),
        ("MRS X0,NZCV", "NZCV"),
        ("MRS X0,CurrentEL", "CURRENTEL"),
        ("MSR TTBR0_EL1,X0", "TTBR0_EL1"),
        ("MSR PAN,#1", "PAN"),
        ("TLBI FOO,X9", "FOO"),
        ("TLBI VAE1IS", "needs a register"),
        ("AT S12E1R,X2", "S12E1R"),
        ("DC ZVA,X2", "ZVA"),
        ("DC CVAU,X2", "CVAU"),
        ("HVC #0", "HVC #0"),
        ("LDTR W3,[X2]", "LDTR"),
        ("LDG X3,[X2]", "LDG"),
        ("LDR W3,[X2],#4,#8", "'#8'"),
        ("LDR W3,[X2,#8],#4", "with an operand after it"),
        ("LDR W3,[X2]!!", "not an address"),
        ("LDR W3,[W2]", "base register"),
        ("LDR X2,[X2],#8", "written back"),
        ("LDP X3,X3,[X2]", "one register"),
        ("LDRB X3,[X2]", "wrong width"),
        ("LDRSW W3,[X2]", "wrong width"),
        ("LDR W3,[X2,X4,SXTW,#1]", "'#1'"),
        ("ADD W3,W4,W5,SXTB", "SXTB"),
        ("ADD X3,X4,X5,LSL #1,X6", "'X6'"),
        ("ADD X3,X4,ELR_EL1", "ELR_EL1"),
        ("LDR W3,[X2,X4,LSR #2]", "LSR #2"),
        ("LDR W3,[X2,#x]", "'#x' is not a number"),
        ("LDR W3,", "empty"),
        ("LDR W3", "missing"),
        ("MOVK X3,#1,LSR #16", "LSR #16"),
        ("CBZ X3,END,X4 ; END: NOP", "'X4'"),
        ("ISB ISH", "'ish'|'ISH'"),
        ("DSB", "missing"),
        ("DMB ISHNXS", "ishnxs"),
        ("NOP X1", "'X1'"),
        ("ERET X1", "'X1'"),
        ("TST X3,X4 ; B.HS END ; END: NOP", "carry or overflow beside TST"),
    ],
)
def test_instructions_are_not_read_in_part(code: str, named: str) -> None:
    with pytest.raises(LitmusError, match=named) as error:
        ask(code, "0:X9=0")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        ("y=0", "y"),
        ("fault(P0:L0,y)", "y"),
        ("fault(P0:L9,x)", "L9"),
        ("fault(P4,x)", "P4"),
        ("~fault(P0:L0,x,MMU:TagCheck)", "TagCheck"),
        ("5:X1=0", "P5"),
        ("0:CNTVCT_EL0=0", "CNTVCT_EL0"),
        ("[tag(x)]=0", "tag"),
        ("0:X3=hash(x)", "hash"),
        ("PTE(x)=(oa:PA(x), foo:1)", "foo"),
        ("PTE(x)=(valid:2)", "valid"),
        ("PTE(x)=(attrs:(Purple))", "Purple"),
    ],
)
def test_conditions_name_what_there_is(condition: str, named: str) -> None:
    with pytest.raises(LitmusError, match=named) as error:
        ask("L0: LDR W3,[X2]", condition)
    assert "line" in str(error.value)


@pytest.mark.parametrize(
    ("state", "header", "named"),
    [
        ("0:X2=x; [tag(x)]=1;", "", "tag"),
        ("0:X2=x; 3:X2=x;", "", "P3"),
        ("0:X2=x; [PTE(x)]=(oa:PA(x) valid:0);", "", "valid"),
        ("0:X2=x;", "Variant=vmsa,memtag", "memtag"),
        ("0:X2=x;", "Variant=vmsa,ifetch", "ifetch"),
    ],
)
def test_state_and_header_are_not_read_in_part(state: str, header: str, named: str) -> None:
    with pytest.raises(LitmusError, match=named):
        ask("LDR W3,[X2]", "0:X3=0", state, header)


def test_a_handler_needs_its_pe() -> None:
    with pytest.raises(LitmusError, match=r"P1\.F"):
        parse("AArch64 t\n{ 0:X2=x; }\n P0 | P1.F ;\n NOP | ERET ;\nexists (0:X3=0)\n")


def test_a_system_register_holds_what_the_test_or_msr_gives_it() -> None:
    given = "0:CNTVCT_EL0=7;"
    assert [ask("MRS X3,CNTVCT_EL0", f"0:X3={n}", given) for n in (7, 0)] == ["ALLOWED", "FORBIDDEN"]
    assert [ask("MOV X4,#9;MSR TPIDR_EL1,X4;MRS X3,TPIDR_EL1", f"0:X3={n}") for n in (9, 0)] == ["ALLOWED", "FORBIDDEN"]
    assert ask("NOP", "0:CNTVCT_EL0=7", given) == "ALLOWED"


def test_the_syndrome_is_that_of_the_last_exception() -> None:
    after = "MRS X3,ESR_EL1;MRS X9,ELR_EL1;ADD X9,X9,#4;MSR ELR_EL1,X9;ERET"
    assert ask("SVC #5", f"0:X3={0x15 << 26 | 1 << 25 | 5}", handler=after.replace("ADD X9,X9,#4", "NOP")) == "ALLOWED"
    assert ask("UDF #0", f"0:X3={1 << 25}", handler=after) == "ALLOWED"
    broken = "0:X2=x; [PTE(x)]=(oa:PA(x), valid:0);"
    assert ask("LDR W4,[X2]", f"0:X3={0x96000007}", broken, handler=after) == "ALLOWED"


def test_another_pe_may_read_the_syndrome() -> None:
    text = """AArch64 t
{{ [PTE(x)]=(oa:PA(x), valid:0); 0:X2=x; 0:X4=y; 1:X4=y; uint64_t y; }}
 P0          | P0.F           | P1          ;
 LDR W3,[X2] | MRS X5,{name} | LDR X6,[X4] ;
             | STR X5,[X4]    |             ;
exists (1:X6={value})
"""
    for name, value, result in (
        ("ESR_EL1", 0x96000007, "ALLOWED"),
        ("FAR_EL1", "x", "ALLOWED"),
        ("FAR_EL1", 1, "FORBIDDEN"),
    ):
        assert simulate(parse(text.format(name=name, value=value))).result == result


def test_stores_of_different_sizes_are_not_answered() -> None:
    assert ask("MOV W4,#2;STRB W4,[X2];LDR W3,[X2]", "0:X3=2", "0:X2=x; int x=257;") == "UNDECIDED"
    assert ask("MOV W4,#2;STR W4,[X2];STRH W4,[X2];LDR W3,[X2]", "0:X3=2") == "UNDECIDED"
    assert ask("MOV W4,#2;STRB W4,[X2];LDRB W3,[X2]", "0:X3=2") == "ALLOWED"
    assert ask("MOV W4,#258;STR W4,[X2];LDRB W3,[X2]", "0:X3=2") == "ALLOWED"
    assert ask("MOV W4,#2;STR W4,[X2]", "x=2", "0:X2=x; int x=-1;") == "ALLOWED"


@pytest.mark.parametrize(
    ("code", "good", "bad", "state"),
    [
        ("LDRSW X3,[X2]", "0:X3=0xfffffffffffffffe", "0:X3=0xfffffffe", "0:X2=x; int x=-2;"),
        ("LDRSB W3,[X2]", "0:X3=0xfffffffe", "0:X3=0xfffffffffffffffe", "0:X2=x; uint8_t x=254;"),
        ("LDP X2,X3,[X2]", "0:X3=6 /\\ 0:X2=5", "0:X3=0", "0:X2=x; uint64_t x[2]={5,6};"),
        (
            "LDR W3,[X2,#4]!;LDR W4,[X2],#-4;LDR W5,[X2]",
            "0:X3=6 /\\ 0:X4=6 /\\ 0:X5=5",
            "0:X5=6",
            "0:X2=x; int x[2]={5,6};",
        ),
        ("STP W7,W8,[X2],#8", "x[0]=1 /\\ x[1]=2", "x[1]=0", "0:X2=x; 0:X7=1; 0:X8=2; int x[2]={0,0};"),
        ("LDUR W3,[X2,#4];STUR W3,[X2]", "x=6", "x=5", "0:X2=x; int x[2]={5,6};"),
        ("ADD W3,W4,W5,ASR #1", "0:X3=0xffffffff", "0:X3=0x7fffffff", "0:X5=0xfffffffe;"),
        ("ADD X3,X4,W5,SXTW #2", "0:X3=0xfffffffffffffff8", "0:X3=0x3fffffff8", "0:X5=0xfffffffe;"),
        ("LSL W3,W4,W5", "0:X3=2", "0:X3=0", "0:X4=1; 0:X5=33;"),
    ],
)
def test_sizes_pairs_and_write_back(code: str, good: str, bad: str, state: str) -> None:
    assert (ask(code, good, state), ask(code, bad, state)) == ("ALLOWED", "FORBIDDEN")


def test_parts_of_an_instruction_are_not_skipped_one_by_one() -> None:
    for code in ("LDR W3,[X2],#4", "LDRSW X3,[X2]", "STP X3,X4,[X2]"):
        with pytest.raises(LitmusError, match="may skip"):
            ask(code, "0:X3=0", header="Variant=vmsa,skip")
        with pytest.raises(LitmusError, match="may skip"):
            ask(code, "0:X3=0", handler="ERET")
        assert ask(code, "0:X9=0") == "ALLOWED"


def test_memory_attributes_are_told_apart() -> None:
    kinds = ["Normal, iNC, oNC", "Normal, iWT, oWT", "Device-nGnRnE", "Device-GRE", "NSH", "OSH"]
    for one in kinds:
        for two in kinds:
            state = f"[PTE(x)]=(oa:PA(x), attrs:({one})); 0:X0=PTE(x);"
            assert ask("NOP", f"PTE(x)=(oa:PA(x), attrs:({two}))", state) == ("ALLOWED" if one == two else "FORBIDDEN")


def test_an_mmu_fault_is_no_supervisor_call() -> None:
    broken = "0:X2=x; [PTE(x)]=(oa:PA(x), valid:0);"
    assert ask("L0: SVC #0", "fault(P0:L0,MMU)") == "FORBIDDEN"
    assert ask("L0: SVC #0", "fault(P0:L0)") == "ALLOWED"
    assert ask("L0: LDR W3,[X2]", "fault(P0:L0,x,MMU)", broken) == "ALLOWED"


def test_a_fault_on_a_symbol_is_one_anywhere_in_its_page() -> None:
    broken = "0:X2=x; int x[2]={1,2}; [PTE(x)]=(oa:PA(x), valid:0); [PTE(y)]=(oa:PA(y), valid:0);"
    assert ask("L0: LDR W3,[X2,#4]", "fault(P0:L0,x,MMU:Translation)", broken) == "ALLOWED"
    assert ask("L0: LDR W3,[X2,#4]", "fault(P0:L0,y,MMU:Translation)", broken) == "FORBIDDEN"
