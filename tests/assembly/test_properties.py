"""Whatever an assembly file says, it is lowered in bounded time, and graphs are whole."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from barrierlint.cfg.assembly import Assembled
from tests.assembly.snippets import assembled

WRITTEN = r"""
.globl f ~ f: ~ g: ~ 1: ~ 2: ~ .Lx: ~ bl g ~ b f ~ b 1b ~ b 1f ~ cbz x0, 2f ~ cbnz w1, 1b ~ tbz x1, #3, .Lx
~ b.eq g ~ bne 1f ~ ret ~ ret x9 ~ br x1 ~ blr x2 ~ eret ~ mov x9, x30 ~ mov x30, x9 ~ ldr x1, =g ~ adr x1, 1f
~ ldr x30, =1f ~ sub sp, sp, #16 ~ mov sp, x0 ~ stp x0, x1, [sp, #-16]! ~ ldp x0, x1, [sp], #16
~ str x1, [x0, x2, lsl #3] ~ cmp x0, #3 ~ subs x0, x0, #1 ~ csel x1, x2, x3, lo ~ msr ttbr0_el1, x0 ~ dsb ish
~ isb ~ tlbi vmalle1 ~ ldxr x1, [x0] ~ stxr w1, x2, [x0] ~ svc #0 ~ .macro m a, b=1 ~ m x0 ~ m \a ~ \a ~ .endm
~ .exitm ~ LOCAL_LABEL(x): ~ .if 1 ~ .if x ~ .ifdef f ~ .else ~ .elseif y ~ .endif ~ .rept 3 ~ .irp r, x0, x1
~ mov \r, #1 ~ .endr ~ .set x, 1 ~ .set h, f ~ x = x + 1 ~ .section .a, "ax" ~ .text ~ .pushsection .b
~ .popsection ~ .previous ~ .subsection 1 ~ .pushsection .altinstructions, "a" ~ .word 1b - . ~ .byte 2f - 1b
~ .hword 3 ~ .word 0xd503201f ~ .quad f ~ .align 7 ~ #define A(x) x ~ #define B A( ~ A(isb) ~ B dsb sy) ~ A(
~ ) ~ #if A ~ #else ~ #endif ~ #include "test.S" ~ .type f, %function ~ ENTRY(f) ~ END(f) ~ func f ~ endfunc
~ \ ~ " ~ ' ~ /* ~ */ ~ // ~ ; ~ x .req x5 ~ mov x, #1 ~ nop ; isb ; 1: b 1b ~ frob x0 ~ .frob ~ @ ~ #
~ mov x0, #(1 << ~ ldr x0, [ ~ .rept 100000000 ~ .include "a"
"""
LINES = [*(line.strip() for line in WRITTEN.split("~")), "\0", "\tnop"]

TEXTS = st.lists(st.sampled_from(LINES), max_size=40).map("\n".join)


def check(found: Assembled) -> None:
    for cfg in found.functions:
        assert [block.id for block in cfg.blocks] == list(range(len(cfg.blocks)))
        assert cfg.entry in range(len(cfg.blocks))
        assert not cfg.blocks[cfg.exit].edges
        for block in cfg.blocks:
            assert all(edge.target in range(len(cfg.blocks)) for edge in block.edges)
            assert all(step.span.line >= 1 for step in block.steps)
    assert len({cfg.usr for cfg in found.functions}) == len(found.functions)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS)
def test_files_of_plausible_lines(text: str) -> None:
    check(assembled(text, suffix=".s"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS)
def test_preprocessed_files_of_plausible_lines(text: str) -> None:
    check(assembled(text))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet="abxw01 .:;,#\\()[]\"'/*\n\t=-+@%{}&|<>!", max_size=200))
def test_files_of_any_characters(text: str) -> None:
    check(assembled(f".globl f\nf: isb\n{text}\n ret\n"))


@pytest.mark.parametrize(
    "text",
    [
        ".macro a\n b\n b\n.endm\n.macro b\n a\n a\n.endm\nf: a\n",
        ".rept 1000000\n.rept 1000000\n nop\n.endr\n.endr\n",
        ".macro a n\n.if \\n\n a \\n - 1\n.endif\n.endm\nf: a 1000\n",
        "f:\n" + "b 1f\n1:\n" * 800,
        "f:\n" + "".join(f"l{n}: cbz x0, l{(n * 7) % 1000}\n" for n in range(1000)),
        ".globl f\nf:\n" + "mov x0, x1\nadd x1, x1, x0\n" * 2000,
        ".altmacro\n.macro a x\n LOCAL y\ny: nop\n.endm\na 1\n",
        "f: " + "(" * 5000 + "\n",
        "f: mov x0, #" + "1+" * 5000 + "1\n",
    ],
)
def test_large_and_recursive_files_end(text: str) -> None:
    check(assembled(text))
