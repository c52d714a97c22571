"""Statements: control flow, declarations and asm text, with macros expanded and templates instantiated."""

from __future__ import annotations

import pytest
from trees import calls, find, function, kinds, read

from barrierlint.source.tree import (
    Asm,
    Binary,
    Case,
    Compound,
    Declaration,
    Do,
    For,
    Function,
    Goto,
    Handler,
    If,
    Integer,
    Jump,
    Label,
    RangeFor,
    Reference,
    Subscript,
    Switch,
    Try,
)


def body(code: str, name: str = "case.c", before: str = "") -> Function:
    """The function `f` with the body `code`; `g` and `x`, `p` may be used."""
    unit = read(f"{before}\nint g(int);\nvoid f(int x, int *p) {{ {code} }}", name)
    assert kinds(unit) == []
    return function(unit, "f")


LOOPS = [
    ("for (;;) break;", (0, 0, 0)),
    ("for (x = 1;;) break;", (1, 0, 0)),
    ("for (; g(x);) g(2);", (0, 1, 0)),
    ("for (;; g(3)) break;", (0, 0, 1)),
    ("for (x = 0; x < 3;) x++;", (1, 1, 0)),
    ("for (x = 0;; x++) break;", (1, 0, 1)),
    ("for (; x; x--) ;", (0, 1, 1)),
    ("for (int i = 0; i < 3; i++) g(i);", (1, 1, 1)),
    ("for (g(1); g(2);) ;", (1, 1, 0)),
    ("for (g(1);; g(2)) break;", (1, 0, 1)),
]


@pytest.mark.parametrize(("code", "present"), LOOPS)
@pytest.mark.parametrize("macro", [False, True])
def test_absent_parts_of_loop_headers(code: str, present: tuple[int, int, int], macro: bool) -> None:
    found = find(body("DO" if macro else code, before=f"#define DO {code}"), For)
    assert len(found) == 1
    assert tuple(int(part is not None) for part in (found[0].init, found[0].condition, found[0].step)) == present


def test_loops_in_text_do_not_count() -> None:
    found = find(body('const char *s = "for (;;) asm (\\"x\\")"; for (; x;) g(1); asm("nop");'), For)
    assert [one.condition is not None for one in found] == [True]


def test_branches_switches_and_jumps() -> None:
    made = body(
        "if (x) g(1); else g(2); switch (x) { case 1 ... 3: g(3); case 5: break; default: ; } do { "
        "continue; } while (g(4)); while (x) x--;"
    )
    branch = find(made, If)[0]
    assert calls(branch.then) == ["g"]
    assert branch.otherwise is not None
    assert [(one.low, one.high) for one in find(find(made, Switch)[0], Case)] == [(1, 3), (5, 5), (None, None)]
    assert [one.what for one in find(made, Jump)] == ["break", "continue"]
    assert isinstance(find(made, Do)[0].condition, object)
    assert len(find(made, For)) == 1


def test_goto_labels_and_computed_goto() -> None:
    made = body("void *t = &&a; goto *t; a: g(1); goto b; b: ;")
    assert [(one.name, one.value is not None) for one in find(made, Goto)] == [(None, True), ("b", False)]
    assert [one.name for one in find(made, Label)] == ["a", "b"]
    assert made.labels_taken == ("a",)


def test_condition_variables_and_init_statements() -> None:
    made = body(
        (
            "if (int k = *p) g(k); if (int w = *p; w > 3) g(w); while (int c = *p) g(c); switch (int s = *p; "
            "s) { case 1: g(s); }"
        ),
        "case.cc",
    )
    named = [one.variable.name for one in find(made, Declaration)]
    assert named == ["k", "w", "c", "s"]
    first, second = find(made, If)
    assert isinstance(first.init, Declaration)
    assert isinstance(second.init, Declaration)
    loop = find(made, For)[0]
    assert isinstance(loop.condition, Binary)
    assert loop.condition.op == ","
    assert find(made, Switch)[0].init is not None


def test_if_constexpr_and_constant_conditions_lose_the_dead_branch() -> None:
    code = "template<int N> void h() { if constexpr (N == 0) g(1); else { g(2); } }"
    unit = read(
        (
            f"int g(int); {code} void f() {{ h<0>(); h<1>(); if constexpr (sizeof(int) == 8) g(3); else g(4); "
            f"if (0) g(5); }}"
        ),
        "case.cc",
    )
    values = {
        one.qualified: [call for call in find(one.body, Integer) if call.type.kind == "integer"]
        for one in unit.functions
    }
    assert [one.value for one in values["h<0>"]] == [1]
    assert [one.value for one in values["h<1>"]] == [2]
    assert [one.value for one in values["f"]] == [4]


def test_a_dead_branch_with_a_label_stays() -> None:
    made = body("goto in; if (0) { in: g(1); }")
    assert calls(made.body) == ["g"]
    assert calls(body("if (0) { g(1); }").body) == []


def test_range_for_over_arrays_and_classes() -> None:
    made = body("int a[4] = {}; for (int &e : a) g(e);", "case.cc")
    (loop,) = find(made, RangeFor)
    assert loop.variable is not None
    assert isinstance(loop.variable.value, Subscript)
    code = (
        "struct I { int *p; int &operator*() { return *p; } I &operator++() { ++p; return *this; } bool "
        "operator!=(const I &o) const { return p != o.p; } };"
    )
    code += "struct V { I begin(); I end(); };"
    made = body("V v; for (int &e : v) g(e);", "case.cc", code)
    (loop,) = find(made, RangeFor)
    assert isinstance(loop.range, Reference)
    assert "I::operator*" in calls(loop.variable)


def test_try_and_catch() -> None:
    made = body("try { g(1); throw 3; } catch (int e) { g(e); } catch (...) { g(2); }", "case.cc")
    (found,) = find(made, Try)
    assert [one.variable is not None for one in found.handlers] == [True, False]
    assert len(find(made, Handler)) == 2


def test_attributes_on_statements_and_several_declarators() -> None:
    made = body(
        "[[likely]] if (x) g(1); switch (x) { case 1: g(2); [[fallthrough]]; default: g(3); } int a = 1, b = 2;",
        "case.cc",
    )
    assert len(find(made, If)) == 1
    assert calls(made.body) == ["g", "g", "g"]
    assert [one.variable.name for one in find(made, Declaration)] == ["a", "b"]


def test_cleanup_attribute_names_its_function() -> None:
    unit = read(
        "static void done(int *p) { *p = 0; }\nvoid f(void) { __attribute__((cleanup(done))) int a = 0; int b = 0; }"
    )
    first, second = find(function(unit, "f").body, Declaration)
    assert first.cleanup == function(unit, "done").usr
    assert second.cleanup == ""


def test_structured_bindings_refer_to_the_hidden_object() -> None:
    unit = read("struct P { int a; int b; }; int f(P p) { auto [x, y] = p; return y; }", "case.cc")
    declared = find(function(unit, "f").body, Declaration)
    assert [one.variable.name for one in declared][1:] == ["x", "y"]
    assert getattr(declared[2].value, "name", "") == "b"


# --- asm --------------------------------------------------------------------------------------------------------------


def asms(code: str, name: str = "case.c", before: str = "") -> list[Asm]:
    """The asm statements of `f`, in order."""
    return find(body(code, name, before), Asm)


def test_asm_text_after_macro_expansion() -> None:
    before = (
        '#define dsb(opt) asm volatile("dsb " #opt : : : "memory")\n#define isb() asm volatile("isb" ::: "memory")\n'
    )
    before += "#define both(opt) do { dsb(opt); isb(); } while (0)"
    found = asms("dsb(ishst); if (x) { both(sy); } isb();", before=before)
    assert [one.template for one in found] == ["dsb ishst", "dsb sy", "isb", "isb"]
    assert all(one.volatile and one.clobbers == ("memory",) for one in found)


def test_asm_operands_in_order() -> None:
    (found,) = asms(
        'unsigned long r; asm volatile("mrs %[r], x\\n\\tstr %1" : [r] "=r"(r), "+Q"(*p) : "i"(2 + 1), '
        '"r"(x >> 12) : "x0", "memory");'
    )
    assert found.template == "mrs %[r], x\n\tstr %1"
    assert [(one.name, one.constraint) for one in (*found.outputs, *found.inputs)] == [
        ("r", "=r"),
        ("", "+Q"),
        ("", "i"),
        ("", "r"),
    ]
    assert isinstance(found.inputs[0].expression, Integer)
    assert found.inputs[0].expression.value == 3
    assert isinstance(found.inputs[1].expression, Binary)
    assert found.clobbers == ("x0", "memory")


def test_asm_without_volatile_and_asm_goto() -> None:
    plain, jumping = asms('asm("nop"); asm goto("tbz %0, #0, %l1" : : "r"(x) : "memory" : out); out: ;')
    assert not plain.volatile
    assert plain.clobbers == ()
    assert jumping.labels == ("out",)


def test_asm_beside_register_variables_and_misleading_strings() -> None:
    found = asms(
        'register unsigned long x0 asm("x0") = 3; const char *s = "asm (\\"no\\")"; asm volatile("hvc #0 '
        '// \\"asm (\\"" : "+r"(x0));'
    )
    assert [one.template for one in found] == ['hvc #0 // "asm ("']


def test_asm_of_template_instantiations() -> None:
    before = (
        'template<int N> void t() { if constexpr (N) { asm volatile("dsb sy"); } else { asm '
        'volatile("isb"); } asm("mov x0, %0" :: "i"(N)); }'
    )
    unit = read(f"{before} void f() {{ t<0>(); t<7>(); }}", "case.cc")
    found = {one.qualified: find(one.body, Asm) for one in unit.functions}
    assert [one.template for one in found["t<0>"]] == ["isb", "mov x0, %0"]
    assert [one.template for one in found["t<7>"]] == ["dsb sy", "mov x0, %0"]
    operand = found["t<7>"][1].inputs[0].expression
    assert isinstance(operand, Integer)
    assert operand.value == 7


def test_asm_in_lambdas_belongs_to_them() -> None:
    code = (
        'auto l = [](auto i) { asm volatile("dsb ish"); for (;;) { break; } return i; }; asm("nop"); '
        'l(1); l(2L); asm("isb");'
    )
    unit = read(f"void f() {{ {code} }}", "case.cc")
    assert [one.template for one in find(function(unit, "f").body, Asm)] == ["nop", "isb"]
    inner = [one for one in unit.functions if one.kind == "lambda"]
    assert len(inner) == 2
    assert [[asm.template for asm in find(one.body, Asm)] for one in inner] == [["dsb ish"], ["dsb ish"]]


def test_asm_of_local_classes() -> None:
    unit = read('void f() { struct L { void m() { asm("one"); } } l; asm("two"); l.m(); }', "case.cc")
    assert [one.template for one in find(function(unit, "f").body, Asm)] == ["two"]
    assert [one.template for one in find(function(unit, "m").body, Asm)] == ["one"]


def test_top_level_asm_and_register_globals_are_noted() -> None:
    unit = read('asm(".globl x");\nregister unsigned long sp0 asm("sp");\nint y asm("z");\nvoid f(void) {}')
    assert sorted(kinds(unit)) == ["register-variable", "top-level-asm"]
    assert kinds(read("void f(void) {}")) == []


def test_spans_are_where_a_person_would_point() -> None:
    unit = read('#define isb() asm volatile("isb")\nvoid f(void)\n{\n\tisb();\n}\n')
    made = function(unit, "f")
    (found,) = find(made.body, Asm)
    assert (found.span.path, found.span.line, found.span.column, found.span.end_column) == ("case.c", 4, 2, 7)
    assert isinstance(made.body, Compound)
    assert made.body.end is not None
    assert made.body.end.line == 5


def test_columns_are_bytes() -> None:
    unit = read("void g(int);\nvoid f(void) { /* é */ g(1); }")
    from barrierlint.source.tree import CallExpression

    assert find(function(unit, "f").body, CallExpression)[0].span.column == len("void f(void) { /* é */ ".encode()) + 1
