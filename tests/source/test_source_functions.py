"""Functions: templates, methods, lambdas, constructors, destructors, virtual methods, tables of function pointers."""

from __future__ import annotations

from trees import calls, find, function, kinds, read

from barrierlint.source.tree import (
    Assigned,
    Assignment,
    CallExpression,
    Construct,
    Declaration,
    Delete,
    FunctionReference,
    Integer,
    Lambda,
    Member,
    New,
    Reference,
    Return,
    This,
)

GUARD = """
struct Lock { int n; void lock() { n = 1; } void unlock() { n = 0; } };
template<class T> struct Guard { T &l; explicit Guard(T &x) : l(x) { l.lock(); } ~Guard() { l.unlock(); } };
"""


def test_roots_are_the_main_file_and_the_rest_is_reached() -> None:
    unit = read(
        "static int helper(void) { return 1; }\nint f(void) { return helper(); }\nextern int "
        "outside(void);\nint g(void) { return outside(); }"
    )
    assert [one.name for one in unit.functions] == ["helper", "f", "g"]
    assert len(unit.roots) == 3
    by_name = {one.name: one for one in unit.functions}
    assert not by_name["helper"].external
    assert by_name["f"].external
    (call,) = find(by_name["g"].body, CallExpression)
    assert call.callee == "c:@F@outside"
    assert call.qualified == "outside"


def test_functions_of_headers_are_read_only_if_reached(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "a.h").write_text(
        "static inline int used(void) { return 1; }\nstatic inline int unused(void) { return 2; }\n"
    )
    unit = read('#include "a.h"\nint f(void) { return used(); }', str(tmp_path / "case.c"))
    assert {one.name for one in unit.functions} == {"f", "used"}
    assert [name for name in unit.includes if name.endswith("a.h")]
    header = read((tmp_path / "a.h").read_text(), str(tmp_path / "a.h"))
    assert {one.name for one in header.functions} == {"unused", "used"}


def test_instantiations_are_read_and_patterns_are_noted() -> None:
    unit = read(
        (
            "template<class T> T twice(T x) { return x + x; } template<class T> T never(T x) { return x; } "
            "long f() { return twice(3L) + twice(4); }"
        ),
        "case.cc",
    )
    assert sorted(one.qualified for one in unit.functions) == ["f", "twice<int>", "twice<long>"]
    first, second = (one for one in unit.functions if one.name == "twice")
    assert first.pattern == second.pattern != ""
    assert first.usr != second.usr
    (note,) = unit.notifications
    assert note.kind == "template-not-instantiated"
    assert "`never`" in note.message
    assert note.severity == "note"


def test_qualified_names_carry_class_template_arguments() -> None:
    unit = read(
        (
            "namespace mmu { template<int N> struct ptep { void write(long v) const { (void)v; } }; } "
            "namespace { void g() {} } void f() { mmu::ptep<2>().write(3); g(); }"
        ),
        "case.cc",
    )
    assert {one.qualified for one in unit.functions} == {"mmu::ptep<2>::write", "f", "g"}
    write = function(unit, "write")
    assert write.kind == "method"
    assert write.record
    assert [one.name for one in write.params] == ["v"]


def test_lambdas_that_capture_and_generic_ones() -> None:
    code = (
        "template<class F> void each(F f) { f(1); } void f(int *p) { int n = 0; each([&](auto i) { *p = "
        "i; n++; }); auto g = [n, &p](int i) { *p = i + n; }; g(2); }"
    )
    unit = read(code, "case.cc")
    lambdas = [one for one in unit.functions if one.kind == "lambda"]
    assert len(lambdas) == 2
    assert not lambdas[0].external
    outer = function(unit, "f")
    ids = {one.id for one in outer.params}
    for one in lambdas:
        assert ids & {use.variable.id for use in find(one.body, Reference)}
    (captured,) = [one for one in find(outer.body, Lambda) if one.captures]
    assert [(variable.name, by_reference) for variable, by_reference in captured.captures] == [
        ("n", False),
        ("p", True),
    ]
    assert captured.function in {one.usr for one in lambdas}


def test_two_lambdas_of_an_inline_method_stay_apart() -> None:
    code = (
        "struct W { int q; void m() { auto a = [this] { q = 1; }; auto b = [this] { q = 2; }; a(); b(); "
        "} }; void f(W &w) { w.m(); }"
    )
    unit = read(code, "case.cc")
    stored = [find(one.body, Assignment)[0].value for one in unit.functions if one.kind == "lambda"]
    assert sorted(one.value for one in stored if isinstance(one, Integer)) == [1, 2]
    used = [find(one.body, This) for one in unit.functions if one.kind == "lambda"]
    assert all(used)


def test_a_lambda_is_named_by_the_function_it_stands_in_and_not_by_its_line() -> None:
    code = "namespace n { struct W { void m() { auto a = [] { auto b = [] {}; b(); }; a(); } }; }\nauto g = [] {};\n"
    unit = read(code + "void f(n::W &w) { w.m(); g(); }", "case.cc")
    inner = "n::W::m::(lambda)::operator()"
    names = sorted(one.qualified for one in unit.functions if one.kind == "lambda")
    assert names == ["(lambda)::operator()", inner, f"{inner}::(lambda)::operator()"]


def test_destructor_of_an_instantiated_template_is_found() -> None:
    unit = read(GUARD + "void f(Lock &l) { Guard<Lock> g(l); }", "case.cc")
    (declared,) = find(function(unit, "f").body, Declaration)
    destructor = next(one for one in unit.functions if one.usr == declared.destructor)
    assert destructor.kind == "destructor"
    assert calls(destructor.body) == ["Lock::unlock"]
    assert function(unit, "unlock")
    assert isinstance(declared.value, Construct)
    assert calls(function(unit, "Guard").body) == ["Lock::lock"]
    assert len(unit.roots) == 3
    assert not [one for one in unit.functions if "probe" in one.name]


def test_destructors_that_do_nothing_do_not_matter() -> None:
    unit = read(
        (
            "struct A { int x; ~A() {} }; template<class T> struct B { T x; ~B() {} }; struct C { A a; }; "
            "void f() { A a; B<int> b; C c; }"
        ),
        "case.cc",
    )
    assert [one.destructor for one in find(function(unit, "f").body, Declaration)] == ["", "", ""]


def test_implicit_destructors_run_those_of_members_and_bases() -> None:
    code = GUARD + (
        "struct Base { Lock *l; ~Base() { l->lock(); } }; struct Both : Base { Guard<Lock> g; Both(Lock "
        "&x) : g(x) {} }; void f(Lock &x) { Both b(x); }"
    )
    unit = read(code, "case.cc")
    (declared,) = find(function(unit, "f").body, Declaration)
    implicit = next(one for one in unit.functions if one.usr == declared.destructor)
    names = [next(one.name for one in unit.functions if one.usr == usr) for usr in implicit.members]
    assert names == ["~Guard", "~Base"]


def test_constructors_initialise_in_full() -> None:
    code = (
        "struct In { int v; In() : v(9) {} }; struct S { int a = 4; int b; In in; unsigned c : 3; S(int "
        "x) : b(x) {} S() = default; }; void f() { S s(1); S t; }"
    )
    unit = read(code, "case.cc")
    made = [one for one in unit.functions if one.kind == "constructor" and one.name == "S"]
    assert len(made) == 2
    for one in made:
        names = {item.member for item in one.initializers}
        assert names == ({"a", "b", "in"} if one.params else {"a", "in"})
    one, two = (item.value for item in find(function(unit, "f").body, Declaration))
    assert isinstance(one, Construct)
    assert isinstance(two, Construct)
    assert {one.callee, two.callee} == {item.usr for item in made}


def test_trivial_constructions_name_no_function() -> None:
    unit = read("struct S { int a; int b; }; void f(S &o) { S s; S t = o; s = t; }", "case.cc")
    declared = find(function(unit, "f").body, Declaration)
    assert [one.value.callee for one in declared if isinstance(one.value, Construct)] == ["", ""]
    assert len(find(function(unit, "f").body, Assignment)) == 1
    assert calls(function(unit, "f").body) == []


def test_operators_conversions_and_default_arguments() -> None:
    code = (
        "struct W { unsigned long v; explicit operator unsigned long() const { return v; } W "
        "&operator=(unsigned long x) { v = x; return *this; } unsigned long operator[](int i) { return v "
        "+ i; } void set(int i, bool on = true, int more = 7) {} };"
    )
    code += "void f(W &w) { w = 3; w.set(1); unsigned long x = (unsigned long)w + w[2]; }"
    unit = read(code, "case.cc")
    found = {one.qualified: one for one in find(function(unit, "f").body, CallExpression)}
    assert set(found) == {"W::operator=", "W::set", "W::operator unsigned long", "W::operator[]"}
    assert all(one.object is not None for one in found.values())
    assert [arg.value for arg in found["W::set"].args if isinstance(arg, Integer)] == [1, 1, 7]
    assert [arg.value for arg in found["W::operator[" + "]"].args if isinstance(arg, Integer)] == [2]
    assert function(unit, "operator=").kind == "method"


def test_default_arguments_that_are_no_constants() -> None:
    unit = read(
        "int now(); struct T { int v; T(int x) : v(x) {} }; void h(int a, T t = T(now())); void f() { h(1); }",
        "case.cc",
    )
    found = find(function(unit, "f").body, CallExpression)
    assert found[0].qualified == "h"
    assert len(found[0].args) == 2
    assert "now" in calls(function(unit, "f").body)


def test_virtual_methods_and_their_overriders(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "a.hh").write_text(
        "struct A { virtual void m(int) = 0; virtual ~A() {} }; struct B : A { int z; void m(int q) "
        "override { z = q; } }; struct C : B { void m(int q) override { z = q + 1; } };"
    )
    unit = read('#include "a.hh"\nvoid f(A *a) { a->m(1); }\nvoid g(B &b) { b.B::m(2); }', str(tmp_path / "case.cc"))
    dynamic, direct = (find(function(unit, name).body, CallExpression)[0] for name in "fg")
    assert dynamic.virtual
    assert not direct.virtual
    assert dynamic.arrow
    overriders = [one for one in unit.functions if dynamic.callee in one.overrides]
    assert {one.qualified for one in overriders} == {"B::m", "C::m"}


def test_tables_of_function_pointers() -> None:
    code = """
    struct ops { void (*set)(long *, long); void (*get)(long *); };
    static void set1(long *p, long v) { *p = v; }
    static void set2(long *p, long v) { *p = v + 1; }
    static void get1(long *p) {}
    static struct ops o = { .set = set1, .get = &get1 };
    static void (*table[2])(long *, long) = { set1, set2 };
    void f(long *p, struct ops *q) { q->set = set2; o.set(p, 1); (*table[1])(p, 2); void (*g)(long *) = get1; g(p); }"""
    unit = read(code)
    by_name = {one.name: one.usr for one in unit.functions}
    assert set(by_name) == {"set1", "set2", "get1", "f"}
    places = {(one.place.split("#")[0], one.function) for one in unit.assigned}
    assert {
        ("c:@S@ops::set", by_name["set1"]),
        ("c:@S@ops::set", by_name["set2"]),
        ("c:@S@ops::get", by_name["get1"]),
    } <= places
    assert Assigned(next(one.place for one in unit.assigned if "table" in one.place), by_name["set2"]) in unit.assigned
    found = find(function(unit, "f").body, CallExpression)
    assert [one.callee for one in found] == ["", "", ""]
    assert all(one.target is not None for one in found)
    assert isinstance(found[0].target, Member)
    assert found[0].target.record == "c:@S@ops"
    assert {variable.name for variable, _ in unit.globals} == {"o", "table"}


def test_new_delete_and_placement() -> None:
    code = (
        "inline void *operator new(unsigned long, void *p) { return p; } struct T { int v; T(int x) : "
        "v(x) {} ~T() { v = 0; } }; void f(void *p) { T *t = new T(3); delete t; new (p) T(4); unsigned "
        "long *a = new unsigned long[10]; delete[] a; }"
    )
    unit = read(code, "case.cc")
    body = function(unit, "f").body
    made = find(body, New)
    assert isinstance(made[0].construct, Construct)
    assert made[0].placement == ()
    assert isinstance(made[1].construct, Construct)
    assert len(made[1].placement) == 1
    deleted = find(body, Delete)
    assert deleted[0].destructor == function(unit, "~T").usr
    assert deleted[1].destructor == ""


def test_standard_atomics_stay_calls_by_name() -> None:
    code = (
        "#include <atomic>\nstd::atomic<unsigned long> a; void f() { a.store(1, "
        "std::memory_order_release); a |= 2; unsigned long e = a; a.compare_exchange_strong(e, 3); "
        "std::atomic_thread_fence(std::memory_order_seq_cst); }"
    )
    unit = read(code, "case.cc")
    if "missing-header" in kinds(unit):
        return  # a machine without a C++ library
    found = find(function(unit, "f").body, CallExpression)
    names = [one.qualified for one in found]
    assert names == [
        "std::atomic<unsigned long>::store",
        "std::atomic<unsigned long>::operator|=",
        "std::atomic<unsigned long>::operator unsigned long",
        "std::atomic<unsigned long>::compare_exchange_strong",
        "std::atomic_thread_fence",
    ]
    assert [arg.value for arg in found[0].args if isinstance(arg, Integer)] == [1, 3]
    assert not [one for one in unit.functions if one.qualified.startswith("std::") and one.name == "store"]


def test_noreturn_in_all_spellings() -> None:
    code = (
        "[[noreturn]] void a(); void b() __attribute__((noreturn)); void c(); void f(int x) { if (x) "
        "a(); else if (x + 1) b(); else c(); }"
    )
    found = find(function(read(code, "case.cc"), "f").body, CallExpression)
    assert [one.noreturn for one in found] == [True, True, False]


def test_elided_copies_are_not_shown() -> None:
    for standard in ("-std=gnu++11", "-std=gnu++20"):
        unit = read(
            (
                "struct T { long v; T(long x) : v(x) {} T(const T &o) : v(o.v) {} }; T make() { return T(3); } "
                "void f() { T t = make(); }"
            ),
            "case.cc",
            standard,
        )
        assert calls(function(unit, "f").body) == ["make"]
        returned = find(function(unit, "make").body, Return)[0].value
        assert isinstance(returned, Construct)
        assert len(returned.args) == 1


def test_member_pointers_and_functions_as_values() -> None:
    unit = read("struct D { void m(int) {} }; void f(D &d) { auto p = &D::m; (d.*p)(3); }", "case.cc")
    assert [one.qualified for one in find(function(unit, "f").body, FunctionReference)] == ["D::m"]
    (call,) = find(function(unit, "f").body, CallExpression)
    assert call.target is not None
    assert function(unit, "m")


def test_static_locals_globals_and_members_keep_one_id() -> None:
    unit = read(
        (
            "extern int shared; int shared = 3; struct S { static int count; }; int S::count = 0; int f() { "
            "static int n = 1; n++; S::count = n; return shared; } int g() { return shared + S::count; }"
        ),
        "case.cc",
    )
    uses = {}
    for one in unit.functions:
        for use in find(one.body, Reference):
            uses.setdefault(use.variable.name, set()).add(use.variable.id)
    assert all(len(ids) == 1 for ids in uses.values())
    assert set(uses) == {"n", "count", "shared"}
    found = {variable.name: (variable.kind, value) for variable, value in unit.globals}
    assert found["n"][0] == "static"
    assert found["shared"][0] == "global"
    assert getattr(found["shared"][1], "value", None) == 3


def test_explicit_instantiations_are_roots_and_specialisations_are_no_instantiation() -> None:
    code = GUARD.replace("~Guard", "void go() { l.lock(); } private: void hidden() { l.n = 2; } public: ~Guard")
    code += "template struct Guard<Lock>; template<class T> void f(T &x) { x.unlock(); } template void f<Lock>(Lock &);"
    code += "template<class T> void g(T x) { x.lock(); } template<> void g<int>(int) {}"
    unit = read(code, "case.cc")
    names = {one.qualified for one in unit.functions}
    assert {"Guard<Lock>::go", "Guard<Lock>::hidden", "Guard<Lock>::~Guard", "f<Lock>", "g<int>"} <= names
    assert function(unit, "go").usr in unit.roots
    told = [one.message for one in unit.notifications if one.kind == "template-not-instantiated"]
    assert len(told) == 2
    assert any("`g`" in one for one in told)


def test_overriders_in_class_templates() -> None:
    code = "struct Base { virtual void m() = 0; }; struct L { int n; void unlock() { n = 0; } };"
    code += "template<class T> struct Der : Base { T t; void m() override { t.unlock(); } };"
    unit = read(code + "void h(Base *b) { b->m(); } void k() { Der<L> d; h(&d); }", "case.cc")
    overrider = function(unit, "Der<L>::m")
    assert overrider.overrides == (find(function(unit, "h").body, CallExpression)[0].callee,)
    assert calls(overrider.body) == ["L::unlock"]


def test_errors_are_told_although_a_probe_was_needed() -> None:
    unit = read(GUARD + "void f(Lock &l) { Guard<Lock> g(l); undeclared(); }\nunknown x;", "case.cc")
    assert {"lost-body", "parse-error"} <= set(kinds(unit))
    assert all(one.span is None or one.span.line <= 6 for one in unit.notifications)
    assert function(unit, "~Guard")


def test_lambdas_as_function_pointers() -> None:
    code = "long g(long); struct ops { long (*run)(long); }; void f(ops *o) {"
    code += "o->run = [](long q) { return g(q); }; long (*p)(long) = +[](long q) { return g(q + 1); }; p(3); }"
    unit = read(code, "case.cc")
    inner = {one.usr for one in unit.functions if one.kind == "lambda"}
    assert len(inner) == 2
    assert {one.usr for one in find(function(unit, "f").body, FunctionReference)} == inner
    assert {one.function for one in unit.assigned} == inner
    assert any(one.place == "c:@S@ops::run" for one in unit.assigned)
