"""Classes that share their methods behave like the classes of attrs."""

from __future__ import annotations

import attrs
import pytest
from attrs import field

from reconciler.frozen_classes import frozen


@frozen
class Point:
    x: int
    y: int = field(default=0, repr=hex)
    label: str = field(default="", eq=False, repr=False)


@frozen
class NamedPoint(Point):
    name: str = ""


@frozen
class Single:
    value: object


@frozen
class Empty:
    pass


@frozen
class Custom:
    x: int

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 7

    def __repr__(self) -> str:
        return "custom"


@frozen(order=True, kw_only=True)
class Ordered:
    x: int


def test_the_text_of_a_value_is_the_text_of_attrs():
    @attrs.frozen
    class Inner:
        x: int
        y: int = field(default=0, repr=hex)
        label: str = field(default="", repr=False)

    expected = repr(Inner(1, 2, "a")).replace("Inner", "Point")
    assert repr(Point(1, 2, "a")) == expected == "Point(x=1, y=0x2)"


def test_the_text_of_a_value_that_contains_itself_ends():
    items: list[object] = []
    items.append(Single(items))
    assert repr(items) == "[Single(value=[...])]"


def test_values_are_equal_if_their_compared_fields_are_equal():
    assert Point(1, 2, "a") == Point(1, 2, "b")
    assert hash(Point(1, 2, "a")) == hash(Point(1, 2, "b"))
    assert Point(1, 2) != Point(1, 3)
    assert Single(1) == Single(1) != Single(2)
    assert Empty() == Empty()
    assert {Point(1), Point(1), Point(2)} == {Point(1), Point(2)}


def test_values_of_different_classes_are_not_equal():
    assert Point(1) != NamedPoint(1)
    assert NamedPoint(1) != Point(1)
    assert NamedPoint(1, name="a") != NamedPoint(1, name="b")
    assert Single(1) != 1
    assert Empty() != Point(1)


def test_a_value_with_a_field_that_cannot_be_hashed_has_no_hash():
    with pytest.raises(TypeError, match="unhashable type: 'list'"):
        hash(Single([]))


def test_values_cannot_be_changed_after_they_are_created():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Point(1).x = 2


def test_methods_that_a_class_defines_are_kept():
    assert (Custom(1) == 2, hash(Custom(1)), repr(Custom(1))) == (True, 7, "custom")


def test_the_options_of_attrs_are_accepted():
    assert sorted([Ordered(x=2), Ordered(x=1)]) == [Ordered(x=1), Ordered(x=2)]
    assert repr(Ordered(x=1)) == "Ordered(x=1)"
