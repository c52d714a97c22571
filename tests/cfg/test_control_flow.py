"""Each statement's paths, with the paths that cannot be."""

from __future__ import annotations

import pytest

from barrierlint import cfg
from barrierlint.cfg.dot import describe_edge
from barrierlint.finding import Span
from barrierlint.models import Models
from barrierlint.source.tree import CallExpression, Compound, Evaluate, Function, Statement, TranslationUnit, Type
from tests.cfg.snippets import graph, lines, paths, program

CALLS = "void a(void); void b(void); void c(void); void d(void); int p(void); int q(void); "


def flow(body: str, params: str = "int x, int y") -> set[str]:
    return paths(graph(CALLS + f"void f({params}) {{ {body} }}"))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("if (x) a(); else b(); c();", {"a c .", "b c ."}),
        ("if (x) a(); c();", {"a c .", "c ."}),
        ("if (x) return; a();", {".", "a ."}),
        ("if (x && y) a(); b();", {"a b .", "b ."}),
        ("if (p() && q()) a(); b();", {"p b .", "p q b .", "p q a b ."}),
        ("if (p() || q()) a(); b();", {"p a b .", "p q a b .", "p q b ."}),
        ("if (!(p() || q())) a(); b();", {"p b .", "p q b .", "p q a b ."}),
        ("if (1) a(); else b();", {"a ."}),
        ("if (0) a(); else b();", {"b ."}),
        ("if (0 && p()) a(); b();", {"b ."}),
        ("do { a(); if (x) break; b(); } while (0); c();", {"a c .", "a b c ."}),
        ("do { a(); if (x) continue; b(); } while (0); c();", {"a c .", "a b c ."}),
        ("while (x) { a(); } b();", {"b .", "a b ."}),
        ("for (a(); p(); b()) c(); d();", {"a p d .", "a p c b p d ."}),
        ("for (;;) { if (p()) break; if (q()) continue; a(); } b();", {"p b .", "p q p b .", "p q a p b ."}),
        ("while (1) a();", {"a a ~"}),
        ("x ? a() : b();", {"a .", "b ."}),
        ("(a(), b());", {"a b ."}),
        ("if (x) goto out; a(); out: b();", {"b .", "a b ."}),
        ("again: a(); if (p()) goto again; b();", {"a p b .", "a p a p b ."}),
        ("{ goto in; a(); in: b(); }", {"b ."}),
        ("static void *t[] = { &&l, &&m }; goto *t[x]; l: a(); return; m: b(); return; n: c();", {"a .", "b ."}),
        ("a(); __builtin_unreachable(); b();", {"a !"}),
        ("if (x) __builtin_trap(); a();", {"!", "a ."}),
        ("switch (x) { case 1: a(); case 2: b(); break; default: c(); } d();", {"a b d .", "b d .", "c d ."}),
        ("switch (x) { case 1: a(); } d();", {"a d .", "d ."}),
        ("switch (2) { case 1: a(); break; case 2: b(); break; default: c(); }", {"b ."}),
        ("switch (7) { case 1: a(); break; case 5 ... 9: b(); break; default: c(); }", {"b ."}),
        ("switch (x) { case 1: if (y) break; a(); break; case 2: while (y) { break; } b(); }", {".", "a .", "b ."}),
        ("switch (x) case 3: a();", {".", "a ."}),
    ],
)
def test_statement(body: str, expected: set[str]) -> None:
    assert flow(body) == expected


def test_noreturn_call_has_no_successor_and_its_twin_has() -> None:
    code = "void stop(void) %s; void b(void); void f(int x) { if (x) stop(); b(); }"
    assert paths(graph(code % "__attribute__((noreturn))")) == {"stop !", "b ."}
    assert paths(graph(code % "")) == {"stop b .", "b ."}


def test_statement_expression_runs_in_order_and_gives_its_value() -> None:
    made = graph(CALLS + "int f(int x) { return ({ a(); int t = x + 1; b(); t; }); }")
    assert paths(made) == {"a b ."}
    assert lines(made)[-2:] == ["Call b()", "%return := t"]


def test_conditional_value_with_effects_is_bound_on_each_side() -> None:
    assert flow("int t = x ? p() : q(); a();") == {"p a .", "q a ."}
    assert flow("int t = p() ?: q(); a();") == {"p a .", "p q a ."}


def test_logical_value_is_a_term_only_without_effects() -> None:
    assert flow("int t = x && y; a();") == {"a ."}
    assert flow("int t = x && p(); a();") == {"a .", "p a ."}


def test_switch_guards_and_default_are_terms_over_the_value() -> None:
    made = graph(
        CALLS + "void f(int x) { switch (x) { case -3 ... 4: a(); break; case 9: b(); break; default: c(); } }"
    )
    assert [describe_edge(edge) for edge in made.blocks[0].edges] == [
        "case: (x >=s 0xfffffffffffffffd) && (x <=s 4)",
        "case: (x == 9)",
        "default: !((x >=s 0xfffffffffffffffd) && (x <=s 4)) && !(x == 9)",
    ]


def test_guards_are_normalised_so_that_the_same_test_reads_the_same() -> None:
    made = graph("void a(void); void f(int x) { if (x) a(); if (!x) a(); if (x == 0) a(); if (x != 0) a(); }")
    guards = {(guard.condition, guard.holds) for block in made.blocks for edge in block.edges for guard in edge.guards}
    assert len({condition for condition, _ in guards}) == 1
    assert {holds for _, holds in guards} == {True, False}


def test_expect_and_boolean_casts_do_not_hide_a_condition() -> None:
    made = graph("void a(void); void f(u64 *x) { if (__builtin_expect(!!(x), 0)) a(); if (x) a(); }")
    conditions = {guard.condition for block in made.blocks for edge in block.edges for guard in edge.guards}
    assert len(conditions) == 1


def test_case_label_inside_a_nested_block_is_reached() -> None:
    assert flow("switch (x) { case 0: do { a(); case 1: b(); } while (0); }") == {".", "a b .", "b ."}


def test_asm_goto_leads_to_its_labels_and_on() -> None:
    assert flow('asm goto("nop" :::: out); a(); out: b();') == {"a b .", "b ."}


def test_range_for_over_an_array_counts_and_over_others_is_any_number() -> None:
    code = "void a(int); void f() { int t[3]; for (int &e : t) a(e); }"
    made = graph(code, cpp=True)
    assert paths(made) == {".", "a ."}
    assert [describe_edge(edge) for edge in made.blocks[1].edges] == ["true: (%1 < 3)", "false: !(%1 < 3)"]
    other = "struct R { int *begin(); int *end(); }; " + code.replace("int t[3]", "R t")
    unguarded = [edge for block in graph(other, cpp=True).blocks if len(block.edges) == 2 for edge in block.edges]
    assert [edge.guards for edge in unguarded] == [(), ()]


def test_ten_thousand_nested_blocks_do_not_end_the_run() -> None:
    span, void = Span("deep.c", 1), Type("void", "void", "void")
    body: Statement = Evaluate(span, CallExpression(span, void, "", "a", ()))
    for _ in range(10_000):
        body = Compound(span, (body,))
    unit = TranslationUnit("deep.c", (Function("f", "f", "f", (), void, body, span),), ("f",))
    lowered = cfg.lower([unit], Models())
    assert paths(lowered.functions["f"]) == {"a ."}
    assert not lowered.notifications


def test_other_architecture_is_not_lowered_and_says_so() -> None:
    lowered = program("void f(int *x) { *x = 1; }", target="x86_64-linux-gnu")
    assert not lowered.functions
    notes = [note for note in lowered.notifications if note.kind == "other-architecture"]
    assert len(notes) == 1
    assert not notes[0].lost
    assert "x86_64: nothing to report" in notes[0].message
    assert program("void f(int *x) { *x = 1; }").functions
