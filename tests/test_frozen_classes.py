"""Classes that share their methods behave like the classes of attrs."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import attrs
import msgspec
import pytest

from reconciler.frozen_classes import field, frozen, get_metadata, is_value_class


@frozen(slots=True)
class Point:
    x: int
    y: int = field(default=0, repr=hex)
    label: str = field(default="", eq=False, repr=False)


@frozen
class Pixel:
    x: int
    y: int = field(default=0, repr=hex)
    label: str = field(default="", eq=False, repr=False)


@frozen
class NamedPoint(Point):
    name: str = ""


@frozen
class Device:
    name: str
    tags: Mapping[str, str] = field(factory=dict, metadata={"doc": "Tags."})
    kind: ClassVar[str] = "thing"


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


@frozen
class Measured:
    text: str

    @cached_property
    def words(self) -> list[str]:
        return self.text.split()


@frozen(slots=False)
class Open:
    x: int


def test_the_text_of_a_value_is_the_text_of_attrs():
    @attrs.frozen
    class Inner:
        x: int
        y: int = attrs.field(default=0, repr=hex)
        label: str = attrs.field(default="", repr=False)

    expected = repr(Inner(1, 2, "a"))
    assert expected == "Inner(x=1, y=0x2)"
    assert repr(Point(1, 2, "a")) == expected.replace("Inner", "Point")
    assert repr(Pixel(1, 2, "a")) == expected.replace("Inner", "Pixel")


def test_the_text_of_a_value_that_contains_itself_ends():
    items: list[object] = []
    items.append(Single(items))
    assert repr(items) == "[Single(value=[...])]"


@pytest.mark.parametrize("cls", [Point, Pixel])
def test_values_are_equal_if_their_compared_fields_are_equal(cls):
    assert cls(1, 2, "a") == cls(1, 2, "b")
    assert hash(cls(1, 2, "a")) == hash(cls(1, 2, "b"))
    assert cls(1, 2) != cls(1, 3)
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


@pytest.mark.parametrize("cls", [Device, Pixel, Single, Empty, Custom, Ordered, Measured, Open])
def test_msgspec_creates_the_classes_that_it_can_create(cls):
    assert issubclass(cls, msgspec.Struct)


@pytest.mark.parametrize("cls", [Point, NamedPoint])
def test_attrs_creates_the_classes_with_fields_that_msgspec_does_not_have(cls):
    assert not issubclass(cls, msgspec.Struct)


def test_the_functions_of_attrs_take_classes_of_msgspec():
    device = Device("a")
    assert attrs.has(Device)
    assert [item.name for item in attrs.fields(Device)] == ["name", "tags"]
    assert [(item.eq, item.repr) for item in attrs.fields(Pixel)] == [
        (True, True),
        (True, hex),
        (False, False),
    ]
    assert attrs.fields(Device).tags.default == attrs.Factory(dict)
    assert attrs.evolve(device, name="b") == Device("b", {})
    assert attrs.asdict(device) == {"name": "a", "tags": {}}
    assert attrs.fields(attrs.resolve_types(Device)).name.type is str


def test_a_cached_property_is_computed_once_for_each_value():
    value = Measured("a b")
    assert value.words is value.words
    assert attrs.evolve(value, text="c").words == ["c"]
    assert (value, hash(value)) == (Measured("a b"), hash(Measured("a b")))
    assert not hasattr(Device("a"), "__dict__")


def test_each_value_has_its_own_object_of_a_factory():
    assert Device("a").tags is not Device("a").tags


def test_the_metadata_of_fields_are_the_same_before_and_after_attrs_uses_them():
    expected = {"name": {}, "tags": {"doc": "Tags."}}
    assert get_metadata(Device) == expected
    attrs.fields(Device)
    assert get_metadata(Device) == expected
    assert get_metadata(Point) == {"x": {}, "y": {}, "label": {}}


@pytest.mark.parametrize(
    ("cls", "expected"), [(Device, True), (Point, True), (int, False), (list[int], False)]
)
def test_only_classes_of_values_are_classes_of_values(cls, expected):
    assert is_value_class(cls) is expected


@pytest.mark.parametrize(
    "value", [Device("a", {"b": "c"}), Empty(), Ordered(x=1), Point(1), Pixel(1), Measured("a"), Open(1)]
)
def test_a_pickled_value_equals_the_original(value):
    assert pickle.loads(pickle.dumps(value)) == value


def test_a_value_of_msgspec_cannot_be_changed_either():
    with pytest.raises(AttributeError, match="immutable type: 'Device'"):
        Device("a").name = "b"


def test_a_class_that_extends_a_class_of_msgspec_is_refused():
    with pytest.raises(
        TypeError, match=r"^`.*Router` extends `Device`, which needs `@frozen\(slots=True\)`$"
    ):

        class Router(Device):
            pass
