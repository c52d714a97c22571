"""Whatever the text, the decoder answers, and a barrier comes only from an instruction that is one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barrierlint.cfg.asm import Operand, decode, decode_lines
from barrierlint.cfg.asm_expression import evaluate
from barrierlint.cfg.asm_word import decode_word
from barrierlint.events import ContextSync, Dmb, Dsb, Tlbi, UnknownInstruction, mnemonic
from barrierlint.terms import Name

TEXT = """
dsb dmb isb ish sy tlbi vae1is x0 w1 x30 sp xzr , ; : # [ ] { | } ( ) ! % %0 %w1 %[a] \\ @ // /* */ . .if .else .endif
.macro m .endm .irp .rept .endr .pushsection .popsection .previous 1 1: 1b 1f b cbz b.ne 0xd5033f9f .inst .word = ldr
stp cas ldadd movk lsl #3 "
"""
WORDS = [*TEXT.split(), "\n"]

barriers = st.sampled_from(["dsb ish", "dsb ishst", "isb", "dmb sy", "tlbi vmalle1is", "dsb #10", "DSB SY", "sb"])


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_never_raises_on_any_text(text: str) -> None:
    decode(text)
    decode_lines(text, [Name("a")])


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=25), st.booleans())
def test_never_raises_on_assembler_like_text(words: list[str], blanks: bool) -> None:
    text = (" " if blanks else "").join(words)
    operand = Operand(value=Name("v"), into="out", constraint="+r")
    decoded = decode(text, {0: operand, "a": operand, 1: Operand(address=Name("p"), constraint="m")})
    for event in decoded.events:
        if isinstance(event, Dsb | Dmb | ContextSync | Tlbi):
            assert re.search(r"dsb|dmb|isb|tlbi|\.inst|\.word|0xd5033f9f", text)


@settings(max_examples=200, deadline=None)
@given(st.lists(barriers, max_size=8), st.sampled_from([";", "\n", " ; nop\n\t", "//x\n"]))
def test_sequences_decode_to_the_sum_of_their_parts(parts: list[str], separator: str) -> None:
    whole = [mnemonic(event) for event in decode(separator.join(parts)).events]
    assert whole == [mnemonic(event) for part in parts for event in decode(part).events]


@settings(max_examples=300, deadline=None)
@given(st.from_regex(r"[a-z]{2,7}[0-9]?( [xw][0-9](, (x1|#4|\[x2\])){0,2})?", fullmatch=True))
def test_an_instruction_is_known_or_reported(text: str) -> None:
    decoded = decode(text)
    unknown = [event for event in decoded.events if isinstance(event, UnknownInstruction)]
    if unknown:
        assert len(decoded.events) == 1
        assert unknown[0].text == text


@settings(max_examples=300, deadline=None)
@given(st.integers(0, (1 << 32) - 1))
def test_words_decode_like_their_text(word: int) -> None:
    found = decode_word(word)
    events = [mnemonic(event) for event in decode(f".inst {word:#x}").events]
    if found is None:
        assert events == [f"UnknownInstruction .inst {word:#x}"]
    else:
        text = f"{found.mnemonic} {', '.join(found.operands)}"
        wanted = [mnemonic(event) for event in decode(text).events]
        assert [e.split()[0] for e in events] == [e.split()[0] for e in wanted]


@settings(max_examples=200, deadline=None)
@given(st.integers(-99, 99), st.integers(1, 99), st.sampled_from(["+", "-", "*", "|", "&", "^", "<<", "==", "<", ">="]))
def test_expressions(a: int, b: int, op: str) -> None:
    b = b % 30 if op == "<<" else b
    assert evaluate(f"({a}) {op} {b}") == int(eval(f"{a} {op} {b}" if a >= 0 else f"({a}) {op} {b}"))
    assert evaluate(f"#{b}") == b


def test_deep_and_long_texts() -> None:
    assert decode("(" * 5000).events != ()
    assert evaluate("-" * 3000 + "1") is None
    assert len(decode("dsb ish\n" * 5000).events) == 5000
    assert len(decode("cbz x0, 1f\n1: isb\n" * 300).events) == 300


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 << 16 - 1", 0xFFFF),  # C: 1 << 15
        ("0xff & 1 << 4 - 1", 15),  # C: 8
        ("1 | 2 == 3", 1),  # C: 1 | 0
        ("4 + 1 | 2", 7),
        ("2 * 3 << 1", 12),
        ("1 == 2 || 3 > 2 && 1", 1),
    ],
)
def test_operators_bind_as_the_assembler_has_it(text: str, value: int) -> None:
    assert evaluate(text) == value
