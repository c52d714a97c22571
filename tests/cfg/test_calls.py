"""Who a call reaches, what takes its place, which functions are roots, and how graphs are shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from barrierlint.cfg import dot, listing
from barrierlint.events import (
    Access,
    Call,
    ContextSync,
    DescriptorWrite,
    Drain,
    Dsb,
    Event,
    Kind,
    Order,
    Tlbi,
    Transition,
)
from barrierlint.models import Models, load
from barrierlint.terms import show
from tests.cfg.snippets import events, graph, lines, named, paths, program, shown


def calls(made: object) -> list[tuple[str, int]]:
    return [(e.why, len(e.targets)) for e in events(made, Call) if isinstance(e, Call)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("g(1);", [("direct", 1)]),
        ("e(1);", [("direct", 0)]),
        ("fn h = g; h(1);", [("pointer", 1)]),
        ("(x ? g : k)(1);", [("pointer", 2)]),
        ("table.set(1);", [("direct", 1)]),
        ("pointed->set(1);", [("direct", 1)]),
        ("rows[x].set(1);", [("pointer", 2)]),
        ("table.get(1);", [("unknown", 0)]),
        ("loose.set(1);", [("pointer", 3)]),
        ("elsewhere.set(1);", [("pointer", 3)]),
        ("outside.set(1);", [("direct", 0)]),
        ("array[x](1);", [("pointer", 2)]),
        ("given(1);", [("unknown", 0)]),
        ("apply(k);", [("direct", 1)]),
    ],
)
def test_targets(body: str, expected: list[tuple[str, int]]) -> None:
    code = """
    typedef void (*fn)(int); void e(int); static void g(int i) {} static void k(int i) {} static void m(int i) {}
    struct ops { fn set; fn get; };
    static const struct ops table = { .set = g }; static const struct ops other = { .set = k };
    static struct ops loose = { .set = m }; static const struct ops *const pointed = &table;
    static const struct ops rows[] = { { .set = g }, { .set = k } }; extern const struct ops elsewhere;
    static const struct ops outside = { .set = e };
    static fn array[] = { g, k }; static void apply(fn a) { a(1); }
    """
    assert calls(graph(code + f"void f(int x, fn given) {{ {body} }}")) == expected


def test_parameter_that_holds_known_functions_is_resolved() -> None:
    code = (
        "typedef void (*fn)(int); static void k(int i) {} static void apply(fn a) { a(1); } void f(void) { apply(k); }"
    )
    assert calls(graph(code, "apply")) == [("pointer", 1)]
    assert calls(graph(code.replace("apply(k)", "apply(0)"), "apply")) == [("unknown", 0)]


@pytest.mark.parametrize(
    ("body", "fetched"),
    [
        ("((fn)va)(1);", "va"),
        ("(*(fn)va)(1);", "va"),
        ("fn h = (fn)va; h(1);", "h"),
        ("fn h = data; h(1);", "h"),
        ("given(1);", ""),
        ("(*slots)(1);", ""),
        ("slots[1](1);", ""),
        ("((other)given)(1, 2);", ""),
        ("fn h = 0; h(1);", ""),
        ("fn h = (fn)(u64)k; h(1);", ""),
    ],
)
def test_a_call_through_a_computed_address_fetches(body: str, fetched: str) -> None:
    code = "typedef void (*fn)(int); typedef void (*other)(int, int); static void k(int i) {}"
    made = graph(f"{code} void f(u64 va, void *data, fn given, fn *slots) {{ {body} }}")
    found = [e for e in events(made, Access) if isinstance(e, Access) and e.kind is Kind.FETCH]
    assert [show(e.address) for e in found] == [fetched] * bool(fetched)
    assert len(events(made, Call)) == 1


def test_a_jump_in_asm_through_a_register_fetches() -> None:
    made = graph('void f(u64 va) { asm volatile("blr %0" : : "r"(va) : "memory"); }')
    assert next(shown(step) for step in made.steps()) == "Access fetch [va]"


def test_calls_tell_the_types_of_their_arguments() -> None:
    code = """
    struct S { int v; void m(u64, const char *); ~S(); }; void e(u64, void *, const u8 (&)[4]); struct T { T(int *); };
    static void known(S *, u64) {}
    void f(S s, S *p, u64 n, u8 (&a)[4], int *i) { e(n, p, a); s.m(n, "x"); p->m(1, "y"); known(p, n); T t(i); }
    """
    made = graph(code, cpp=True)
    calls = [e for e in events(made, Call) if isinstance(e, Call)]
    assert all(len(e.types) == len(e.args) for e in calls)
    assert [e.types for e in calls] == [
        ("unsigned long", "S *", "unsigned char *"),
        ("S *", "unsigned long", "char *"),
        ("S *", "unsigned long", "char *"),
        ("S *", "unsigned long"),
        ("T *", "int *"),
    ]


def test_virtual_call_reaches_all_overriders_and_a_qualified_one_does_not() -> None:
    code = """
    struct A { virtual void go(int *p) { *p = 1; } }; struct B : A { void go(int *p) override { *p = 2; } };
    struct C : B { void go(int *p) override { *p = 3; } };
    void f(A *a, B *b, int *p) { a->go(p); b->go(p); b->B::go(p); C c; c.go(p); }
    """
    assert [count for _, count in calls(graph(code, cpp=True))] == [3, 2, 1, 1]


def test_a_call_ends_its_block() -> None:
    made = graph("void a(void); void f(int *p) { *p = 1; a(); *p = 2; a(); }")
    for block in made.blocks:
        assert not any(isinstance(step.event, Call) for step in block.steps[:-1])


def test_arguments_are_evaluated_before_the_call_in_order() -> None:
    made = graph("int p(void); int q(void); void g(int, int, int); void f(int *m) { g(p(), *m, q()); }")
    assert lines(made) == ["%1 := Call p()", "%2 := Access read [m]", "%3 := Call q()", "Call g(%1, %2, %3)"]


def test_record_argument_is_passed_as_the_address_of_a_copy() -> None:
    made = graph("struct T { u64 a, b; }; void g(struct T); void f(struct T *t) { g(*t); }")
    assert lines(made)[-1] == "Call g(&%tmp1)"
    assert lines(made)[1] == "Access write [&%tmp1.a] := %1"


def test_intrinsics_take_the_place_of_calls() -> None:
    made = graph(
        "void f(u64 *p, u64 *q) { __atomic_thread_fence(5); __atomic_store_n(p, 1, 3); *q = __atomic_load_n(p, 2); }"
    )
    assert not events(made, Call)
    assert [e.order for e in events(made, Access) if isinstance(e, Access)] == [
        Order.RELEASE,
        Order.ACQUIRE,
        Order.PLAIN,
    ]


def test_asm_operands_are_evaluated_and_bound() -> None:
    code = 'u64 f(u64 va, u64 *p) { u64 r; asm volatile("mrs %0, ttbr0_el1" : "=r"(r)); '
    code += 'asm volatile("dsb ishst\\n tlbi vae1is, %0" :: "r"(va >> 12) : "memory"); '
    code += 'asm("str %1, %0" : "=m"(*p) : "r"(r)); return r; }'
    made = graph(code)
    assert isinstance(events(made, Tlbi)[0], Tlbi)
    assert dot.describe_event(events(made, Tlbi)[0]) == "Tlbi vae1is (va >> 0xc)"
    stores = [e for e in events(made, Access) if isinstance(e, Access)]
    assert len(stores) == 1
    assert dot.describe_event(stores[0]).startswith("Access write [p] := ")


MODEL = """
name: test
description: a test
descriptors:
  - type: entry
functions:
  - match: ns::slot::write
    writes: {location: this->p, value: arg0.x, transition: make}
  - match: ns::slot::swap
    writes: {location: this->p, value: arg0.x, op: exchange, order: seq_cst}
  - match: flush
    does: dsb ish; tlbi vae1is, arg0; dsb ish; isb
  - match: rest
    drain: all done
  - match: halt
    noreturn: true
"""
CLASSES = """
struct entry { u64 x; }; namespace ns { struct slot { entry *p; void write(entry e); entry swap(entry e); }; }
void flush(u64); void rest(); void halt(); void after();
"""


@pytest.fixture
def models(tmp_path: Path) -> Models:
    path = tmp_path / "test.yaml"
    path.write_text(MODEL)
    return load([str(path)])


def test_model_writes_replace_the_call(models: Models) -> None:
    made = graph(CLASSES + "u64 f(ns::slot s, entry e) { s.write(e); return s.swap(e).x; }", cpp=True, models=models)
    assert not events(made, Call)
    first, second = (e for e in events(made, DescriptorWrite) if isinstance(e, DescriptorWrite))
    assert (first.transition, first.op, first.into) == (Transition.MAKE, "", None)
    assert (second.op, second.order) == ("swap", Order.SEQ_CST)
    assert lines(made)[-1] == f"%return := {second.into}"
    assert {step.note for step in made.steps() if step.event in (first, second)} == {"from the model test"}
    assert "model test" in first.evidence[0]
    assert calls(graph(CLASSES + "void f(ns::slot s, entry e) { s.write(e); }", cpp=True)) == [("direct", 0)]


def test_model_instructions_and_drains_replace_the_call(models: Models) -> None:
    made = graph(CLASSES + "void f(u64 a) { flush(a); rest(); }", cpp=True, models=models)
    kinds: list[type[Event]] = [Dsb, Tlbi, Dsb, ContextSync, Drain]
    assert [type(step.event) for step in made.steps()] == kinds
    assert dot.describe_event(events(made, Tlbi)[0]) == "Tlbi vae1is a"


def test_model_says_noreturn_and_which_types_are_descriptors(models: Models) -> None:
    code = CLASSES + "void f(int x, entry *p, entry e) { if (x) halt(); *p = e; after(); }"
    assert paths(graph(code, cpp=True, models=models)) == {"halt !", "after ."}
    found = events(graph(code, cpp=True, models=models), DescriptorWrite)
    assert len(found) == 1
    assert isinstance(found[0], DescriptorWrite)
    assert found[0].evidence[0].startswith("declared in the model test")
    assert not events(graph(code, cpp=True), DescriptorWrite)


def test_roots_are_functions_nobody_calls_in_source_order() -> None:
    code = "void a(void) {} void z(void) { a(); } void y(int n) { if (n) y(n - 1); } "
    code += "void p(int); void q(int n) { p(n); } void p(int n) { q(n); }"
    lowered = program(code)
    assert [lowered.functions[usr].name for usr in lowered.roots] == ["z", "y", "q"]


def test_functions_whose_calls_a_model_replaces_are_no_roots(models: Models) -> None:
    code = CLASSES + "static void raw(entry *p, entry e) { *p = e; } void ns::slot::write(entry e) { raw(p, e); }"
    used = code + "void f(ns::slot s, entry e) { s.write(e); }"
    lowered = program(used, cpp=True, models=models)
    assert [lowered.functions[usr].name for usr in lowered.roots] == ["f"]
    assert program(code, cpp=True, models=models).roots == ()
    lowered = program(code, cpp=True)
    assert [lowered.functions[usr].name for usr in lowered.roots] == ["write"]


def test_instructions_of_a_model_stand_in_only_for_bodies_not_seen(models: Models) -> None:
    code = CLASSES + 'void flush(u64 a) { asm volatile("dsb ish"); } void f(u64 a) { flush(a); rest(); }'
    lowered = program(code, cpp=True, models=models)
    assert [type(step.event) for step in named(lowered, "f").steps()] == [Call, Drain]
    assert [lowered.functions[usr].name for usr in lowered.roots] == ["f"]


def test_a_call_through_a_value_tells_it() -> None:
    code = "struct S { void (*set)(int); }; void e(int); void f(struct S *s, void (*given)(int)) { "
    made = [e for e in events(graph(code + "given(1); s->set(1); e(1); }"), Call) if isinstance(e, Call)]
    assert [show(e.pointer) if e.pointer else "" for e in made] == ["given", "%1", ""]


def test_parameters_and_ends_are_told() -> None:
    lowered = program(
        "struct S { int v; int get(int k) { return v + k; } static int one(int k) { return k; }\n}; "
        "int f(S *s)\n{\n return s->get(S::one(2));\n}",
        cpp=True,
    )
    method, static, free = (named(lowered, name) for name in ("S::get", "S::one", "f"))
    assert method.params[0] == "%this"
    assert (len(method.params), len(static.params), len(free.params)) == (2, 1, 1)
    assert len(method.params) == len(method.param_types)
    assert (free.place.line, free.end.line, free.end.column) == (2, 5, 1)


def test_dot_is_escaped_and_complete() -> None:
    made = graph('void g(const char *); void f(int x) { if (x < 3) g("a\\"b\\\\n"); }')
    text = dot.render(made)
    assert text.startswith('digraph "f" {')
    assert text.count(" -> ") == sum(len(block.edges) for block in made.blocks)
    for line in text.splitlines():
        assert line.replace("\\\\", "").replace('\\"', "").count('"') % 2 == 0
    assert "true: (x <s 3)" in text
    assert "B0 entry" in text


def test_listing_shows_steps_edges_and_notes() -> None:
    text = listing.render(graph("void g(u64 *); void f(u64 x)\n{\n g(&x);\n}"))
    assert text.splitlines()[1:] == [
        "  B0 entry",
        "    1: Access write [&x] := x  ; parameter",
        "    3: Call g(&x)",
        "    -> B1",
        "  B1 exit",
    ]
