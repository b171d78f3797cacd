"""Normalize specs as AWS normalizes what it stores, so that plans compare what AWS reports. Pure.

AWS treats an empty text as an absent one: it does not store attributes without a value (API reference, AttributePayload: "To
remove an attribute, call UpdateThing with an empty attribute value"), and reports no empty description.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from operator import is_not
from typing import Any

import attrs

from reconciler.kinds.base.schema import get_members
from reconciler.model.resource import Desired, Resource


def normalize_spec(spec: Any) -> Any:
    """Return the spec without its empty texts; the same object if there are none.

    An empty text becomes the field's default, also inside a table such as a hook. A map whose `Member` has
    `drops_empty_values` loses the entries with an empty text. Fields that the file must set keep their values.
    """
    changes: dict[str, Any] = {}
    for name, member in get_members(type(spec)).items():
        value = getattr(spec, name)
        if member.drops_empty_values and isinstance(value, Mapping):
            if "" in value.values():
                changes[name] = {key: item for key, item in value.items() if item != ""}
        elif _may_have_empty_text(value):
            normalized = _normalize_value(value, getattr(attrs.fields(type(spec)), name).default)
            if normalized is not value:
                changes[name] = normalized
    return attrs.evolve(spec, **changes) if changes else spec


def normalize_resources(resources: Desired) -> Desired:
    """Return the resources with normalized specs."""
    return {address: _normalize_resource(resource) for address, resource in resources.items()}


def _normalize_resource(resource: Resource) -> Resource:
    spec = normalize_spec(resource.spec)
    return resource if spec is resource.spec else attrs.evolve(resource, spec=spec)


def _may_have_empty_text(value: Any) -> bool:
    """Return whether a value is an empty text, or has fields or items that may be one."""
    if isinstance(value, str):
        return not value
    return isinstance(value, tuple) or _is_table(value.__class__)


@cache
def _is_table(class_of_value: Any) -> bool:
    """Return whether a class is of the tables inside a field, which kinds define; the other classes are values."""
    return attrs.has(class_of_value) and not class_of_value.__module__.startswith("reconciler.model.")


def _normalize_value(value: Any, default: Any) -> Any:
    """Return a value with defaults in place of empty texts, and the same object if there are none."""
    if isinstance(value, str):
        return value if value or default is attrs.NOTHING else default
    if isinstance(value, tuple):
        items = tuple(_normalize_value(item, attrs.NOTHING) for item in value)
        return items if any(map(is_not, items, value)) else value
    if not _is_table(value.__class__):
        return value
    changes = {}
    for attribute in attrs.fields(type(value)):
        item = getattr(value, attribute.name)
        normalized = _normalize_value(item, attribute.default)
        if normalized is not item:
            changes[attribute.name] = normalized
    return attrs.evolve(value, **changes) if changes else value
