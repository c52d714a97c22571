"""What the parser reads, and that what it does not is refused with one line that names line and construct."""

from __future__ import annotations

from pathlib import Path

import pytest

from barrierlint.events import Access, Accesses, Dsb, Kind, Order, Shareability, Tlbi
from barrierlint.sim.condition import All, Any, FaultAtom, MemoryAtom, Not, RegisterAtom
from barrierlint.sim.descriptor import Descriptor, decode
from barrierlint.sim.litmus import parse
from barrierlint.sim.litmus_code import decode as decode_instruction
from barrierlint.sim.litmus_values import LitmusError
from barrierlint.sim.machine import Handling
from barrierlint.sim.run import parse_features, simulate, simulate_file

LITMUS = Path(__file__).parents[2] / "fixtures" / "litmus"

GOOD = """AArch64 good
(* a comment (* nested *) *)
{
 int x=1; int y[2]={5,6}; z=7;
 [PTE(x)]=(oa:PA(y), valid:0, af:1, db:0, dbm:1, el0:0);
 0:X0=PTE(x); pteval_t 0:X1=(oa:PA(x)); uint64_t 0:X2=0x10;
}
 P0          ;
 L0:         ;
 LDR W3,[X2] ;
exists (0:X3=1 \\/ ~(z=7 /\\ fault(P0:L0,x,MMU:Permission)))
"""


def test_reads_initial_state_and_condition() -> None:
    test = parse(GOOD)
    layout = test.program.symbols
    entry = decode(test.program.memory[layout.table("x")])
    assert entry == Descriptor(layout.physical("y"), valid=0, db=0, dbm=1, el0=0)
    assert test.program.memory[layout.physical("y") + 4] == 6
    assert test.program.pes[0].registers == {
        "X0": layout.table("x"),
        "X1": Descriptor(layout.physical("x")).encode(),
        "X2": 16,
    }
    fault = FaultAtom(0, "L0", layout.virtual("x"), "permission")
    memory = MemoryAtom(layout.physical("z"), 7)
    assert test.proposition == Any((RegisterAtom(0, "X3", 1), Not(All((memory, fault)))))
    assert test.quantifier == "exists"


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("DSB ISHST", Dsb(Shareability.ISH, Accesses.ST)),
        ("DSB LD", Dsb(Shareability.SY, Accesses.LD)),
        ("TLBI VMALLE1IS", Tlbi("vmalle1is")),
    ],
)
def test_instructions_are_the_alphabet(text: str, event: object) -> None:
    assert decode_instruction(text, 1) == [event]


@pytest.mark.parametrize(
    ("text", "kind", "order", "op", "size"),
    [
        ("LDAR X1,[X0]", Kind.READ, Order.ACQUIRE, "", 8),
        ("LDAPR W1,[X0]", Kind.READ, Order.ACQUIRE_PC, "", 4),
        ("STLRB W1,[X0]", Kind.WRITE, Order.RELEASE, "", 1),
        ("LDAXR X1,[X0]", Kind.READ, Order.ACQUIRE, "exclusive", 8),
        ("STLXR W2,X1,[X0]", Kind.WRITE, Order.RELEASE, "exclusive", 8),
        ("CASAL X1,X2,[X0]", Kind.RMW, Order.ACQ_REL, "cas", 8),
        ("SWPA W1,W2,[X0]", Kind.RMW, Order.ACQUIRE, "swap", 4),
        ("LDCLRL X1,X2,[X0]", Kind.RMW, Order.RELEASE, "andnot", 8),
        ("STSET X1,[X0]", Kind.RMW, Order.PLAIN, "or", 8),
        ("LDSMAXAH W1,W2,[X0]", Kind.RMW, Order.ACQUIRE, "smax", 2),
    ],
)
def test_memory_instructions(text: str, kind: Kind, order: Order, op: str, size: int) -> None:
    (event,) = decode_instruction(text, 1)
    assert isinstance(event, Access)
    assert (event.kind, event.order, event.op, event.size) == (kind, order, op, size)


def run_alu(code: list[str], registers: str = "") -> int:
    rows = " ;\n ".join(code)
    text = f"AArch64 alu\n{{ {registers} }}\n P0 ;\n {rows} ;\nexists (0:X9=%d)\n"
    found = [
        n for n in (0, 1, 2, 3, 5, 6, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF) if simulate(parse(text % n)).result == "ALLOWED"
    ]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("code", "value"),
    [
        (["MOV W9,#-1"], 0xFFFFFFFF),
        (["MOV X9,#-1"], 0xFFFFFFFFFFFFFFFF),
        (["MOV X1,#2", "ADD X9,X1,X1,LSL #1"], 6),
        (["MOV W1,#7", "BIC W9,W1,#5"], 2),
        (["MOV W1,#1", "CMP W1,#2", "CSET W9,LT"], 1),
        (["MOV W1,#-1", "CMP W1,#2", "CSEL W9,W1,WZR,HI"], 0xFFFFFFFF),
        (["MOV W1,#-1", "CMP W1,#2", "CSINC W9,WZR,WZR,LE"], 0),
        (["MOV W1,#6", "TST W1,#1", "CSET W9,EQ"], 1),
        (["MOV W1,#3", "SUBS W2,W1,#3", "B.EQ L", "MOV W9,#5", "L:", "ADD W9,W9,#1"], 1),
        (["MOV X1,#8", "TBZ X1,#3,L", "MOV W9,#5", "L:", "NOP"], 5),
        (["MOV X1,#0x30", "LSR X1,X1,#4", "UBFX X9,X1,#0,#2"], 3),
        (["ADR X1,L", "ADR X2,M", "SUB X9,X2,X1", "LSR X9,X9,#2", "L:", "NOP", "M:", "NOP"], 1),
    ],
)
def test_register_instructions(code: list[str], value: int) -> None:
    assert run_alu(code) == value


def mutated(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


@pytest.mark.parametrize(
    ("text", "line", "construct"),
    [
        ("", 1, "not a litmus test"),
        ("X86 t\n{ }\n P0 ;\nexists (x=1)\n", 1, "X86 t"),
        ("AArch64 t\n", 1, "'{'"),
        (mutated("LDR W3,[X2]", "FMOV D0,#1"), 10, "FMOV D0,#1"),
        (mutated("LDR W3,[X2]", "LDR W3,X2"), 10, "LDR W3,X2"),
        (mutated("LDR W3,[X2]", "DSB FOO"), 10, "DSB FOO"),
        (mutated("LDR W3,[X2]", "CBZ W3,NOWHERE"), 10, "NOWHERE"),
        (mutated("LDR W3,[X2]", "LDR W3,[X2] | NOP"), 10, "columns"),
        (mutated("valid:0", "colour:0"), 5, "colour"),
        (mutated("PTE(x);", "PTE(PTE(x));"), 6, "leaf"),
        (mutated("0:X2=0x10", "0:Q2=0x10"), 6, "Q2"),
        (mutated("MMU:Permission", "MMU:Alignment"), 11, "Alignment"),
        (mutated("z=7 /\\", "z=7 &&"), 11, "&"),
        (mutated("exists (", "exists ("[:-1]), 11, ")"),
        (mutated("exists (0:X3=1", "locations [0:X3"), 12, "locations"),
        (mutated("(* a comment (* nested *) *)", "TTHM=HA"), 1, "TTHM"),
        (mutated("nested *)", "nested"), 12, "comment"),
        (mutated(" P0          ;", " CPU0 ;"), 8, "CPU0"),
        (mutated("exists", "maybe"), 12, "final condition"),
    ],
)
def test_bad_input_is_one_clear_line(text: str, line: int, construct: str) -> None:
    with pytest.raises(LitmusError) as caught:
        parse(text)
    message = str(caught.value)
    assert "\n" not in message
    assert construct in message
    assert message.startswith(f"line {line}:")


def test_files_that_are_no_tests(tmp_path: Path) -> None:
    binary = tmp_path / "binary.litmus"
    binary.write_bytes(bytes(range(256)))
    with pytest.raises(LitmusError, match=r"binary\.litmus: not a text file"):
        simulate_file(binary)
    with pytest.raises(OSError, match="missing"):
        simulate_file(tmp_path / "missing.litmus")


def test_filter_and_forall_and_negated_exists() -> None:
    code = "AArch64 t\n{ 0:X0=x; 1:X0=x; }\n P0 | P1 ;\n MOV W1,#1 | LDR W2,[X0] ;\n STR W1,[X0] | ;\n"
    assert simulate(parse(code + "~exists 1:X2=1")).result == "ALLOWED"
    assert simulate(parse(code + "forall 1:X2=2")).result == "FORBIDDEN"
    assert simulate(parse(code + "filter 1:X2=0\nexists 1:X2=1")).result == "FORBIDDEN"
    assert simulate(parse(code + "locations [1:X2; x;]\nexists (not (1:X2=1))")).result == "ALLOWED"


def test_features_are_named() -> None:
    assert parse_features("ets2+exs").ets2
    assert parse_features("base").ets is False
    with pytest.raises(ValueError, match="ets9"):
        parse_features("ets9")


def test_a_test_names_its_own_variant() -> None:
    header = parse(GOOD.replace("(* a comment", "Variant=vmsa,ets2,skip\n(* a comment"))
    assert header.features.ets2
    assert header.handling is Handling.SKIP
    said = parse(GOOD.replace("a comment", "asks for it (variant vmsa,handled)"))
    assert said.handling is Handling.HANDLED
    assert parse(GOOD).handling is None


def test_features_given_come_before_those_of_the_test() -> None:
    text = (LITMUS / "S1.I2V.LDR+none.litmus").read_text(encoding="utf-8")
    test = parse(text.replace("(* same", "Variant=vmsa,ets2\n(* same"))
    assert simulate(test).result == "FORBIDDEN"
    assert simulate(test, "base").result == "ALLOWED"
