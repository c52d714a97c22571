"""What lambdas capture by copy, by reference and by initialiser, and what their bodies then mean."""

from __future__ import annotations

import pytest

from barrierlint.cfg.graph import Cfg
from barrierlint.events import Access, DescriptorWrite, Kind
from barrierlint.terms import AddressOf, show
from tests.cfg.snippets import events, lines, named, program

OUTER = "void f(u64 a, u64 b, pte_t &r) { u64 c = 1; auto l = CAPTURE() mutable { BODY }; l(); } "


def written(graph: Cfg) -> list[str]:
    """What a graph writes to memory, by address."""
    found = [e for e in events(graph, Access) if isinstance(e, Access) and e.kind is Kind.WRITE]
    return [e.address.id for e in found if isinstance(e.address, AddressOf)]


def both(capture: str, body: str) -> tuple[Cfg, Cfg]:
    """The function around a lambda and the lambda."""
    lowered = program(OUTER.replace("CAPTURE", capture).replace("BODY", body), cpp=True)
    return named(lowered, "f"), named(lowered, "lambda")


@pytest.mark.parametrize(("capture", "copied"), [("[a]", True), ("[=]", True), ("[&, a]", True), ("[=, &b]", True)])
def test_a_copy_is_written_where_the_closure_is_made(capture: str, copied: bool) -> None:
    outer, inner = both(capture, "a = 7;")
    (copy,) = written(inner)
    assert copy in written(outer)
    assert "#a#copy" in copy
    assert "copy" not in outer.params[0]
    assert not any("&a :=" in line for line in lines(outer)), "the parameter itself stays a name"


@pytest.mark.parametrize("capture", ["[&a]", "[&]", "[=, &a]"])
def test_a_variable_captured_by_reference_stays_itself(capture: str) -> None:
    outer, inner = both(capture, "a = 7;")
    assert written(inner) == [outer.params[0]]
    assert outer.params[0] in written(outer)


def test_a_reference_captured_by_copy_copies_what_it_refers_to() -> None:
    outer, inner = both("[=]", "r.pte = a;")
    assert not events(inner, DescriptorWrite)
    (copy,) = written(inner)
    assert "#r#copy" in copy
    assert copy in written(outer)
    _, inner = both("[&]", "r.pte = a;")
    assert len(events(inner, DescriptorWrite)) == 1


def test_captures_with_initialisers_are_variables_of_their_own() -> None:
    outer, inner = both("[x = a + 1, &y = c]", "x = 2; y = 3;")
    x, y = (name for name in written(outer) if "#x#" in name or "#y#" in name)
    assert x in written(inner)
    assert y not in written(inner)
    stores = [show(e.address) for e in events(inner, Access) if isinstance(e, Access) and e.kind is Kind.WRITE]
    assert len(stores) == 2, "the second goes where the reference leads"
    assert any("(a + 1)" in line for line in lines(outer))


def test_a_lambda_inside_uses_the_copy_of_the_one_around_it() -> None:
    inner = "auto m = [&] { a = 1; }; auto n = [=]() mutable { a = 2; }; m(); n();"
    lowered = program(f"void f(u64 a) {{ auto l = [=]() mutable {{ {inner} }}; l(); }}", cpp=True)
    outer = named(lowered, "f")
    middle, by_reference, by_copy = sorted(
        (one for one in lowered.functions.values() if one is not outer), key=lambda one: one.place.column
    )
    (first,) = (name for name in written(outer) if "copy" in name)
    assert written(by_reference) == [first]
    (second,) = written(by_copy)
    assert second != first
    assert second in written(middle)


def test_a_generic_lambda_copies_as_well() -> None:
    code = "void f(u64 a) { auto l = [a](auto v) mutable { a = v; }; l(1); l(2ul); }"
    lowered = program(code, cpp=True)
    (copy,) = (name for name in written(named(lowered, "f")) if "copy" in name)
    inner = [one for one in lowered.functions.values() if "operator()" in one.qualified]
    assert [written(one)[-1] for one in inner] == [copy, copy]


def test_a_copy_of_the_object_is_not_the_object() -> None:
    code = (
        "struct S { u64 v; u64 w; void f() { auto l = [CAPTURE]() mutable { v = 1; }; l(); } }; void g(S &s) { s.f(); }"
    )

    def kept(capture: str) -> list[str]:
        outer = named(program(code.replace("CAPTURE", capture), cpp=True), "S::f")
        found = [e for e in events(outer, Access) if isinstance(e, Access) and e.kind is Kind.WRITE]
        return [show(e.value) for e in found if e.value is not None and show(e.address).endswith("this")]

    assert kept("this") == ["%this"]
    assert kept("*this") == ["&object"]
    assert kept("=, *this") == ["&object"]
    assert kept("=") == ["%this"]
