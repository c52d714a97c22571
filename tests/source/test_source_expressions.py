"""Expressions: operators, casts, members, constants, builtins: what is in the source is in the tree, in its order."""

from __future__ import annotations

import pytest
from trees import calls, find, function, kinds, read

from barrierlint.source.tree import (
    Assignment,
    Binary,
    CallExpression,
    Cast,
    Conditional,
    Declaration,
    Evaluate,
    Initializer,
    Integer,
    Member,
    Opaque,
    Reference,
    Return,
    StatementExpression,
    Subscript,
    Text,
    Unary,
)


def value(code: str, name: str = "case.c", before: str = "") -> object:
    """The expression returned by `long f(long a, long b, long *p) { return code; }`."""
    unit = read(f"{before}\nlong f(long a, long b, long *p) {{ return {code}; }}", name)
    return find(function(unit, "f").body, Return)[0].value


@pytest.mark.parametrize("op", ["*", "/", "%", "+", "-", "<<", ">>", "&", "^", "|", ","])
@pytest.mark.parametrize("name", ["case.c", "case.cc"])
def test_binary_operators_keep_their_sides(op: str, name: str) -> None:
    match value(f"a {op} b", name):
        case Binary(op=found, left=Reference(variable=left), right=Reference(variable=right)):
            assert (found, left.name, right.name) == (op, "a", "b")
        case other:
            pytest.fail(repr(other))


@pytest.mark.parametrize("op", ["<", ">", "<=", ">=", "==", "!=", "&&", "||"])
def test_comparisons_of_c_and_cxx(op: str) -> None:
    for name in ("case.c", "case.cc"):
        found = value(f"a {op} b", name)
        assert isinstance(found, Cast)
        assert isinstance(found.operand, Binary)
        assert found.operand.op == op


@pytest.mark.parametrize("op", ["=", "*=", "/=", "%=", "+=", "-=", "<<=", ">>=", "&=", "^=", "|="])
def test_assignments(op: str) -> None:
    unit = read(f"void f(long a, long *p) {{ *p {op} a; }}")
    (found,) = find(function(unit, "f").body, Assignment)
    assert found.op == op
    assert isinstance(found.target, Unary)
    assert found.target.op == "*"


@pytest.mark.parametrize(
    ("code", "op"), [("a++", "x++"), ("a--", "x--"), ("++a", "++x"), ("--a", "--x"), ("-a", "-"), ("~a", "~")]
)
def test_unary_operators(code: str, op: str) -> None:
    found = value(code)
    assert isinstance(found, Unary)
    assert found.op == op


def test_subscript_written_backwards() -> None:
    found = value("3[p]")
    assert isinstance(found, Subscript)
    assert isinstance(found.base, Reference)
    assert isinstance(found.index, Integer)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("sizeof(p)", 8),
        ("1 << 4 | 3", 19),
        ("-1", -1),
        ("E2", 7),
        ("'a'", 97),
        ("__builtin_offsetof(struct s, b)", 8),
        ("4u - 5u", 2**32 - 1),
    ],
)
def test_constants_fold(code: str, expected: int) -> None:
    found = value(code, before="struct s { long a; long b; }; enum { E1 = 6, E2 };")
    assert isinstance(found, Integer)
    assert found.value == expected


def test_constexpr_folds_and_a_runtime_value_does_not() -> None:
    before = (
        "constexpr long square(long x) { return x * x; } template<int N> struct Q { static constexpr int k = N * 2; };"
    )
    assert isinstance(value("square(3) + Q<4>::k", "case.cc", before), Integer)
    assert not isinstance(value("square(a)", "case.cc", before), Integer)


def test_conversions_that_change_values_stay_and_others_go() -> None:
    assert isinstance(value("(char)a"), Cast)
    unit = read("unsigned char c; long f(void) { return c; } unsigned long g(unsigned long x) { return x; }")
    assert isinstance(find(function(unit, "f").body, Return)[0].value, Cast)
    assert isinstance(find(function(unit, "g").body, Return)[0].value, Reference)


def test_gnu_conditional_without_middle() -> None:
    found = value("a ?: b")
    assert isinstance(found, Conditional)
    assert found.yes is None
    full = value("a ? b : 1")
    assert isinstance(full, Conditional)
    assert full.yes is not None


def test_statement_expression_and_nested_macro_locals_stay_apart() -> None:
    unit = read(
        "#define MAX(a, b) ({ long _a = (a); long _b = (b); _a > _b ? _a : _b; })\nlong f(long x, long "
        "y) { return MAX(MAX(x, y), 3); }"
    )
    body = function(unit, "f").body
    assert len(find(body, StatementExpression)) == 2
    ids = [one.variable.id for one in find(body, Declaration)]
    assert len(ids) == len(set(ids)) == 4


def test_generic_selection_and_choose_expr() -> None:
    before = "int a1(void); int a2(void); int a3(void); typedef unsigned long u64; u64 v; int w;"
    assert calls(value("_Generic(v, int: a1, u64: a2, default: a3)()", before=before)) == ["a2"]
    assert calls(value("_Generic(w, int: a1(), unsigned long: a2(), default: a3())", before=before)) == ["a1"]
    assert calls(value("__builtin_choose_expr(0, a1(), a2())", before=before)) == ["a2"]


ATOMICS = [
    ("__atomic_load_n(p, 5)", "__atomic_load_n", ["p", 5]),
    ("__atomic_exchange_n(p, a, 3)", "__atomic_exchange_n", ["p", "a", 3]),
    ("__atomic_fetch_or(p, a, 0)", "__atomic_fetch_or", ["p", "a", 0]),
    ("__atomic_compare_exchange_n(p, q, a, 1, 4, 2)", "__atomic_compare_exchange_n", ["p", "q", "a", 1, 4, 2]),
    ("__sync_val_compare_and_swap(p, a, b)", "__sync_val_compare_and_swap", ["p", "a", "b"]),
    ("__sync_fetch_and_add(p, a)", "__sync_fetch_and_add", ["p", "a"]),
]


def shown(args: tuple[object, ...]) -> list[object]:
    """Names and numbers of plain arguments."""
    plain = [one.operand if isinstance(one, Cast) else one for one in args]
    return [one.variable.name if isinstance(one, Reference) else getattr(one, "value", one) for one in plain]


@pytest.mark.parametrize(("code", "qualified", "args"), ATOMICS)
@pytest.mark.parametrize("name", ["case.c", "case.cc"])
@pytest.mark.parametrize("macro", [False, True])
def test_atomic_builtins_keep_name_and_argument_order(
    code: str, qualified: str, args: list[object], name: str, macro: bool
) -> None:
    head = "#define DO(x) " + code.replace("__atomic_", "__atomic_") + "\n"
    use = "DO(0)" if macro else code
    unit = read(f"{head}long f(long *p, long *q, long a, long b) {{ return {use}; }}", name)
    found = find(function(unit, "f").body, CallExpression)[0]
    assert (found.qualified, found.callee, shown(found.args)) == (qualified, "", args)


def test_atomic_stores_exchanges_and_pasted_names() -> None:
    code = """
    #define CAT(op) __atomic_##op
    void f(long *p, long *q, long v) {
        CAT(store_n)(p, v, 3);
        __atomic_exchange(p, &v, q, 5);
        __atomic_store_n(p, CAT(load_n)(q, 2), 0);
        __atomic_thread_fence(5);
    }"""
    unit = read(code)
    found = find(function(unit, "f").body, CallExpression)
    names = [one.qualified for one in found]
    assert names == [
        "__atomic_store_n",
        "__atomic_exchange",
        "__atomic_store_n",
        "__atomic_load_n",
        "__atomic_thread_fence",
    ]
    assert shown(found[0].args) == ["p", "v", 3]
    assert isinstance(found[1].args[2], Reference)
    assert found[1].args[2].variable.name == "q"
    assert "lost-builtin" not in kinds(unit)


def test_c11_atomics_through_our_header() -> None:
    unit = read(
        "#include <stdatomic.h>\n#include <stdint.h>\n_Atomic(uint64_t) a;\nvoid f(void) { "
        "atomic_store_explicit(&a, 3, memory_order_release); a = 4; }"
    )
    (call,) = find(function(unit, "f").body, CallExpression)
    assert (call.qualified, shown(call.args[1:])) == ("__c11_atomic_store", [3, 3])
    (store,) = find(function(unit, "f").body, Assignment)
    assert store.target.type.atomic
    assert store.target.type.size == 8
    assert kinds(unit) == []


def test_members_bit_fields_and_anonymous_unions() -> None:
    code = """
    struct pte { unsigned long valid : 1; unsigned long table : 1; unsigned long address : 36; };
    struct box { union { unsigned long raw; struct pte bits; }; volatile int seen; };
    void f(struct box *b, struct pte p) { b->bits.table = 1; b->raw = 3; b->seen = 1; p.address |= 2; }"""
    unit = read(code)
    members = find(function(unit, "f").body, Member)
    assert [(one.name, one.arrow, one.bits) for one in members if one.name != "bits"] == [
        ("table", False, (1, 1)),
        ("raw", True, None),
        ("seen", True, None),
        ("address", False, (2, 36)),
    ]
    assert next(one for one in members if one.name == "seen").type.volatile
    record = next(one for one in unit.records if one.qualified == "pte")
    assert [(name, offset, width) for name, _, offset, width in record.fields] == [
        ("valid", 0, 1),
        ("table", 1, 1),
        ("address", 2, 36),
    ]
    assert record.size == 8


def test_initialisers_in_c() -> None:
    unit = read(
        "struct s { int a; int b; }; void f(void) { struct s x = { .b = 2, .a = 1 }; struct s y = { 3, 4 "
        "}; int z[3] = { 1, [2] = 5 }; struct s *p = &(struct s){ 7, 8 }; }"
    )
    found = [
        [(name, getattr(item, "value", None)) for name, item in one.items]
        for one in find(function(unit, "f").body, Initializer)
    ]
    assert found == [[("b", 2), ("a", 1)], [("a", 3), ("b", 4)], [("", 1), ("", 5)], [("a", 7), ("b", 8)]]


def test_strings_are_unescaped() -> None:
    (found,) = find(value('(long)"a\\n\\"b"'), Text)
    assert found.value == 'a\n"b'


def test_arithmetic_on_void_pointers_is_read_as_gcc_does() -> None:
    for name in ("case.c", "case.cc"):
        unit = read("void use(void *); void f(void *p, long n) { use(p + n); }", name)
        (call,) = find(function(unit, "f").body, CallExpression)
        assert call.qualified == "use"
        assert isinstance(call.args[0], Binary)
        assert call.args[0].op == "+"
        assert kinds(unit) == []


def test_builtins_and_intrinsics() -> None:
    unit = read(
        '#include <arm_acle.h>\nvoid f(long x) { __dsb(11); __isb(15); __arm_wsr64("ttbr0_el1", x); if '
        "(__builtin_expect(x == 3, 0)) __builtin_unreachable(); }"
    )
    found = find(function(unit, "f").body, CallExpression)
    assert [one.qualified for one in found] == [
        "__builtin_arm_dsb",
        "__builtin_arm_isb",
        "__builtin_arm_wsr64",
        "__builtin_expect",
        "__builtin_unreachable",
    ]
    assert [one.noreturn for one in found] == [False] * 4 + [True]
    assert isinstance(found[0].args[0], Integer)
    assert found[0].args[0].value == 11


def test_volatile_dereference_is_seen_in_the_type() -> None:
    unit = read("void f(unsigned long *p) { *(volatile unsigned long *)p = 1; *p = 2; }")
    first, second = find(function(unit, "f").body, Assignment)
    assert first.target.type.volatile
    assert not second.target.type.volatile


def test_unknown_expressions_keep_their_parts() -> None:
    unit = read("#include <stdarg.h>\nint g(int); int f(va_list l) { return va_arg(l, int) + g(1); }")
    assert calls(function(unit, "f").body) == ["g"]
    assert find(function(unit, "f").body, Opaque)


def test_unevaluated_operands_are_absent() -> None:
    unit = read("int g(int); int f(int n) { return sizeof(g(n)) + n; }")
    assert calls(function(unit, "f").body) == []
    assert find(function(unit, "f").body, Evaluate) == []


def test_elided_braces_and_designators_in_arrays() -> None:
    before = "struct P { long v; long w; }; struct Agg { struct P a[2]; long z; }; struct E { int x; };"
    for name in ("case.c", "case.cc"):
        unit = read(
            (
                f"{before} void f(struct P p) {{ struct Agg k = {{ 1, 2, 3, 4, 5 }}; struct P q[2] = {{ p, {{ 7 "
                f"}} }}; }}"
            ),
            name,
        )
        whole = find(function(unit, "f").body, Initializer)[0]
        assert [one for one, _ in whole.items] == ["a", "z"]
        array, last = (item for _, item in whole.items)
        assert isinstance(array, Initializer)
        shape = [[getattr(value, "value", None) for _, value in item.items] for _, item in array.items]
        assert shape == [[1, 2], [3, 4]]
        assert isinstance(last, Integer)
        assert last.value == 5


def test_anonymous_members_are_transparent_and_apart() -> None:
    code = "struct U { union { long raw; struct { long x : 4; long y : 8; }; struct { long p : 2; long q : 3; }; }; };"
    for name in ("case.c", "case.cc"):
        unit = read(f"{code} void f(struct U *u) {{ u->q = 1; u->y = 2; u->raw = 3; }}", name)
        members = find(function(unit, "f").body, Member)
        assert [(one.name, one.arrow, one.bits) for one in members] == [
            ("q", True, (2, 3)),
            ("y", True, (4, 8)),
            ("raw", True, None),
        ]
        assert len({one.record for one in members}) == 3
        record = next(one for one in unit.records if one.qualified == "U")
        assert [(one, offset) for one, _, offset, _ in record.fields] == [
            ("raw", 0),
            ("x", 0),
            ("y", 4),
            ("p", 0),
            ("q", 2),
        ]


def test_conversions_of_void_pointer_arithmetic_in_cxx() -> None:
    before = "typedef unsigned long phys; void use(long, void *); void use(void *);"
    unit = read(f"{before} phys f(void *p) {{ use(p + 1); return phys(p - 4); }}", "case.cc")
    found = find(function(unit, "f").body, Binary)
    assert [(one.op, one.type.kind) for one in found] == [("+", "pointer"), ("-", "pointer")]
    (call,) = find(function(unit, "f").body, CallExpression)
    assert call.callee == "c:@F@use#*v#"
    assert any(isinstance(one.operand, Binary) for one in find(function(unit, "f").body, Cast))
