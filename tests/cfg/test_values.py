"""What is read, written and returned: terms, widths, bit-fields, records as values, pointers, lambdas, descriptors."""

from __future__ import annotations

import pytest

from barrierlint.events import Access, Call, DescriptorWrite, Kind, Order
from tests.cfg.snippets import events, graph, lines, named, program, result


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("x + 0", "x"),
        ("(x | 1) & ~0ul", "(x | 1)"),
        ("(u8)x", "zext 8 x"),
        ("(int)x", "sext 32 x"),
        ("(u8)(x & 0x7f)", "(x & 0x7f)"),
        ("(u64)(u32)i", "zext 32 i"),
        ("i < 3", "(i <s 3)"),
        ("x < 3", "(x < 3)"),
        ("i < n", "(zext 32 i < n)"),
        ("i >> 2", "(i >>s 2)"),
        ("n >> 2", "(n >> 2)"),
        ("~n", "zext 32 ~n"),
        ("~x", "~x"),
        ("-1", "0xffffffffffffffff"),
        ("x / 4", "(x / 4)"),
        ("(u64)(i / 4)", "((i <s 0) ? -(-i / 4) : (i / 4))"),
        ("x && n", "((x != 0) && (n != 0))"),
        ("!x", "!x"),
        ("!(x < 3)", "(x >= 3)"),
        ("x ? n : 3", "(x ? n : 3)"),
        ("(_Bool)x", "(x != 0)"),
        ("sizeof(pte_t)", "8"),
        ("(u64)p", "p"),
        ("(u64)&p[2]", "&p[2]"),
        ("(u64)(p + n)", "&p[n]"),
        ("(u64)(p - n)", "&p[-n]"),
        ("(u64)((char *)p + 5)", "(p + 5)"),
        ("(u64)(p + 1 + 2)", "&p[3]"),
        ("(u64)&s->b", "&s->b"),
        ("(u64)&((struct S *)p)->c[1]", "&&p->c[1]"),
        ("((pte_t){x | 3}).pte", "(x | 3)"),
        ("x << 70 >> 3", "((x << 0x46) >> 3)"),
    ],
)
def test_expression(expression: str, expected: str) -> None:
    code = "struct S { int a; int b; int c[4]; }; "
    made = graph(code + f"u64 f(u64 x, int i, u32 n, u64 *p, struct S *s) {{ return {expression}; }}")
    assert result(made) == expected
    assert not events(made, Access)


def test_increment_binds_old_or_new_value() -> None:
    assert lines(graph("int f(int x) { return x++; }")) == ["%1 := x", "x := (x + 1)", "%return := %1"]
    assert lines(graph("int f(int x) { return ++x; }")) == ["x := (x + 1)", "%return := x"]
    assert lines(graph("void f(int *x) { (*x)++; }")) == ["%1 := Access read [x]", "Access write [x] := (%1 + 1)"]
    assert lines(graph("void f(u64 *x) { x++; }")) == ["x := &x[1]"]


def test_every_access_is_a_step_in_order() -> None:
    made = graph("struct S { struct S *n; u64 v; }; void f(struct S *s, u64 *a) { s->n->v = a[1] + *a; }")
    assert lines(made) == [
        "%1 := Access read [&a[1]]",
        "%2 := Access read [a]",
        "%3 := Access read [&s->n]",
        "Access write [&%3->v] := (%1 + %2)",
    ]


def test_address_taken_local_lives_in_memory_and_its_twin_does_not() -> None:
    code = "void g(u64 *); u64 f(u64 x) { u64 t = x; %s; return t; }"
    assert "Access write [&t] := x" in lines(graph(code % "g(&t)"))
    assert lines(graph(code % "")) == ["t := x", "%return := t"]


def test_parameter_in_memory_is_stored_on_entry() -> None:
    made = graph("void g(u64 *); void f(u64 x) { g(&x); }")
    assert lines(made)[:2] == ["Access write [&x] := x", "Call g(&x)"]
    assert next(made.steps()).note == "parameter"


def test_access_order_follows_volatile_and_atomic() -> None:
    code = (
        "void f(volatile u64 *v, u64 *p, _Atomic u64 *a) { *v = 1; *(volatile u64 *)p = 2; *p = 3; *a = 4; *a |= 8; }"
    )
    found = [event for event in events(graph(code), Access) if isinstance(event, Access)]
    assert [(one.kind, one.order, one.op) for one in found] == [
        (Kind.WRITE, Order.VOLATILE, ""),
        (Kind.WRITE, Order.VOLATILE, ""),
        (Kind.WRITE, Order.PLAIN, ""),
        (Kind.WRITE, Order.SEQ_CST, ""),
        (Kind.RMW, Order.SEQ_CST, "or"),
    ]


# --- records -----------------------------------------------------------------------------------------------------

BITS = """
union D { u64 raw; struct { u64 valid:1, table:1, attr:3; u64 addr:40; long top:4; } b; };
struct W { u32 lo:4, hi:4; };
"""


def test_bit_fields_of_a_value_are_shifts_and_masks() -> None:
    assert result(graph(BITS + "u64 f(union D d) { return d.b.attr; }")) == "((d >> 2) & 7)"
    assert result(graph(BITS + "long f(union D d) { return d.b.top; }")) == "sext 4 (d >> 0x2d)"
    assert result(graph(BITS + "u64 f(union D d) { return d.raw; }")) == "d"


def test_bit_field_writes_keep_the_other_bits_and_fold() -> None:
    code = BITS + "u64 f(void) { union D d = { .raw = 0x10 }; d.b.valid = 1; d.b.attr = 5; return d.raw; }"
    assert lines(graph(code))[-1] == "%return := d"
    made = graph(BITS + "void f(union D *d) { d->b.valid = 0; }")
    assert lines(made) == ["%1 := Access read [d]", "Access write [d] := (%1 & 0xfffffffffffffffe)"]
    assert [step.note for step in made.steps()] == ["", "bit-field"]


def test_bit_fields_in_braces_make_one_word() -> None:
    assert result(graph(BITS + "struct W f(void) { return (struct W){ .lo = 3, .hi = 2 }; }")) == "0x23"


@pytest.mark.parametrize(
    "wrapped", ["struct T { pte_t p; }", "struct T { pte_t p[1]; }", "union T { pte_t p; u8 c[8]; }"]
)
def test_transparent_record_keeps_its_value(wrapped: str) -> None:
    member = "p[0]" if "[1]" in wrapped else "p"
    code = f"{wrapped}; u64 f(union_T t) {{ union_T c = t; return c.{member}.pte; }}"
    code = code.replace("union_T", wrapped.split(" {")[0])
    made = graph(code)
    assert not events(made, Access)
    assert result(made) == "c"


def test_array_member_that_decays_puts_the_record_in_memory() -> None:
    code = (
        "union T { pte_t p; u8 c[8]; }; void g(u8 *); u64 f(void) { union T t = { .p = { 5 } }; %s; return t.p.pte; }"
    )
    assert lines(graph(code % "g(t.c)")) == [
        "Access write [&t] := 5",
        "Call g(&t)",
        "%1 := Access read [&t]",
        "%return := %1",
    ]
    assert lines(graph(code % "(void)t.c[2]"))[-1] == "%return := t"


def test_record_of_two_words_is_copied_leaf_by_leaf_and_a_large_one_at_once() -> None:
    two = graph("struct T { u64 a, b; }; void f(struct T *x, struct T *y) { *x = *y; }")
    assert lines(two) == [
        "%1 := Access read [&y->a]",
        "Access write [&x->a] := %1",
        "%2 := Access read [&y->b]",
        "Access write [&x->b] := %2",
    ]
    large = graph("struct T { u64 a[9]; }; void f(struct T *x, struct T *y) { *x = *y; }")
    assert [(event.kind, event.size) for event in events(large, Access) if isinstance(event, Access)] == [
        (Kind.READ, 72),
        (Kind.WRITE, 72),
    ]


def test_transparent_class_value_survives_constructor_and_return() -> None:
    code = """
    struct base { u64 x; explicit base(u64 v) : x(v) {} };
    struct entry : base { explicit entry(u64 v) : base(v | 1) {} };
    entry make(u64 pa) { return entry(pa << 12); }
    struct counted : base { explicit counted(u64 v) : base(v) { asm volatile("isb"); } };
    counted other(u64 pa) { return counted(pa); }
    """
    lowered = program(code, cpp=True)
    assert result(named(lowered, "make")) == "((pa << 0xc) | 1)"
    assert lines(named(lowered, "other")) == [
        "Call counted::counted(&%tmp1, pa)",
        "%1 := Access read [&%tmp1]",
        "%return := %1",
    ]


def test_two_forwarded_constructions_do_not_share_a_parameter() -> None:
    code = "struct E { u64 x; E(u64 v) : x(v) {} }; void g(E, E); void f(u64 a, u64 b) { g(E(a), E(b)); }"
    assert lines(graph(code, cpp=True)) == ["Call g(a, b)"]


def test_reference_binds_an_address_and_reads_through_it() -> None:
    made = graph("u64 f(u64 *p) { u64 &r = *p; r = 3; return r; }", cpp=True)
    assert lines(made) == ["r := p", "Access write [r] := 3", "%1 := Access read [r]", "%return := %1"]
    taken = graph("void g(u64 &); u64 h(u64 &x) { return x; } u64 f(u64 v) { u64 t = v; return h(t); }", cpp=True)
    assert "%1 := Call h(&t)" in lines(taken)


def test_captured_variables_are_the_same_object_in_both_functions() -> None:
    lowered = program("void f(u64 *p) { u64 n = 0; auto g = [&](u64 k) { n = k; *p = n; }; g(3); n = 4; }", cpp=True)
    outer, inner = named(lowered, "f"), named(lowered, "lambda")
    written = {event.address for event in events(outer, Access) if isinstance(event, Access)}
    assert {event.address for event in events(inner, Access) if isinstance(event, Access)} & written
    calls = [event for event in events(outer, Call) if isinstance(event, Call)]
    assert calls[0].targets == (inner.usr,)
    assert inner.params[0] == "%this"


def test_captured_this_is_the_object_around() -> None:
    lowered = program(
        "struct M { u64 v; void m() { auto g = [this] { v = 3; }; g(); } }; void h(M *m) { m->m(); }", cpp=True
    )
    stored = [event for event in events(named(lowered, "M::m"), Access) if isinstance(event, Access)]
    inside = [event for event in events(named(lowered, "lambda"), Access) if isinstance(event, Access)]
    assert (stored[0].kind, inside[0].kind) == (Kind.WRITE, Kind.READ)
    assert stored[0].address == inside[0].address


# --- descriptors -------------------------------------------------------------------------------------------------

ONCE = "#define WRITE_ONCE(x, v) do { *(volatile typeof(x) *)&(x) = (v); } while (0)\n"


@pytest.mark.parametrize(
    "store",
    [
        "*ptep = v",
        "ptep->pte = v.pte",
        "WRITE_ONCE(*ptep, v)",
        "WRITE_ONCE(ptep->pte, v.pte)",
        "ptep[3] = v",
        "*(volatile u64 *)ptep = v.pte",
        "__atomic_store_n(&ptep->pte, v.pte, __ATOMIC_RELEASE)",
        "__atomic_store_n((u64 *)ptep, v.pte, __ATOMIC_RELEASE)",
    ],
)
def test_store_to_a_descriptor_type_is_a_descriptor_write(store: str) -> None:
    made = graph("\n" + ONCE + f"void f(pte_t *ptep, pte_t v) {{ {store}; }}")
    found = [event for event in events(made, DescriptorWrite) if isinstance(event, DescriptorWrite)]
    assert len(found) == 1
    assert found[0].evidence == ("named like a descriptor: pte_t",)
    assert found[0].value == graph_name(made, "v")


def graph_name(made: object, name: str) -> object:
    from barrierlint.terms import Name

    return Name(next(param for param in made.params if f"#{name}#" in param))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "code",
    [
        "void f(u64 *p, u64 v) { *p = v; }",
        "typedef u64 pte_flags_t; void f(pte_flags_t *p, u64 v) { *p = v; }",
        "typedef u32 pte32; typedef pte32 pte; void f(pte *p) { *p = 1; }",
        "void g(pte_t *); void f(pte_t v) { pte_t own; own = v; g(&own); }",
    ],
)
def test_store_elsewhere_is_no_descriptor_write(code: str) -> None:
    made = graph(code)
    assert not events(made, DescriptorWrite)
    assert events(made, Access)


def test_exchange_and_fetch_or_of_a_descriptor() -> None:
    made = graph(
        "u64 f(pte_t *p, u64 v) { __atomic_fetch_or(&p->pte, 1, 5); return __atomic_exchange_n(&p->pte, v, 5); }"
    )
    found = [event for event in events(made, DescriptorWrite) if isinstance(event, DescriptorWrite)]
    assert [(one.op, one.into is None) for one in found] == [("or", True), ("swap", False)]
    assert lines(made)[1].endswith(" | 1)")


def test_compare_exchange_tells_whether_it_wrote() -> None:
    made = graph("_Bool f(pte_t *p, u64 o, u64 v) { return __atomic_compare_exchange_n(&p->pte, &o, v, 0, 5, 5); }")
    found = [event for event in events(made, DescriptorWrite) if isinstance(event, DescriptorWrite)]
    assert len(found) == 1
    assert found[0].op == "cas"
    assert lines(made)[-1] == f"%return := {found[0].into}"


def test_read_modify_write_knows_the_old_value() -> None:
    made = graph("void f(pte_t *p) { p->pte |= 1; }")
    found = [event for event in events(made, DescriptorWrite) if isinstance(event, DescriptorWrite)]
    assert found[0].old is not None
    assert lines(made) == ["%1 := Access read [p]", "DescriptorWrite unknown [p] := (%1 | 1)"]


def test_access_type_is_as_written() -> None:
    made = graph("typedef u64 word_t; u64 f(word_t *w, pte_t *p, int *i) { return *w + p->pte + *i; }")
    assert [event.type for event in events(made, Access) if isinstance(event, Access)] == ["word_t", "pte_t", "int"]
