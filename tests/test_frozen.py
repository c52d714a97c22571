"""Values made by `frozen.dataclass` are what `dataclasses` would make of them."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import field
from typing import Any, ClassVar

import pytest

from barrierlint import events, finding, frozen, terms
from barrierlint.source import tree


def plain(make: Callable[..., Any]) -> Any:
    @make(frozen=True, slots=True)
    class Value:
        """Documented."""

        first: int
        second: str = "two"
        third: tuple[int, ...] = field(default_factory=tuple)
        hidden: object = field(default=None, compare=False, repr=False)
        made: int = field(init=False, default=7)

        def total(self) -> int:
            return self.first + self.made

        @property
        def double(self) -> int:
            return self.first * 2

    return Value


def derived(make: Callable[..., Any]) -> Any:
    @make(frozen=True, slots=True)
    class Value:
        """Documented."""

        first: int
        made: str = field(init=False, repr=False, compare=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "made", str(self.first))

        def __repr__(self) -> str:
            return f"<{self.first}>"

    return Value


@pytest.mark.parametrize("make", [frozen.dataclass, dataclasses.dataclass])
def test_a_value(make: Callable[..., Any]) -> None:
    value = plain(make)
    one = value(1)
    assert repr(one) == "plain.<locals>.Value(first=1, second='two', third=(), made=7)"
    assert one == value(1, "two", (), hidden=3)
    assert hash(one) == hash(value(1, hidden=3)) == hash((1, "two", (), 7))
    assert one != value(2)
    assert one != (1, "two", (), 7)
    assert (one.total(), one.double, value.__doc__) == (8, 2, "Documented.")
    assert dataclasses.replace(one, second="zwei") == value(1, "zwei")
    assert [one.name for one in dataclasses.fields(value)] == ["first", "second", "third", "hidden", "made"]
    assert dataclasses.asdict(one)["third"] == ()
    assert copy.deepcopy(one) == one
    assert not hasattr(one, "__dict__")
    for change in (lambda: setattr(one, "first", 2), lambda: delattr(one, "first")):
        with pytest.raises(dataclasses.FrozenInstanceError, match="first"):
            change()
    with pytest.raises(TypeError, match="first"):
        value()
    match one:
        case value(first, second):
            assert (first, second) == (1, "two")


@pytest.mark.parametrize("make", [frozen.dataclass, dataclasses.dataclass])
def test_what_a_class_says_itself_stays(make: Callable[..., Any]) -> None:
    value = derived(make)
    assert (repr(value(3)), value(3).made, value(3) == value(3)) == ("<3>", "3", True)
    assert value(3).__match_args__ == ("first",)


def test_everything_else_is_made_by_dataclasses() -> None:
    @frozen.dataclass(slots=True)
    class Mutable:
        first: int

    @frozen.dataclass(frozen=True, slots=True, order=True)
    class Ordered:
        first: int

    @frozen.dataclass(frozen=True, slots=True)
    class WithConstant:
        first: int
        constant: ClassVar[int] = 3

    one = Mutable(1)
    one.first = 2
    assert Ordered(1) < Ordered(2)
    assert [field.name for field in dataclasses.fields(WithConstant)] == ["first"]


def test_real_values_are_pickled_and_replaced() -> None:
    write = events.DescriptorWrite(terms.Name("p"), terms.Const(3))
    step = finding.Span("a.c", 1)
    for one in (write, step, terms.Apply("+", (terms.Const(1), terms.Name("x"))), tree.Type("u", "integer", 8)):
        assert pickle.loads(pickle.dumps(one)) == one
        assert dataclasses.replace(one) == one
        assert hash(dataclasses.replace(one)) == hash(one)
