"""The shapes of requests, read from botocore's service models without importing botocore.

`validate` needs nothing else of botocore, whose import takes longer than reading these models. A plan's clients use the same models.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from reconciler.frozen_classes import frozen
from reconciler.service_models.files import read_json_file


class _Reference(msgspec.Struct):
    """The name of a shape."""

    shape: str


class _Definition(msgspec.Struct):
    """A shape, as the model defines it."""

    type: str
    min: int | float | None = None
    max: int | float | None = None
    pattern: str | None = None
    enum: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    document: bool = False
    members: dict[str, _Reference] = {}
    member: _Reference | None = None
    key: _Reference | None = None
    value: _Reference | None = None


@frozen(eq=False)
class Shape:
    """A shape: a type of values, with AWS's limits on them.

    `min` and `max` limit a number, the length of a string, or the number of items. Only a list has a `member`, only a map `key` and
    `value`, and only a structure `members`. Members are read when they are first used, because shapes may contain themselves.
    """

    name: str
    _definition: _Definition
    _definitions: Mapping[str, Any]

    @property
    def type_name(self) -> str:
        """The type: `string`, `structure`, `list`, `map`, `integer` and so on."""
        return self._definition.type

    @property
    def min(self) -> float | None:
        """The smallest number, length or number of items."""
        return self._definition.min

    @property
    def max(self) -> float | None:
        """The largest number, length or number of items."""
        return self._definition.max

    @property
    def pattern(self) -> str | None:
        """The pattern of a string, in Java's syntax."""
        return self._definition.pattern

    @property
    def enum(self) -> Collection[str]:
        """The valid strings; empty if the shape does not list them."""
        return self._definition.enum

    @property
    def is_document(self) -> bool:
        """Whether a structure may be any JSON value."""
        return self._definition.document

    @property
    def required_members(self) -> Collection[str]:
        """The members that a structure must have."""
        return self._definition.required

    @cached_property
    def members(self) -> Mapping[str, Shape]:
        """The members of a structure, by name."""
        return {name: self._resolve(reference) for name, reference in self._definition.members.items()}

    @cached_property
    def member(self) -> Shape:
        """The items of a list."""
        return self._resolve(self._definition.member)

    @cached_property
    def key(self) -> Shape:
        """The keys of a map."""
        return self._resolve(self._definition.key)

    @cached_property
    def value(self) -> Shape:
        """The values of a map."""
        return self._resolve(self._definition.value)

    def _resolve(self, reference: _Reference | None) -> Shape:
        assert reference, f"{self.name} has a type without such a member"
        return _build_shape(reference.shape, self._definitions)


def _build_shape(name: str, definitions: Mapping[str, Any]) -> Shape:
    """Return a shape, given the definitions of all shapes as the model has them."""
    return Shape(name, msgspec.convert(definitions[name], _Definition), definitions)


@cache
def list_operations(service: str) -> frozenset[str]:
    """Return the names of a service's operations.

    Raises LookupError if botocore has no model of the service.
    """
    return frozenset(_read_model(service)["operations"])


def find_shape(service: str, member: str) -> Shape:
    """Return the shape of a request member, such as `CreateThing.thingName`.

    A path continues in the items of a list without an index. Raises LookupError for an unknown member.
    """
    operation, *path = member.split(".")
    model = _read_model(service)
    if operation not in model["operations"]:
        raise LookupError(f"{service} has no operation {operation}")
    request = model["operations"][operation].get("input")
    shape = _build_shape(request["shape"], model["shapes"]) if request else None
    for name in path:
        while shape is not None and shape.type_name == "list":
            shape = shape.member
        if shape is None or name not in shape.members:
            raise LookupError(f"{service} has no {member}: there is no member {name}")
        shape = shape.members[name]
    if shape is None:
        raise LookupError(f"{service} has no {member}: the operation has no members")
    return shape


@cache
def _read_model(service: str) -> Any:
    """Read the latest model of a service, as botocore does."""
    package = find_spec("botocore")
    assert package is not None
    assert package.submodule_search_locations
    folder = Path(package.submodule_search_locations[0], "data", service)
    versions = sorted(file.parent for file in folder.glob("*/service-2.json*"))
    if not versions:
        raise LookupError(f"botocore has no model of {service}")
    return read_json_file(str(versions[-1] / "service-2"))
