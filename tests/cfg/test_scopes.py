"""Destructors and cleanups on every way out of a scope, exceptions, temporaries; and none where nothing is owed."""

from __future__ import annotations

import pytest

from barrierlint.events import Call
from barrierlint.terms import Name
from tests.cfg.snippets import called, events, graph, lines, named, paths, program

GUARD = """
struct G { int *l; G(int *x); ~G(); int get() const; }; void lock() {} void unlock() {}
G::G(int *x) : l(x) { lock(); } G::~G() { unlock(); }
struct H { int *l; H(int *x); ~H(); }; H::H(int *x) : l(x) { lock(); } H::~H() { unlock(); }
struct P { int *l; P(int *x) : l(x) {} int get() const { return *l; } };
void a() {} void b() {} int p();
"""


def flow(body: str, result: str = "void") -> set[str]:
    return paths(graph(GUARD + f"{result} f(int *l, int x) {{ {body} }}", cpp=True))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("G g(l); a();", {"G a ~G ."}),
        ("{ G g(l); a(); } b();", {"G a ~G b ."}),
        ("G g(l); H h(l); a();", {"G H a ~H ~G ."}),
        ("G g(l); if (x) return; a();", {"G ~G .", "G a ~G ."}),
        ("G g(l); { H h(l); if (x) return; } a();", {"G H ~H ~G .", "G H ~H a ~G ."}),
        (
            "while (p()) { G g(l); if (x) break; a(); } b();",
            {"p b .", "p G ~G b .", "p G a ~G p b .", "p G a ~G p G ~G b ."},
        ),
        ("while (p()) { G g(l); if (x) continue; a(); } b();", {"p b .", "p G ~G p b .", "p G a ~G p b ."}),
        ("{ G g(l); if (x) goto out; a(); } out: b();", {"G ~G b .", "G a ~G b ."}),
        ("again: { G g(l); if (p()) goto again; } b();", {"G p ~G b .", "G p ~G G p ~G b ."}),
        ("switch (x) { case 1: { G g(l); break; } default: a(); } b();", {"G ~G b .", "a b ."}),
        ("if (G g(l); x) a(); else b();", {"G a ~G .", "G b ~G ."}),
        ("for (G g(l); p();) a();", {"G p ~G .", "G p a p ~G ."}),
        ("P q(l); a();", {"a ."}),
        ("G(l).get(); a();", {"G get ~G a ."}),
        ("int t = G(l).get() + H(l).l[0]; a();", {"G get H ~H ~G a ."}),
        ("if (G(l).get()) a(); b();", {"G get ~G a b .", "G get ~G b ."}),
        ("const G &r = G(l); a();", {"G a ~G ."}),
        ("G &r = *new G(l); a();", {"operator new G a ."}),
        ("delete new G(l);", {"operator new G ~G operator delete ."}),
        ("[&] { G g(l); }(); a();", {"operator() a ."}),
    ],
)
def test_way_out_runs_what_is_pending(body: str, expected: set[str]) -> None:
    assert flow(body) == expected


def test_return_value_is_computed_before_the_destructor() -> None:
    made = graph(GUARD + "int f(int *l) { G g(l); return *l; }", cpp=True)
    assert lines(made) == ["Call G::G(&g, l)", "%1 := Access read [l]", "%return := %1", "Call G::~G(&g)"]


THROWS = GUARD + "struct E {}; void t(int x) { if (x) throw E(); } void n(int x) { a(); } void u(int x); "


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("throw 1;", {"^"}),
        ("G g(l); throw 1;", {"G ~G ^"}),
        ("t(x); a();", {"t a .", "t ^"}),
        ("G g(l); t(x); a();", {"G t a ~G .", "G t ~G ^"}),
        ("G g(l); n(x); a();", {"G n a ~G ."}),
        ("u(x); a();", {"u a ."}),
        ("G g(l); u(x); a();", {"G u a ~G ."}),
        ("try { u(x); } catch (...) { b(); } a();", {"u a .", "u b a ."}),
        ("try { n(x); } catch (...) { b(); } a();", {"n a ."}),
        ("try { t(x); } catch (E &) { b(); } a();", {"t a .", "t b a .", "t ^"}),
        ("try { t(x); } catch (...) { b(); } a();", {"t a .", "t b a ."}),
        ("try { G g(l); t(x); } catch (...) { b(); }", {"G t ~G .", "G t ~G b ."}),
        ("G g(l); try { H h(l); t(x); } catch (E &) { return; } a();",
            {"G H t ~H a ~G .", "G H t ~H ~G .", "G H t ~H ~G ^"}),
        ("try { throw 1; } catch (...) { throw; }", {"^"}),
        ("try { try { t(x); } catch (int) { a(); } } catch (...) { b(); }", {"t .", "t a .", "t b ."}),
    ],
)  # fmt: skip
def test_exceptions_reach_handlers_through_destructors(body: str, expected: set[str]) -> None:
    assert paths(graph(THROWS + f"void f(int *l, int x) {{ {body} }}", cpp=True)) == expected


def test_unwind_block_is_there_only_where_something_throws() -> None:
    lowered = program(THROWS + "void f(int x) { t(x); } void g(int x) { n(x); u(x); }", cpp=True)
    assert named(lowered, "f").unwind >= 0
    assert named(lowered, "g").unwind == -1


def test_members_and_bases_die_after_the_body_in_reverse_order() -> None:
    code = (
        GUARD + "struct B { ~B(); }; B::~B() { a(); } struct S : B { G one; H two; G three; ~S(); }; S::~S() { b(); }"
    )
    made = graph(code, "S::~S", cpp=True)
    assert lines(made) == [
        "Call b()",
        "Call G::~G(&%this->three)",
        "Call H::~H(&%this->two)",
        "Call G::~G(&%this->one)",
        "Call B::~B(%this)",
    ]


def test_members_are_constructed_in_place() -> None:
    code = (
        GUARD + "struct S { G one; int k; S(int *l, int n) : one(l), k(n + 1) { a(); } }; void f(int *l) { S s(l, 2); }"
    )
    lowered = program(code, cpp=True)
    assert lines(named(lowered, "S::S")) == [
        "Call G::G(&%this->one, l)",
        "Access write [&%this->k] := (n + 1)",
        "Call a()",
    ]


def test_virtual_destructor_may_be_any_overrider() -> None:
    code = (
        GUARD
        + "struct A { virtual ~A() { a(); } }; struct B : A { ~B() override { b(); } }; void f(A *o) { delete o; B x; }"
    )
    made = graph(code, cpp=True)
    calls = [event for event in events(made, Call) if isinstance(event, Call) and "~" in event.qualified]
    assert [(call.why, len(call.targets)) for call in calls] == [("virtual", 2), ("direct", 1)]


def test_cleanup_attribute_runs_with_the_address() -> None:
    code = "void drop(int **q) { **q = 0; } void a(void); void f(int *l, int x) "
    body = "{ __attribute__((cleanup(drop))) int *g = l; if (x) return; a(); }"
    made = graph(code + body)
    assert paths(made) == {"drop .", "a drop ."}
    assert "Call drop(&g)" in lines(made)
    assert paths(graph(code + body.replace("__attribute__((cleanup(drop)))", ""))) == {".", "a ."}


def test_unknown_function_throws_only_where_a_try_would_notice() -> None:
    code = THROWS + "void w(int *l) { G g(l); u(1); a(); } void f(int *l) { try { w(l); } catch (...) { b(); } }"
    lowered = program(code, cpp=True)
    assert paths(named(lowered, "w")) == {"G u a ~G .", "G u ~G ^"}
    assert paths(named(lowered, "f")) == {"w .", "w b ."}
    alone = program(code.replace("try {", "{").replace("catch (...) { b(); }", ""), cpp=True)
    assert paths(named(alone, "w")) == {"G u a ~G ."}


def test_throw_edges_tell_how_a_call_is_left() -> None:
    made = graph(THROWS + "void f(int *l) { G g(l); try { t(1); } catch (...) { a(); throw 1; } }", cpp=True)
    found = {(called(block.steps[-1]), edge.reason) for block in made.blocks if block.steps for edge in block.edges}
    assert found == {("G", ""), ("t", ""), ("t", "throw"), ("a", ""), ("~G", ""), ("~G", "unwind")}


@pytest.mark.parametrize(
    ("body", "kept", "early"),
    [
        ("(x ? G(l).get() : 0) + p();", {"G get p ~G .", "p ."}, "G get ~G p ."),
        ("(x ? 0 : G(l).get()) + p();", {"G get p ~G .", "p ."}, "G get ~G p ."),
        ("x ? (void)G(l).get() : b(), a();", {"G get a ~G .", "b a ."}, "G get ~G a ."),
        ("(x ? (*l ? G(l).get() : 0) : H(l).l[0]) + p();", {"G get p ~G .", "H p ~H .", "p ."}, "G get ~G p ."),
    ],
)
def test_temporaries_of_an_arm_die_with_the_full_expression(body: str, kept: set[str], early: str) -> None:
    found = flow(body)
    assert kept <= found
    assert early not in found


def test_a_flag_tells_which_arm_made_the_temporary() -> None:
    made = graph(GUARD + "void f(int *l, int x) { (x ? G(l).get() : 0) + p(); }", cpp=True)
    told = [line for line in lines(made) if line in ("%2 := 1", "%2 := 0", "%3 := 1", "%3 := 0")]
    assert len(told) == 2
    flag = told[0].split()[0]
    guards = [guard for block in made.blocks for edge in block.edges for guard in edge.guards]
    assert {guard.holds for guard in guards if guard.condition == Name(flag)} == {True, False}
