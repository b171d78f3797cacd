"""Normalize specs as AWS normalizes what it stores, so that plans compare what AWS reports. Pure.

AWS treats an empty text as an absent one: it stores no attribute without a value (API reference, UpdateThing and
AttributePayload), and reports no empty description. Constraints reject an empty text where AWS does not accept one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from reconciler.kinds.base.schema import get_members
from reconciler.model.resource import Desired, Resource


def normalize_spec(spec: Any) -> Any:
    """Return the spec without its empty texts; the same object if there are none.

    An empty text becomes the field's default; a field that the file must set keeps it. A map whose `Member` has
    `drops_empty_values` loses the entries with an empty text.
    """
    changes: dict[str, Any] = {}
    for name, member in get_members(type(spec)).items():
        value = getattr(spec, name)
        if isinstance(value, str) and not value and not member.required:
            changes[name] = getattr(attrs.fields(type(spec)), name).default
        elif member.drops_empty_values and isinstance(value, Mapping) and "" in value.values():
            changes[name] = {key: item for key, item in value.items() if item != ""}
    return attrs.evolve(spec, **changes) if changes else spec


def normalize_resources(resources: Desired) -> Desired:
    """Return the resources with normalized specs."""
    return {address: _normalize_resource(resource) for address, resource in resources.items()}


def _normalize_resource(resource: Resource) -> Resource:
    spec = normalize_spec(resource.spec)
    return resource if spec is resource.spec else attrs.evolve(resource, spec=spec)
